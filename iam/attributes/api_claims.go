package attributes

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Claims"

// CreateOIDCClaimRequest says which attribute a new claim tells.
type CreateOIDCClaimRequest struct {
	Name        string `json:"name" minLength:"1" maxLength:"128" pattern:"^[A-Za-z0-9_.:/#~-]+$" patternDescription:"letters, digits and _ . : / # ~ -" doc:"What tokens call it, unique in the tenant; a URI is a good name for what is nobody else's (RFC 7519, section 4.2). Never changes." example:"department"`
	Attribute   string `json:"attribute" minLength:"1" maxLength:"80" doc:"What it tells: username, display_name, given_name, family_name, locale, or attributes.NAME for the value NAME among users' attributes. No other claim here tells the same." example:"attributes.department"`
	Type        string `json:"type,omitempty" enum:"boolean,number,text" default:"text" doc:"How its values are written in JSON. One that does not fit is left out." example:"text"`
	DisplayName string `json:"display_name,omitempty" maxLength:"100" doc:"What people read on the consent page; the name where left out." example:"Department"`
	SelfService bool   `json:"self_service,omitempty" doc:"Whether people who have no value fill it in themselves where an app needs one. Not for what others rely on." example:"false"`
}

// UpdateOIDCClaimRequest is a merge patch of a claim.
type UpdateOIDCClaimRequest struct {
	Attribute   *string `json:"attribute,omitempty" minLength:"1" maxLength:"80" doc:"What it tells from the next token on." example:"attributes.department"`
	Type        *string `json:"type,omitempty" enum:"boolean,number,text" doc:"How its values are written in JSON." example:"text"`
	DisplayName *string `json:"display_name,omitempty" minLength:"1" maxLength:"100" doc:"What people read on the consent page." example:"Department"`
	SelfService *bool   `json:"self_service,omitempty" doc:"Whether people fill it in themselves where an app needs it." example:"false"`
}

