package sessions

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/tenants/settings"
)

// Policy are an organization's settings for the sessions that begin in it.
type Policy struct {
	AbsoluteSeconds int `json:"absolute_seconds" minimum:"300" maximum:"31622400" stricter:"less" doc:"How long a person stays signed in before the password is asked for again, however much the session is used. A shorter time holds for sessions that there are, as long as it is set; a longer one than a session began with for new ones only."`
	IdleSeconds     int `json:"idle_seconds" minimum:"60" maximum:"31622400" stricter:"less" doc:"How long a session may go unused before it ends."`
}

var policyModule = settings.Declare("sessions", "How long people stay signed in to the organization.", Policy{AbsoluteSeconds: 24 * 3600, IdleSeconds: 2 * 3600})

func (l Lifetimes) policy() Policy {
	return Policy{AbsoluteSeconds: int(l.Absolute / time.Second), IdleSeconds: int(l.Idle / time.Second)}
}

func (p Policy) absolute() time.Duration { return time.Duration(p.AbsoluteSeconds) * time.Second }

func (p Policy) idle() time.Duration { return time.Duration(p.IdleSeconds) * time.Second }

// until is when a session ends at the latest.
func (p Policy) until(s Session) time.Time {
	if end := s.BeganAt.Add(p.absolute()); end.Before(s.ExpiresAt) {
		return end
	}
	return s.ExpiresAt
}

// alive looks at the session alone.
func (p Policy) alive(now time.Time, s Session) bool {
	return s.EndedAt == nil && now.Before(p.until(s)) && now.Sub(s.LastSeenAt) < p.idle()
}

// WithSettings lets organizations set how long their sessions last; the lifetimes of New are the default. It is called while
// the program is put together.
func (s *Service) WithSettings(all *settings.Service) {
	s.life = settings.Bind(all, policyModule, s.installed.policy())
}

// liveOfUser lists a person's sessions that have not run out, the newest first, at most limit.
func (s *Service) liveOfUser(ctx context.Context, tx db.Tx, user ids.User, limit int) ([]Session, error) {
	orgs, err := db.Scalars[ids.Org](ctx, tx, sqlOrgsOfUser, tx.Tenant(), user, tx.Now())
	if err != nil || len(orgs) == 0 {
		return nil, err
	}
	policies, err := s.life.ResolveEach(ctx, tx, orgs)
	if err != nil {
		return nil, err
	}
	began, seen := make([]time.Time, len(orgs)), make([]time.Time, len(orgs))
	for i, org := range orgs {
		began[i], seen[i] = tx.Now().Add(-policies[org].absolute()), tx.Now().Add(-policies[org].idle())
	}
	rows, err := db.Collect[Session](ctx, tx, sqlListUser, tx.Tenant(), user, tx.Now(), limit, orgs, began, seen)
	for i, row := range rows {
		rows[i].ExpiresAt = policies[row.Org].until(row)
	}
	return rows, err
}
