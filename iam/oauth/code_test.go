package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// claimsOf reads a token without checking it: the tests of what is checked are others.
func (w *world) claimsOf(token string) *jose.Claims {
	w.t.Helper()
	payload, _, err := jose.Verify(token, jose.VerifyOptions{Typ: []string{"at+jwt", "JWT"}, Keys: func(kid string) (*jose.PublicKey, bool) {
		key, ok, err := w.oauth.Keys.PublicKey(context.Background(), w.a.ID, kid)
		return key, ok && err == nil
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := jose.ParseClaims(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestCodeFlow(t *testing.T) {
	w := setup(t)
	q := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web").Encode(), nil))
	if q.Get("state") != "s t&a=t#e" || q.Get("iss") != w.a.Base || q.Get("from") != "grove" {
		t.Errorf("the response is %v", q)
	}
	got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", q.Get("code")))
	if got.StatusCode != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" || got.text("token_type") != "Bearer" {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	if got.text("scope") != "openid profile email orders.read" {
		t.Errorf("scope is %q", got.text("scope"))
	}
	access := w.claimsOf(got.text("access_token"))
	for name, want := range map[string]string{"iss": w.a.Base, "sub": w.a.user.String(), "client_id": "web", "org_id": w.a.north.String(), "org_handle": "north",
		"user_org": w.a.north.String(), "aut": "APPLICATION_USER", "scope": "openid profile email orders.read", "sid": w.a.session.String(), "epoch": "0"} {
		if text, _ := access.Text(name); text != want {
			t.Errorf("access token: %s = %q, want %q", name, text, want)
		}
	}
	if roles, _ := access.Get("roles"); string(roles) != `["role of orders.read","role of users.read"]` && string(roles) != `["role of users.read","role of orders.read"]` {
		t.Errorf("roles are %s", roles)
	}
	if !access.HasAudience("https://orders.example") || len(access.Audience) != 1 {
		t.Errorf("aud is %v", access.Audience)
	}
	id := w.claimsOf(got.text("id_token"))
	for name, want := range map[string]string{"iss": w.a.Base, "sub": w.a.user.String(), "aud": "web", "azp": "web", "nonce": "n", "acr": "urn:grove:acr:1"} {
		if text, _ := id.Text(name); text != want {
			t.Errorf("ID token: %s = %q, want %q", name, text, want)
		}
	}
	if !w.active(w.a, got.text("access_token")) || !w.active(w.a, got.text("refresh_token")) {
		t.Error("fresh tokens are not active")
	}
	info := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("access_token"))
	if info.StatusCode != http.StatusOK || info.text("sub") != w.a.user.String() || info.text("email") != "ada@north.example" || info.body["email_verified"] != true {
		t.Errorf("userinfo: %d %s", info.StatusCode, info.raw)
	}
}

func TestCodeFlowAtAnOrganization(t *testing.T) {
	w := setup(t)
	w.person = func(req authn.Request) authn.Outcome {
		if req.Org != w.a.north {
			t.Errorf("the base's organization was not asked for: %v", req.Org)
		}
		return w.signedIn(w.a, req.Org)
	}
	q := w.redirected(w.send(w.a, "GET", "/o/north/oauth2/authorize?"+request("web").Encode(), nil))
	if q.Get("iss") != w.a.Base+"/o/north" {
		t.Errorf("iss is %q", q.Get("iss"))
	}
	for _, elsewhere := range []string{"/oauth2/token", "/o/south/oauth2/token", "/o/" + w.a.north.String() + "/oauth2/token"} {
		if got := w.send(w.a, "POST", elsewhere, w.redemption(w.a, "web", q.Get("code"))); got.text("error") != "invalid_grant" {
			t.Errorf("TestAttack17: redeemed at %s: %s", elsewhere, got.raw)
		}
	}
	got := w.send(w.a, "POST", "/o/north/oauth2/token", w.redemption(w.a, "web", q.Get("code")))
	if iss := w.claimsOf(got.text("access_token")).Issuer; iss != w.a.Base+"/o/north" {
		t.Errorf("iss is %q", iss)
	}
	if got := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("access_token")); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("another base's userinfo took the token: %d", got.StatusCode)
	}
}

// TestAttack04_HandleOfAnother: what was issued below a handle is not taken there once the handle belongs to another organization.
func TestAttack04_HandleOfAnother(t *testing.T) {
	w := setup(t)
	w.change(w.a, "web", func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, grantDevice) })
	w.person = func(authn.Request) authn.Outcome { return w.signedIn(w.a, w.a.north) }
	at := func(method, path string, form url.Values, headers ...string) answer {
		return w.send(w.a, method, "/o/north"+path, form, headers...)
	}
	begin := func() answer { return at("GET", "/oauth2/authorize?"+request("web").Encode(), nil) }
	redeem := func(code string) answer { return at("POST", "/oauth2/token", w.redemption(w.a, "web", code)) }
	userinfo := func(token string) int {
		return at("GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+token).StatusCode
	}
	active := func(token string) bool {
		return at("POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {token}})).body["active"] == true
	}
	refresh := func(token string) answer {
		return at("POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}))
	}
	tokens := redeem(w.redirected(begin()).Get("code"))
	access, next := tokens.text("access_token"), tokens.text("refresh_token")
	code := w.redirected(begin()).Get("code")
	device := at("POST", "/oauth2/device_authorization", w.as(w.a, "web", url.Values{})).text("device_code")
	gid, _ := w.claimsOf(access).Text("gid")
	var id ids.Grant
	if err := id.UnmarshalText([]byte(gid)); err != nil {
		t.Fatal(err)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE device_codes SET state = 'approved', grant_id = $2 WHERE tenant_id = $1`, tx.Tenant(), id)
		return err
	})
	if userinfo(access) != http.StatusOK || !active(access) || !active(next) {
		t.Fatal("nothing is good to begin with")
	}
	w.renamed = map[string]string{"north": "south"}
	if userinfo(access) != http.StatusUnauthorized || active(access) || active(next) {
		t.Error("tokens of the organization of before are good")
	}
	for name, got := range map[string]answer{
		"refresh": refresh(next), "code": redeem(code),
		"device": at("POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {grantDevice}, "device_code": {device}})),
	} {
		if got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.redirected(begin()); got.Get("error") != "access_denied" {
		t.Errorf("a sign-in to the organization of before ends in %v", got)
	}
	w.renamed = nil
	if got := refresh(next); got.StatusCode != http.StatusOK {
		t.Errorf("the refusals ended something: %s", got.raw)
	}
}

func TestAttack17_CodeSingleUse(t *testing.T) {
	w := setup(t)
	code := w.code(w.a, "web")
	first := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code))
	if first.StatusCode != http.StatusOK {
		t.Fatal(first.raw)
	}
	second := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code))
	if second.StatusCode != http.StatusBadRequest || second.text("error") != "invalid_grant" {
		t.Fatalf("used twice: %d %s", second.StatusCode, second.raw)
	}
	if w.active(w.a, first.text("access_token")) || w.active(w.a, first.text("refresh_token")) || w.refresh(w.a, "web", first.text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("what the first use led to lives on")
	}
	w.events("grant.reuse_detected", 1)
	w.events("grant.ended", 1)
}

func TestIDTokenLife(t *testing.T) {
	w := setup(t)
	for seconds, want := range map[int]time.Duration{0: 15 * time.Minute, 60: time.Minute, 86400: 24 * time.Hour} {
		w.change(w.a, "web", func(c *apps.Client) { c.IDTokenSeconds = seconds })
		got := w.signIn(w.a, "web")
		id, access := w.claimsOf(got.text("id_token")), w.claimsOf(got.text("access_token"))
		if id.Expiry.Sub(id.IssuedAt) != want || access.Expiry.Sub(access.IssuedAt) != 15*time.Minute {
			t.Errorf("%d: ID token %s, access token %s", seconds, id.Expiry.Sub(id.IssuedAt), access.Expiry.Sub(access.IssuedAt))
		}
	}
}

func (w *world) events(kind string, want int) {
	w.t.Helper()
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		n := 0
		err := tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = $2`, tx.Tenant(), kind).Scan(&n)
		if n != want {
			w.t.Errorf("%d events %s, want %d", n, kind, want)
		}
		return err
	})
}

