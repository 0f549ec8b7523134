// Command app is a sample web application that signs people in with Grove. It uses stock libraries only, coreos/go-oidc
// and x/oauth2, and nothing of Grove's own code: copy it and point it at your tenant.
//
//	ISSUER=http://127.0.0.1:8080/t/acme CLIENT_ID=… CLIENT_SECRET=… go run ./docs/sample/app
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

type app struct {
	api      string
	logout   string
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier

	mu       sync.Mutex
	pending  map[string]pending // by state
	sessions map[string]*session
}

type pending struct{ verifier, nonce string }

type session struct {
	idToken string
	token   *oauth2.Token
	claims  map[string]any
}

func main() {
	ctx := context.Background()
	addr := env("ADDR", "127.0.0.1:8090")
	provider, err := oidc.NewProvider(ctx, env("ISSUER", "http://127.0.0.1:8080/t/acme"))
	if err != nil {
		log.Fatal(err)
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		log.Fatal(err)
	}
	a := &app{api: env("API", "http://127.0.0.1:8091"), logout: metadata.EndSession,
		oauth: oauth2.Config{ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: provider.Endpoint(),
			RedirectURL: env("REDIRECT_URL", "http://"+addr+"/callback"),
			Scopes:      append([]string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}, strings.Fields(env("SCOPES", "notes.read notes.write"))...)},
		verifier: provider.Verifier(&oidc.Config{ClientID: os.Getenv("CLIENT_ID"), SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256}}),
		pending:  map[string]pending{}, sessions: map[string]*session{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /refresh", a.refresh)
	mux.HandleFunc("POST /switch", a.switchOrg)
	mux.HandleFunc("POST /logout", a.signOut)
	log.Printf("sample app on http://%s", addr)
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// login sends the browser to Grove. The parameter org names the customer's organization; without it Grove finds it by the
// person's e-mail domain or asks.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	state, p := rand.Text(), pending{verifier: oauth2.GenerateVerifier(), nonce: rand.Text()}
	a.mu.Lock()
	a.pending[state] = p
	a.mu.Unlock()
	options := []oauth2.AuthCodeOption{oidc.Nonce(p.nonce), oauth2.S256ChallengeOption(p.verifier)}
	if org := r.URL.Query().Get("org"); org != "" {
		options = append(options, oauth2.SetAuthURLParam("org", org))
	}
	http.SetCookie(w, &http.Cookie{Name: "sample_state", Value: state, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, a.oauth.AuthCodeURL(state, options...), http.StatusSeeOther)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	state := r.URL.Query().Get("state")
	cookie, err := r.Cookie("sample_state")
	a.mu.Lock()
	p, known := a.pending[state]
	delete(a.pending, state)
	a.mu.Unlock()
	if err != nil || cookie.Value != state || !known {
		http.Error(w, "this answer belongs to no request of this browser", http.StatusBadRequest)
		return
	}
	if code := r.URL.Query().Get("error"); code != "" {
		page(w, http.StatusForbidden, "Not signed in", map[string]any{"Error": code + ": " + r.URL.Query().Get("error_description")})
		return
	}
	token, err := a.oauth.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(p.verifier))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := a.verifier.Verify(r.Context(), raw)
	if err != nil || id.Nonce != p.nonce {
		http.Error(w, "the ID token is not good", http.StatusBadGateway)
		return
	}
	s := &session{idToken: raw, token: token}
	if err := id.Claims(&s.claims); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	key := rand.Text()
	a.mu.Lock()
	a.sessions[key] = s
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "sample_session", Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) session(r *http.Request) *session {
	c, err := r.Cookie("sample_session")
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions[c.Value]
}

// home shows who is signed in, what the access token says, and what the API answers to it.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	if s == nil {
		page(w, http.StatusOK, "Sample app", nil)
		return
	}
	a.mu.Lock()
	token := *s.token
	a.mu.Unlock()
	status, answer := a.call(r.Context(), token.AccessToken)
	page(w, http.StatusOK, "Sample app", map[string]any{"ID": s.claims, "Access": payload(token.AccessToken), "Status": status, "API": answer,
		"AccessToken": token.AccessToken, "RefreshToken": token.RefreshToken})
}

