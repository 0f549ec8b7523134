package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/jose"
)

// vendor is a tenant with an app that is shared with all organizations, and a customer with two of them.
type vendor struct {
	*apptest.World
	manage       string
	app          map[string]any
	north, south string
	user         string
}

const appCallback = "https://notes.example/cb"

func newVendor(t *testing.T, options ...apptest.Option) *vendor {
	t.Helper()
	w := apptest.New(t, options...)
	v := &vendor{World: w, manage: w.Token(w.A)}
	post := func(path string, body map[string]any) map[string]any {
		return w.Must(w.A, v.manage, "POST", path, body)
	}
	v.north = post("/orgs", map[string]any{"name": "North", "handle": "north"})["id"].(string)
	v.south = post("/orgs", map[string]any{"name": "South", "handle": "south"})["id"].(string)
	v.app = post("/orgs/root/apps", map[string]any{"name": "Notes", "template": "web", "redirect_uris": []string{appCallback}})
	w.Must(w.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc",
		map[string]any{"grant_types": []string{"authorization_code", "organization_switch", "refresh_token"}})
	w.Must(w.A, v.manage, "PUT", "/orgs/root/apps/"+v.app["id"].(string)+"/shares", map[string]any{"policy": "all", "roles": "all"})
	v.user = post("/orgs/north/users", map[string]any{"username": "eva@north.example", "email": "eva@north.example", "password": apptest.Password, "must_change_password": false})["id"].(string)
	return v
}

func (v *vendor) person(org string) apptest.SignIn {
	return apptest.SignIn{ClientID: v.app["client_id"].(string), ClientSecret: v.app["client_secret"].(string), Org: org, RedirectURI: appCallback,
		Scope: "openid profile email offline_access", Username: "eva@north.example", Password: apptest.Password}
}

func (v *vendor) introspect(token string) bool {
	r := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/introspect",
		url.Values{"token": {token}, "client_id": {v.app["client_id"].(string)}, "client_secret": {v.app["client_secret"].(string)}})
	return r.JSON["active"] == true
}

func (v *vendor) refresh(token string) apptest.Response {
	return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token},
		"client_id": {v.app["client_id"].(string)}, "client_secret": {v.app["client_secret"].(string)}})
}