func TestAttack17_CodeParallel(t *testing.T) {
	w := setup(t)
	code := w.code(w.a, "web")
	const parallel = 100
	answers := make([]answer, parallel)
	var wg sync.WaitGroup
	for i := range parallel {
		wg.Go(func() { answers[i] = w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)) })
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		switch {
		case a.StatusCode == http.StatusOK:
			won++
		case a.text("error") != "invalid_grant":
			t.Errorf("%d %s", a.StatusCode, a.raw)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d redemptions won", won, parallel)
	}
}

func TestAttack17_CodeBound(t *testing.T) {
	w := setup(t)
	code := w.code(w.a, "web")
	for name, f := range map[string]url.Values{
		"another client":         w.redemption(w.a, "other", code),
		"a public client":        w.redemption(w.a, "spa", code),
		"another redirect URI":   w.redemption(w.a, "web", code, "redirect_uri", "https://web.example/cb"),
		"no redirect URI":        w.redemption(w.a, "web", code, "redirect_uri", ""),
		"cut short":              w.redemption(w.a, "web", code[:len(code)-1]),
		"another letter":         w.redemption(w.a, "web", code[:20]+string(code[20]^1)+code[21:]),
		"nothing":                w.redemption(w.a, "web", "", "code", ""),
		"a refresh token's look": w.redemption(w.a, "web", strings.Replace(code, "grv_ac", "grv_rt", 1)),
	} {
		if got := w.send(w.a, "POST", "/oauth2/token", f); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.send(w.b, "POST", "/oauth2/token", w.redemption(w.b, "web", code)); got.text("error") != "invalid_grant" {
		t.Errorf("another tenant: %s", got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.StatusCode != http.StatusOK {
		t.Errorf("the failures used the code up: %s", got.raw)
	}
	late := w.code(w.a, "web")
	w.Clock.Advance(61 * time.Second)
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", late)); got.text("error") != "invalid_grant" {
		t.Errorf("after 61 seconds: %s", got.raw)
	}
}

func TestAttack18_Downgrade(t *testing.T) {
	w := setup(t)
	for name, changes := range map[string][]string{
		"challenge left out": {"code_challenge", "", "code_challenge_method", ""},
		"plain":              {"code_challenge_method", "plain"},
		"method left out":    {"code_challenge_method", ""},
	} {
		for _, client := range []string{"web", "spa"} {
			q := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request(client, changes...).Encode(), nil))
			if q.Get("error") != "invalid_request" || q.Get("code") != "" || q.Get("iss") != w.a.Base || q.Get("state") == "" {
				t.Errorf("%s, %s: %v", client, name, q)
			}
		}
	}
	code := w.code(w.a, "spa")
	for name, v := range map[string]string{"left out": "", "too short": verifier[:42], "wrong": strings.Repeat("a", 43), "the challenge": challenge, "too long": strings.Repeat("a", 129)} {
		if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "spa", code, "code_verifier", v)); got.text("error") != "invalid_grant" {
			t.Errorf("verifier %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "spa", code)); got.StatusCode != http.StatusOK {
		t.Errorf("the right verifier: %s", got.raw)
	}
}