// OIDCClaim is a claim of OpenID Connect.
type OIDCClaim struct {
	ID             ids.OIDCClaim `json:"id" doc:"The claim."`
	OrgID          ids.Org       `json:"org_id" doc:"The organization that defines it: it is there for the apps of this one and of those below."`
	Name           string        `json:"name" doc:"What tokens call it." example:"department"`
	Attribute      string        `json:"attribute" doc:"The attribute of people that it tells." example:"attributes.department"`
	Type           string        `json:"type" enum:"boolean,list,number,object,text" doc:"How its values are written in JSON." example:"text"`
	DisplayName    string        `json:"display_name" doc:"What people read." example:"Department"`
	SelfService    bool          `json:"self_service" doc:"Whether people fill it in themselves where an app needs it." example:"false"`
	Builtin        bool          `json:"builtin" doc:"OpenID Connect defines it, or Grove: it cannot be deleted." example:"false"`
	Inherited      bool          `json:"inherited" doc:"Defined by an organization above: it can be used here, not changed." example:"false"`
	CreatedAt      time.Time     `json:"created_at" doc:"When it was made." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time     `json:"updated_at" doc:"When it was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string      `json:"allowed_actions,omitzero" doc:"What the caller may do with it; on single claims only." example:"[\"update\"]"`
}

func (r claimRow) view(org ids.Org) OIDCClaim {
	return OIDCClaim{ID: r.ID, OrgID: r.Org, Name: r.Name, Attribute: r.Attribute, Type: r.Type, DisplayName: r.DisplayName, SelfService: r.SelfService,
		Builtin: r.Builtin, Inherited: r.Org != org, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

// ClaimPath names a claim of an organization.
type ClaimPath struct {
	httpapi.OrgPath
	Claim ids.OIDCClaim `path:"claim" doc:"The claim." example:"clm_01j4x5t00070008000000000g4"`
}

type (
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
	}
	createClaimInput struct {
		httpapi.OrgPath
		Body CreateOIDCClaimRequest
	}
	updateClaimInput struct {
		ClaimPath
		httpapi.Match
		Body UpdateOIDCClaimRequest
	}
	deleteClaimInput struct {
		ClaimPath
		httpapi.Match
	}
)

func (s *Service) claimRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/oidc-claims"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[OIDCClaim]]]{ID: "listOIDCClaims", Method: "GET", Path: path, Tag: tag, Status: 200, Needs: permRead,
		Summary: "List claims", Description: "What the organization's apps can be told of people: its own claims and those it inherits from above, by name."}, s.listClaims)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCClaim]]{ID: "createOIDCClaim", Method: "POST", Path: path, Tag: tag, Status: 201, Needs: permWrite,
		Summary: "Add a claim", Description: "Lets an attribute of people be told to the apps of the organization and of those below. It is told when a scope asks for it.",
		Errors: []fault.Code{errAttributeTaken, errClaimTaken, errReserved, errTooMany}, Replay: s.replayClaim}, s.createClaim)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCClaim]]{ID: "getOIDCClaim", Method: "GET", Path: path + "/{claim}", Tag: tag, Status: 200, Needs: permRead,
		Summary: "Read a claim", Description: "Which attribute it tells, and how."}, s.getClaim)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[OIDCClaim]]{ID: "updateOIDCClaim", Method: "PATCH", Path: path + "/{claim}", Tag: tag, Status: 200, Needs: permWrite,
		Summary: "Change a claim", Description: "A JSON merge patch. The next tokens say what it says then.",
		Errors: []fault.Code{errAttributeTaken, errBuiltin, errInherited}}, s.updateClaim)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteOIDCClaim", Method: "DELETE", Path: path + "/{claim}", Tag: tag, Status: 204, Needs: permWrite,
		Summary: "Delete a claim", Description: "It leaves every scope, and no token says it any more. Users keep their values.", Errors: []fault.Code{errBuiltin, errInherited}}, s.deleteClaim)
}

func claimOut(c *httpapi.Call, r claimRow, err error) (*httpapi.Entity[OIDCClaim], error) {
	if err != nil {
		return nil, err
	}
	v := r.view(c.Org.ID)
	v.AllowedActions = c.Allowed(actions(v.Builtin, v.Inherited))
	return httpapi.Versioned(v, r.Version), nil
}

func actions(builtin, inherited bool) map[string]perm.Permission {
	all := map[string]perm.Permission{}
	if !inherited {
		all["update"] = permWrite
	}
	if !inherited && !builtin {
		all["delete"] = permWrite
	}
	return all
}

func (s *Service) listClaims(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[OIDCClaim]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.ListClaims(ctx, c.Tenant.ID, c.Org.ID, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createClaim(ctx context.Context, c *httpapi.Call, in *createClaimInput) (*httpapi.Entity[OIDCClaim], error) {
	r, err := s.CreateClaim(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	return claimOut(c, r, err)
}

func (s *Service) replayClaim(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[OIDCClaim], error) {
	var id ids.OIDCClaim
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	r, err := s.Claim(ctx, c.Tenant.ID, c.Org.ID, id)
	return claimOut(c, r, err)
}

func (s *Service) getClaim(ctx context.Context, c *httpapi.Call, in *ClaimPath) (*httpapi.Entity[OIDCClaim], error) {
	r, err := s.Claim(ctx, c.Tenant.ID, c.Org.ID, in.Claim)
	return claimOut(c, r, err)
}

func (s *Service) updateClaim(ctx context.Context, c *httpapi.Call, in *updateClaimInput) (*httpapi.Entity[OIDCClaim], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	r, err := s.UpdateClaim(ctx, c.Tenant.ID, c.Org.ID, in.Claim, version, in.Body)
	return claimOut(c, r, err)
}

func (s *Service) deleteClaim(ctx context.Context, c *httpapi.Call, in *deleteClaimInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.DeleteClaim(ctx, c.Tenant.ID, c.Org.ID, in.Claim, version)
}