// TestStockRelyingParty: a client library that knows nothing of Grove signs a person in and checks everything.
func TestStockRelyingParty(t *testing.T) {
	v := newVendor(t)
	ctx := oidc.ClientContext(context.Background(), v.Client())
	provider, err := oidc.NewProvider(ctx, v.A.Base)
	if err != nil {
		t.Fatal(err)
	}
	response := v.Code(v.A, v.person("north"))
	if response.Get("iss") != v.A.Base {
		t.Errorf("iss %q", response.Get("iss"))
	}
	config := oauth2.Config{ClientID: v.app["client_id"].(string), ClientSecret: v.app["client_secret"].(string), Endpoint: provider.Endpoint(), RedirectURL: appCallback}
	token, err := config.Exchange(ctx, response.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != v.user || id.Nonce != "nonce" || id.VerifyAccessToken(token.AccessToken) != nil {
		t.Errorf("sub %s, nonce %s", id.Subject, id.Nonce)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject || info.Email != "eva@north.example" {
		t.Errorf("%+v, %v", info, err)
	}
	var claims struct {
		Org    string `json:"org_id"`
		Handle string `json:"org_handle"`
	}
	if err := id.Claims(&claims); err != nil || claims.Org != v.north || claims.Handle != "north" {
		t.Errorf("%+v, %v", claims, err)
	}
}

func TestWellKnownForms(t *testing.T) {
	v := newVendor(t)
	for at, issuer := range map[string]string{
		"/t/acme/.well-known/openid-configuration":                   v.A.Base,
		"/t/acme/o/north/.well-known/openid-configuration":           v.A.Base + "/o/north",
		"/.well-known/oauth-authorization-server/t/acme":             v.A.Base,
		"/.well-known/oauth-authorization-server/t/acme/o/north":     v.A.Base + "/o/north",
		"/.well-known/openid-configuration/t/acme/o/north":           v.A.Base + "/o/north",
		"/t/acme/o/" + v.north + "/.well-known/openid-configuration": v.A.Base + "/o/" + v.north,
	} {
		r := v.Do(v.Client(), "GET", apptest.Origin+at, nil, "Host", "evil.example", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example")
		if r.Text("issuer") != issuer || strings.Contains(string(r.Raw), "evil") {
			t.Errorf("TestAttack34, %s: %d %s", at, r.StatusCode, r.Text("issuer"))
		}
	}
}

// TestRemovedAndSuspended: what is issued dies with the membership and with the organization.
func TestAttack01_RemovedAndSuspended(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	north, south := v.Tokens(v.A, v.person("north")), v.Tokens(v.A, v.person("south"))
	for _, tokens := range []apptest.Response{north, south} {
		if !v.introspect(tokens.Text("access_token")) {
			t.Fatal("a fresh token is not active")
		}
	}
	form := url.Values{"grant_type": {"organization_switch"}, "token": {north.Text("access_token")}, "switching_organization": {"south"}, "scope": {"openid"},
		"client_id": {v.app["client_id"].(string)}, "client_secret": {v.app["client_secret"].(string)}}
	switched := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", form)
	if switched.StatusCode != http.StatusOK || !v.introspect(switched.Text("access_token")) {
		t.Fatalf("%d %s", switched.StatusCode, switched.Raw)
	}
	v.Must(v.A, v.manage, "DELETE", "/orgs/south/members/"+v.user, nil)
	for name, tokens := range map[string]apptest.Response{"signed in": south, "switched": switched} {
		if v.introspect(tokens.Text("access_token")) || v.refresh(tokens.Text("refresh_token")).StatusCode == http.StatusOK {
			t.Errorf("%s: outlived the membership", name)
		}
	}
	if r := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", form); r.Code() != "invalid_grant" {
		t.Errorf("switched without membership: %s", r.Raw)
	}
	if !v.introspect(north.Text("access_token")) {
		t.Error("the other organization's token ended")
	}
	v.Must(v.A, v.manage, "POST", "/orgs/north:suspend", nil)
	if v.introspect(north.Text("access_token")) || v.refresh(north.Text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("outlived the suspension")
	}
	v.Must(v.A, v.manage, "POST", "/orgs/north:resume", nil)
	if v.introspect(north.Text("access_token")) || v.refresh(north.Text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("came back to life")
	}
	if r := v.Tokens(v.A, v.person("north")); !v.introspect(r.Text("access_token")) {
		t.Error("does not work after the resumption")
	}
}

// TestAttack01_EndedInOneOrganization: an organization ends what acts in it, also where the session began in another one, which
// keeps what is its own.
func TestAttack01_EndedInOneOrganization(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	north, south := v.Tokens(v.A, v.person("north")), v.Tokens(v.A, v.person("south"))
	change := func(from apptest.Response, to string) apptest.Response {
		return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", url.Values{"grant_type": {"organization_switch"}, "token": {from.Text("access_token")},
			"switching_organization": {to}, "client_id": {v.app["client_id"].(string)}, "client_secret": {v.app["client_secret"].(string)}})
	}
	switched := change(north, "south")
	back := change(switched, "north")
	for _, tokens := range []apptest.Response{north, south, switched, back} {
		if !v.introspect(tokens.Text("access_token")) {
			t.Fatalf("not active to begin with: %s", tokens.Raw)
		}
	}
	v.Must(v.A, v.manage, "POST", "/orgs/south/sessions:end", map[string]any{"user_id": v.user})
	for name, tokens := range map[string]apptest.Response{"signed in": south, "switched": switched, "switched from there": back} {
		if v.introspect(tokens.Text("access_token")) || v.refresh(tokens.Text("refresh_token")).StatusCode == http.StatusOK {
			t.Errorf("%s: goes on", name)
		}
	}
	if !v.introspect(north.Text("access_token")) || v.refresh(north.Text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("the other organization's ended")
	}
	if again := v.Tokens(v.A, v.person("south")); !v.introspect(again.Text("access_token")) {
		t.Error("the person cannot sign in again")
	}
}

