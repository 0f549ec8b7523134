package db_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// things is a table as a capability would make it.
var things = fstest.MapFS{"20261123T100000_things.sql": {Data: []byte(`
	CREATE TABLE things (tenant_id uuid NOT NULL, id uuid NOT NULL, org_id uuid NOT NULL, name text NOT NULL,
		sys_from timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, id));
	SELECT infra.tenant_table('things');
	SELECT infra.keep_history('things');`)}}

func newDB(t testing.TB, options ...func(*db.Options)) *testkit.Database {
	return testkit.New(t, []fs.FS{db.Migrations(), things}, "", nil, options...)
}

var ctx = context.Background()

func add(t testing.TB, d *testkit.Database, tenant ids.Tenant, org ids.Org, name string) ids.Event {
	t.Helper()
	id := ids.NewEvent()
	err := d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO things (tenant_id, id, org_id, name) VALUES ($1, $2, $3, $4)`, tenant, id, org, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func names(t testing.TB, read func(f func(context.Context, db.Tx) error) error) []string {
	t.Helper()
	var out []string
	err := read(func(ctx context.Context, tx db.Tx) (err error) {
		// No tenant in the WHERE: row-level security alone must hold.
		out, err = db.Scalars[string](ctx, tx, `SELECT name FROM things ORDER BY name`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDoorsShowTheirRowsOnly(t *testing.T) {
	d := newDB(t)
	a, b := ids.NewTenant(), ids.NewTenant()
	north, south := ids.NewOrg(), ids.NewOrg()
	add(t, d, a, north, "a north")
	add(t, d, a, south, "a south")
	add(t, d, b, north, "b north") // the same org id in another tenant
	got := names(t, func(f func(context.Context, db.Tx) error) error { return d.InTenant(ctx, a, f) })
	if strings.Join(got, ",") != "a north,a south" {
		t.Errorf("InTenant saw %v", got)
	}
	got = names(t, func(f func(context.Context, db.Tx) error) error {
		return d.InOrg(ctx, a, north, func(ctx context.Context, tx db.OrgTx) error { return f(ctx, tx.Tx) })
	})
	if strings.Join(got, ",") != "a north" {
		t.Errorf("InOrg saw %v", got)
	}
}

func TestWritesCannotLeaveTheDoor(t *testing.T) {
	d := newDB(t)
	a, b, org := ids.NewTenant(), ids.NewTenant(), ids.NewOrg()
	mine := add(t, d, a, org, "mine")
	theirs := add(t, d, b, org, "theirs")
	for name, sql := range map[string]string{
		"insert into another tenant": `INSERT INTO things (tenant_id, id, org_id, name) VALUES ($2, gen_random_uuid(), gen_random_uuid(), 'x')`,
		"move to another tenant":     `UPDATE things SET tenant_id = $2 WHERE id = $1`,
	} {
		err := d.InTenant(ctx, a, func(ctx context.Context, tx db.Tx) error {
			if strings.Contains(sql, "$1") {
				_, err := tx.Exec(ctx, sql, mine, b)
				return err
			}
			_, err := tx.Exec(ctx, strings.ReplaceAll(sql, "$2", "$1"), b)
			return err
		})
		if err == nil {
			t.Errorf("%s was allowed", name)
		}
	}
	err := d.InTenant(ctx, a, func(ctx context.Context, tx db.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM things WHERE id = $1`, theirs)
		if n != 0 {
			t.Error("another tenant's row was deleted")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAttack40_NoTenantIsAnError: a pooled connection that served a tenant answers nobody afterwards.
func TestAttack40_NoTenantIsAnError(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn = 1 })
	tenant := ids.NewTenant()
	add(t, d, tenant, ids.NewOrg(), "kept")
	conn, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, setup := range []string{`SET ROLE grove_app`, `SET search_path = grove`,
		`BEGIN; SET LOCAL grove.tenant_id = '` + tenant.UUID().String() + `'; SELECT 1 FROM things; COMMIT`} {
		if _, err := conn.Exec(ctx, setup); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM things`).Scan(&n); err == nil {
		t.Fatalf("with no tenant set, %d rows were counted and no error came", n)
	}
}

// TestAttack40_RolesCannotWiden: RESET ROLE leads back to the pool's role, not to the login.
func TestAttack40_RolesCannotWiden(t *testing.T) {
	d := newDB(t)
	err := d.InTenant(ctx, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `RESET ROLE`); err != nil {
			return err
		}
		var role string
		if err := tx.QueryRow(ctx, `SELECT current_user`).Scan(&role); err != nil {
			return err
		}
		if role != db.RoleApp {
			t.Errorf("after RESET ROLE the role is %s", role)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAttack40_MinimumPatch: a server without the fixes of row security is refused, but for the development mode, and the
// fixes came with another release of each major version.
func TestAttack40_MinimumPatch(t *testing.T) {
	for number, good := range map[int]bool{140022: false, 150009: false, 150013: false, 150014: true, 160009: false, 160010: true, 170005: false, 170006: true, 180000: true, 190001: true} {
		if err := db.CheckVersion(number); (err == nil) != good || !good && !errors.Is(err, db.ErrVersion) {
			t.Errorf("%d: %v", number, err)
		}
	}
	d := newDB(t)
	var number int
	err := d.InTenant(ctx, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&number)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.NeedPatch(number/10000, number%10000+1)()
	var said strings.Builder
	o := db.Options{URL: d.URL, MaxConn: 2, Clock: d.Clock, Log: slog.New(slog.NewTextHandler(&said, nil))}
	if _, err := db.Open(ctx, o); !errors.Is(err, db.ErrVersion) {
		t.Errorf("an old server: %v", err)
	}
	o.AnyPatch = true
	old, err := db.Open(ctx, o)
	if err != nil {
		t.Fatalf("an old server for development: %v", err)
	}
	old.Close()
	if !strings.Contains(said.String(), "CVE-2025-8713") {
		t.Errorf("nothing warns of it: %s", said.String())
	}
}

func TestAttack40_SuperuserIsRefused(t *testing.T) {
	d := newDB(t)

	conn, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := db.Open(ctx, db.Options{URL: d.Super, MaxConn: 2, Clock: d.Clock, Log: testkit.Quiet()}); !errors.Is(err, db.ErrUnsafeRole) {
		t.Fatalf("a superuser's login was accepted: %v", err)
	}
	if _, err := conn.Exec(ctx, `CREATE ROLE stranger LOGIN`); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(ctx, `DROP ROLE stranger`) }()
	stranger, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	stranger.User = url.User("stranger")
	if _, err := db.Open(ctx, db.Options{URL: stranger.String(), MaxConn: 2, Clock: d.Clock, Log: testkit.Quiet()}); !errors.Is(err, db.ErrNoRole) {
		t.Fatalf("a login without the roles: %v", err)
	}
	if _, err := conn.Exec(ctx, `ALTER ROLE grove_app BYPASSRLS`); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(ctx, `ALTER ROLE grove_app NOBYPASSRLS`) }()
	if _, err := db.Open(ctx, db.Options{URL: d.URL, MaxConn: 2, Clock: d.Clock, Log: testkit.Quiet()}); !errors.Is(err, db.ErrUnsafeRole) {
		t.Fatalf("a role that bypasses row-level security was accepted: %v", err)
	}
}

func TestNestedTransactionsAreRefused(t *testing.T) {
	d := newDB(t)
	tenant := ids.NewTenant()
	err := d.InTenant(ctx, tenant, func(ctx context.Context, _ db.Tx) error {
		return d.InTenant(ctx, tenant, func(context.Context, db.Tx) error { return nil })
	})
	if err == nil {
		t.Fatal("a transaction inside another was allowed")
	}
}

func TestPanicRollsBack(t *testing.T) {
	d := newDB(t)
	tenant := ids.NewTenant()
	func() {
		defer func() { _ = recover() }()
		_ = d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			_, _ = tx.Exec(ctx, `INSERT INTO things (tenant_id, id, org_id, name) VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'half')`, tenant)
			panic("half-way")
		})
	}()
	if got := names(t, func(f func(context.Context, db.Tx) error) error { return d.InTenant(ctx, tenant, f) }); len(got) != 0 {
		t.Fatalf("a panic left %v", got)
	}
}

// TestManyClientsOnASmallPool: 64 callers on 4 connections all get through.
func TestManyClientsOnASmallPool(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn = 4 })
	tenant := ids.NewTenant()
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for range 64 {
		wg.Go(func() {
			for range 5 {
				errs <- d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
					_, err := tx.Exec(ctx, `SELECT 1`)
					return err
				})
			}
		})
	}
	go func() { wg.Wait(); close(errs) }()
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnectionsAndStatementsEnd: a connection lives as long as it is told to, and so does a statement.
func TestConnectionsAndStatementsEnd(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn, o.ConnTTL, o.StatementTimeout = 2, time.Second, 1234*time.Millisecond })
	tenant := ids.NewTenant()
	ask := func(sql string) (answer string, err error) {
		err = d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error { return tx.QueryRow(ctx, sql).Scan(&answer) })
		return answer, err
	}
	if timeout, err := ask(`SELECT current_setting('statement_timeout')`); err != nil || timeout != "1234ms" {
		t.Errorf("statement_timeout is %q, %v", timeout, err)
	}
	var pg *pgconn.PgError
	if _, err := ask(`SELECT pg_sleep(60)::text`); !errors.As(err, &pg) || pg.Code != "57014" {
		t.Errorf("a statement that does not end: %v", err)
	}
	seen := map[string]bool{}
	testkit.Eventually(t, "more connections were opened than the pool has", func() bool {
		pid, err := ask(`SELECT pg_backend_pid()::text`)
		if err != nil {
			t.Fatal(err)
		}
		seen[pid] = true
		return len(seen) > 2
	})
}

func TestHistoryKeepsWhatWas(t *testing.T) {
	d := newDB(t)
	tenant := ids.NewTenant()
	id := add(t, d, tenant, ids.NewOrg(), "first")
	rename := func(names ...string) {
		d.Clock.Advance(3600e9)
		err := d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			for _, name := range names {
				if _, err := tx.Exec(ctx, `UPDATE things SET name = $3 WHERE tenant_id = $1 AND id = $2`, tenant, id, name); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rename("second")
	rename("between", "third") // one transaction is one change
	var was []string
	err := d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		was, err = db.Scalars[string](ctx, tx, `SELECT name FROM things_history WHERE tenant_id = $1 AND id = $2 AND sys_from < sys_to ORDER BY sys_to`, tenant, id)
		return err
	})
	if err != nil || strings.Join(was, ",") != "first,second" {
		t.Fatalf("history is %v, %v", was, err)
	}
}

// TestStampSeesEveryChange: whatever the order in which raises take their numbers and commit, what was issued before a
// raise of any of its subjects is dead after it.
func TestStampSeesEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subjects := rapid.SliceOfNDistinct(rapid.SliceOfN(rapid.Byte(), 16, 16), 1, 8, func(b []byte) string { return string(b) }).Draw(t, "subjects")
		numbers := rapid.SliceOfNDistinct(rapid.Int64Min(1), len(subjects)+1, len(subjects)+1, rapid.ID[int64]).Draw(t, "numbers")
		rows := make([]db.Epoch, len(subjects))
		for i, s := range subjects {
			rows[i] = db.Epoch{Subject: uuid.UUID(s), Epoch: numbers[i]}
		}
		before := db.Stamp(rows)
		shuffled := rapid.Permutation(rows).Draw(t, "order")
		if db.Stamp(shuffled) != before {
			t.Fatal("the order of rows changed the stamp")
		}
		i := rapid.IntRange(0, len(rows)-1).Draw(t, "raised")
		raised := append([]db.Epoch{}, rows...)
		raised[i].Epoch = numbers[len(subjects)]
		if db.Stamp(raised) == before {
			t.Fatal("a raise did not change the stamp")
		}
	})
	if db.Stamp(nil) != 0 {
		t.Fatal("nothing revoked is stamp 0")
	}
}

func TestRaiseKeepsABlock(t *testing.T) {
	d := newDB(t)
	tenant, subject := ids.NewTenant(), uuid.New()
	var states []bool
	err := d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		for _, f := range []func(context.Context, db.Kind, uuid.UUID, string) error{tx.Raise, tx.Block, tx.Raise, tx.Unblock} {
			if err := f(ctx, db.KindUser, subject, "test"); err != nil {
				return err
			}
			var blocked bool
			if err := tx.QueryRow(ctx, `SELECT blocked FROM epochs WHERE tenant_id = $1 AND subject = $2`, tenant, subject).Scan(&blocked); err != nil {
				return err
			}
			states = append(states, blocked)
		}
		return nil
	})
	if err != nil || len(states) != 4 || states[0] || !states[1] || !states[2] || states[3] {
		t.Fatalf("raise, block, raise, unblock: %v, %v", states, err)
	}
}

func TestMigrationsThatChangedAreRefused(t *testing.T) {
	d := newDB(t)
	changed := fstest.MapFS{"20261123T100000_things.sql": {Data: []byte(`SELECT 1`)}}
	if _, err := db.Migrate(ctx, d.Super, []fs.FS{db.Migrations(), changed}); !errors.Is(err, db.ErrChanged) {
		t.Fatalf("an edited migration was accepted: %v", err)
	}
	for name, folder := range map[string]fstest.MapFS{
		"a name without a time": {"create.sql": {}},
		"the same time twice":   {"20261123T100000_a.sql": {}, "20261123T100000_b.sql": {}},
	} {
		if _, err := db.Digest([]fs.FS{folder}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := d.CheckMigrated(ctx, []fs.FS{fstest.MapFS{"20991231T000000_later.sql": {}}}); !errors.Is(err, db.ErrPending) {
		t.Fatalf("a pending migration was not seen: %v", err)
	}
}

// TestMigrationsLetOthersThrough: a migration that needs a table which somebody holds for long does not stand before it with everybody
// queueing behind, and runs once the table is free.
func TestMigrationsLetOthersThrough(t *testing.T) {
	d := newDB(t)
	super, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(ctx)
	report, err := super.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Exec(ctx, `SELECT count(*) FROM grove.things`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := db.Migrate(ctx, d.Super, []fs.FS{db.Migrations(), things, fstest.MapFS{"20991231T000000_more.sql": {Data: []byte(`ALTER TABLE things ADD COLUMN more text`)}}})
		done <- err
	}()
	testkit.Eventually(t, "the migration waits for the table", func() (waits bool) {
		err := report.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'grove.things'::regclass)`).Scan(&waits)
		return err == nil && waits
	})
	// Queued behind the migration, and answered all the same while the report lasts.
	behind, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = d.InTenant(behind, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM things WHERE tenant_id = $1`, tx.Tenant())
		return err
	})
	if err != nil {
		t.Errorf("behind a migration: %v", err)
	}
	if err := report.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("once the table is free: %v", err)
	}
}

func TestUnavailable(t *testing.T) {
	d := newDB(t)
	err := d.InTenant(ctx, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		var pid int
		if err := tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		super, err := pgx.Connect(ctx, d.Super)
		if err != nil {
			return err
		}
		defer super.Close(ctx)
		if _, err := super.Exec(ctx, `SELECT pg_terminate_backend($1, 5000)`, pid); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `SELECT 1`); !db.IsUnavailable(err) {
			t.Errorf("a connection that is told to end: %v", err)
		}
		_, err = tx.Exec(ctx, `SELECT 1`)
		return err
	})
	if !db.IsUnavailable(err) {
		t.Errorf("a connection that has ended: %v", err)
	}
	_, err = pgx.Connect(ctx, "postgres://grove@/grove?host=/nowhere")
	if !db.IsUnavailable(err) {
		t.Errorf("no server: %v", err)
	}
	err = d.InTenant(ctx, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `SELECT 1/0`)
		return err
	})
	if err == nil || db.IsUnavailable(err) {
		t.Errorf("a statement's own failure: %v", err)
	}
}

// TestBusy: what gives way to others is told from what fails by itself.
func TestBusy(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.LockTimeout, o.StatementTimeout = 100*time.Millisecond, 2*time.Second })
	tenant, org := ids.NewTenant(), ids.NewOrg()
	one, two := add(t, d, tenant, org, "one"), add(t, d, tenant, org, "two")
	lock := func(tx db.Tx, id ids.Event) error {
		_, err := tx.Exec(ctx, `SELECT FROM things WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tenant, id)
		return err
	}
	in := func(f func(tx db.Tx) error) error {
		return d.InTenant(ctx, tenant, func(_ context.Context, tx db.Tx) error { return f(tx) })
	}
	var waited error
	_ = in(func(tx db.Tx) error {
		if err := lock(tx, one); err != nil {
			t.Error(err)
		}
		waited = in(func(other db.Tx) error { return lock(other, one) })
		return nil
	})
	var crossed [2]error
	var held, all sync.WaitGroup
	held.Add(2)
	for i, order := range [][2]ids.Event{{one, two}, {two, one}} {
		all.Go(func() {
			crossed[i] = in(func(tx db.Tx) error {
				err := lock(tx, order[0])
				if err == nil {
					_, err = tx.Exec(ctx, `SET LOCAL lock_timeout = 0`) // longer than deadlocks go unseen
				}
				held.Done()
				held.Wait()
				if err != nil {
					return err
				}
				return lock(tx, order[1])
			})
		})
	}
	all.Wait()
	for name, err := range map[string]error{
		"a lock that is not given": waited,
		"a deadlock":               errors.Join(crossed[0], crossed[1]),
		"a statement without end":  in(func(tx db.Tx) error { _, err := tx.Exec(ctx, `SELECT pg_sleep(60)`); return err }),
	} {
		if !db.IsBusy(err) || db.IsUnavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if crossed[0] != nil && crossed[1] != nil {
		t.Errorf("both of a deadlock lost: %v", crossed)
	}
	if err := in(func(tx db.Tx) error { _, err := tx.Exec(ctx, `SELECT 1/0`); return err }); err == nil || db.IsBusy(err) {
		t.Errorf("a statement's own failure: %v", err)
	}
}

func TestReaderSeesItsTenantAndGivesTheConnectionBack(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn = 2 })
	a, b, org := ids.NewTenant(), ids.NewTenant(), ids.NewOrg()
	add(t, d, a, org, "mine")
	add(t, d, b, org, "theirs")
	for range 10 { // more than the pool has
		got, err := db.Scalars[string](ctx, d.Reader(a), `SELECT name FROM things`)
		if err != nil || strings.Join(got, ",") != "mine" {
			t.Fatalf("%v, %v", got, err)
		}
		if _, err := db.Scalars[string](ctx, d.Reader(a), `SELECT no_such_column FROM things`); err == nil {
			t.Fatal("a wrong query had no error")
		}
	}
	if _, err := db.Scalars[string](ctx, d.Reader(ids.Tenant{}), `SELECT name FROM things`); err == nil {
		t.Fatal("a reader without a tenant read")
	}
}
