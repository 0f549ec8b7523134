package testkit

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// small are the tables, or the parts of tables that an index covers, all of whose rows a statement may read that a tenant has.
var small = map[string]string{
	"api_resources_builtin": "one a tenant",
	"apps_builtin":          "two a tenant",
	"apps_with_origins":     "read once, then kept",
	"data_keys":             "one a tenant, two while it is changed",
	"event_sealer":          "one row",
	"roles_builtin":         "two a tenant",
	"signing_keys":          "some a year",
	"tenants":               "the operator searches them all, and jobs walk through them a part at a time",
}

// smallInOrg are the tables all of whose rows a statement may read that an organization has: administrators make them one
// by one.
var smallInOrg = map[string]string{
	"api_resources":               "APIs",
	"app_shares":                  "one an app",
	"apps":                        "apps",
	"authorization_details_types": "fifty an API",
	"oidc_claims":                 "claims",
	"oidc_scopes":                 "scopes",
	"registration_tokens":         "a hundred",
	"role_assignments_below":      "those who hold a role in all below as well",
	"roles":                       "roles",
	"settings":                    "one a module",
	"token_issuers":               "a hundred",
}

// index is what the bounds need to know of one.
type index struct {
	Name   string `db:"name"`
	Table  string `db:"table_name"` // the whole one, where it is a partition's
	Owned  bool   `db:"owned"`      // its table has tenant_id
	Unique int    `db:"unique"`     // the number of columns that find one row at most; 0 for none
}

func readIndexes(ctx context.Context, tx pgx.Tx) (map[string]index, error) {
	rows, err := tx.Query(ctx, `
		SELECT r.relname::text AS name, coalesce(pg_partition_root(t.oid), t.oid)::regclass::text AS table_name, CASE WHEN i.indisunique THEN i.indnkeyatts ELSE 0 END::int AS unique,
		       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id') AS owned
		FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE n.nspname = 'grove'`)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[index])
	found := map[string]index{}
	for _, i := range all {
		found[i.Name] = i
	}
	return found, err
}

// bounds looks for scans in a plan that may read all that a tenant, or one of its organizations, has in a table. A scan is
// bounded where its index compares a column beside tenant_id and org_id for equality, where it can find one row only, or
// where it stands below a LIMIT and every row that it reads is one that counts.
type bounds struct {
	indexes  map[string]index
	allowed  []string // the tables of which the statement may read all
	wholeOrg bool     // the statement is meant to read all that an organization has
	said     []string
}

// blocking are the nodes that read all of what is below them before they give their first row.
var blocking = []string{"Sort", "Aggregate", "Hash", "WindowAgg", "SetOp", "ModifyTable", "Bitmap Heap Scan", "BitmapAnd", "BitmapOr"}

// visit looks at n and below. limited says that whoever asks n takes only so many rows, and turns none away.
func (b *bounds) visit(n *node, limited bool) {
	if s := b.scan(n, limited); s != "" && !slices.Contains(b.said, s) {
		b.said = append(b.said, s)
	}
	below := limited
	switch {
	case n.Type == "Limit":
		below = true
	case slices.Contains(blocking, n.Type), n.Filter != "", n.JoinFilter != "" && n.JoinType != "Left", n.JoinType == "Semi", n.JoinType == "Anti":
		below = false
	}
	for _, child := range n.Plans {
		// What is inside a join, or asked for a value, is asked anew for each row.
		once := child.Relationship != "InitPlan" && child.Relationship != "SubPlan" && child.Relationship != "Inner"
		b.visit(child, below && once)
	}
}

