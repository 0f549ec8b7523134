package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/infra/secrets"
)

// page is a page of an app in a browser that has, or has not, the cookie by which the sign-in's pages know it.
type page struct {
	w              *world
	origin, cookie string
}

const appOrigin = "https://app.example"

// browserApp binds the tokens of the test's browser app to the browser, and opens it in one.
func (w *world) browserApp() page {
	w.change(w.a, "spa", func(c *apps.Client) { c.TokenBinding, c.Origins = apps.BindingCookie, []string{appOrigin} })
	return page{w: w, origin: appOrigin}
}

func (p *page) headers() (all []string) {
	if p.cookie != "" {
		all = append(all, "Cookie", "__Host-grove-acme-browser="+p.cookie)
	}
	if p.origin != "" {
		all = append(all, "Origin", p.origin)
	}
	return all
}

// code signs the person in and keeps the cookie that comes with the code.
func (p *page) code() string {
	p.w.t.Helper()
	got := p.w.send(p.w.a, "GET", "/oauth2/authorize?"+request("spa").Encode(), nil, p.headers()...)
	for _, c := range got.Cookies() {
		if c.Name == "__Host-grove-acme-browser" {
			if p.cookie != "" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
				p.w.t.Errorf("had %q, got %v", p.cookie, c)
			}
			p.cookie = c.Value
		}
	}
	return p.w.redirected(got).Get("code")
}

func (p *page) token(form url.Values) answer {
	return p.w.send(p.w.a, "POST", "/oauth2/token", form, p.headers()...)
}

func (p *page) refresh(token string) answer {
	return p.token(p.w.as(p.w.a, "spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}))
}

// TestCookieBoundTokens: codes and refresh tokens of an app that is bound to the browser are good in that browser, as often as
// those of others.
func TestCookieBoundTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.browserApp()
	got := p.token(w.redemption(w.a, "spa", p.code()))
	if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	if _, bound := w.claimsOf(got.text("access_token")).Get("cnf"); bound || !w.active(w.a, got.text("access_token")) {
		t.Error("the access token is bound as well, to what no API is shown")
	}
	first := p.cookie
	again := p.refresh(got.text("refresh_token"))
	second := p.token(w.redemption(w.a, "spa", p.code())) // another page of the same browser
	if again.StatusCode != http.StatusOK || second.StatusCode != http.StatusOK || p.cookie != first || p.refresh(again.text("refresh_token")).StatusCode != http.StatusOK {
		t.Errorf("%d %s, %d %s", again.StatusCode, again.raw, second.StatusCode, second.raw)
	}
	there := p.token(w.switching("spa", second.text("access_token"), "south"))
	if there.StatusCode != http.StatusOK || p.refresh(there.text("refresh_token")).StatusCode != http.StatusOK {
		t.Errorf("not carried to another organization: %d %s", there.StatusCode, there.raw)
	}
	// An app that is not bound needs no cookie, and its own origins are no matter.
	w.change(w.a, "spa", func(c *apps.Client) { c.TokenBinding = "" })
	if free := w.signIn(w.a, "spa"); w.refresh(w.a, "spa", free.text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("an app that is not bound needs a cookie")
	}
}

// TestAttack19_StolenFromTheBrowser: what a script has stolen of an app that is bound to the browser is of no use elsewhere, nor to a
// page of another app in the same browser.
func TestAttack19_StolenFromTheBrowser(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.browserApp()
	got := p.token(w.redemption(w.a, "spa", p.code()))
	refresh, access := got.text("refresh_token"), got.text("access_token")
	others, _ := secrets.NewToken("grv_brw")
	thieves := map[string]page{
		"no cookie":          {w, appOrigin, ""},
		"a cookie of theirs": {w, appOrigin, others},
		"a cookie of none":   {w, appOrigin, "grv_brw_x"},
		"another app's page": {w, "https://evil.example", p.cookie},
		"a longer origin":    {w, appOrigin + ".evil.example", p.cookie},
		"no page's":          {w, "", p.cookie},
		"a page of none":     {w, "null", p.cookie},
		"an empty cookie":    {w, appOrigin, strings.Repeat("0", 50)},
	}
	for name, thief := range thieves {
		code := p.code()
		for what, form := range map[string]url.Values{
			"code": w.redemption(w.a, "spa", code), "refresh": w.as(w.a, "spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}),
			"switch": w.switching("spa", access, "south"),
		} {
			refused := thief.token(form)
			if e := refused.text("error"); e != "invalid_grant" && e != "invalid_request" || strings.Contains(refused.raw, "token\":") {
				t.Errorf("%s with %s: %d %s", what, name, refused.StatusCode, refused.raw)
			}
		}
		if own := p.token(w.redemption(w.a, "spa", code)); own.StatusCode != http.StatusOK {
			t.Errorf("after %s the code is lost: %s", name, own.raw)
		}
	}
	// Nor did any of that take the tokens from whom they belong to.
	if own := p.refresh(refresh); own.StatusCode != http.StatusOK {
		t.Errorf("%d %s", own.StatusCode, own.raw)
	}
	// Where a setting is changed behind the checks, no token goes unbound.
	w.allowTypes("spa", "code token", "code")
	if q := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("spa", "response_type", "code token").Encode(), nil, p.headers()...)); q.Get("error") != "unauthorized_client" {
		t.Errorf("%v", q)
	}
}

// TestEachRequestItsOwnToken: every request, of a device, a machine or a browser, gets a token of its own, which lives whatever
// becomes of the others.
func TestEachRequestItsOwnToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	approved := func() answer {
		d := w.device("spa")
		req, err := w.begin(d.shown)
		if err != nil {
			t.Fatal(err)
		}
		w.finish(req, nil)
		got := d.poll()
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
		return got
	}
	machine := func() answer {
		return w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "tokenBindingId": {"one"}}))
	}
	for name, two := range map[string][2]answer{"device": {approved(), approved()}, "machine": {machine(), machine()}, "browser": {w.signIn(w.a, "web"), w.signIn(w.a, "web")}} {
		first, second := two[0].text("access_token"), two[1].text("access_token")
		if first == "" || first == second || !w.active(w.a, first) || !w.active(w.a, second) {
			t.Errorf("%s: one token for two, or one ended the other: %s %s", name, two[0].raw, two[1].raw)
		}
	}
	first, second := approved(), approved()
	if got := w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "spa", url.Values{"token": {first.text("refresh_token")}})); got.StatusCode != http.StatusOK {
		t.Fatal(got.raw)
	}
	if w.active(w.a, first.text("access_token")) || !w.active(w.a, second.text("access_token")) || w.refresh(w.a, "spa", second.text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("the tokens of one device's code are not its own")
	}
}
