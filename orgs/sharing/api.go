package sharing

import (
	"context"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

const tagSharing = "Sharing"

// ShareAppRequest is the whole share of an app.
type ShareAppRequest struct {
	Policy        string    `json:"policy" enum:"all,none,selected,subtree" doc:"Who has the app besides its owner. all: every organization below, present and future; selected: those named; subtree: those named and all below them, present and future; none: nobody." example:"all"`
	Organizations []ids.Org `json:"organizations,omitempty" maxItems:"10000" doc:"The organizations of the policies selected and subtree; each lies below the owner."`
	Roles         string    `json:"roles,omitempty" enum:"all,none" default:"none" doc:"Whether the app's roles go along: they can then be assigned there, not changed." example:"all"`
}

// AppShare is the share of an app.
type AppShare struct {
	Policy        string     `json:"policy" doc:"all, none, selected or subtree." example:"all"`
	Organizations []ids.Org  `json:"organizations" doc:"The organizations of the policies selected and subtree."`
	Roles         string     `json:"roles" doc:"Whether the app's roles go along: all or none." example:"all"`
	UpdatedAt     *time.Time `json:"updated_at,omitempty" doc:"When the share was last changed; absent where nothing was ever shared." example:"2026-11-23T09:00:00Z"`
}

// AvailableApp is an app that an organization has.
type AvailableApp struct {
	ID          ids.App  `json:"id" doc:"The app."`
	ClientID    string   `json:"client_id" doc:"The app's name in OAuth." example:"k3v5mq2n7x4h6t8w9y2z5b7d3f"`
	Name        string   `json:"name" doc:"Name for people." example:"Invoices"`
	Description string   `json:"description" doc:"What the app is." example:"Where customers see their invoices."`
	LogoURI     string   `json:"logo_uri" doc:"Address of the logo." example:"https://app.example.com/logo.svg"`
	AccessURL   string   `json:"access_url" doc:"Where the app lives." example:"https://app.example.com/"`
	Builtin     bool     `json:"builtin" doc:"Comes with every tenant." example:"false"`
	How         string   `json:"how" doc:"owned, or shared by an organization above. More may come." example:"shared"`
	Owner       AppOwner `json:"owner" doc:"The organization that owns the app."`
	Roles       string   `json:"roles" doc:"Whether the app's roles can be assigned here: all or none." example:"all"`
}

// AppOwner is the organization that owns an app.
type AppOwner struct {
	ID   ids.Org `json:"id" doc:"The organization."`
	Name string  `json:"name" doc:"Its name." example:"Acme"`
}

func (r availableRow) view(org ids.Org) AvailableApp {
	v := AvailableApp{ID: r.ID, ClientID: r.ClientID, Name: r.Name, Description: r.Description, LogoURI: r.LogoURI, AccessURL: r.AccessURL,
		Builtin: r.Builtin, How: "shared", Owner: AppOwner{ID: r.Owner, Name: r.OwnerName}, Roles: rolesNone}
	if r.Owner == org {
		v.How = "owned"
	}
	if r.WithRoles {
		v.Roles = rolesAll
	}
	return v
}

type (
	shareInput struct {
		apps.AppPath
		httpapi.Match
		Body ShareAppRequest
	}
	listAvailableInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		How string `query:"how" enum:"owned,shared" doc:"Only apps that the organization has in this way." example:"shared"`
	}
)

var availableRoute = httpapi.Route[httpapi.Out[page.Of[AvailableApp]]]{ID: "listAvailableApps", Method: "GET", Path: "/v1/orgs/{org}/available-apps",
	Tag: tagSharing, Status: 200, Needs: apps.PermRead, Summary: "List the apps that an organization has",
	Description: "Its own and those that are shared with it, by name, without disabled ones."}

func (s *Service) shareRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/apps/{app}/shares"
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AppShare]]{ID: "getAppShare", Method: "GET", Path: path, Tag: tagSharing, Status: 200, Needs: apps.PermRead,
		Summary: "Read with whom an app is shared", Description: "The stored policy. For the organization that owns the app."}, s.getShare)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AppShare]]{ID: "shareApp", Method: "PUT", Path: path, Tag: tagSharing, Status: 200, Needs: apps.PermWrite,
		Summary:     "Share an app",
		Description: "Replaces the whole share, at once, whatever the number of organizations. Where an organization loses the app or its roles, the app's roles are taken away there for good, and everything that was issued to the app ends.",
		Errors:      []fault.Code{apps.ErrBuiltin, apps.ErrShared, errPolicy, errTarget}}, s.putShare)
}

func shareOut(v VersionedShare, err error) (*httpapi.Entity[AppShare], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(v.AppShare, v.Version), nil
}

func (s *Service) getShare(ctx context.Context, c *httpapi.Call, in *apps.AppPath) (*httpapi.Entity[AppShare], error) {
	return shareOut(s.Share(ctx, c.Tenant.ID, c.Org.ID, in.App))
}

func (s *Service) putShare(ctx context.Context, c *httpapi.Call, in *shareInput) (*httpapi.Entity[AppShare], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return shareOut(s.SetShare(ctx, c.Tenant.ID, c.Org.ID, in.App, version, in.Body))
}

func (s *Service) listAvailable(ctx context.Context, c *httpapi.Call, in *listAvailableInput) (*httpapi.Out[page.Of[AvailableApp]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.Available(ctx, c.Tenant.ID, c.Org.ID, in.How, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}
