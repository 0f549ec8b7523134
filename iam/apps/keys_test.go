package apps_test

import (
	"encoding/json"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
)

// keySet is the JWK Set of fresh keys.
func keySet(t testing.TB, algs ...string) (*apps.JWKSet, []*jose.Key) {
	t.Helper()
	set := &apps.JWKSet{}
	var keys []*jose.Key
	for _, alg := range algs {
		key, err := jose.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(key.PublicJWK(), &members); err != nil {
			t.Fatal(err)
		}
		set.Keys, keys = append(set.Keys, members), append(keys, key)
	}
	return set, keys
}

func TestKeysOfAnApp(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: []string{"https://a.example/cb"}})
	method := apps.AuthPrivateKeyJWT
	none, uri, empty := apps.AuthNone, "https://app.example.com/jwks.json", ""
	both, keys := keySet(t, jose.ES256, jose.RS256)
	update := func(in apps.UpdateAppOIDCRequest) (apps.VersionedApp, error) {
		return b.apps.UpdateOIDC(ctx, tenant, org, app.ID, 0, in)
	}
	if app.OIDC.AuthMethod != apps.AuthSecret || spa.OIDC.AuthMethod != apps.AuthNone {
		t.Errorf("new apps authenticate by %q and %q", app.OIDC.AuthMethod, spa.OIDC.AuthMethod)
	}

	private, err := keys[0].MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]*apps.JWKSet{
		"private":   {Keys: []map[string]any{{"kty": "EC", "crv": "P-256", "x": both.Keys[0]["x"], "y": both.Keys[0]["y"], "d": string(private[:8])}}},
		"symmetric": {Keys: []map[string]any{{"kty": "oct", "k": "c2VjcmV0"}}},
		"weak":      {Keys: []map[string]any{{"kty": "RSA", "n": "AQAB", "e": "AQAB"}}},
		"no key":    {Keys: []map[string]any{{}}},
	} {
		_, err := update(apps.UpdateAppOIDCRequest{JWKS: set})
		t.Log(name)
		wantCode(t, err, "request.invalid")
	}
	for name, in := range map[string]apps.UpdateAppOIDCRequest{
		"no keys":                {AuthMethod: &method},
		"keys and their address": {JWKS: both, JWKSURI: &uri},
		"no secret nor key":      {AuthMethod: &none},
	} {
		_, err := update(in)
		t.Log(name)
		wantCode(t, err, "request.invalid")
	}
	_, err = b.apps.UpdateOIDC(ctx, tenant, org, spa.ID, 0, apps.UpdateAppOIDCRequest{AuthMethod: &method, JWKS: both})
	wantCode(t, err, "request.invalid")

	changed, err := update(apps.UpdateAppOIDCRequest{AuthMethod: &method, JWKS: both})
	if err != nil || changed.OIDC.AuthMethod != method || len(changed.OIDC.JWKS.Keys) != 2 {
		t.Fatalf("%+v %v", changed.OIDC, err)
	}
	if c := b.client(t, b.A, app.ClientID); c.AuthMethod != method || len(c.Keys) != 2 || c.Keys[0].Thumbprint() != keys[0].Public().Thumbprint() {
		t.Fatalf("%+v", c)
	}
	// A key more ends nothing, a key less ends what was issued.
	before, _ := b.epoch(t, b.A, app.ID)
	more, _ := keySet(t, jose.EdDSA)
	more.Keys = append(more.Keys, both.Keys...)
	if _, err := update(apps.UpdateAppOIDCRequest{JWKS: more}); err != nil {
		t.Fatal(err)
	}
	if after, _ := b.epoch(t, b.A, app.ID); after != before {
		t.Error("a new key ended what was issued")
	}
	if _, err := update(apps.UpdateAppOIDCRequest{JWKS: both}); err != nil {
		t.Fatal(err)
	}
	after, _ := b.epoch(t, b.A, app.ID)
	if after == before {
		t.Error("a key that went left what was issued")
	}
	// The address takes the place of the keys; the method needs one of them.
	changed, err = update(apps.UpdateAppOIDCRequest{JWKSURI: &uri})
	if err != nil || changed.OIDC.JWKS != nil || changed.OIDC.JWKSURI != uri {
		t.Fatalf("%+v %v", changed.OIDC, err)
	}
	if c := b.client(t, b.A, app.ClientID); len(c.Keys) != 0 || c.JWKSURI != uri {
		t.Fatalf("%+v", c)
	}
	_, err = update(apps.UpdateAppOIDCRequest{JWKSURI: &empty})
	wantCode(t, err, "request.invalid")
	local := "http://10.0.0.1/jwks"
	_, err = update(apps.UpdateAppOIDCRequest{JWKSURI: &local})
	wantCode(t, err, "request.invalid")
}