// scan says what is wrong with a scan; "" for nothing and for other nodes.
func (b *bounds) scan(n *node, limited bool) string {
	switch n.Type {
	case "Seq Scan":
		if n.Schema != "grove" || small[n.Relation] != "" || slices.Contains(b.allowed, n.Relation) {
			return ""
		}
		return "scans all of " + n.Relation
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
	default:
		return ""
	}
	by, ours := b.indexes[n.Index]
	if !ours || !by.Owned || slices.Contains(b.allowed, by.Table) || small[by.Table] != "" || small[by.Name] != "" {
		return ""
	}
	org := b.wholeOrg || smallInOrg[by.Table] != "" || smallInOrg[by.Name] != ""
	columns := equated(n.IndexCond)
	filter := narrowing(n.Filter)
	switch {
	case slices.ContainsFunc(columns, func(c string) bool { return c != "tenant_id" && (c != "org_id" || org) }):
		return ""
	case by.Unique > 0 && by.Unique == len(columns):
		return ""
	case limited && filter == "":
		return ""
	}
	return fmt.Sprintf("may read all rows of %s that %s finds by %q, then by %q", by.Table, n.Index, n.IndexCond, filter)
}

var equality = regexp.MustCompile(`\(?(?:\w+\.)?"?(\w+)"?(?:\)::\w+)? = `)

// equated returns the columns that a condition compares for equality.
func equated(cond string) []string {
	var columns []string
	for _, c := range conjuncts(cond) {
		if m := equality.FindStringSubmatch(c); m != nil {
			columns = append(columns, m[1])
		}
	}
	return columns
}

// narrowing returns what a filter asks beside row security's policies, which are true of all rows of the organization.
func narrowing(filter string) string {
	var kept []string
	for _, c := range conjuncts(filter) {
		// A comparison of rows goes on where a page ended: the index has its first column already.
		if !strings.Contains(c, "'grove.org_id'") && !strings.Contains(c, "'grove.tenant_id'") && !strings.HasPrefix(c, "(ROW(") {
			kept = append(kept, c)
		}
	}
	return strings.Join(kept, " AND ")
}

// conjuncts takes "((a) AND (b))" apart.
func conjuncts(cond string) []string {
	if cond == "" {
		return nil
	}
	inner := cond
	if strings.HasPrefix(cond, "(") && closing(cond, 0) == len(cond)-1 {
		inner = cond[1 : len(cond)-1]
	}
	var parts []string
	depth, from, quoted := 0, 0, false
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && strings.HasPrefix(inner[i:], " OR "):
			return []string{cond}
		case depth == 0 && strings.HasPrefix(inner[i:], " AND "):
			parts = append(parts, inner[from:i])
			from = i + len(" AND ")
		}
	}
	return append(parts, inner[from:])
}

