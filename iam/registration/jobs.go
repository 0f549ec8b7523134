package registration

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
)

const (
	// unusedFor is how long an app that anybody may have registered waits for a first person.
	unusedFor      = 7 * 24 * time.Hour
	tokenRetention = 30 * 24 * time.Hour
	sweepBatch     = 500
)

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "registration.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

// Sweep deletes, in all tenants, tokens that expired long ago and apps that registered without one and that nobody ever used.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		var expired int64
		var rows []provisionalRow
		err := s.db.InSystem(ctx, "find apps that registered themselves and were never used", func(ctx context.Context, tx db.SystemTx) (err error) {
			if expired, err = deleteExpiredTokens(ctx, tx, tx.Now().Add(-tokenRetention), sweepBatch); err != nil {
				return err
			}
			rows, err = provisional(ctx, tx, tx.Now().Add(-unusedFor), sweepBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			ctx := actor.Into(ctx, actor.ForJob(r.Tenant, "registration.sweep"))
			err := s.db.InTenant(ctx, r.Tenant, func(ctx context.Context, tx db.Tx) error {
				if used, err := keepUsed(ctx, tx, r.App); err != nil || used {
					return err
				}
				return s.Apps.DeregisterTx(ctx, tx, r.Org, r.App)
			})
			if err != nil && !fault.CodeNotFound.Is(err) {
				return err
			}
		}
		if len(rows) < sweepBatch && expired < sweepBatch {
			return nil
		}
	}
}
