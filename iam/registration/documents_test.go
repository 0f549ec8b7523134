package registration_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
)

// authorize sends a browser to the authorization endpoint and returns what it shows.
func (v *vendor) authorize(base, clientID string) apptest.Response {
	q := url.Values{"client_id": {clientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}}
	return v.Do(v.Client(), "GET", base+"/oauth2/authorize?"+q.Encode(), nil)
}

// TestDocument: a client that nobody registered signs a person in by the address of its description, and asks for what is open
// to such clients.
func TestDocument(t *testing.T) {
	v, p := setup(t), publish(t)
	if r := v.authorize(v.A.Base, p.id()); r.StatusCode != 400 || p.seen() != 0 {
		t.Errorf("nobody let it in: %d, read %d times", r.StatusCode, p.seen())
	}
	v.policy("root", map[string]any{"client_id_documents": []string{p.URL}})
	metadata := v.Do(v.Client(), "GET", v.A.Base+"/.well-known/oauth-authorization-server", nil)
	if metadata.JSON["client_id_metadata_document_supported"] != true || metadata.JSON["registration_endpoint"] != nil {
		t.Errorf("%s", metadata.Raw)
	}
	tokens := v.Tokens(v.A, v.person(p.id(), "", "north"))
	if !strings.Contains(tokens.Text("scope"), "tools.use") || strings.Contains(tokens.Text("scope"), "inner") || strings.Contains(tokens.Text("scope"), "orgs") {
		t.Errorf("scope %q", tokens.Text("scope"))
	}
	if r := v.refresh(p.id(), tokens.Text("refresh_token")); r.StatusCode != 200 {
		t.Errorf("refresh: %d %s", r.StatusCode, r.Raw)
	}
	v.Tokens(v.A, v.person(p.id(), "", "south"))
	if p.seen() != 1 {
		t.Errorf("read %d times", p.seen())
	}
	a := v.appOf(p.id())
	if a["source"] != "document" || a["client_type"] != "public" {
		t.Errorf("%v", a)
	}
	// The document says what the app is; whether it works at all an administrator says.
	app := "/orgs/root/apps/" + a["id"].(string)
	for path, body := range map[string]map[string]any{app: {"name": "Mine"}, app + "/oidc": {"redirect_uris": []string{"https://thief.example/"}}} {
		if r := v.API(v.A, v.manage, "PATCH", path, body); r.StatusCode != 409 || r.Code() != "app.described_elsewhere" {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Raw)
		}
	}
	v.must("PATCH", app, map[string]any{"enabled": false})
	if r := v.authorize(v.A.Base, p.id()); r.StatusCode == 303 {
		t.Error("a disabled app goes on")
	}
}

// TestDocumentFreshness: a document is believed as long as it says, within bounds, and a day longer while it cannot be read.
func TestDocumentFreshness(t *testing.T) {
	v, p := setup(t), publish(t)
	v.policy("root", map[string]any{"client_id_documents": []string{p.URL}})
	p.change(func(p *publisher) { p.headers["Cache-Control"] = "public, max-age=7200" })
	good := func() bool { return v.authorize(v.A.Base, p.id()).StatusCode == 303 }
	if !good() {
		t.Fatal("not let in")
	}
	v.Clock.Advance(time.Hour + 59*time.Minute)
	if !good() || p.seen() != 1 {
		t.Errorf("read %d times within its life", p.seen())
	}
	v.Clock.Advance(2 * time.Minute)
	p.change(func(p *publisher) {
		p.document["redirect_uris"] = []string{"https://agent.example/moved"}
		p.headers["Cache-Control"] = "no-store"
	})
	if good() || p.seen() != 2 {
		t.Errorf("the old address is good after the document changed, read %d times", p.seen())
	}
	p.change(func(p *publisher) {
		p.document["redirect_uris"] = []string{callback}
		p.status = http.StatusInternalServerError
	})
	v.Clock.Advance(4 * time.Minute)
	if good(); p.seen() != 2 {
		t.Error("no-store makes us read at every request")
	}
	p.change(func(p *publisher) { p.status = http.StatusOK })
	v.Clock.Advance(2 * time.Minute)
	if !good() {
		t.Error("the new document is not read")
	}
	p.change(func(p *publisher) { p.status = http.StatusNotFound })
	v.Clock.Advance(20 * time.Hour)
	if !good() {
		t.Error("a document that cannot be read for less than a day stops its app")
	}
	before := p.seen()
	if good(); p.seen() != before {
		t.Error("it is asked again at once")
	}
	v.Clock.Advance(5 * time.Hour)
	if good() {
		t.Error("a document that has been gone for a day is still believed")
	}
}

