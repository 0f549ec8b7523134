package oauth_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/authn"
	"grove/iam/inspector"
	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/secrets"
	"grove/infra/testkit"
)

// inspected lets an inspector look on.
func (w *world) inspected() {
	w.t.Helper()
	kept := inspector.New(w.DB, nil, testkit.Quiet())
	d := w.oauth.Dependencies
	d.Inspector = kept
	w.serve(d, func(*oauth.Options) {})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); kept.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

type refusal struct {
	Endpoint, Error, Rule, Expected, Fix string
	Received                             []inspector.Received
	Raw                                  string
}

// refusals are the entries of an app, the newest first.
func (w *world) refusals(a *tenant, clientID string) (all []refusal) {
	w.t.Helper()
	c, _ := w.Client(context.Background(), a.ID, clientID)
	w.in(a, func(ctx context.Context, tx db.Tx) (err error) {
		all, err = db.Collect[refusal](ctx, tx, `SELECT endpoint, error, rule, expected, fix, received, to_jsonb(f)::text AS raw FROM failed_requests f
			WHERE tenant_id = $1 AND app_id = $2 ORDER BY id DESC`, a.ID, c.ID)
		return err
	})
	return all
}

// refused waits for the entry after n others.
func (w *world) refused(a *tenant, clientID string, n int) refusal {
	w.t.Helper()
	var all []refusal
	testkit.Eventually(w.t, "the entry is written", func() bool { all = w.refusals(a, clientID); return len(all) > n })
	return all[0]
}

func (r refusal) of(name string) inspector.Received {
	for _, one := range r.Received {
		if one.Name == name {
			return one
		}
	}
	return inspector.Received{}
}

