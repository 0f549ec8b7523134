package authz

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
)

// VersionedRole is a role with the version that If-Match names.
type VersionedRole struct {
	Role
	Version int64
}

// RoleFilter narrows a list of roles; empty fields select all.
type RoleFilter struct {
	AudienceType string
	App          ids.App
	Permission   string // the name of a scope that the roles give
}

// ListRoles returns a page of the roles that can be assigned in org, by name.
func (s *Service) ListRoles(ctx context.Context, tenant ids.Tenant, org ids.Org, f RoleFilter, req page.Request) (result page.Result[Role], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listRoles(ctx, tx, org, f.AudienceType, f.App, f.Permission, positionOf(req), req.Limit())
		cut := page.Cut(req, rows, func(r roleRow) []string { return []string{r.NameKey, r.ID.UUID().String()} })
		result = page.Map(cut, func(r roleRow) Role { return r.view(org) })
		return err
	})
	return result, err
}

// CreateRole makes a role that org defines.
func (s *Service) CreateRole(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateRoleRequest) (made VersionedRole, err error) {
	row := roleRow{ID: ids.NewRole(), Org: org, Version: 1}
	if row.Name, row.NameKey, err = cleanName("/name", in.Name); err != nil {
		return made, err
	}
	if row.Description, err = cleanText("/description", in.Description); err != nil {
		return made, err
	}
	var app ids.App
	if row.AudienceType, row.AudienceID, app, err = parseAudience(in.Audience, org); err != nil {
		return made, err
	}
	names := sorted(in.Permissions)
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if !app.IsZero() {
			owner, err := appOwner(ctx, tx, app)
			if err != nil {
				return err
			}
			if owner != org {
				return errAudience.At("/audience/id", "Must be an app of this organization.")
			}
		}
		row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
		if err := insertRole(ctx, tx, row); err != nil {
			return nameTaken(err)
		}
		if err := setPermissions(ctx, tx, row, names, false); err != nil {
			return err
		}
		row.Permissions = names
		made = VersionedRole{row.view(org), 1}
		return s.tellRole(ctx, tx, eventRoleCreated, row)
	})
	return made, err
}

// parseAudience reads a request's audience; app is zero for an organization's.
func parseAudience(in *RoleAudience, org ids.Org) (kind string, id uuid.UUID, app ids.App, err error) {
	if in == nil {
		return AudienceOrganization, org.UUID(), app, nil
	}
	if in.Type == AudienceApplication {
		if err := app.UnmarshalText([]byte(in.ID)); err != nil || app.IsZero() {
			return "", id, app, errAudience.At("/audience/id", "Must be the identifier of an app: app_….")
		}
		return AudienceApplication, app.UUID(), app, nil
	}
	var named ids.Org
	if err := named.UnmarshalText([]byte(in.ID)); err != nil || (!named.IsZero() && named != org) {
		return "", id, app, errAudience.At("/audience/id", "Must be this organization.")
	}
	return AudienceOrganization, org.UUID(), app, nil
}

// UpdateRole changes a role that org defines. version 0 is any.
func (s *Service) UpdateRole(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Role, version int64, in UpdateRoleRequest) (changed VersionedRole, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnRole(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		if in.Name != nil {
			if row.Name, row.NameKey, err = cleanName("/name", *in.Name); err != nil {
				return err
			}
		}
		if in.Description != nil {
			if row.Description, err = cleanText("/description", *in.Description); err != nil {
				return err
			}
		}
		if err := updateRole(ctx, tx, row); err != nil {
			return nameTaken(err)
		}
		if in.Permissions != nil {
			below, err := heldBeyond(ctx, tx, row)
			if err != nil {
				return err
			}
			names := sorted(*in.Permissions)
			if err := setPermissions(ctx, tx, row, names, below); err != nil {
				return err
			}
			row.Permissions = names
		}
		row.UpdatedAt = tx.Now()
		changed = VersionedRole{row.view(org), row.Version + 1}
		return s.tellRole(ctx, tx, eventRoleUpdated, row)
	})
	return changed, err
}

// DeleteRole deletes a role that org defines, and with it its assignments, for an actor who could assign it. version 0 is
// any.
func (s *Service) DeleteRole(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Role, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnRole(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		if err := checkTaken(ctx, tx, row, row.Management); err != nil {
			return err
		}
		return s.deleteRoles(ctx, tx, row)
	})
}

// deleteRoles takes roles from everybody who holds them, and deletes them.
func (s *Service) deleteRoles(ctx context.Context, tx db.Tx, rows ...roleRow) error {
	if len(rows) == 0 {
		return nil
	}
	roles := make([]ids.Role, len(rows))
	for i, row := range rows {
		roles[i] = row.ID
	}
	if err := s.unassignRoles(ctx, tx, roles...); err != nil {
		return err
	}
	if err := s.tellRole(ctx, tx, eventRoleDeleted, rows...); err != nil {
		return err
	}
	return deleteRoles(ctx, tx, roles)
}