// TestDocumentStaysTheApps: an app that an administrator has authorized goes on saying by its document where its codes go.
func TestDocumentStaysTheApps(t *testing.T) {
	v, p := setup(t), publish(t)
	v.policy("root", map[string]any{"client_id_documents": []string{p.URL}})
	if r := v.authorize(v.A.Base, p.id()); r.StatusCode != 303 {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	app := "/orgs/root/apps/" + v.appOf(p.id())["id"].(string)
	v.must("PUT", app+"/authorized-apis", map[string]any{"resource": v.resource("https://inner.example"), "policy": "none", "scopes": []string{"inner.use"}})
	p.change(func(p *publisher) { p.document["redirect_uris"] = []string{"https://agent.example/moved"} })
	v.Clock.Advance(2 * time.Hour)
	v.manage = v.Token(v.A)
	if r := v.authorize(v.A.Base, p.id()); r.StatusCode == 303 {
		t.Error("the old address is still good")
	}
	if uris := v.must("GET", app+"/oidc", nil)["redirect_uris"].([]any); len(uris) != 1 || uris[0] != "https://agent.example/moved" {
		t.Errorf("%v", uris)
	}
}

// TestAttack36_Documents: nothing is fetched for addresses that nobody let in, and what a document may not say is refused.
func TestAttack36_Documents(t *testing.T) {
	v, p := setup(t), publish(t)
	v.policy("root", map[string]any{"client_id_documents": []string{p.URL + "/oauth/"}})
	for name, id := range map[string]string{
		"another host": "https://agent.example/client.json", "another path": p.URL + "/other.json", "dots": p.URL + "/oauth/../other.json", "fragment": p.id() + "#x",
		"user": strings.Replace(p.id(), "http://", "http://me@", 1), "no path": p.URL, "long": p.URL + "/oauth/" + strings.Repeat("x", 300),
		"encoded dots": p.URL + "/oauth/%2e%2e/other.json", "capital": strings.ToUpper(p.URL) + "/oauth/client.json", "cloud": "http://169.254.169.254/oauth/client.json",
	} {
		if r := v.authorize(v.A.Base, id); r.StatusCode != 400 || p.seen() != 0 {
			t.Errorf("%s: %d, read %d times", name, r.StatusCode, p.seen())
		}
	}
	original := p.document
	for name, change := range map[string]func(*publisher){
		"another client_id": func(p *publisher) { p.document["client_id"] = "https://agent.example/client.json" },
		"no client_id":      func(p *publisher) { delete(p.document, "client_id") },
		"a secret":          func(p *publisher) { p.document["client_secret"] = "x" },
		"secret method":     func(p *publisher) { p.document["token_endpoint_auth_method"] = "client_secret_post" },
		"machine":           func(p *publisher) { p.document["grant_types"] = []string{"client_credentials"} },
		"no redirects":      func(p *publisher) { delete(p.document, "redirect_uris") },
		"javascript":        func(p *publisher) { p.document["redirect_uris"] = []string{"javascript:alert(1)"} },
		"page":              func(p *publisher) { p.headers["Content-Type"] = "text/html" },
		"redirected": func(p *publisher) {
			p.status = http.StatusFound
			p.headers["Location"] = p.URL + "/oauth/client.json?x"
		},
		"large": func(p *publisher) { p.document["x"] = strings.Repeat("x", 40_000) },
	} {
		v.Clock.Advance(11 * time.Second) // past the pause after a failure
		p.change(func(p *publisher) {
			p.document, p.status, p.headers = map[string]any{}, http.StatusOK, map[string]string{"Content-Type": "application/json"}
			for k, m := range original {
				p.document[k] = m
			}
			change(p)
		})
		if r := v.authorize(v.A.Base, p.id()); r.StatusCode < 400 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Header.Get("Location"))
		}
	}
	if v.appOf(p.id()) != nil {
		t.Error("an app was made")
	}
}