// TestInspector sends what developers often get wrong, and looks whether the entry says what to do.
func TestInspector(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.inspected()
	token := func(form url.Values, headers ...string) func() {
		return func() { w.send(w.a, "POST", "/oauth2/token", form, headers...) }
	}
	authorize := func(q url.Values) func() { return func() { w.send(w.a, "GET", "/oauth2/authorize?"+q.Encode(), nil) } }
	used := w.code(w.a, "web")
	token(w.redemption(w.a, "web", used))()
	foreign, _ := secrets.NewToken("grv_cs")
	machine := func(changes ...string) url.Values {
		f := w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	for name, c := range map[string]struct {
		client, endpoint, code, rule, expected, fix string
		do                                          func()
	}{
		"redirect_uri": {"web", "authorize", "invalid_request", "RFC 9700, section 2.1", callback, "slash at the end", authorize(request("web", "redirect_uri", "https://web.example/cb/?from=grove"))},
		"no challenge": {"spa", "authorize", "invalid_request", "RFC 7636, section 4.3", "code_challenge", "Turn PKCE on", authorize(request("spa", "code_challenge", "", "code_challenge_method", ""))},
		"plain":        {"spa", "authorize", "invalid_request", "RFC 9700, section 2.1.1", "S256", "S256", authorize(request("spa", "code_challenge_method", "plain"))},
		"resource":     {"web", "authorize", "invalid_target", "RFC 8707, section 2", "https://orders.example", "tab APIs", authorize(request("web", "resource", "https://order.example"))},
		"response":     {"web", "authorize", "unauthorized_client", "RFC 6749, section 4.1.2.1", "response_type", "response_type=code", authorize(request("web", "response_type", "token"))},
		"wrong secret": {"m2m", "token", "invalid_client", "RFC 6749, section 2.3.1", "client_secret", "not one of this app's", token(machine("client_secret", foreign))},
		"no secret":    {"m2m", "token", "invalid_client", "RFC 6749, section 2.3.1", "client_secret", "begin with grv_cs_", token(machine("client_secret", "hunter2"))},
		"spaces":       {"m2m", "token", "invalid_client", "RFC 6749, section 2.3.1", "client_secret", "spaces or line breaks", token(machine("client_secret", w.a.secret+"\n"))},
		"method":       {"spa", "token", "invalid_client", "RFC 6749, section 2.3", "by none", "authentication method", token(url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "client_secret": {foreign}})},
		"two methods": {"m2m", "token", "invalid_request", "RFC 6749, section 2.3", "never two", "one authentication method",
			token(machine(), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("m2m:"+w.a.secret)))},
		"used code":  {"web", "token", "invalid_grant", "RFC 6749, section 4.1.2", "redeemed once", "callback twice", token(w.redemption(w.a, "web", used))},
		"grant type": {"m2m", "token", "unauthorized_client", "RFC 6749, section 5.2", "client_credentials", "Grant types", token(machine("grant_type", "refresh_token"))},
		"spelling":   {"m2m", "token", "unsupported_grant_type", "RFC 6749, section 5.2", "grant_types_supported", "spelling", token(machine("grant_type", "client_credential"))},
		"proof":      {"m2m", "token", "invalid_dpop_proof", "RFC 9449, section 4.2", "dpop+jwt", "library", token(machine(), "DPoP", "a.b.c")},
		"signed out": {"web", "logout", "invalid_request", "OpenID Connect RP-Initiated Logout 1.0, section 3", signedOut, "another path", func() {
			w.send(w.a, "GET", "/oauth2/logout?client_id=web&post_logout_redirect_uri=https://web.example/by", nil)
		}},
		"device": {"web", "device_authorization", "unauthorized_client", "RFC 8628, section 3.1", "device_code", "Allow the grant type", func() { w.send(w.a, "POST", "/oauth2/device_authorization", w.as(w.a, "web", url.Values{})) }},
		"public introspection": {"spa", "introspect", "invalid_client", "RFC 7662, section 2.1", "confidential", "m2m", func() {
			w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "spa", url.Values{"token": {"t"}}))
		}},
		"revocation": {"web", "revoke", "invalid_request", "RFC 7009, section 2.1", "token is required", "in the body", func() { w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{})) }},
		"pushed": {"web", "par", "invalid_request", "RFC 9700, section 2.1", callback, "another path", func() {
			w.send(w.a, "POST", "/oauth2/par", w.as(w.a, "web", request("web", "redirect_uri", "https://web.example/c?from=grove")))
		}},
		"repeated": {"web", "authorize", "invalid_request", "RFC 6749, section 3.1", "comes once", "set twice", func() { w.send(w.a, "GET", "/oauth2/authorize?client_id=web&state=1&state=2", nil) }},
		"verifier": {"web", "token", "invalid_grant", "RFC 7636, section 4.6", "SHA-256", "second sign-in", func() {
			w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", w.code(w.a, "web"), "code_verifier", strings.Repeat("v", 43)))
		}},
		"expired": {"web", "token", "invalid_grant", "RFC 6749, section 4.1.2", "before it expires", "at once", func() {
			code := w.code(w.a, "web")
			w.Clock.Advance(2 * time.Minute)
			w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code))
		}},
		"refresh reused": {"web", "token", "invalid_grant", "RFC 9700, section 4.14.2", "used once", "one place", func() {
			first := w.signIn(w.a, "web").text("refresh_token")
			w.refresh(w.a, "web", w.refresh(w.a, "web", first).text("refresh_token"))
			w.refresh(w.a, "web", first)
		}},
		"scope": {"web", "token", "invalid_scope", "RFC 6749, section 6", "openid", "Leave scope out", func() {
			first := w.signIn(w.a, "web", "scope", "openid").text("refresh_token")
			w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}, "scope": {"openid email"}}))
		}},
		"not agreed": {"web", "authorize", "login_required", "OpenID Connect Core 1.0, section 3.1.2.6", "prompt=none", "without prompt=none", func() {
			w.anonymous(func() { authorize(request("web", "prompt", "none"))() })
		}},
	} {
		w.Clock.Advance(time.Minute) // of the meter
		before := len(w.refusals(w.a, c.client))
		c.do()
		got := w.refused(w.a, c.client, before)
		if got.Endpoint != c.endpoint || got.Error != c.code || got.Rule != c.rule || !strings.Contains(got.Expected, c.expected) || !strings.Contains(got.Fix, c.fix) {
			t.Errorf("%s: %+v", name, got)
		}
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM failed_requests WHERE tenant_id = $1`, w.a.ID)
			return err
		})
	}
}

func (w *world) anonymous(f func()) {
	person := w.person
	w.person = func(authn.Request) authn.Outcome { return authn.Outcome{Error: authn.ErrorLoginRequired} }
	defer func() { w.person = person }()
	f()
}

// TestInspectorAssertions: what is wrong with an assertion is said, and shown without its signature.
func TestInspectorAssertions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.inspected()
	c := w.asserting(w.a, "m2m", jose.ES256)
	stranger, _ := jose.Generate(jose.ES256)
	once := c.assertion(c.key, nil)
	c.send(c.form(once))
	for i, one := range []struct{ assertion, expected, fix string }{
		{c.assertion(c.key, map[string]any{"aud": "https://elsewhere.example"}), "aud is the issuer: " + w.a.Base, "Set aud"},
		{c.assertion(c.key, map[string]any{"exp": w.Clock.Now().Add(-time.Hour).Unix()}), "not over", "clock"},
		{c.assertion(c.key, map[string]any{"iss": "web"}), "iss and sub", "m2m"},
		{c.assertion(stranger, nil), "signed with a key", "register the key"},
		{once, "never used", "new jti"},
	} {
		c.send(c.form(one.assertion))
		got := w.refused(w.a, "m2m", i)
		if got.Error != "invalid_client" || !strings.Contains(got.Expected, one.expected) || !strings.Contains(got.Fix, one.fix) {
			t.Errorf("%d: %+v", i, got)
		}
		shown := got.of("client_assertion")
		signature := one.assertion[strings.LastIndex(one.assertion, ".")+1:]
		if !strings.Contains(shown.Token, `"alg":"ES256"`) || strings.Contains(got.Raw, signature) || shown.Value != "" {
			t.Errorf("%d: shown as %+v", i, shown)
		}
	}
}

// TestInspectorShows: a redirect URI in full with what differs, and names that are misspelled.
func TestInspectorShows(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.inspected()
	w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "redirect_uri", "https://web.example/CB?from=grove&code=abc123", "code_challange", "x").Encode(), nil)
	got := w.refused(w.a, "web", 0)
	uri := got.of("redirect_uri")
	if uri.Value != "https://web.example/CB?from=grove&code=…" || uri.Nearest != callback || uri.DiffersAt == nil || *uri.DiffersAt != len("https://web.example/") {
		t.Errorf("redirect_uri: %+v", uri)
	}
	if wrong := got.of("code_challange"); wrong.Note != "not a parameter; code_challenge is" || wrong.Value != "" {
		t.Errorf("misspelled: %+v", wrong)
	}
	if scope := got.of("scope"); scope.Value != "openid profile email orders.read orders.write" {
		t.Errorf("scope: %+v", scope)
	}
	// Of nobody's requests nothing is kept, nor of those of built-in apps.
	w.send(w.a, "POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"nobody"}, "client_secret": {"x"}})
	w.send(w.a, "GET", "/oauth2/authorize?client_id=console&redirect_uri=https://x.example", nil)
	w.send(w.b, "POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"web"}, "client_secret": {"x"}})
	w.refused(w.b, "web", 0) // which was written last
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		n, err := db.Scalars[int](ctx, tx, `SELECT count(*)::int FROM failed_requests`)
		if err == nil && n[0] != 1 {
			t.Errorf("%d entries of the tenant", n[0])
		}
		return err
	})
}

// TestAttack40_InspectorKeepsNoSecret puts what is secret wherever a request has room for it.
func TestAttack40_InspectorKeepsNoSecret(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.inspected()
	signed := w.signIn(w.a, "web")
	idToken := signed.text("id_token")
	signature := func(jwt string) string { return jwt[strings.LastIndex(jwt, ".")+1:] }
	device, _ := secrets.NewToken("grv_dc")
	secret := map[string]string{"secret": w.a.secret, "code": w.code(w.a, "web"), "refresh token": signed.text("refresh_token"), "device code": device, "verifier": verifier, "password": "correct-horse9battery",
		"JWT": idToken, "access token": signed.text("access_token")}
	n := 0
	check := func(where string) {
		t.Helper()
		got := w.refused(w.a, "web", n)
		n++
		for name, value := range secret {
			if strings.Count(value, ".") == 2 {
				value = signature(value)
			}
			if strings.Contains(got.Raw, value) || strings.Contains(got.Raw, value[:len(value)/2]) {
				t.Errorf("%s shows the %s: %s", where, name, got.Raw)
			}
		}
		if n == 9 { // of ten that are kept
			n = 0
			w.Clock.Advance(time.Minute)
			w.in(w.a, func(ctx context.Context, tx db.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM failed_requests WHERE tenant_id = $1`, w.a.ID)
				return err
			})
		}
	}
	all := []string{"access_token", "acr_values", "actor_token", "assertion", "audience", "claims", "client_assertion", "client_assertion_type", "code", "code_challenge", "code_challenge_method",
		"code_verifier", "device_code", "display", "dpop_jkt", "id_token_hint", "login_hint", "max_age", "nonce", "org", "orgId", "password", "post_logout_redirect_uri", "prompt", "redirect_uri",
		"refresh_token", "registration", "request_uri", "requested_token_type", "resource", "response_mode", "response_type", "scope", "state", "subject_token", "subject_token_type",
		"switching_organization", "token", "token_type_hint", "ui_locales", "user_code", "username", "something_else"}
	for name, value := range secret {
		for _, at := range all {
			form := url.Values{"client_id": {"web"}, "client_secret": {"wrong"}, "grant_type": {"authorization_code"}, at: {value}}
			w.send(w.a, "POST", "/oauth2/token", form)
			check(name + " in " + at)
		}
		for where, form := range map[string]url.Values{
			"a name":            {"client_id": {"web"}, "client_secret": {"wrong"}, value: {""}},
			"a pair":            {"client_id": {"web"}, "client_secret": {"wrong"}, "json": {`{"client_secret":"` + value + `"}`}},
			"grant_type":        {"client_id": {"web"}, "client_secret": {"wrong"}, "grant_type": {value}},
			"a query":           {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {callback + "&code=" + value}},
			"a name of a query": {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {"https://web.example/cb?" + value + "=1"}},
			"a fragment":        {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {callback + "#" + value}},
			"a user":            {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {"https://me:" + value + "@web.example/cb"}},
			"a path":            {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {"https://web.example/" + value}},
			"a host":            {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {"https://" + value + "/cb"}},
			"a scheme":          {"client_id": {"web"}, "client_secret": {"wrong"}, "redirect_uri": {value + "://x"}},
			"words":             {"client_id": {"web"}, "client_secret": {"wrong"}, "prompt": {"login " + value}, "scope": {"openid " + value}},
		} {
			w.send(w.a, "POST", "/oauth2/token", form)
			check(name + " in " + where)
		}
		good := url.Values{"client_id": {"web"}, "grant_type": {"password"}}
		w.send(w.a, "POST", "/oauth2/token", good, "Authorization", "Bearer "+value)
		check(name + " as Bearer")
		w.send(w.a, "POST", "/oauth2/token", good, "Authorization", value)
		check(name + " as Authorization")
		w.send(w.a, "POST", "/oauth2/token", url.Values{}, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("web:"+value+"x")))
		check(name + " in Basic")
		w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"nothing"}}), "DPoP", value)
		check(name + " as DPoP")
		w.send(w.a, "GET", "/oauth2/authorize?client_id=web&redirect_uri=https://web.example/no&state="+url.QueryEscape(value)+"&"+url.QueryEscape(value), nil)
		check(name + " in the address")
	}
}

