package support

import (
	"context"
	"time"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
)

type openedData struct {
	ExpiresAt time.Time `json:"expires_at" audit:"public"`
	Mode      string    `json:"mode" audit:"public"`
	Reason    string    `json:"reason,omitempty" audit:"public"`
}

type closedData struct{}

var (
	eventOpened = events.Declare[openedData]("support_access.opened", "An organization let those above it act as its people for a time.")
	eventClosed = events.Declare[closedData]("support_access.closed", "An organization ended, before its time, that those above it may act as its people. What was issued for that ended with it.")
)

// OpenTx allows it in an organization, in which the actor of ctx, one of its own people, has to act. tx must be from the tenant's door.
func (s *Service) OpenTx(ctx context.Context, tx db.Tx, org ids.Org, mode, reason string, life time.Duration) (Access, error) {
	who := actor.From(ctx)
	own := who.Kind == actor.User && who.Org == org && who.Impersonator.IsZero()
	if own {
		var err error
		if own, err = s.livesIn(ctx, tx, who.User, org); err != nil {
			return Access{}, err
		}
	}
	if !own {
		return Access{}, errNotOwn.With("Somebody who lives in this organization, or below it, and is signed in to it has to open the access.", nil)
	}
	standing, err := s.ports.Sessions.Standing(ctx, tx, sessions.Subjects{Org: org})
	if err != nil {
		return Access{}, err
	}
	a := Access{ID: ids.NewSupportAccess(), Org: org, Mode: mode, Reason: reason, OpenedBy: who.User, Stamp: standing.Stamp, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(life)}
	if err := insert(ctx, tx, a); err != nil {
		return Access{}, err
	}
	return a, s.events.Write(ctx, tx, eventOpened.Of(a.Org, a.ID, openedData{ExpiresAt: a.ExpiresAt, Mode: a.Mode, Reason: a.Reason}))
}

// CloseTx ends an access of the organization of the door, and everything that was issued by it. What is over stays so.
func (s *Service) CloseTx(ctx context.Context, tx db.OrgTx, id ids.SupportAccess) error {
	if _, err := load(ctx, tx, id); err != nil {
		return db.OrNotFound(err)
	}
	open, err := closeNow(ctx, tx, id)
	if err != nil || !open {
		return err
	}
	if err := tx.Block(ctx, db.KindSupport, id.UUID(), "support_access.closed"); err != nil {
		return err
	}
	return s.events.Write(ctx, tx.Tx, eventClosed.Of(tx.Org(), id, closedData{}))
}

// OpenFor returns the access by which a person may act as people of org: the widest that is open. Of those who live in org or below it
// nobody has to be asked: theirs is a full one without an id. tx must be from the tenant's door.
func (s *Service) OpenFor(ctx context.Context, tx db.Tx, org ids.Org, person ids.User) (Access, bool, error) {
	who, err := s.ports.Users.Load(ctx, tx, person)
	if err != nil {
		return Access{}, false, err
	}
	own, err := isWithin(ctx, tx, who.Org, org)
	if err != nil || own {
		return Access{Org: org, Mode: ModeFull}, own, err
	}
	all, err := openFor(ctx, tx, org, who.Org)
	for _, a := range all {
		if good, err := s.stands(ctx, tx, a); err != nil || good {
			return a, good, err
		}
	}
	return Access{}, false, err
}

// stands reports whether who opened an access may still do so, and whether its organization is where it was in the tree: it has said
// nothing to those whom it came to lie below.
func (s *Service) stands(ctx context.Context, tx db.Tx, a Access) (bool, error) {
	now, err := s.ports.Sessions.Standing(ctx, tx, sessions.Subjects{Org: a.Org})
	if err != nil || !now.Good(a.Stamp) {
		return false, err
	}
	opener := actor.Actor{Kind: actor.User, Tenant: tx.Tenant(), Org: a.Org, User: a.OpenedBy, Scopes: map[string]bool{permWrite.Name(): true}}
	standing, err := s.ports.Sessions.Standing(ctx, tx, sessions.OfActor(opener))
	if err != nil || standing.Blocked {
		return false, err
	}
	held, err := s.ports.Roles.HeldTx(actor.Into(ctx, opener), tx, a.Org)
	return held[permWrite.Name()], err
}

// livesIn reports whether a person's home is an organization or lies below it. Guests live elsewhere.
func (s *Service) livesIn(ctx context.Context, tx db.Tx, person ids.User, org ids.Org) (bool, error) {
	who, err := s.ports.Users.Load(ctx, tx, person)
	if err != nil {
		return false, err
	}
	return isWithin(ctx, tx, who.Org, org)
}
