package invitations

import (
	"context"
	"errors"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// expireArgs ask for the end of one invitation, at the time when it expires.
type expireArgs struct {
	Tenant     ids.Tenant     `json:"tenant"`
	Org        ids.Org        `json:"org"`
	Invitation ids.Invitation `json:"invitation"`
}

// Kind names the job.
func (expireArgs) Kind() string { return "invitations.expire" }

// JobScope says whose work it is.
func (a expireArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

func (s *Service) jobs(r *jobs.Registry) {
	jobs.Register(r, func(ctx context.Context, a expireArgs) error { return s.Expire(ctx, a.Tenant, a.Org, a.Invitation) })
}

// errNothing ends a transaction that found nothing to do.
var errNothing = errors.New("invitations: nothing to do")

// Expire ends a pending invitation whose time is over, and frees its seat. One that was sent again meanwhile stays, and
// has another job.
func (s *Service) Expire(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Invitation) error {
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		inv, err := queryLoad(ctx, tx, org, id)
		if db.IsNoRows(err) {
			return errNothing
		}
		if err != nil {
			return err
		}
		if err := s.expire(ctx, tx, inv); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, expired(inv))
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

func expired(inv Invitation) events.Fact { return eventExpired.Of(inv.Org, inv.ID, noData{}) }

// expire does not write the event: that of the new invitation which takes its place comes first.
func (s *Service) expire(ctx context.Context, tx db.Tx, inv Invitation) error {
	if inv.State != StatePending || !inv.over(tx.Now()) {
		return errNothing
	}
	if err := s.Seats.Release(ctx, tx, inv.Org, inv.ID.UUID(), "invitation.expired"); err != nil {
		return err
	}
	switch n, err := updateExpired(ctx, tx, inv.ID); {
	case err != nil:
		return err
	case n == 0:
		return errNothing
	}
	return nil
}
