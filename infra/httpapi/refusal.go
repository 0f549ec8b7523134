package httpapi

import (
	"net/http"
	"strings"
)

// fail answers a request that came to no operation, in the words of who asks: a person gets a page, a client of an OAuth
// endpoint that is busy the error of its protocol, and everybody else a problem.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := toProblem(r.Context(), a.log, err)
	switch busy := p.Status == http.StatusTooManyRequests || p.Status >= http.StatusInternalServerError; {
	case busy && isTokenPath(r.URL.Path):
		writeOAuthError(w, p)
	case a.Page != nil && wantsPage(r):
		w.Header().Set("Cache-Control", "no-store")
		a.Page(w, r, p.Status)
	default:
		WriteProblem(w, r, a.log, p)
	}
}

// isTokenPath reports whether an address is one that OAuth clients call themselves.
func isTokenPath(path string) bool {
	for _, end := range []string{"/oauth2/introspect", "/oauth2/par", "/oauth2/revoke", "/oauth2/token", "/oauth2/userinfo"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

// writeOAuthError answers as the token endpoint does (RFC 6749, section 5.2). It has no code for too many requests; that of
// the authorization endpoint for being busy says what to do, and Retry-After when.
func writeOAuthError(w http.ResponseWriter, p *Problem) {
	code := "temporarily_unavailable"
	if p.Status == http.StatusInternalServerError {
		code = "server_error"
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(p.Status)
	writeJSON(w, map[string]string{"error": code, "error_description": p.Detail})
}

// wantsPage reports whether a browser shows the answer to a person.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.Contains(r.URL.Path, "/v1/") && !strings.Contains(r.URL.Path, "/.well-known/")
}
