package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/jose"
)

// object is a good request object of a client, with changes; nil takes a member out.
func (c asserting) object(typ string, key *jose.Key, changes map[string]any) string {
	c.w.t.Helper()
	now := c.w.Clock.Now()
	claims := map[string]any{"iss": c.id, "aud": c.a.Base, "exp": now.Add(time.Minute).Unix(), "client_id": c.id}
	for name, values := range request(c.id) {
		claims[name] = values[0]
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token, err := key.SignJSON(typ, claims)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return token
}

// by sends a request object by value, with what else is in the address.
func (c asserting) by(object string, more ...string) answer {
	q := url.Values{"client_id": {c.id}, "request": {object}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return c.w.send(c.a, "GET", "/oauth2/authorize?"+q.Encode(), nil)
}

func TestRequestObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, alg := range jose.Algs() {
		c := w.asserting(w.a, "web", alg)
		// What the address says counts for nothing.
		got := w.redirected(c.by(c.object("oauth-authz-req+jwt", c.key, map[string]any{"max_age": 3600, "aud": []string{w.a.Base}}),
			"state", "another", "redirect_uri", "https://evil.example/", "scope", "orders.write", "response_mode", "fragment"))
		if got.Get("code") == "" || got.Get("state") != request("web").Get("state") || got.Get("iss") != w.a.Base {
			t.Fatalf("%s: %v", alg, got)
		}
	}
	c := w.asserting(w.a, "web", jose.ES256)
	if got := w.redirected(c.by(c.object("JWT", c.key, nil))); got.Get("code") == "" {
		t.Errorf("typ JWT: %v", got)
	}
	form := c.form(c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/par"}))
	form.Set("request", c.object("oauth-authz-req+jwt", c.key, nil))
	pushed := w.send(w.a, "POST", "/oauth2/par", form)
	if got := w.redirected(w.bring(w.a, "web", pushed.text("request_uri"))); got.Get("code") == "" {
		t.Errorf("pushed: %d %s %v", pushed.StatusCode, pushed.raw, got)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.RequireSignedRequest, c.RequestObjectAlg = true, jose.ES256 })
	if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web").Encode(), nil)); got.Get("error") != "invalid_request" {
		t.Errorf("without a signature: %v", got)
	}
	plain := c.form(c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/par"}))
	for name, values := range request("web") {
		plain[name] = values
	}
	if got := w.send(w.a, "POST", "/oauth2/par", plain); got.text("error") != "invalid_request" {
		t.Errorf("pushed without a signature: %d %s", got.StatusCode, got.raw)
	}
	if got := w.redirected(c.by(c.object("JWT", c.key, nil))); got.Get("code") == "" {
		t.Errorf("signed: %v", got)
	}
	rsa, err := jose.Generate(jose.PS256)
	if err != nil {
		t.Fatal(err)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.Keys = append(c.Keys, rsa.Public()) })
	if got := c.by(c.object("JWT", rsa, nil)); !strings.Contains(got.raw, "invalid_request_object") {
		t.Errorf("another algorithm than agreed: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack21_RequestObjects: an object that is not the client's, for us, of now, and of the right form leads nowhere: to the
// person a page, and to the client an error where the address beside it is one of the client's own.
func TestAttack21_RequestObjects(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, other := w.asserting(w.a, "web", jose.ES256), w.asserting(w.a, "other", jose.ES256)
	now := w.Clock.Now()
	m := func(name string, value any) map[string]any { return map[string]any{name: value} }
	parts := strings.Split(c.object("JWT", c.key, nil), ".")
	for name, object := range map[string]string{
		"another's key": c.object("JWT", other.key, nil), "another's": other.object("JWT", other.key, nil), "another issuer": c.object("JWT", c.key, m("iss", "other")), "no issuer": c.object("JWT", c.key, m("iss", nil)),
		"another client": c.object("JWT", c.key, m("client_id", "other")), "an empty client": c.object("JWT", c.key, m("client_id", "")),
		"another audience": c.object("JWT", c.key, m("aud", w.b.Base)), "no audience": c.object("JWT", c.key, m("aud", nil)), "two others": c.object("JWT", c.key, m("aud", []string{w.b.Base, "x"})),
		"a request in a request": c.object("JWT", c.key, m("request", "x")), "an address in a request": c.object("JWT", c.key, m("request_uri", "https://app.example/r")),
		"the token endpoint": c.object("JWT", c.key, m("aud", w.a.Base+"/oauth2/token")),
		"a subject":          c.object("JWT", c.key, m("sub", "web")), "over": c.object("JWT", c.key, m("exp", now.Add(-31*time.Second).Unix())), "no end": c.object("JWT", c.key, m("exp", nil)),
		"a long life": c.object("JWT", c.key, m("exp", now.Add(2*time.Hour).Unix())), "not yet": c.object("JWT", c.key, m("nbf", now.Add(time.Minute).Unix())),
		"an assertion": c.assertion(c.key, nil), "another typ": c.object("at+jwt", c.key, nil), "a proof": c.object("dpop+jwt", c.key, nil),
		"a list": c.object("JWT", c.key, m("scope", []string{"openid"})), "a number": c.object("JWT", c.key, m("state", 7)), "an object": c.object("JWT", c.key, m("nonce", m("a", 1))),
		"no signature": parts[0] + "." + parts[1] + ".", "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "no JWT": "e30.e30.", "words": "words",
	} {
		got := c.by(object)
		if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.raw, "invalid_request_object") || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if got := w.redirected(c.by(object, "redirect_uri", callback, "state", "s")); got.Get("error") != "invalid_request_object" || got.Get("state") != "s" || got.Get("code") != "" {
			t.Errorf("%s, beside an address of the client's: %v", name, got)
		}
		form := c.form(c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/par"}))
		form.Set("request", object)
		if got := w.send(w.a, "POST", "/oauth2/par", form); got.text("error") != "invalid_request_object" {
			t.Errorf("%s, pushed: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.redirected(c.by(c.object("OAuth-Authz-Req+JWT", c.key, m("aud", []string{w.b.Base, w.a.Base})))); got.Get("code") == "" {
		t.Errorf("for others as well, and of the type in another case: %v", got)
	}
	if got := c.by(c.object("JWT", c.key, m("redirect_uri", "https://evil.example/")), "redirect_uri", callback); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
		t.Errorf("an address that is not registered: %d %s", got.StatusCode, got.raw)
	}
}
