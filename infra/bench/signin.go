package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// redirectURI is where codes are sent; nothing listens there, and nothing needs to.
const redirectURI = "http://127.0.0.1:9/callback"

// person is a browser with its cookies, and the app that signs people in.
type person struct {
	g        *grove
	browser  *http.Client
	clientID string
	secret   string
}

// tokens are what a code was redeemed for.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// newPerson registers a web app and opens a browser.
func newPerson(ctx context.Context, g *grove, a api) (*person, error) {
	var app struct {
		ID           string `json:"id"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	err := a.call(ctx, http.MethodPost, "/orgs/root/apps", map[string]any{"name": "Benchmark " + rand.Text()[:8], "template": "web",
		"redirect_uris": []string{redirectURI}}, &app)
	if err != nil {
		return nil, err
	}
	if err := a.call(ctx, http.MethodPatch, "/orgs/root/apps/"+app.ID+"/oidc", map[string]any{"skip_consent": true}, &struct{}{}); err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return &person{g: g, browser: browser, clientID: app.ClientID, secret: app.ClientSecret}, nil
}

// signIn runs the code flow with PKCE. The first time it fills in the pages; later the session answers.
func (p *person) signIn(ctx context.Context) (tokens, error) {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{"client_id": {p.clientID}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"}, "redirect_uri": {redirectURI}, "response_type": {"code"},
		"scope": {"openid profile email offline_access"}, "state": {rand.Text()}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.g.BaseURL+p.g.path("/oauth2/authorize?")+query.Encode(), nil)
	if err != nil {
		return tokens{}, err
	}
	const mostPages = 10
	for range mostPages {
		resp, err := p.browser.Do(r)
		if err != nil {
			return tokens{}, err
		}
		page, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return tokens{}, err
		}
		if to, err := resp.Location(); err == nil && strings.HasPrefix(to.String(), redirectURI) {
			return p.redeem(ctx, to.Query(), verifier)
		}
		if r, err = p.fillIn(ctx, resp, string(page)); err != nil {
			return tokens{}, err
		}
	}
	return tokens{}, errors.New("the sign-in does not end")
}

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*>`)
	inputTag = regexp.MustCompile(`(?s)<(?:input|button)[^>]*>`)
	attrs    = regexp.MustCompile(`([a-z_-]+)="([^"]*)"`)
)

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attrs.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// fillIn answers a page's form as the administrator would.
func (p *person) fillIn(ctx context.Context, resp *http.Response, page string) (*http.Request, error) {
	at := formTag.FindStringIndex(page)
	if at == nil {
		return nil, fmt.Errorf("a page without a form: status %d at %s: %.300s", resp.StatusCode, resp.Request.URL.Path, page)
	}
	values := url.Values{}
	content, _, _ := strings.Cut(page[at[1]:], "</form>")
	for _, tag := range inputTag.FindAllString(content, -1) {
		a := attributes(tag)
		switch name := a["name"]; {
		case name == "":
		case name == "username":
			values.Set(name, p.g.AdminUser)
		case name == "password":
			values.Set(name, p.g.AdminSecret)
		case values.Get(name) == "": // of several buttons the first
			values.Set(name, a["value"])
		}
	}
	to, err := resp.Request.URL.Parse(attributes(page[at[0]:at[1]])["action"])
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.g.BaseURL)
	return r, nil
}

func (p *person) redeem(ctx context.Context, answer url.Values, verifier string) (tokens, error) {
	if answer.Get("code") == "" {
		return tokens{}, fmt.Errorf("no code: %s: %s", answer.Get("error"), answer.Get("error_description"))
	}
	var got tokens
	err := postForm(ctx, p.g.BaseURL+p.g.path("/oauth2/token"), credentials(p.clientID, p.secret), url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "code_verifier": {verifier}, "redirect_uri": {redirectURI}}, &got)
	return got, err
}
