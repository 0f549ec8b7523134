package groups

import (
	"context"
	"net/http"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Groups"

// GroupBody is a group as the API shows it.
type GroupBody struct {
	ID             ids.Group `json:"id" doc:"The group's id."`
	OrgID          ids.Org   `json:"org_id" doc:"The organization that the group belongs to."`
	Name           string    `json:"name" doc:"Unique in the organization." example:"Engineering"`
	Description    string    `json:"description,omitempty" doc:"What the group is for." example:"Everybody who writes code"`
	CreatedAt      time.Time `json:"created_at" doc:"When the group was created." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time `json:"updated_at" doc:"When the group was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string  `json:"allowed_actions,omitzero" doc:"What the caller may do with this group; on single groups only." example:"[\"update\"]"`
}

// GroupMember is a person in a group.
type GroupMember struct {
	UserID      ids.User  `json:"user_id" doc:"The user's id."`
	Username    string    `json:"username" doc:"The user's username." example:"jo@example.com"`
	Email       string    `json:"email,omitempty" doc:"E-mail address." example:"jo@example.com"`
	DisplayName string    `json:"display_name" doc:"What to call the user: the names, or the username." example:"Jo Doe"`
	AddedAt     time.Time `json:"added_at" doc:"When the user was put into the group." example:"2026-11-23T09:00:00Z"`
}

// CreateGroupRequest is the body of createGroup.
type CreateGroupRequest struct {
	Name        string `json:"name" minLength:"1" maxLength:"128" doc:"Unique in the organization." example:"Engineering"`
	Description string `json:"description,omitempty" maxLength:"500" doc:"What the group is for." example:"Everybody who writes code"`
}

// UpdateGroupRequest is the body of updateGroup, a JSON merge patch.
type UpdateGroupRequest struct {
	Name        *string               `json:"name,omitempty" minLength:"1" maxLength:"128" doc:"Unique in the organization." example:"Engineering"`
	Description httpapi.Field[string] `json:"description,omitempty" maxLength:"500" doc:"What the group is for; null removes it." example:"Everybody who writes code"`
}

// GroupPath is embedded by inputs of operations on one group.
type GroupPath struct {
	Group ids.Group `path:"group" doc:"The group's id."`
}

type (
	createInput struct {
		httpapi.OrgPath
		Body CreateGroupRequest
	}
	groupInput struct {
		httpapi.OrgPath
		GroupPath
	}
	deleteInput struct {
		httpapi.OrgPath
		GroupPath
		httpapi.Match
		httpapi.Abandon
	}
	updateInput struct {
		httpapi.OrgPath
		GroupPath
		httpapi.Match
		Body UpdateGroupRequest
	}
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q      string `query:"q" maxLength:"128" doc:"Only groups whose name begins with this." example:"eng"`
		Filter string `query:"filter" maxLength:"512" doc:"SCIM filter (RFC 7644 section 3.4.2.2) over displayName with eq and sw, joined by and." example:"displayName sw \"eng\""`
	}
	membersInput struct {
		httpapi.OrgPath
		GroupPath
		httpapi.PageQuery
	}
	removeInput struct {
		httpapi.OrgPath
		GroupPath
		httpapi.Abandon
		User ids.User `path:"user" doc:"The user's id."`
	}
	memberInput struct {
		httpapi.OrgPath
		GroupPath
		User ids.User `path:"user" doc:"The user's id."`
	}
)

var actions = map[string]perm.Permission{"add_member": permWrite, "delete": permWrite, "remove_member": permWrite, "update": permWrite}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[GroupBody]]]{ID: "listGroups", Method: http.MethodGet, Path: "/v1/orgs/{org}/groups", Tag: tag,
		Summary: "List groups", Description: "The organization's groups, by name.", Status: 200, Needs: permRead,
		Errors: []fault.Code{errFilter}}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[GroupBody]]{ID: "createGroup", Method: http.MethodPost, Path: "/v1/orgs/{org}/groups", Tag: tag,
		Summary: "Create a group", Description: "Makes an empty group.", Status: 201, Needs: permWrite, Errors: []fault.Code{errNameTaken}, Replay: s.replay}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[GroupBody]]{ID: "getGroup", Method: http.MethodGet, Path: "/v1/orgs/{org}/groups/{group}", Tag: tag,
		Summary: "Get a group", Description: "One group of the organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[GroupBody]]{ID: "updateGroup", Method: http.MethodPatch, Path: "/v1/orgs/{org}/groups/{group}", Tag: tag,
		Summary: "Change a group", Description: "Changes name or description by a JSON merge patch.", Status: 200, Needs: permWrite,
		Errors: []fault.Code{errNameTaken}}, s.update)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteGroup", Method: http.MethodDelete, Path: "/v1/orgs/{org}/groups/{group}", Tag: tag,
		Summary: "Delete a group", Description: "Deletes the group; its members lose the roles that they held by it, which the caller must be able to assign. An organization that has an Administrator keeps one.",
		Status: 204, Needs: permWrite, Errors: []fault.Code{errLast, fault.CodeAboveGranter}}, s.remove)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[GroupMember]]]{ID: "listGroupMembers", Method: http.MethodGet, Path: "/v1/orgs/{org}/groups/{group}/members", Tag: tag,
		Summary: "List a group's members", Description: "The people in a group, in the order in which they were created.", Status: 200, Needs: permRead}, s.members)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "addGroupMember", Method: http.MethodPut, Path: "/v1/orgs/{org}/groups/{group}/members/{user}", Tag: tag,
		Summary: "Put a user into a group", Description: "The user must belong to the organization, and the caller must be able to assign the group's roles. Repeating it changes nothing.",
		Status: 204, Needs: permWrite, Errors: []fault.Code{errNotMember, fault.CodeAboveGranter}}, s.addMember)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "removeGroupMember", Method: http.MethodDelete, Path: "/v1/orgs/{org}/groups/{group}/members/{user}", Tag: tag,
		Summary: "Take a user out of a group", Description: "The user loses the roles that he held by the group, which the caller must be able to assign. An organization that has an Administrator keeps one.",
		Status: 204, Needs: permWrite, Errors: []fault.Code{errLast, fault.CodeAboveGranter}}, s.removeMember)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[GroupBody]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	from, to, err := nameRange(in.Q, in.Filter)
	if err != nil {
		return nil, err
	}
	var result page.Result[Group]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := queryList(ctx, tx.Tx, c.Org.ID, from, to, req)
		result = page.Cut(req, rows, func(g Group) []string { return []string{g.NameKey, g.ID.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, body)), nil
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *createInput) (*httpapi.Entity[GroupBody], error) {
	return s.inOrg(ctx, c, func(ctx context.Context, tx db.Tx) (Group, error) {
		return s.CreateTx(ctx, tx, NewGroup{Org: c.Org.ID, Name: in.Body.Name, Description: in.Body.Description})
	})
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *groupInput) (*httpapi.Entity[GroupBody], error) {
	return s.show(ctx, c, in.Group)
}

func (s *Service) show(ctx context.Context, c *httpapi.Call, id ids.Group) (*httpapi.Entity[GroupBody], error) {
	return s.inOrg(ctx, c, func(ctx context.Context, tx db.Tx) (Group, error) { return s.Load(ctx, tx, c.Org.ID, id) })
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[GroupBody], error) {
	var id ids.Group
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.show(ctx, c, id)
}

func (s *Service) update(ctx context.Context, c *httpapi.Call, in *updateInput) (*httpapi.Entity[GroupBody], error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	var description *string
	if in.Body.Description.Set {
		description = &in.Body.Description.Value // "" where the patch says null
	}
	return s.inOrg(ctx, c, func(ctx context.Context, tx db.Tx) (Group, error) {
		return s.UpdateTx(ctx, tx, c.Org.ID, in.Group, expect, in.Body.Name, description)
	})
}

func (s *Service) inOrg(ctx context.Context, c *httpapi.Call, f func(context.Context, db.Tx) (Group, error)) (*httpapi.Entity[GroupBody], error) {
	var g Group
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		g, err = f(ctx, tx.Tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	b := body(g)
	b.AllowedActions = c.Allowed(actions)
	return httpapi.Versioned(b, g.Version), nil
}

func (s *Service) remove(ctx context.Context, c *httpapi.Call, in *deleteInput) (*httpapi.None, error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return s.DeleteTx(ctx, tx, c.Org.ID, in.Group, expect, in.WithoutAdministrator)
	})
}

func (s *Service) members(ctx context.Context, c *httpapi.Call, in *membersInput) (*httpapi.Out[page.Of[GroupMember]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var result page.Result[Member]
	// A member may be resident elsewhere in the tenant.
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := s.Load(ctx, tx, c.Org.ID, in.Group); err != nil {
			return err
		}
		rows, err := queryMembers(ctx, tx, in.Group, req)
		result = page.Cut(req, rows, func(m Member) []string { return []string{m.User.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, memberBody)), nil
}

func (s *Service) addMember(ctx context.Context, c *httpapi.Call, in *memberInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return s.AddTx(ctx, tx, c.Org.ID, in.Group, in.User)
	})
}

func (s *Service) removeMember(ctx context.Context, c *httpapi.Call, in *removeInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return s.RemoveTx(ctx, tx, c.Org.ID, in.Group, in.User, in.WithoutAdministrator)
	})
}

func body(g Group) GroupBody {
	return GroupBody{ID: g.ID, OrgID: g.Org, Name: g.Name, Description: g.Description, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
}

func memberBody(m Member) GroupMember {
	name := strings.TrimSpace(m.GivenName + " " + m.FamilyName)
	if name == "" {
		name = m.Username
	}
	return GroupMember{UserID: m.User, Username: m.Username, Email: m.Email, DisplayName: name, AddedAt: m.AddedAt}
}
