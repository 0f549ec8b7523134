package upkeep_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

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
		if err := upkeep.Run(ctx, d.DB); err != nil {
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

// TestPartitionsGiveWay: where a partition cannot be attached soon, the rest is done and the next run makes it.
func TestPartitionsGiveWay(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	read := func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM events WHERE tenant_id = $1`, tx.Tenant())
		return err
	}
	d.Clock.Advance(120 * 24 * time.Hour)
	during(t, d, read, func() {
		if err := upkeep.Run(ctx, d.DB); err == nil {
			t.Error("attached under a reader")
		}
		during(t, &testkit.Database{DB: d.DB}, write, func() {})
	})
	if err := upkeep.Run(ctx, d.DB); err != nil {
		t.Fatal(err)
	}
}
