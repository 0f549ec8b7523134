package hosted_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"grove/iam/authn"
	"grove/infra/kernel/ids"
)

// TestSignOutWithoutTheCookie: a browser that keeps its session from other sites is asked again before anybody is told that he
// is signed out.
func TestSignOutWithoutTheCookie(t *testing.T) {
	b := setup(t, authn.Options{FlowTTL: 15 * time.Minute, SameSite: http.SameSiteStrictMode})
	b.person(t, "jo@partner.example", b.A.Partner)
	w := b.browser(t)
	w.signIn("jo@partner.example")
	for _, target := range []string{b.A.Tenant.Base + "/login/logout", b.A.Tenant.Base + "/login/logout?request=sealed"} {
		kept := w.cookies[session]
		delete(w.cookies, session) // as a link on another site does
		asked := w.do(http.MethodGet, target, nil, "Sec-Fetch-Site", "cross-site")
		next, ok := strings.CutPrefix(asked.Header().Get("Refresh"), "0; url=")
		if asked.Code != http.StatusOK || !ok || !strings.HasPrefix(next, "/t/acme/login/logout?again=1") || asked.body != "" {
			t.Fatalf("%s: %d %v", target, asked.Code, asked.Header())
		}
		if end := w.do(http.MethodGet, next, nil, "Sec-Fetch-Site", "cross-site"); end.Code != http.StatusSeeOther {
			t.Errorf("%s goes around: %d", target, end.Code)
		}
		w.cookies[session] = kept
		if page := w.do(http.MethodGet, next, nil, "Sec-Fetch-Site", "same-origin"); page.Code != http.StatusOK || !strings.Contains(page.body, "jo@partner.example") {
			t.Errorf("%s with the cookie: %d %s", target, page.Code, page.body)
		}
	}
}

// TestAttack34_SignOutInAFrame: in a frame of another site the session's cookie is sent only where it is configured for that. There a
// frame alone signs nobody out, and shows no page to click on unseen; an app that knows the ID token of the session does, and the
// cookie goes.
func TestAttack34_SignOutInAFrame(t *testing.T) {
	for name, mode := range map[string]http.SameSite{"lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, authn.Options{FlowTTL: 15 * time.Minute, SameSite: mode})
			b.person(t, "jo@partner.example", b.A.Partner)
			w := b.browser(t)
			w.signIn("jo@partner.example")
			kept := w.cookies[session]
			frame := func() answer {
				t.Helper()
				got := w.do(http.MethodGet, b.A.Tenant.Base+"/login/logout?request=sealed", nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe")
				if csp := got.Header().Get("Content-Security-Policy"); got.Code == http.StatusOK && !strings.Contains(csp, "frame-ancestors 'none'") {
					t.Errorf("a page that can be framed: %s", csp)
				}
				return got
			}
			own, good, err := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, kept)
			if err != nil || !good {
				t.Fatal(err)
			}
			if mode == http.SameSiteLaxMode {
				delete(w.cookies, session) // as a browser does
				b.hinted = own.ID
				frame()
				if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, kept); !good {
					t.Error("signed out without the cookie")
				}
				return
			}
			page := frame()
			if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, kept); !good || page.Code != http.StatusOK {
				t.Errorf("a frame signed the person out: %d", page.Code)
			}
			action, form := page.form(t)
			if got := w.do(http.MethodPost, action, form, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe", "Origin", "https://app.example"); got.Code != http.StatusForbidden {
				t.Errorf("a form from the other site: %d", got.Code)
			}
			b.hinted = own.ID
			end := frame()
			if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, kept); good || end.Code != http.StatusSeeOther {
				t.Errorf("an app that knows the session: %d", end.Code)
			}
			for _, c := range end.Result().Cookies() {
				if c.Name == session && (c.MaxAge >= 0 || c.SameSite != http.SameSiteNoneMode || !c.Secure) {
					t.Errorf("a browser would not take it in a frame: %s", c)
				}
			}
			if w.cookies[session] != "" {
				t.Error("the cookie stays")
			}
		})
	}
}

func TestSigningOut(t *testing.T) {
	b := setup(t)
	b.person(t, "jo", b.A.Partner)
	base := b.A.Tenant.Base
	for query, end := range map[string]string{"": base + "/login/signed-out", "?request=sealed": base + "/oauth2/logout/done?request=sealed"} {
		w := b.browser(t)
		if got := w.get(base + "/login/logout" + query); got.Code != http.StatusSeeOther || got.Header().Get("Location") != end {
			t.Errorf("nobody signed in: %d %s", got.Code, got.Header().Get("Location"))
		}
		w.signIn("jo")
		secret := w.cookies[session]
		page := w.get(base + "/login/logout" + query)
		w.do(http.MethodHead, base+"/login/logout"+query, nil)
		if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, secret); !good || page.Code != http.StatusOK {
			t.Fatalf("a look signed the person out: %d", page.Code)
		}
		if got := w.submit(page); got.Code != http.StatusSeeOther || got.Header().Get("Location") != end || w.cookies[session] != "" {
			t.Errorf("signed out: %d %s %v", got.Code, got.Header().Get("Location"), w.cookies)
		}
		if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, secret); good {
			t.Error("the session is still good")
		}
	}
	// A client that knows the ID token of this very session has asked the person; a HEAD signs nobody out all the same.
	w := b.browser(t)
	w.signIn("jo")
	own, _, err := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, w.cookies[session])
	if err != nil {
		t.Fatal(err)
	}
	b.hinted = own.ID
	w.do(http.MethodHead, base+"/login/logout?request=sealed", nil)
	if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, w.cookies[session]); !good {
		t.Error("a HEAD signed the person out")
	}
	if got := w.get(base + "/login/logout?request=sealed"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != base+"/oauth2/logout/done?request=sealed" || w.cookies[session] != "" {
		t.Errorf("asked again: %d %v", got.Code, w.cookies)
	}
	// Apps that want the browser to tell them are told on a page that goes on by itself, and only once.
	b.hinted, b.frames = ids.Session{}, []string{"https://app.example/logout?iss=i&sid=s"}
	w = b.browser(t)
	w.signIn("jo")
	page := w.submit(w.get(base + "/login/logout"))
	if page.Code != http.StatusOK || page.Header().Get("Refresh") != "1; url="+base+"/login/signed-out" || !strings.Contains(page.body, `<iframe src="https://app.example/logout?iss=i&amp;sid=s"`) ||
		!strings.Contains(page.Header().Get("Content-Security-Policy"), "frame-src https://app.example;") || w.cookies[session] != "" {
		t.Errorf("telling: %d %v %s", page.Code, page.Header(), page.body)
	}
	if again := w.get(base + "/login/logout"); again.Code != http.StatusSeeOther {
		t.Errorf("told again: %d", again.Code)
	}
	b.frames, b.framesErr = nil, errors.New("the database is away")
	w.signIn("jo")
	if got := w.submit(w.get(base + "/login/logout")); got.Code != http.StatusSeeOther || w.cookies[session] != "" {
		t.Errorf("nobody can be told: %d %v", got.Code, w.cookies)
	}
	if page := b.browser(t).get(base + "/login/signed-out"); page.Code != http.StatusOK || !strings.Contains(page.body, base+"/account/") {
		t.Errorf("signed out: %s", page.body)
	}
}
