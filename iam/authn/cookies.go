package authn

import (
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
	b := Browser{
		Secret: readCookie(r, t, "browser", browserPrefix), Session: readCookie(r, t, "session", sessionPrefix),
		UserAgent: clean(r.UserAgent(), maxUserAgent),
	}
	if addr := httpapi.Address(r.Context()); addr.IsValid() {
		b.Address = addr.String()
	}
	if b.Secret == "" {
		b.Secret, _ = secrets.NewToken(browserPrefix)
		// A sign-in begins at another site's redirect and has to find its browser again. Without the session the name
		// stands for nobody, so it needs no more.
		writeCookie(w, t, "browser", b.Secret, http.SameSiteLaxMode)
	}
	return b
}

// SetSession puts a session's secret into the browser's cookie.
func (s *Service) SetSession(w http.ResponseWriter, r *http.Request, secret string) {
	writeCookie(w, httpapi.TenantOf(r.Context()), "session", secret, s.sameSite)
}

// ClearSession takes the browser's session cookie away.
func (s *Service) ClearSession(w http.ResponseWriter, r *http.Request) {
	writeCookie(w, httpapi.TenantOf(r.Context()), "session", "", s.sameSite)
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