// TestAttack18_WithoutProof: an app that may leave PKCE out is not led to do so by somebody who strips the challenge.
func TestAttack18_WithoutProof(t *testing.T) {
	w := setup(t)
	without := []string{"code_challenge", "", "code_challenge_method", ""}
	w.change(w.a, "web", func(c *apps.Client) { c.PKCEOptional, c.PKCEPlain = true, true })
	code := w.code(w.a, "web", without...)
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.text("error") != "invalid_grant" {
		t.Errorf("a verifier without a challenge: %d %s", got.StatusCode, got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code, "code_verifier", "")); got.StatusCode != http.StatusOK {
		t.Errorf("without either: %s", got.raw)
	}
	code = w.code(w.a, "web")
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code, "code_verifier", "")); got.text("error") != "invalid_grant" {
		t.Errorf("a challenge without a verifier: %d %s", got.StatusCode, got.raw)
	}
	code = w.code(w.a, "web", "code_challenge", verifier, "code_challenge_method", "plain")
	if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.StatusCode != http.StatusOK {
		t.Errorf("plain: %s", got.raw)
	}
}

// TestAttack01_Code revokes everything that a code stands on between its making and its use.
func TestAttack01_Code(t *testing.T) {
	w := setup(t)
	for name, revoke := range w.revocations() {
		t.Run(name, func(t *testing.T) {
			w.newSession(w.a)
			code := w.code(w.a, "web")
			undo := revoke()
			if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.StatusCode == http.StatusOK {
				t.Errorf("redeemed: %s", got.raw)
			}
			undo()
			if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.StatusCode == http.StatusOK && name != "app not shared" && name != "client disabled" {
				t.Errorf("redeemed after the thing was let back: %s", got.raw)
			}
		})
	}
}