// TestAttack11_InspectorFlooded: whoever floods an app writes little, and pushes out nothing of another kind.
func TestAttack11_InspectorFlooded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.inspected()
	w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "redirect_uri", "https://web.example/no").Encode(), nil)
	w.refused(w.a, "web", 0)
	for range 1500 {
		if got := w.send(w.a, "POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"web"}, "client_secret": {"x"}}); got.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
	}
	var skipped int
	testkit.Eventually(t, "the samples are written", func() bool {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			all, err := db.Scalars[int](ctx, tx, `SELECT coalesce(max(skipped), 0)::int FROM failed_requests WHERE tenant_id = $1 AND endpoint = 'token'`, w.a.ID)
			skipped = all[0]
			return err
		})
		return skipped == 99
	})
	all := w.refusals(w.a, "web")
	if len(all) > 11 || all[len(all)-1].Endpoint != "authorize" {
		t.Errorf("%d entries, the oldest of %s", len(all), all[len(all)-1].Endpoint)
	}
	// Another organization of the tenant sees none of it.
	err := w.InOrg(context.Background(), w.a.ID, w.a.north, func(ctx context.Context, tx db.OrgTx) error {
		n, err := db.Scalars[int](ctx, tx.Tx, `SELECT count(*)::int FROM failed_requests`)
		if err == nil && n[0] != 0 {
			t.Errorf("another organization sees %d", n[0])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
