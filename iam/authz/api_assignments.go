package authz

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// AssignRoleRequest says who is given a role, and how far down the tree.
type AssignRoleRequest struct {
	Principal Principal `json:"principal" doc:"Who is given the role."`
	Reach     string    `json:"reach,omitempty" enum:"org,subtree" default:"org" doc:"org: holds in this organization; subtree: also in every organization below it." example:"org"`
}

// RoleAssignment is one gift of a role.
type RoleAssignment struct {
	ID        ids.Assignment `json:"id" doc:"The assignment."`
	OrgID     ids.Org        `json:"org_id" doc:"The organization where the role is held."`
	RoleID    ids.Role       `json:"role_id" doc:"The role."`
	Principal Principal      `json:"principal" doc:"Who holds the role."`
	Reach     string         `json:"reach" doc:"org: holds in this organization; subtree: also in every organization below it." example:"org"`
	CreatedAt time.Time      `json:"created_at" doc:"When the role was given." example:"2026-11-23T09:00:00Z"`
}

func (a assignmentRow) view() RoleAssignment {
	return RoleAssignment{ID: a.ID, OrgID: a.Org, RoleID: a.Role, Principal: principalView(a.PrincipalKind, a.PrincipalID), Reach: a.Reach, CreatedAt: a.CreatedAt}
}

// HeldRole is a role that a person holds, and why.
type HeldRole struct {
	AssignmentID ids.Assignment `json:"assignment_id" doc:"The assignment that gives the role."`
	RoleID       ids.Role       `json:"role_id" doc:"The role."`
	Name         string         `json:"name" doc:"The role's name." example:"Billing clerk"`
	Audience     RoleAudience   `json:"audience" doc:"What the role is for."`
	How          string         `json:"how" doc:"direct: given to the person; group: given to a group that he is in; inherited: given in an organization above with reach subtree. More may come." example:"direct"`
	GroupID      *ids.Group     `json:"group_id,omitempty" doc:"The group, where how is group."`
	OrgID        ids.Org        `json:"org_id" doc:"The organization where the role was given."`
	Reach        string         `json:"reach" doc:"How far down the tree the role is held: org or subtree." example:"org"`
}

func (h heldRoleRow) view(org ids.Org) HeldRole {
	v := HeldRole{AssignmentID: h.Assignment, RoleID: h.Role, Name: h.Name, Audience: audienceView(h.AudienceType, h.AudienceID),
		How: "direct", OrgID: h.Org, Reach: h.Reach}
	switch {
	case h.Org != org:
		v.How = "inherited"
	case h.PrincipalKind == PrincipalGroup:
		v.How, v.GroupID = "group", &h.Group
	}
	return v
}

type (
	assignRoleInput struct {
		RolePath
		Body AssignRoleRequest
	}
	listAssignmentsInput struct {
		RolePath
		httpapi.PageQuery
	}
	unassignRoleInput struct {
		RolePath
		httpapi.Abandon
		Assignment ids.Assignment `path:"assignment" doc:"The assignment."`
	}
	listUserRolesInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		User ids.User `path:"user" doc:"The person."`
	}
)

func (s *Service) assignmentRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/roles/{role}/assignments"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[RoleAssignment]]]{ID: "listRoleAssignments", Method: "GET", Path: path, Tag: tagRoles, Status: 200,
		Needs: permRolesRead, Summary: "List who is given a role", Description: "The assignments made in this organization, oldest first."}, s.listAssignments)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[RoleAssignment]]{ID: "assignRole", Method: "POST", Path: path, Tag: tagRoles, Status: 201, Needs: permRolesWrite,
		Summary:     "Give a role",
		Description: "You must hold every management permission that the role gives, here or, for reach subtree, with that reach.",
		Errors:      []fault.Code{fault.CodeAboveGranter, errAssigned, errPrincipal}, Replay: s.replayAssignment}, s.assignRole)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "unassignRole", Method: "DELETE", Path: path + "/{assignment}", Tag: tagRoles, Status: 204,
		Needs: permRolesWrite, Summary: "Take a role away", Description: "You must be able to give it. An organization that has an Administrator keeps one, and the root one of the whole tree.",
		Errors: []fault.Code{fault.CodeAboveGranter, errLastAdministrator}}, s.unassignRole)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[HeldRole]]]{ID: "listUserRoles", Method: "GET", Path: "/v1/orgs/{org}/users/{user}/roles", Tag: tagRoles, Status: 200,
		Needs: permRolesRead, Summary: "List a person's roles", Description: "Every role that counts for the person in this organization, by name, each with how it is held."}, s.listUserRoles)
}

func (s *Service) listAssignments(ctx context.Context, c *httpapi.Call, in *listAssignmentsInput) (*httpapi.Out[page.Of[RoleAssignment]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListAssignments(ctx, c.Tenant.ID, c.Org.ID, in.Role, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) assignRole(ctx context.Context, c *httpapi.Call, in *assignRoleInput) (*httpapi.Out[RoleAssignment], error) {
	made, err := s.Assign(ctx, c.Tenant.ID, c.Org.ID, in.Role, in.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(made), nil
}

func (s *Service) replayAssignment(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Out[RoleAssignment], error) {
	var id ids.Assignment
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	var row assignmentRow
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if row, err = findAssignment(ctx, tx, c.Org.ID, id); db.IsNoRows(err) {
			err = fault.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(row.view()), nil
}

func (s *Service) unassignRole(ctx context.Context, c *httpapi.Call, in *unassignRoleInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.Unassign(ctx, c.Tenant.ID, c.Org.ID, in.Role, in.Assignment, in.WithoutAdministrator)
}

func (s *Service) listUserRoles(ctx context.Context, c *httpapi.Call, in *listUserRolesInput) (*httpapi.Out[page.Of[HeldRole]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.UserRoles(ctx, c.Tenant.ID, c.Org.ID, in.User, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}
