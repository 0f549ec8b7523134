package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"grove/iam/oauth"
	"grove/infra/db"
)

func TestRefresh(t *testing.T) {
	w := setup(t)
	first := w.signIn(w.a, "web")
	w.Clock.Advance(10 * time.Minute)
	second := w.refresh(w.a, "web", first.text("refresh_token"))
	if second.StatusCode != http.StatusOK || second.text("refresh_token") == first.text("refresh_token") || second.text("refresh_token") == "" {
		t.Fatalf("%d %s", second.StatusCode, second.raw)
	}
	before, after := w.claimsOf(first.text("id_token")), w.claimsOf(second.text("id_token"))
	at1, _ := before.Time("auth_time")
	at2, _ := after.Time("auth_time")
	nonce, _ := after.Text("nonce")
	if !at1.Equal(at2) || nonce != "" || before.Subject != after.Subject {
		t.Error("the second ID token tells of another sign-in")
	}
	w.roles[w.a.north] = []string{"orders.write"}
	third := w.refresh(w.a, "web", second.text("refresh_token"))
	if third.text("scope") != "openid profile email orders.write" {
		t.Errorf("scope after the roles changed: %q", third.text("scope"))
	}
}

func TestAttack19_NarrowerScope(t *testing.T) {
	w := setup(t)
	got := w.signIn(w.a, "web", "scope", "openid orders.read")
	form := func(token, scope string) url.Values {
		return w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "scope": {scope}})
	}
	wider := w.send(w.a, "POST", "/oauth2/token", form(got.text("refresh_token"), "openid orders.read orders.write"))
	if wider.text("error") != "invalid_scope" {
		t.Fatalf("widened: %d %s", wider.StatusCode, wider.raw)
	}
	narrow := w.send(w.a, "POST", "/oauth2/token", form(got.text("refresh_token"), "orders.read"))
	if narrow.text("scope") != "orders.read" || narrow.text("id_token") != "" {
		t.Fatalf("narrowed: %s", narrow.raw)
	}
	if full := w.refresh(w.a, "web", narrow.text("refresh_token")); full.text("scope") != "openid orders.read" {
		t.Errorf("the grant was narrowed for good: %s", full.raw)
	}
}

