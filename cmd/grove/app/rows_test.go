package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ofTheTree are the tables with an organization in them that its door shows all of the tenant's rows of.
var ofTheTree = map[string]string{
	"org_closure":   "what an organization inherits comes from those above",
	"organizations": "as the closure: paths and states are read with what is asked for",
	"tenants":       "the root's id, in the tenant's one row",
}

// orgColumn is a column that names an organization.
type orgColumn struct {
	Table, Column string
}

// orgColumns are those that are named so and those that refer to organizations.
const orgColumns = `
	SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND (
		a.attname = 'org_id' OR a.attname LIKE '%\_org\_id' OR c.relname = 'organizations' AND a.attname = 'id' OR EXISTS (
			SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid AND a.attnum = ANY (k.conkey) AND a.attname <> 'tenant_id'
			AND k.confrelid = 'grove.organizations'::regclass))
	ORDER BY c.relname, a.attname`

// TestAttack02_RowsOfOrganizations plants a row of one organization in every table that has organizations, and looks at it with
// the application's role and another organization's door.
func TestAttack02_RowsOfOrganizations(t *testing.T) {
	conn := superuser(t)
	ctx := context.Background()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	must := func(sql string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	rows, err := tx.Query(ctx, orgColumns)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[orgColumn])
	if err != nil || len(columns) < 50 {
		t.Fatal(len(columns), err)
	}
	// Rows of nothing but what a row has to have: nothing they refer to is there, and no trigger sees them.
	must(`SET LOCAL session_replication_role = replica`)
	must(`DO $$ DECLARE k record; BEGIN
		FOR k IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'grove'::regnamespace AND coninhcount = 0 LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.t, k.conname);
		END LOOP; END $$`)
	tenant, own, other := uuid.New(), uuid.New(), uuid.New()
	for _, c := range columns {
		plant(ctx, t, tx, c, tenant, own)
	}
	must(`SET LOCAL session_replication_role = origin`)
	must(`SET LOCAL ROLE grove_app`)
	seen := func(c orgColumn, door uuid.UUID) (n int) {
		must(`SELECT set_config('grove.tenant_id', $1, true), set_config('grove.org_id', $2, true)`, tenant.String(), door.String())
		sql := `SELECT count(*) FROM grove.` + c.Table + ` WHERE ` + c.Column + ` = $1`
		if err := tx.QueryRow(ctx, sql, own).Scan(&n); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return n
	}
	for _, c := range columns {
		scoped := ofTheTree[c.Table] == ""
		if n := seen(c, other); scoped != (n == 0) {
			t.Errorf("another organization's door shows %d rows of %s by %s, listed: %v", n, c.Table, c.Column, !scoped)
		}
		// What names others beside its owner is the owner's to see: it is looked at where it is made, as app_share_targets in orgs/sharing.
		if n := seen(c, own); c.Column == "org_id" && n == 0 {
			t.Errorf("an organization's own door shows no row of %s", c.Table)
		}
	}
	// What every door reads, none but the tenant's writes.
	for _, sql := range []string{`UPDATE grove.organizations SET name = 'x'`, `DELETE FROM grove.organizations`, `UPDATE grove.org_closure SET depth = 9`, `DELETE FROM grove.org_closure`} {
		must(`SELECT set_config('grove.org_id', $1, true)`, own.String())
		if tag, err := tx.Exec(ctx, sql); err != nil || tag.RowsAffected() != 0 {
			t.Errorf("%s in an organization's door: %v %v", sql, tag, err)
		}
	}
	for table := range ofTheTree {
		if !slices.ContainsFunc(columns, func(c orgColumn) bool { return c.Table == table }) {
			t.Errorf("%s is listed and has no organizations", table)
		}
	}
}

// plant adds a row that names an organization in one column, and has something in every other that needs it.
func plant(ctx context.Context, t *testing.T, tx pgx.Tx, c orgColumn, tenant, org uuid.UUID) {
	t.Helper()
	type column struct{ Name, Type string }
	rows, err := tx.Query(ctx, `SELECT a.attname::text, format_type(a.atttypid, NULL) FROM pg_attribute a
		WHERE a.attrelid = ('grove.' || $1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
		  AND (a.attname = $2 OR a.attnotnull AND NOT a.atthasdef)`, c.Table, c.Column)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}
	var names, values []string
	for _, col := range columns {
		value := `'x'`
		switch {
		case col.Name == c.Column:
			value = `'` + org.String() + `'`
		case col.Name == "tenant_id":
			value = `'` + tenant.String() + `'`
		case strings.HasSuffix(col.Type, "[]"), col.Type == "jsonb":
			value = `'{}'`
		case col.Type == "uuid":
			value = `gen_random_uuid()`
		case col.Type == "text":
			value = `gen_random_uuid()::text`
		case strings.HasPrefix(col.Type, "timestamp"), col.Type == "date":
			value = `now()`
		case col.Type == "boolean":
			value = `true`
		case strings.HasSuffix(col.Type, "int"), col.Type == "integer", col.Type == "numeric":
			value = `1`
		}
		names, values = append(names, col.Name), append(values, value)
	}
	// A table with two such columns gets two rows, or one where it has one a tenant.
	sql := `INSERT INTO grove.` + c.Table + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(values, ", ") + `) ON CONFLICT DO NOTHING`
	if _, err := tx.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
