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

// Module is the manifest.
func Module(d *db.DB) module.Manifest {
	return module.Manifest{Name: "infra.upkeep", Jobs: func(r *jobs.Registry) {
		jobs.Register(r, func(ctx context.Context, _ args) error { return Run(ctx, d) }, jobs.Timeout(5*time.Minute))
		jobs.Every(r, 6*time.Hour, args{})
	}}
}

// Run does everything once. What fails does not keep the rest from being done.
func Run(ctx context.Context, d *db.DB) error {
	var failed []error
	for _, months := range []int{0, 1, 2} {
		// Each in a transaction of its own: while one lasts, readers of events wait.
		failed = append(failed, d.InSystem(ctx, "upkeep: partitions of events", func(ctx context.Context, tx db.SystemTx) error {
			_, err := tx.Exec(ctx, `SELECT infra.make_events_partition($1)`, tx.Now().AddDate(0, months, 0))
			return err
		}))
	}
	failed = append(failed, d.InSystem(ctx, "upkeep: what is kept for a time", func(ctx context.Context, tx db.SystemTx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM idempotency_keys WHERE created_at < $1`, tx.Now().Add(-24*time.Hour)); err != nil {
			return err
		}
		// No session, grant or token lives as long as a year and a day; nothing stands on their epochs any more.
		_, err := tx.Exec(ctx, `DELETE FROM epochs WHERE kind IN ('session', 'grant', 'token') AND changed_at < $1`, tx.Now().Add(-367*24*time.Hour))
		return err
	}))
	return errors.Join(failed...)
}
