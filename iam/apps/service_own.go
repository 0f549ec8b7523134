package apps

import (
	"cmp"
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Shares is asked whether another organization's app is shared with one. orgs/sharing.
type Shares interface {
	IsSharedTx(ctx context.Context, tx db.Tx, org ids.Org, app ids.App) (bool, error)
}

// WithShares tells the service who knows of shares. Without it an app is seen by its owner alone. It is called once, before the program
// starts.
func (s *Service) WithShares(shares Shares) { s.shares = shares }

// NotOwnTx is why org cannot change an app that it does not own: the app is shared with it, or there is none that it may know of.
func (s *Service) NotOwnTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) error {
	shared, err := s.isShared(ctx, tx, org, id)
	if err == nil && shared {
		return ErrShared.With("The organization has the app, and does not own it.", nil)
	}
	return cmp.Or(err, error(fault.ErrNotFound))
}

func (s *Service) isShared(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (bool, error) {
	if s.shares == nil {
		return false, nil
	}
	return s.shares.IsSharedTx(ctx, tx, org, id)
}

// See returns an app that org owns, or an enabled one that is shared with it.
func (s *Service) See(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App) (found VersionedApp, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := findApp(ctx, tx, org, id)
		if db.IsNoRows(err) {
			shared, asked := s.isShared(ctx, tx, org, id)
			if asked != nil || !shared {
				return cmp.Or(asked, error(fault.ErrNotFound))
			}
			row, err = findShared(ctx, tx, id)
		}
		found = row.versioned()
		return db.OrNotFound(err)
	})
	return found, err
}

// checkOwn says why an app of an organization below the root may not have the grants that it asks for. A customer's administrator gives
// its people no app that sees their passwords, sends tokens through their browsers, or acts as somebody else.
func checkOwn(ctx context.Context, tx db.Tx, a appRow) error {
	if a.Source != SourceManaged {
		return nil // registration has rules of its own
	}
	root, err := isRoot(ctx, tx, a.Org)
	switch {
	case err != nil || root:
		return err
	case slices.Contains(a.GrantTypes, GrantPassword):
		return errGrantTypes.At("/grant_types", "Must not have password for an app of an organization below the root.")
	case !slices.Equal(a.OIDC.complete(a.ClientType).ResponseTypes, []string{"code"}):
		return errGrantTypes.At("/response_types", "Must be code alone for an app of an organization below the root.")
	}
	return nil
}

// turn keeps in mind who has disabled an app, and refuses to let an organization enable what one above has disabled.
func turn(ctx context.Context, tx db.Tx, a *appRow) error {
	by := actor.From(ctx)
	above := (by.Kind == actor.Client || by.Kind == actor.User) && by.Org != a.Org
	switch {
	case !a.Enabled && above:
		if a.TurnedOffBy != nil {
			if higher, err := isWithin(ctx, tx, *a.TurnedOffBy, by.Org); err != nil || !higher {
				return err // what a higher one has said stands
			}
		}
		a.TurnedOffBy = &by.Org
	case a.Enabled && a.TurnedOffBy != nil:
		if by.Kind != actor.System {
			may, err := isWithin(ctx, tx, *a.TurnedOffBy, by.Org)
			if err != nil {
				return err
			}
			if !may {
				return errTurnedOff.With("The organization that turned_off_by names has disabled the app.", nil)
			}
		}
		a.TurnedOffBy = nil
	}
	return nil
}
