package attributes

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// CreateOIDCScopeRequest says which claims a new scope asks for.
type CreateOIDCScopeRequest struct {
	Name        string   `json:"name" minLength:"1" maxLength:"100" pattern:"^[!#-\\[\\]-~]+$" patternDescription:"printable ASCII but space, quote and backslash" doc:"What apps ask for, unique in the tenant among all scopes: printable ASCII but space, quote and backslash (RFC 6749, section 3.3). Never changes." example:"staff"`
	DisplayName string   `json:"display_name,omitempty" maxLength:"100" doc:"What people read on the consent page; the name where left out." example:"See your place of work"`
	Description string   `json:"description,omitempty" maxLength:"500" doc:"What it lets an app know, for the consent page." example:"Your department and your cost centre."`
	Claims      []string `json:"claims" maxItems:"100" doc:"The claims that it asks for, by name." example:"[\"nickname\"]"`
}

// UpdateOIDCScopeRequest is a merge patch of a scope.
type UpdateOIDCScopeRequest struct {
	DisplayName *string   `json:"display_name,omitempty" minLength:"1" maxLength:"100" doc:"What people read on the consent page." example:"See your place of work"`
	Description *string   `json:"description,omitempty" maxLength:"500" doc:"What it lets an app know." example:"Your department and your cost centre."`
	Claims      *[]string `json:"claims,omitempty" maxItems:"100" doc:"All claims that it asks for from now on. openid has none." example:"[\"nickname\"]"`
}

// OIDCScope is a scope by which apps ask for claims.
type OIDCScope struct {
	ID             ids.OIDCScope `json:"id" doc:"The scope."`
	OrgID          ids.Org       `json:"org_id" doc:"The organization that defines it: it is there for the apps of this one and of those below."`
	Name           string        `json:"name" doc:"What apps ask for." example:"staff"`
	DisplayName    string        `json:"display_name" doc:"What people read." example:"See your place of work"`
	Description    string        `json:"description" doc:"What it lets an app know." example:"Your department and your cost centre."`
	Claims         []string      `json:"claims" doc:"The claims that it asks for." example:"[\"nickname\"]"`
	Builtin        bool          `json:"builtin" doc:"OpenID Connect defines it, or Grove: it cannot be deleted." example:"false"`
	Inherited      bool          `json:"inherited" doc:"Defined by an organization above: it can be used here, not changed." example:"false"`
	CreatedAt      time.Time     `json:"created_at" doc:"When it was made." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time     `json:"updated_at" doc:"When it was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string      `json:"allowed_actions,omitzero" doc:"What the caller may do with it; on single scopes only." example:"[\"update\"]"`
}

func (r scopeRow) view(org ids.Org) OIDCScope {
	return OIDCScope{ID: r.ID, OrgID: r.Org, Name: r.Name, DisplayName: r.DisplayName, Description: r.Description, Claims: r.Claims, Builtin: r.Builtin,
		Inherited: r.Org != org, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

// ScopePath names a scope of an organization.
type ScopePath struct {
	httpapi.OrgPath
	Scope ids.OIDCScope `path:"oidc_scope" doc:"The scope." example:"osc_01j4x5t00070008000000000g4"`
}

type (
	createScopeInput struct {
		httpapi.OrgPath
		Body CreateOIDCScopeRequest
	}
	updateScopeInput struct {
		ScopePath
		httpapi.Match
		Body UpdateOIDCScopeRequest
	}
	deleteScopeInput struct {
		ScopePath
		httpapi.Match
	}
)

func (s *Service) scopeRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/oidc-scopes"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[OIDCScope]]]{ID: "listOIDCScopes", Method: "GET", Path: path, Tag: tag, Status: 200, Needs: permRead,
		Summary: "List OpenID Connect scopes", Description: "By which the organization's apps ask for claims: its own scopes and those it inherits from above, by name."}, s.listScopes)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCScope]]{ID: "createOIDCScope", Method: "POST", Path: path, Tag: tag, Status: 201, Needs: permWrite,
		Summary: "Add an OpenID Connect scope", Description: "For the apps of the organization and of those below.",
		Errors: []fault.Code{errReserved, errScopeTaken, errTooMany, errUnknown}, Replay: s.replayScope}, s.createScope)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCScope]]{ID: "getOIDCScope", Method: "GET", Path: path + "/{oidc_scope}", Tag: tag, Status: 200, Needs: permRead,
		Summary: "Read an OpenID Connect scope", Description: "Which claims it asks for."}, s.getScope)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCScope]]{ID: "updateOIDCScope", Method: "PATCH", Path: path + "/{oidc_scope}", Tag: tag, Status: 200, Needs: permWrite,
		Summary: "Change an OpenID Connect scope", Description: "A JSON merge patch. The next tokens carry the claims that it asks for then.",
		Errors: []fault.Code{errBuiltin, errInherited, errUnknown}}, s.updateScope)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteOIDCScope", Method: "DELETE", Path: path + "/{oidc_scope}", Tag: tag, Status: 204, Needs: permWrite,
		Summary: "Delete an OpenID Connect scope", Description: "Apps that ask for it get it no more, and the next tokens are without it.", Errors: []fault.Code{errBuiltin, errInherited}}, s.deleteScope)
}

func scopeOut(c *httpapi.Call, r scopeRow, err error) (*httpapi.Entity[OIDCScope], error) {
	if err != nil {
		return nil, err
	}
	v := r.view(c.Org.ID)
	v.AllowedActions = c.Allowed(actions(v.Builtin, v.Inherited))
	return httpapi.Versioned(v, r.Version), nil
}

func (s *Service) listScopes(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[OIDCScope]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListScopes(ctx, c.Tenant.ID, c.Org.ID, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createScope(ctx context.Context, c *httpapi.Call, in *createScopeInput) (*httpapi.Entity[OIDCScope], error) {
	r, err := s.CreateScope(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	return scopeOut(c, r, err)
}

func (s *Service) replayScope(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[OIDCScope], error) {
	var id ids.OIDCScope
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	r, err := s.Scope(ctx, c.Tenant.ID, c.Org.ID, id)
	return scopeOut(c, r, err)
}

func (s *Service) getScope(ctx context.Context, c *httpapi.Call, in *ScopePath) (*httpapi.Entity[OIDCScope], error) {
	r, err := s.Scope(ctx, c.Tenant.ID, c.Org.ID, in.Scope)
	return scopeOut(c, r, err)
}

func (s *Service) updateScope(ctx context.Context, c *httpapi.Call, in *updateScopeInput) (*httpapi.Entity[OIDCScope], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	r, err := s.UpdateScope(ctx, c.Tenant.ID, c.Org.ID, in.Scope, version, in.Body)
	return scopeOut(c, r, err)
}

func (s *Service) deleteScope(ctx context.Context, c *httpapi.Call, in *deleteScopeInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.DeleteScope(ctx, c.Tenant.ID, c.Org.ID, in.Scope, version)
}
