package users

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// checkRank compares the management permissions of u, organization by organization, with those of the actor. held are
// the actor's in the organization at.
func (s *Service) checkRank(ctx context.Context, tx db.Tx, a actor.Actor, at ids.Org, held map[string]bool, u User) error {
	if a.Kind == actor.System || a.Kind == actor.Operator {
		return nil
	}
	orgs, err := queryOrgs(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	if !slices.Contains(orgs, u.Org) {
		orgs = append(orgs, u.Org)
	}
	for _, org := range orgs {
		theirs, err := s.scopes.ScopesOf(ctx, tx, u.ID, org)
		if err != nil {
			return err
		}
		if !grantsAny(theirs) {
			continue
		}
		mine := held
		if org != at {
			if mine, err = s.heldIn(ctx, tx, a, org); err != nil {
				return err
			}
		}
		for _, p := range perm.All() {
			if theirs[p.Name()] && !mine[p.Name()] {
				return errAboveActor.With("Ask somebody who holds every permission that this person holds.", nil)
			}
		}
	}
	return nil
}

func grantsAny(scopes map[string]bool) bool {
	return slices.ContainsFunc(perm.All(), func(p perm.Permission) bool { return scopes[p.Name()] })
}

// heldIn is what the actor holds in an organization that his request does not name, within the bounds of his token.
func (s *Service) heldIn(ctx context.Context, tx db.Tx, a actor.Actor, org ids.Org) (map[string]bool, error) {
	if a.Kind == actor.Client {
		within, err := queryIsWithin(ctx, tx, org, a.Org)
		if err != nil || !within {
			return nil, err
		}
		return a.Scopes, nil
	}
	granted, err := s.scopes.ScopesOf(ctx, tx, a.User, org)
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for name := range granted {
		held[name] = a.Scopes[name]
	}
	return held, nil
}