func (a *app) call(ctx context.Context, token string) (string, string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api+"/notes", nil)
	if err != nil {
		return "", err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return "", err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	return resp.Status, string(body)
}

func (a *app) refresh(w http.ResponseWriter, r *http.Request) {
	a.token(w, r, func(s *session) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.token.RefreshToken}}
	})
}

// switchOrg gets a token for another organization of the same person, without signing in again.
func (a *app) switchOrg(w http.ResponseWriter, r *http.Request) {
	a.token(w, r, func(s *session) url.Values {
		return url.Values{"grant_type": {"organization_switch"}, "token": {s.token.AccessToken},
			"switching_organization": {r.PostFormValue("org")}, "scope": {strings.Join(a.oauth.Scopes, " ")}}
	})
}

func (a *app) token(w http.ResponseWriter, r *http.Request, form func(*session) url.Values) {
	s := a.session(r)
	if s == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, a.oauth.Endpoint.TokenURL, strings.NewReader(form(s).Encode()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(a.oauth.ClientID), url.QueryEscape(a.oauth.ClientSecret))
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Error        string `json:"error"`
		Description  string `json:"error_description"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if answer.Error != "" {
		page(w, http.StatusForbidden, "Refused", map[string]any{"Error": answer.Error + ": " + answer.Description})
		return
	}
	a.mu.Lock()
	s.token.AccessToken = answer.AccessToken
	if answer.RefreshToken != "" {
		s.token.RefreshToken = answer.RefreshToken
	}
	a.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	http.SetCookie(w, &http.Cookie{Name: "sample_session", Path: "/", MaxAge: -1})
	if s == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	home, _ := url.Parse(a.oauth.RedirectURL)
	http.Redirect(w, r, a.logout+"?"+url.Values{"id_token_hint": {s.idToken}, "post_logout_redirect_uri": {home.Scheme + "://" + home.Host + "/"}}.Encode(), http.StatusSeeOther)
}

// payload shows what is in a JWT. The app itself never trusts it: the token is for the API.
func payload(jwt string) map[string]any {
	var claims map[string]any
	parts := strings.Split(jwt, ".")
	if len(parts) == 3 {
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(raw, &claims)
	}
	return claims
}

func page(w http.ResponseWriter, status int, title string, data map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := pages.Execute(w, map[string]any{"Title": title, "Data": data}); err != nil {
		log.Print(err)
	}
}

var pages = template.Must(template.New("").Funcs(template.FuncMap{"json": func(v any) string {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(raw)
}}).Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title><style>body{font:16px system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto;background:#8882;padding:1rem}form{display:inline}</style>
<h1>{{.Title}}</h1>{{with .Data}}
{{with .Error}}<p role="alert" id="error">{{.}}</p><p><a href="/">Back</a></p>{{else}}
<h2>ID token</h2><pre id="id-token">{{json .ID}}</pre><h2>Access token</h2><pre id="access-token">{{json .Access}}</pre>
<h2>The API says <span id="api-status">{{.Status}}</span></h2><pre id="api">{{.API}}</pre>
<details><summary>The tokens themselves</summary><p>An app keeps these to itself. This one shows them, so that you can try them by hand.</p>
<pre id="raw-access-token">{{.AccessToken}}</pre><pre id="raw-refresh-token">{{.RefreshToken}}</pre></details>
<form method="post" action="/refresh"><button>Refresh</button></form>
<form method="post" action="/switch"><label>Organization <input name="org"></label> <button>Switch</button></form>
<form method="post" action="/logout"><button>Sign out</button></form>{{end}}
{{else}}<p><a href="/login" id="sign-in">Sign in</a></p><form action="/login"><label>Your organization <input name="org"></label> <button>Go</button></form>{{end}}</html>`))