// TestRefreshWithoutRoles: a refresh brings no token that opens nothing, and works again when the roles are back.
func TestRefreshWithoutRoles(t *testing.T) {
	w := setup(t)
	const offline = "orders.read offline_access"
	for asked, want := range map[string]map[string]string{
		"orders.read":        {"": "", "orders.read": ""},
		offline:              {"": "", "orders.read": "", offline: ""},
		"openid orders.read": {"": "openid", "orders.read": "", "openid": "openid"},
		"openid":             {"": "openid"},
	} {
		w.roles[w.a.north] = []string{"orders.read"}
		refresh := w.signIn(w.a, "web", "scope", asked).text("refresh_token")
		again := func(scope string) answer {
			form := w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
			if scope != "" {
				form.Set("scope", scope)
			}
			got := w.send(w.a, "POST", "/oauth2/token", form)
			if got.StatusCode == http.StatusOK {
				refresh = got.text("refresh_token")
			}
			return got
		}
		w.roles[w.a.north] = nil
		for scope, left := range want {
			switch got := again(scope); {
			case left == "" && (got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_scope"):
				t.Errorf("%q of %q: %d %s", scope, asked, got.StatusCode, got.raw)
			case left != "" && (got.StatusCode != http.StatusOK || got.text("scope") != left):
				t.Errorf("%q of %q: %d %s", scope, asked, got.StatusCode, got.raw)
			}
		}
		w.roles[w.a.north] = []string{"orders.read"}
		if got := again(""); got.StatusCode != http.StatusOK || got.text("scope") != asked {
			t.Errorf("%q, with the roles back: %d %s", asked, got.StatusCode, got.raw)
		}
	}
}

func TestAttack19_Reuse(t *testing.T) {
	w := setup(t)
	first := w.signIn(w.a, "web")
	second := w.refresh(w.a, "web", first.text("refresh_token"))
	w.Clock.Advance(grace)
	if replay := w.refresh(w.a, "web", first.text("refresh_token")); replay.text("error") != "invalid_grant" {
		t.Fatalf("after the grace: %d %s", replay.StatusCode, replay.raw)
	}
	if w.refresh(w.a, "web", second.text("refresh_token")).StatusCode == http.StatusOK || w.active(w.a, second.text("access_token")) {
		t.Error("the family lives on")
	}
	w.events("grant.reuse_detected", 1)
}

func TestAttack19_Grace(t *testing.T) {
	w := setup(t)
	w.Clock.Stop()
	first := w.signIn(w.a, "web")
	lost := w.refresh(w.a, "web", first.text("refresh_token"))
	w.Clock.Advance(grace - time.Second)
	again := w.refresh(w.a, "web", first.text("refresh_token"))
	if again.StatusCode != http.StatusOK || again.text("refresh_token") == lost.text("refresh_token") {
		t.Fatalf("within the grace: %d %s", again.StatusCode, again.raw)
	}
	next := w.refresh(w.a, "web", again.text("refresh_token"))
	if next.StatusCode != http.StatusOK {
		t.Fatal(next.raw)
	}
	// The successor is used: the first token is two generations old now, grace or not.
	if old := w.refresh(w.a, "web", first.text("refresh_token")); old.StatusCode == http.StatusOK {
		t.Error("answered although the successor was used")
	}
	if w.refresh(w.a, "web", next.text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("the family lives on")
	}
}

// TestAttack19_NoGrace: where there is none, the request that comes second is refused, also where it began first and waited.
func TestAttack19_NoGrace(t *testing.T) {
	w := setup(t)
	w.serve(w.oauth.Dependencies, func(o *oauth.Options) { o.RefreshGrace = 0 })
	w.Clock.Stop()
	token := w.signIn(w.a, "web").text("refresh_token")
	if got := w.refresh(w.a, "web", token); got.StatusCode != http.StatusOK {
		t.Fatal(got.raw)
	}
	w.Clock.Advance(-time.Second)
	if got := w.refresh(w.a, "web", token); got.text("error") != "invalid_grant" {
		t.Errorf("answered again: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack19_Grace_NotProlonged: repeating within the grace does not move its end.
func TestAttack19_Grace_NotProlonged(t *testing.T) {
	w := setup(t)
	first := w.signIn(w.a, "web")
	w.refresh(w.a, "web", first.text("refresh_token"))
	w.Clock.Advance(8 * time.Second)
	if got := w.refresh(w.a, "web", first.text("refresh_token")); got.StatusCode != http.StatusOK {
		t.Fatal(got.raw)
	}
	w.Clock.Advance(4 * time.Second)
	if got := w.refresh(w.a, "web", first.text("refresh_token")); got.StatusCode == http.StatusOK {
		t.Error("the grace was prolonged")
	}
}

// TestAttack19_GraceOnce: a response is lost once. Whoever asks a third time is one too many, and so is whoever holds the other
// one of the two answers.
func TestAttack19_GraceOnce(t *testing.T) {
	w := setup(t)
	for name, replay := range map[string]func(first, lost, again answer) answer{
		"a third time": func(first, _, _ answer) answer { return w.refresh(w.a, "web", first.text("refresh_token")) },
		"the other, once one is used": func(_, lost, again answer) answer {
			w.refresh(w.a, "web", again.text("refresh_token"))
			return w.refresh(w.a, "web", lost.text("refresh_token"))
		},
	} {
		w.newSession(w.a)
		first := w.signIn(w.a, "web")
		lost := w.refresh(w.a, "web", first.text("refresh_token"))
		again := w.refresh(w.a, "web", first.text("refresh_token"))
		if again.StatusCode != http.StatusOK {
			t.Fatalf("%s: once more: %s", name, again.raw)
		}
		if got := replay(first, lost, again); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if w.active(w.a, again.text("access_token")) || w.refresh(w.a, "web", again.text("refresh_token")).StatusCode == http.StatusOK {
			t.Errorf("%s: the family lives on", name)
		}
	}
	w.events("grant.reuse_detected", 2)
}

func TestAttack19_Parallel(t *testing.T) {
	w := setup(t)
	storm := func(parallel int) (won []answer) {
		first := w.signIn(w.a, "web")
		answers := make([]answer, parallel)
		var wg sync.WaitGroup
		for i := range parallel {
			wg.Go(func() { answers[i] = w.refresh(w.a, "web", first.text("refresh_token")) })
		}
		wg.Wait()
		for _, a := range answers {
			if a.StatusCode == http.StatusOK {
				won = append(won, a)
			} else if a.text("error") != "invalid_grant" {
				t.Errorf("%d %s", a.StatusCode, a.raw)
			}
		}
		if len(won) != 2 {
			t.Fatalf("%d of %d were answered", len(won), parallel)
		}
		return won
	}
	// A client that asks twice, for whatever reason, goes on with one of the answers.
	if won := storm(2); w.refresh(w.a, "web", won[0].text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("neither of two answers is good")
	}
	// Nobody does that twenty times.
	for _, a := range storm(20) {
		if w.active(w.a, a.text("access_token")) || w.refresh(w.a, "web", a.text("refresh_token")).StatusCode == http.StatusOK {
			t.Error("the family lives on")
		}
	}
}

func TestAttack19_Bound(t *testing.T) {
	w := setup(t)
	token := w.signIn(w.a, "web").text("refresh_token")
	for name, got := range map[string]answer{
		"another client":     w.refresh(w.a, "other", token),
		"a public client":    w.refresh(w.a, "spa", token),
		"another tenant":     w.refresh(w.b, "web", token),
		"cut short":          w.refresh(w.a, "web", token[:len(token)-1]),
		"an access token":    w.refresh(w.a, "web", w.signIn(w.a, "web").text("access_token")),
		"another base":       w.send(w.a, "POST", "/o/north/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})),
		"without a secret":   w.send(w.a, "POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"web"}}),
		"with a wrong one":   w.send(w.a, "POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"web"}, "client_secret": {"x"}}),
		"repeated":           w.send(w.a, "POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token, token}, "client_id": {"web"}}),
		"in the address":     w.send(w.a, "POST", "/oauth2/token?refresh_token="+token, w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}})),
		"under another type": w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"authorization_code"}, "code": {token}, "redirect_uri": {callback}, "code_verifier": {verifier}})),
	} {
		if got.StatusCode == http.StatusOK || got.text("error") == "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.refresh(w.a, "web", token); got.StatusCode != http.StatusOK {
		t.Errorf("the failures did something to the token: %s", got.raw)
	}
}

func TestRefreshExpires(t *testing.T) {
	w := setup(t)
	w.newSession(w.a)
	idle := w.signIn(w.a, "web", "scope", "openid offline_access").text("refresh_token")
	w.Clock.Advance(7*24*time.Hour + time.Second)
	if got := w.refresh(w.a, "web", idle); got.text("error") != "invalid_grant" {
		t.Errorf("idle for a week: %s", got.raw)
	}
	w.newSession(w.a)
	token := w.signIn(w.a, "web", "scope", "openid offline_access").text("refresh_token")
	for range 5 {
		w.Clock.Advance(6*24*time.Hour - time.Minute)
		got := w.refresh(w.a, "web", token)
		if got.StatusCode != http.StatusOK {
			t.Fatalf("in use: %s", got.raw)
		}
		token = got.text("refresh_token")
	}
	w.Clock.Advance(time.Hour)
	if got := w.refresh(w.a, "web", token); got.text("error") != "invalid_grant" {
		t.Errorf("after 30 days: %s", got.raw)
	}
}

// TestDatabaseAway: what cannot be decided is not refused, for then a client would throw away what is still good.
func TestDatabaseAway(t *testing.T) {
	w := setup(t)
	refresh := w.signIn(w.a, "web").text("refresh_token")
	for _, w.away = range []string{"57P01", "40P01", "55P03", "57014"} { // shutting down, a deadlock, no lock in time, a statement that takes too long
		for name, got := range map[string]answer{
			"refresh":       w.refresh(w.a, "web", refresh),
			"introspection": w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {refresh}})),
		} {
			if got.StatusCode != http.StatusServiceUnavailable || got.text("error") != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
				t.Errorf("%s, %s: %d %v %s", name, w.away, got.StatusCode, got.Header, got.raw)
			}
		}
	}
	w.away = ""
	if got := w.refresh(w.a, "web", refresh); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.StatusCode, got.raw)
	}
}

