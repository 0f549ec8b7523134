package registration_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
	"grove/infra/jose"
)

// TestRegister: a client registers itself, signs a person in, and gets what is open to such clients and nothing else.
func TestRegister(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	metadata := v.Do(v.Client(), "GET", v.A.Base+"/.well-known/oauth-authorization-server", nil)
	if metadata.Text("registration_endpoint") != v.A.Base+"/oauth2/register" {
		t.Errorf("the metadata does not tell of the endpoint: %s", metadata.Raw)
	}
	made := v.register("", agent(map[string]any{"client_uri": "https://agent.example/", "contacts": []string{"ops@agent.example"}, "software_id": "agent", "policy_uri": "https://agent.example/privacy", "tos_uri": "https://agent.example/terms", "authorization_details_types": []string{"payment"}, "unheard_of": true}))
	id := made.Text("client_id")
	if made.StatusCode != http.StatusCreated || id == "" || made.JSON["client_secret"] != nil || made.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", made.StatusCode, made.Raw)
	}
	for name, want := range map[string]any{"client_name": "Agent", "token_endpoint_auth_method": "none", "application_type": "web", "id_token_signed_response_alg": "RS256",
		"client_uri": "https://agent.example/", "software_id": "agent", "policy_uri": "https://agent.example/privacy", "tos_uri": "https://agent.example/terms", "registration_client_uri": v.A.Base + "/oauth2/register/" + id,
		"contacts": []any{"ops@agent.example"}, "authorization_details_types": []any{"payment"}, "redirect_uris": []any{callback}} {
		if !reflect.DeepEqual(made.JSON[name], want) {
			t.Errorf("%s is %v", name, made.JSON[name])
		}
	}
	tokens := v.Tokens(v.A, v.person(id, "", "north"))
	if scope := tokens.Text("scope"); scope != "offline_access openid tools.use" && scope != "openid tools.use offline_access" && scope != "openid offline_access tools.use" {
		t.Errorf("scope %q", scope)
	}
	if r := v.refresh(id, tokens.Text("refresh_token")); r.StatusCode != 200 {
		t.Errorf("refresh: %d %s", r.StatusCode, r.Raw)
	}
	if a := v.appOf(id); a["source"] != "registered" || a["enabled"] != true {
		t.Errorf("the console is told %v", a)
	}
	if o := v.must("GET", "/orgs/root/apps/"+v.appOf(id)["id"].(string)+"/oidc", nil); o["policy_uri"] != "https://agent.example/privacy" || o["tos_uri"] != "https://agent.example/terms" {
		t.Errorf("the app's pages are %v, %v", o["policy_uri"], o["tos_uri"])
	}
	for query, want := range map[string]int{"source=registered&q=agent": 1, "source=managed&q=agent": 0, "source=registered&q=robot": 0, "source=document": 0} { // by client_name, for administrators
		if listed := v.must("GET", "/orgs/root/apps?"+query, nil)["items"].([]any); len(listed) != want {
			t.Errorf("%s: %v", query, listed)
		}
	}
	// A confidential client has a secret, two of one name are two clients, and web_message stays out.
	secret := v.register("", agent(map[string]any{"token_endpoint_auth_method": "client_secret_basic"}))
	if secret.Text("client_secret") == "" || secret.JSON["client_secret_expires_at"] != 0.0 || secret.Text("client_id") == id {
		t.Errorf("%d %s", secret.StatusCode, secret.Raw)
	}
	events := v.must("GET", "/orgs/root/events?type=app.registered", nil)["items"].([]any)
	if len(events) != 2 {
		t.Errorf("%d events", len(events))
	}
}

