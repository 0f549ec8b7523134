package apps

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tagApps = "Apps"

// CreateAppRequest registers an app.
type CreateAppRequest struct {
	Credentials
	Name                   string   `json:"name" minLength:"1" maxLength:"100" doc:"Name, unique among the organization's apps; people see it when they sign in." example:"Invoices"`
	Description            string   `json:"description,omitempty" maxLength:"500" doc:"What the app is." example:"Where customers see their invoices."`
	Template               string   `json:"template" enum:"fapi,m2m,mcp,mobile,spa,standard,web" doc:"What kind of app it is, which sets its OAuth up: spa and mobile are public clients with PKCE; web is confidential and signs people in; m2m is confidential and acts for itself; standard is confidential and open to any setting; fapi is confidential and always held to a security profile, at first to FAPI 2.0, so that it needs keys or a certificate; mcp is a public client of MCP servers. Never changes." example:"web"`
	LogoURI                string   `json:"logo_uri,omitempty" maxLength:"2048" doc:"https address of the app's logo." example:"https://app.example.com/logo.svg"`
	Discoverable           *bool    `json:"discoverable,omitempty" default:"true" doc:"Whether people find the app among those that they may open, if it has an access_url." example:"true"`
	AccessURL              string   `json:"access_url,omitempty" maxLength:"2048" doc:"Where the app lives: portals and mails link to it." example:"https://app.example.com/"`
	RoleAudience           string   `json:"role_audience,omitempty" enum:"application,organization" default:"application" doc:"Which roles the app is told of: its own, or those of the organization that owns it." example:"application"`
	RedirectURIs           []string `json:"redirect_uris,omitempty" maxItems:"50" doc:"Where authorization codes may be sent; compared exactly. Needed for all but m2m and standard." example:"[\"https://app.example.com/callback\"]"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty" maxItems:"50" doc:"Where people may be sent after they signed out; compared exactly." example:"[\"https://app.example.com/\"]"`
	AllowedOrigins         []string `json:"allowed_origins,omitempty" maxItems:"50" doc:"Browser origins that may call the token endpoint and the API (CORS). Of a spa that leaves this out: the origins of its redirect URIs." example:"[\"https://app.example.com\"]"`
}

// UpdateAppRequest is a merge patch of an app.
type UpdateAppRequest struct {
	Name         *string `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"Name, unique among the organization's apps." example:"Invoices"`
	Description  *string `json:"description,omitempty" maxLength:"500" doc:"What the app is." example:"Where customers see their invoices."`
	LogoURI      *string `json:"logo_uri,omitempty" maxLength:"2048" doc:"https address of the app's logo; empty for none." example:"https://app.example.com/logo.svg"`
	AccessURL    *string `json:"access_url,omitempty" maxLength:"2048" doc:"Where the app lives; empty for nowhere." example:"https://app.example.com/"`
	Discoverable *bool   `json:"discoverable,omitempty" doc:"Whether people find the app among those that they may open." example:"true"`
	Enabled      *bool   `json:"enabled,omitempty" doc:"Whether the app works. Disabling ends everything that was issued to it." example:"true"`
	RoleAudience *string `json:"role_audience,omitempty" enum:"application,organization" doc:"Which roles the app is told of. Turning to organization deletes the app's own roles for good." example:"application"`
}