func TestSessionAndOffline(t *testing.T) {
	w := setup(t)
	bound := w.signIn(w.a, "web")
	offline := w.signIn(w.a, "web", "scope", "openid offline_access")
	console := w.signIn(w.a, "console", "redirect_uri", w.a.Base+"/console/callback", "scope", "openid offline_access grove")
	_ = console
	w.in(w.a, func(ctx context.Context, tx db.Tx) error { return w.sessions.EndTx(ctx, tx, w.a.session, "test") })
	if w.refresh(w.a, "web", bound.text("refresh_token")).StatusCode == http.StatusOK || w.active(w.a, bound.text("access_token")) {
		t.Error("outlived its session")
	}
	if !w.active(w.a, offline.text("access_token")) || w.refresh(w.a, "web", offline.text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("offline_access did not outlive the session")
	}
	if w.refresh(w.a, "console", console.text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("the console outlived its session")
	}
}

// TestAttack01_Issued revokes everything that tokens stand on, and tries each path that takes one.
func TestAttack01_Issued(t *testing.T) {
	w := setup(t)
	for name, revoke := range w.revocations() {
		t.Run(name, func(t *testing.T) {
			w.newSession(w.a)
			got := w.signIn(w.a, "web")
			access, refresh := got.text("access_token"), got.text("refresh_token")
			userinfo := func() int {
				return w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+access).StatusCode
			}
			introspected := func() bool {
				form := url.Values{"token": {access}, "client_id": {"other"}, "client_secret": {w.a.secret}}
				return w.send(w.a, "POST", "/oauth2/introspect", form).body["active"] == true
			}
			if !introspected() || userinfo() != http.StatusOK {
				t.Fatal("a fresh token is not good")
			}
			undo := revoke()
			if name != "app not shared" && (introspected() || userinfo() != http.StatusUnauthorized) {
				t.Error("the access token is good")
			}
			if w.refresh(w.a, "web", refresh).StatusCode == http.StatusOK {
				t.Error("refreshed")
			}
			if w.send(w.a, "POST", "/oauth2/token", w.switching("web", access, "south")).StatusCode == http.StatusOK && name != "app not shared" {
				t.Error("switched")
			}
			undo()
			if name != "app not shared" && name != "client disabled" && (introspected() || w.refresh(w.a, "web", refresh).StatusCode == http.StatusOK) {
				t.Error("came back to life")
			}
		})
	}
}

func (w *world) switching(client, token, to string, changes ...string) url.Values {
	f := w.as(w.a, client, url.Values{"grant_type": {"organization_switch"}, "token": {token}, "switching_organization": {to}})
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}
