package testkit

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"grove/infra/db"
)

func TestMain(m *testing.M) { Main(m) }

// TestPlansWatch: a statement that may read all that a tenant has is seen, whatever index it does it by, and one that an
// index answers is let pass.
func TestPlansWatch(t *testing.T) {
	tables := fstest.MapFS{"20270101T000000_things.sql": {Data: []byte(`
		CREATE TABLE things (
			tenant_id uuid NOT NULL, id uuid NOT NULL, org_id uuid NOT NULL, name_key text COLLATE "C" NOT NULL, email_key text NOT NULL,
			state text NOT NULL CHECK (state IN ('new', 'old')), ends_at timestamptz,
			PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, org_id, name_key));
		CREATE INDEX things_by_name ON things (tenant_id, name_key);
		CREATE INDEX things_by_email ON things (tenant_id, email_key) WHERE email_key <> '';
		CREATE INDEX things_by_org ON things (tenant_id, org_id, id);
		SELECT infra.tenant_table('things');
		SELECT infra.system_table('things', 'SELECT, DELETE');
		CREATE TABLE balances (tenant_id uuid NOT NULL, org_id uuid NOT NULL, n int NOT NULL, PRIMARY KEY (tenant_id, org_id));
		SELECT infra.tenant_table('balances');`)}}
	d := New(t, []fs.FS{db.Migrations(), tables}, "things", nil)
	const of = `FROM things u WHERE u.tenant_id = $1 `
	for sql, want := range map[string]string{
		// Each of these is answered by an index that begins with tenant_id, and reads all that follows it.
		`SELECT u.id ` + of + `AND lower(u.email_key) = $2`:                                                          "may read all rows of things",
		`SELECT u.id ` + of + `AND u.name_key || '' = $2`:                                                            "may read all rows of things",
		`SELECT u.id ` + of + `AND ($2 = '' OR u.state = $2) ORDER BY u.id LIMIT $3`:                                 "may read all rows of things",
		`SELECT u.id ` + of + `AND u.org_id = $2 AND ($3 = '' OR u.state = $3) AND u.id > $4 ORDER BY u.id LIMIT $5`: "may read all rows of things",
		`SELECT count(*) ` + of: "may read all rows of things",
		`SELECT u.id ` + of + `AND u.name_key >= $2 AND u.name_key < $3`:                                                "may read all rows of things",
		`SELECT u.id ` + of + `ORDER BY u.state LIMIT $2`:                                                               "may read all rows of things",
		`SELECT u.id ` + of + `AND EXISTS (SELECT FROM things v WHERE v.tenant_id = $1 AND v.id = $2) AND u.state = $3`: "may read all rows of things",
		`UPDATE things SET state = 'old' WHERE tenant_id = $1 AND ends_at < $2`:                                         "may read all rows of things",
		`SELECT id FROM things WHERE name_key || '' = $1`:                                                               "may read all rows of things", // no word of a tenant
		`SELECT u.id ` + of + `AND u.id =`:                                                                              "no plan",

		`SELECT id FROM elsewhere`: "",

		`SELECT u.id ` + of + `AND u.email_key = $2 AND u.email_key <> ''`:                                                                                           "",
		`SELECT u.id ` + of + `AND u.name_key = $2`:                                                                                                                  "",
		`SELECT u.id ` + of + `AND u.id = ANY($2)`:                                                                                                                   "",
		`SELECT u.id ` + of + `AND u.org_id = $2 AND u.id > $3 ORDER BY u.id LIMIT $4`:                                                                               "",
		`SELECT u.id ` + of + `AND u.org_id = $2 AND (u.name_key, u.id) > ($3, $4) ORDER BY u.name_key, u.id LIMIT $5`:                                               "",
		`SELECT u.id ` + of + `AND u.id IN (SELECT v.id FROM things v WHERE v.tenant_id = $1 AND v.name_key >= $2 AND v.name_key < $3 ORDER BY v.name_key LIMIT $4)`: "",
		`SELECT n FROM balances WHERE tenant_id = $1 AND org_id = $2`:                                                                                                "",
		`SELECT u.id, u.gone ` + of + `AND u.id = $2`:                                                                                                                "no plan", // a column that is not there

		`/* scan of things allowed: a test */ SELECT count(*) ` + of:                                                     "",
		`/* whole organization: a test */ SELECT count(*) ` + of + `AND u.org_id = $2`:                                   "",
		`/* scan of balances allowed: a test */ SELECT count(*) ` + of:                                                   "may read all rows of things",
		`/* scan of things allowed: a test */ SELECT (SELECT sum(n) FROM balances WHERE tenant_id = $1), count(*) ` + of: "may read all rows of balances",
		`/* whole organization: a test */ SELECT count(*) ` + of + `AND u.state = $2`:                                    "may read all rows of things",
	} {
		found, _, err := problems(d, []statement{{db.RoleApp, sql}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(found, "\n"); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s\nis judged %q, want %q", sql, got, want)
		}
	}
	for sql, want := range map[string]string{
		`DELETE FROM things WHERE ends_at < $1`:                                            "scans all of things",
		`SELECT tenant_id, id FROM things ORDER BY tenant_id, id LIMIT $1`:                 "",
		`SELECT tenant_id FROM things WHERE state = 'new' ORDER BY tenant_id, id LIMIT $1`: "may read all rows of things",
	} {
		found, _, err := problems(d, []statement{{db.RoleSystem, sql}})
		if got := strings.Join(found, "\n"); err != nil || (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s\nis judged %q %v, want %q", sql, got, err, want)
		}
	}
	// Nothing of it stays.
	var rows int
	err := d.InSystem(context.Background(), "test", func(ctx context.Context, tx db.SystemTx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM things`).Scan(&rows)
	})
	if err != nil || rows != 0 {
		t.Errorf("%d rows stay, %v", rows, err)
	}
}
