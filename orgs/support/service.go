package support

import (
	"context"
	"time"

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

// OpenTx allows it in the organization of the door, in which the actor of ctx, a person, has to act.
func (s *Service) OpenTx(ctx context.Context, tx db.OrgTx, mode, reason string, life time.Duration) (Access, error) {
	who := actor.From(ctx)
	if who.Kind != actor.User || who.Org != tx.Org() || !who.Impersonator.IsZero() {
		return Access{}, errNotOwn.With("Somebody who is signed in to this organization has to open the access.", nil)
	}
	a := Access{ID: ids.NewSupportAccess(), Org: tx.Org(), Mode: mode, Reason: reason, OpenedBy: who.User, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(life)}
	if err := insert(ctx, tx, a); err != nil {
		return Access{}, err
	}
	return a, s.events.Write(ctx, tx.Tx, eventOpened.Of(a.Org, a.ID, openedData{ExpiresAt: a.ExpiresAt, Mode: a.Mode, Reason: a.Reason}))
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

// OpenFor returns the access by which somebody of the organization from may act as people of org, which lies below it: the widest
// that is open. tx must be from the tenant's door.
func (s *Service) OpenFor(ctx context.Context, tx db.Tx, org, from ids.Org) (Access, bool, error) {
	a, err := db.CollectOne[Access](ctx, tx, sqlOpen, tx.Tenant(), org, from, tx.Now())
	if db.IsNoRows(err) {
		return Access{}, false, nil
	}
	return a, err == nil, err
}
