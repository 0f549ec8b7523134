package members

import (
	"context"
	"net/http"
	"strings"
	"time"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Members"

// MemberBody is a member as the API shows him.
type MemberBody struct {
	UserID         ids.User  `json:"user_id" doc:"The user's id."`
	Username       string    `json:"username" doc:"The user's username." example:"jo@example.com"`
	Email          string    `json:"email,omitempty" doc:"E-mail address." example:"jo@example.com"`
	GivenName      string    `json:"given_name,omitempty" doc:"Given name." example:"Jo"`
	FamilyName     string    `json:"family_name,omitempty" doc:"Family name." example:"Doe"`
	DisplayName    string    `json:"display_name" doc:"What to call the user: the names, or the username." example:"Jo Doe"`
	Status         string    `json:"status" enum:"active,disabled,locked" doc:"Whether the user may sign in at all." example:"active"`
	Kind           string    `json:"kind" enum:"resident,invited,shared" doc:"How the user belongs: the organization holds the record, or the user accepted an invitation, or was added from elsewhere in the tenant." example:"resident"`
	Roles          []string  `json:"roles" doc:"Names of the roles held in this organization, directly or by a group." example:"[\"Administrator\"]"`
	JoinedAt       time.Time `json:"joined_at" doc:"Since when the user belongs." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string  `json:"allowed_actions,omitzero" doc:"What the caller may do with this member; on single members only." example:"[\"remove\"]"`
}

type (
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q    string   `query:"q" maxLength:"254" doc:"Only members whose username or e-mail address begins with this, or whose name does, from any of its words on. Where thousands do, not all are found: give more of it." example:"jo"`
		User []string `query:"user,explode" maxItems:"200" maxLength:"80" doc:"Only these users, by their ids; repeat it for several." example:"[\"usr_01jd8wz3k4e6f8g9h0j1k2m3n4\"]"`
		Kind string   `query:"kind" enum:"resident,invited,shared" doc:"Only members of this kind." example:"invited"`
	}
	removeInput struct {
		httpapi.OrgPath
		httpapi.Abandon
		User ids.User `path:"user" doc:"The user's id."`
	}
	memberInput struct {
		httpapi.OrgPath
		User ids.User `path:"user" doc:"The user's id."`
	}
)

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[MemberBody]]]{ID: "listMembers", Method: http.MethodGet, Path: "/v1/orgs/{org}/members", Tag: tag,
		Summary: "List members", Description: "Everybody who belongs to the organization, in the order in which they joined.", Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[MemberBody]]{ID: "getMember", Method: http.MethodGet, Path: "/v1/orgs/{org}/members/{user}", Tag: tag,
		Summary: "Get a member", Description: "One member of the organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[MemberBody]]{ID: "addMember", Method: http.MethodPut, Path: "/v1/orgs/{org}/members/{user}", Tag: tag,
		Summary: "Add a member", Description: "Makes a user of another organization of the tenant a member. The caller's token must be of an organization at or above the user's, and may see users there. Repeating it changes nothing.",
		Status: 200, Needs: permWrite, Errors: []fault.Code{fault.CodeSeatsExhausted}}, s.add)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "removeMember", Method: http.MethodDelete, Path: "/v1/orgs/{org}/members/{user}", Tag: tag,
		Summary: "Remove a member", Description: "Ends sessions, tokens, roles and groups of the user in this organization at once. A resident is deleted, which also needs users.write. The last Administrator of an organization stays.",
		Status: 204, Needs: permWrite, Errors: []fault.Code{users.ErrAboveActor, users.ErrLastAdministrator}}, s.remove)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[MemberBody]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	only := make([]ids.User, len(in.User))
	for i, id := range in.User {
		if only[i].UnmarshalText([]byte(id)) != nil {
			return nil, fault.CodeInvalid.At("/user", "Not the id of a user.")
		}
	}
	var result page.Result[Member]
	// Members are resident, and their roles defined, elsewhere in the tenant too.
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		rows, err := queryList(ctx, tx, c.Org.ID, in.Q, in.Kind, only, req)
		result = page.Cut(req, rows, func(m Member) []string { return []string{m.ID.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, body)), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *memberInput) (*httpapi.Out[MemberBody], error) {
	var m Member
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		m, err = queryMember(ctx, tx, c.Org.ID, in.User)
		return err
	})
	if db.IsNoRows(err) {
		return nil, fault.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	b := body(m)
	b.AllowedActions = c.Allowed(map[string]perm.Permission{"remove": permWrite})
	return httpapi.Reply(b), nil
}

func (s *Service) add(ctx context.Context, c *httpapi.Call, in *memberInput) (*httpapi.Out[MemberBody], error) {
	if err := s.checkVisible(ctx, c, in.User); err != nil {
		return nil, err
	}
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return s.JoinTx(ctx, tx, c.Org.ID, in.User, Shared)
	})
	if err != nil {
		return nil, err
	}
	return s.get(ctx, c, in)
}

// checkVisible refuses a person whom the caller could not see where he is resident.
func (s *Service) checkVisible(ctx context.Context, c *httpapi.Call, user ids.User) error {
	var home ids.Org
	var member bool
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		u, err := s.Users.Load(ctx, tx, user)
		if err != nil {
			return err
		}
		home = u.Org
		member, err = s.IsMember(ctx, tx, c.Org.ID, user)
		return err
	})
	if err != nil || member {
		return err
	}
	resident, err := s.Orgs.Resolve(ctx, c.Tenant, home.String())
	if err != nil {
		return err
	}
	if !resident.IsWithin(c.Actor.Org) {
		return fault.ErrNotFound
	}
	held, err := s.Authorizer.Permissions(ctx, c.Actor, resident)
	if err == nil && !held.Names[usersRead] {
		err = fault.ErrNotFound
	}
	return err
}

func (s *Service) remove(ctx context.Context, c *httpapi.Call, in *removeInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		m, err := queryFind(ctx, tx, c.Org.ID, in.User)
		if db.IsNoRows(err) {
			return fault.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := s.mayRemove(ctx, tx, c, m); err != nil {
			return err
		}
		return s.RemoveTx(ctx, tx, c.Org.ID, in.User, in.WithoutAdministrator)
	})
}

func (s *Service) mayRemove(ctx context.Context, tx db.Tx, c *httpapi.Call, m Membership) error {
	if m.Kind != Resident {
		return s.Roles.CheckUserTx(ctx, tx, []ids.Org{m.Org}, m.User)
	}
	if !c.Held()[usersWrite] {
		return fault.CodeForbidden.With("To remove a resident is to delete the user, which needs users.write.", nil)
	}
	u, err := s.Users.Load(ctx, tx, m.User)
	if err != nil {
		return err
	}
	return s.Users.CheckRank(ctx, tx, u)
}

func body(m Member) MemberBody {
	b := MemberBody{UserID: m.User, Username: m.Username, Email: m.Email, GivenName: m.GivenName, FamilyName: m.FamilyName,
		DisplayName: strings.TrimSpace(m.GivenName + " " + m.FamilyName), Status: m.Status, Kind: m.Kind, Roles: m.Roles, JoinedAt: m.CreatedAt}
	if b.DisplayName == "" {
		b.DisplayName = m.Username
	}
	return b
}
