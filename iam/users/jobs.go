package users

import (
	"context"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

type tellArgs struct{}

func (tellArgs) Kind() string         { return "users.tell_failures" }
func (tellArgs) JobScope() jobs.Scope { return jobs.Scope{} }

const tellBatch = 500

// TellFailures tells the event log of failed sign-ins that it does not know of, in all tenants. It is not done by the sign-in
// itself: the work would tell an account that exists from one that does not, and whoever guesses would fill the log.
func (s *Service) TellFailures(ctx context.Context) error {
	for {
		var rows []untold
		err := s.db.InSystem(ctx, "find failed sign-ins to tell of", func(ctx context.Context, tx db.SystemTx) (err error) {
			rows, err = queryUntold(ctx, tx, tellBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			err := s.db.InTenant(ctx, row.Tenant, func(ctx context.Context, tx db.Tx) error {
				return s.tell(ctx, tx, row.User)
			})
			if err != nil {
				return err
			}
		}
		if len(rows) < tellBatch {
			return nil
		}
	}
}

// tell writes the event of an account's failures that have none yet, if there are any.
func (s *Service) tell(ctx context.Context, tx db.Tx, u ids.User) error {
	org, count, err := takeUntold(ctx, tx, u)
	if err != nil || count == 0 {
		return err
	}
	return s.events.Write(ctx, tx, eventSignInFailed.Of(org, u, failedData{Count: count}))
}
