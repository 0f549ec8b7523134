package apps_test

import (
	"errors"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// TestFAPITemplate: an app of the template fapi complies with its profile from its first moment, without a secret, and for good.
func TestFAPITemplate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, partner := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	keys, _ := keySet(t, jose.PS256)
	request := func(name string, c apps.Credentials) apps.CreateAppRequest {
		return apps.CreateAppRequest{Credentials: c, Name: name, Template: "fapi", RedirectURIs: []string{"https://pay.example/cb"}}
	}
	for name, c := range map[string]struct {
		apps.Credentials
		dpop bool
	}{
		"keys":          {apps.Credentials{JWKS: keys}, true},
		"an address":    {apps.Credentials{AuthMethod: apps.AuthPrivateKeyJWT, JWKSURI: "https://pay.example/keys"}, true},
		"a certificate": {apps.Credentials{AuthMethod: apps.AuthTLS, CertificateDNS: "pay.example"}, false},
		"its own":       {apps.Credentials{AuthMethod: apps.AuthSelfSignedTLS, JWKS: keys}, false},
	} {
		made, secret := b.create(t, b.A, b.A.Partner, request(name, c.Credentials))
		o := made.OIDC
		if secret != "" || len(b.client(t, b.A, made.ClientID).SecretHashes) != 0 || o.Profile != apps.ProfileFAPI2 || !o.RequirePushed || o.DPoPBound != c.dpop || o.CertificateBound == c.dpop {
			t.Errorf("%s: secret %q, %+v", name, secret, o)
		}
		for _, profile := range []string{"", apps.ProfileFAPI2Signing} {
			_, err := b.apps.UpdateOIDC(ctx, tenant, partner, made.ID, 0, apps.UpdateAppOIDCRequest{Profile: &profile, RequireSignedRequest: new(true), JWKS: keys})
			if (err == nil) != (profile != "") {
				t.Errorf("%s, to the profile %q: %v", name, profile, err)
			}
		}
	}
	signing, _ := keySet(t, jose.PS256)
	for name, c := range map[string]struct {
		in apps.CreateAppRequest
		at string
	}{
		"no keys":              {request("a", apps.Credentials{}), "/jwks"},
		"no name":              {request("b", apps.Credentials{AuthMethod: apps.AuthTLS}), "/tls_client_auth_subject_dn"},
		"two names":            {request("c", apps.Credentials{AuthMethod: apps.AuthTLS, CertificateDN: "CN=a", CertificateDNS: "pay.example"}), "/tls_client_auth_san_dns"},
		"keys and an address":  {request("d", apps.Credentials{JWKS: signing, JWKSURI: "https://pay.example/keys"}), "/jwks_uri"},
		"an address in clear":  {request("e", apps.Credentials{JWKSURI: "http://pay.example/keys"}), "/jwks_uri"},
		"http":                 {apps.CreateAppRequest{Credentials: apps.Credentials{JWKS: keys}, Name: "f", Template: "fapi", RedirectURIs: []string{"http://127.0.0.1/cb"}}, "/redirect_uris/0"},
		"a key of a public":    {apps.CreateAppRequest{Credentials: apps.Credentials{AuthMethod: apps.AuthPrivateKeyJWT, JWKS: keys}, Name: "g", Template: "mcp", RedirectURIs: []string{"http://127.0.0.1/cb"}}, "/token_endpoint_auth_method"},
		"nowhere to come back": {apps.CreateAppRequest{Name: "h", Template: "mcp"}, "/redirect_uris"},
	} {
		_, _, err := b.apps.Create(ctx, tenant, partner, c.in)
		var f *fault.Error
		if !errors.As(err, &f) || len(f.Fields) != 1 || f.Fields[0].Pointer != c.at {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Others prove themselves by keys from the start as well, and are held to nothing.
	web, secret := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Credentials: apps.Credentials{AuthMethod: apps.AuthPrivateKeyJWT, JWKS: keys}, Name: "web", Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
	if secret != "" || web.OIDC.AuthMethod != apps.AuthPrivateKeyJWT || web.OIDC.Profile != "" {
		t.Errorf("%q %+v", secret, web.OIDC)
	}
}

// TestTemplatesOverHTTP: a repeated registration is answered again where the first answer held no secret, and kinds can be listed.
func TestTemplatesOverHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const base = "/t/acme/v1/orgs/partner/apps"
	keys, _ := keySet(t, jose.PS256)
	token := b.api.Token(b.A.Client(b.A.Root, "apps.read", "apps.write"))
	body := map[string]any{"jwks": keys, "name": "Payments", "redirect_uris": []string{"https://pay.example/cb"}, "template": "fapi"}
	for range 2 {
		b.api.Want(t, 201, "", token, "POST", base, body, "Idempotency-Key", "k1")
	}
	if got := string(b.api.Want(t, 200, "", token, "GET", base+"?template=fapi", nil).Raw); !strings.Contains(got, "Payments") || strings.Contains(got, "grv_cs") {
		t.Error(got)
	}
	if got := string(b.api.Want(t, 200, "", token, "GET", base+"?template=mcp", nil).Raw); strings.Contains(got, "Payments") {
		t.Error(got)
	}
}