// closing returns where the parenthesis that opens at i closes.
func closing(s string, i int) int {
	depth, quoted := 0, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// enlarge makes the planner take every table for one of a billion rows, of ten tenants with a hundred organizations each (a hundred thousand, in the
// tables of which an organization has few):
// on the few rows of a test any plan is as good as another. Every table is given some rows of anything, because the planner
// believes the number of pages that tables and indexes have; what would keep them out is dropped before. The texts are taken
// from the conditions of the table's indexes, so that some rows are in each. All is undone with tx.
func enlarge(ctx context.Context, tx pgx.Tx) error {
	var hundreds []string
	for name := range smallInOrg {
		hundreds = append(hundreds, name)
	}
	_, err := tx.Exec(ctx, `
		SET LOCAL session_replication_role = replica;
		SELECT setseed(0.5);
		CREATE TEMP TABLE enumerated ON COMMIT DROP AS
			SELECT conrelid AS table_id, conkey[1] AS column_number FROM pg_constraint
			WHERE connamespace = 'grove'::regnamespace AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '% = ANY (ARRAY[%';
		DO $do$
		DECLARE
			t record;
			c record;
			names text;
			anything text;
			texts text;
		BEGIN
			FOR t IN SELECT r.oid, r.oid::regclass AS name FROM pg_class r
			         WHERE r.relnamespace = 'grove'::regnamespace AND r.relkind IN ('r', 'p') AND NOT r.relispartition LOOP
				FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = t.oid AND contype = 'c' LOOP
					EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, c.conname);
				END LOOP;
			END LOOP;
			FOR t IN SELECT r.oid, r.oid::regclass AS name, -- Of the default partition the last id, which no other has the span of.
			         coalesce(substring(pg_get_expr(r.relpartbound, r.oid) FROM '[0-9a-f-]{36}'), CASE pg_get_expr(r.relpartbound, r.oid) WHEN 'DEFAULT' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' END) AS first
			         FROM pg_class r WHERE r.relnamespace = 'grove'::regnamespace AND r.relkind = 'r' LOOP
				SELECT 'ARRAY[$x$$x$, $x$x$x$' || coalesce(string_agg(DISTINCT ', ' || m[1], ''), '') || ']' INTO texts
				FROM pg_index i, regexp_matches(pg_get_expr(i.indpred, i.indrelid), $x$'[a-z]+'$x$, 'g') m WHERE i.indrelid = t.oid;
				SELECT string_agg(quote_ident(a.attname), ','),
				       string_agg(CASE WHEN a.attnotnull THEN '' ELSE 'CASE WHEN random() < 0.5 THEN ' END || CASE
				           WHEN a.attname IN ('id', 'event_id') AND t.first IS NOT NULL THEN quote_literal(t.first)
				           WHEN y.typname = 'uuid' THEN 'gen_random_uuid()'
				           WHEN y.typname IN ('json', 'jsonb') THEN quote_literal('{}')
				           WHEN y.typname = 'xid8' THEN quote_literal('0')
				           WHEN y.typname = 'bytea' THEN 'decode(md5(random()::text), $x$hex$x$)'
				           WHEN y.typcategory = 'A' THEN format('(CASE WHEN random() < 0.5 THEN $x${}$x$ ELSE $x${%s}$x$ END)::%s',
				               CASE WHEN y.typname = '_uuid' THEN gen_random_uuid()::text ELSE '1' END, format_type(y.oid, NULL))
				           WHEN y.typcategory = 'B' THEN 'random() < 0.5'
				           WHEN y.typcategory = 'D' THEN 'now()'
				           WHEN y.typcategory = 'N' THEN '(random() * 2)::int'
				           WHEN y.typcategory = 'S' THEN '(' || texts || ')[1 + floor(random() * array_length(' || texts || ', 1))]'
				           ELSE quote_literal('0') END || CASE WHEN a.attnotnull THEN '' ELSE ' END' END, ',')
				INTO names, anything
				FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
				WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '';
				EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM generate_series(1, 100) ON CONFLICT DO NOTHING', t.name, names, anything);
			END LOOP;
		END $do$`)
	if err != nil {
		return fmt.Errorf("fill the tables: %w", err)
	}
	_, err = tx.Exec(ctx, `
		UPDATE pg_class SET reltuples = CASE WHEN relkind = 'i' THEN 1e8 ELSE 1e9 END, relpages = greatest(pg_relation_size(oid) / 8192, 1)
		WHERE relnamespace = 'grove'::regnamespace AND relkind IN ('r', 'i');
		DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'grove'::regnamespace)`)
	if err != nil {
		return fmt.Errorf("set sizes: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO pg_statistic (starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
			stakind1, stakind2, stakind3, stakind4, stakind5, staop1, staop2, staop3, staop4, staop5, stacoll1, stacoll2, stacoll3, stacoll4, stacoll5)
		SELECT r.oid, a.attnum, r.relkind = 'p', CASE WHEN a.attnotnull THEN 0 ELSE 0.5 END, 16,
		       CASE WHEN a.attname = 'tenant_id' THEN 10 WHEN a.attname = 'org_id' AND r.relname = ANY ($1) THEN 1e6 WHEN a.attname = 'org_id' THEN 100 WHEN y.typcategory = 'B' THEN 2
		            WHEN EXISTS (SELECT FROM enumerated e WHERE e.table_id = r.oid AND e.column_number = a.attnum) THEN 4 ELSE 1e8 END,
		       0,0,0,0,0, 0,0,0,0,0, 0,0,0,0,0
		FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type y ON y.oid = a.atttypid
		WHERE r.relnamespace = 'grove'::regnamespace AND r.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`, hundreds)
	if err != nil {
		return fmt.Errorf("set statistics: %w", err)
	}
	return nil
}
