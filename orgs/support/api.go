package support

import (
	"context"
	"net/http"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

// SupportAccess is an organization's allowance to act as its people.
type SupportAccess struct {
	ID             ids.SupportAccess `json:"id" doc:"The access."`
	Mode           string            `json:"mode" doc:"read_only: who acts as somebody else reads only. full: he does whatever that person may." enum:"read_only,full" example:"read_only"`
	Reason         string            `json:"reason" doc:"What it is for, in the organization's words." example:"Ticket 4711: invoices are not shown"`
	Open           bool              `json:"open" doc:"Whether it holds now." example:"true"`
	OpenedBy       ids.User          `json:"opened_by" doc:"Who opened it."`
	CreatedAt      time.Time         `json:"created_at" doc:"When it was opened." example:"2026-11-23T09:00:00Z"`
	ExpiresAt      time.Time         `json:"expires_at" doc:"When it ends by itself." example:"2026-11-24T09:00:00Z"`
	ClosedAt       *time.Time        `json:"closed_at,omitempty" doc:"When it was closed before its time; absent where it was not." example:"2026-11-23T11:00:00Z"`
	AllowedActions []string          `json:"allowed_actions,omitzero" doc:"What the caller may do: close. In single representations only."`
}

// OpenSupportAccessRequest says what is allowed.
type OpenSupportAccessRequest struct {
	Mode             string `json:"mode,omitempty" enum:"read_only,full" default:"read_only" doc:"read_only: who acts as somebody else reads only, at Grove's API and at those that heed the claim read_only. full: he does whatever that person may." example:"read_only"`
	Reason           string `json:"reason,omitempty" maxLength:"500" doc:"What it is for. It is kept in the event log: no secrets and nobody's data." example:"Ticket 4711: invoices are not shown"`
	ExpiresInMinutes int    `json:"expires_in_minutes,omitempty" minimum:"5" maximum:"43200" default:"1440" doc:"When it ends by itself: at most 30 days from now, a day where it is absent." example:"480"`
}

// OpenSupportAccessInput asks for an access.
type OpenSupportAccessInput struct {
	httpapi.OrgPath
	Body OpenSupportAccessRequest
}

// ListSupportAccessInput asks for an organization's accesses.
type ListSupportAccessInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

// SupportAccessPath names an access of an organization.
type SupportAccessPath struct {
	httpapi.OrgPath
	Access ids.SupportAccess `path:"access" doc:"The access."`
}

func (s *Service) routes(a *httpapi.API) {
	const tag, base = "Support access", "/v1/orgs/{org}/support-access"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[SupportAccess]]]{ID: "listSupportAccess", Method: http.MethodGet, Path: base, Tag: tag, Summary: "List support accesses",
		Description: "When those above the organization might act as its people, the newest first; those that are over are kept.", Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[SupportAccess]]{ID: "openSupportAccess", Method: http.MethodPost, Path: base, Tag: tag, Summary: "Open support access",
		Description: "Lets those who hold users.impersonate in an organization above this one act as the people of this one and of those below it, until it expires or is closed. Each time is in the event log. Only somebody who lives in the organization or below it, and is signed in to it, opens it; it ends too when he may not do so any more, and when the organization moves.",
		Status:      201, Needs: permWrite, Replay: s.replay, Errors: []fault.Code{errNotOwn}}, s.open)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[SupportAccess]]{ID: "getSupportAccess", Method: http.MethodGet, Path: base + "/{access}", Tag: tag, Summary: "Read a support access",
		Description: "Reads one support access of the organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "closeSupportAccess", Method: http.MethodDelete, Path: base + "/{access}", Tag: tag, Summary: "Close a support access",
		Description: "Ends the access, and at once everything that was issued by it. One that is over stays as it is.", Status: 204, Needs: permWrite}, s.close)
}

func (s *Service) shown(a Access) SupportAccess {
	return SupportAccess{ID: a.ID, Mode: a.Mode, Reason: a.Reason, Open: a.ClosedAt == nil && s.db.Clock().Now().Before(a.ExpiresAt), OpenedBy: a.OpenedBy,
		CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt, ClosedAt: a.ClosedAt}
}

func (s *Service) out(c *httpapi.Call, a Access) *httpapi.Out[SupportAccess] {
	body := s.shown(a)
	body.AllowedActions = []string{}
	if body.Open {
		body.AllowedActions = c.Allowed(map[string]perm.Permission{"close": permWrite})
	}
	return httpapi.Reply(body)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListSupportAccessInput) (*httpapi.Out[page.Of[SupportAccess]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var rows []Access
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		rows, err = selectPage(ctx, tx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(a Access) []string { return []string{a.ID.UUID().String()} })
	return httpapi.List(c, page.Map(result, s.shown)), nil
}

func (s *Service) open(ctx context.Context, c *httpapi.Call, in *OpenSupportAccessInput) (*httpapi.Out[SupportAccess], error) {
	var a Access
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		a, err = s.OpenTx(ctx, tx, c.Org.ID, in.Body.Mode, in.Body.Reason, time.Duration(in.Body.ExpiresInMinutes)*time.Minute)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.out(c, a), nil
}

func (s *Service) load(ctx context.Context, c *httpapi.Call, id ids.SupportAccess) (*httpapi.Out[SupportAccess], error) {
	var a Access
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		a, err = load(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, db.OrNotFound(err)
	}
	return s.out(c, a), nil
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Out[SupportAccess], error) {
	var id ids.SupportAccess
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.load(ctx, c, id)
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *SupportAccessPath) (*httpapi.Out[SupportAccess], error) {
	return s.load(ctx, c, in.Access)
}

func (s *Service) close(ctx context.Context, c *httpapi.Call, in *SupportAccessPath) (*httpapi.None, error) {
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error { return s.CloseTx(ctx, tx, in.Access) })
	return &httpapi.None{}, err
}
