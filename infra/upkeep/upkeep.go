// Package upkeep is the housekeeping of the foundation's own tables: partitions of events are made ahead of time, and what is
// kept for a time only goes when the time is over.
package upkeep

import (
	"context"
	"errors"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/module"
)

type args struct{}

func (args) Kind() string         { return "upkeep" }
func (args) JobScope() jobs.Scope { return jobs.Scope{} }

// Module is the manifest. names is how long it is known what deleted things and people were called.
func Module(d *db.DB, names time.Duration) module.Manifest {
	return module.Manifest{Name: "infra.upkeep", Jobs: func(r *jobs.Registry) {
		jobs.Register(r, func(ctx context.Context, _ args) error { return Run(ctx, d, names) }, jobs.Timeout(5*time.Minute))
		jobs.Every(r, 6*time.Hour, args{})
	}}
}

// Run does everything once. What fails does not keep the rest from being done.
func Run(ctx context.Context, d *db.DB, names time.Duration) error {
	var failed []error
	now := d.Clock().Now().UTC()
	for months := range 3 {
		// Counted from the first: the 31st a month later is in the month after.
		month := time.Date(now.Year(), now.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		// Each in a transaction of its own: while one lasts, readers of events wait.
		failed = append(failed, d.InSystem(ctx, "upkeep: partitions of events", func(ctx context.Context, tx db.SystemTx) error {
			_, err := tx.Exec(ctx, `SELECT infra.make_events_partition($1)`, month)
			return err
		}))
	}
	for _, k := range append(kept[:], keep{reason: "upkeep: names of what is gone", time: names, sql: `
		DELETE FROM names_of_gone WHERE (tenant_id, id, org_id) IN (
			SELECT tenant_id, id, org_id FROM names_of_gone WHERE gone_at < $1 ORDER BY gone_at LIMIT $2)`}) {
		failed = append(failed, sweep(ctx, d, k))
	}
	return errors.Join(failed...)
}

// keep is what goes when its time is over.
type keep struct {
	reason string
	sql    string // of a batch: $1 is the moment before which it goes, $2 the batch's size
	time   time.Duration
}

// kept are those whose time is fixed.
var kept = [...]keep{
	{reason: "upkeep: idempotency keys", time: 24 * time.Hour, sql: `
		DELETE FROM idempotency_keys WHERE (tenant_id, actor, key) IN (
			SELECT tenant_id, actor, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)`},
	{reason: "upkeep: idempotency keys of the operator", time: 24 * time.Hour, sql: `
		DELETE FROM operator_keys WHERE key IN (SELECT key FROM operator_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)`},
	// No session, grant, token or support access lives as long as a year and a day; nothing stands on their epochs any more. All others stay:
	// without its epoch a disabled user, a suspended organization, a deleted client would work again.
	{reason: "upkeep: epochs of sessions, grants, tokens and support accesses", time: 367 * 24 * time.Hour, sql: `
		DELETE FROM epochs WHERE (tenant_id, subject) IN (
			SELECT tenant_id, subject FROM epochs WHERE kind IN ('session', 'grant', 'support_access', 'token') AND changed_at < $1 ORDER BY changed_at LIMIT $2)`},
}

const batch = 5000

// sweep deletes in batches that each commit: whatever stops it, the next run goes on.
func sweep(ctx context.Context, d *db.DB, k keep) error {
	for {
		var n int64
		err := d.InSystem(ctx, k.reason, func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, k.sql, tx.Now().Add(-k.time), batch)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}
