package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/oauth"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// ciba is a request that waits for a person.
type ciba struct {
	w      *world
	client string
	id     string // auth_req_id
}

// bc sends a request to the backchannel authentication endpoint: pairs replace, "" takes out.
func (w *world) bc(client string, pairs ...string) answer {
	w.t.Helper()
	w.change(w.a, client, func(c *apps.Client) {
		if !slices.Contains(c.GrantTypes, apps.GrantCIBA) {
			c.GrantTypes = append(slices.Clone(c.GrantTypes), apps.GrantCIBA)
		}
	})
	form := url.Values{"scope": {"openid orders.read offline_access"}, "login_hint": {"ada"}}
	for i := 0; i < len(pairs); i += 2 {
		if form.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			form.Del(pairs[i])
		}
	}
	return w.send(w.a, "POST", "/oauth2/bc-authorize", w.as(w.a, client, form))
}

func (w *world) ciba(client string, pairs ...string) ciba {
	w.t.Helper()
	got := w.bc(client, pairs...)
	if got.StatusCode != http.StatusOK || !regexp.MustCompile(`^[A-Za-z0-9._-]{22,}$`).MatchString(got.text("auth_req_id")) || got.body["interval"] != 5.0 || got.Header.Get("Cache-Control") != "no-store" {
		w.t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	return ciba{w, client, got.text("auth_req_id")}
}

func (c ciba) form(client string) url.Values {
	return c.w.as(c.w.a, client, url.Values{"grant_type": {apps.GrantCIBA}, "auth_req_id": {c.id}})
}

func (c ciba) ask() answer {
	c.w.t.Helper()
	return c.w.send(c.w.a, "POST", "/oauth2/token", c.form(c.client))
}

// poll asks once the interval is over.
func (c ciba) poll() answer {
	c.w.t.Helper()
	c.w.Clock.Advance(6 * time.Second)
	return c.ask()
}

// mailed is what the person is told of the newest request.
func (w *world) mailed() (oauth.CIBAMail, error) {
	w.t.Helper()
	var newest ids.CIBARequest
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT id FROM ciba_requests WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`, tx.Tenant()).Scan(&newest)
	})
	return w.oauth.CIBAMail(context.Background(), w.a.ID, newest)
}

// opened is the request that the sign-in engine is given by who opens a link.
func (w *world) opened(link string) (authn.Request, error) {
	w.t.Helper()
	var asked authn.Request
	before := w.person
	w.person = func(req authn.Request) authn.Outcome {
		asked = req
		return authn.Outcome{RedirectTo: w.a.Base + "/login?flow=x"}
	}
	defer func() { w.person = before }()
	base, token, _ := strings.Cut(link, "/login/request?token=")
	_, err := w.oauth.BeginCIBA(httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: base}), token, authn.Browser{})
	return asked, err
}

// answered opens the newest mail, and answers.
func (w *world) answered(change func(*authn.Done)) answer {
	w.t.Helper()
	mail, err := w.mailed()
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := w.opened(mail.Link)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.finish(req, change)
}

// denies is a person who says no.
func (w *world) denies(done *authn.Done) {
	*done = authn.Done{App: done.App, Issuer: done.Issuer, Return: done.Return, Denied: true, Error: authn.ErrorAccessDenied, User: w.a.user}
}

// TestCIBA: by username, address or ID token a person is asked, told, and signed in; what the client gets is what any sign-in gives.
func TestCIBA(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hint := w.signIn(w.a, "web").text("id_token")
	for name, pairs := range map[string][]string{
		"username": {"binding_message", "Pay 7 EUR"}, "address": {"login_hint", "ADA@north.example", "org", "north"}, "ID token": {"login_hint", "", "id_token_hint", hint, "orgId", w.a.north.String()},
	} {
		c := w.ciba("web", pairs...)
		if got := c.poll(); got.StatusCode != http.StatusBadRequest || got.text("error") != "authorization_pending" {
			t.Fatalf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if got := c.ask(); got.text("error") != "slow_down" {
			t.Errorf("%s: asked too soon: %s", name, got.raw)
		}
		w.Clock.Advance(6 * time.Second)
		if got := c.ask(); got.text("error") != "slow_down" {
			t.Errorf("%s: the interval has not grown: %s", name, got.raw)
		}
		mail, err := w.mailed()
		if err != nil || mail.Email != "ada@north.example" || mail.AppName != "Web" || mail.OrgName != "north" || !strings.HasPrefix(mail.Link, w.a.Base+"/login/request?token=grv_bl_") {
			t.Fatalf("%s: %+v %v", name, mail, err)
		}
		req, err := w.opened(mail.Link)
		if err != nil || req.App.ClientID != "web" || req.HintUser != w.a.user || !req.Elsewhere || *req.MaxAge != 900 || !slices.Contains(req.Prompt, authn.PromptConsent) ||
			!slices.Contains(req.Scopes, "orders.read") || (req.Org == w.a.north) != (name != "username") || (req.Message == "Pay 7 EUR") != (name == "username") {
			t.Fatalf("%s: %+v %v", name, req, err)
		}
		if end := w.finish(req, nil); end.StatusCode != http.StatusSeeOther || end.Header.Get("Location") != w.a.Base+"/login/request?done=approved" {
			t.Fatalf("%s: %d %s", name, end.StatusCode, end.raw)
		}
		w.Clock.Advance(time.Minute)
		got := c.poll()
		id := w.read(got.text("id_token"), "ES256", "JWT")
		if got.StatusCode != http.StatusOK || got.text("scope") != "openid orders.read offline_access" || id == nil || id.Subject != w.a.user.String() {
			t.Fatalf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if hash, _ := id.Text("at_hash"); hash == "" {
			t.Errorf("%s: no at_hash", name)
		}
		if _, push := id.Text("urn:openid:params:jwt:claim:auth_req_id"); push {
			t.Errorf("%s: the claim of push", name)
		}
		if again := w.refresh(w.a, "web", got.text("refresh_token")); again.StatusCode != http.StatusOK {
			t.Errorf("%s: refresh %d %s", name, again.StatusCode, again.raw)
		}
		if again := c.poll(); again.text("error") != "invalid_grant" {
			t.Errorf("%s: an auth_req_id is good twice: %s", name, again.raw)
		}
		if _, err := w.opened(mail.Link); !oauth.CodeCIBA.Is(err) {
			t.Errorf("%s: an answered request is asked again: %v", name, err)
		}
	}
	w.events("grant.requested", 3)
	c := w.ciba("web")
	proved := w.prover()
	w.answered(nil)
	if got := proved.token(c.form("web")); got.text("token_type") != "DPoP" {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	for expiry, want := range map[string]float64{"": 600, "1": 1, "90": 90, "86400": 3600} {
		if got := w.bc("web", "login_hint", "q"+expiry, "requested_expiry", expiry); got.body["expires_in"] != want {
			t.Errorf("requested_expiry %q: %s", expiry, got.raw)
		}
	}
}

// TestCIBARefuses has the errors of the specification's section 13.
func TestCIBARefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.bc("web", "login_hint", "nobody")
	hint := w.signIn(w.a, "other").text("id_token")
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"no hint":                   {[]string{"login_hint", ""}, "invalid_request"},
		"two hints":                 {[]string{"id_token_hint", hint}, "invalid_request"},
		"another's ID token":        {[]string{"login_hint", "", "id_token_hint", hint}, "invalid_request"},
		"no ID token":               {[]string{"login_hint", "", "id_token_hint", "x"}, "invalid_request"},
		"login_hint_token":          {[]string{"login_hint", "", "login_hint_token", "x"}, "invalid_request"},
		"both":                      {[]string{"login_hint_token", "x"}, "invalid_request"},
		"a long hint":               {[]string{"login_hint", strings.Repeat("x", 321)}, "invalid_request"},
		"no scope":                  {[]string{"scope", ""}, "invalid_scope"},
		"no openid":                 {[]string{"scope", "orders.read"}, "invalid_scope"},
		"user_code":                 {[]string{"user_code", "1234"}, "invalid_request"},
		"a long message":            {[]string{"binding_message", strings.Repeat("ß", 129)}, "invalid_binding_message"},
		"a message of two lines":    {[]string{"binding_message", "a\nb"}, "invalid_binding_message"},
		"a message that turns":      {[]string{"binding_message", "pay \u202e7"}, "invalid_binding_message"},
		"no time":                   {[]string{"requested_expiry", "0"}, "invalid_request"},
		"less than no time":         {[]string{"requested_expiry", "-1"}, "invalid_request"},
		"no number":                 {[]string{"requested_expiry", "1h"}, "invalid_request"},
		"two organizations":         {[]string{"org", "north", "orgId", w.a.south.String()}, "invalid_request"},
		"details that nobody knows": {[]string{"authorization_details", `[{"type":"x"}]`}, "invalid_authorization_details"},
	} {
		if got := w.bc("web", c.pairs...); got.StatusCode != http.StatusBadRequest || got.text("error") != c.want || got.text("auth_req_id") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.bc("spa"); got.text("error") != "unauthorized_client" {
		t.Errorf("a public client: %s", got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/bc-authorize", w.as(w.a, "other", url.Values{"scope": {"openid"}, "login_hint": {"ada"}})); got.text("error") != "unauthorized_client" {
		t.Errorf("a client without the grant: %s", got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/bc-authorize", url.Values{"client_id": {"web"}, "scope": {"openid"}, "login_hint": {"ada"}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without its secret: %d %s", got.StatusCode, got.raw)
	}
	w.change(w.a, "web", func(c *apps.Client) {
		c.BackchannelDelivery, c.BackchannelNotify = apps.DeliveryPing, "https://web.example/ping"
	})
	for name, token := range map[string]string{"none": "", "short": "abcdefghijklmnopqrstu", "long": strings.Repeat("a", 1025), "no bearer token": "abcdefghijklmnop qrstuvwxyz", "padding": strings.Repeat("=", 30)} {
		if got := w.bc("web", "client_notification_token", token); got.text("error") != "invalid_request" {
			t.Errorf("client_notification_token, %s: %s", name, got.raw)
		}
	}
	c := w.ciba("web", "client_notification_token", "abcdefghijklmnopqrst-._~+/==")
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		clear, err := db.Scalars[int](ctx, tx, `SELECT position($2::bytea IN sealed) + position($3::bytea IN sealed) FROM ciba_requests WHERE tenant_id = $1 AND sealed IS NOT NULL`, tx.Tenant(), []byte(c.id), []byte("abcdefghijklmnopqrst"))
		if len(clear) != 1 || clear[0] != 0 {
			t.Errorf("what a ping says is stored in the clear: %v", clear)
		}
		return err
	})
	w.change(w.a, "other", func(c *apps.Client) { c.GrantTypes = append(slices.Clone(c.GrantTypes), apps.GrantCIBA) })
	for name, form := range map[string]url.Values{"another's": c.form("other"), "none": w.as(w.a, "web", url.Values{"grant_type": {apps.GrantCIBA}}),
		"a stranger's": w.as(w.a, "web", url.Values{"grant_type": {apps.GrantCIBA}, "auth_req_id": {c.id + "x"}})} {
		if got := w.send(w.a, "POST", "/oauth2/token", form); got.text("error") != "invalid_grant" && (name != "none" || got.text("error") != "invalid_request") {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	if got := w.send(w.a, "POST", "/o/north/oauth2/token", c.form("web")); got.text("error") != "invalid_grant" {
		t.Errorf("at another issuer: %s", got.raw)
	}
}

// TestCIBAAnswers: no is no; who only went away, or is not the one who is asked, has answered nothing; what came too late counts for
// nothing.
func TestCIBAAnswers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.ciba("web", "org", "north")
	for name, done := range map[string]func(*authn.Done){
		"cancelled": func(done *authn.Done) { done.Error, done.User = authn.ErrorAccessDenied, ids.User{} },
		"another":   func(done *authn.Done) { done.Error, done.User = authn.ErrorLoginRequired, ids.User{} },
	} {
		if end := w.answered(done); end.Header.Get("Location") != w.a.Base+"/login/request?done=unanswered" || c.poll().text("error") != "authorization_pending" {
			t.Errorf("%s: %d %s", name, end.StatusCode, end.raw)
		}
	}
	for name, done := range map[string]func(*authn.Done){
		"another says yes":        func(done *authn.Done) { done.User = ids.NewUser() },
		"another says no":         func(done *authn.Done) { w.denies(done); done.User = ids.NewUser() },
		"in another organization": func(done *authn.Done) { done.Org = w.a.south },
	} {
		if end := w.answered(done); end.StatusCode != http.StatusBadRequest || c.poll().text("error") != "authorization_pending" {
			t.Errorf("%s: %d %s", name, end.StatusCode, end.raw)
		}
	}
	mail, _ := w.mailed()
	req, _ := w.opened(mail.Link)
	if end := w.finish(req, w.denies); end.Header.Get("Location") != w.a.Base+"/login/request?done=denied" {
		t.Errorf("%d %s", end.StatusCode, end.raw)
	}
	for range 2 {
		if got := c.poll(); got.StatusCode != http.StatusBadRequest || got.text("error") != "access_denied" {
			t.Errorf("denied: %s", got.raw)
		}
	}
	if end := w.finish(req, nil); end.StatusCode != http.StatusBadRequest {
		t.Errorf("a no becomes a yes: %d %s", end.StatusCode, end.raw)
	}
	c = w.ciba("web")
	mail, _ = w.mailed()
	req, _ = w.opened(mail.Link)
	w.Clock.Advance(10 * time.Minute)
	if got := c.ask(); got.text("error") != "expired_token" {
		t.Errorf("run out: %s", got.raw)
	}
	if _, err := w.opened(mail.Link); !oauth.CodeCIBA.Is(err) {
		t.Errorf("run out: %v", err)
	}
	if _, err := w.mailed(); !oauth.CodeCIBA.Is(err) {
		t.Errorf("mailed when it has run out: %v", err)
	}
	if end := w.finish(req, nil); end.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer that came too late: %d %s", end.StatusCode, end.raw)
	}
	for _, token := range []string{"", "x", c.id, strings.Repeat("grv_bl_", 200)} {
		if _, err := w.opened(w.a.Base + "/login/request?token=" + token); !oauth.CodeCIBA.Is(err) {
			t.Errorf("%.20q: %v", token, err)
		}
	}
	w.Clock.Advance(2 * time.Hour)
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		left, err := db.Scalars[string](ctx, tx, `SELECT state FROM ciba_requests WHERE tenant_id = $1`, tx.Tenant())
		if len(left) != 0 {
			t.Errorf("the sweep leaves %v", left)
		}
		return err
	})
}

// TestCIBAEnds: what the approval stands on has to hold when the client asks.
func TestCIBAEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, revoke := range w.revocations() {
		c := w.ciba("web")
		w.answered(nil)
		undo := revoke()
		if got := c.poll(); got.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", name, got.raw)
		}
		undo()
		w.newSession(w.a)
	}
}

func TestCIBAParallel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.ciba("web")
	w.answered(nil)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if c.ask().StatusCode == http.StatusOK {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 polls got tokens", won.Load())
	}
}

// TestAttack35_CIBA: whether a hint names somebody, or an organization is one, makes no difference to what the client sees, whatever it
// asks and however often; nobody is told of what names nobody.
func TestAttack35_CIBA(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		_, err := w.people.CreateTx(ctx, tx, users.NewUser{Org: w.a.south, Username: "far", Email: "far@south.example"})
		return err
	})
	seen := func(pairs ...string) string {
		var all []string
		var c ciba
		for range 4 {
			got := w.bc("web", pairs...)
			all = append(all, http.StatusText(got.StatusCode), got.text("error"), got.text("error_description"))
			if id := got.text("auth_req_id"); id != "" {
				c = ciba{w, "web", id}
				all = append(all, strings.Repeat("x", len(id)), strings.ReplaceAll(got.raw, id, ""))
			}
		}
		all = append(all, c.ask().raw, c.ask().raw, c.poll().raw)
		return strings.Join(all, "|")
	}
	want := seen("org", "north")
	w.Clock.Advance(2 * time.Hour)
	if _, err := w.mailed(); !oauth.CodeCIBA.Is(err) {
		t.Errorf("an old request is mailed: %v", err)
	}
	for name, pairs := range map[string][]string{
		"nobody": {"login_hint", "nobody", "org", "north"}, "a member of another organization": {"login_hint", "far", "org", "north"}, "no organization": {"org", "nowhere"},
		"nobody anywhere": {"login_hint", "nobody@nowhere.example"}, "no name at all": {"login_hint", " "},
	} {
		if got := seen(pairs...); got != want {
			t.Errorf("%s:\n%s\n%s", name, got, want)
		}
		if mail, err := w.mailed(); !oauth.CodeCIBA.Is(err) {
			t.Errorf("%s is mailed: %+v %v", name, mail, err)
		}
	}
	w.mu.Lock()
	w.sharing[w.a.north] = true
	w.mu.Unlock()
	if got := seen("login_hint", "ada@north.example", "org", "north"); got != want {
		t.Errorf("an organization without the app:\n%s\n%s", got, want)
	}
	if _, err := w.mailed(); !oauth.CodeCIBA.Is(err) {
		t.Errorf("an organization without the app is mailed: %v", err)
	}
}

// TestAttack29_CIBA: however often apps ask, by whatever name and of however short a life, nobody is told of more than ten requests an hour
// that he did not want; three of an app wait at a time, also of all that come at once; what was approved counts for nothing.
func TestAttack29_CIBA(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop() // some live for a second
	w.bc("web", "login_hint", "nobody")
	for range 12 { // what he wants
		c := w.ciba("web")
		w.answered(nil)
		if got := c.poll(); got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
	}
	var given, refused atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch got := w.send(w.a, "POST", "/oauth2/bc-authorize", w.as(w.a, "web", url.Values{"scope": {"openid"}, "login_hint": {"ada"}})); {
			case got.StatusCode == http.StatusOK:
				given.Add(1)
			case got.StatusCode == http.StatusForbidden && got.text("error") == "access_denied":
				refused.Add(1)
			default:
				t.Errorf("%d %s", got.StatusCode, got.raw)
			}
		})
	}
	wg.Wait()
	if given.Load() != 3 || refused.Load() != 17 {
		t.Errorf("%d given, %d refused", given.Load(), refused.Load())
	}
	told := 3
	for range 20 {
		for _, client := range []string{"web", "other"} {
			w.ciba(client, "login_hint", "ada@north.example", "requested_expiry", "1")
			if _, err := w.mailed(); err == nil {
				told++
			}
		}
		w.Clock.Advance(2 * time.Second)
	}
	if told != 10 {
		t.Errorf("told %d times", told)
	}
	w.Clock.Advance(time.Hour)
	w.ciba("web")
	if _, err := w.mailed(); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// cibaObject is a good signed request, with changes; nil takes a member out.
func (c asserting) cibaObject(key *jose.Key, typ string, changes map[string]any) url.Values {
	c.w.t.Helper()
	now := c.w.Clock.Now()
	claims := map[string]any{"iss": c.id, "aud": c.a.Base, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": ids.NewAccessToken().String(),
		"scope": "openid", "login_hint": "ada", "binding_message": "Pay 7 EUR", "requested_expiry": 90}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token, err := key.SignJSON(typ, claims)
	if err != nil {
		c.w.t.Fatal(err)
	}
	form := c.form(c.assertion(c.key, nil))
	form.Del("grant_type")
	form.Set("request", token)
	return form
}

// TestCIBASigned: a signed request is taken whole or not at all, once, and from who has to sign nothing else is taken.
func TestCIBASigned(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.bc("web", "login_hint", "nobody")
	send := func(form url.Values) answer { return w.send(w.a, "POST", "/oauth2/bc-authorize", form) }
	for _, alg := range jose.Algs() {
		c := w.asserting(w.a, "web", alg)
		w.change(w.a, "web", func(c *apps.Client) { c.BackchannelRequestAlg = alg })
		got := send(c.cibaObject(c.key, "JWT", map[string]any{"login_hint": "for " + alg}))
		if got.StatusCode != http.StatusOK || got.body["expires_in"] != 90.0 {
			t.Errorf("%s: %d %s", alg, got.StatusCode, got.raw)
		}
	}
	w.change(w.a, "web", func(c *apps.Client) { c.BackchannelRequestAlg = jose.ES256 })
	c := w.asserting(w.a, "web", jose.ES256)
	other, _ := jose.Generate(jose.ES256)
	now := w.Clock.Now()
	for name, form := range map[string]url.Values{
		"another key":       c.cibaObject(other, "JWT", nil),
		"a request object":  c.cibaObject(c.key, "oauth-authz-req+jwt", nil),
		"no iss":            c.cibaObject(c.key, "JWT", map[string]any{"iss": nil}),
		"another's":         c.cibaObject(c.key, "JWT", map[string]any{"iss": "other"}),
		"an assertion":      c.cibaObject(c.key, "JWT", map[string]any{"sub": "web"}),
		"no aud":            c.cibaObject(c.key, "JWT", map[string]any{"aud": nil}),
		"for somebody else": c.cibaObject(c.key, "JWT", map[string]any{"aud": "https://other.example"}),
		"no exp":            c.cibaObject(c.key, "JWT", map[string]any{"exp": nil}),
		"over":              c.cibaObject(c.key, "JWT", map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"too long":          c.cibaObject(c.key, "JWT", map[string]any{"exp": now.Add(2 * time.Hour).Unix()}),
		"no nbf":            c.cibaObject(c.key, "JWT", map[string]any{"nbf": nil}),
		"not yet":           c.cibaObject(c.key, "JWT", map[string]any{"nbf": now.Add(time.Minute).Unix()}),
		"no iat":            c.cibaObject(c.key, "JWT", map[string]any{"iat": nil}),
		"no jti":            c.cibaObject(c.key, "JWT", map[string]any{"jti": nil}),
		"a scope of a list": c.cibaObject(c.key, "JWT", map[string]any{"scope": []string{"openid"}}),
		"two hints":         c.cibaObject(c.key, "JWT", map[string]any{"id_token_hint": "x"}),
		"not signed at all": {"client_assertion": {c.assertion(c.key, nil)}, "client_assertion_type": c.form("")["client_assertion_type"], "scope": {"openid"}, "login_hint": {"ada"}},
	} {
		if got := send(form); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	for _, beside := range []string{"scope", "login_hint", "binding_message", "client_notification_token", "org"} {
		form := c.cibaObject(c.key, "JWT", nil)
		form.Set(beside, "openid")
		if got := send(form); got.text("error") != "invalid_request" {
			t.Errorf("%s beside the object: %s", beside, got.raw)
		}
	}
	form := c.cibaObject(c.key, "JWT", nil)
	if got := send(form); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	form.Set("client_assertion", c.assertion(c.key, nil))
	if got := send(form); got.text("error") != "invalid_request" {
		t.Errorf("used again: %d %s", got.StatusCode, got.raw)
	}
	if mail, err := w.mailed(); err != nil || mail.Message != "Pay 7 EUR" {
		t.Errorf("%+v %v", mail, err)
	}
}
