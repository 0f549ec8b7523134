package registration_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const callback = "https://agent.example/cb"

// vendor is a tenant with two customers, a person who belongs to both, and an API that is open to apps which describe themselves.
type vendor struct {
	*apptest.World
	manage       string
	api          string // id of the API resource
	north, south string
	user         string
}

func setup(t *testing.T) *vendor {
	t.Helper()
	w := apptest.New(t, apptest.Configure(func(o *app.Options) { o.Dev = true }))
	v := &vendor{World: w, manage: w.Token(w.A)}
	v.north = v.must("POST", "/orgs", map[string]any{"name": "North", "handle": "north"})["id"].(string)
	v.south = v.must("POST", "/orgs", map[string]any{"name": "South", "handle": "south"})["id"].(string)
	v.user = v.must("POST", "/orgs/north/users", map[string]any{"username": "eva@north.example", "email": "eva@north.example", "password": apptest.Password,
		"must_change_password": false})["id"].(string)
	v.must("PUT", "/orgs/south/members/"+v.user, nil)
	v.api = v.must("POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://mcp.example", "name": "Tools", "requires_authorization": false,
		"registered_clients": true, "scopes": []map[string]any{{"name": "tools.use"}}})["id"].(string)
	v.must("POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://inner.example", "name": "Inner", "requires_authorization": false,
		"scopes": []map[string]any{{"name": "inner.use"}}})
	return v
}

func (v *vendor) must(method, path string, body any) map[string]any {
	return v.Must(v.A, v.manage, method, path, body)
}

func (v *vendor) policy(org string, settings map[string]any) {
	v.must("PATCH", "/orgs/"+org+"/settings/client_registration", settings)
}

// register sends metadata to the registration endpoint.
func (v *vendor) register(token string, metadata any) apptest.Response {
	return v.manageAt("POST", v.A.Base+"/oauth2/register", token, metadata)
}

func (v *vendor) manageAt(method, at, token string, metadata any) apptest.Response {
	var headers []string
	if token != "" {
		headers = []string{"Authorization", "Bearer " + token}
	}
	return v.Do(v.Client(), method, at, metadata, headers...)
}

func (v *vendor) initial(org string, more map[string]any) string {
	body := map[string]any{"name": "Partners"}
	for name, value := range more {
		body[name] = value
	}
	return v.must("POST", "/orgs/"+org+"/registration-tokens", body)["token"].(string)
}

// agent is metadata of a public client, with changes.
func agent(changes map[string]any) map[string]any {
	m := map[string]any{"client_name": "Agent", "redirect_uris": []string{callback}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}}
	for name, value := range changes {
		m[name] = value
	}
	return m
}

func (v *vendor) person(clientID, secret, org string) apptest.SignIn {
	return apptest.SignIn{ClientID: clientID, ClientSecret: secret, Org: org, RedirectURI: callback, Scope: "openid tools.use inner.use orgs.read offline_access",
		Username: "eva@north.example", Password: apptest.Password}
}

func (v *vendor) appOf(clientID string) map[string]any {
	for _, item := range v.must("GET", "/orgs/root/apps?page_size=100", nil)["items"].([]any) {
		if a := item.(map[string]any); a["client_id"] == clientID {
			return a
		}
	}
	return nil
}

func (v *vendor) refresh(clientID, token string) apptest.Response {
	return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}})
}

// publisher serves one document that a test can change.
type publisher struct {
	*httptest.Server
	mu       sync.Mutex
	document map[string]any
	headers  map[string]string
	status   int
	reads    int
}

func publish(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{status: http.StatusOK, headers: map[string]string{"Content-Type": "application/json"}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.document = agent(map[string]any{"client_id": p.id()})
	delete(p.document, "token_endpoint_auth_method")
	return p
}

func (p *publisher) id() string { return p.URL + "/oauth/client.json" }

func (p *publisher) change(f func(*publisher)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *publisher) seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reads
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	for name, value := range p.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(p.document)
}
