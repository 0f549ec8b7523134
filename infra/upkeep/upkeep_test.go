package upkeep_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/upkeep"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var ctx = context.Background()

const insert = `INSERT INTO events (tenant_id, id, org_id, type, actor_kind, actor_id, subject, data, request_id, at)
	VALUES ($1, $2, $3, 'thing.made', 'system', '', 'x', '{}', '', $4)`

func write(ctx context.Context, tx db.Tx) error {
	_, err := tx.Exec(ctx, insert, tx.Tenant(), ids.NewEvent(), ids.NewOrg(), tx.Now())
	return err
}

// during runs f while a transaction that has done something is open.
func during(t *testing.T, d *testkit.Database, do func(context.Context, db.Tx) error, f func()) {
	t.Helper()
	err := d.InTenant(ctx, ids.NewTenant(), func(ctx context.Context, tx db.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		f()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPartitionsBesideWriters: partitions are made while events are being written, and hold nobody up.
func TestPartitionsBesideWriters(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	d.Clock.Advance(120 * 24 * time.Hour)
	during(t, d, write, func() {
		if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err != nil {
			t.Fatal(err)
		}
	})
	err := d.InSystem(ctx, "test", func(ctx context.Context, tx db.SystemTx) error {
		var partitions, open int
		err := tx.QueryRow(ctx, `
			SELECT count(*), count(*) FILTER (WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity))
			FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass`).Scan(&partitions, &open)
		if err == nil && (partitions != 6 || open != 0) {
			err = errors.New("not every partition is there and closed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPartitionsAtTheEndOfAMonth: on a 31st too there is a partition for each of the next two months, also for a shorter one.
func TestPartitionsAtTheEndOfAMonth(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	year := d.Clock.Now().Year() + 1
	d.Clock.Advance(time.Date(year, time.January, 31, 12, 0, 0, 0, time.UTC).Sub(d.Clock.Now()))
	if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	err := d.InSystem(ctx, "test", func(ctx context.Context, tx db.SystemTx) error {
		for _, month := range []string{"01", "02", "03"} {
			for _, parent := range []string{"events_", "event_concerns_"} {
				var there bool
				name := parent + strconv.Itoa(year) + month
				if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil {
					return err
				}
				if !there {
					t.Errorf("there is no %s", name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPartitionsGiveWay: where a partition cannot be attached soon, the rest is done and the next run makes it.
func TestPartitionsGiveWay(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	read := func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM events WHERE tenant_id = $1`, tx.Tenant())
		return err
	}
	d.Clock.Advance(120 * 24 * time.Hour)
	during(t, d, read, func() {
		if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err == nil {
			t.Error("attached under a reader")
		}
		during(t, &testkit.Database{DB: d.DB}, write, func() {})
	})
	if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsKeptForATime: idempotency keys go after a day, names of what is gone when the operator says, and after a year the epochs
// of what cannot live so long. The epochs of all others stay for ever: without them what was disabled, suspended or deleted would work again.
func TestWhatIsKeptForATime(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	super, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(ctx)
	do := func(sql string, args ...any) {
		t.Helper()
		if _, err := super.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	left := func(sql string) string {
		t.Helper()
		rows, err := super.Query(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return strings.Join(found, " ")
	}
	now := d.Clock.Now()
	kinds := []string{"tenant", "org", "user", "client", "connection", "session", "grant", "membership", "token", "support_access"}
	for _, days := range []int{1, 366, 368, 4000} {
		for _, kind := range kinds {
			do(`INSERT INTO grove.epochs (tenant_id, subject, kind, epoch, blocked, reason, changed_at) VALUES ($1, gen_random_uuid(), $2, 1, true, $4, $3)`,
				ids.NewTenant(), kind, now.AddDate(0, 0, -days), strings.Repeat("x", days/365))
		}
	}
	// More than one batch.
	do(`INSERT INTO grove.epochs (tenant_id, subject, kind, epoch, blocked, reason, changed_at)
		SELECT gen_random_uuid(), gen_random_uuid(), 'token', 1, false, '', $1::timestamptz - interval '2 years' FROM generate_series(1, 5001)`, now)
	do(`INSERT INTO grove.idempotency_keys (tenant_id, actor, key, operation, request_hash, subject, created_at)
		SELECT gen_random_uuid(), 'a', 'old', '', '', '', $1::timestamptz - interval '25 hours' FROM generate_series(1, 5001)`, now)
	do(`INSERT INTO grove.operator_keys (key, operation, request_hash, subject, created_at)
		SELECT 'old ' || n, '', '', '', $1::timestamptz - interval '25 hours' FROM generate_series(1, 5001) n`, now)
	do(`INSERT INTO grove.operator_keys (key, operation, request_hash, subject, created_at)
		VALUES ('his', '', '', '', $1::timestamptz - interval '23 hours')`, now)
	do(`INSERT INTO grove.idempotency_keys (tenant_id, actor, key, operation, request_hash, subject, created_at)
		VALUES (gen_random_uuid(), 'a', 'young', '', '', '', $1::timestamptz - interval '23 hours')`, now)

	do(`INSERT INTO grove.names_of_gone (tenant_id, id, org_id, name, gone_at)
		SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'old', $1::timestamptz - interval '31 days' FROM generate_series(1, 5001)`, now)
	do(`INSERT INTO grove.names_of_gone (tenant_id, id, org_id, name, gone_at)
		VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'young', $1::timestamptz - interval '29 days')`, now)

	// What fails does not keep the rest from being done.
	do(`REVOKE DELETE ON grove.idempotency_keys FROM grove_system`)
	if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err == nil {
		t.Error("a failure was not told")
	}
	var want []string
	for _, kind := range kinds {
		want = append(want, kind+":", kind+":x")
		if !slices.Contains([]string{"session", "grant", "support_access", "token"}, kind) {
			want = append(want, kind+":x", kind+":xxxxxxxxxx")
		}
	}
	slices.Sort(want)
	if got := left(`SELECT kind || ':' || reason FROM grove.epochs`); got != strings.Join(want, " ") {
		t.Errorf("epochs left: %.2000s", got)
	}
	do(`GRANT DELETE ON grove.idempotency_keys TO grove_system`)
	if err := upkeep.Run(ctx, d.DB, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := left(`SELECT key FROM grove.idempotency_keys UNION ALL SELECT key FROM grove.operator_keys`); got != "his young" {
		t.Errorf("keys left: %.2000s", got)
	}
	if got := left(`SELECT name FROM grove.names_of_gone`); got != "young" {
		t.Errorf("names left: %.2000s", got)
	}
	testkit.CheckPlans(t, d)
}
