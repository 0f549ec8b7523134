package oauth

import (
	"context"
	"net/http"
	"slices"

	"grove/iam/apps"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// clientCredentials is the grant of that name (RFC 6749, section 4.4): a client's token for itself. With warm caches it reads
// nothing but memory, and it writes nothing but what keeps an assertion or a proof from being used again.
//
// The token names the client's own organization or, below an organization's base, that one if it lies in the subtree.
func (s *Service) clientCredentials(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	if client.Public {
		return refuse(codeUnauthorizedClient, "A public client cannot prove who it is.").told("RFC 6749, section 4.4", "The client is confidential.", "Register an app of the template m2m for what runs without people.")
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return err
	}
	t := httpapi.TenantOf(ctx)
	issuer := httpapi.IssuerOf(ctx)
	org := issuer.Org
	if org.ID.IsZero() {
		if org, err = s.Orgs.Resolve(ctx, t, client.Org.String()); err != nil {
			return err
		}
	}
	return s.respondClient(ctx, w, client, org, requested, form)
}

// respondClient signs a client's own token for an organization in its reach and sends it.
func (s *Service) respondClient(ctx context.Context, w http.ResponseWriter, client authenticatedClient, org httpapi.Org, requested []string, form params) error {
	if !org.IsWithin(client.Org) || org.Status != orgActive {
		return errGrant.told("the app's organization", "The organization is the app's own or below it, and active.", "Ask at the issuer of an organization within the app's.")
	}
	t := httpapi.TenantOf(ctx)
	standing, err := s.clientStanding(ctx, t, client.Client, org.ID)
	if err != nil {
		return err
	}
	if standing.Blocked {
		return errGrant.told("the app's state", "App, organization and tenant are active.", "See in the console which of them is disabled.")
	}
	client.Client = client.ForItself()
	resources, err := readResources(client.Client, form)
	if err != nil {
		return err
	}
	asked, err := s.askedDetails(ctx, client.Client, form, resources, details.Request{Org: org.ID})
	if err != nil {
		return err
	}
	scopes, audience := []string{}, slices.Clone(resources)
	if len(requested) > 0 || len(asked.list) == 0 { // who asks for details alone does not mean everything else besides
		scopes, audience = clientScopes(client.Client, requested, resources)
		if err := noneGranted(requested, scopes, missingAPI); err != nil && len(asked.list) == 0 {
			return err
		}
	}
	audience = withAPIs(client.Client, audience, asked.list)
	access, seconds, err := s.signAccess(ctx, t, accessClaims{issuer: httpapi.IssuerOf(ctx).URL, client: client.Client, bound: client.bound(), org: org, audience: audience,
		details: asked.list, scopes: scopes, epoch: standing.Stamp})
	if err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, newClaims().text("access_token", access).text("token_type", tokenType(client.bound())).number("expires_in", seconds).
		words("scope", scopes).details(asked.list).end())
	return nil
}

// orgActive is the status of an organization that is not suspended, nor below one that is.
const orgActive = "active"

// clientStanding is what a client's own token stands on, from a cache that any change of tenant, organization or client
// empties.
func (s *Service) clientStanding(ctx context.Context, t httpapi.Tenant, client apps.Client, org ids.Org) (sessions.Standing, error) {
	app, at := client.ID.UUID(), org.UUID()
	return s.standings.Get(ctx, t.ID.UUID(), string(app[:])+string(at[:]), func(ctx context.Context) (sessions.Standing, error) {
		return s.Sessions.StandingBatch(ctx, sessions.Subjects{App: client.ID, Org: org, Tenant: t.ID})
	})
}

// resolve finds an organization that a request names; what does not exist is a grant that is not good.
func (s *Service) resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	if ref == "" || len(ref) > maxHint {
		return httpapi.Org{}, errGrant
	}
	org, err := s.Orgs.Resolve(ctx, t, ref)
	if fault.CodeNotFound.Is(err) || fault.CodeInvalid.Is(err) {
		return httpapi.Org{}, errGrant
	}
	return org, err
}
