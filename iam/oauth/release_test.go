package oauth_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/infra/db"
	"grove/infra/jose"
)

// describe gives the person of a tenant attributes of the tenant's own.
func (w *world) describe(a *tenant, own map[string]string) {
	w.t.Helper()
	w.in(a, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET attributes = $3 WHERE tenant_id = $1 AND id = $2`, a.ID, a.user, own)
		return err
	})
}

// told returns what an ID token and the userinfo endpoint say, which has to be the same where an app has it so.
func (w *world) told(a *tenant, client, scope string) map[string]any {
	w.t.Helper()
	w.change(a, client, func(c *apps.Client) { c.UserClaimsInIDToken = true })
	got := w.signIn(a, client, "scope", scope)
	id := w.read(got.text("id_token"), jose.ES256, "JWT")
	info := w.send(a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("access_token"))
	for name, value := range info.body {
		raw, ok := id.Get(name)
		want, _ := json.Marshal(value)
		var same any
		_ = json.Unmarshal(raw, &same)
		if again, _ := json.Marshal(same); !ok || string(again) != string(want) {
			w.t.Errorf("%s is %s at the userinfo endpoint and %s in the ID token", name, want, raw)
		}
	}
	return info.body
}

func TestStandardClaims(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.describe(w.a, map[string]string{"birthdate": "1815-12-10", "zoneinfo": "Europe/London", "phone_number": "+44 20 7946 0000", "street_address": "12 St James's Square", "locality": "London", "country": "GB"})
	got := w.told(w.a, "web", "openid profile email phone address roles groups")
	for name, want := range map[string]any{"birthdate": "1815-12-10", "zoneinfo": "Europe/London", "phone_number": "+44 20 7946 0000", "phone_number_verified": false,
		"preferred_username": "ada", "name": "Ada \"Lovelace\"", "email": "ada@north.example", "email_verified": true} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if a, _ := got["address"].(map[string]any); a["locality"] != "London" || a["formatted"] != "12 St James's Square\nLondon\nGB" {
		t.Errorf("address: %v", got["address"])
	}
	if _, there := got["groups"].([]any); !there {
		t.Errorf("groups: %v", got["groups"])
	}
	if _, there := got["nickname"]; there {
		t.Error("a claim that the person has no value of")
	}
	for _, name := range []string{"birthdate", "email", "phone_number", "address", "groups", "roles"} {
		if value, there := w.told(w.a, "web", "openid")[name]; there {
			t.Errorf("%s = %v without its scope", name, value)
		}
	}
}

// TestClaimsOfScopes: what scopes ask for is told by the userinfo endpoint, and by an ID token that comes alone or to an app that has it
// so (OpenID Connect Core 1.0, section 5.4).
func TestClaimsOfScopes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.change(w.a, "web", func(c *apps.Client) { c.ResponseTypes = apps.ResponseTypes })
	got := w.signIn(w.a, "web", "scope", "openid profile email roles")
	for _, tokens := range []answer{got, w.refresh(w.a, "web", got.text("refresh_token"))} {
		id, info := w.read(tokens.text("id_token"), jose.ES256, "JWT"), w.info(w.a, tokens.text("access_token"))
		w.lacks("the ID token", inToken(id), "name", "email", "email_verified", "roles")
		if info.text("email") == "" || info.text("name") == "" || info.body["roles"] == nil {
			t.Errorf("userinfo: %s", info.raw)
		}
	}
	for types, alone := range map[string]bool{"id_token": true, "id_token token": false, "code id_token": false, "code id_token token": false} {
		got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", types, "scope", "openid email").Encode(), nil))
		email, _ := w.read(got.Get("id_token"), jose.ES256, "JWT").Text("email")
		if (email != "") != alone {
			t.Errorf("%s: email is %q", types, email)
		}
	}
}

func TestOwnScope(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.describe(w.a, map[string]string{"department": "Engines", "cards": "12", "wheels": "many"})
	ctx := context.Background()
	names := []string{"cards", "department", "wheels"}
	for _, name := range names {
		typ := attributes.TypeText
		if name != "department" {
			typ = attributes.TypeNumber
		}
		if _, err := w.dialect.CreateClaim(ctx, w.a.ID, w.a.Root, attributes.CreateOIDCClaimRequest{Name: name, Attribute: "attributes." + name, Type: typ}); err != nil {
			t.Fatal(err)
		}
	}
	scope, err := w.dialect.CreateScope(ctx, w.a.ID, w.a.Root, attributes.CreateOIDCScopeRequest{Name: "staff", Claims: names})
	if err != nil {
		t.Fatal(err)
	}
	got := w.told(w.a, "web", "openid staff")
	if got["department"] != "Engines" || got["cards"] != 12.0 || got["wheels"] != nil {
		t.Errorf("told: %v", got)
	}
	d := w.send(w.a, "GET", "/.well-known/openid-configuration", nil).body
	if !slices.Contains(d["scopes_supported"].([]any), any("staff")) || !slices.Contains(d["claims_supported"].([]any), any("department")) {
		t.Errorf("discovery: %v %v", d["scopes_supported"], d["claims_supported"])
	}
	if d := w.send(w.b, "GET", "/.well-known/openid-configuration", nil).body; slices.Contains(d["scopes_supported"].([]any), any("staff")) {
		t.Error("another tenant publishes it")
	}
	if err := w.dialect.DeleteScope(ctx, w.a.ID, w.a.Root, scope.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got := w.told(w.a, "web", "openid staff"); got["department"] != nil {
		t.Errorf("after the scope was deleted: %v", got)
	}
}
