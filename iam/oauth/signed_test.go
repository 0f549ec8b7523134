package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/jose"
)

// read verifies a token of the tenant's by its published keys, as a client that was told the algorithm and the type does.
func (w *world) read(token, alg, typ string) *jose.Claims {
	w.t.Helper()
	set, err := jose.ParseJWKSet([]byte(w.send(w.a, "GET", "/oauth2/jwks", nil).raw), alg)
	if err != nil {
		w.t.Fatal(err)
	}
	payload, header, err := jose.Verify(token, jose.VerifyOptions{Algs: []string{alg}, Typ: []string{typ}, Candidates: func(jose.Header) []*jose.PublicKey { return set }})
	if err != nil {
		w.t.Fatalf("%s %s: %v in %s", header.Alg, header.Typ, err, token)
	}
	c, err := jose.ParseClaims(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestSignedUserinfo(t *testing.T) {
	w := setup(t)
	signedIn := w.signIn(w.a, "web")
	bearer := "Bearer " + signedIn.text("access_token")
	plain := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", bearer)
	for _, alg := range jose.Algs() {
		w.change(w.a, "web", func(c *apps.Client) { c.UserinfoAlg = alg })
		got := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", bearer)
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/jwt" {
			t.Fatalf("%s: %d %s", alg, got.StatusCode, got.raw)
		}
		c := w.read(got.raw, alg, "JWT")
		if c.Issuer != w.a.Base || !reflect.DeepEqual(c.Audience, []string{"web"}) {
			t.Errorf("%s: %+v", alg, c)
		}
		for name, want := range plain.body {
			var have any
			if raw, _ := c.Get(name); json.Unmarshal(raw, &have) != nil || !reflect.DeepEqual(have, want) {
				t.Errorf("%s: %s is %v, not %v", alg, name, have, want)
			}
		}
		// It is no ID token: it says nothing of when anybody signed in.
		if hint := w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "id_token_hint", got.raw).Encode(), nil); w.redirected(hint).Get("error") != "invalid_request" {
			t.Errorf("%s: taken for an ID token: %v", alg, w.redirected(hint))
		}
	}
	if got := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer x"); got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_token" {
		t.Errorf("an error is no JWT: %d %s", got.StatusCode, got.raw)
	}
}

// TestSignedIntrospection: RFC 9701. Who does not ask for it gets JSON.
func TestSignedIntrospection(t *testing.T) {
	w := setup(t)
	token := w.signIn(w.a, "web").text("access_token")
	begun := w.Clock.Now().Truncate(time.Second)
	ask := func(token, accept string) answer {
		return w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "other", url.Values{"token": {token}}), "Accept", accept)
	}
	const media = "application/token-introspection+jwt"
	plain := ask(token, "application/json")
	for _, alg := range []string{"", "RS256", "EdDSA"} {
		w.change(w.a, "other", func(c *apps.Client) { c.IntrospectionAlg = alg })
		if alg == "" {
			alg = "ES256" // as its ID tokens
		}
		for _, accept := range []string{media, "application/json;q=0.5, " + media} {
			got := ask(token, accept)
			if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != media {
				t.Fatalf("%s: %d %s", alg, got.StatusCode, got.raw)
			}
			c := w.read(got.raw, alg, "token-introspection+jwt")
			var told map[string]any
			raw, _ := c.Get("token_introspection")
			if err := json.Unmarshal(raw, &told); err != nil || !reflect.DeepEqual(told, plain.body) || !reflect.DeepEqual(c.Audience, []string{"other"}) || c.Issuer != w.a.Base ||
				c.IssuedAt.Before(begun) || c.IssuedAt.After(w.Clock.Now()) || c.Subject != "" || !c.Expiry.IsZero() {
				t.Errorf("%s: %v %+v", alg, told, c)
			}
			// Who presents it anywhere as an access token presents none.
			if w.active(w.a, got.raw) {
				t.Error("an answer about a token is taken for one")
			}
		}
	}
	raw, _ := w.read(ask("rubbish", media).raw, "EdDSA", "token-introspection+jwt").Get("token_introspection")
	if string(raw) != `{"active":false}` {
		t.Errorf("rubbish: %s", raw)
	}
	for _, accept := range []string{"", "*/*", "application/*", "application/jwt", "token-introspection+jwt", "\x00,"} {
		if got := ask(token, accept); got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Vary") != "Accept" {
			t.Errorf("%q: %s", accept, got.Header)
		}
	}
}

// TestKeysBeforeUse: what signs an app's tokens is in the key set before the first of them.
func TestKeysBeforeUse(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"id_token_alg": "EdDSA", "userinfo_signed_response_alg": "RS256"})
	published := func(alg string) bool {
		return strings.Contains(string(v.Do(v.Client(), "GET", v.A.Base+"/oauth2/jwks", nil).Raw), `"alg":"`+alg+`"`)
	}
	if !published("EdDSA") || !published("RS256") || published("PS256") {
		t.Error("not the keys of the algorithms that an app wants")
	}
}
