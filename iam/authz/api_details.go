package authz

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// CreateAuthorizationDetailsTypeRequest is a new authorization details type.
type CreateAuthorizationDetailsTypeRequest struct {
	Type        string         `json:"type" minLength:"1" maxLength:"255" pattern:"^[!#-\\[\\]-~]+$" patternDescription:"printable ASCII but space, quote and backslash" doc:"The value of type in authorization_details, unique in the tenant: printable ASCII but space, quote and backslash. Never changes." example:"payment_initiation"`
	Name        string         `json:"name" minLength:"1" maxLength:"100" doc:"Name for people, for the consent page." example:"Payment"`
	Description string         `json:"description,omitempty" maxLength:"500" doc:"What is allowed by it, for the consent page." example:"Money leaves your account."`
	Schema      map[string]any `json:"schema" doc:"JSON Schema, draft 2020-12, of a whole element of authorization_details; at most 16 KiB and 300 subschemas. It names nothing outside of itself: $ref leads to its own $defs, and not round. Members that it does not name are refused, unless it says otherwise by additionalProperties or unevaluatedProperties; type need not be named. Titles are shown to people." example:"{\"type\":\"object\",\"required\":[\"amount\"],\"properties\":{\"amount\":{\"type\":\"string\",\"title\":\"Amount\"}}}"`
}

// UpdateAuthorizationDetailsTypeRequest is a merge patch of an authorization details type.
type UpdateAuthorizationDetailsTypeRequest struct {
	Name        *string         `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"Name for people." example:"Payment"`
	Description *string         `json:"description,omitempty" maxLength:"500" doc:"What is allowed by it." example:"Money leaves your account."`
	Schema      *map[string]any `json:"schema,omitempty" doc:"The whole JSON Schema from now on; it is not merged. New tokens carry only details that fit it." example:"{\"type\":\"object\",\"required\":[\"amount\"],\"properties\":{\"amount\":{\"type\":\"string\",\"title\":\"Amount\"}}}"`
}

// AuthorizationDetailsType is a type of authorization details (RFC 9396) that an API understands.
type AuthorizationDetailsType struct {
	ID          ids.DetailsType `json:"id" doc:"The authorization details type."`
	Type        string          `json:"type" doc:"The value of type in authorization_details." example:"payment_initiation"`
	Name        string          `json:"name" doc:"Name for people." example:"Payment"`
	Description string          `json:"description" doc:"What is allowed by it." example:"Money leaves your account."`
	Schema      map[string]any  `json:"schema" doc:"JSON Schema, draft 2020-12." example:"{\"type\":\"object\",\"required\":[\"amount\"],\"properties\":{\"amount\":{\"type\":\"string\",\"title\":\"Amount\"}}}"`
	CreatedAt   time.Time       `json:"created_at" doc:"When it was added." example:"2026-11-23T09:00:00Z"`
	UpdatedAt   time.Time       `json:"updated_at" doc:"When it was last changed." example:"2026-11-23T09:00:00Z"`
}

// VisibleDetailsType is an authorization details type of an API resource that an organization has or inherits.
type VisibleDetailsType struct {
	AuthorizationDetailsType
	ResourceID   ids.APIResource `json:"resource_id" doc:"The API resource."`
	ResourceName string          `json:"resource_name" doc:"Its name." example:"Payments API"`
}

