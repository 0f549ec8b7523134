package authz

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
)

// CheckGrantable returns those roles, in the given order, if they can be assigned in org with reach org by somebody who
// holds the management permissions in held there: they exist, org sees them, and none gives a permission outside held.
// The roles stay as they are until the transaction ends. tx must see the whole tenant: built-in and shared roles are
// other organizations' rows.
func (s *Service) CheckGrantable(ctx context.Context, tx db.Tx, held map[string]bool, org ids.Org, roles []ids.Role) ([]Role, error) {
	rows, err := grantable(ctx, tx, held, org, roles)
	if err != nil {
		return nil, err
	}
	views := make([]Role, len(rows))
	for i, row := range rows {
		views[i] = row.view(org)
	}
	return views, nil
}

func grantable(ctx context.Context, tx db.Tx, held map[string]bool, org ids.Org, roles []ids.Role) ([]roleRow, error) {
	unique := list.Distinct(roles)
	if len(unique) == 0 {
		return nil, nil
	}
	// The lock comes first, in a statement of its own: what is read after it cannot grow before the assignment commits.
	if err := holdRoles(ctx, tx, unique); err != nil {
		return nil, err
	}
	found, err := findRoles(ctx, tx, org, unique)
	if err != nil {
		return nil, err
	}
	ordered := make([]roleRow, 0, len(unique))
	for _, id := range unique {
		i := slices.IndexFunc(found, func(r roleRow) bool { return r.ID == id })
		if i < 0 {
			return nil, CodeRoleUnknown.With("A role does not exist, or cannot be assigned in this organization.", nil)
		}
		if !within(found[i].Management, held) {
			return nil, aboveGranter()
		}
		ordered = append(ordered, found[i])
	}
	return ordered, nil
}

func aboveGranter() error {
	return fault.CodeAboveGranter.With("Only somebody who holds the same permissions, as far down the tree, may give or take them.", nil)
}

func within(names []string, held map[string]bool) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !held[name] })
}

// CheckScopesTx refuses scopes that the actor of ctx may not hand out in org. A management scope must be held by him; a
// scope of an API that another organization defines too, because its owner decides who gets it, by his roles. Scopes of
// org's own APIs are org's to give. With below, what is handed out will hold in org's descendants as well.
func (s *Service) CheckScopesTx(ctx context.Context, tx db.Tx, org ids.Org, names []string, below bool) error {
	_, err := checkScopes(ctx, tx, org, names, below)
	return err
}

// CheckTypesTx refuses authorization details types of an API that the actor of ctx may not hand out in org. Those of org's own APIs are
// org's to give. What those of another organization's API are worth no scope says, so who gives them has to hold all scopes of that API,
// and there has to be one. With below, what is handed out will hold in org's descendants as well.
func (s *Service) CheckTypesTx(ctx context.Context, tx db.Tx, org ids.Org, resource ids.APIResource, below bool) error {
	row, err := loadResource(ctx, tx, org, resource)
	if err != nil || row.Org == org {
		return err
	}
	names, err := scopeNames(ctx, tx, resource)
	if err == nil && len(names) == 0 {
		err = aboveGranter()
	}
	if err != nil {
		return err
	}
	return s.CheckScopesTx(ctx, tx, org, names, below)
}

func checkScopes(ctx context.Context, tx db.Tx, org ids.Org, names []string, below bool) ([]namedScope, error) {
	if len(names) == 0 {
		return nil, nil
	}
	scopes, err := namedScopes(ctx, tx, org, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(scopes, func(s namedScope) bool { return s.Name == name }) {
			return nil, errScopeUnknown.With("A scope does not exist, or its API resource is not seen by this organization.", nil)
		}
	}
	if !slices.ContainsFunc(scopes, func(s namedScope) bool { return s.Management || s.Org != org }) {
		return scopes, nil
	}
	p, err := powerOf(ctx, tx, actor.From(ctx), org)
	if err != nil {
		return nil, err
	}
	management, other := p.management(below), p.other(below)
	for _, s := range scopes {
		if s.Management && !management[s.Name] || !s.Management && s.Org != org && !other[s.Name] {
			return nil, aboveGranter()
		}
	}
	return scopes, nil
}

// CheckGroupTx refuses to let the actor of ctx put somebody into a group, which gives its roles, unless he could assign each
// of those roles with the same reach.
func (s *Service) CheckGroupTx(ctx context.Context, tx db.Tx, group ids.Group) error {
	assignments, err := groupRoles(ctx, tx, group)
	if err != nil || len(assignments) == 0 {
		return err
	}
	org := assignments[0].Org // a group is of one organization and is assigned roles only there
	p, err := powerOf(ctx, tx, actor.From(ctx), org)
	if err != nil {
		return err
	}
	for _, a := range assignments {
		if !within(a.Management, p.management(a.Reach == ReachSubtree)) {
			return aboveGranter()
		}
	}
	return nil
}

