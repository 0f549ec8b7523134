package oauth_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
)

func (w *world) opaque(a *tenant, clients ...string) {
	for _, client := range clients {
		w.change(a, client, func(c *apps.Client) { c.AccessTokenFormat = apps.FormatOpaque })
	}
}

// TestOpaqueTokens: an opaque access token is good for all that a JWT is, says nothing, and ends as that does.
func TestOpaqueTokens(t *testing.T) {
	w := exchanging(t)
	before := w.signIn(w.a, "web")
	jwt := before.text("access_token")
	w.opaque(w.a, "web", "m2m", "console")
	got := w.signIn(w.a, "web", "scope", "openid email orders.read")
	token := got.text("access_token")
	if !strings.HasPrefix(token, "grv_at_") || strings.Contains(token, ".") || strings.Contains(token, w.a.user.String()) || got.body["expires_in"] == nil {
		t.Fatalf("token: %s", got.raw)
	}
	told := w.introspected(token)
	for name, want := range map[string]any{"active": true, "sub": w.a.user.String(), "client_id": "web", "iss": w.a.Base, "token_type": "Bearer", "username": "ada", "org_id": w.a.north.String()} {
		if told.body[name] != want {
			t.Errorf("introspection: %s is %v, not %v", name, told.body[name], want)
		}
	}
	like := w.introspected(jwt)
	for name := range like.body {
		if _, there := told.body[name]; !there {
			t.Errorf("introspection lacks %s", name)
		}
	}
	if w.info(w.a, token).text("email") != "ada@north.example" {
		t.Error("userinfo does not take it")
	}
	if next := w.refresh(w.a, "web", got.text("refresh_token")); !strings.HasPrefix(next.text("access_token"), "grv_at_") || next.text("access_token") == token {
		t.Errorf("refresh: %s", next.raw)
	}
	switched := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {token}, "switching_organization": {w.a.south.String()}}))
	if switched.StatusCode != http.StatusOK || w.introspected(switched.text("access_token")).text("org_id") != w.a.south.String() {
		t.Errorf("switch: %s", switched.raw)
	}
	// Another app exchanges it for one of its own format.
	if other := w.exchange("other", token, "scope", "orders.read"); other.StatusCode != http.StatusOK || strings.HasPrefix(other.text("access_token"), "grv_at_") {
		t.Errorf("exchange: %s", other.raw)
	}
	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"users.read"}})).text("access_token")
	if err := w.authenticate(machine); err != nil || !strings.HasPrefix(machine, "grv_at_") {
		t.Errorf("the management API: %v", err)
	}
	if !w.active(w.a, jwt) {
		t.Error("a JWT from before the change has ended")
	}
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {token}}))
	if w.active(w.a, token) || w.exchange("other", token, "scope", "orders.read").StatusCode == http.StatusOK {
		t.Error("a token that was given back is good for something")
	}
	w.Clock.Advance(16 * time.Minute)
	if w.active(w.a, switched.text("access_token")) || w.authenticate(machine) == nil {
		t.Error("an expired token is active")
	}
}

// TestAttack21_OpaqueTokens: a text is a token as it was made, or not at all, and at its own tenant only.
func TestAttack21_OpaqueTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.opaque(w.a, "web", "m2m")
	w.opaque(w.b, "web")
	token := w.signIn(w.a, "web").text("access_token")
	jwt := func() string {
		w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenFormat = apps.FormatJWT })
		return w.signIn(w.a, "web").text("access_token")
	}()
	refused := map[string]string{"nothing": "grv_at_", "a JWT after the prefix": "grv_at_" + jwt, "a JWT's claims": "grv_at_" + strings.Split(jwt, ".")[1], "no prefix": strings.TrimPrefix(token, "grv_at_"),
		"another prefix": "grv_rt_" + strings.TrimPrefix(token, "grv_at_"), "padded": token + "=", "a line feed": token + "\n", "twice": token + token, "long": "grv_at_" + strings.Repeat("A", 20<<10)}
	for _, n := range []int{8, 20, len(token) / 2, len(token) - 2, len(token) - 1} {
		refused["cut at "+strconv.Itoa(n)] = token[:n]
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, at := range []int{8, 12, 15, 30, len(token) / 2, len(token) - 1} { // the day, the version, the key, the nonce, the text, the tag and its unused bits
		next := alphabet[(strings.IndexByte(alphabet, token[at])+1)%len(alphabet)]
		refused["changed at "+strconv.Itoa(at)] = token[:at] + string(next) + token[at+1:]
	}
	for name, bad := range refused {
		if w.active(w.a, bad) {
			t.Errorf("%s is active", name)
		}
		if got := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+bad); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d at userinfo", name, got.StatusCode)
		}
	}
	if got := w.send(w.b, "POST", "/oauth2/introspect", w.as(w.b, "web", url.Values{"token": {token}})); got.body["active"] != false {
		t.Errorf("another tenant: %s", got.raw)
	}
	if !w.active(w.a, token) {
		t.Error("the token itself is not active")
	}
}
