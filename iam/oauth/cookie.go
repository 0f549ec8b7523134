package oauth

import (
	"encoding/base64"
	"net/http"
	"slices"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/secrets"
)

// Binding to a cookie: the codes and refresh tokens of an app in a browser are good only in the browser that the person signed in
// with. It shows the cookie by which the pages know it, which no script reads and no other host is sent; so what a script has stolen
// from the app's storage is of no use to whoever it was sent to. Access tokens are for APIs, which are not sent that cookie: they
// are bound by keys (RFC 9449).
//
// The cookie goes along with requests of pages of the server's own site only (SameSite=Lax), and only where the page asks for it.

var (
	errBrowser = refuse(codeInvalidGrant, "This client's tokens are bound to the browser that the person signed in with, whose cookie is not there.").told("the app's token_binding",
		"The browser sends the cookie that it got at the sign-in.", "Call the token endpoint with credentials (fetch with credentials: \"include\") from a page of the server's own site; where the browser has forgotten the cookie, let the person sign in again.")
	errOrigin = refuse(codeInvalidRequest, "This client's token requests come from one of its own origins.").told("the app's token_binding", "The header Origin is one of the app's allowed_origins.",
		"Add the page's origin to the app's allowed origins. A cookie that a browser sends for another app's page is none that this app's tokens are bound to.")
)

// browserHash is what is stored of a browser that something is bound to.
func browserHash(secret string) string {
	if secret == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(secrets.HashToken(secret))
}

// checkBrowser judges a token request of a client whose tokens are bound to a cookie: a browser sends every request's cookies,
// whoever's script makes it, so only a page of the client's own may use them.
func checkBrowser(r *http.Request, client authenticatedClient) error {
	if client.TokenBinding != apps.BindingCookie {
		return nil
	}
	if origins := r.Header.Values("Origin"); len(origins) != 1 || !slices.Contains(client.Origins, origins[0]) {
		return errOrigin
	}
	if client.shown.browser == "" {
		return errBrowser
	}
	return nil
}

// shownBrowser is the browser that a token request comes from, where that matters.
func shownBrowser(r *http.Request, client apps.Client) string {
	if client.TokenBinding != apps.BindingCookie {
		return ""
	}
	return browserHash(authn.BrowserSecret(r))
}

// signedInWith binds the code of a new grant to the browser that it is sent to.
func (g *grant) signedInWith(client apps.Client, b authn.Browser) {
	if client.TokenBinding == apps.BindingCookie {
		g.Browser = browserHash(b.Secret)
	}
}
