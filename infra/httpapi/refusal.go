package httpapi

import (
	"maps"
	"net/http"
	"strings"
)

// fail answers a request that came to no operation, in the words of who asks: a person gets a page, a client of an OAuth
// endpoint the error of its protocol, and everybody else a problem. What does not exist is nobody's endpoint.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := toProblem(r.Context(), a.log, err)
	switch {
	case p.Status != http.StatusNotFound && isTokenPath(r.URL.Path):
		writeOAuthError(w, p)
	case a.Page != nil && wantsPage(r):
		maps.Copy(w.Header(), p.GetHeaders())
		a.Page(w, r, p.Status)
	default:
		WriteProblem(w, r, a.log, p)
	}
}

// isTokenPath reports whether an address is one that OAuth clients call themselves.
func isTokenPath(path string) bool {
	below := belowBase(path)
	switch below {
	case "/oauth2/bc-authorize", "/oauth2/device_authorization", "/oauth2/global-revocation", "/oauth2/introspect", "/oauth2/par", "/oauth2/register", "/oauth2/revoke", "/oauth2/token", "/oauth2/userinfo":
		return true
	}
	return strings.HasPrefix(below, "/oauth2/register/")
}

// writeOAuthError answers as the token endpoint does (RFC 6749, section 5.2). It has no code for too many requests; that of
// the authorization endpoint for being busy says what to do, and Retry-After when.
func writeOAuthError(w http.ResponseWriter, p *Problem) {
	code := "invalid_request"
	switch p.Status {
	case http.StatusInternalServerError:
		code = "server_error"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		code = "temporarily_unavailable"
	}
	h := w.Header()
	maps.Copy(h, p.GetHeaders())
	h.Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	writeJSON(w, map[string]string{"error": code, "error_description": p.Detail})
}

// wantsPage reports whether a browser shows the answer to a person.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.Contains(r.URL.Path, "/v1/") && !strings.Contains(r.URL.Path, "/.well-known/")
}
