package oauth_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
)

const (
	orders = "https://orders.example"
	trips  = "https://trips.example/mcp"
)

// twoAPIs authorizes a client for a second API, which asks for no roles.
func (w *world) twoAPIs(client string) {
	w.change(w.a, client, func(c *apps.Client) {
		c.APIs = append(c.APIs[:1:1], apps.ClientAPI{Identifier: trips, Scopes: []string{"trips.read", "trips.write"}})
	})
}

func TestResourceIndicators(t *testing.T) {
	w := setup(t)
	w.twoAPIs("web")
	w.twoAPIs("m2m")
	for name, c := range map[string]struct {
		authorize, token url.Values // resource and scope
		scope            string
		audience         []string
	}{
		"none: all that scopes belong to": {url.Values{"scope": {"openid orders.read trips.read"}}, nil, "openid orders.read trips.read", []string{orders, trips}},
		"one":                             {url.Values{"scope": {"openid orders.read trips.read"}, "resource": {trips}}, nil, "openid trips.read", []string{trips}},
		"one, no scope: all of it":        {url.Values{"scope": nil, "resource": {trips}}, nil, "trips.read trips.write", []string{trips}},
		"one, no role":                    {url.Values{"scope": {"orders.write"}, "resource": {orders}}, nil, "", []string{orders}},
		"two":                             {url.Values{"scope": {"orders.read trips.read"}, "resource": {trips, orders}}, nil, "orders.read trips.read", []string{trips, orders}},
		"two, then one":                   {url.Values{"scope": {"orders.read trips.read"}, "resource": {trips, orders}}, url.Values{"resource": {orders}}, "orders.read", []string{orders}},
		"none, then one":                  {url.Values{"scope": {"openid orders.read trips.read"}}, url.Values{"resource": {trips}}, "openid trips.read", []string{trips}},
	} {
		q := request("web")
		for k, v := range c.authorize {
			q[k] = v
		}
		code := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+q.Encode(), nil)).Get("code")
		f := w.redemption(w.a, "web", code)
		for k, v := range c.token {
			f[k] = v
		}
		got := w.send(w.a, "POST", "/oauth2/token", f)
		if got.StatusCode != http.StatusOK || got.text("scope") != c.scope || !reflect.DeepEqual(w.claimsOf(got.text("access_token")).Audience, c.audience) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		// The grant keeps what it was given: the next token may be for the other resource again.
		again := w.refresh(w.a, "web", got.text("refresh_token"))
		if len(c.token) > 0 && len(w.claimsOf(again.text("access_token")).Audience) != 2 {
			t.Errorf("%s: narrowing one token narrowed the grant: %s", name, again.raw)
		}
	}

	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "resource": {trips}}))
	if machine.text("scope") != "trips.read trips.write" || !reflect.DeepEqual(w.claimsOf(machine.text("access_token")).Audience, []string{trips}) {
		t.Errorf("a client's own: %s", machine.raw)
	}

	from := w.signIn(w.a, "web", "resource", trips, "scope", "trips.read")
	switched := w.send(w.a, "POST", "/oauth2/token", w.switching("web", from.text("access_token"), "south"))
	if !reflect.DeepEqual(w.claimsOf(switched.text("access_token")).Audience, []string{trips}) {
		t.Errorf("a switch forgot what the token was for: %s", switched.raw)
	}
}

func TestResourceInRequestObject(t *testing.T) {
	w := setup(t)
	w.twoAPIs("web")
	c := w.asserting(w.a, "web", jose.ES256)
	ask := func(resource any) url.Values {
		return w.redirected(c.by(c.object("oauth-authz-req+jwt", c.key, map[string]any{"resource": resource, "scope": "orders.read trips.read"}), "redirect_uri", callback))
	}
	for _, resource := range []any{trips, []string{trips}} {
		code := ask(resource).Get("code")
		f := c.form(c.assertion(c.key, nil))
		for k, v := range map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier} {
			f.Set(k, v)
		}
		if got := w.send(w.a, "POST", "/oauth2/token", f); got.text("scope") != "trips.read" {
			t.Errorf("%v: %s", resource, got.raw)
		}
	}
	for _, resource := range []any{[]any{trips, 1}, map[string]any{}, 7} {
		if got := ask(resource); got.Get("error") != "invalid_request_object" || got.Get("code") != "" {
			t.Errorf("%v: %v", resource, got)
		}
	}
}

// TestResourcesRefused: a token for an API cannot be had by naming the API.
func TestResourcesRefused(t *testing.T) {
	w := setup(t)
	w.twoAPIs("web")
	unknown := []string{"https://elsewhere.example", "urn:grove:management", orders + "/", "HTTPS://orders.example", "orders.read", orders + "#part"}
	for _, resource := range unknown {
		if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "resource", resource).Encode(), nil)); got.Get("error") != "invalid_target" || got.Get("code") != "" {
			t.Errorf("authorize for %s: %v", resource, got)
		}
		code := w.code(w.a, "web")
		if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code, "resource", resource)); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_target" {
			t.Errorf("code for %s: %d %s", resource, got.StatusCode, got.raw)
		}
		if got := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})); got.text("error") != "invalid_target" {
			t.Errorf("client_credentials for %s: %d %s", resource, got.StatusCode, got.raw)
		}
	}
	// What the person agreed to is the bound: neither another resource later, nor one that no scope of his belongs to.
	narrow := w.signIn(w.a, "web", "resource", orders, "scope", "openid orders.read trips.read")
	only := w.signIn(w.a, "web", "scope", "openid orders.read")
	for name, token := range map[string]string{"another resource": narrow.text("refresh_token"), "no scope of it": only.text("refresh_token")} {
		f := w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "resource": {trips}})
		if got := w.send(w.a, "POST", "/oauth2/token", f); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_target" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
}
