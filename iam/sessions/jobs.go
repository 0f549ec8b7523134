package sessions

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
)

// retention is how long an expired session's row stays, for support and audit.
const retention = 30 * 24 * time.Hour

const sweepBatch = 5000

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "sessions.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

// Sweep deletes the rows of sessions that expired long ago, in all tenants.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		var n int64
		err := s.db.InSystem(ctx, "delete sessions that expired long ago", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, sqlSweep, tx.Now().Add(-retention), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
