package apps_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// TestAttack20_ProfileSettings: an app that is held to a profile has no setting that weakens it, however it comes to it.
func TestAttack20_ProfileSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, partner := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	yes, no, none := true, false, ""
	p := func(s string) *string { return &s }
	keys, _ := keySet(t, jose.PS256)
	// complying is what all three take.
	complying := func(profile string) apps.UpdateAppOIDCRequest {
		return apps.UpdateAppOIDCRequest{AuthMethod: p(apps.AuthPrivateKeyJWT), CertificateBound: &yes, DPoPBound: &yes, GrantTypes: &[]string{"authorization_code", "refresh_token"},
			IDTokenAlg: p(jose.PS256), JWKS: keys, Profile: &profile, RedirectURIs: &[]string{"https://a.example/cb"}, PKCEOptional: &no, RequirePushed: &yes, RequireSignedRequest: &yes}
	}
	for _, profile := range []string{apps.ProfileFAPI1, apps.ProfileFAPI2, apps.ProfileFAPI2Signing} {
		web, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "web " + profile, Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
		update := func(in apps.UpdateAppOIDCRequest) (apps.VersionedApp, error) {
			return b.apps.UpdateOIDC(ctx, tenant, partner, web.ID, 0, in)
		}
		_, err := update(apps.UpdateAppOIDCRequest{Profile: &profile})
		wantCode(t, err, "request.invalid")
		before, _ := b.epoch(t, b.A, web.ID)
		if got, err := update(complying(profile)); err != nil || got.OIDC.Profile != profile {
			t.Fatalf("%s: %v", profile, err)
		}
		if after, _ := b.epoch(t, b.A, web.ID); after == before {
			t.Errorf("%s: what was issued under weaker rules lives on", profile)
		}
		before, _ = b.epoch(t, b.A, web.ID)
		fapi1, fapi2 := []string{apps.ProfileFAPI1}, []string{apps.ProfileFAPI2, apps.ProfileFAPI2Signing}
		signing, every := []string{apps.ProfileFAPI1, apps.ProfileFAPI2Signing}, slices.Concat([]string{apps.ProfileFAPI1}, fapi2)
		for name, c := range map[string]struct {
			in apps.UpdateAppOIDCRequest
			at string
			of []string
		}{
			"a secret":                   {apps.UpdateAppOIDCRequest{AuthMethod: p(apps.AuthSecret)}, "/token_endpoint_auth_method", every},
			"a secret in the header":     {apps.UpdateAppOIDCRequest{AuthMethod: p(apps.AuthBasic)}, "/token_endpoint_auth_method", every},
			"passwords":                  {apps.UpdateAppOIDCRequest{GrantTypes: &[]string{"authorization_code", apps.GrantPassword}}, "/grant_types", every},
			"devices":                    {apps.UpdateAppOIDCRequest{GrantTypes: &[]string{"authorization_code", apps.GrantDeviceCode}}, "/grant_types", every},
			"backchannel not signed":     {apps.UpdateAppOIDCRequest{GrantTypes: &[]string{"authorization_code", apps.GrantCIBA}}, "/backchannel_authentication_request_signing_alg", every},
			"backchannel by RS256":       {apps.UpdateAppOIDCRequest{BackchannelRequestAlg: p(jose.RS256)}, "/backchannel_authentication_request_signing_alg", every},
			"hybrid":                     {apps.UpdateAppOIDCRequest{ResponseTypes: &[]string{"code", "code id_token"}}, "/response_types", every},
			"no PKCE":                    {apps.UpdateAppOIDCRequest{PKCEOptional: &yes}, "/pkce_optional", fapi2},
			"PKCE by plain":              {apps.UpdateAppOIDCRequest{PKCEPlain: &yes}, "/pkce_plain", every},
			"assertions again":           {apps.UpdateAppOIDCRequest{AssertionReuse: &yes}, "/assertion_reuse", every},
			"bearer tokens":              {apps.UpdateAppOIDCRequest{CertificateBound: &no, DPoPBound: &no}, "", every},
			"tokens bound to a key only": {apps.UpdateAppOIDCRequest{CertificateBound: &no}, "/tls_client_certificate_bound_access_tokens", fapi1},
			"requests not pushed":        {apps.UpdateAppOIDCRequest{RequirePushed: &no}, "/require_pushed_authorization_requests", fapi2},
			"requests not signed":        {apps.UpdateAppOIDCRequest{RequireSignedRequest: &no}, "/require_signed_request_object", signing},
			"no consent":                 {apps.UpdateAppOIDCRequest{SkipConsent: &yes}, "/skip_consent", fapi1},
			"ID tokens by RS256":         {apps.UpdateAppOIDCRequest{IDTokenAlg: p(jose.RS256)}, "/id_token_alg", every},
			"assertions by RS256":        {apps.UpdateAppOIDCRequest{AuthSigningAlg: p(jose.RS256)}, "/token_endpoint_auth_signing_alg", every},
			"requests by RS256":          {apps.UpdateAppOIDCRequest{RequestObjectAlg: p(jose.RS256)}, "/request_object_signing_alg", every},
			"responses by RS256":         {apps.UpdateAppOIDCRequest{ResponseAlg: p(jose.RS256)}, "/authorization_signed_response_alg", every},
			"userinfo by RS256":          {apps.UpdateAppOIDCRequest{UserinfoAlg: p(jose.RS256)}, "/userinfo_signed_response_alg", every},
			"introspection by RS256":     {apps.UpdateAppOIDCRequest{IntrospectionAlg: p(jose.RS256)}, "/introspection_signed_response_alg", every},
			"ID tokens by EdDSA":         {apps.UpdateAppOIDCRequest{IDTokenAlg: p(jose.EdDSA)}, "/id_token_alg", fapi1},
			"http":                       {apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://a.example/cb", "http://127.0.0.1/cb"}}, "/redirect_uris/1", every},
		} {
			_, err := update(c.in)
			if !slices.Contains(c.of, profile) {
				if err != nil {
					t.Errorf("%s, %s: %v", profile, name, err)
				}
				if _, err := update(complying(profile)); err != nil {
					t.Fatal(err)
				}
				if _, err := update(apps.UpdateAppOIDCRequest{SkipConsent: &no}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			var f *fault.Error
			if !errors.As(err, &f) || len(f.Fields) != 1 || c.at != "" && f.Fields[0].Pointer != c.at || !strings.Contains(f.Fields[0].Detail, profile) {
				t.Errorf("%s, %s: %v", profile, name, err)
			}
		}
		if after, _ := b.epoch(t, b.A, web.ID); after != before {
			t.Errorf("%s: what was refused has ended something", profile)
		}
		if _, err := update(apps.UpdateAppOIDCRequest{Profile: &none, RequirePushed: &no}); err != nil {
			t.Errorf("%s cannot be left: %v", profile, err)
		}
	}
	// Machines need no authorization requests, and browser apps cannot be held to any profile.
	machine, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	signing := apps.ProfileFAPI2Signing
	if _, err := b.apps.UpdateOIDC(ctx, tenant, partner, machine.ID, 0, apps.UpdateAppOIDCRequest{AuthMethod: p(apps.AuthPrivateKeyJWT), DPoPBound: &yes, JWKS: keys, Profile: &signing}); err != nil {
		t.Error(err)
	}
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: []string{"https://a.example/cb"}})
	_, err := b.apps.UpdateOIDC(ctx, tenant, partner, spa.ID, 0, apps.UpdateAppOIDCRequest{DPoPBound: &yes, Profile: &signing, RequirePushed: &yes, RequireSignedRequest: &yes, JWKS: keys})
	wantCode(t, err, "request.invalid")
}

// TestUnknownProfile: an app that was set by a later version is held to the most that this one knows.
func TestUnknownProfile(t *testing.T) {
	t.Parallel()
	d := apps.Settings{Profile: "fapi3"}.Demands()
	if !d.Any || !d.Pushed || !d.SignedRequest || !d.SignedResponse || !d.IssuerAudience || slices.Contains(d.Algs, jose.RS256) {
		t.Errorf("%+v", d)
	}
	if d := (apps.Settings{}).Demands(); d.Any || d.Algs != nil {
		t.Errorf("without a profile: %+v", d)
	}
}
