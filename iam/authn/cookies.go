package authn

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"grove/infra/httpapi"
	"grove/infra/secrets"
)

const (
	browserPrefix = "grv_brw"
	sessionPrefix = "grv_ses"
	maxUserAgent  = 512
)

// cookieName carries the tenant's handle, because tenants share a host. With https the prefix __Host- keeps the cookie
// to this very host and out of reach of plain http and of subdomains (RFC 6265bis, section 4.1.3.2). The scheme is that
// of the configured base, never of the request.
func cookieName(t httpapi.Tenant, kind string) (name string, secure bool) {
	name = "grove-" + t.Handle + "-" + kind
	if secure = strings.HasPrefix(t.Base, "https://"); secure {
		name = "__Host-" + name
	}
	return name, secure
}

// BrowserOf reads who sends a request below a tenant's base. Cookies that are doubled, cut short or not ours count as
// not sent. A browser without a name is given one, which lives as long as the browser's own session.
func BrowserOf(w http.ResponseWriter, r *http.Request) Browser {
	t := httpapi.TenantOf(r.Context())
	b := Caller(r)
	b.Secret, b.Session = BrowserSecret(r), readCookie(r, t, "session", sessionPrefix)
	if b.Secret == "" {
		b.Secret, _ = secrets.NewToken(browserPrefix)
		// A sign-in begins at another site's redirect and has to find its browser again. Without the session the name
		// stands for nobody, so it needs no more.
		writeCookie(w, t, "browser", b.Secret, http.SameSiteLaxMode)
	}
	return b
}

// BrowserSecret is the name of the browser that sends a request, "" where it shows none.
func BrowserSecret(r *http.Request) string {
	return readCookie(r, httpapi.TenantOf(r.Context()), "browser", browserPrefix)
}

// Caller says where a request comes from that is no browser's: its cookies are not looked at.
func Caller(r *http.Request) Browser {
	b := Browser{UserAgent: clean(r.UserAgent(), maxUserAgent)}
	if addr := httpapi.Address(r.Context()); addr.IsValid() {
		b.Address = addr.String()
	}
	return b
}

// SetSession puts a session's secret into the browser's cookie.
func (s *Service) SetSession(w http.ResponseWriter, r *http.Request, secret string) {
	t := httpapi.TenantOf(r.Context())
	writeCookie(w, t, "session", secret, s.sameSite)
	writeState(w, t, stateOf(secret))
}

// ClearSession takes the browser's session cookie away.
func (s *Service) ClearSession(w http.ResponseWriter, r *http.Request) {
	t := httpapi.TenantOf(r.Context())
	writeCookie(w, t, "session", "", s.sameSite)
	writeState(w, t, "")
}

// StateCookie is the name of the cookie that holds the browser's state.
func StateCookie(t httpapi.Tenant) string { name, _ := cookieName(t, "state"); return name }

// BrowserState is the OP browser state (OpenID Connect Session Management 1.0, section 3.2): another text for each sign-in, from
// which nobody finds the session's secret; for a browser that is not signed in, "" . It puts a cookie right that says otherwise.
func BrowserState(w http.ResponseWriter, r *http.Request) string {
	t := httpapi.TenantOf(r.Context())
	state := stateOf(readCookie(r, t, "session", sessionPrefix))
	if c, err := r.Cookie(StateCookie(t)); state != "" && (err != nil || c.Value != state) || state == "" && err == nil {
		writeState(w, t, state)
	}
	return state
}

func stateOf(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("browser state " + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// writeState sets the one cookie that scripts read: those of the page that answers apps' frames, which other sites hold.
func writeState(w http.ResponseWriter, t httpapi.Tenant, state string) {
	name, secure := cookieName(t, "state")
	c := &http.Cookie{Name: name, Value: state, Path: "/", Secure: secure, SameSite: http.SameSiteLaxMode} // #nosec G124
	if secure {
		c.SameSite = http.SameSiteNoneMode
	}
	if state == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// MayHide reports whether a request may come from a browser that is signed in and does not say so: another site sent it here,
// and the session's cookie stays behind at such times.
func (s *Service) MayHide(r *http.Request) bool {
	return s.sameSite == http.SameSiteStrictMode && r.Header.Get("Sec-Fetch-Site") == "cross-site"
}

func readCookie(r *http.Request, t httpapi.Tenant, kind, prefix string) string {
	name, _ := cookieName(t, kind)
	sent := r.CookiesNamed(name)
	if len(sent) != 1 || !secrets.LooksLike(prefix, sent[0].Value) {
		return ""
	}
	return sent[0].Value
}

// writeCookie sets a cookie that no script reads. Browsers refuse one that goes to every site and travels in the clear, so
// without https it goes to no other site's form. An empty value deletes it.
func writeCookie(w http.ResponseWriter, t httpapi.Tenant, kind, value string, sameSite http.SameSite) {
	name, secure := cookieName(t, kind)
	if sameSite == http.SameSiteNoneMode && !secure {
		sameSite = http.SameSiteLaxMode
	}
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: secure, SameSite: sameSite}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// clean makes a header's value fit to be stored.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
