package db_test

import (
	"context"
	"io/fs"
	"testing"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func newDB(t *testing.T) *testkit.Database {
	return testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
}

func TestNoTenantIsAnError(t *testing.T) {
	d := newDB(t)
	if _, err := d.SystemPool().Exec(context.Background(), `SELECT 1 FROM events LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	err := d.Batch(context.Background(), ids.Tenant{}, nil)
	if err == nil {
		t.Fatal("a batch without a tenant was accepted")
	}
}