// revocations are the things that can be revoked, each with how to let it back.
func (w *world) revocations() map[string]func() func() {
	epoch := func(kind db.Kind, subject uuid.UUID) func() func() {
		return func() func() {
			w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, kind, subject, "test") })
			return func() {
				w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Unblock(ctx, kind, subject, "test") })
			}
		}
	}
	web := w.clients[w.a.ID]["web"].ID
	return map[string]func() func(){
		"tenant":     epoch(db.KindTenant, w.a.ID.UUID()),
		"root":       epoch(db.KindOrg, w.a.Root.UUID()),
		"org":        epoch(db.KindOrg, w.a.north.UUID()),
		"user":       epoch(db.KindUser, w.a.user.UUID()),
		"membership": epoch(db.KindMembership, ids.Pair(w.a.north.UUID(), w.a.user.UUID())),
		"client":     epoch(db.KindClient, web.UUID()),
		"client disabled": func() func() {
			w.change(w.a, "web", func(c *apps.Client) { c.Enabled = false })
			return func() { w.change(w.a, "web", func(c *apps.Client) { c.Enabled = true }) }
		},
		"app not shared": func() func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sharing[w.a.north] = true
			return func() { w.mu.Lock(); defer w.mu.Unlock(); delete(w.sharing, w.a.north) }
		},
	}
}

// TestGrantsAreToldOnce: a page that is loaded anew gets a new grant, and the log hears of what the app gained only.
func TestGrantsAreToldOnce(t *testing.T) {
	w := setup(t)
	told := func() (n int) {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'grant.created'`, tx.Tenant()).Scan(&n)
		})
		return n
	}
	end := func() {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			client, err := w.Client(ctx, w.a.ID, "web")
			if err != nil {
				return err
			}
			return w.oauth.EndGrantsTx(ctx, tx, w.a.user, w.a.north, client.ID, "test")
		})
	}
	w.change(w.a, "web", func(c *apps.Client) { c.GrantTypes = []string{"authorization_code"} }) // grants live for minutes
	want := 0
	for _, step := range []struct {
		name   string
		does   func()
		gained bool
	}{
		{"the first time", func() { w.signIn(w.a, "web", "scope", "openid profile") }, true},
		{"the same again", func() { w.signIn(w.a, "web", "scope", "openid profile") }, false},
		{"less", func() { w.signIn(w.a, "web", "scope", "openid") }, false},
		{"more", func() { w.signIn(w.a, "web", "scope", "openid profile email") }, true},
		{"the same, long after the grants have expired", func() {
			w.Clock.Advance(2 * time.Hour)
			w.signIn(w.a, "web", "scope", "openid profile")
		}, false},
		{"another app", func() { w.signIn(w.a, "other", "scope", "openid") }, true},
		{"beyond the session", func() { w.signIn(w.a, "other", "scope", "openid offline_access") }, true},
		{"ended", end, false},
		{"after the end", func() { w.signIn(w.a, "web", "scope", "openid") }, true},
		{"another session", func() { w.newSession(w.a); w.signIn(w.a, "web", "scope", "openid") }, true},
	} {
		step.does()
		if step.gained {
			want++
		}
		if got := told(); got != want {
			t.Fatalf("%s: told %d times, want %d", step.name, got, want)
		}
	}
}