// App is an app as callers see it.
type App struct {
	ID             ids.App   `json:"id" doc:"The app."`
	OrgID          ids.Org   `json:"org_id" doc:"The organization that owns the app."`
	ClientID       string    `json:"client_id" doc:"The app's name in OAuth: server-made, or the address of the document that describes the app." example:"k3v5mq2n7x4h6t8w9y2z5b7d3f"`
	ClientType     string    `json:"client_type" doc:"public has no secret; confidential has." example:"confidential"`
	Name           string    `json:"name" doc:"Name for people." example:"Invoices"`
	Description    string    `json:"description" doc:"What the app is." example:"Where customers see their invoices."`
	Template       string    `json:"template" doc:"What kind of app it is: spa, mobile, web, m2m, standard, fapi or mcp." example:"web"`
	LogoURI        string    `json:"logo_uri" doc:"Address of the logo." example:"https://app.example.com/logo.svg"`
	AccessURL      string    `json:"access_url" doc:"Where the app lives." example:"https://app.example.com/"`
	Source         string    `json:"source" doc:"Who set the app up: managed, by an administrator; registered, by itself (RFC 7591); document, by what is published at its client_id." example:"managed"`
	Builtin        bool      `json:"builtin" doc:"Comes with every tenant and cannot be changed." example:"false"`
	Discoverable   bool      `json:"discoverable" doc:"Whether people find the app among those that they may open, if it has an access_url." example:"true"`
	Enabled        bool      `json:"enabled" doc:"Whether the app works." example:"true"`
	TurnedOffBy    *ids.Org  `json:"turned_off_by,omitempty" doc:"The organization above the owner whose administrator has disabled the app; absent where the owner did. Only there, or above, is it enabled again."`
	RoleAudience   string    `json:"role_audience" doc:"Which roles the app is told of: application or organization." example:"application"`
	CreatedAt      time.Time `json:"created_at" doc:"When the app was registered." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time `json:"updated_at" doc:"When the app was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string  `json:"allowed_actions,omitzero" doc:"What the caller may do with the app; on single apps only." example:"[\"update\"]"`
}

// CreatedApp is a new app with its first secret.
type CreatedApp struct {
	App
	ClientSecret string `json:"client_secret,omitempty" doc:"The first client secret of a client that proves itself by one. Shown here and never again." example:"grv_cs_…"`
}

// VersionedApp is an app with its OAuth settings and the version that If-Match names.
type VersionedApp struct {
	App
	OIDC    AppOIDC
	Version int64
}

func (a appRow) view() App {
	return App{ID: a.ID, OrgID: a.Org, ClientID: a.ClientID, ClientType: a.ClientType, Name: a.Name, Description: a.Description, Template: a.Template,
		LogoURI: a.LogoURI, AccessURL: a.AccessURL, Source: a.Source, Builtin: a.Builtin, Enabled: a.Enabled, TurnedOffBy: a.TurnedOffBy, Discoverable: a.Discoverable,
		RoleAudience: a.RoleAudience, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

func (a appRow) versioned() VersionedApp {
	return VersionedApp{App: a.view(), Version: a.Version, OIDC: AppOIDC{Settings: a.OIDC.complete(a.ClientType), ClientID: a.ClientID, ClientType: a.ClientType,
		AllowedOrigins: a.Origins, DetailsTypes: list.Distinct(a.DetailsTypes), GrantTypes: a.GrantTypes}}
}

// AppPath names an app of an organization.
type AppPath struct {
	httpapi.OrgPath
	App ids.App `path:"app" doc:"The app." example:"app_01j4x5t00070008000000000g4"`
}

type (
	listAppsInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q        string `query:"q" maxLength:"254" doc:"Only apps whose name has this in it, or whose client_id it is." example:"invoi"`
		Origin   string `query:"origin" maxLength:"512" doc:"Only apps that allow this browser origin." example:"https://app.example.com"`
		Source   string `query:"source" enum:"document,managed,registered" doc:"Only apps that were set up so: with registered, and a q, the clients that registered themselves under a name (RFC 7591, client_name)." example:"registered"`
		Template string `query:"template" enum:"fapi,m2m,mcp,mobile,spa,standard,web" doc:"Only apps of this kind." example:"web"`
		Status   string `query:"status" enum:"disabled,enabled" doc:"Only apps that work, or that do not." example:"enabled"`
	}
	createAppInput struct {
		httpapi.OrgPath
		Body CreateAppRequest
	}
	updateAppInput struct {
		AppPath
		httpapi.Match
		Body UpdateAppRequest
	}
	revokeTokensInput struct{ AppPath }
	deleteAppInput    struct {
		AppPath
		httpapi.Match
	}
)

func (s *Service) appRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/apps"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[App]]]{ID: "listApps", Method: "GET", Path: path, Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "List apps", Description: "The apps that the organization owns, by name. Those that are shared with it are among its available apps."}, s.listApps)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[CreatedApp]]{ID: "createApp", Method: "POST", Path: path, Tag: tagApps, Status: 201, Needs: PermWrite,
		Summary:     "Register an app",
		Description: "The first secret of a client that proves itself by one is in the response and never shown again: a repetition of the request with its Idempotency-Key is then answered with idempotency.secret_already_shown.",
		Errors:      []fault.Code{errGrantTypes, errNameTaken, errRedirects, fault.CodeIdemSecret}, Replay: s.replayApp}, s.createApp)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[App]]{ID: "getApp", Method: "GET", Path: path + "/{app}", Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "Read an app", Description: "What the app is, also of one that is shared with the organization. The OAuth settings, secrets and authorized APIs of its own are resources below it."}, s.getApp)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[App]]{ID: "updateApp", Method: "PATCH", Path: path + "/{app}", Tag: tagApps, Status: 200, Needs: PermWrite,
		Summary: "Change an app", Description: "A JSON merge patch. Disabling ends every token, and refuses new ones until the app is enabled again.",
		Errors: []fault.Code{ErrBuiltin, ErrShared, errDocument, errNameTaken, errTurnedOff, fault.CodeAboveGranter}}, s.updateApp)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeAppTokens", Method: "POST", Path: path + "/{app}:revoke-tokens", Tag: tagApps, Status: 204, Needs: PermWrite,
		Summary: "Revoke an app's tokens", Description: "Ends every token, refresh token and code that the app has, of all people and organizations, and its own. Introspection and the endpoints here refuse them at once; an API that verifies JWTs by itself accepts one until it expires. The app may ask for new ones right away, and people who allowed it something are not asked again.",
		Errors: []fault.Code{ErrBuiltin, ErrShared}, Replay: func(context.Context, *httpapi.Call, string) (*httpapi.None, error) { return &httpapi.None{}, nil }}, s.revokeTokens)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteApp", Method: "DELETE", Path: path + "/{app}", Tag: tagApps, Status: 204, Needs: PermWrite,
		Summary: "Delete an app", Description: "Its tokens, secrets, roles and shares end with it. Its client_id is never used again, unless it is the address of a document: to keep such an app out, disable it, or take its origin off the list.",
		Errors: []fault.Code{ErrBuiltin, ErrShared, fault.CodeAboveGranter}}, s.deleteApp)
}

func appOut(c *httpapi.Call, v VersionedApp, err error) (*httpapi.Entity[App], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(withActions(c, v.App), v.Version), nil
}

func withActions(c *httpapi.Call, a App) App {
	actions := map[string]perm.Permission{}
	if !a.Builtin && a.OrgID == c.Org.ID {
		actions["delete"], actions["share"], actions["update"] = PermWrite, PermWrite, PermWrite
	}
	a.AllowedActions = c.Allowed(actions)
	return a
}

func (s *Service) listApps(ctx context.Context, c *httpapi.Call, in *listAppsInput) (*httpapi.Out[page.Of[App]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.List(ctx, c.Tenant.ID, c.Org.ID, AppFilter{Origin: in.Origin, Q: in.Q, Source: in.Source, Template: in.Template, Status: in.Status}, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createApp(ctx context.Context, c *httpapi.Call, in *createAppInput) (*httpapi.Entity[CreatedApp], error) {
	v, secret, err := s.Create(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(CreatedApp{App: withActions(c, v.App), ClientSecret: secret}, v.Version), nil
}

// replayApp answers for a client without a secret only: the response for another one held it.
func (s *Service) replayApp(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[CreatedApp], error) {
	var id ids.App
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	v, err := s.Load(ctx, c.Tenant.ID, c.Org.ID, id)
	if err != nil {
		return nil, err
	}
	if v.ClientType != clientPublic && bySecret(v.OIDC.AuthMethod) {
		return nil, fault.CodeIdemSecret.With("The app is registered. Make a new secret for it instead.", nil)
	}
	return httpapi.Versioned(CreatedApp{App: withActions(c, v.App)}, v.Version), nil
}

func (s *Service) getApp(ctx context.Context, c *httpapi.Call, in *AppPath) (*httpapi.Entity[App], error) {
	v, err := s.See(ctx, c.Tenant.ID, c.Org.ID, in.App)
	return appOut(c, v, err)
}

func (s *Service) updateApp(ctx context.Context, c *httpapi.Call, in *updateAppInput) (*httpapi.Entity[App], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	v, err := s.Update(ctx, c.Tenant.ID, c.Org.ID, in.App, version, in.Body)
	return appOut(c, v, err)
}

func (s *Service) revokeTokens(ctx context.Context, c *httpapi.Call, in *revokeTokensInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.RevokeTokens(ctx, c.Tenant.ID, c.Org.ID, in.App)
}

func (s *Service) deleteApp(ctx context.Context, c *httpapi.Call, in *deleteAppInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.Delete(ctx, c.Tenant.ID, c.Org.ID, in.App, version)
}
