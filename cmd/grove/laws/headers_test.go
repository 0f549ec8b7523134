package laws_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
)

// cacheable are the addresses that may be kept, with the reason. All others are kept by no cache, whatever they answer.
var cacheable = []struct{ path, reason string }{
	{`^/(t/[^/]+/(o/[^/]+/)?)?\.well-known/`, "the same for everybody"},
	{`/oauth2/jwks$`, "public keys"},
	{`/oauth2/form_post\.js$`, "a script that never changes"},
	{`/oauth2/check_session(\.js)?$`, "the same for everybody"},
	{`^/openapi(-3\.0)?\.json$`, "the same for everybody"},
	{`^/docs`, "the same for everybody"},
	{`^/_app/`, "named by their content"},
}

func mayBeKept(path string) bool {
	for _, c := range cacheable {
		if regexp.MustCompile(c.path).MatchString(path) {
			return true
		}
	}
	return false
}

// inlineStyles is the one page whose styles may be inline: the reference's renderer writes them itself.
const inlineStyles = "/docs"

// framed is the one page that others may put into a frame: it shows nothing.
var framed = regexp.MustCompile(`/oauth2/check_session$`)

// headers checks what every answer must carry.
func headers(t *testing.T, r apptest.Response) {
	t.Helper()
	h, at := r.Header, r.Request.Method+" "+r.Request.URL.Path
	want := map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
	ancestors := "frame-ancestors 'none'"
	if r.StatusCode == http.StatusOK && framed.MatchString(r.Request.URL.Path) {
		delete(want, "X-Frame-Options")
		ancestors = "frame-ancestors *"
	}
	for name, value := range want {
		if got := h.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s (%d): %s is %q", at, r.StatusCode, name, got)
		}
	}
	if len(h.Values("Content-Security-Policy")) != 1 || !strings.Contains(h.Get("Content-Security-Policy"), ancestors) {
		t.Errorf("%s (%d): the policy is %q", at, r.StatusCode, h.Values("Content-Security-Policy"))
	}
	if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") && r.Request.URL.Path != inlineStyles {
		t.Errorf("%s (%d): the policy is %q", at, r.StatusCode, csp)
	}
	kept := [3]string{h.Get("Cache-Control"), h.Get("Pragma"), h.Get("Expires")}
	public := strings.HasPrefix(kept[0], "public, max-age=") && kept[1]+kept[2] == "" && mayBeKept(r.Request.URL.Path) && r.StatusCode == http.StatusOK
	if !public && kept != [3]string{"no-store", "no-cache", "0"} {
		t.Errorf("%s (%d): Cache-Control, Pragma and Expires are %q", at, r.StatusCode, kept)
	}
	if h.Get("X-Request-Id") == "" {
		t.Errorf("%s (%d): no request id", at, r.StatusCode)
	}
	if len(r.Raw) > 0 && h.Get("Content-Type") == "" {
		t.Errorf("%s (%d): no content type", at, r.StatusCode)
	}
	if h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
		t.Errorf("%s (%d): says what it is made of", at, r.StatusCode)
	}
	for _, c := range r.Cookies() {
		if c.HttpOnly == isState(c) || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode {
			t.Errorf("%s (%d): cookie %s", at, r.StatusCode, c.Raw)
		}
	}
}

// isState reports whether a cookie is the one that scripts read, from which nothing follows.
func isState(c *http.Cookie) bool { return strings.HasSuffix(c.Name, "-state") }

// TestHeaders asks for everything that there is to ask for, well and badly: what it carries, and that no cache keeps it.
func TestHeaders(t *testing.T) {
	p := world(t)
	for _, at := range p.addresses(t) {
		method, path, _ := strings.Cut(at, " ")
		headers(t, p.Do(p.plain(), method, apptest.Origin+path, nil))
		if method == http.MethodPost {
			headers(t, p.Do(p.plain(), method, apptest.Origin+path, "{"))
			headers(t, p.Do(p.plain(), method, apptest.Origin+path, url.Values{"token": {"x"}, "grant_type": {"x"}}))
		}
	}
	for _, path := range []string{"/", "/nothing", "/t/", "/t/nobody/v1/me", "/t/acme", "/t/acme/", "/t/acme/nothing", "/t/acme/o/nothing/login", "/t/acme/%2e%2e/v1", "//evil.example/",
		"/.well-known/nothing", "/platform/v1/nothing", "/_app/nothing.js", "/_app/", "/t/acme/console", "/t/acme/account/deep/link", "/t/acme/o/north/login/"} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "TRACE"} {
			headers(t, p.Do(p.plain(), method, apptest.Origin+path, nil))
		}
	}
	p.goodAnswers(t)
}

var inPath = regexp.MustCompile(`\{[^}]+\}`)

