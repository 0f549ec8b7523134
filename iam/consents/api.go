package consents

import (
	"context"
	"net/http"
	"time"

	"grove/iam/apps"
	"grove/iam/authz/details"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Consents"

// AllowedApp is what a person lets an app have in an organization, as its administrators see it.
type AllowedApp struct {
	ID             ids.Consent `json:"id" doc:"The consent."`
	OrgID          ids.Org     `json:"org_id" doc:"The organization in which the app may act."`
	UserID         ids.User    `json:"user_id" doc:"The person, of the organization or a guest."`
	AppID          ids.App     `json:"app_id" doc:"The app."`
	AppName        string      `json:"app_name" doc:"Its name." example:"Orders"`
	Scopes         []string    `json:"scopes" doc:"What it may have." example:"[\"openid\",\"orders.read\"]"`
	Attributes     []string    `json:"attributes" doc:"The claims that it is told of the person, where he was asked for each." example:"[\"given_name\"]"`
	Declined       []string    `json:"declined_attributes" doc:"The claims that the person said no to." example:"[\"birthdate\"]"`
	Types          []string    `json:"authorization_details_types" doc:"The types of what else it may have (RFC 9396). What exactly, the person sees in his account." example:"[\"payment_initiation\"]"`
	CreatedAt      time.Time   `json:"created_at" doc:"When the person first agreed." example:"2026-11-23T09:15:00Z"`
	UpdatedAt      time.Time   `json:"updated_at" doc:"When it last changed." example:"2026-11-23T09:15:00Z"`
	AllowedActions []string    `json:"allowed_actions,omitzero" doc:"What the caller may do with it; on single resources only." example:"[\"delete\"]"`
}

func (c seen) view() (AllowedApp, error) {
	out := AllowedApp{ID: c.ID, OrgID: c.Org, UserID: c.User, AppID: c.App, AppName: c.AppName, Scopes: c.Scopes, Attributes: c.Attributes, Declined: c.Declined, Types: []string{},
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if out.Attributes == nil {
		out.Attributes = []string{}
	}
	list := make(details.List, len(c.Details))
	for i, text := range c.Details {
		if err := list[i].UnmarshalJSON([]byte(text)); err != nil {
			return out, err
		}
	}
	out.Types = append(out.Types, list.Types()...)
	return out, nil
}

// RevokeConsentsRequest names whose consents to take back.
type RevokeConsentsRequest struct {
	UserID ids.User `json:"user_id" doc:"The person whose consents in this organization are taken back."`
}

type (
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		User ids.User `query:"user" doc:"Only what this person lets apps have."`
	}
	consentInput struct {
		httpapi.OrgPath
		Consent ids.Consent `path:"consent" doc:"The consent."`
	}
	revokeInput struct {
		httpapi.OrgPath
		Body RevokeConsentsRequest
	}
)

func (s *Service) routes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/consents"
	again := func(context.Context, *httpapi.Call, string) (*httpapi.None, error) { return &httpapi.None{}, nil }
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AllowedApp]]]{ID: "listConsents", Method: http.MethodGet, Path: path, Tag: tag, Status: http.StatusOK, Needs: permRead,
		Summary: "List what people let apps have", Description: "What people, guests among them, let apps have in the organization, the oldest first. What they let apps have in other organizations is for these to see. Apps that ask nobody are not here."}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[AllowedApp]]{ID: "getConsent", Method: http.MethodGet, Path: path + "/{consent}", Tag: tag, Status: http.StatusOK, Needs: permRead,
		Summary: "Get a consent", Description: "What one person lets one app have in the organization."}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeConsent", Method: http.MethodDelete, Path: path + "/{consent}", Tag: tag, Status: http.StatusNoContent, Needs: permWrite,
		Summary: "Take a consent back", Description: "Ends what the app was issued for the person in the organization, at once, and the person is asked again. It is what the person does in the account portal. Of a person who may do more than the caller it is refused (user.above_actor).",
		Errors: []fault.Code{users.ErrAboveActor}}, s.revokeOne)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeUserConsents", Method: http.MethodPost, Path: path + ":revoke", Tag: tag, Status: http.StatusNoContent, Needs: permWrite,
		Summary: "Take all consents of a user back", Description: "Ends what apps were issued for one person in the organization, as far as the person was asked. A person without consents is no error; one who may do more than the caller is refused (user.above_actor).",
		Errors: []fault.Code{users.ErrAboveActor}, Replay: again}, s.revokeUser)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeAppConsents", Method: http.MethodPost, Path: "/v1/orgs/{org}/apps/{app}:revoke-consents", Tag: tag, Status: http.StatusNoContent, Needs: permWrite,
		Summary: "Take all consents to an app back", Description: "Takes back what anybody let an app of the organization have, in every organization that it is shared with, and ends every token that it has, its own too. People are asked again.",
		Errors: []fault.Code{apps.ErrBuiltin, apps.ErrShared}, Replay: again}, s.revokeApp)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[AllowedApp]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	after, err := position(req)
	if err != nil {
		return nil, err
	}
	sql, args := sqlListIn, []any{c.Tenant.ID, c.Org.ID, after, req.Limit()}
	if !in.User.IsZero() {
		sql, args = sqlListOfUser, append(args, in.User)
	}
	var found page.Result[seen]
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		rows, err := db.Collect[seen](ctx, tx, sql, args...)
		found = page.Cut(req, rows, func(c seen) []string { return []string{c.ID.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	out := page.Result[AllowedApp]{Next: found.Next, Items: make([]AllowedApp, len(found.Items))}
	for i, row := range found.Items {
		if out.Items[i], err = row.view(); err != nil {
			return nil, err
		}
	}
	return httpapi.List(c, out), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *consentInput) (*httpapi.Out[AllowedApp], error) {
	var found seen
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		found, err = find(ctx, tx, c.Org.ID, in.Consent)
		return err
	})
	if err != nil {
		return nil, err
	}
	view, err := found.view()
	view.AllowedActions = c.Allowed(map[string]perm.Permission{"delete": permWrite})
	return httpapi.Reply(view), err
}

