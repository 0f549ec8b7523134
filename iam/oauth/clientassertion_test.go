package oauth_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// asserting is a client that proves itself by private_key_jwt.
type asserting struct {
	w   *world
	a   *tenant
	id  string
	key *jose.Key
}

func (w *world) asserting(a *tenant, clientID, alg string) asserting {
	w.t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.change(a, clientID, func(c *apps.Client) {
		c.AuthMethod, c.Keys = apps.AuthPrivateKeyJWT, []*jose.PublicKey{key.Public()}
	})
	return asserting{w, a, clientID, key}
}

// assertion is a good one with changes; nil takes a claim out.
func (c asserting) assertion(key *jose.Key, changes map[string]any) string {
	c.w.t.Helper()
	now := c.w.Clock.Now()
	claims := map[string]any{"iss": c.id, "sub": c.id, "aud": c.a.Base, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": ids.NewAccessToken().String()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token, err := key.SignJSON("JWT", claims)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return token
}

func (c asserting) form(assertion string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
}

func (c asserting) send(form url.Values) answer { return c.w.send(c.a, "POST", "/oauth2/token", form) }

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, alg := range jose.Algs() {
		c := w.asserting(w.a, "m2m", alg)
		for name, aud := range map[string]any{"issuer": w.a.Base, "token endpoint": w.a.Base + "/oauth2/token", "list": []string{w.a.Base, w.a.Base + "/oauth2/token"}} {
			if got := c.send(c.form(c.assertion(c.key, map[string]any{"aud": aud}))); got.StatusCode != http.StatusOK || got.text("access_token") == "" {
				t.Errorf("%s, %s: %d %s", alg, name, got.StatusCode, got.raw)
			}
		}
	}
	c := w.asserting(w.a, "m2m", jose.ES256)
	// Every endpoint that authenticates clients takes it, and its own address as audience.
	token := c.send(c.form(c.assertion(c.key, nil))).text("access_token")
	form := c.form(c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/introspect"}))
	form.Set("token", token)
	if got := w.send(w.a, "POST", "/oauth2/introspect", form); got.body["active"] != true {
		t.Errorf("introspection: %d %s", got.StatusCode, got.raw)
	}
	// Keys that the client publishes are read where it says.
	w.change(w.a, "m2m", func(client *apps.Client) { client.Keys, client.JWKSURI = nil, "https://m2m.example/jwks" })
	if got := c.send(c.form(c.assertion(c.key, nil))); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("keys that cannot be read: %d %s", got.StatusCode, got.raw)
	}
	w.published["https://m2m.example/jwks"] = []*jose.PublicKey{c.key.Public()}
	if got := c.send(c.form(c.assertion(c.key, nil))); got.StatusCode != http.StatusOK {
		t.Errorf("published keys: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack20_Assertions: an assertion is good for its client, for us, for a short while, and once (RFC 7523, section 3).
func TestAttack20_Assertions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.asserting(w.a, "m2m", jose.ES256)
	other, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now()
	for name, assertion := range map[string]string{
		"another's key":          c.assertion(other, nil),
		"another issuer":         c.assertion(c.key, map[string]any{"iss": "web"}),
		"another subject":        c.assertion(c.key, map[string]any{"sub": "web"}),
		"no issuer":              c.assertion(c.key, map[string]any{"iss": nil}),
		"no subject":             c.assertion(c.key, map[string]any{"sub": nil}),
		"no audience":            c.assertion(c.key, map[string]any{"aud": nil}),
		"another audience":       c.assertion(c.key, map[string]any{"aud": "https://other.example"}),
		"the other tenant":       c.assertion(c.key, map[string]any{"aud": w.b.Base}),
		"issuer with a slash":    c.assertion(c.key, map[string]any{"aud": w.a.Base + "/"}),
		"one audience too many":  c.assertion(c.key, map[string]any{"aud": []string{w.a.Base, "https://other.example"}}),
		"another endpoint":       c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/introspect"}),
		"expired":                c.assertion(c.key, map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"no expiry":              c.assertion(c.key, map[string]any{"exp": nil}),
		"expiry as text":         c.assertion(c.key, map[string]any{"exp": "1e400"}),
		"lives too long":         c.assertion(c.key, map[string]any{"exp": now.Add(2 * time.Hour).Unix()}),
		"not yet":                c.assertion(c.key, map[string]any{"nbf": now.Add(time.Minute).Unix()}),
		"issued in the future":   c.assertion(c.key, map[string]any{"iat": now.Add(time.Minute).Unix()}),
		"no jti":                 c.assertion(c.key, map[string]any{"jti": nil}),
		"a jti without end":      c.assertion(c.key, map[string]any{"jti": string(make([]byte, 300))}),
		"signature taken off":    strip(c.assertion(c.key, nil)),
		"a client without keys":  asserting{w, w.a, "web", c.key}.assertion(c.key, nil),
		"a client that is not":   asserting{w, w.a, "nobody", c.key}.assertion(c.key, nil),
		"the other tenant's own": asserting{w, w.b, "m2m", c.key}.assertion(c.key, nil),
	} {
		got := c.send(c.form(assertion))
		if got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_client" || got.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := c.send(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})); got.text("error") != "invalid_client" {
		t.Errorf("the secret of a client that has keys: %s", got.raw)
	}
	w.change(w.a, "m2m", func(client *apps.Client) { client.AuthSigningAlg = jose.EdDSA })
	if got := c.send(c.form(c.assertion(c.key, nil))); got.text("error") != "invalid_client" {
		t.Errorf("another algorithm than registered: %s", got.raw)
	}
	w.change(w.a, "m2m", func(client *apps.Client) { client.AuthSigningAlg = jose.ES256 })

	good := c.assertion(c.key, nil)
	with := func(changes url.Values) url.Values {
		form := c.form(good)
		maps.Copy(form, changes)
		return form
	}
	for name, form := range map[string]url.Values{
		"a secret beside it":  with(url.Values{"client_secret": {w.a.secret}}),
		"another's client_id": with(url.Values{"client_id": {"web"}}),
	} {
		if got := c.send(form); got.text("error") != "invalid_request" {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	// What was refused has used nothing up; of many at the same time one is the first.
	var won atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if c.send(c.form(good)).StatusCode == http.StatusOK {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 uses of one assertion were let in", won.Load())
	}
	w.change(w.a, "m2m", func(client *apps.Client) { client.AssertionReuse = true })
	if got := c.send(c.form(good)); got.StatusCode != http.StatusOK {
		t.Errorf("again, where that is allowed: %s", got.raw)
	}
	w.Clock.Advance(2 * time.Minute)
	if got := c.send(c.form(good)); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("again, but expired: %s", got.raw)
	}
}

// strip leaves a token without its signature.
func strip(token string) string {
	for i := len(token) - 1; ; i-- {
		if token[i] == '.' {
			return token[:i+1]
		}
	}
}

// TestAssertionWithoutKeyID: a client that has one key need not name it (RFC 7515, section 4.1.4), and a name has to be the key's.
func TestAssertionWithoutKeyID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, other := w.asserting(w.a, "m2m", jose.RS256), w.asserting(w.a, "web", jose.RS256)
	bare := func(key *jose.Key, header map[string]any) answer {
		t.Helper()
		_, rest, _ := strings.Cut(c.assertion(c.key, nil), ".")
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(rest, ".")[0])
		if err != nil {
			t.Fatal(err)
		}
		return c.send(c.form(w.signedAs(key, header, payload)))
	}
	if got := bare(c.key, map[string]any{"alg": "RS256"}); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	for name, got := range map[string]answer{"another key": bare(other.key, map[string]any{"alg": "RS256"}), "another name": bare(c.key, map[string]any{"alg": "RS256", "kid": "x"}),
		"another algorithm": bare(c.key, map[string]any{"alg": "PS256"})} {
		if got.text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
}
