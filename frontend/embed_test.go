package frontend

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"grove/frontend/login"
)

func sampleSite() site {
	return newSite(fstest.MapFS{
		"dist/.gitkeep":                {},
		"dist/account/index.html":      {Data: []byte(`<meta property="csp-nonce" nonce="__GROVE_NONCE__">account`)},
		"dist/assets/app-1a2b3c.js":    {Data: []byte("plain")},
		"dist/assets/app-1a2b3c.js.gz": {Data: []byte("zipped")},
		"dist/assets/reference.js":     {Data: []byte("reference")},
		"dist/console/index.html":      {Data: []byte(`<meta property="csp-nonce" nonce="__GROVE_NONCE__">console`)},
		"dist/scheme.js":               {Data: []byte("scheme")},
	})
}

func serve(h http.HandlerFunc, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h(w, r)
	return w
}

func TestPageHasAFreshNonceAndIsNotStored(t *testing.T) {
	s := sampleSite()
	console := func(w http.ResponseWriter, r *http.Request) { s.page(w, r, "console") }
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9+/]{22})'`)
	seen := map[string]bool{}
	for range 2 {
		w := serve(console, http.MethodGet, "/t/acme/console/orgs/root/users")
		found := nonce.FindStringSubmatch(w.Header().Get("Content-Security-Policy"))
		if w.Code != http.StatusOK || found == nil {
			t.Fatalf("status %d, policy %q", w.Code, w.Header().Get("Content-Security-Policy"))
		}
		if !strings.Contains(w.Body.String(), `nonce="`+found[1]+`"`) || strings.Contains(w.Body.String(), noncePlaceholder) {
			t.Errorf("the page does not carry its nonce: %s", w.Body)
		}
		if seen[found[1]] {
			t.Error("a nonce came twice")
		}
		seen[found[1]] = true
		if w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers: %v", w.Header())
		}
		if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("policy: %s", policy)
		}
	}
}

func TestAssets(t *testing.T) {
	s := sampleSite()
	for _, c := range []struct {
		name, target, encoding string
		status                 int
		body, cache            string
	}{
		{"hashed", "/_app/assets/app-1a2b3c.js", "", 200, "plain", "public, max-age=31536000, immutable"},
		{"compressed", "/_app/assets/app-1a2b3c.js", "br, gzip;q=0.8", 200, "zipped", "public, max-age=31536000, immutable"},
		{"compression refused", "/_app/assets/app-1a2b3c.js", "gzip;q=0.0", 200, "plain", "public, max-age=31536000, immutable"},
		{"without a hash", "/_app/scheme.js", "", 200, "scheme", "public, max-age=300"},
		{"bundled without a hash", "/_app/assets/reference.js", "", 200, "reference", "public, max-age=300"},
		{"index", "/_app/console/index.html", "", 404, "", ""},
		{"compressed file by name", "/_app/assets/app-1a2b3c.js.gz", "", 404, "", ""},
		{"folder", "/_app/assets", "", 404, "", ""},
		{"outside", "/_app/../embed.go", "", 404, "", ""},
		{"placeholder", "/_app/.gitkeep", "", 404, "", ""},
		{"missing", "/_app/assets/gone.js", "", 404, "", ""},
	} {
		w := serve(s.asset, http.MethodGet, c.target, "Accept-Encoding", c.encoding)
		if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s: status %d, %q, body %q", c.name, w.Code, w.Header().Get("Cache-Control"), w.Body)
		}
	}
	if w := serve(s.asset, http.MethodGet, login.StylesheetPath); w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet of the hosted pages: status %d", w.Code)
	}
}

func TestOnlyReads(t *testing.T) {
	for _, h := range []http.HandlerFunc{Account, Assets, Console} {
		if w := serve(h, http.MethodPost, "/_app/assets/x.js"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: status %d", w.Code)
		}
	}
}

func TestMessageWhenNotBuilt(t *testing.T) {
	s := newSite(fstest.MapFS{"dist/.gitkeep": {}})
	w := serve(func(w http.ResponseWriter, r *http.Request) { s.page(w, r, "account") }, http.MethodGet, "/account")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// TestEmbeddedBuild checks the real build, when there is one: every address that an index names exists, nothing is inline.
func TestEmbeddedBuild(t *testing.T) {
	address := regexp.MustCompile(`(?:src|href)="(/_app/[^"]+)"`)
	for app, handler := range map[string]http.HandlerFunc{"account": Account, "console": Console} {
		if _, err := fs.Stat(built.files, app+"/index.html"); err != nil {
			t.Skip("the pages are not built")
		}
		body := serve(handler, http.MethodGet, "/t/acme/"+app).Body.String()
		found := address.FindAllStringSubmatch(body, -1)
		if len(found) == 0 {
			t.Errorf("%s names no asset", app)
		}
		for _, match := range found {
			if w := serve(Assets, http.MethodGet, match[1]); w.Code != http.StatusOK {
				t.Errorf("%s names %s: status %d", app, match[1], w.Code)
			}
		}
		if regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(body) || strings.Contains(body, " style=") {
			t.Errorf("%s has inline code", app)
		}
	}
}
