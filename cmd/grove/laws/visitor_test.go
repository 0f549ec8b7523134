package laws_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"grove/cmd/grove/apptest"
)

// The example of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var (
	formAction  = regexp.MustCompile(`<form[^>]*\saction="([^"]*)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// visitor goes through the pages step by step.
type visitor struct {
	*apptest.World
	browser *http.Client
	last    apptest.Response // the page, or the redirect out of the installation
}

func visit(w *apptest.World) *visitor { return &visitor{World: w, browser: w.Client()} }

// open follows an address to a page, or to where the browser leaves.
func (v *visitor) open(address string) *visitor {
	v.last = v.Do(v.browser, http.MethodGet, address, nil)
	for range 8 {
		if v.last.StatusCode != http.StatusSeeOther {
			break
		}
		to := v.location()
		if to.Host != "id.grove.test" || strings.HasSuffix(to.Path, "/callback") {
			break
		}
		v.last = v.Do(v.browser, http.MethodGet, to.String(), nil)
	}
	return v
}

// see is open for those who only want the answer.
func (v *visitor) see(address string) apptest.Response { return v.open(address).last }

// location is where the last answer sends the browser; empty where it does not.
func (v *visitor) location() *url.URL {
	header := v.last.Header.Get("Location")
	if header == "" {
		return &url.URL{}
	}
	to, err := v.last.Request.URL.Parse(header)
	if err != nil {
		shared.Fatal(err)
	}
	return to
}

// form is the address and the fields of the page's form.
func (v *visitor) form(fields ...string) (string, url.Values) {
	action := formAction.FindSubmatch(v.last.Raw)
	if action == nil {
		return "", nil
	}
	to, err := v.last.Request.URL.Parse(html.UnescapeString(string(action[1])))
	if err != nil {
		shared.Fatal(err)
	}
	form := url.Values{}
	for _, found := range hiddenField.FindAllSubmatch(v.last.Raw, -1) {
		form.Set(html.UnescapeString(string(found[1])), html.UnescapeString(string(found[2])))
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return to.String(), form
}

// answer fills the page's form in, sends it, and follows.
func (v *visitor) answer(fields ...string) *visitor {
	to, form := v.form(fields...)
	if form == nil {
		return v // there is nothing to answer
	}
	v.last = v.Do(v.browser, http.MethodPost, to, form, "Origin", apptest.Origin)
	if v.last.StatusCode == http.StatusSeeOther {
		if next := v.location(); next.Host == "id.grove.test" && !strings.HasSuffix(next.Path, "/callback") {
			v.open(next.String())
		}
	}
	return v
}

// code is that of the authorization response; "" where there is none.
func (v *visitor) code() string { return v.location().Query().Get("code") }

// authorize is the address at which a sign-in begins, with further parameters.
func authorize(base, client, redirect string, more ...string) string {
	q := url.Values{"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"state"},
		"nonce": {"nonce"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return base + "/oauth2/authorize?" + q.Encode()
}

// account is where a sign-in to the account portal in an organization begins.
func (p *place) account(more ...string) string {
	return authorize(p.tenant.Base, "account", p.tenant.Base+"/account/callback", append([]string{"org", p.org}, more...)...)
}

// guess fails to sign in once.
func (p *place) guess(user string) {
	name := p.Must(p.tenant, p.manage, "GET", p.at("/users/%s", user), nil)["username"].(string)
	visit(p.World).open(p.account()).answer("username", name).answer("password", "not the password")
}
