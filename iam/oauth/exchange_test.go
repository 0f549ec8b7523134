package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

const (
	tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessType    = "urn:ietf:params:oauth:token-type:access_token"
)

// exchanging lets other, which serves the orders API, exchange its tokens for those of the trips API; and web its own.
func exchanging(t *testing.T) *world {
	w := setup(t)
	for _, client := range []string{"web", "other", "m2m"} {
		w.change(w.a, client, func(c *apps.Client) {
			c.GrantTypes = append(c.GrantTypes[:len(c.GrantTypes):len(c.GrantTypes)], tokenExchange)
		})
	}
	w.twoAPIs("other")
	w.change(w.a, "other", func(c *apps.Client) { c.ExchangeAudiences = []string{orders} })
	return w
}

func (w *world) exchange(client, token string, changes ...string) answer {
	w.t.Helper()
	f := w.as(w.a, client, url.Values{"grant_type": {tokenExchange}, "subject_token": {token}, "subject_token_type": {accessType}})
	for i := 0; i < len(changes); i += 2 {
		if f.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			f.Del(changes[i])
		}
	}
	return w.send(w.a, "POST", "/oauth2/token", f)
}

func (w *world) authenticate(token string) error {
	_, err := w.oauth.Authenticate(context.Background(), w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: token})
	return err
}

// resigned is a token with other claims, under the tenant's own key.
func (w *world) resigned(token string, changes map[string]any) string {
	w.t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	claims := map[string]any{}
	if err = errors.Join(err, json.Unmarshal(payload, &claims)); err != nil {
		w.t.Fatal(err)
	}
	maps.Copy(claims, changes)
	key, err := w.oauth.Keys.Signer(context.Background(), w.a.ID, "")
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := key.SignJSON("at+jwt", claims)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func TestTokenExchange(t *testing.T) {
	w := exchanging(t)
	from := w.signIn(w.a, "web", "scope", "openid profile orders.read").text("access_token")
	w.Clock.Advance(5 * time.Minute)
	for name, c := range map[string]struct {
		client   string
		changes  []string
		scope    string
		audience []string
	}{
		"own, as it is":             {"web", nil, "openid profile orders.read", []string{orders}},
		"own, for less":             {"web", []string{"scope", "orders.read"}, "orders.read", []string{orders}},
		"own, wider":                {"web", []string{"scope", "orders.read orders.write email"}, "orders.read", []string{orders}},
		"served, another API":       {"other", []string{"audience", trips}, "trips.read trips.write", []string{trips}},
		"served, by resource":       {"other", []string{"resource", trips, "scope", "trips.read"}, "trips.read", []string{trips}},
		"served, by scope":          {"other", []string{"scope", "openid email trips.read offline_access", "requested_token_type", "urn:ietf:params:oauth:token-type:jwt"}, "openid trips.read", []string{trips}},
		"served, nothing asked for": {"other", nil, "openid profile orders.read", []string{orders}},
	} {
		got := w.exchange(c.client, from, c.changes...)
		if got.StatusCode != http.StatusOK || got.text("scope") != c.scope || got.text("issued_token_type") != accessType || got.text("token_type") != "Bearer" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
			continue
		}
		if got.body["refresh_token"] != nil || got.body["id_token"] != nil || got.body["expires_in"].(float64) > 600 {
			t.Errorf("%s: it brings or lives too much: %s", name, got.raw)
		}
		claims := w.claimsOf(got.text("access_token"))
		client, _ := claims.Text("client_id")
		org, _ := claims.Text("org_id")
		if client != c.client || claims.Subject != w.a.user.String() || org != w.a.north.String() || !reflect.DeepEqual(claims.Audience, c.audience) || !w.active(w.a, got.text("access_token")) {
			t.Errorf("%s: %+v", name, claims)
		}
	}
	for name, scope := range map[string]string{"no role for it": "orders.write", "no API of the app's": "nosuch"} {
		if got := w.exchange("other", from, "scope", scope); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_scope" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	w.events("token.exchanged", 0)
}

// TestTokenExchangeEnds: the end of anything that the first token stands on ends what it was exchanged for, in another client's
// hands.
func TestTokenExchangeEnds(t *testing.T) {
	w := exchanging(t)
	from := w.signIn(w.a, "web", "scope", "orders.read").text("access_token")
	good := w.exchange("other", from, "scope", "trips.read").text("access_token")
	for name, end := range w.revocations() {
		restore := end()
		// A real directory of apps blocks the client's epoch when it disables it, and sharing the grants' when it takes an app away.
		if name != "client disabled" && name != "app not shared" && w.active(w.a, good) {
			t.Errorf("%s: what was exchanged outlives it", name)
		}
		if got := w.exchange("other", from, "scope", "trips.read"); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s: exchanged all the same: %d %s", name, got.StatusCode, got.raw)
		}
		restore()
		w.newSession(w.a)
		from = w.signIn(w.a, "web", "scope", "orders.read").text("access_token")
		good = w.exchange("other", from, "scope", "trips.read").text("access_token")
		if !w.active(w.a, good) {
			t.Fatalf("%s: not active after it was restored", name)
		}
	}
	other := w.clients[w.a.ID]["other"].ID
	w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindClient, other.UUID(), "test") })
	if w.active(w.a, good) {
		t.Error("the client that exchanged is blocked")
	}
}

