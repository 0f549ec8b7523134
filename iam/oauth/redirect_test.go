package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"grove/iam/apps"
)

func TestAttack15_RedirectURI(t *testing.T) {
	t.Parallel()
	registered := []string{"https://app.example/cb", "https://app.example/cb?x=1", "com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]/", "http://127.0.0.1:7000/fixed",
		"http://localhost/cb"}
	for given, native := range map[string]bool{
		"https://app.example/cb":      false,
		"https://app.example/cb?x=1":  false,
		"com.example.app:/cb":         false,
		"http://127.0.0.1/cb":         false,
		"http://127.0.0.1:1/cb":       true,
		"http://127.0.0.1:65535/cb":   true,
		"http://[::1]:8080/":          true,
		"http://127.0.0.1:7000/fixed": false,
		"http://127.0.0.1:7001/fixed": true,
	} {
		if !redirectAllowed(apps.Client{Native: true, Settings: apps.Settings{RedirectURIs: registered}}, "https://id.example", given) {
			t.Errorf("%s: refused", given)
		}
		if redirectAllowed(apps.Client{Settings: apps.Settings{RedirectURIs: registered}}, "https://id.example", given) == native {
			t.Errorf("%s: the port is free for native apps only", given)
		}
	}
	for _, given := range []string{
		"", "/cb", "cb", "//app.example/cb",
		"https://app.example/cb/", "https://app.example/cb/..", "https://app.example/cb/../cb", "https://app.example/cb/..;/cb", "https://app.example//cb",
		"https://app.example/./cb", "https://app.example/%63b", "https://app.example/cb%2f", "https://app.example/cb%00", "https://app.example/CB",
		"https://APP.example/cb", "HTTPS://app.example/cb", "https://app.example:443/cb", "https://app.example:8443/cb", "http://app.example/cb",
		"https://app.example/cb#", "https://app.example/cb#f", "https://app.example/cb?", "https://app.example/cb?x=1&y=2", "https://app.example/cb?y=2",
		"https://user@app.example/cb", "https://app.example@evil.example/cb", "https://app.example.evil.example/cb", "https://sub.app.example/cb",
		"https://evil.example/https://app.example/cb", "https://аpp.example/cb", "https://app.example\\@evil.example/cb", "https://app.example/cb\r\n",
		" https://app.example/cb", "https://app.example/cb ", "javascript:alert(1)", "com.example.app:/cb2", "com.example.app://cb",
		"http://127.0.0.1:0/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:123456/cb",
		"http://127.0.0.1:80@evil.example/cb", "http://127.0.0.1:80.evil.example/cb", "http://127.0.0.1:80/cb2", "http://127.0.0.1:80/cb/", "http://127.0.0.2:80/cb",
		"https://127.0.0.1:80/cb", "http://localhost:80/cb", "http://[::1]:80",
		"http://127.0.0.1:+80/cb", "http://127.0.0.1:8 0/cb", "https://app.example/" + strings.Repeat("a", 3000),
	} {
		if redirectAllowed(apps.Client{Native: true, Settings: apps.Settings{RedirectURIs: registered}}, "https://id.example", given) {
			t.Errorf("%.60q: accepted", given)
		}
	}
}

func TestResponse(t *testing.T) {
	t.Parallel()
	const state = `a b&c=d#é"<`
	for name, c := range map[string]struct{ uri, mode, want string }{
		"query":              {"https://app.example/cb", modeQuery, "https://app.example/cb?code=1&"},
		"query after query":  {"https://app.example/cb?x=%31", modeQuery, "https://app.example/cb?x=%31&code=1&"},
		"empty query":        {"https://app.example/cb?", modeQuery, "https://app.example/cb?code=1&"},
		"fragment":           {"https://app.example/cb?x=1", modeFragment, "https://app.example/cb?x=1#code=1&"},
		"an app's own":       {"com.example.app:/cb", modeQuery, "com.example.app:/cb?code=1&"},
		"nothing but scheme": {"com.example.app:", modeQuery, "com.example.app:?code=1&"},
	} {
		w := httptest.NewRecorder()
		respond(w, authorization{RedirectURI: c.uri, Mode: c.mode, Issuer: "https://id.example/t/a", State: state}, param{"code", "1"})
		got := w.Header().Get("Location")
		if w.Code != 303 || !strings.HasPrefix(got, c.want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		_, raw, _ := strings.Cut(got, "code=1")
		values, err := url.ParseQuery(raw)
		if err != nil || values.Get("state") != state || values.Get("iss") != "https://id.example/t/a" {
			t.Errorf("%s: state or iss are not verbatim: %v", name, values)
		}
	}
	w := httptest.NewRecorder()
	respond(w, authorization{RedirectURI: "https://app.example/cb", Mode: modeQuery, Issuer: "https://id.example"}, param{"error", "x"})
	if got := w.Header().Get("Location"); strings.Contains(got, "state") {
		t.Errorf("a state was invented: %s", got)
	}
}

func respond(w http.ResponseWriter, a authorization, pairs ...param) {
	(&Service{}).send(w, httptest.NewRequest(http.MethodGet, "/", nil), apps.Client{}, a, pairs...)
}

func TestAttack13_FormPost(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	respond(w, authorization{RedirectURI: "https://app.example/cb?a=1&b=\"", Mode: modeFormPost, Issuer: "https://id.example", State: `"><script>alert(1)</script>`}, param{"code", "1"})
	body := w.Body.String()
	if strings.Contains(body, "<script>") || strings.Contains(body, `b=""`) || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("not escaped:\n%s", body)
	}
	if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'self'") {
		t.Error(csp)
	}
	if !strings.Contains(body, `src="https://id.example/oauth2/form_post.js"`) {
		t.Errorf("no script:\n%s", body)
	}
}

func TestBuiltinRedirect(t *testing.T) {
	t.Parallel()
	console := apps.Client{Builtin: true, ClientID: "console", Public: true}
	const issuer = "https://id.example/t/acme/o/north"
	if !redirectAllowed(console, issuer, issuer+"/console/callback") {
		t.Error("the console's callback below the base was refused")
	}
	for _, given := range []string{"https://id.example/t/acme/console/callback", issuer + "/account/callback", issuer + "/console/callback/", issuer + "/console/callback?x=1"} {
		if redirectAllowed(console, issuer, given) {
			t.Errorf("%s: accepted", given)
		}
	}
}
