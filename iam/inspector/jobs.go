package inspector

import (
	"context"

	"grove/infra/db"
	"grove/infra/jobs"
)

const sweepBatch = 5000

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "inspector.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

// Sweep deletes, in all tenants, entries that are older than a week.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		var n int64
		err := s.db.InSystem(ctx, "delete old entries of the request inspector", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = deleteOld(ctx, tx, tx.Now().Add(-retention))
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
