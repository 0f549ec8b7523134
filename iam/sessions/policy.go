package sessions

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/tenants/settings"
)

// Policy are an organization's settings for the sessions that begin in it.
//
// A session expires when it is as old as AbsoluteSeconds says, and lapses when it was not used for IdleSeconds: nobody signs in by it
// any more, but what apps hold goes on until it expires, as somebody may be at work in them. Each row keeps both moments, as they were
// when it began and was last used. What has come to be shorter since holds as well; what it ended stays ended when the setting becomes
// longer again, which the history of the settings tells.
type Policy struct {
	AbsoluteSeconds int `json:"absolute_seconds" minimum:"300" maximum:"31622400" stricter:"less" doc:"How long a person stays signed in before the password is asked for again, however much the session is used. A shorter time holds for sessions that there are, and what it ended stays ended; a longer one is for new sessions only."`
	IdleSeconds     int `json:"idle_seconds" minimum:"60" maximum:"31622400" stricter:"less" doc:"How long a session may go unused: after that nobody signs in by it any more. Apps that the person signed in to before keep their access until the absolute time is over. What a shorter time ended stays ended; a longer one holds from the next use."`
}

var policyModule = settings.Declare("sessions", "How long people stay signed in to the organization. Who began elsewhere and goes on to it, by a sign-in or a switch, has to be within these times then, and what apps get there lasts no longer; a change holds for whoever comes after it.", Policy{AbsoluteSeconds: 24 * 3600, IdleSeconds: 2 * 3600})

const fieldAbsolute, fieldIdle = "absolute_seconds", "idle_seconds"

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

// inForce is what holds for the sessions of an organization.
type inForce struct {
	Policy
	began, seen time.Time // what began, or was last used, no later than this was over before the policy became longer
}

// since returns the moments after which a session that is good now has begun and was last used.
func (f inForce) since(now time.Time) (began, seen time.Time) {
	return later(now.Add(-f.absolute()), f.began), later(now.Add(-f.idle()), f.seen)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// alive looks at the session alone.
func (f inForce) alive(now time.Time, s Session) bool {
	began, seen := f.since(now)
	return s.EndedAt == nil && now.Before(s.ExpiresAt) && now.Before(s.LapsesAt) && s.BeganAt.After(began) && s.LastSeenAt.After(seen)
}

// WithSettings lets organizations set how long their sessions last; the lifetimes of New are the default. It is called while
// the program is put together.
func (s *Service) WithSettings(all *settings.Service) {
	s.life, s.kept = settings.Bind(all, policyModule, s.installed.policy()), settings.Kept[inForce](all)
}

// inForce reads what holds in an organization, from memory where nothing has changed.
func (s *Service) inForce(ctx context.Context, tx db.Tx, org ids.Org) (inForce, error) {
	if s.kept == nil {
		return inForce{Policy: s.installed.policy()}, nil
	}
	return s.kept.Get(ctx, tx.Tenant().UUID(), org.String(), func(ctx context.Context) (inForce, error) {
		each, err := s.inForceOfEach(ctx, tx, []ids.Org{org})
		return each[org], err
	})
}

func (s *Service) inForceOfEach(ctx context.Context, tx db.Tx, orgs []ids.Org) (map[ids.Org]inForce, error) {
	policies, err := s.life.ResolveEach(ctx, tx, orgs)
	if err != nil {
		return nil, err
	}
	before := map[ids.Org]map[string]time.Time{}
	if s.kept != nil {
		if before, err = policyModule.Before(ctx, tx, orgs, fieldAbsolute, fieldIdle); err != nil {
			return nil, err
		}
	}
	each := make(map[ids.Org]inForce, len(orgs))
	for _, org := range orgs {
		each[org] = inForce{Policy: policies[org], began: before[org][fieldAbsolute], seen: before[org][fieldIdle]}
	}
	return each, nil
}

// SufficesIn reports whether a good session is proof enough in an organization where it may not have begun: it would be good there
// too, and until when at the latest. Else the person proves himself there, and has a session of that organization.
func (s *Service) SufficesIn(ctx context.Context, tx db.Tx, session Session, org ids.Org) (until time.Time, enough bool, err error) {
	if session.Org == org {
		return session.ExpiresAt, true, nil
	}
	f, err := s.inForce(ctx, tx, org)
	if err != nil {
		return time.Time{}, false, err
	}
	began, seen := f.since(tx.Now())
	return f.until(session), session.BeganAt.After(began) && session.LastSeenAt.After(seen) && session.Idled < f.IdleSeconds, nil
}

// liveOfUser lists a person's sessions that have not run out, the newest first, at most limit.
func (s *Service) liveOfUser(ctx context.Context, tx db.Tx, user ids.User, limit int) ([]Session, error) {
	orgs, err := db.Scalars[ids.Org](ctx, tx, sqlOrgsOfUser, tx.Tenant(), user, tx.Now())
	if err != nil || len(orgs) == 0 {
		return nil, err
	}
	each, err := s.inForceOfEach(ctx, tx, orgs)
	if err != nil {
		return nil, err
	}
	began, seen := make([]time.Time, len(orgs)), make([]time.Time, len(orgs))
	for i, org := range orgs {
		began[i], seen[i] = each[org].since(tx.Now())
	}
	rows, err := db.Collect[Session](ctx, tx, sqlListUser, tx.Tenant(), user, newest, tx.Now(), orgs, seen, began, limit)
	for i, row := range rows {
		rows[i].ExpiresAt = each[row.Org].until(row)
	}
	return rows, err
}
