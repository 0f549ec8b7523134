package authz

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
)

// Assignment is a role to be given by another capability, which has checked that it may be.
type Assignment struct {
	Org           ids.Org
	Role          ids.Role
	PrincipalKind string // user or group
	Principal     uuid.UUID
	Reach         string // org or subtree
}

// Assign gives a role in org on behalf of the actor of ctx, who must hold what it gives with the same reach.
func (s *Service) Assign(ctx context.Context, tenant ids.Tenant, org ids.Org, role ids.Role, in AssignRoleRequest) (made RoleAssignment, err error) {
	if in.Reach == "" {
		in.Reach = ReachOrg
	}
	principal, err := in.Principal.parse()
	if err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		a := Assignment{Org: org, Role: role, PrincipalKind: principal.Type, Principal: principal.id, Reach: in.Reach}
		row, isNew, err := s.assign(ctx, tx, a, func() error {
			p, err := powerOf(ctx, tx, actor.From(ctx), org)
			if err != nil {
				return err
			}
			_, err = grantable(ctx, tx, p.management(in.Reach == ReachSubtree), org, []ids.Role{role})
			if CodeRoleUnknown.Is(err) {
				return fault.ErrNotFound // the path names it
			}
			return err
		})
		if err == nil && !isNew {
			err = errAssigned.With("Take the role away first to give it with another reach.", nil)
		}
		made = row.view()
		return err
	})
	return made, err
}

// AssignTx gives a role that the caller has checked with CheckGrantable, now or when it was promised. A role that is held
// already is left as it is. tx must see the whole tenant.
func (s *Service) AssignTx(ctx context.Context, tx db.Tx, a Assignment) error {
	_, _, err := s.assign(ctx, tx, a, func() error {
		if err := holdRoles(ctx, tx, []ids.Role{a.Role}); err != nil {
			return err
		}
		found, err := findRoles(ctx, tx, a.Org, []ids.Role{a.Role})
		if err == nil && len(found) == 0 {
			err = CodeRoleUnknown.With("The role does not exist any more, or cannot be assigned in this organization.", nil)
		}
		return err
	})
	return err
}

// assign holds the principal, lets check hold and check the role, and holds the membership: the order in which those who
// remove a person take them.
func (s *Service) assign(ctx context.Context, tx db.Tx, a Assignment, check func() error) (row assignmentRow, isNew bool, err error) {
	there, own, err := holdPrincipal(ctx, tx, a.Org, Principal{Type: a.PrincipalKind, id: a.Principal})
	if err != nil {
		return row, false, err
	}
	if err := check(); err != nil {
		return row, false, err
	}
	if there && !own && a.PrincipalKind == PrincipalUser {
		if own, err = holdMembership(ctx, tx, a.Org, a.Principal); err != nil {
			return row, false, err
		}
	}
	if !own {
		return row, false, errPrincipal.At("/principal/id", "Must be a person who belongs to the organization, or one of its groups.")
	}
	row = assignmentRow{ID: ids.NewAssignment(), Org: a.Org, Role: a.Role, PrincipalKind: a.PrincipalKind, PrincipalID: a.Principal, Reach: a.Reach, CreatedAt: tx.Now()}
	if isNew, err = insertAssignment(ctx, tx, row); err != nil || !isNew {
		return row, isNew, err
	}
	return row, true, s.tell(ctx, tx, eventAssigned, row)
}

// tell writes an event about each assignment, in the log of the organization in which it is.
func (s *Service) tell(ctx context.Context, tx db.Tx, what events.Type[assignmentData], rows ...assignmentRow) error {
	if len(rows) == 0 {
		return nil
	}
	roles := make([]ids.Role, len(rows))
	for i, row := range rows {
		roles[i] = row.Role
	}
	told, err := tellRoles(ctx, tx, list.Distinct(roles))
	if err != nil {
		return err
	}
	facts := make([]events.Fact, len(rows))
	for i, row := range rows {
		facts[i] = what.Of(row.Org, row.ID, row.data(told[row.Role]))
	}
	return s.events.Write(ctx, tx, facts...)
}

func (a assignmentRow) data(role toldRole) assignmentData {
	return assignmentData{App: role.App, AppName: role.AppName, Assignment: a.ID, PrincipalID: ids.Any(principalView(a.PrincipalKind, a.PrincipalID).ID), PrincipalType: a.PrincipalKind,
		Reach: a.Reach, Role: a.Role, RoleName: role.Name}
}