// addresses are those that the program's routers know.
func (p *pair) addresses(t *testing.T) []string {
	var all []string
	collect := func(prefix string) chi.WalkFunc {
		return func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			route = strings.ReplaceAll(inPath.ReplaceAllString(route, "x"), "*", "x")
			if strings.HasPrefix(route, "/platform/") || strings.HasPrefix(route, "/platform/jobs") {
				all = append(all, method+" "+route)
			} else {
				all = append(all, method+" "+prefix+route)
			}
			return nil
		}
	}
	if err := chi.Walk(p.App.API.Base(), collect("/t/acme")); err != nil {
		t.Fatal(err)
	}
	if err := chi.Walk(p.App.API.Host(), collect("")); err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(at string) bool { return strings.HasPrefix(at, "CONNECT ") })
	slices.Sort(all)
	if all = slices.Compact(all); len(all) < 130 {
		t.Errorf("only %d addresses", len(all))
	}
	return all
}

// goodAnswers looks at what works, where the crawl only sees refusals.
func (p *pair) goodAnswers(t *testing.T) {
	l := p.live()
	base := l.root.tenant.Base
	for _, r := range described.Routes() {
		if r.Method == http.MethodGet && strings.HasPrefix(r.Path, "/v1/orgs") {
			c := p.a.root.good(r)
			headers(t, p.send(p.A, p.a.root.manage, c))
		}
	}
	v := visit(p.World)
	seen := []apptest.Response{
		p.API(l.root.tenant, l.portal, "GET", "/me", nil),
		p.Do(v.browser, "GET", l.authorize(), nil),
		v.see(l.authorize()),
		v.answer("username", "").last,
		v.answer("username", l.who.username).last,
		v.answer("password", "not the password").last,
		v.answer("password", apptest.Password).last,
		v.agree().last,
		v.see(l.authorize("prompt", "consent")),
		v.see(l.authorize("response_mode", "form_post")),
		v.see(l.authorize("response_mode", "form_post", "prompt", "none")),
		v.see(l.link),
		v.see(base + "/login/invitation?token=x"),
		v.see(base + "/login/logout"),
		v.see(base + "/oauth2/logout?client_id=" + l.client),
		v.answer().last,
		v.see(base + "/login/signed-out"),
		v.see(base + "/login/error"),
		v.see(base + "/console/"),
		v.see(base + "/account/"),
		l.token(p.World, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh}}),
		p.Do(p.plain(), "GET", base+"/oauth2/userinfo", nil, bearer(l.access)...),
		p.Do(p.plain(), "GET", base+"/oauth2/jwks", nil),
		p.Do(p.plain(), "GET", base+"/.well-known/openid-configuration", nil),
		p.Do(p.plain(), "OPTIONS", base+"/oauth2/token", nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST"),
		p.Do(p.plain(), "POST", base+"/v1/orgs", strings.Repeat("x", 2<<20), append(bearer(l.access), "Idempotency-Key", "x")...),
		p.Do(p.plain(), "POST", base+"/oauth2/token", strings.Repeat("x", 2<<20)),
	}
	for _, r := range seen {
		headers(t, r)
	}
	// What a page names is served, and may be kept.
	for _, found := range regexp.MustCompile(`(?:href|src)="(/_app/[^"]+)"`).FindAllSubmatch(v.open(base+"/console/").last.Raw, -1) {
		got := p.Do(p.plain(), "GET", apptest.Origin+string(found[1]), nil)
		if headers(t, got); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", found[1], got.StatusCode)
		}
	}
}

// TestSecureCookies: where the installation's origin is https, cookies are bound to this very host and to https, also
// behind a proxy that speaks http to it.
func TestSecureCookies(t *testing.T) {
	p := world(t)
	const origin = "https://id.grove.test"
	node := apptest.Start(&shared, p.DB, apptest.WithoutWorkers(), apptest.Configure(func(o *app.Options) { o.Config.BaseURL = origin }))
	who := p.a.north.person()
	plain := node.Client()
	plain.Jar = nil
	cookies := map[string]string{}
	do := func(method, target string, body any, more ...string) apptest.Response {
		var sent []string
		for name, value := range cookies {
			sent = append(sent, name+"="+value)
		}
		r := node.Do(plain, method, strings.Replace(target, "https:", "http:", 1), body, append(more, "Cookie", strings.Join(sent, "; "))...)
		for _, c := range r.Cookies() {
			cookies[c.Name] = c.Value
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.HttpOnly == isState(c) || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %s", c.Raw)
			}
		}
		return r
	}
	base := origin + "/t/acme"
	v := &visitor{World: node, last: do("GET", authorize(base, "account", base+"/account/callback", "org", p.a.north.org), nil)}
	for _, fields := range [][]string{nil, {"username", who.username}, {"password", apptest.Password}, nil} {
		if to, form := v.form(fields...); form != nil {
			v.last = do("POST", to, form, "Origin", origin)
		}
		if next := v.last.Header.Get("Location"); next != "" {
			if !strings.HasPrefix(next, "/") && !strings.HasPrefix(next, origin) {
				t.Fatalf("a redirect to %s", next)
			}
			if strings.HasSuffix(v.location().Path, "/callback") {
				break
			}
			v.last = do("GET", v.location().String(), nil)
		}
	}
	if len(cookies) != 3 || v.code() == "" {
		t.Errorf("cookies %v, %d %s", cookies, v.last.StatusCode, said(v.last))
	}
}
