package authn_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grove/iam/authn"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

func request(tenant httpapi.Tenant) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://somewhere.else/login", nil)
	return r.WithContext(httpapi.InTenant(r.Context(), tenant, httpapi.Issuer{URL: tenant.Base}))
}

func TestAttack33_GarbageCookiesAreNobody(t *testing.T) {
	tenant := httpapi.Tenant{Handle: "acme", Base: "https://id.example/t/acme"}
	const browser, session = "__Host-grove-acme-browser", "__Host-grove-acme-session"
	goodBrowser, _ := secrets.NewToken("grv_brw")
	goodSession, _ := secrets.NewToken("grv_ses")

	w := httptest.NewRecorder()
	r := request(tenant)
	r.Header.Set("Cookie", browser+"="+goodBrowser+"; "+session+"="+goodSession)
	if b := authn.BrowserOf(w, r); b.Secret != goodBrowser || b.Session != goodSession || len(w.Result().Cookies()) != 0 {
		t.Fatalf("good cookies: %+v", b)
	}
	for name, header := range map[string]string{
		"cut short":      browser + "=" + goodBrowser[:40] + "; " + session + "=" + goodSession[:40],
		"doubled":        browser + "=" + goodBrowser + "; " + browser + "=" + goodBrowser + "; " + session + "=" + goodSession + "; " + session + "=" + goodSession,
		"empty":          browser + "=; " + session + "=",
		"malformed":      browser + "; =; ;;; " + session + "==" + goodSession,
		"other tenant's": "__Host-grove-bcme-browser=" + goodBrowser + "; __Host-grove-bcme-session=" + goodSession,
		"oversized":      browser + "=" + strings.Repeat("A", 1<<16) + "; " + session + "=" + goodSession + strings.Repeat("A", 1<<16),
		"plain names":    "grove-acme-browser=" + goodBrowser + "; grove-acme-session=" + goodSession,
		"quoted":         browser + "=\"" + goodBrowser + "x\"; " + session + "=\"\\\"\"",
		"swapped":        browser + "=" + goodSession + "; " + session + "=" + goodBrowser,
	} {
		w := httptest.NewRecorder()
		r := request(tenant)
		r.Header.Set("Cookie", header)
		b := authn.BrowserOf(w, r)
		if b.Session != "" || b.Secret == goodBrowser || !secrets.LooksLike("grv_brw", b.Secret) {
			t.Errorf("%s: %+v", name, b)
		}
		set := w.Result().Cookies()
		if len(set) != 1 || set[0].Name != browser || set[0].Value != b.Secret {
			t.Errorf("%s: no fresh name: %v", name, set)
		}
	}
}

func TestAttack34_CookiesFollowTheConfiguredBase(t *testing.T) {
	for base, secure := range map[string]bool{"https://id.example/t/acme": true, "http://127.0.0.1:8080/t/acme": false} {
		w := httptest.NewRecorder()
		r := request(httpapi.Tenant{Handle: "acme", Base: base})
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Forwarded", "proto=http;host=evil.example")
		lax := authn.New(nil, nil, nil, authn.Options{}, authn.Ports{})
		lax.SetSession(w, r, "secret")
		c := w.Result().Cookies()[0]
		if c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %+v", base, c)
		}
		w = httptest.NewRecorder()
		lax.ClearSession(w, r)
		if c := w.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("not cleared: %+v", c)
		}
	}
}

// TestSameSite: the session's cookie is as configured, the browser's name always Lax, for a sign-in has to find its browser
// again after another site's redirect.
func TestSameSite(t *testing.T) {
	for name, c := range map[string]struct {
		base       string
		configured http.SameSite
		want       http.SameSite
		hides      bool
	}{
		"by default":         {"https://id.example/t/acme", 0, http.SameSiteLaxMode, false},
		"lax":                {"https://id.example/t/acme", http.SameSiteLaxMode, http.SameSiteLaxMode, false},
		"strict":             {"https://id.example/t/acme", http.SameSiteStrictMode, http.SameSiteStrictMode, true},
		"none":               {"https://id.example/t/acme", http.SameSiteNoneMode, http.SameSiteNoneMode, false},
		"none without https": {"http://127.0.0.1:8080/t/acme", http.SameSiteNoneMode, http.SameSiteLaxMode, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := authn.New(nil, nil, nil, authn.Options{SameSite: c.configured}, authn.Ports{})
			r := request(httpapi.Tenant{Handle: "acme", Base: c.base})
			w := httptest.NewRecorder()
			s.SetSession(w, r, "secret")
			s.ClearSession(w, r)
			authn.BrowserOf(w, r)
			for _, cookie := range w.Result().Cookies() {
				want := http.SameSiteLaxMode
				switch {
				case strings.HasSuffix(cookie.Name, "-session"):
					want = c.want
				case strings.HasSuffix(cookie.Name, "-state") && cookie.Secure: // read in frames of other sites
					want = http.SameSiteNoneMode
				}
				if cookie.SameSite != want || want == http.SameSiteNoneMode && !cookie.Secure {
					t.Errorf("%s", cookie)
				}
			}
			for site, hides := range map[string]bool{"": false, "none": false, "same-origin": false, "same-site": false, "cross-site": c.hides} {
				r.Header.Set("Sec-Fetch-Site", site)
				if s.MayHide(r) != hides {
					t.Errorf("from %q: %v", site, !hides)
				}
			}
		})
	}
}

func TestBrowserIsFitToBeStored(t *testing.T) {
	r := request(httpapi.Tenant{Handle: "acme", Base: "https://id.example"})
	r.Header.Set("User-Agent", "a\xff\x00b"+strings.Repeat("é", 600))
	if b := authn.BrowserOf(httptest.NewRecorder(), r); len(b.UserAgent) > 512 || strings.ContainsAny(b.UserAgent, "\x00") || !strings.HasPrefix(b.UserAgent, "ab") {
		t.Errorf("%q", b.UserAgent)
	}
}