// Unassign takes a role away. An organization's last Administrator keeps it; see [Service.LastAdministrator] for anyway.
func (s *Service) Unassign(ctx context.Context, tenant ids.Tenant, org ids.Org, role ids.Role, id ids.Assignment, anyway bool) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		// Two who take the role from each other queue here.
		if err := lockRole(ctx, tx, role); err != nil {
			return err
		}
		row, err := findAssignment(ctx, tx, org, id)
		if db.IsNoRows(err) || err == nil && row.Role != role {
			return fault.ErrNotFound
		}
		if err != nil {
			return err
		}
		found, err := findRoles(ctx, tx, org, []ids.Role{role})
		if err != nil {
			return err
		}
		p, err := powerOf(ctx, tx, actor.From(ctx), org)
		if err != nil {
			return err
		}
		// Who could not give a role may not take it either: he would lock out those above him. A role that org sees no more
		// is none of the built-in ones, and gives nothing.
		take, last := func() error { return deleteAssignment(ctx, tx, id) }, false
		if len(found) == 1 && !within(found[0].Management, p.management(row.Reach == ReachSubtree)) {
			return aboveGranter()
		}
		if len(found) == 1 && found[0].Builtin && found[0].NameKey == administratorKey {
			last, err = loses(ctx, tx, role, found[0].Org, org, anyway, take)
		} else {
			err = take()
		}
		if err != nil {
			return err
		}
		if last {
			return errLastAdministrator.With(httpapi.AdministratorStays, nil)
		}
		return s.tell(ctx, tx, eventUnassigned, row)
	})
}

// UnassignAllTx takes from a person every role that was given to him in org. Ask LastAdministrator first.
func (s *Service) UnassignAllTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) error {
	if err := lockMembership(ctx, tx, org, user.UUID()); err != nil {
		return err
	}
	return s.unassignAll(ctx, tx, org, PrincipalUser, user.UUID())
}

// UnassignGroupTx takes from a group every role, as when it is deleted.
func (s *Service) UnassignGroupTx(ctx context.Context, tx db.Tx, org ids.Org, group ids.Group) error {
	return s.unassignAll(ctx, tx, org, PrincipalGroup, group.UUID())
}

func (s *Service) unassignAll(ctx context.Context, tx db.Tx, org ids.Org, kind string, principal uuid.UUID) error {
	rows, err := deleteAssignmentsOf(ctx, tx, org, kind, principal)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, eventUnassigned, rows...)
}

// A cascade is taken piece by piece, however many hold the roles.
const (
	takenAtOnce     = 500
	takenOrgsAtOnce = 200
)

// unassignEach takes all that take returns, until it returns less than it was asked for, and tells of each.
func (s *Service) unassignEach(ctx context.Context, tx db.Tx, take func(limit int) ([]assignmentRow, error)) (taken int64, err error) {
	for {
		rows, err := take(takenAtOnce)
		if err != nil {
			return taken, err
		}
		taken += int64(len(rows))
		if err := s.tell(ctx, tx, eventUnassigned, rows...); err != nil || len(rows) < takenAtOnce {
			return taken, err
		}
	}
}

// unassignRoles takes roles that are about to go from everybody who holds them.
func (s *Service) unassignRoles(ctx context.Context, tx db.Tx, roles ...ids.Role) error {
	_, err := s.unassignEach(ctx, tx, func(limit int) ([]assignmentRow, error) { return takeAssignments(ctx, tx, roles, limit) })
	return err
}

// UnassignUnsharedTx takes an app's roles away in the organizations that a share does not reach any more, tells each of them,
// and returns how many assignments that ended.
func (s *Service) UnassignUnsharedTx(ctx context.Context, tx db.Tx, app ids.App) (ended int64, err error) {
	roles, orgs, err := unshared(ctx, tx, app)
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(orgs, takenOrgsAtOnce) {
		n, err := s.unassignEach(ctx, tx, func(limit int) ([]assignmentRow, error) { return takeAssignmentsIn(ctx, tx, roles, some, limit) })
		if err != nil {
			return 0, err
		}
		ended += n
	}
	return ended, nil
}

// ListAssignments returns a page of a role's assignments in org, oldest first.
func (s *Service) ListAssignments(ctx context.Context, tenant ids.Tenant, org ids.Org, role ids.Role, req page.Request) (result page.Result[RoleAssignment], err error) {
	after, _ := uuid.Parse(req.Part(0)) // "" on the first page is the zero UUID, before all others
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := loadRole(ctx, tx, org, role); err != nil {
			return err
		}
		rows, err := listAssignments(ctx, tx, org, role, after, req.Limit())
		cut := page.Cut(req, rows, func(a assignmentRow) []string { return []string{a.ID.UUID().String()} })
		result = page.Map(cut, assignmentRow.view)
		return err
	})
	return result, err
}

// UserRoles returns a page of the roles that count for a person in org, by name.
func (s *Service) UserRoles(ctx context.Context, tenant ids.Tenant, org ids.Org, user ids.User, req page.Request) (result page.Result[HeldRole], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		ok, err := belongs(ctx, tx, org, user)
		if err != nil {
			return err
		}
		if !ok {
			return fault.ErrNotFound
		}
		rows, err := heldRoles(ctx, tx, user, org, positionOf(req), req.Limit())
		cut := page.Cut(req, rows, func(h heldRoleRow) []string { return []string{h.NameKey, h.Assignment.UUID().String()} })
		result = page.Map(cut, func(h heldRoleRow) HeldRole { return h.view(org) })
		return err
	})
	return result, err
}
