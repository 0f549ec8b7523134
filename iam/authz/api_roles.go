package authz

import (
	"context"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tagRoles = "Roles"

// CreateRoleRequest is what a role is made of.
type CreateRoleRequest struct {
	Name        string        `json:"name" minLength:"1" maxLength:"100" doc:"Name, unique within the audience." example:"Billing clerk"`
	Description string        `json:"description,omitempty" maxLength:"500" doc:"What the role is for." example:"May see and pay invoices."`
	Audience    *RoleAudience `json:"audience,omitempty" doc:"What the role is for; the organization itself where left out. Cannot be changed later."`
	Permissions []string      `json:"permissions,omitempty" maxItems:"500" doc:"Names of the scopes that the role gives. For an app's role only scopes that the app is authorized for." example:"[\"invoices.read\"]"`
}

// UpdateRoleRequest is a merge patch of a role.
type UpdateRoleRequest struct {
	Name        *string   `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"Name, unique within the audience." example:"Billing clerk"`
	Description *string   `json:"description,omitempty" maxLength:"500" doc:"What the role is for." example:"May see and pay invoices."`
	Permissions *[]string `json:"permissions,omitempty" maxItems:"500" doc:"All scopes that the role gives from now on." example:"[\"invoices.read\",\"invoices.write\"]"`
}

// RolePath names a role in an organization.
type RolePath struct {
	httpapi.OrgPath
	Role ids.Role `path:"role" doc:"The role." example:"rol_01j4x5t00070008000000000g4"`
}

type (
	listRolesInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		AudienceType string  `query:"audience_type" enum:"application,organization" doc:"Only roles of this kind of audience." example:"application"`
		App          ids.App `query:"app" doc:"Only roles of this app."`
		Permission   string  `query:"permission" maxLength:"128" doc:"Only roles that give this scope, by its name: whom it is given by." example:"invoices.read"`
	}
	createRoleInput struct {
		httpapi.OrgPath
		Body CreateRoleRequest
	}
	updateRoleInput struct {
		RolePath
		httpapi.Match
		Body UpdateRoleRequest
	}
	deleteRoleInput struct {
		RolePath
		httpapi.Match
	}
)

func (s *Service) roleRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/roles"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[Role]]]{ID: "listRoles", Method: "GET", Path: path, Tag: tagRoles, Status: 200, Needs: permRolesRead,
		Summary:     "List roles",
		Description: "The roles that can be assigned in the organization: its own, the built-in ones, and those that come with shared apps. By name."},
		s.listRoles)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Role]]{ID: "createRole", Method: "POST", Path: path, Tag: tagRoles, Status: 201, Needs: permRolesWrite,
		Summary:     "Make a role",
		Description: "A role holds scopes of the organization's API resources and of those it inherits. Of the management API, and of an API that another organization defines, only scopes that you hold yourself.",
		Errors:      []fault.Code{fault.CodeAboveGranter, errAudience, errRoleNameTaken, errScopeNotForApp, errScopeUnknown},
		Replay:      s.replayRole}, s.createRole)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Role]]{ID: "getRole", Method: "GET", Path: path + "/{role}", Tag: tagRoles, Status: 200, Needs: permRolesRead,
		Summary: "Read a role", Description: "A role that is defined here or that the organization inherits, with its permissions."}, s.getRole)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Role]]{ID: "updateRole", Method: "PATCH", Path: path + "/{role}", Tag: tagRoles, Status: 200, Needs: permRolesWrite,
		Summary:       "Change a role",
		Description:   "A JSON merge patch. What is added to the permissions, and of the management API also what is taken away, must be yours to give, in every organization where the role is held.",
		Errors:        []fault.Code{fault.CodeAboveGranter, errRoleBuiltin, errRoleInherited, errRoleNameTaken, errScopeNotForApp, errScopeUnknown},
		MatchRequired: true}, s.updateRole)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteRole", Method: "DELETE", Path: path + "/{role}", Tag: tagRoles, Status: 204, Needs: permRolesWrite,
		Summary: "Delete a role", Description: "Everybody who holds the role loses it. You must hold every management permission that it gives, as far down the tree as it is held.",
		Errors: []fault.Code{fault.CodeAboveGranter, errRoleBuiltin, errRoleInherited}, MatchRequired: true}, s.deleteRole)
}

func (s *Service) listRoles(ctx context.Context, c *httpapi.Call, in *listRolesInput) (*httpapi.Out[page.Of[Role]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListRoles(ctx, c.Tenant.ID, c.Org.ID, RoleFilter{AudienceType: in.AudienceType, App: in.App, Permission: in.Permission}, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createRole(ctx context.Context, c *httpapi.Call, in *createRoleInput) (*httpapi.Entity[Role], error) {
	row, err := s.CreateRole(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	return roleOut(c, row, err)
}

func (s *Service) replayRole(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[Role], error) {
	var id ids.Role
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.roleOutByID(ctx, c, id)
}

func (s *Service) getRole(ctx context.Context, c *httpapi.Call, in *RolePath) (*httpapi.Entity[Role], error) {
	return s.roleOutByID(ctx, c, in.Role)
}

func (s *Service) updateRole(ctx context.Context, c *httpapi.Call, in *updateRoleInput) (*httpapi.Entity[Role], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	row, err := s.UpdateRole(ctx, c.Tenant.ID, c.Org.ID, in.Role, version, in.Body)
	return roleOut(c, row, err)
}

func (s *Service) deleteRole(ctx context.Context, c *httpapi.Call, in *deleteRoleInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.DeleteRole(ctx, c.Tenant.ID, c.Org.ID, in.Role, version)
}

func (s *Service) roleOutByID(ctx context.Context, c *httpapi.Call, id ids.Role) (*httpapi.Entity[Role], error) {
	var row VersionedRole
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		found, err := loadRole(ctx, tx, c.Org.ID, id)
		row = VersionedRole{found.view(c.Org.ID), found.Version}
		return err
	})
	return roleOut(c, row, err)
}

func roleOut(c *httpapi.Call, r VersionedRole, err error) (*httpapi.Entity[Role], error) {
	if err != nil {
		return nil, err
	}
	actions := map[string]perm.Permission{"assign": permRolesWrite}
	if !r.Builtin && !r.Inherited {
		actions["delete"], actions["update"] = permRolesWrite, permRolesWrite
	}
	r.AllowedActions = c.Allowed(actions)
	return httpapi.Versioned(r.Role, r.Version), nil
}