// TestAttack20_ExchangedTwice: a token that went through several hands ends with each of them, and with each token on the way.
func TestAttack20_ExchangedTwice(t *testing.T) {
	w := exchanging(t)
	w.change(w.a, "m2m", func(c *apps.Client) {
		c.ExchangeAudiences, c.APIs = []string{trips}, append(c.APIs, apps.ClientAPI{Identifier: trips, Scopes: []string{"trips.read"}})
	})
	app := func(client string) uuid.UUID { return w.clients[w.a.ID][client].ID.UUID() }
	var chain [3]string // each exchanged for the next
	block := func(client string) func() {
		return func() {
			w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindClient, app(client), "test") })
		}
	}
	revoke := func(client string, i int) func() {
		return func() { w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, client, url.Values{"token": {chain[i]}})) }
	}
	for name, c := range map[string]struct {
		end  func()
		good [3]bool
	}{
		"nothing":                 {func() {}, [3]bool{true, true, true}},
		"the first client":        {block("web"), [3]bool{}},
		"the second":              {block("other"), [3]bool{true, false, false}},
		"the third":               {block("m2m"), [3]bool{true, true, false}},
		"the first token revoked": {revoke("web", 0), [3]bool{}},
		"the second revoked":      {revoke("other", 1), [3]bool{true, false, false}},
	} {
		chain[0] = w.signIn(w.a, "web", "scope", "orders.read").text("access_token")
		chain[1] = w.exchange("other", chain[0], "scope", "trips.read").text("access_token")
		chain[2] = w.exchange("m2m", chain[1], "scope", "orders.read").text("access_token")
		c.end()
		for i, token := range chain {
			if got := w.active(w.a, token); got != c.good[i] {
				t.Errorf("%s: token %d is active: %t", name, i+1, got)
			}
		}
		if got := w.exchange("m2m", chain[2]); got.StatusCode == http.StatusOK != c.good[2] {
			t.Errorf("%s: exchanged again: %d %s", name, got.StatusCode, got.raw)
		}
		w.in(w.a, func(ctx context.Context, tx db.Tx) (err error) {
			for _, client := range []string{"web", "other", "m2m"} {
				err = errors.Join(err, tx.Unblock(ctx, db.KindClient, app(client), "test"))
			}
			return err
		})
	}
	token, often := w.signIn(w.a, "web", "scope", "orders.read").text("access_token"), 0
	for ; often < 20; often++ {
		got := w.exchange("web", token)
		if got.StatusCode != http.StatusOK {
			if got.text("error") != "invalid_request" {
				t.Errorf("%d %s", got.StatusCode, got.raw)
			}
			break
		}
		token = got.text("access_token")
	}
	if often != 10 {
		t.Errorf("a token was exchanged %d times in a row", often)
	}
}

func TestTokenExchangeDelegation(t *testing.T) {
	w := exchanging(t)
	from := w.signIn(w.a, "web", "scope", "orders.read").text("access_token")
	w.change(w.a, "other", func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, "client_credentials") })
	own := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "other", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	got := w.exchange("other", from, "actor_token", own, "actor_token_type", accessType, "scope", "trips.read")
	act := func(token string) string {
		raw, _ := w.claimsOf(token).Get("act")
		return string(raw)
	}
	if got.StatusCode != http.StatusOK || act(got.text("access_token")) != `{"sub":"other"}` {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	w.events("token.exchanged", 1)
	seen := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {got.text("access_token")}}))
	if m, _ := seen.body["act"].(map[string]any); m["sub"] != "other" || seen.body["sub"] != w.a.user.String() {
		t.Errorf("introspection does not tell who acts: %s", seen.raw)
	}
	// The next service in the line, and what it exchanges without naming itself.
	w.change(w.a, "m2m", func(c *apps.Client) {
		c.ExchangeAudiences, c.APIs = []string{trips}, append(c.APIs, apps.ClientAPI{Identifier: trips, Scopes: []string{"trips.read"}})
	})
	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	next := w.exchange("m2m", got.text("access_token"), "actor_token", machine, "actor_token_type", accessType)
	if next.StatusCode != http.StatusOK || act(next.text("access_token")) != `{"sub":"m2m","act":{"sub":"other"}}` {
		t.Fatalf("%d %s", next.StatusCode, next.raw)
	}
	if kept := w.exchange("m2m", next.text("access_token")); act(kept.text("access_token")) != act(next.text("access_token")) {
		t.Errorf("who acts was dropped: %d %s", kept.StatusCode, kept.raw)
	}
	// Who acts for somebody is not himself to act.
	if got := w.exchange("m2m", got.text("access_token"), "actor_token", next.text("access_token"), "actor_token_type", accessType); got.text("error") != "invalid_request" {
		t.Errorf("a delegate as the actor: %s", got.raw)
	}
	// The actor is not to be lost on the way to another organization, nor to act where events would name the wrong one.
	mine := w.exchange("web", from, "actor_token", from, "actor_token_type", accessType).text("access_token")
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", mine, "south")); got.text("error") != "invalid_grant" {
		t.Errorf("a switch dropped the actor: %s", got.raw)
	}
	manage := w.exchange("m2m", got.text("access_token"), "actor_token", machine, "actor_token_type", accessType, "scope", "users.read trips.read")
	if manage.text("scope") != "trips.read" {
		t.Errorf("acts at the management API: %s", manage.raw)
	}
	console := w.signIn(w.a, "console", "redirect_uri", w.a.Base+"/console/callback", "scope", "grove").text("access_token")
	if err := w.authenticate(console); err != nil {
		t.Fatal(err)
	}
	if err := w.authenticate(w.resigned(console, map[string]any{"act": map[string]string{"sub": "other"}})); !fault.CodeUnauthorized.Is(err) {
		t.Errorf("acts at the management API, by a token that nobody made: %v", err)
	}
}

