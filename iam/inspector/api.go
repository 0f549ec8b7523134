package inspector

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// FailedRequest is a request of an app that was refused.
type FailedRequest struct {
	ID          ids.FailedRequest `json:"id" doc:"The entry's identifier."`
	RequestID   string            `json:"request_id" doc:"The request's identifier, from the header X-Request-Id of its answer." example:"0f5c1f7e"`
	Endpoint    string            `json:"endpoint" doc:"Where it was sent: authorize, bc-authorize, device_authorization, global-revocation, introspect, logout, par, revoke, token or userinfo." example:"token"`
	Error       string            `json:"error" doc:"The error that was answered (RFC 6749, section 5.2)." example:"invalid_grant"`
	Description string            `json:"error_description" doc:"The error_description that was answered. It says no more than a stranger may know." example:"The grant is invalid, expired, used, revoked, or was issued to another client."`
	Rule        string            `json:"rule" doc:"What it breaks: a specification and its section, or a setting of the app's." example:"RFC 7636, section 4.6"`
	Expected    string            `json:"expected" doc:"What should have come." example:"code_verifier is the text of which the SHA-256 was sent as code_challenge."`
	Fix         string            `json:"fix" doc:"What to do about it." example:"Keep the verifier with the state, and send the one that belongs to this code."`
	Received    []Received        `json:"received" maxItems:"100" doc:"What came: parameters and headers, redacted."`
	Skipped     int               `json:"skipped" doc:"How many failed requests of the same minute before it were not written down." example:"0"`
	CreatedAt   time.Time         `json:"created_at" doc:"When it came." example:"2026-11-30T09:00:00Z"`
}

// Received is one parameter or header of a request, as far as it may be shown.
type Received struct {
	Name      string `json:"name" doc:"The name; of one that is not known, what it may be a misspelling of, or that it is not known." example:"redirect_uri"`
	In        string `json:"in" doc:"Where it was: query, body, header, or object (the request object)." example:"query"`
	Value     string `json:"value,omitempty" doc:"The value; left out where it is or may be secret. In addresses, values of the query that are not registered are …" example:"https://app.example.com/calback"`
	Note      string `json:"note,omitempty" doc:"What may be said of a value that is left out, or what is odd about one that is not." example:"43 characters"`
	Token     string `json:"token,omitempty" doc:"Header and known claims of a JWT, as JSON, without its signature." example:"{\"header\":{\"alg\":\"ES256\"},\"claims\":{\"aud\":\"https://id.example.com/t/acme\"}}"`
	Nearest   string `json:"nearest,omitempty" doc:"Of an address that is not registered: the one that is and that is most alike." example:"https://app.example.com/callback"`
	DiffersAt *int   `json:"differs_at,omitempty" doc:"How many characters value and nearest have in common at the beginning." example:"27"`
}

func (r entryRow) view() FailedRequest { return FailedRequest(r) }

type listInput struct {
	apps.AppPath
	httpapi.PageQuery
}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[FailedRequest]]]{ID: "listFailedRequests", Method: "GET", Path: "/v1/orgs/{org}/apps/{app}/failed-requests", Tag: "Apps", Status: 200,
		Needs: apps.PermRead, Summary: "List an app's failed requests",
		Description: "The last requests to the OAuth and OpenID Connect endpoints that named the app and were refused, newest first: what came, what was expected, which rule says so, and what to do. Secrets, codes and tokens are left out. Entries appear shortly after the answer, and stay for a week; when there are many, some are left out. Anybody can send a request that names an app."}, s.list)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[FailedRequest]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	if _, err := s.apps.Load(ctx, c.Tenant.ID, c.Org.ID, in.App); err != nil {
		return nil, err
	}
	before, _ := uuid.Parse(req.Part(0)) // "" on the first page is the zero UUID
	var result page.Result[FailedRequest]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := listEntries(ctx, tx, in.App, before, req.Limit())
		result = page.Map(page.Cut(req, rows, func(r entryRow) []string { return []string{r.ID.UUID().String()} }), entryRow.view)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}