// TestAttack22_DocumentsOfOrganizations: each organization says for itself whose apps it lets in.
func TestAttack22_DocumentsOfOrganizations(t *testing.T) {
	v, p := setup(t), publish(t)
	v.policy("north", map[string]any{"client_id_documents": []string{p.URL}})
	if r := v.authorize(v.A.Base, p.id()); r.StatusCode != 400 || p.seen() != 0 {
		t.Errorf("the root lets nobody in: %d, read %d times", r.StatusCode, p.seen())
	}
	if r := v.authorize(v.A.Base+"/o/south", p.id()); r.StatusCode != 400 || p.seen() != 0 {
		t.Errorf("south lets nobody in: %d, read %d times", r.StatusCode, p.seen())
	}
	if r := v.authorize(v.A.Base+"/o/north", p.id()); r.StatusCode != 303 {
		t.Errorf("north lets it in: %d %s", r.StatusCode, r.Raw)
	}
	v.Tokens(v.A, v.person(p.id(), "", "north"))
	if q := v.Code(v.A, v.person(p.id(), "", "south")); q.Get("error") != "access_denied" {
		t.Errorf("signed in to south: %v", q)
	}
	if a := v.API(v.B, v.Token(v.B), "GET", "/orgs/root/apps", nil); strings.Contains(string(a.Raw), p.URL) {
		t.Error("the other tenant has it")
	}
}

// TestPolicyRefuses: what would let everybody in, or nobody, cannot be set.
func TestPolicyRefuses(t *testing.T) {
	v := setup(t)
	for name, settings := range map[string]map[string]any{
		"everybody":     {"client_id_documents": []string{"https://*"}},
		"a whole tld":   {"client_id_documents": []string{"https://*.com"}},
		"middle":        {"client_id_documents": []string{"https://a.*.example"}},
		"http":          {"client_id_documents": []string{"http://agent.example"}},
		"half a path":   {"client_id_documents": []string{"https://agent.example/oauth"}},
		"query":         {"client_id_documents": []string{"https://agent.example/?x=1"}},
		"user":          {"client_id_documents": []string{"https://me@agent.example"}},
		"no scheme":     {"client_id_documents": []string{"agent.example"}},
		"unknown way":   {"dynamic_registration": "always"},
		"half a trust":  {"software_statement_issuer": "https://registry.example"},
		"without trust": {"software_statement_required": true},
		"keys":          {"software_statement_issuer": "x", "software_statement_jwks_uri": "file:///k"},
	} {
		if r := v.API(v.A, v.manage, "PATCH", "/orgs/root/settings/client_registration", settings); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	v.policy("root", map[string]any{"client_id_documents": []string{"https://agent.example", "https://*.agent.example", "https://host.example:8443/oauth/"}})
}

// TestMCP: an assistant that knows nothing but the address of a tool server finds its way, back to whatever port is free on its
// person's machine, with a token that is for that server alone.
func TestMCP(t *testing.T) {
	v, p := setup(t), publish(t)
	p.change(func(p *publisher) { p.document["redirect_uris"] = []string{"http://127.0.0.1/callback"} })
	v.policy("root", map[string]any{"client_id_documents": []string{p.URL}})
	// RFC 8414, section 3.1: the path of an issuer comes after the well-known part.
	issuer, err := url.Parse(v.A.Base)
	if err != nil {
		t.Fatal(err)
	}
	found := v.Do(v.Client(), "GET", issuer.Scheme+"://"+issuer.Host+"/.well-known/oauth-authorization-server"+issuer.Path, nil, "Origin", "https://inspector.example")
	if found.Text("issuer") != v.A.Base || found.JSON["client_id_metadata_document_supported"] != true || found.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %s", found.StatusCode, found.Raw)
	}
	s := v.person(p.id(), "", "north")
	s.RedirectURI = "http://127.0.0.1:33418/callback"
	s.Scope = "tools.use"
	tokens := v.Tokens(v.A, s)
	var claims struct {
		Aud any    `json:"aud"`
		Org string `json:"org_id"`
		Sub string `json:"sub"`
	}
	part := strings.Split(tokens.Text("access_token"), ".")[1]
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil || claims.Org != v.north || claims.Sub != v.user || !reflect.DeepEqual(claims.Aud, "https://mcp.example") && !reflect.DeepEqual(claims.Aud, []any{"https://mcp.example"}) {
		t.Errorf("%s, %v", raw, err)
	}
}