// tellRole writes an event about each role, which is there.
func (s *Service) tellRole(ctx context.Context, tx db.Tx, what events.Type[roleData], rows ...roleRow) error {
	roles := make([]ids.Role, len(rows))
	for i, row := range rows {
		roles[i] = row.ID
	}
	told, err := tellRoles(ctx, tx, roles)
	if err != nil {
		return err
	}
	facts := make([]events.Fact, len(rows))
	for i, row := range rows {
		r := told[row.ID]
		facts[i] = what.Of(row.Org, row.ID, roleData{App: r.App, AppName: r.AppName, Name: row.Name, Permissions: row.Permissions})
	}
	return s.events.Write(ctx, tx, facts...)
}

// DeleteAppRolesTx deletes the roles of an app that goes, or that turns to organization roles, for an actor who could
// assign them.
func (s *Service) DeleteAppRolesTx(ctx context.Context, tx db.Tx, app ids.App) error {
	rows, err := lockAppRoles(ctx, tx, app)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := checkTaken(ctx, tx, row, row.Management); err != nil {
			return err
		}
	}
	return s.deleteRoles(ctx, tx, rows...)
}

// checkTaken refuses to let the actor of ctx take from a role management permissions that he could not give: those who hold
// the role may be above him.
func checkTaken(ctx context.Context, tx db.Tx, r roleRow, management []string) error {
	if len(management) == 0 {
		return nil
	}
	below, err := heldBeyond(ctx, tx, r)
	if err != nil {
		return err
	}
	p, err := powerOf(ctx, tx, actor.From(ctx), r.Org)
	if err == nil && !within(management, p.management(below)) {
		err = aboveGranter()
	}
	return err
}

// setPermissions makes the names the role's permissions. What is new must be the actor's to give, and what is taken away as
// far as it is a management permission.
func setPermissions(ctx context.Context, tx db.Tx, r roleRow, names []string, below bool) error {
	added := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(r.Permissions, name) })
	if _, err := checkScopes(ctx, tx, r.Org, added, below); err != nil {
		return err
	}
	taken := slices.DeleteFunc(slices.Clone(r.Management), func(name string) bool { return slices.Contains(names, name) })
	if err := checkTaken(ctx, tx, r, taken); err != nil {
		return err
	}
	scopes, err := namedScopes(ctx, tx, r.Org, names)
	if err != nil {
		return err
	}
	keys := make([]ids.Scope, len(scopes))
	for i, scope := range scopes {
		keys[i] = scope.ID
	}
	if len(keys) < len(names) {
		return errScopeUnknown.With("A scope does not exist, or its API resource is not seen by this organization.", nil)
	}
	if r.AudienceType == AudienceApplication {
		app := ids.App{}
		_ = app.ScanUUID(pgUUID(r.AudienceID)) // never fails
		outside, err := notAuthorized(ctx, tx, app, keys)
		if err != nil {
			return err
		}
		if len(outside) > 0 {
			return errScopeNotForApp.At("/permissions", "Authorize the app for the scope's API resource first.")
		}
	}
	return replacePermissions(ctx, tx, r.Org, r.ID, keys)
}

// loadRole returns a role that org sees.
func loadRole(ctx context.Context, tx db.Tx, org ids.Org, id ids.Role) (roleRow, error) {
	rows, err := findRoles(ctx, tx, org, []ids.Role{id})
	if err != nil {
		return roleRow{}, err
	}
	if len(rows) == 0 {
		return roleRow{}, fault.ErrNotFound
	}
	return rows[0], nil
}

// lockOwnRole returns a role that org may change, as it is at version, and keeps others from changing it.
func lockOwnRole(ctx context.Context, tx db.Tx, org ids.Org, id ids.Role, version int64) (roleRow, error) {
	if err := lockRole(ctx, tx, id); err != nil {
		return roleRow{}, err
	}
	row, err := loadRole(ctx, tx, org, id)
	switch {
	case err != nil:
		return row, err
	case row.Builtin:
		return row, errRoleBuiltin.With("Make a role of your own with the permissions that you need.", nil)
	case row.Org != org:
		return row, errRoleInherited.With("Only the organization that defines the role changes it.", nil)
	}
	return row, checkVersion(row.Version, version)
}

func nameTaken(err error) error {
	if db.IsUnique(err, "roles_name") {
		return errRoleNameTaken.With("Choose another name; case and spaces make no difference.", err)
	}
	return err
}

// sorted returns the names in alphabetical order without repetition, never nil.
func sorted(names []string) []string {
	unique := list.Distinct(names)
	slices.Sort(unique)
	return unique
}