func TestSignOut(t *testing.T) {
	v := newVendor(t)
	who := v.person("north")
	who.Scope, who.Browser = "openid", v.Client()
	tokens := v.Tokens(v.A, who)
	other := v.person("north")
	other.Scope, other.Browser = "openid", v.Client()
	stranger := v.Tokens(v.A, other)
	ask := func(q url.Values, headers ...string) apptest.Response {
		r := v.Do(who.Browser, "GET", v.A.Base+"/oauth2/logout?"+q.Encode(), nil)
		return v.Do(who.Browser, "GET", r.Header.Get("Location"), nil, headers...)
	}
	hint := url.Values{"id_token_hint": {tokens.Text("id_token")}}
	for name, page := range map[string]apptest.Response{
		"no hint":                ask(url.Values{}),
		"another session's hint": ask(url.Values{"id_token_hint": {stranger.Text("id_token")}}),
		"ahead of time":          ask(hint, "Sec-Purpose", "prefetch"),
	} {
		if page.StatusCode != http.StatusOK || !strings.Contains(string(page.Raw), `name="csrf"`) || !v.introspect(tokens.Text("access_token")) {
			t.Fatalf("%s: a link signed out, or no page: %d %s", name, page.StatusCode, page.Raw)
		}
	}
	done := ask(hint)
	if done.StatusCode != http.StatusSeeOther || !strings.HasPrefix(done.Header.Get("Location"), v.A.Base+"/oauth2/logout/done?") {
		t.Fatalf("%d %s", done.StatusCode, done.Raw)
	}
	if v.introspect(tokens.Text("access_token")) || v.refresh(tokens.Text("refresh_token")).StatusCode == http.StatusOK {
		t.Error("what was bound to the session lives on")
	}
	if end := v.Do(who.Browser, "GET", done.Header.Get("Location"), nil); end.StatusCode != http.StatusOK {
		t.Errorf("the end: %d %s", end.StatusCode, end.Raw)
	}
}

func BenchmarkClientCredentials(b *testing.B) {
	w := apptest.New(b)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"orgs.read"}, "client_id": {w.A.ClientID}, "client_secret": {w.A.ClientSecret}}.Encode()
	handler := w.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest("POST", "/t/acme/oauth2/token", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := &discard{header: http.Header{}}
		handler.ServeHTTP(rec, r)
		if rec.status != http.StatusOK {
			b.Fatal(rec.status)
		}
	}
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// TestAttack34_CertificateBehindProxy: a client whose TLS ends at a proxy is known by its certificate there, and nobody else can say
// that it was shown.
func TestAttack34_CertificateBehindProxy(t *testing.T) {
	for name, c := range map[string]struct {
		proxy string
		want  int
	}{"a trusted proxy": {"127.0.0.1/32", http.StatusOK}, "a stranger": {"192.0.2.1/32", http.StatusUnauthorized}} {
		v := newVendor(t, apptest.Configure(func(o *app.Options) {
			o.Config.ClientCertHeader, o.Config.TrustedProxies = "Client-Cert", []netip.Prefix{netip.MustParsePrefix(c.proxy)}
		}))
		key, err := jose.Generate(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		var jwk map[string]any
		if err := json.Unmarshal(key.PublicJWK(), &jwk); err != nil {
			t.Fatal(err)
		}
		made := v.Must(v.A, v.manage, "POST", "/orgs/root/apps", map[string]any{"name": "Machine", "template": "m2m"})
		v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+made["id"].(string)+"/oidc", map[string]any{"token_endpoint_auth_method": "self_signed_tls_client_auth",
			"jwks": map[string]any{"keys": []any{jwk}}, "tls_client_certificate_bound_access_tokens": true})
		header := ":" + base64.StdEncoding.EncodeToString(selfSigned(t, key, v.Clock.Now())) + ":"
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {made["client_id"].(string)}}
		got := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", form, "Client-Cert", header)
		if got.StatusCode != c.want || c.want != http.StatusOK && got.Code() != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
		if got := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", form); got.Code() != "invalid_client" {
			t.Errorf("%s, without the header: %d %s", name, got.StatusCode, got.Raw)
		}
	}
}

// selfSigned is a certificate of a key, in DER.
func selfSigned(t *testing.T, key *jose.Key, now time.Time) []byte {
	t.Helper()
	raw, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public().CryptoKey(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
