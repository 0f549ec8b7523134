package oauth

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
)

// Rows stay this long after they expired: a late reuse is still recognised, and support can look.
const (
	codeRetention  = 24 * time.Hour
	grantRetention = 30 * 24 * time.Hour
)

const sweepBatch = 5000

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "oauth.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

// Sweep deletes codes, refresh tokens and grants that expired long ago, and identifiers that cannot be used again anyway, in
// all tenants.
func (s *Service) Sweep(ctx context.Context) error {
	for _, what := range []struct {
		sql  string
		keep time.Duration
	}{{sqlSweepCodes, codeRetention}, {sqlSweepRefresh, grantRetention}, {sqlSweepGrants, grantRetention}, {sqlSweepDevices, 0}, {sqlSweepAttempts, deviceLife}, {sqlSweepCIBA, cibaWindow}, {sqlSweepPushed, 0}, {sqlSweepUsed, 0}} {
		if err := s.sweep(ctx, what.sql, what.keep); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sweep(ctx context.Context, sql string, keep time.Duration) error {
	for {
		var n int64
		err := s.DB.InSystem(ctx, "delete what of the authorization server expired long ago", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, sql, tx.Now().Add(-keep), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
