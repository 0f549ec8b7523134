package invitations

import (
	"context"
	"net/http"
	"time"

	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Invitations"

// InvitationBody is an invitation as the API shows it.
type InvitationBody struct {
	ID             ids.Invitation `json:"id" doc:"The invitation's id."`
	OrgID          ids.Org        `json:"org_id" doc:"The organization to join."`
	Email          string         `json:"email" doc:"Who is invited." example:"jo@example.com"`
	State          string         `json:"state" enum:"pending,accepted,expired,revoked" doc:"Where the invitation stands." example:"pending"`
	Roles          []ids.Role     `json:"roles" doc:"Roles that the person gets on joining."`
	Groups         []ids.Group    `json:"groups" doc:"Groups that the person joins."`
	Delivery       string         `json:"delivery" enum:"email,link" doc:"email: we mail the link. link: whoever invites hands it over." example:"email"`
	Link           string         `json:"link,omitempty" doc:"The link of delivery link, in the answer that makes it and nowhere else: whoever opens it can join." example:"https://id.example.com/t/acme/login/invitation?token=…"`
	Locale         string         `json:"locale,omitempty" doc:"Language of the mail, BCP 47." example:"en"`
	Inviter        string         `json:"inviter" doc:"Who invited, or sent it last, as the mail says; empty where an app did." example:"Jo Doe"`
	Refused        string         `json:"refused,omitempty" enum:"beyond_inviter,inviter_gone" doc:"Why it could not be accepted when its link was last opened. beyond_inviter: who invited may not invite any more, or not give what it promises. inviter_gone: he was deleted, disabled or locked, or does not belong any more. Send it again to promise it yourself." example:"inviter_gone"`
	ExpiresAt      *time.Time     `json:"expires_at,omitempty" doc:"Until when it can be accepted; absent: for ever." example:"2026-11-26T09:00:00Z"`
	UserID         *ids.User      `json:"user_id,omitempty" doc:"Who accepted."`
	CreatedAt      time.Time      `json:"created_at" doc:"When the person was invited first." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time      `json:"updated_at" doc:"When the invitation last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string       `json:"allowed_actions,omitzero" doc:"What the caller may do with this invitation; on single invitations only." example:"[\"resend\",\"revoke\"]"`
}

// InviteUserRequest is the body of inviteUser.
type InviteUserRequest struct {
	Delivery         string      `json:"delivery,omitempty" enum:"email,link" doc:"email: we mail the link. link: it is in the answer, to be handed over; email when absent." example:"email"`
	ExpiresInMinutes int         `json:"expires_in_minutes,omitempty" minimum:"-1" maximum:"129600" doc:"How long each sending can be accepted, at most 90 days; what the organization's settings (invitations) say when absent or 0, and at most what these let; -1 for ever, which only a link that is handed over may." example:"1440"`
	Groups           []ids.Group `json:"groups,omitempty" maxItems:"50" doc:"Groups that the person joins; the caller must be able to put people into them."`
	Email            string      `json:"email" minLength:"3" maxLength:"254" doc:"Who is invited: one plain e-mail address." example:"jo@example.com"`
	Roles            []ids.Role  `json:"roles,omitempty" maxItems:"50" doc:"Roles that the person gets on joining; the caller must be able to assign them."`
	Locale           string      `json:"locale,omitempty" maxLength:"35" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" patternDescription:"a language tag, such as en or pt-BR" doc:"Language of the mail, BCP 47; English when absent." example:"en"`
}

// InvitationPath is embedded by inputs of operations on one invitation.
type InvitationPath struct {
	Invitation ids.Invitation `path:"invitation" doc:"The invitation's id."`
}

type (
	createInput struct {
		httpapi.OrgPath
		Body InviteUserRequest
	}
	invitationInput struct {
		httpapi.OrgPath
		InvitationPath
	}
	changeInput struct {
		httpapi.OrgPath
		InvitationPath
		httpapi.Match
	}
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		State string `query:"state" enum:"pending,accepted,expired,revoked" doc:"Only invitations in this state." example:"pending"`
	}
)

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[InvitationBody]]]{ID: "listInvitations", Method: http.MethodGet, Path: "/v1/orgs/{org}/invitations", Tag: tag,
		Summary: "List invitations", Description: "The organization's invitations, the latest first.", Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[InvitationBody]]{ID: "inviteUser", Method: http.MethodPost, Path: "/v1/orgs/{org}/invitations", Tag: tag,
		Summary: "Invite a user", Description: "Makes a link with which the person joins the organization, once and until expires_at, and mails it or answers with it. The invitation takes a seat while it is pending. It can be accepted while the caller may still give what it promises. Who has an account with the address already accepts with that one. Where another organization's domain holds the address, only such an account can accept.",
		Status: 201, Needs: permWrite, Errors: []fault.Code{authz.CodeRoleUnknown, errAlreadyMember, errDuplicate, errTooMany, fault.CodeAboveGranter, fault.CodeSeatsExhausted}, Replay: s.replay}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[InvitationBody]]{ID: "getInvitation", Method: http.MethodGet, Path: "/v1/orgs/{org}/invitations/{invitation}", Tag: tag,
		Summary: "Get an invitation", Description: "One invitation of the organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[InvitationBody]]{ID: "resendInvitation", Method: http.MethodPost, Path: "/v1/orgs/{org}/invitations/{invitation}:resend", Tag: tag,
		Summary: "Send an invitation again", Description: "Makes a new link with a new expires_at, and mails it or answers with it; the old one ends. An expired invitation is pending again.",
		Status: 200, Needs: permWrite, Errors: []fault.Code{authz.CodeRoleUnknown, errAlreadyMember, errDuplicate, errNotPending, errTooMany, fault.CodeAboveGranter, fault.CodeSeatsExhausted}, Replay: s.replay}, s.resend)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeInvitation", Method: http.MethodDelete, Path: "/v1/orgs/{org}/invitations/{invitation}", Tag: tag,
		Summary: "Revoke an invitation", Description: "The link ends at once and the seat is free. The invitation stays in the list as revoked.",
		Status: 204, Needs: permWrite, Errors: []fault.Code{errNotPending}}, s.revoke)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[InvitationBody]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var result page.Result[Invitation]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := queryList(ctx, tx.Tx, c.Org.ID, in.State, req)
		result = page.Cut(req, rows, func(i Invitation) []string { return []string{i.ID.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, s.body)), nil
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *createInput) (*httpapi.Entity[InvitationBody], error) {
	return s.sent(ctx, c)(s.Create(ctx, c, NewInvitation{Delivery: in.Body.Delivery, Email: in.Body.Email, Groups: in.Body.Groups,
		Life: in.Body.ExpiresInMinutes, Locale: in.Body.Locale, Roles: in.Body.Roles}))
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *invitationInput) (*httpapi.Entity[InvitationBody], error) {
	return s.show(ctx, c, in.Invitation)
}

