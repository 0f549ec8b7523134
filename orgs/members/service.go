package members

import (
	"context"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

// The kinds of membership.
const (
	Invited  = "invited"
	Resident = "resident"
	Shared   = "shared"
)

const (
	reasonJoined = "member.added"
	reasonLeft   = "member.removed"
)

// AddTx makes a person a member; a member stays what he is. tx may be bound to the organization. Errors: resource.not_found,
// and those of [Seats].
func (s *Service) AddTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, kind string) (Membership, error) {
	// Locks are taken in one order everywhere: the person, the balances of seats, roles, the rest.
	switch there, err := holdUser(ctx, tx, user); {
	case err != nil:
		return Membership{}, err
	case !there:
		return Membership{}, fault.ErrNotFound
	}
	if err := s.Seats.Take(ctx, tx, org, user.UUID(), reasonJoined); err != nil {
		return Membership{}, err
	}
	m := Membership{ID: ids.NewMembership(), Org: org, User: user, Kind: kind, CreatedAt: tx.Now()}
	switch n, err := insertMembership(ctx, tx, m); {
	case err != nil:
		return Membership{}, err
	case n == 0:
		return queryFind(ctx, tx, org, user)
	}
	back, err := wasHere(ctx, tx, org, user)
	if err != nil {
		return Membership{}, err
	}
	if back {
		if err := tx.Unblock(ctx, db.KindMembership, ids.Pair(org.UUID(), user.UUID()), reasonJoined); err != nil {
			return Membership{}, err
		}
	}
	return m, s.events.Write(ctx, tx, eventAdded.Of(org, user, memberData{Kind: kind}))
}

// JoinTx is AddTx for those who do not need the membership.
func (s *Service) JoinTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, kind string) error {
	_, err := s.AddTx(ctx, tx, org, user, kind)
	return err
}

// RemoveTx ends a membership. A resident is deleted. tx must see the whole tenant. Errors: resource.not_found,
// user.last_administrator, unless anyway as [users.Ranks] has it.
func (s *Service) RemoveTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, anyway bool) error {
	m, err := queryFind(ctx, tx, org, user)
	if db.IsNoRows(err) {
		return fault.ErrNotFound
	}
	if err != nil {
		return err
	}
	if m.Kind == Resident {
		return s.Users.DeleteTx(ctx, tx, user, anyway)
	}
	return s.leave(ctx, tx, []Membership{m}, anyway)
}

// leave ends memberships of one person, in the order of their organizations.
func (s *Service) leave(ctx context.Context, tx db.Tx, all []Membership, anyway bool) error {
	for _, m := range all {
		if err := s.Seats.Release(ctx, tx, m.Org, m.User.UUID(), reasonLeft); err != nil {
			return err
		}
	}
	for _, m := range all {
		if err := s.end(ctx, tx, m, anyway); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) end(ctx context.Context, tx db.Tx, m Membership, anyway bool) error {
	if err := s.Users.KeepAdministrator(ctx, tx, m.Org, m.User, anyway); err != nil {
		return err
	}
	if err := tx.Block(ctx, db.KindMembership, ids.Pair(m.Org.UUID(), m.User.UUID()), reasonLeft); err != nil {
		return err
	}
	if err := s.Sessions.EndForUserInOrgTx(ctx, tx, m.Org, m.User, reasonLeft); err != nil {
		return err
	}
	if err := s.Roles.UnassignAllTx(ctx, tx, m.Org, m.User); err != nil {
		return err
	}
	if err := s.Groups.RemoveFromAllTx(ctx, tx, m.Org, m.User); err != nil {
		return err
	}
	switch n, err := deleteMembership(ctx, tx, m.Org, m.User); {
	case err != nil:
		return err
	case n == 0:
		return fault.ErrNotFound // somebody was faster
	}
	return s.events.Write(ctx, tx, eventRemoved.Of(m.Org, m.User, memberData{Kind: m.Kind}))
}

// settle makes a new person a member of his own organization.
func (s *Service) settle(ctx context.Context, tx db.Tx, u users.User) error {
	return s.JoinTx(ctx, tx, u.Org, u.ID, Resident)
}

// leaveAll ends the memberships of a person who is about to be deleted.
func (s *Service) leaveAll(ctx context.Context, tx db.Tx, u users.User, anyway bool) error {
	all, err := queryOfUser(ctx, tx, u.ID)
	if err != nil {
		return err
	}
	return s.leave(ctx, tx, all, anyway)
}

// IsMember reports whether a person belongs to an organization.
func (s *Service) IsMember(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (bool, error) {
	_, err := queryFind(ctx, tx, org, user)
	if db.IsNoRows(err) {
		return false, nil
	}
	return err == nil, err
}

// OrgsOf returns a page of the organizations that a person belongs to, by name: those with part somewhere in the name or the
// handle, or all. tx must see the whole tenant.
func (s *Service) OrgsOf(ctx context.Context, tx db.Tx, user ids.User, part string, req page.Request) (page.Result[MemberOrg], error) {
	found, err := queryOrgs(ctx, tx, user, text.Key(part), req)
	return page.Cut(req, found, func(o MemberOrg) []string { return []string{o.NameKey, o.ID.UUID().String()} }), err
}