func (r detailsTypeRow) view() AuthorizationDetailsType {
	return AuthorizationDetailsType{ID: r.ID, Type: r.Type, Name: r.Name, Description: r.Description, Schema: r.Schema, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

// DetailsTypePath names an authorization details type of an API resource.
type DetailsTypePath struct {
	ResourcePath
	DetailsType ids.DetailsType `path:"details_type" doc:"The authorization details type." example:"adt_01j4x5t00070008000000000g4"`
}

type (
	listVisibleTypesInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
	}
	createDetailsTypeInput struct {
		ResourcePath
		Body CreateAuthorizationDetailsTypeRequest
	}
	updateDetailsTypeInput struct {
		DetailsTypePath
		httpapi.Match
		Body UpdateAuthorizationDetailsTypeRequest
	}
	deleteDetailsTypeInput struct {
		DetailsTypePath
		httpapi.Match
	}
)

func (s *Service) detailsRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/api-resources/{resource}/authorization-details-types"
	const one = path + "/{details_type}"
	fixed := []fault.Code{errResourceBuiltin, errResourceInherited}
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AuthorizationDetailsType]]]{ID: "listAuthorizationDetailsTypes", Method: "GET", Path: path, Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "List authorization details types", Description: "What apps may ask for at the API in more than scopes can say (RFC 9396), by type."}, s.listDetailsTypes)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[VisibleDetailsType]]]{ID: "listVisibleAuthorizationDetailsTypes", Method: "GET", Path: "/v1/orgs/{org}/authorization-details-types", Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "List the authorization details types of all APIs", Description: "Those of every API resource that the organization has or inherits, by type."}, s.listVisibleTypes)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AuthorizationDetailsType]]{ID: "createAuthorizationDetailsType", Method: "POST", Path: path, Tag: tagResources, Status: 201,
		Needs: permResourcesWrite, Summary: "Add an authorization details type", Description: "A type means one thing in the whole tenant. Which apps may ask for it is said where they are authorized for the API.",
		Errors: append(fixed, errDetailsSchema, errDetailsTaken, errDetailsTooMany), Replay: s.replayDetailsType}, s.createDetailsType)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AuthorizationDetailsType]]{ID: "getAuthorizationDetailsType", Method: "GET", Path: one, Tag: tagResources, Status: 200,
		Needs: permResourcesRead, Summary: "Read an authorization details type", Description: "The type with its schema."}, s.getDetailsType)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AuthorizationDetailsType]]{ID: "updateAuthorizationDetailsType", Method: "PATCH", Path: one, Tag: tagResources, Status: 200,
		Needs: permResourcesWrite, Summary: "Change an authorization details type", Description: "A JSON merge patch, but that a schema takes the place of the one before. Tokens that are out keep what they carry.",
		Errors: append(fixed, errDetailsSchema)}, s.updateDetailsType)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteAuthorizationDetailsType", Method: "DELETE", Path: one, Tag: tagResources, Status: 204,
		Needs: permResourcesWrite, Summary: "Remove an authorization details type", Description: "Refused while an app may ask for it.",
		Errors: append(fixed, errDetailsUsed)}, s.deleteDetailsType)
}

func detailsTypeOut(v VersionedDetailsType, err error) (*httpapi.Entity[AuthorizationDetailsType], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(v.AuthorizationDetailsType, v.Version), nil
}

func (s *Service) listDetailsTypes(ctx context.Context, c *httpapi.Call, in *listScopesInput) (*httpapi.Out[page.Of[AuthorizationDetailsType]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListDetailsTypes(ctx, c.Tenant.ID, c.Org.ID, in.Resource, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) listVisibleTypes(ctx context.Context, c *httpapi.Call, in *listVisibleTypesInput) (*httpapi.Out[page.Of[VisibleDetailsType]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListVisibleDetailsTypes(ctx, c.Tenant.ID, c.Org.ID, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createDetailsType(ctx context.Context, c *httpapi.Call, in *createDetailsTypeInput) (*httpapi.Entity[AuthorizationDetailsType], error) {
	return detailsTypeOut(s.AddDetailsType(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.Body))
}

func (s *Service) replayDetailsType(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[AuthorizationDetailsType], error) {
	var id ids.DetailsType
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return detailsTypeOut(s.visibleDetailsType(ctx, c.Tenant.ID, c.Org.ID, id))
}

func (s *Service) getDetailsType(ctx context.Context, c *httpapi.Call, in *DetailsTypePath) (*httpapi.Entity[AuthorizationDetailsType], error) {
	return detailsTypeOut(s.LoadDetailsType(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.DetailsType))
}

func (s *Service) updateDetailsType(ctx context.Context, c *httpapi.Call, in *updateDetailsTypeInput) (*httpapi.Entity[AuthorizationDetailsType], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return detailsTypeOut(s.UpdateDetailsType(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.DetailsType, version, in.Body))
}

func (s *Service) deleteDetailsType(ctx context.Context, c *httpapi.Call, in *deleteDetailsTypeInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.DeleteDetailsType(ctx, c.Tenant.ID, c.Org.ID, in.Resource, in.DetailsType, version)
}