func TestRegisterWithToken(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "token"})
	once := v.initial("root", map[string]any{"uses": 1})
	machine := map[string]any{"grant_types": []string{"client_credentials"}, "client_name": "Robot"}
	if r := v.register("", machine); r.StatusCode != 401 || !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("without a token: %d %s", r.StatusCode, r.Raw)
	}
	basic := map[string]any{"grant_types": machine["grant_types"], "client_name": "Robot", "token_endpoint_auth_method": "client_secret_post"}
	made := v.register(once, basic)
	if made.StatusCode != 201 || made.Text("client_secret") == "" {
		t.Fatalf("%d %s", made.StatusCode, made.Raw)
	}
	// What is open to apps that describe themselves is bounded by people's roles and consent: a machine has neither.
	own := func(more url.Values) apptest.Response {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {made.Text("client_id")}, "client_secret": {made.Text("client_secret")}}
		maps.Copy(form, more)
		return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", form)
	}
	if r := own(nil); r.StatusCode != 200 || r.Text("scope") != "" {
		t.Errorf("a machine that asks for nothing: %d %s", r.StatusCode, r.Raw)
	}
	if r := own(url.Values{"scope": {"tools.use inner.use"}}); r.StatusCode != 400 || r.Code() != "invalid_scope" {
		t.Errorf("a machine that asks: %d %s", r.StatusCode, r.Raw)
	}
	if r := own(url.Values{"resource": {"https://mcp.example"}}); r.Code() != "invalid_target" {
		t.Errorf("a token for the API without its scopes: %d %s", r.StatusCode, r.Raw)
	}
	for name, token := range map[string]string{"used up": once, "another's": v.initial("north", nil), "garbage": "grv_ri_x", "a management token": v.manage} {
		if r := v.register(token, machine); r.StatusCode != 401 || r.Code() != "invalid_token" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	late := v.initial("root", map[string]any{"expires_at": v.Clock.Now().Add(time.Hour).Format(time.RFC3339)})
	listed := v.must("GET", "/orgs/root/registration-tokens", nil)["items"].([]any)
	if len(listed) != 2 || listed[0].(map[string]any)["uses_left"] != 0.0 || strings.Contains(string(mustJSON(listed)), late) {
		t.Errorf("%v", listed)
	}
	v.Clock.Advance(2 * time.Hour)
	v.manage = v.Token(v.A)
	if r := v.register(late, machine); r.StatusCode != 401 {
		t.Errorf("expired: %d %s", r.StatusCode, r.Raw)
	}
	gone := v.must("POST", "/orgs/root/registration-tokens", map[string]any{"name": "Gone"})
	v.must("DELETE", "/orgs/root/registration-tokens/"+gone["id"].(string), nil)
	if r := v.register(gone["token"].(string), machine); r.StatusCode != 401 {
		t.Errorf("taken away: %d %s", r.StatusCode, r.Raw)
	}
}

func mustJSON(v any) []byte { raw, _ := json.Marshal(v); return raw }

