package authz

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tagResources = "API resources"

// CreateAPIResourceRequest registers a protected API.
type CreateAPIResourceRequest struct {
	Identifier            string                  `json:"identifier" minLength:"3" maxLength:"255" doc:"An absolute URI without a fragment (RFC 8707): the aud of the API's tokens. Never changes." example:"https://api.example.com"`
	Name                  string                  `json:"name" minLength:"1" maxLength:"100" doc:"Name for people." example:"Invoices API"`
	RequiresAuthorization *bool                   `json:"requires_authorization,omitempty" default:"true" doc:"Whether a person's token gets a scope only where a role gives it." example:"true"`
	RegisteredClients     bool                    `json:"registered_clients,omitempty" doc:"Whether apps that nobody here set up, because they register themselves or publish a metadata document, may ask for its scopes." example:"false"`
	Scopes                []CreateAPIScopeRequest `json:"scopes,omitempty" maxItems:"200" doc:"The first scopes."`
}

// UpdateAPIResourceRequest is a merge patch of an API resource.
type UpdateAPIResourceRequest struct {
	Name                  *string `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"Name for people." example:"Invoices API"`
	RequiresAuthorization *bool   `json:"requires_authorization,omitempty" doc:"Whether a person's token gets a scope only where a role gives it." example:"true"`
	RegisteredClients     *bool   `json:"registered_clients,omitempty" doc:"Whether apps that nobody here set up may ask for its scopes." example:"false"`
}

// CreateAPIScopeRequest is a new scope.
type CreateAPIScopeRequest struct {
	Name        string `json:"name" minLength:"1" maxLength:"100" pattern:"^[!#-\\[\\]-~]+$" patternDescription:"printable ASCII but space, quote and backslash" doc:"Scope name, unique in the tenant: printable ASCII but space, quote and backslash (RFC 6749, section 3.3). Never changes." example:"invoices.read"`
	DisplayName string `json:"display_name,omitempty" maxLength:"100" doc:"Name for people; the scope's name where left out." example:"See invoices"`
	Description string `json:"description,omitempty" maxLength:"500" doc:"What the scope allows, for the consent page." example:"See your invoices and their state."`
}

// UpdateAPIScopeRequest is a merge patch of a scope.
type UpdateAPIScopeRequest struct {
	DisplayName *string `json:"display_name,omitempty" minLength:"1" maxLength:"100" doc:"Name for people." example:"See invoices"`
	Description *string `json:"description,omitempty" maxLength:"500" doc:"What the scope allows, for the consent page." example:"See your invoices and their state."`
}