func (s *Service) show(ctx context.Context, c *httpapi.Call, id ids.Invitation) (*httpapi.Entity[InvitationBody], error) {
	var inv Invitation
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		inv, err = found(queryLoad(ctx, tx.Tx, c.Org.ID, id))
		return err
	})
	return s.one(c)(inv, err)
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[InvitationBody], error) {
	var id ids.Invitation
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	var inv Invitation
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		inv, err = found(queryLoad(ctx, tx.Tx, c.Org.ID, id))
		return err
	})
	return s.sent(ctx, c)(inv, err)
}

func (s *Service) resend(ctx context.Context, c *httpapi.Call, in *changeInput) (*httpapi.Entity[InvitationBody], error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	return s.sent(ctx, c)(s.Resend(ctx, c, in.Invitation, expect))
}

func (s *Service) revoke(ctx context.Context, c *httpapi.Call, in *changeInput) (*httpapi.None, error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.Revoke(ctx, c.Tenant.ID, c.Org.ID, in.Invitation, expect)
}

// sent is one of an invitation that was just sent: with its link, where whoever asked hands it over.
func (s *Service) sent(ctx context.Context, c *httpapi.Call) func(Invitation, error) (*httpapi.Entity[InvitationBody], error) {
	return func(inv Invitation, err error) (*httpapi.Entity[InvitationBody], error) {
		out, err := s.one(c)(inv, err)
		if err != nil {
			return nil, err
		}
		out.Body.Link, err = s.handOver(ctx, c.Tenant, inv)
		return out, err
	}
}

func (s *Service) one(c *httpapi.Call) func(Invitation, error) (*httpapi.Entity[InvitationBody], error) {
	return func(inv Invitation, err error) (*httpapi.Entity[InvitationBody], error) {
		if err != nil {
			return nil, err
		}
		b := s.body(inv)
		if open(inv) == nil {
			b.AllowedActions = c.Allowed(map[string]perm.Permission{"resend": permWrite, "revoke": permWrite})
		}
		return httpapi.Versioned(b, inv.Version), nil
	}
}

func (s *Service) body(i Invitation) InvitationBody {
	b := InvitationBody{ID: i.ID, OrgID: i.Org, Email: i.Email, State: i.StateAt(s.db.Clock().Now()), Roles: i.Roles, Groups: i.Groups,
		Delivery: i.Delivery, Locale: i.Locale, Inviter: i.Inviter, ExpiresAt: i.ExpiresAt, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt}
	if b.State == StatePending {
		b.Refused = i.Refused
	}
	if !i.User.IsZero() {
		b.UserID = &i.User
	}
	return b
}
