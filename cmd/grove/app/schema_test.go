package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// superuser looks at the catalogue of a migrated database.
func superuser(t *testing.T) *pgx.Conn {
	t.Helper()
	d := apptest.Database(t)
	conn, err := pgx.Connect(context.Background(), d.Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// rules of the schema: each query lists the objects that break one.
var rules = map[string]string{
	"row security is on and forced": `
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
		WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
	"a tenant table has the tenant's policy": `
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
		WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		  AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
		      AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = (current_setting(''grove.tenant_id''::text))::uuid)')`,
	"a primary key begins with tenant_id": `
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
		WHERE c.relnamespace = 'grove'::regnamespace AND c.relname <> 'tenant_hosts' AND i.indkey[0] <> a.attnum`,
	"a unique index has tenant_id": `
		SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'grove'::regnamespace AND i.indisunique AND NOT a.attnum = ANY (i.indkey::int2[])
		  AND i.indexrelid::regclass::text NOT IN ('grove.tenants_handle', 'tenants_handle', 'grove.tenant_hosts_pkey', 'tenant_hosts_pkey')`,
	"a foreign key carries tenant_id": `
		SELECT k.conname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'tenant_id'
		WHERE k.contype = 'f' AND k.connamespace = 'grove'::regnamespace AND NOT a.attnum = ANY (k.conkey)`,
	"a view runs as its caller": `
		SELECT c.relname FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace IN ('grove'::regnamespace, 'infra'::regnamespace)
		  AND NOT coalesce(c.reloptions::text LIKE '%security_invoker=%', false)`,
	"functions that run as their owner are on the list": `
		SELECT p.proname FROM pg_proc p WHERE p.prosecdef AND p.pronamespace IN ('grove'::regnamespace, 'infra'::regnamespace)
		  AND p.proname NOT IN ('make_events_partition')`,
	"everything belongs to grove_owner": `
		SELECT c.relname FROM pg_class c WHERE c.relnamespace IN ('grove'::regnamespace, 'infra'::regnamespace, 'jobs'::regnamespace)
		  AND c.relkind IN ('r', 'p', 'v', 'S') AND pg_get_userbyid(c.relowner) <> 'grove_owner'`,
	"no runtime role may more than select, insert, update and delete": `
		SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p')
		  AND (has_table_privilege('grove_app', c.oid, 'TRUNCATE') OR has_table_privilege('grove_app', c.oid, 'TRIGGER') OR has_table_privilege('grove_app', c.oid, 'REFERENCES'))`,
	"events are never changed": `
		SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'grove'::regnamespace AND (c.relname = 'events' OR c.relname = 'event_chain')
		  AND (has_table_privilege('grove_app', c.oid, 'UPDATE, DELETE') OR has_table_privilege('grove_system', c.oid, 'UPDATE'))`,
	"what is only added to is deleted with its tenant only": `
		SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'grove'::regnamespace AND c.relname IN ('events', 'event_chain', 'seat_entries')
		  AND (has_table_privilege('grove_app', c.oid, 'DELETE') OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive
		      AND p.polcmd = 'd' AND p.polroles = ARRAY['grove_system'::regrole::oid] AND pg_get_expr(p.polqual, p.polrelid) = 'infra.erasing(tenant_id)'))`,
	"partitions are reached through their table only": `
		SELECT c.relname FROM pg_class c WHERE c.relispartition AND c.relkind = 'r' AND c.relnamespace = 'grove'::regnamespace
		  AND has_table_privilege('grove_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')`,
	"the history of a table has its columns": `
		SELECT h.relname || '.' || a.attname FROM pg_class h JOIN pg_class t ON t.relnamespace = h.relnamespace AND h.relname = t.relname || '_history'
		JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attribute b ON b.attrelid = h.oid AND b.attname = a.attname AND b.atttypid = a.atttypid AND b.attnum = a.attnum
		WHERE h.relnamespace = 'grove'::regnamespace AND b.attname IS NULL`,
}

func TestSchemaRules(t *testing.T) {
	conn := superuser(t)
	for rule, query := range rules {
		for _, object := range objects(t, conn, query) {
			t.Errorf("%s: %s breaks it", rule, object)
		}
	}
}

// TestSchemaRulesCatchMistakes plants what each rule forbids.
func TestSchemaRulesCatchMistakes(t *testing.T) {
	conn := superuser(t)
	ctx := context.Background()
	for rule, mistake := range map[string]string{
		"row security is on and forced":                                   `CREATE TABLE grove.planted (tenant_id uuid, id uuid); ALTER TABLE grove.planted ENABLE ROW LEVEL SECURITY`,
		"a tenant table has the tenant's policy":                          `CREATE TABLE grove.planted (tenant_id uuid, id uuid); CREATE POLICY p ON grove.planted USING (true)`,
		"a primary key begins with tenant_id":                             `CREATE TABLE grove.planted (tenant_id uuid, id uuid PRIMARY KEY)`,
		"a unique index has tenant_id":                                    `CREATE TABLE grove.planted (tenant_id uuid, id uuid UNIQUE)`,
		"a foreign key carries tenant_id":                                 `CREATE TABLE grove.planted_target (tenant_id uuid, id uuid UNIQUE); CREATE TABLE grove.planted (tenant_id uuid, id uuid REFERENCES grove.planted_target (id))`,
		"a view runs as its caller":                                       `CREATE VIEW grove.planted AS SELECT * FROM grove.users`,
		"functions that run as their owner are on the list":               `CREATE FUNCTION grove.planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
		"everything belongs to grove_owner":                               `CREATE TABLE grove.planted (id uuid)`,
		"no runtime role may more than select, insert, update and delete": `GRANT TRUNCATE ON grove.users TO grove_app`,
		"events are never changed":                                        `GRANT UPDATE ON grove.events TO grove_app`,
		"what is only added to is deleted with its tenant only":           `DROP POLICY erased_rows ON grove.events`,
		"partitions are reached through their table only":                 `GRANT SELECT ON grove.events_default TO grove_app`,
		"the history of a table has its columns":                          `ALTER TABLE grove.roles ADD COLUMN planted text`,
	} {
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, mistake); err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		query, known := rules[rule]
		if !known {
			t.Fatalf("no rule %q", rule)
		}
		rows, err := tx.Query(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Errorf("%s: the planted mistake was not found", rule)
		}
		_ = tx.Rollback(ctx)
	}
}

func objects(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return found
}

// TestInventory: every table is in exactly one manifest, which says how it is exported and erased.
func TestInventory(t *testing.T) {
	conn := superuser(t)
	tables := objects(t, conn, `SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`)
	listed := map[string]string{"event_sealer": "infra.events: a single row of the installation", "operator_keys": "infra.db: of no tenant, kept for a day", "setup": "tenants.directory: a single row of the installation"}
	for _, m := range app.Manifests() {
		for _, table := range m.Tables {
			if other := listed[table.Name]; other != "" {
				t.Errorf("%s is listed by %s and by %s", table.Name, other, m.Name)
			}
			listed[table.Name] = m.Name
			if table.Class == "" || table.Owner == "" || (!table.Export && table.Why == "") {
				t.Errorf("%s: %s needs a class, an owner and, where it is not exported, a reason", m.Name, table.Name)
			}
			column := `SELECT attname::text FROM pg_attribute WHERE attrelid = ('grove.' || '` + table.Name + `')::regclass AND attname = '` + table.Owner + `'`
			if len(objects(t, conn, column)) == 0 {
				t.Errorf("%s: %s has no column %s", m.Name, table.Name, table.Owner)
			}
		}
	}
	// What a table's rows are called, and what is kept of it when they go, are one.
	var titled []string
	for _, m := range app.Manifests() {
		for _, table := range m.Tables {
			if table.Kind != "" {
				titled = append(titled, table.Name+" "+table.Owner+" "+table.Title)
			}
		}
	}
	kept := objects(t, conn, `SELECT tgrelid::regclass::text || ' ' || replace(encode(substring(tgargs FOR length(tgargs) - 1), 'escape'), '\000', ' ')
		FROM pg_trigger WHERE tgname = 'keep_names'`)
	for i := range kept {
		kept[i] = strings.TrimPrefix(kept[i], "grove.")
	}
	slices.Sort(titled)
	slices.Sort(kept)
	if !slices.Equal(titled, kept) {
		t.Errorf("names are read by\n%q\nand kept by\n%q", titled, kept)
	}
	for _, table := range tables {
		// A history belongs to its table.
		if listed[table] == "" && listed[strings.TrimSuffix(table, "_history")] == "" {
			t.Errorf("table %s is in no manifest", table)
		}
	}
	for table, by := range listed {
		if !slices.Contains(tables, table) {
			t.Errorf("%s lists %s, which is not there", by, table)
		}
	}
}