// APIResource is a protected API.
type APIResource struct {
	ID                    ids.APIResource `json:"id" doc:"The API resource."`
	OrgID                 ids.Org         `json:"org_id" doc:"The organization that defines it."`
	Identifier            string          `json:"identifier" doc:"The aud of the API's tokens." example:"https://api.example.com"`
	Name                  string          `json:"name" doc:"Name for people." example:"Invoices API"`
	RequiresAuthorization bool            `json:"requires_authorization" doc:"Whether a person's token gets a scope only where a role gives it." example:"true"`
	RegisteredClients     bool            `json:"registered_clients" doc:"Whether apps that nobody here set up may ask for its scopes." example:"false"`
	Builtin               bool            `json:"builtin" doc:"Comes with every tenant and cannot be changed: the management API." example:"false"`
	Inherited             bool            `json:"inherited" doc:"Defined by an organization above: it can be used here, not changed." example:"false"`
	Scopes                []APIScope      `json:"scopes,omitzero" doc:"Its scopes by name, in the answer to its registration only: they are a list of their own, which changes apart."`
	CreatedAt             time.Time       `json:"created_at" doc:"When it was registered." example:"2026-11-23T09:00:00Z"`
	UpdatedAt             time.Time       `json:"updated_at" doc:"When it was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions        []string        `json:"allowed_actions,omitzero" doc:"What the caller may do with it; on single resources only." example:"[\"update\"]"`
}

func (r resourceRow) view(org ids.Org) APIResource {
	return APIResource{ID: r.ID, OrgID: r.Org, Identifier: r.Identifier, Name: r.Name, RequiresAuthorization: r.Requires, RegisteredClients: r.Registered, Builtin: r.Builtin,
		Inherited: r.Org != org, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

// APIScope is a scope of an API resource.
type APIScope struct {
	ID          ids.Scope `json:"id" doc:"The scope."`
	Name        string    `json:"name" doc:"The name that tokens carry." example:"invoices.read"`
	DisplayName string    `json:"display_name" doc:"Name for people." example:"See invoices"`
	Description string    `json:"description" doc:"What the scope allows." example:"See your invoices and their state."`
}

func (s scopeRow) view() APIScope { return APIScope(s) }

// VisibleScope is a scope of an API resource that an organization has or inherits.
type VisibleScope struct {
	APIScope
	ResourceID   ids.APIResource `json:"resource_id" doc:"The API resource."`
	ResourceName string          `json:"resource_name" doc:"Its name." example:"Invoices API"`
}

// ResourcePath names an API resource in an organization.
type ResourcePath struct {
	httpapi.OrgPath
	Resource ids.APIResource `path:"resource" doc:"The API resource." example:"api_01j4x5t00070008000000000g4"`
}

// ScopePath names a scope of an API resource.
type ScopePath struct {
	ResourcePath
	Scope ids.Scope `path:"scope" doc:"The scope." example:"scp_01j4x5t00070008000000000g4"`
}

type (
	listResourcesInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q string `query:"q" maxLength:"254" doc:"Only resources that have this in their name, in any case, or in their identifier." example:"invoices"`
	}
	createResourceInput struct {
		httpapi.OrgPath
		Body CreateAPIResourceRequest
	}
	updateResourceInput struct {
		ResourcePath
		httpapi.Match
		Body UpdateAPIResourceRequest
	}
	deleteResourceInput struct {
		ResourcePath
		httpapi.Match
	}
	listScopesInput struct {
		ResourcePath
		httpapi.PageQuery
	}
	listVisibleInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q string `query:"q" maxLength:"128" doc:"Only scopes whose name begins with this, exactly." example:"invoices."`
	}
	createScopeInput struct {
		ResourcePath
		Body CreateAPIScopeRequest
	}
	updateScopeInput struct {
		ScopePath
		Body UpdateAPIScopeRequest
	}
)

func (s *Service) resourceRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/api-resources"
	const one, scopes = path + "/{resource}", path + "/{resource}/scopes"
	fixed := []fault.Code{errResourceBuiltin, errResourceInherited}
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[APIResource]]]{ID: "listAPIResources", Method: "GET", Path: path, Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "List API resources", Description: "Those of the organization and those it inherits from above, by name."}, s.listResources)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[APIResource]]{ID: "createAPIResource", Method: "POST", Path: path, Tag: tagResources, Status: 201,
		Needs: permResourcesWrite, Summary: "Register an API resource", Description: "Its identifier becomes the aud of access tokens for the API.",
		Errors: []fault.Code{errIdentifierTaken, errScopeReserved, errScopeTaken}, Replay: s.replayResource}, s.createResource)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[APIResource]]{ID: "getAPIResource", Method: "GET", Path: one, Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "Read an API resource", Description: "The API resource with its identifier; its scopes are a list of their own."}, s.getResource)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[APIResource]]{ID: "updateAPIResource", Method: "PATCH", Path: one, Tag: tagResources, Status: 200,
		Needs: permResourcesWrite, Summary: "Change an API resource", Description: "A JSON merge patch.", Errors: fixed}, s.updateResource)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteAPIResource", Method: "DELETE", Path: one, Tag: tagResources, Status: 204,
		Needs: permResourcesWrite, Summary: "Delete an API resource", Description: "Its scopes leave every role. Refused while an app is authorized for it.",
		Errors: append(fixed, errResourceUsed)}, s.deleteResource)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[APIScope]]]{ID: "listAPIScopes", Method: "GET", Path: scopes, Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "List scopes", Description: "The scopes of an API resource, by name."}, s.listScopes)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[VisibleScope]]]{ID: "listVisibleScopes", Method: "GET", Path: "/v1/orgs/{org}/api-scopes", Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "List the scopes of all APIs", Description: "Those of every API resource that the organization has or inherits, by name: what a role can give and an app can be authorized for."}, s.listVisible)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[APIScope]]{ID: "createAPIScope", Method: "POST", Path: scopes, Tag: tagResources, Status: 201,
		Needs: permResourcesWrite, Summary: "Add a scope", Description: "Adds a scope to an API resource. A scope's name means one thing in the whole tenant.", Errors: append(fixed, errScopeReserved, errScopeTaken, errScopeTooMany), Replay: s.replayScope}, s.createScope)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[APIScope]]{ID: "updateAPIScope", Method: "PATCH", Path: scopes + "/{scope}", Tag: tagResources, Status: 200,
		Needs: permResourcesWrite, Summary: "Change a scope", Description: "A JSON merge patch.", Errors: fixed}, s.updateScope)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteAPIScope", Method: "DELETE", Path: scopes + "/{scope}", Tag: tagResources, Status: 204,
		Needs: permResourcesWrite, Summary: "Remove a scope", Description: "It leaves every role. Refused while an app is authorized for it.",
		Errors: append(fixed, errScopeUsed)}, s.deleteScope)
}

func resourceOut(c *httpapi.Call, r VersionedResource, err error) (*httpapi.Entity[APIResource], error) {
	if err != nil {
		return nil, err
	}
	actions := map[string]perm.Permission{}
	if !r.Builtin && !r.Inherited {
		actions["delete"], actions["update"] = permResourcesWrite, permResourcesWrite
	}
	r.AllowedActions = c.Allowed(actions)
	return httpapi.Versioned(r.APIResource, r.Version), nil
}

func (s *Service) listResources(ctx context.Context, c *httpapi.Call, in *listResourcesInput) (*httpapi.Out[page.Of[APIResource]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListResources(ctx, c.Tenant.ID, c.Org.ID, in.Q, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createResource(ctx context.Context, c *httpapi.Call, in *createResourceInput) (*httpapi.Entity[APIResource], error) {
	made, err := s.CreateResource(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	return resourceOut(c, made, err)
}

func (s *Service) replayResource(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[APIResource], error) {
	var id ids.APIResource
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	made, err := s.Resource(ctx, c.Tenant.ID, c.Org.ID, id)
	if err == nil {
		scopes, failed := s.ListScopes(ctx, c.Tenant.ID, c.Org.ID, id, page.Request{Size: maxScopes})
		made.Scopes, err = append([]APIScope{}, scopes.Items...), failed
	}
	return resourceOut(c, made, err)
}

func (s *Service) getResource(ctx context.Context, c *httpapi.Call, in *ResourcePath) (*httpapi.Entity[APIResource], error) {
	row, err := s.Resource(ctx, c.Tenant.ID, c.Org.ID, in.Resource)
	return resourceOut(c, row, err)
}

func (s *Service) updateResource(ctx context.Context, c *httpapi.Call, in *updateResourceInput) (*httpapi.Entity[APIResource], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	row, err := s.UpdateResource(ctx, c.Tenant.ID, c.Org.ID, in.Resource, version, in.Body)
	return resourceOut(c, row, err)
}

func (s *Service) deleteResource(ctx context.Context, c *httpapi.Call, in *deleteResourceInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.DeleteResource(ctx, c.Tenant.ID, c.Org.ID, in.Resource, version)
}

func (s *Service) listScopes(ctx context.Context, c *httpapi.Call, in *listScopesInput) (*httpapi.Out[page.Of[APIScope]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListScopes(ctx, c.Tenant.ID, c.Org.ID, in.Resource, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) listVisible(ctx context.Context, c *httpapi.Call, in *listVisibleInput) (*httpapi.Out[page.Of[VisibleScope]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListVisibleScopes(ctx, c.Tenant.ID, c.Org.ID, in.Q, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createScope(ctx context.Context, c *httpapi.Call, in *createScopeInput) (*httpapi.Out[APIScope], error) {
	return scopeOut(s.AddScope(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.Body))
}

// replayScope finds the resource in the address of the request, which is the same as the first time.
func (s *Service) replayScope(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Out[APIScope], error) {
	var id ids.Scope
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return scopeOut(s.Scope(ctx, c.Tenant.ID, c.Org.ID, id))
}

func (s *Service) updateScope(ctx context.Context, c *httpapi.Call, in *updateScopeInput) (*httpapi.Out[APIScope], error) {
	return scopeOut(s.UpdateScope(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.Scope, in.Body))
}

func (s *Service) deleteScope(ctx context.Context, c *httpapi.Call, in *ScopePath) (*httpapi.None, error) {
	return &httpapi.None{}, s.DeleteScope(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.Scope)
}

func scopeOut(made APIScope, err error) (*httpapi.Out[APIScope], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(made), nil
}