// TestAttack20_TokenExchange: nothing is had that the client, the person or the token does not give.
func TestAttack20_TokenExchange(t *testing.T) {
	w := exchanging(t)
	signedIn := w.signIn(w.a, "web", "scope", "openid orders.read")
	from := signedIn.text("access_token")
	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	openid := w.signIn(w.a, "web", "scope", "openid").text("access_token")
	theirs := w.signIn(w.a, "other", "scope", "trips.read").text("access_token")
	for name, c := range map[string]struct {
		got  answer
		code string
	}{
		"an API that it does not serve":  {w.exchange("other", openid), "invalid_request"},
		"another client's, serving none": {w.exchange("web", theirs), "invalid_request"},
		"a machine's token":              {w.exchange("m2m", machine), "invalid_request"},
		"an ID token":                    {w.exchange("web", signedIn.text("id_token")), "invalid_request"},
		"a refresh token":                {w.exchange("web", signedIn.text("refresh_token")), "invalid_request"},
		"rubbish":                        {w.exchange("web", "rubbish"), "invalid_request"},
		"no token":                       {w.exchange("web", ""), "invalid_request"},
		"no type":                        {w.exchange("web", from, "subject_token_type", ""), "invalid_request"},
		"a type that is none":            {w.exchange("web", from, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), "invalid_request"},
		"a refresh token wanted":         {w.exchange("web", from, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"},
		"own, another resource":          {w.exchange("web", from, "resource", trips), "invalid_target"},
		"unknown audience":               {w.exchange("other", from, "audience", "https://elsewhere.example"), "invalid_target"},
		"another's actor":                {w.exchange("other", from, "actor_token", machine, "actor_token_type", accessType), "invalid_request"},
		"actor without a type":           {w.exchange("other", from, "actor_token", machine), "invalid_request"},
		"no such grant type for it":      {w.exchange("spa", from), "unauthorized_client"},
		"an organization's endpoint":     {w.send(w.a, "POST", "/o/south/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {tokenExchange}, "subject_token": {from}, "subject_token_type": {accessType}})), "invalid_request"},
	} {
		if c.got.StatusCode != http.StatusBadRequest || c.got.text("error") != c.code {
			t.Errorf("%s: %d %s", name, c.got.StatusCode, c.got.raw)
		}
	}
	w.sharing[w.a.north] = true
	if got := w.exchange("other", from, "audience", trips); got.text("error") != "invalid_request" {
		t.Errorf("the app is not available in the organization: %s", got.raw)
	}
	delete(w.sharing, w.a.north)
	foreign := w.send(w.b, "POST", "/oauth2/token", w.as(w.b, "web", url.Values{"grant_type": {tokenExchange}, "subject_token": {from}, "subject_token_type": {accessType}}))
	w.change(w.b, "web", func(c *apps.Client) {
		c.GrantTypes = append(c.GrantTypes, tokenExchange)
		c.ExchangeAudiences = []string{orders}
	})
	if again := w.send(w.b, "POST", "/oauth2/token", w.as(w.b, "web", url.Values{"grant_type": {tokenExchange}, "subject_token": {from}, "subject_token_type": {accessType}})); foreign.StatusCode != http.StatusBadRequest || again.text("error") != "invalid_request" {
		t.Errorf("another tenant's: %s", again.raw)
	}
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {from}}))
	if got := w.exchange("other", from, "audience", trips); got.text("error") != "invalid_request" {
		t.Errorf("revoked: %s", got.raw)
	}
	// A token that is bound to a key is exchanged by its client with a proof only, and bound anew.
	p, q := w.prover(), w.prover()
	bound := p.token(w.redemption(w.a, "web", w.code(w.a, "web", "scope", "orders.read"))).text("access_token")
	f := w.as(w.a, "web", url.Values{"grant_type": {tokenExchange}, "subject_token": {bound}, "subject_token_type": {accessType}})
	if bound == "" || w.exchange("web", bound).text("error") != "invalid_request" || q.token(f).text("error") != "invalid_request" {
		t.Error("a bound token without its key")
	}
	if got := p.token(f); got.text("token_type") != "DPoP" {
		t.Errorf("a bound token with its key: %s", got.raw)
	}
}