// TakeFromGroupTx runs take, by which members of a group lose its roles. As in Unassign, the actor of ctx must be able to
// assign each of those roles. last says that the organization has lost its last Administrator, which anyway allows as in
// [Service.LastAdministrator].
func (s *Service) TakeFromGroupTx(ctx context.Context, tx db.Tx, group ids.Group, anyway bool, take func() error) (last bool, err error) {
	// Those who take the role from each other queue here, before the roles are held.
	role, root, org, err := lockAdministratorOf(ctx, tx, group)
	administers := err == nil
	if err := ignoreNoRows(err); err != nil {
		return false, err
	}
	if err := s.CheckGroupTx(ctx, tx, group); err != nil {
		return false, err
	}
	if !administers {
		return false, take()
	}
	return loses(ctx, tx, role, root, org, anyway, take)
}

// CheckUserTx refuses to let the actor of ctx take over a person, as by setting his password, who holds a management
// permission in one of the organizations that the actor lacks there.
func (s *Service) CheckUserTx(ctx context.Context, tx db.Tx, orgs []ids.Org, user ids.User) error {
	rows, err := ownScopes(ctx, tx, user, orgs)
	if err != nil || len(rows) == 0 {
		return err
	}
	held := make([]ids.Org, len(rows))
	for i, h := range rows {
		held[i] = h.Org
	}
	powers, err := powersOf(ctx, tx, actor.From(ctx), list.Distinct(held))
	if err != nil {
		return err
	}
	for _, h := range rows {
		if !powers[h.Org].management(h.Below)[h.Name] {
			return aboveGranter()
		}
	}
	return nil
}

// CheckMoveTx refuses to let the actor of ctx put org under another parent, unless he holds in org, with reach subtree,
// every management permission that somebody gets over it that way: by a role with reach subtree, or as a client, of an
// organization that org comes to lie below. Else who may move an organization under one that he administers would
// administer both.
func (s *Service) CheckMoveTx(ctx context.Context, tx db.Tx, org, parent ids.Org) error {
	gained, err := gainedByMove(ctx, tx, org, parent)
	if err != nil || len(gained) == 0 {
		return err
	}
	p, err := powerOf(ctx, tx, actor.From(ctx), org)
	if err == nil && !within(gained, p.management(true)) {
		err = aboveGranter()
	}
	return err
}

// LastAdministrator reports whether an organization, org or any if that is zero, has no other active Administrator than a
// person, who is one directly or by a group; at the root, of the whole tree. Who is Administrator above does not count: a
// customer is not left to the vendor by accident. anyway says that the actor of ctx wants just that, which is heard if
// he acts from above the organization. Until the transaction ends nobody else can be taken the role, so that two who remove
// each other cannot both succeed.
func (s *Service) LastAdministrator(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, anyway bool) (bool, error) {
	role, root, err := lockAdministrator(ctx, tx)
	if err != nil {
		return false, ignoreNoRows(err)
	}
	alone, err := administersAlone(ctx, tx, role, root, user)
	if err != nil {
		return false, err
	}
	for _, o := range alone {
		if !org.IsZero() && o != org {
			continue
		}
		if may, err := mayAbandon(ctx, tx, root, o, anyway); err != nil || !may {
			return err == nil, err
		}
	}
	return false, nil
}

// mayAbandon reports whether the actor of ctx may leave org without an Administrator, and wants to.
func mayAbandon(ctx context.Context, tx db.Tx, root, org ids.Org, anyway bool) (bool, error) {
	if !anyway || org == root {
		return false, nil
	}
	return liesBelow(ctx, tx, org, actor.From(ctx).Org)
}

// loses runs take and reports whether org has lost its last active Administrator by it and may not.
func loses(ctx context.Context, tx db.Tx, role ids.Role, root, org ids.Org, anyway bool, take func() error) (bool, error) {
	before, err := hasAdministrator(ctx, tx, role, root, org)
	if err != nil {
		return false, err
	}
	if err := take(); err != nil || !before {
		return false, err
	}
	after, err := hasAdministrator(ctx, tx, role, root, org)
	if err != nil || after {
		return false, err
	}
	may, err := mayAbandon(ctx, tx, root, org, anyway)
	return err == nil && !may, err
}

// ignoreNoRows: a transaction bound to an organization below the root does not see the root's roles, and most groups have
// no Administrator's.
func ignoreNoRows(err error) error {
	if db.IsNoRows(err) {
		return nil
	}
	return err
}
