package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// retention is how long the row of a session that ended stays, for support and audit.
const retention = 30 * 24 * time.Hour

const (
	sweepBatch   = 5000 // of one statement
	endBatch     = 200  // of one transaction that tells of each
	shortenBatch = 1000
	orgBatch     = 100
)

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "sessions.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

func (s *Service) sweep(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }

// Sweep sees, in all tenants, to the sessions that nobody did anything with: it marks those that lapsed, ends those that expired, and
// deletes those that ended long ago. What fails does not keep the rest from being done.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(
		s.inBatches(ctx, "mark sessions that lapsed", sqlLapse, 0),
		s.endExpired(ctx),
		s.inBatches(ctx, "delete sessions that ended long ago", sqlSweep, retention),
	)
}

// inBatches repeats a statement, each time in a transaction of its own, until it finds no full batch of what is older than age.
func (s *Service) inBatches(ctx context.Context, reason, sql string, age time.Duration) error {
	for {
		var n int64
		err := s.db.InSystem(ctx, reason, func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, sql, tx.Now().Add(-age), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

// endExpired ends what expired, tenant by tenant, from the oldest on.
func (s *Service) endExpired(ctx context.Context) error {
	var failed []error
	for last := (expiredSession{}); ; {
		var rows []expiredSession
		err := s.db.InSystem(ctx, "find sessions that expired", func(ctx context.Context, tx db.SystemTx) (err error) {
			rows, err = db.Collect[expiredSession](ctx, tx, sqlExpired, tx.Now(), last.ExpiresAt, last.ID.UUID(), endBatch)
			return err
		})
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		of := map[ids.Tenant][]ids.Session{}
		for _, row := range rows {
			of[row.Tenant] = append(of[row.Tenant], row.ID)
		}
		for tenant, found := range of {
			failed = append(failed, s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
				ended, err := db.Collect[Session](ctx, tx, sqlEndExpired, tx.Tenant(), found, tx.Now())
				return s.ended(ctx, tx, ended, ReasonExpired, err)
			}))
		}
		if len(rows) < endBatch {
			return errors.Join(failed...)
		}
		last = rows[len(rows)-1]
	}
}

// userRevoked ends what a person who was shut out has.
func (s *Service) userRevoked(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var user ids.User
	if err := user.UnmarshalText([]byte(e.Subject)); err != nil {
		return jobs.Permanent(err)
	}
	return s.EndRevoked(ctx, tenant, user)
}

// policyChanged has the sessions shortened that another policy may hold for: of an organization that was moved, or that changed its
// settings of sessions, and of those below it.
func (s *Service) policyChanged(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var org ids.Org
	var data struct {
		Module string `json:"module"`
	}
	if err := errors.Join(org.UnmarshalText([]byte(e.Subject)), json.Unmarshal(e.Data, &data)); err != nil {
		return jobs.Permanent(err)
	}
	if e.Type == "setting.changed" && data.Module != policyModule.Name() {
		return nil
	}
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		return s.jobs.Insert(ctx, tx, ShortenArgs{Tenant: tenant, Org: org})
	})
}

// ShortenArgs ask to shorten the sessions of an organization and of those below it, from the one after After on.
type ShortenArgs struct {
	Tenant ids.Tenant `json:"tenant"`
	Org    ids.Org    `json:"org"`
	After  ids.Org    `json:"after,omitzero"`
}

// Kind names the job.
func (ShortenArgs) Kind() string { return "sessions.shorten" }

// JobScope names whose work this is.
func (a ShortenArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

// Shorten gives the sessions of a batch of organizations the times that hold now, where they are shorter, and asks for a job for those
// that are left. They have held since they were set; now whoever looks for what ran out finds it, and what was issued for longer ends
// with its session.
func (s *Service) Shorten(ctx context.Context, a ShortenArgs) error {
	var orgs []ids.Org
	var policies map[ids.Org]inForce
	err := s.db.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if orgs, err = db.Scalars[ids.Org](ctx, tx, sqlOrgsToShorten, tx.Tenant(), a.Org, a.After.UUID(), orgBatch); err == nil {
			policies, err = s.inForceOfEach(ctx, tx, orgs)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := s.shorten(ctx, a.Tenant, org, policies[org]); err != nil {
			return err
		}
	}
	if len(orgs) < orgBatch {
		return nil
	}
	a.After = orgs[len(orgs)-1]
	return s.db.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) error { return s.jobs.Insert(ctx, tx, a) })
}

// shorten does it for one organization, by batches that each commit.
func (s *Service) shorten(ctx context.Context, tenant ids.Tenant, org ids.Org, f inForce) error {
	for after := uuid.Nil; ; {
		var read []uuid.UUID
		err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			read, err = db.Scalars[uuid.UUID](ctx, tx, sqlShorten, tx.Tenant(), org, after, shortenBatch, f.began, f.seen, f.AbsoluteSeconds, f.IdleSeconds, tx.Now())
			return err
		})
		if err != nil || len(read) < shortenBatch {
			return err
		}
		after = read[len(read)-1]
	}
}
