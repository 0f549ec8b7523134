package apps_test

import (
	"context"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
)

// TestAttack28_NobodyGetsHoldOfAStrongerApp: who may change apps, and lacks what one of them is authorized for, opens no way to
// its tokens, whatever he calls it; nor does he take from those above him what it works by.
func TestAttack28_NobodyGetsHoldOfAStrongerApp(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	uris := []string{"https://a.example/cb"}
	web, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "web", Template: "web", RedirectURIs: uris})
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: uris})
	made, err := b.apps.CreateSecret(ctx, tenant, org, web.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "")
	resource, _ := b.authz.ManagementResource(ctx, tenant)
	own, err := b.authz.CreateResource(ctx, tenant, org, authz.CreateAPIResourceRequest{Identifier: "urn:partner:api", Name: "Partner",
		Scopes: []authz.CreateAPIScopeRequest{{Name: "partner.read"}}})
	wantCode(t, err, "")
	authorize := func(app ids.App, resource ids.APIResource, scopes ...string) {
		_, err := b.apps.Authorize(ctx, tenant, org, app, apps.AuthorizeAPIRequest{Resource: resource, Scopes: scopes})
		wantCode(t, err, "")
	}
	weak := actor.Into(context.Background(), actor.ForJob(tenant, "weak", apps.PermRead, apps.PermWrite))
	yes, no, jwks, alg, seconds := true, false, "https://evil.example/jwks.json", "RS256", 600
	ping := apps.DeliveryPing
	ways := map[string]apps.UpdateAppOIDCRequest{
		"access_token_attributes":                  {AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{}}},
		"allowed_origins":                          {AllowedOrigins: &[]string{"https://evil.example"}},
		"assertion_reuse":                          {AssertionReuse: &yes},
		"backchannel_client_notification_endpoint": {BackchannelNotify: &jwks},
		"backchannel_token_delivery_mode":          {BackchannelDelivery: &ping, BackchannelNotify: &jwks},
		"backchannel_logout_uri":                   {BackchannelLogoutURI: &jwks},
		"dpop_bound_access_tokens":                 {DPoPBound: &no},
		"grant_types":                              {GrantTypes: &[]string{"authorization_code", "refresh_token", apps.GrantDeviceCode}},
		"jwks_uri":                                 {JWKSURI: &jwks},
		"post_logout_redirect_uris":                {PostLogoutRedirectURIs: &[]string{"https://evil.example/"}},
		"redirect_uris":                            {RedirectURIs: &[]string{"https://evil.example/cb"}},
		"require_pushed_authorization_requests":    {RequirePushed: &no},
		"response_types":                           {ResponseTypes: &[]string{"code"}},
		"skip_consent":                             {SkipConsent: &yes},
		"token_exchange_audiences":                 {ExchangeAudiences: &[]string{"urn:partner:api"}},
	}
	public := map[string]bool{"allowed_origins": true, "grant_types": true, "post_logout_redirect_uris": true, "redirect_uris": true, "response_types": true, "skip_consent": true}
	try := func(code string) {
		t.Helper()
		for name, in := range ways {
			t.Log(name)
			_, err := b.apps.UpdateOIDC(weak, tenant, org, web.ID, 0, in)
			wantCode(t, err, code)
			if public[name] {
				_, err = b.apps.UpdateOIDC(weak, tenant, org, spa.ID, 0, in)
				wantCode(t, err, code)
			}
		}
		_, err = b.apps.CreateSecret(weak, tenant, org, web.ID, apps.CreateAppSecretRequest{})
		wantCode(t, err, code)
		wantCode(t, b.apps.RevokeSecret(weak, tenant, org, web.ID, made.ID), code)
	}
	for _, app := range []ids.App{web.ID, spa.ID} {
		authorize(app, own.ID, "partner.read")
		authorize(app, resource, "apps.read", "roles.write")
	}
	before, _ := b.epoch(t, b.A, web.ID)
	try("role.above_granter")
	if after, _ := b.epoch(t, b.A, web.ID); after != before || len(b.client(t, b.A, web.ClientID).SecretHashes) != 2 || len(b.client(t, b.A, spa.ClientID).GrantTypes) != 3 {
		t.Error("what was refused changed something")
	}
	// What gives nobody a token stays open to all who may change apps.
	_, err = b.apps.UpdateOIDC(weak, tenant, org, web.ID, 0, apps.UpdateAppOIDCRequest{AccessTokenSeconds: &seconds, IDTokenAlg: &alg, IDTokenSeconds: &seconds,
		IntrospectionAlg: &alg, AttributesPatch: apps.AttributesPatch{RequestedAttributes: &[]apps.RequestedAttribute{}}, RefreshTokenSeconds: &seconds, ResponseAlg: &alg, UserinfoAlg: &alg, AuthSigningAlg: &alg})
	wantCode(t, err, "")
	// And an app that is authorized for no more than he holds, and for his organization's own APIs, is his to change.
	for _, app := range []ids.App{web.ID, spa.ID} {
		authorize(app, resource, "apps.read")
	}
	try("")
}
