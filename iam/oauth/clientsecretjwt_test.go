package oauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// hs256 is an assertion of m2m that is signed with a secret, with changes of its claims; a header of "" is the usual one.
func (w *world) hs256(secret, header string, changes map[string]any) string {
	w.t.Helper()
	now := w.Clock.Now()
	claims := map[string]any{"iss": "m2m", "sub": "m2m", "aud": w.a.Base, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": ids.NewAccessToken().String()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	if header == "" {
		header = `{"alg":"HS256","typ":"JWT"}`
	}
	input := b64([]byte(header)) + "." + b64(raw)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

// TestClientSecretJWT: OpenID Connect Core 1.0, section 9.
func TestClientSecretJWT(t *testing.T) {
	w := setup(t)
	older, newer := strings.Repeat("o", 43), strings.Repeat("n", 43)
	w.change(w.a, "m2m", func(c *apps.Client) {
		c.AuthMethod, c.SecretHashes = apps.AuthSecretJWT, append(c.SecretHashes, apps.SecretHash{Sealed: []byte(older)}, apps.SecretHash{Sealed: []byte(newer)})
	})
	c := asserting{w: w, a: w.a, id: "m2m"}
	for _, secret := range []string{older, newer} {
		if got := c.send(c.form(w.hs256(secret, "", nil))); got.StatusCode != http.StatusOK || got.text("access_token") == "" {
			t.Errorf("%d %s", got.StatusCode, got.raw)
		}
	}
	meta := w.send(w.a, "GET", "/.well-known/openid-configuration", nil)
	for member, value := range map[string]string{"token_endpoint_auth_methods_supported": apps.AuthSecretJWT, "token_endpoint_auth_signing_alg_values_supported": jose.HS256} {
		if !slices.Contains(meta.body[member].([]any), any(value)) {
			t.Errorf("%s lacks %s", member, value)
		}
	}
	if slices.Contains(meta.body["id_token_signing_alg_values_supported"].([]any), any(jose.HS256)) {
		t.Error("nothing of ours is signed with a secret")
	}
}

// TestAttack21_ClientSecretJWT: what is signed with a secret and what is signed with a key are never taken for one another, and neither
// for the secret.
func TestAttack21_ClientSecretJWT(t *testing.T) {
	w := setup(t)
	secret := strings.Repeat("s", 43)
	c := w.asserting(w.a, "m2m", jose.RS256) // which has a key registered, too
	pub := string(c.key.PublicJWK())
	// A client that signs with its key.
	for name, assertion := range map[string]string{
		"with the public key":    w.hs256(pub, "", nil),
		"with the client's hash": w.hs256(secret, "", nil),
		"with nothing":           w.hs256("", "", nil),
	} {
		if got := c.send(c.form(assertion)); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	w.change(w.a, "m2m", func(client *apps.Client) {
		client.AuthMethod, client.SecretHashes = apps.AuthSecretJWT, append(client.SecretHashes, apps.SecretHash{Sealed: []byte(secret)}, apps.SecretHash{Sealed: []byte("short")})
	})
	good := w.hs256(secret, "", nil)
	parts := strings.Split(good, ".")
	once := w.hs256(secret, "", map[string]any{"jti": "once"})
	if got := c.send(c.form(once)); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	for name, assertion := range map[string]string{
		"its key":              c.assertion(c.key, nil),
		"the public key":       w.hs256(pub, "", nil),
		"an empty secret":      w.hs256("", "", nil),
		"a secret too short":   w.hs256("short", "", nil),
		"another secret":       w.hs256(strings.Repeat("x", 43), "", nil),
		"its hash":             w.hs256(string(w.clients[w.a.ID]["m2m"].SecretHashes[0].Hash), "", nil),
		"alg none":             b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"no signature":         parts[0] + "." + parts[1] + ".",
		"another algorithm":    w.hs256(secret, `{"alg":"HS512","typ":"JWT"}`, nil),
		"an algorithm of keys": w.hs256(secret, `{"alg":"RS256","typ":"JWT"}`, nil),
		"another type":         w.hs256(secret, `{"alg":"HS256","typ":"at+jwt"}`, nil),
		"used before":          once,
		"no jti":               w.hs256(secret, "", map[string]any{"jti": nil}),
		"for somebody else":    w.hs256(secret, "", map[string]any{"aud": "https://elsewhere.example"}),
		"of somebody else":     w.hs256(secret, "", map[string]any{"iss": "web"}),
		"over":                 w.hs256(secret, "", map[string]any{"exp": w.Clock.Now().Add(-time.Minute).Unix()}),
		"without end":          w.hs256(secret, "", map[string]any{"exp": nil}),
	} {
		if got := c.send(c.form(assertion)); got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	form := c.form("")
	form.Del("client_assertion")
	form.Del("client_assertion_type")
	form.Set("client_id", "m2m")
	form.Set("client_secret", w.a.secret)
	if got := c.send(form); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the secret itself: %d %s", got.StatusCode, got.raw)
	}
	w.change(w.a, "m2m", func(client *apps.Client) { client.Profile = apps.ProfileFAPI2 })
	if got := c.send(c.form(good)); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("under a profile: %d %s", got.StatusCode, got.raw)
	}
}
