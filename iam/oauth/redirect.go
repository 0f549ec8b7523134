package oauth

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"grove/infra/httpapi"
)

// Response modes (OAuth 2.0 Multiple Response Type Encoding Practices; OAuth 2.0 Form Post Response Mode).
const (
	modeFormPost = "form_post"
	modeFragment = "fragment"
	modeQuery    = "query"
)

// response is how an authorization response travels to a redirect URI that was found to be the client's.
type response struct {
	redirectURI string
	mode        string
	issuer      string // whose script the form needs
}

// send writes the response. The status is 303, so that nothing that was posted to us is posted on (RFC 9700, section 4.12).
func (a response) send(w http.ResponseWriter, pairs []param) {
	noStore(w.Header())
	if a.mode == modeFormPost {
		a.sendForm(w, pairs)
		return
	}
	w.Header().Set("Location", a.location(pairs))
	w.WriteHeader(http.StatusSeeOther)
}

// location adds the pairs behind what the registered address has, without rewriting a byte of it.
func (a response) location(pairs []param) string {
	var encoded strings.Builder
	for i, p := range pairs {
		if i > 0 {
			encoded.WriteByte('&')
		}
		encoded.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value))
	}
	separator := "?"
	if a.mode == modeFragment {
		separator = "#"
	} else if strings.Contains(a.redirectURI, "?") {
		separator = "&"
		if strings.HasSuffix(a.redirectURI, "?") || strings.HasSuffix(a.redirectURI, "&") {
			separator = ""
		}
	}
	return a.redirectURI + separator + encoded.String()
}

// formPage posts itself; with scripts off the button does it.
var formPage = template.Must(template.New("form_post").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body><form method="post" action="{{.Action}}">
{{range .Pairs}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<noscript><p>Scripts are off in this browser.</p></noscript><button type="submit">Continue</button>
</form><script src="{{.Script}}"></script></body></html>
`))

const formScript = "document.forms[0].submit();\n"

func (a response) sendForm(w http.ResponseWriter, pairs []param) {
	type pair struct{ Name, Value string }
	// html/template would replace an app's own scheme, which was registered and may be anything but script.
	page := struct {
		Action template.URL
		Pairs  []pair
		Script string
	}{Action: template.URL(a.redirectURI), Script: a.issuer + "/oauth2/form_post.js"} // #nosec G203
	for _, p := range pairs {
		page.Pairs = append(page.Pairs, pair{p.name, p.value})
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusOK)
	_ = formPage.Execute(w, page)
}

// formPostScript serves the one line of script that the form_post page needs, so that its policy allows none inline.
func formPostScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	httpapi.Cacheable(w.Header(), "public, max-age=86400")
	_, _ = w.Write([]byte(formScript))
}
