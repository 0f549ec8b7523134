package invitations

import (
	"context"
	"errors"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Why the promise of an invitation is not kept.
const (
	refusedBeyond = "beyond_inviter" // he may not give any more what it promises, or may not invite
	refusedGone   = "inviter_gone"   // he was deleted, disabled or locked, or does not belong any more; a client likewise
)

// refusal says why an invitation's promise is not kept now, or "". A role or a group that is gone since, or a role
// that is not shared with the organization any more, is not promised any more.
func (s *Service) refusal(ctx context.Context, tx db.Tx, inv Invitation) (string, error) {
	a := inv.PromisedBy.In(tx.Tenant())
	if a.Kind == "" {
		return refusedGone, nil
	}
	ctx = actor.Into(ctx, a)
	standing, err := s.Sessions.Standing(ctx, tx, sessions.OfActor(a))
	if err != nil || standing.Blocked {
		return refusedGone, err
	}
	held, err := s.Roles.HeldTx(ctx, tx, inv.Org)
	if err != nil {
		return "", err
	}
	if !held[permWrite.Name()] {
		return refusedBeyond, nil
	}
	for _, id := range inv.Roles {
		one := inv
		one.Roles = []ids.Role{id}
		if err := s.checkRoles(ctx, tx, held, one); isBeyond(err) {
			return refusedBeyond, nil
		} else if err != nil && !isGone(err) {
			return "", err
		}
	}
	for _, id := range inv.Groups {
		if err := s.Groups.CheckTx(ctx, tx, inv.Org, id); isBeyond(err) {
			return refusedBeyond, nil
		} else if err != nil && !isGone(err) {
			return "", err
		}
	}
	return "", nil
}

// isBeyond reports whether a check says that its actor may not give something.
func isBeyond(err error) bool { return kindOf(err) == fault.Forbidden }

// isGone reports whether a check says that there is nothing to give.
func isGone(err error) bool {
	kind := kindOf(err)
	return kind == fault.Invalid || kind == fault.NotFound
}

func kindOf(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code.Kind
	}
	return fault.Internal
}

// keep is refusal as an error, for those who are about to accept.
func (s *Service) keep(ctx context.Context, tx db.Tx, inv Invitation) error {
	why, err := s.refusal(ctx, tx, inv)
	if err == nil && why != "" {
		err = broken{inv, why}
	}
	return err
}

// broken ends a transaction that would have kept a promise which does not hold any more.
type broken struct {
	inv Invitation
	why string
}

func (b broken) Error() string { return "invitations: " + b.why }

// told writes down for those who look after invitations, and once only, why one is refused, or that it is not any more; and
// turns the error into what the person is told. It is called after the transaction.
func (s *Service) told(ctx context.Context, tenant ids.Tenant, inv Invitation, err error) error {
	var b broken
	if errors.As(err, &b) {
		inv = b.inv
	}
	if (err != nil && b.why == "") || inv.Refused == b.why {
		return refused(err)
	}
	failed := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		news, err := updateRefused(ctx, tx, inv, b.why)
		if err != nil || !news || b.why == "" {
			return err
		}
		return s.events.Write(ctx, tx, eventRefused.Of(inv.Org, inv.ID, refusedData{Reason: b.why}))
	})
	if failed != nil {
		return failed
	}
	return refused(err)
}

func refused(err error) error {
	var b broken
	if !errors.As(err, &b) {
		return err
	}
	return CodeRefused.With("Whoever invited you can let nobody in now. Ask for an invitation by somebody else.", err)
}
