package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// What waits for a person's answer is listed in his account, for whoever does not see the mail. He answers on the page that the mail's link
// leads to: there is one way to say yes, and it wants a fresh proof of who he is.

// WaitingRequest is a request of an app that waits for the person's answer.
type WaitingRequest struct {
	ID        ids.CIBARequest `json:"id" doc:"The request."`
	AppID     ids.App         `json:"app_id" doc:"The app that asks."`
	AppName   string          `json:"app_name" doc:"Its name." example:"Call centre"`
	Message   string          `json:"message" doc:"What the app says, by which the person knows what he answers; may be empty." example:"Transfer of 120 EUR"`
	AnswerURL string          `json:"answer_url" doc:"The page on which the person says yes or no, after he has proved who he is. Opening it answers nothing."`
	ExpiresAt time.Time       `json:"expires_at" doc:"Until when it can be answered." example:"2026-11-23T09:25:00Z"`
}

type waitingInput struct{ httpapi.PageQuery }

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[WaitingRequest]]]{ID: "listMyRequests", Method: http.MethodGet, Path: "/v1/me/requests", Tag: "Account", Access: httpapi.Self,
		Summary: "List the requests that wait for one's answer", Description: "What apps ask of the person while he is not at their browser (OpenID Connect CIBA Core 1.0), the oldest first. Each is answered at its address. Only with a token of the console or the account portal.",
		Status: http.StatusOK}, s.listWaiting)
}

func (s *Service) listWaiting(ctx context.Context, c *httpapi.Call, in *waitingInput) (*httpapi.Out[page.Of[WaitingRequest]], error) {
	req, err := c.Page(in.PageQuery)
	if err == nil && !c.Actor.Scopes[scopeAccount] {
		err = fault.CodeForbidden.With("This operation is for the account portal's own tokens.", nil)
	}
	if err != nil {
		return nil, err
	}
	key, err := s.Keys.DataKey(ctx, c.Tenant.ID)
	if err != nil {
		return nil, err
	}
	all := []WaitingRequest{}
	err = s.DB.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		// He is asked a few times an hour at the most.
		rows, err := db.Collect[cibaRequest](ctx, tx, sqlWaitingCIBA, tx.Tenant(), c.Actor.User, tx.Now(), page.MaxSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			standing, err := s.Sessions.Standing(ctx, tx, sessions.Subjects{App: row.App, Org: row.Org, User: row.User})
			if err != nil {
				return err
			}
			if standing.Blocked {
				continue
			}
			plain, _ := cibaLink(key, c.Tenant.ID, row.ID)
			all = append(all, WaitingRequest{ID: row.ID, AppID: row.App, AppName: row.AppName, Message: row.Message, AnswerURL: cibaAnswerURL(row.Issuer, plain), ExpiresAt: row.ExpiresAt})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	id := func(w WaitingRequest) string { return w.ID.String() }
	if !req.First() {
		at := slices.IndexFunc(all, func(w WaitingRequest) bool { return id(w) == req.Part(0) })
		all = all[at+1:]
	}
	return httpapi.List(c, page.Cut(req, all, func(w WaitingRequest) []string { return []string{id(w)} })), nil
}

// cibaAnswerURL is where a person answers a request.
func cibaAnswerURL(issuer, link string) string {
	return issuer + "/login/request?token=" + url.QueryEscape(link)
}