// TestRegisterRefuses: what cannot be registered is refused with the codes of RFC 7591, and nothing is made.
func TestRegisterRefuses(t *testing.T) {
	v := setup(t)
	if r := v.register("", agent(nil)); r.StatusCode != 403 || r.Code() != "access_denied" {
		t.Errorf("switched off: %d %s", r.StatusCode, r.Raw)
	}
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	for name, c := range map[string]struct {
		changes map[string]any
		code    string
	}{
		"no redirect":            {map[string]any{"redirect_uris": []string{}}, "invalid_redirect_uri"},
		"javascript":             {map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}, "invalid_redirect_uri"},
		"data":                   {map[string]any{"redirect_uris": []string{"data:text/html,x"}, "application_type": "native"}, "invalid_redirect_uri"},
		"http":                   {map[string]any{"redirect_uris": []string{"http://agent.example/cb"}}, "invalid_redirect_uri"},
		"fragment":               {map[string]any{"redirect_uris": []string{callback + "#x"}}, "invalid_redirect_uri"},
		"dots":                   {map[string]any{"redirect_uris": []string{"https://agent.example/a/../cb"}}, "invalid_redirect_uri"},
		"wildcard":               {map[string]any{"redirect_uris": []string{"https://*.example/cb"}}, "invalid_redirect_uri"},
		"machine":                {map[string]any{"grant_types": []string{"client_credentials"}, "token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"},
		"exchange":               {map[string]any{"grant_types": []string{"urn:ietf:params:oauth:grant-type:token-exchange"}}, "invalid_client_metadata"},
		"password":               {map[string]any{"grant_types": []string{"password"}}, "invalid_client_metadata"},
		"grove's own method":     {map[string]any{"token_endpoint_auth_method": "client_secret"}, "invalid_client_metadata"},
		"no keys":                {map[string]any{"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"},
		"private key":            {map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "AAAA"}}}}, "invalid_client_metadata"},
		"two kinds of keys":      {map[string]any{"jwks_uri": "https://agent.example/k", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC"}}}}, "invalid_client_metadata"},
		"jwks_uri of the cloud":  {map[string]any{"jwks_uri": "http://169.254.169.254/latest"}, "invalid_client_metadata"},
		"logo":                   {map[string]any{"logo_uri": "file:///etc/passwd"}, "invalid_client_metadata"},
		"terms":                  {map[string]any{"tos_uri": "javascript:alert(1)"}, "invalid_client_metadata"},
		"alg none":               {map[string]any{"id_token_signed_response_alg": "none"}, "invalid_client_metadata"},
		"alg HS256":              {map[string]any{"userinfo_signed_response_alg": "HS256"}, "invalid_client_metadata"},
		"encryption without key": {map[string]any{"id_token_encrypted_response_alg": "RSA-OAEP"}, "invalid_client_metadata"},
		"encryption by RSA1_5":   {map[string]any{"id_token_encrypted_response_alg": "RSA1_5", "jwks_uri": "https://agent.example/k"}, "invalid_client_metadata"},
		"enc alone":              {map[string]any{"userinfo_encrypted_response_enc": "A128GCM"}, "invalid_client_metadata"},
		"subjects":               {map[string]any{"subject_type": "ephemeral"}, "invalid_client_metadata"},
		"sector":                 {map[string]any{"sector_identifier_uri": "https://169.254.169.254/"}, "invalid_client_metadata"},
		"implicit without grant": {map[string]any{"response_types": []string{"token"}}, "invalid_client_metadata"},
		"no such response":       {map[string]any{"response_types": []string{"none"}}, "invalid_client_metadata"},
		"a statement":            {map[string]any{"software_statement": "a.b.c"}, "unapproved_software_statement"},
		"wrong type":             {map[string]any{"redirect_uris": callback}, "invalid_client_metadata"},
		"back-channel":           {map[string]any{"backchannel_logout_uri": "ftp://agent.example"}, "invalid_client_metadata"},
	} {
		if r := v.register("", agent(c.changes)); r.StatusCode != 400 || r.Code() != c.code || r.Text("error_description") == "" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	for name, body := range map[string]string{"list": `[]`, "text": `"x"`, "broken": `{`, "empty": ``, "large": `{"client_name":"` + strings.Repeat("x", 70_000) + `"}`} {
		if r := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/register", body); r.StatusCode != 400 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	if items := v.must("GET", "/orgs/root/apps?page_size=100", nil)["items"].([]any); len(items) != 3 { // console, portal, the test's own
		t.Errorf("%d apps", len(items))
	}
}

// TestManage: RFC 7592, as an app does it that changes its mind.
func TestManage(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	made := v.register("", agent(nil))
	at, token := made.Text("registration_client_uri"), made.Text("registration_access_token")
	if r := v.manageAt("GET", at, token, nil); r.StatusCode != 200 || r.Text("client_name") != "Agent" || r.Text("registration_access_token") != token {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	id := made.Text("client_id")
	changed := v.manageAt("PUT", at, token, agent(map[string]any{"client_id": id, "client_name": "Agent 2", "redirect_uris": []string{"https://agent.example/other"}}))
	if changed.StatusCode != 200 || changed.Text("client_name") != "Agent 2" || v.appOf(id)["name"] != "Agent 2" {
		t.Errorf("%d %s", changed.StatusCode, changed.Raw)
	}
	for name, body := range map[string]map[string]any{
		"another client_id": agent(map[string]any{"client_id": "console"}),
		"no client_id":      agent(nil),
		"wrong secret":      agent(map[string]any{"client_id": id, "client_secret": "grv_cs_x"}),
		"made confidential": agent(map[string]any{"client_id": id, "token_endpoint_auth_method": "client_secret_basic"}),
	} {
		if r := v.manageAt("PUT", at, token, body); r.StatusCode != 400 || r.Code() != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	other := v.register("", agent(nil))
	for name, with := range map[string]string{"another's": other.Text("registration_access_token"), "none": "", "garbage": "x", "a management token": v.manage} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if r := v.manageAt(method, at, with, agent(map[string]any{"client_id": id})); r.StatusCode != 401 {
				t.Errorf("%s %s: %d %s", method, name, r.StatusCode, r.Raw)
			}
		}
	}
	if r := v.manageAt("GET", v.A.Base+"/oauth2/register/console", token, nil); r.StatusCode != 401 {
		t.Errorf("a built-in app: %d %s", r.StatusCode, r.Raw)
	}
	if r := v.manageAt("DELETE", at, token, nil); r.StatusCode != 204 {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	if r := v.manageAt("GET", at, token, nil); r.StatusCode != 401 || v.appOf(id) != nil {
		t.Errorf("after the end: %d %s", r.StatusCode, r.Raw)
	}
}

// TestAttack22_RegistrationToken: the token of a registration cannot enable the app again, and cannot take over what an
// administrator gave it.
func TestAttack22_RegistrationToken(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	made := v.register("", agent(nil))
	at, token, id := made.Text("registration_client_uri"), made.Text("registration_access_token"), made.Text("client_id")
	app := "/orgs/root/apps/" + v.appOf(id)["id"].(string)
	settled := agent(map[string]any{"client_id": id, "skip_consent": true, "enabled": true, "builtin": true, "source": "managed", "token_exchange_audiences": []string{"https://mcp.example"}, "access_token_seconds": 86400})
	if r := v.manageAt("PUT", at, token, settled); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	if oidc := v.must("GET", app+"/oidc", nil); oidc["skip_consent"] != false || len(oidc["token_exchange_audiences"].([]any)) != 0 || oidc["access_token_seconds"] != 0.0 {
		t.Errorf("the app set what is an administrator's: %v", oidc)
	}
	v.must("PATCH", app+"/oidc", map[string]any{"access_token_seconds": 300, "require_dpop_nonce": true, "require_pushed_authorization_requests": true})
	if r := v.manageAt("PUT", at, token, agent(map[string]any{"client_id": id, "client_name": "Agent 3", "require_pushed_authorization_requests": false})); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	if oidc := v.must("GET", app+"/oidc", nil); oidc["access_token_seconds"] != 300.0 || oidc["require_dpop_nonce"] != true || oidc["require_pushed_authorization_requests"] != true {
		t.Errorf("the app undid what an administrator set: %v", oidc)
	}
	if r := v.API(v.A, v.manage, "PATCH", app+"/oidc", map[string]any{"grant_types": []string{"authorization_code", "password"}}); r.Code() != "app.grant_types" {
		t.Errorf("an app that nobody knows is given people's passwords: %d %s", r.StatusCode, r.Raw)
	}
	v.must("PATCH", app+"/oidc", map[string]any{"require_pushed_authorization_requests": false})
	if e := v.must("GET", "/orgs/root/events?type=app.updated", nil)["items"].([]any); !strings.Contains(string(mustJSON(e)), `"fields":["name"]`) {
		t.Errorf("the log does not say what changed: %s", mustJSON(e))
	}
	// Authorized for an API: codes go on going where the administrator saw them go.
	inner := v.resource("https://inner.example")
	v.must("POST", "/orgs/root/api-resources/"+inner+"/authorization-details-types", map[string]any{"type": "payment", "name": "Payment", "schema": map[string]any{}})
	for _, given := range []map[string]any{{"scopes": []string{}, "authorization_details_types": []string{"payment"}}, {"scopes": []string{"inner.use"}}} {
		given["resource"], given["policy"] = inner, "none"
		v.must("PUT", app+"/authorized-apis", given)
		for name, changes := range map[string]map[string]any{
			"redirect": {"redirect_uris": []string{"https://thief.example/cb"}}, "grants": {"grant_types": []string{"authorization_code", "urn:ietf:params:oauth:grant-type:device_code"}},
			"response": {"response_types": []string{"code", "token"}, "grant_types": []string{"authorization_code", "refresh_token", "implicit"}},
		} {
			changes["client_id"] = id
			if r := v.manageAt("PUT", at, token, agent(changes)); r.StatusCode != 403 {
				t.Errorf("%v, %s: %d %s", given, name, r.StatusCode, r.Raw)
			}
		}
	}
	if r := v.manageAt("PUT", at, token, agent(map[string]any{"client_id": id, "client_name": "Renamed"})); r.StatusCode != 200 {
		t.Errorf("a name: %d %s", r.StatusCode, r.Raw)
	}
	v.must("PATCH", app, map[string]any{"enabled": false})
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if r := v.manageAt(method, at, token, agent(map[string]any{"client_id": id})); r.StatusCode != 401 {
			t.Errorf("%s of a disabled app: %d %s", method, r.StatusCode, r.Raw)
		}
	}
	if v.appOf(id)["enabled"] != false {
		t.Error("the app has enabled itself")
	}
}

func (v *vendor) resource(identifier string) string {
	for _, item := range v.must("GET", "/orgs/root/api-resources?page_size=100", nil)["items"].([]any) {
		if a := item.(map[string]any); a["identifier"] == identifier {
			return a["id"].(string)
		}
	}
	return ""
}

// TestAttack22_Organizations: an organization that lets no such app in has none, whatever is above it, and what it makes stays
// within it.
func TestAttack22_Organizations(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	id := v.register("", agent(nil)).Text("client_id")
	tokens := v.Tokens(v.A, v.person(id, "", "north"))
	v.policy("north", map[string]any{"dynamic_registration": "off"})
	if q := v.Code(v.A, v.person(id, "", "north")); q.Get("error") != "access_denied" {
		t.Errorf("signed in where it is not let in: %v", q)
	}
	if r := v.refresh(id, tokens.Text("refresh_token")); r.StatusCode != 400 {
		t.Errorf("refreshed where it is not let in any more: %d %s", r.StatusCode, r.Raw)
	}
	v.Tokens(v.A, v.person(id, "", "south"))
	if r := v.manageAt("POST", v.A.Base+"/o/north/oauth2/register", "", agent(nil)); r.StatusCode != 403 {
		t.Errorf("registered where it is off: %d %s", r.StatusCode, r.Raw)
	}
	if m := v.Do(v.Client(), "GET", v.A.Base+"/o/north/.well-known/openid-configuration", nil); m.Text("registration_endpoint") != "" {
		t.Error("the metadata tells of an endpoint that is off")
	}
	// What registers with an organization is its own.
	own := v.manageAt("POST", v.A.Base+"/o/south/oauth2/register", "", agent(nil))
	if own.StatusCode != 201 {
		t.Fatalf("%d %s", own.StatusCode, own.Raw)
	}
	if q := v.Code(v.A, v.person(own.Text("client_id"), "", "north")); q.Get("error") != "access_denied" {
		t.Errorf("south's app in north: %v", q)
	}
	if r := v.manageAt("GET", strings.Replace(own.Text("registration_client_uri"), "/t/acme/", "/t/umbra/", 1), own.Text("registration_access_token"), nil); r.StatusCode == 200 {
		t.Errorf("managed from another tenant: %s", r.Raw)
	}
}

// TestAttack22_OrganizationsToChooseFrom: who names no organization is offered those that let the app in, whichever way it came.
func TestAttack22_OrganizationsToChooseFrom(t *testing.T) {
	v := setup(t)
	site := publish(t)
	v.policy("root", map[string]any{"client_id_documents": []string{site.URL}, "dynamic_registration": "open"})
	registered := v.register("", agent(nil)).Text("client_id")
	for _, closed := range []struct{ org, other string }{{"north", v.south}, {"south", v.north}} {
		v.policy(closed.org, map[string]any{"client_id_documents": []string{}, "dynamic_registration": "off"})
		for what, id := range map[string]string{"registered": registered, "document": site.id()} {
			if got := orgOf(t, v.Tokens(v.A, v.person(id, "", "")).Text("access_token")); got != closed.other {
				t.Errorf("%s, %s closed: signed in to %v", what, closed.org, got)
			}
		}
		if closed.org == "north" {
			v.policy("north", map[string]any{"client_id_documents": nil, "dynamic_registration": nil})
		}
	}
	v.policy("north", map[string]any{"client_id_documents": []string{}, "dynamic_registration": "off"})
	for what, id := range map[string]string{"registered": registered, "document": site.id()} {
		if q := v.Code(v.A, v.person(id, "", "")); q.Get("error") != "access_denied" {
			t.Errorf("%s: signed in where nobody lets it in: %v", what, q)
		}
	}
}

func orgOf(t *testing.T, accessToken string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(accessToken, ".")[1])
	var claims struct {
		Org string `json:"org_id"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.Org
}

// TestOpenRegistrationIsBounded: nobody fills the database, and what nobody uses goes.
func TestOpenRegistrationIsBounded(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	used := v.register("", agent(nil)).Text("client_id")
	v.Tokens(v.A, v.person(used, "", "north"))
	for range 99 {
		if r := v.register("", agent(nil)); r.StatusCode != 201 {
			t.Fatalf("%d %s", r.StatusCode, r.Raw)
		}
	}
	if r := v.register("", agent(nil)); r.StatusCode != 503 || r.Code() != "temporarily_unavailable" {
		t.Errorf("the hundred and first: %d %s", r.StatusCode, r.Raw)
	}
	v.Clock.Advance(8 * 24 * time.Hour)
	v.manage = v.Token(v.A)
	if err := v.Parts.Registration.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, item := range v.must("GET", "/orgs/root/apps?page_size=100", nil)["items"].([]any) {
		if item.(map[string]any)["source"] == "registered" {
			left++
		}
	}
	if left != 1 || v.appOf(used) == nil {
		t.Errorf("%d registered apps are left", left)
	}
}

// TestSoftwareStatement: what an issuer that the organization trusts has signed takes the place of what the app says.
func TestSoftwareStatement(t *testing.T) {
	v := setup(t)
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	other, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(jose.JWKSet(key.Public()))
	}))
	t.Cleanup(keys.Close)
	const issuer = "https://registry.example"
	v.policy("root", map[string]any{"dynamic_registration": "open", "software_statement_issuer": issuer, "software_statement_jwks_uri": keys.URL, "software_statement_required": true})
	statement := func(by *jose.Key, changes map[string]any) map[string]any {
		claims := map[string]any{"iss": issuer, "iat": v.Clock.Now().Unix(), "client_name": "Vetted", "software_id": "vetted", "redirect_uris": []string{callback}}
		for name, value := range changes {
			claims[name] = value
		}
		signed, err := by.SignJSON("JWT", claims)
		if err != nil {
			t.Fatal(err)
		}
		return agent(map[string]any{"software_statement": signed, "client_name": "Whatever", "redirect_uris": []string{"https://thief.example/cb"}})
	}
	made := v.register("", statement(key, nil))
	if made.StatusCode != 201 || made.Text("client_name") != "Vetted" || made.Text("software_id") != "vetted" || made.Text("software_statement") == "" ||
		!reflect.DeepEqual(made.JSON["redirect_uris"], []any{callback}) {
		t.Errorf("%d %s", made.StatusCode, made.Raw)
	}
	for name, c := range map[string]struct {
		metadata map[string]any
		code     string
	}{
		"none":           {agent(nil), "unapproved_software_statement"},
		"another issuer": {statement(key, map[string]any{"iss": "https://other.example"}), "unapproved_software_statement"},
		"another key":    {statement(other, nil), "invalid_software_statement"},
		"expired":        {statement(key, map[string]any{"exp": v.Clock.Now().Unix() - 120}), "invalid_software_statement"},
		"years old":      {statement(key, map[string]any{"iat": v.Clock.Now().AddDate(-2, 0, 0).Unix()}), "invalid_software_statement"},
		"not a token":    {agent(map[string]any{"software_statement": "x"}), "invalid_software_statement"},
		"wrong types":    {statement(key, map[string]any{"redirect_uris": 7}), "invalid_software_statement"},
	} {
		if r := v.register("", c.metadata); r.StatusCode != 400 || r.Code() != c.code {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
}

// TestAttack28_StatementsRequiredAbove: whose statements count is said where they are required. Below nobody trusts himself instead.
func TestAttack28_StatementsRequiredAbove(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open", "software_statement_issuer": "https://registry.example",
		"software_statement_jwks_uri": "https://registry.example/keys", "software_statement_required": true})
	for name, own := range map[string]map[string]any{
		"issuer and keys": {"software_statement_issuer": "https://own.example", "software_statement_jwks_uri": "https://own.example/keys"},
		"keys":            {"software_statement_jwks_uri": "https://own.example/keys"},
		"nobody":          {"software_statement_issuer": "", "software_statement_jwks_uri": "", "software_statement_required": false},
	} {
		if r := v.API(v.A, v.manage, "PATCH", "/orgs/north/settings/client_registration", own); r.StatusCode != 422 || r.Code() != "setting.looser" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	v.policy("north", map[string]any{"software_statement_jwks_uri": "https://registry.example/keys"})
}

// TestAttack03_IntrospectionByAnybody: who may be anybody learns of no token but his own, also where he registered with the root.
func TestAttack03_IntrospectionByAnybody(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	confidential := map[string]any{"token_endpoint_auth_method": "client_secret_post"}
	curious, other := v.register("", agent(confidential)), v.register("", agent(confidential))
	token := v.Tokens(v.A, v.person(other.Text("client_id"), other.Text("client_secret"), "north")).Text("access_token")
	for _, c := range []struct {
		by   apptest.Response
		want bool
	}{{curious, false}, {other, true}} {
		r := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/introspect", url.Values{"token": {token}, "client_id": {c.by.Text("client_id")}, "client_secret": {c.by.Text("client_secret")}})
		if r.JSON["active"] != c.want {
			t.Errorf("%s: %d %s", c.by.Text("client_id"), r.StatusCode, r.Raw)
		}
	}
}
