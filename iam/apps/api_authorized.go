package apps

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
)

const (
	policyNone = "none"
	policyRBAC = "rbac"
)

// AuthorizeAPIRequest says which scopes and authorization details types of an API resource an app may ask for.
type AuthorizeAPIRequest struct {
	Resource ids.APIResource `json:"resource" doc:"The API resource: the organization's own, or one that it inherits."`
	Policy   string          `json:"policy,omitempty" enum:"none,rbac" default:"rbac" doc:"rbac: a person's token gets a scope only where a role gives it; none: all that is asked. rbac is a must where the API resource requires authorization, but for m2m apps, which have no people." example:"rbac"`
	Scopes   []string        `json:"scopes" maxItems:"200" doc:"Names of the scopes; all that the app may ask for from now on. Of the management API, grove stands for every scope, also future ones." example:"[\"invoices.read\"]"`
	Types    []string        `json:"authorization_details_types,omitempty" maxItems:"50" doc:"Authorization details types of the API resource (RFC 9396); all that the app may ask for from now on. With policy rbac a person's token carries them only where a role gives him some scope of the API." example:"[\"payment_initiation\"]"`
}

// AuthorizedAPI is an API resource that an app may ask scopes of.
type AuthorizedAPI struct {
	Resource   ids.APIResource `json:"resource" doc:"The API resource."`
	Identifier string          `json:"identifier" doc:"Its identifier, the aud of its tokens." example:"https://api.example.com"`
	Name       string          `json:"name" doc:"Its name for people." example:"Invoices API"`
	Policy     string          `json:"policy" doc:"rbac or none." example:"rbac"`
	Scopes     []string        `json:"scopes" doc:"The scopes that the app may ask for." example:"[\"invoices.read\"]"`
	Types      []string        `json:"authorization_details_types" doc:"The authorization details types that the app may ask for." example:"[\"payment_initiation\"]"`
}

func (r apiRow) view() AuthorizedAPI {
	return AuthorizedAPI{Resource: r.Resource, Identifier: r.Identifier, Name: r.Name, Policy: r.Policy, Scopes: r.Scopes, Types: r.Types}
}

type (
	authorizeInput struct {
		AppPath
		Body AuthorizeAPIRequest
	}
	listAuthorizedInput struct {
		AppPath
		httpapi.PageQuery
	}
	withdrawInput struct {
		AppPath
		Resource ids.APIResource `path:"resource" doc:"The API resource." example:"api_01j4x5t00070008000000000g4"`
	}
)

func (s *Service) authorizedRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/apps/{app}/authorized-apis"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AuthorizedAPI]]]{ID: "listAuthorizedAPIs", Method: "GET", Path: path, Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "List an app's APIs", Description: "The API resources whose scopes the app may ask for, oldest first."}, s.listAuthorized)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[AuthorizedAPI]]{ID: "authorizeAPI", Method: "PUT", Path: path, Tag: tagApps, Status: 200, Needs: PermWrite,
		Summary:     "Authorize an app for an API",
		Description: "Scopes of the management API, and of an API that another organization defines, are given only by somebody who holds them with reach subtree (role.above_granter); authorization details types of such an API only by somebody who holds all its scopes. Scopes that a client asks for beyond these are dropped.",
		Errors:      []fault.Code{ErrBuiltin, ErrShared, errPolicy, errResourceUnknown, fault.CodeAboveGranter}}, s.authorize)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "withdrawAPI", Method: "DELETE", Path: path + "/{resource}", Tag: tagApps, Status: 204, Needs: PermWrite,
		Summary: "Withdraw an API from an app", Description: "Everything that was issued to the app so far ends.", Errors: []fault.Code{ErrBuiltin, ErrShared}}, s.withdraw)
}

