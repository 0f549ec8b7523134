package apps

import (
	"context"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// appsOfOrigin is how many apps of an origin are named; the list of apps has a filter for all of them.
const appsOfOrigin = 20

// Origin is a browser origin that may call the endpoints (CORS), and the apps because of which it may.
type Origin struct {
	Origin   string      `json:"origin" doc:"The origin: scheme, host and port." example:"https://app.example.com"`
	Apps     []OriginApp `json:"apps" doc:"The apps that allow it, by name: the first 20. List apps with origin for the others."`
	AppCount int         `json:"app_count" doc:"How many apps allow it." example:"1"`
}

// OriginApp is an app that allows an origin.
type OriginApp struct {
	ID       ids.App `json:"id" doc:"The app."`
	ClientID string  `json:"client_id" doc:"Its name in OAuth." example:"k3v5mq2n7x4h6t8w9y2z5b7d3f"`
	Name     string  `json:"name" doc:"Its name for people." example:"Invoices"`
	Enabled  bool    `json:"enabled" doc:"Whether it works. An origin of disabled apps alone may call nothing." example:"true"`
}

type listOriginsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

func (s *Service) originRoutes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[Origin]]]{ID: "listAppOrigins", Method: "GET", Path: "/v1/orgs/{org}/app-origins", Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "List browser origins", Description: "The browser origins (CORS) that the organization's apps allow, each with the apps that do. An origin that an enabled app allows may call the token endpoint and the API, with that app's tokens or another's."}, s.listOrigins)
}

func (s *Service) listOrigins(ctx context.Context, c *httpapi.Call, in *listOriginsInput) (*httpapi.Out[page.Of[Origin]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListOrigins(ctx, c.Tenant.ID, c.Org.ID, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

// ListOrigins returns a page of the browser origins that the apps of org allow, by their text.
func (s *Service) ListOrigins(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request) (result page.Result[Origin], err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := listOrigins(ctx, tx.Tx, org, req.Part(0), req.Limit())
		cut := page.Cut(req, rows, func(r originAppsRow) []string { return []string{r.Origin} })
		result = page.Map(cut, originAppsRow.view)
		return err
	})
	return result, err
}
