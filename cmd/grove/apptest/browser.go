package apptest

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The example of RFC 7636, appendix B.
const (
	Verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// SignIn is a person at a browser who signs in to an app.
type SignIn struct {
	Base         string // whose authorization server; the tenant's base where ""
	Browser      *http.Client
	ClientID     string
	ClientSecret string            // of a confidential client
	Deny         bool              // say no where consent is asked for
	Fill         map[string]string // what a page asks for that the account lacks, by claims
	Keep         []string          // claims that are not shared where that can be chosen
	NewPassword  string            // where a page asks for a new one
	Org          string            // the parameter org
	Password     string
	RedirectURI  string // that of a built-in app where ""
	Scope        string
	Username     string
}

var (
	formAction = regexp.MustCompile(`<form[^>]*\saction="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	field      = regexp.MustCompile(`<input[^>]*\sname="(username|password)"`)
	lacking    = regexp.MustCompile(`<input[^>]*\sname="value:([^"]*)"`)
	fresh      = regexp.MustCompile(`<input[^>]*\sautocomplete="new-password"`)
	ticked     = regexp.MustCompile(`<input type="checkbox"[^>]*\sname="attribute:([^"]*)"[^>]*\schecked>`)
	allow      = regexp.MustCompile(`name="decision" value="allow"`)
)

// Code goes through the pages as a person would and returns the authorization response. Where a page says that it goes no further, he
// goes back to the app.
func (w *World) Code(t Tenant, s SignIn) url.Values {
	w.t.Helper()
	s = s.defaults(w, t)
	q := url.Values{"client_id": {s.ClientID}, "redirect_uri": {s.RedirectURI}, "response_type": {"code"}, "scope": {s.Scope}, "state": {"state"}, "nonce": {"nonce"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	if s.Org != "" {
		q.Set("org", s.Org)
	}
	return w.Walk(s, s.Base+"/oauth2/authorize?"+q.Encode(), s.RedirectURI).Query()
}

// Walk opens an address, answers every page as s says, and returns the address that begins with end to which the browser is sent then.
func (w *World) Walk(s SignIn, target, end string) *url.URL {
	w.t.Helper()
	r := w.Do(s.Browser, http.MethodGet, target, nil)
	for range 12 {
		if r.StatusCode == http.StatusSeeOther {
			to, err := r.Request.URL.Parse(r.Header.Get("Location"))
			if err != nil {
				w.t.Fatal(err)
			}
			if strings.HasPrefix(to.String(), end) {
				return to
			}
			r = w.Do(s.Browser, http.MethodGet, to.String(), nil)
			continue
		}
		action := formAction.FindStringSubmatch(string(r.Raw))
		if r.StatusCode != http.StatusOK && !refused(string(r.Raw)) || action == nil {
			break
		}
		to, err := r.Request.URL.Parse(html.UnescapeString(action[1]))
		if err != nil {
			w.t.Fatal(err)
		}
		r = w.Do(s.Browser, http.MethodPost, to.String(), s.fill(string(r.Raw)), "Origin", w.origin)
	}
	w.t.Fatalf("the sign-in stopped: %d %s", r.StatusCode, r.Raw)
	return nil
}

func (s SignIn) fill(page string) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for _, m := range field.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], map[string]string{"username": s.Username, "password": s.Password}[m[1]])
	}
	for _, m := range lacking.FindAllStringSubmatch(page, -1) {
		form.Set("value:"+html.UnescapeString(m[1]), s.Fill[html.UnescapeString(m[1])])
	}
	if fresh.MatchString(page) {
		form.Set("password", s.NewPassword)
	}
	switch {
	case allow.MatchString(page) && s.Deny:
		form.Set("decision", "deny")
	case allow.MatchString(page):
		form.Set("decision", "allow")
		for _, m := range ticked.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(s.Keep, html.UnescapeString(m[1])) {
				form.Set("attribute:"+html.UnescapeString(m[1]), "yes")
			}
		}
	case refused(page):
		form.Set("decision", "cancel")
	}
	return form
}

func refused(page string) bool {
	return strings.Contains(page, `class="page-refused"`) || strings.Contains(page, `class="page-incomplete"`)
}

// Tokens signs in and redeems the code; the answer is the token endpoint's.
func (w *World) Tokens(t Tenant, s SignIn) Response {
	w.t.Helper()
	s = s.defaults(w, t)
	q := w.Code(t, s)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {s.RedirectURI}, "code_verifier": {Verifier}, "client_id": {s.ClientID}}
	if s.ClientSecret != "" {
		form.Set("client_secret", s.ClientSecret)
	}
	r := w.Do(w.Client(), http.MethodPost, s.Base+"/oauth2/token", form)
	if r.StatusCode != http.StatusOK {
		w.t.Fatalf("no tokens for %v: %d %s", q, r.StatusCode, r.Raw)
	}
	return r
}

// Text returns a member of the answer that is a string.
func (r Response) Text(name string) string { s, _ := r.JSON[name].(string); return s }

func (s SignIn) defaults(w *World, t Tenant) SignIn {
	if s.Base == "" {
		s.Base = t.Base
	}
	if s.Browser == nil {
		s.Browser = w.Client()
	}
	if s.ClientID == "" {
		s.ClientID = "account"
	}
	if s.RedirectURI == "" {
		s.RedirectURI = s.Base + "/" + s.ClientID + "/callback"
	}
	if s.Scope == "" {
		s.Scope = "openid profile email grove"
	}
	if s.Username == "" {
		s.Username, s.Password = "admin@"+t.Handle+".example", Password
	}
	return s
}
