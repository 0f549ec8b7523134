package users

import (
	"context"
	"errors"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// CheckRank refuses when a person may do, in any organization that he belongs to, what the actor of ctx may not: whoever
// could set his password or his address would act as him. tx must see the whole tenant.
func (s *Service) CheckRank(ctx context.Context, tx db.Tx, u User) error {
	orgs, err := queryOrgs(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	if !slices.Contains(orgs, u.Org) {
		orgs = append(orgs, u.Org)
	}
	err = s.ranks.CheckUserTx(ctx, tx, orgs, u.ID)
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind == fault.Forbidden {
		return ErrAboveActor.With("Ask somebody who holds every permission that this person holds.", err)
	}
	return err
}

// CheckRankOf is CheckRank for those who know only a person's id. Who is gone is above nobody.
func (s *Service) CheckRankOf(ctx context.Context, tx db.Tx, id ids.User) error {
	u, err := s.Load(ctx, tx, id)
	if fault.CodeNotFound.Is(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.CheckRank(ctx, tx, u)
}