func find(ctx context.Context, tx db.Tx, org ids.Org, id ids.Consent) (seen, error) {
	found, err := db.CollectOne[seen](ctx, tx, sqlFind, tx.Tenant(), org, id)
	return found, db.OrNotFound(err)
}

func (s *Service) revokeOne(ctx context.Context, c *httpapi.Call, in *consentInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		found, err := find(ctx, tx, c.Org.ID, in.Consent)
		if err != nil {
			return err
		}
		if err := s.checkEnd(ctx, tx, found.User); err != nil {
			return err
		}
		return s.RevokeTx(ctx, tx, found.User, found.ID)
	})
}

func (s *Service) revokeUser(ctx context.Context, c *httpapi.Call, in *revokeInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		all, err := db.Collect[Consent](ctx, tx, sqlRevokeIn, tx.Tenant(), c.Org.ID, in.Body.UserID)
		if err != nil || len(all) == 0 {
			return err // of somebody who allowed nothing here, nothing is told
		}
		if err := s.checkEnd(ctx, tx, in.Body.UserID); err != nil {
			return err
		}
		for _, c := range all {
			if err := s.revoked(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) revokeApp(ctx context.Context, c *httpapi.Call, in *apps.AppPath) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		// The app's epoch ends everything at once, however many allowed it something.
		if err := s.apps.RevokeTokensTx(ctx, tx, c.Org.ID, in.App); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, sqlRevokeApp, tx.Tenant(), in.App)
		if err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventNobody.Of(c.Org.ID, in.App, nobodyData{App: in.App, Count: n}))
	})
}

// checkEnd asks who may take something from a person; everybody may from himself.
func (s *Service) checkEnd(ctx context.Context, tx db.Tx, user ids.User) error {
	if a := actor.From(ctx); s.mayEnd == nil || a.Kind == actor.User && a.User == user {
		return nil
	}
	return s.mayEnd(ctx, tx, user)
}