func (s *Service) listAuthorized(ctx context.Context, c *httpapi.Call, in *listAuthorizedInput) (*httpapi.Out[page.Of[AuthorizedAPI]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	after, _ := uuid.Parse(req.Part(0)) // "" on the first page is the zero UUID, before all others
	var result page.Result[AuthorizedAPI]
	// The resources may be an ancestor's.
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := findApp(ctx, tx, c.Org.ID, in.App); err != nil {
			return db.OrNotFound(err)
		}
		rows, err := listAPIs(ctx, tx, in.App, after, req.Limit())
		result = page.Map(page.Cut(req, rows, func(r apiRow) []string { return []string{r.ID.String()} }), apiRow.view)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) authorize(ctx context.Context, c *httpapi.Call, in *authorizeInput) (*httpapi.Out[AuthorizedAPI], error) {
	made, err := s.Authorize(ctx, c.Tenant.ID, c.Org.ID, in.App, in.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(made), nil
}

func (s *Service) withdraw(ctx context.Context, c *httpapi.Call, in *withdrawInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.Withdraw(ctx, c.Tenant.ID, c.Org.ID, in.App, in.Resource)
}

// Authorize sets which scopes and authorization details types of an API resource an app may ask for. Where it may ask for less than before, everything
// that was issued to it ends.
func (s *Service) Authorize(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App, in AuthorizeAPIRequest) (made AuthorizedAPI, err error) {
	policy := in.Policy
	if policy == "" {
		policy = policyRBAC
	}
	scopes, types := list.Distinct(in.Scopes), list.Distinct(in.Types)
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		owner, err := s.lockOwn(ctx, tx, org, app)
		if err != nil {
			return err
		}
		resource, err := findResource(ctx, tx, org, in.Resource)
		if db.IsNoRows(err) {
			return errResourceUnknown.At("/resource", "Must be an API resource of this organization or of one above it.")
		}
		if err != nil {
			return err
		}
		// A machine-to-machine app has no people whose roles could be asked.
		if policy == policyNone && resource.Requires && owner.Template != templateM2M {
			return errPolicy.At("/policy", "Must be rbac, because the API resource requires authorization.")
		}
		given := scopes // written out
		if resource.Management && slices.Contains(scopes, authz.AllScopes) {
			scopes, given = []string{authz.AllScopes}, resource.Scopes
		}
		if i := slices.IndexFunc(given, func(name string) bool { return !slices.Contains(resource.Scopes, name) }); i >= 0 {
			return fault.CodeInvalid.At("/scopes", "Must be names of scopes of the API resource.")
		}
		if i := slices.IndexFunc(types, func(kind string) bool { return !slices.Contains(resource.Types, kind) }); i >= 0 {
			return fault.CodeInvalid.At("/authorization_details_types", "Must be authorization details types of the API resource.")
		}
		before, err := findAPI(ctx, tx, app, in.Resource)
		if err != nil && !db.IsNoRows(err) {
			return err
		}
		added := slices.DeleteFunc(slices.Clone(given), func(name string) bool {
			return slices.Contains(before.Scopes, name) || slices.Contains(before.Scopes, authz.AllScopes)
		})
		if slices.Contains(scopes, authz.AllScopes) && !slices.Contains(before.Scopes, authz.AllScopes) {
			added = given
		}
		if err := s.grants.CheckScopesTx(ctx, tx, org, added, true); err != nil {
			return err
		}
		if slices.ContainsFunc(types, func(kind string) bool { return !slices.Contains(before.Types, kind) }) {
			if err := s.grants.CheckTypesTx(ctx, tx, org, in.Resource, true); err != nil {
				return err
			}
		}
		if err := putAPI(ctx, tx, owner, in.Resource, policy, scopes, types); err != nil {
			return err
		}
		if narrowed(before, policy, scopes, types) {
			if err := tx.Raise(ctx, db.KindClient, app.UUID(), "app.api_narrowed"); err != nil {
				return err
			}
		}
		if err := tx.Changed(ctx, "app", owner.ClientID); err != nil {
			return err
		}
		row, err := findAPI(ctx, tx, app, in.Resource)
		if err != nil {
			return err
		}
		made = row.view()
		return s.events.Write(ctx, tx, eventAPIAuthorized.Of(org, app, apiData{Policy: policy, Resource: in.Resource, Scopes: scopes, Types: types}))
	})
	return made, err
}

// narrowed reports whether an app may ask for less than before.
func narrowed(before apiRow, policy string, scopes, types []string) bool {
	if before.Policy == policyNone && policy == policyRBAC || slices.ContainsFunc(before.Types, func(kind string) bool { return !slices.Contains(types, kind) }) {
		return true
	}
	return !slices.Contains(scopes, authz.AllScopes) &&
		slices.ContainsFunc(before.Scopes, func(name string) bool { return !slices.Contains(scopes, name) })
}

// Withdraw takes an API resource from an app.
func (s *Service) Withdraw(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App, resource ids.APIResource) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		owner, err := s.lockOwn(ctx, tx, org, app)
		if err != nil {
			return err
		}
		before, err := findAPI(ctx, tx, app, resource)
		if err != nil {
			return db.OrNotFound(err)
		}
		if _, err := deleteAPI(ctx, tx, app, resource); err != nil {
			return err
		}
		if err := tx.Raise(ctx, db.KindClient, app.UUID(), "app.api_withdrawn"); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "app", owner.ClientID); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventAPIWithdrawn.Of(org, app, apiData{Policy: before.Policy, Resource: resource, Scopes: before.Scopes, Types: before.Types}))
	})
}
