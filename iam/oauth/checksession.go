package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/httpapi"
)

// checkSessionScript answers the frames that an app asks with.
//
//go:embed checksession.js
var checkSessionScript []byte

// checkSessionPage is the OP iframe (OpenID Connect Session Management 1.0, section 3.2): an app's page holds it in a frame and asks it
// by postMessage whether the browser's sign-in is still the one that it knows. Nothing is asked of the server.
var checkSessionPage = template.Must(template.New("check_session").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Session</title></head>
<body><script src="{{.Script}}" data-cookie="{{.Cookie}}"></script></body></html>
`))

// checkSession serves the OP iframe, the one page here that others may put into a frame: it shows nothing and has nothing to click.
func checkSession(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Del("X-Frame-Options")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *")
	h.Set("Content-Type", "text/html; charset=utf-8")
	httpapi.Cacheable(h, "public, max-age=300")
	ctx := r.Context()
	_ = checkSessionPage.Execute(w, struct{ Cookie, Script string }{authn.StateCookie(httpapi.TenantOf(ctx)), httpapi.IssuerOf(ctx).URL + "/oauth2/check_session.js"})
}

func serveCheckSessionScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	httpapi.Cacheable(w.Header(), "public, max-age=300")
	_, _ = w.Write(checkSessionScript)
}

// sessionState is what an app that lives at a redirect URI's origin asks the OP iframe about (section 2). It is "" for an app that
// is at home nowhere in the browser, such as a native one. The salt keeps two apps from finding that they know the same person.
func sessionState(clientID, redirectURI, browserState string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	salt := rand.Text()
	sum := sha256.Sum256([]byte(strings.Join([]string{clientID, apps.OriginOf(u), browserState, salt}, " ")))
	return base64.RawURLEncoding.EncodeToString(sum[:]) + "." + salt
}
