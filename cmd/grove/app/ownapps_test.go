package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// customer is an organization below the root with an administrator, and an app of its own that he has made.
type customer struct {
	*apptest.World
	manage, token string
	app           map[string]any
	id            string
}

const ownCallback = "https://tools.north.example/cb"

// newCustomer makes the organizations north, with branch below it, and south, each with a person; north's is its administrator.
func newCustomer(t *testing.T) customer {
	t.Helper()
	w := apptest.New(t)
	c := customer{World: w, manage: w.Token(w.A)}
	org := func(body map[string]any) string { return w.Must(w.A, c.manage, "POST", "/orgs", body)["id"].(string) }
	c.id = org(map[string]any{"name": "North", "handle": "north"})
	org(map[string]any{"name": "Branch", "handle": "branch", "parent_id": c.id})
	org(map[string]any{"name": "South", "handle": "south"})
	for _, at := range []string{"north", "branch", "south"} {
		name := at + "@" + at + ".example"
		user := w.Must(w.A, c.manage, "POST", "/orgs/"+at+"/users", map[string]any{"username": name, "email": name, "password": apptest.Password, "must_change_password": false})["id"]
		if at == "north" {
			w.Must(w.A, c.manage, "POST", "/orgs/north/roles/"+role(w, c.manage, "Administrator")+"/assignments",
				map[string]any{"principal": map[string]any{"type": "user", "id": user}, "reach": "subtree"})
		}
	}
	c.token, _ = w.Tokens(w.A, apptest.SignIn{ClientID: "console", Org: "north", Username: "north@north.example", Password: apptest.Password}).JSON["access_token"].(string)
	c.app = w.Must(w.A, c.token, "POST", "/orgs/north/apps", map[string]any{"name": "Tools", "template": "web", "redirect_uris": []string{ownCallback}})
	w.Must(w.A, c.token, "PATCH", c.at("/oidc"), map[string]any{"grant_types": []string{"authorization_code", "client_credentials", "organization_switch", "refresh_token"}})
	return c
}

func (c customer) at(more string) string { return "/orgs/north/apps/" + c.app["id"].(string) + more }

func (c customer) person(org string) apptest.SignIn {
	return apptest.SignIn{ClientID: c.app["client_id"].(string), ClientSecret: c.app["client_secret"].(string), Org: org, RedirectURI: ownCallback,
		Scope: "openid", Username: org + "@" + org + ".example", Password: apptest.Password}
}

// grant asks a token endpoint as the app.
func (c customer) grant(base string, form url.Values) apptest.Response {
	form.Set("client_id", c.app["client_id"].(string))
	form.Set("client_secret", c.app["client_secret"].(string))
	return c.Do(c.Client(), "POST", base+"/oauth2/token", form)
}

// TestOwnApps: a customer's administrator makes, shares and gives up apps of his organization, and its people sign in to them.
func TestOwnApps(t *testing.T) {
	c := newCustomer(t)
	signedIn := c.Tokens(c.A, c.person("north")).JSON["access_token"].(string)
	if got := c.introspected(signedIn); got["org_id"] != c.id {
		t.Fatalf("%v", got)
	}
	secret := c.Must(c.A, c.token, "POST", c.at("/secrets"), map[string]any{})
	c.Must(c.A, c.token, "DELETE", c.at("/secrets/"+secret["id"].(string)), nil)
	c.Must(c.A, c.token, "PUT", c.at("/shares"), map[string]any{"policy": "all"})
	if got := c.introspected(c.Tokens(c.A, c.person("branch")).JSON["access_token"].(string)); got["active"] != true {
		t.Fatalf("shared with the branch: %v", got)
	}
	vendors := c.Must(c.A, c.manage, "POST", "/orgs/root/apps", map[string]any{"name": "Vendor's", "template": "web", "redirect_uris": []string{"https://vendor.example/cb"}})
	c.Must(c.A, c.manage, "PUT", "/orgs/root/apps/"+vendors["id"].(string)+"/shares", map[string]any{"policy": "all"})
	how := map[any]any{}
	for _, item := range c.Must(c.A, c.token, "GET", "/orgs/north/available-apps", nil)["items"].([]any) {
		how[item.(map[string]any)["name"]] = item.(map[string]any)["how"]
	}
	if how["Tools"] != "owned" || how["Vendor's"] != "shared" {
		t.Errorf("%v", how)
	}
	if got := c.Must(c.A, c.token, "GET", "/orgs/north/apps/"+vendors["id"].(string), nil); got["name"] != "Vendor's" || len(got["allowed_actions"].([]any)) != 0 {
		t.Errorf("%v", got)
	}
	for _, call := range [][2]string{{"DELETE", ""}, {"PATCH", ""}, {"PATCH", "/oidc"}, {"POST", "/secrets"}, {"PUT", "/shares"}} {
		body := map[string]any{"PUT": map[string]any{"policy": "all"}, "PATCH": map[string]any{}, "POST": map[string]any{}}[call[0]]
		r := c.API(c.A, c.token, call[0], "/orgs/north/apps/"+vendors["id"].(string)+call[1], body)
		if r.StatusCode != http.StatusForbidden || r.Code() != "app.shared" {
			t.Errorf("%v: %d %s", call, r.StatusCode, r.Raw)
		}
	}
	// The vendor turns it off for good, and what was issued ends.
	c.Must(c.A, c.manage, "PATCH", c.at(""), map[string]any{"enabled": false})
	if r := c.API(c.A, c.token, "PATCH", c.at(""), map[string]any{"enabled": true}); r.Code() != "app.turned_off_above" {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	c.Must(c.A, c.manage, "PATCH", c.at(""), map[string]any{"enabled": true})
	if got := c.introspected(signedIn); got["active"] == true {
		t.Error("a token outlived its app")
	}
	c.Must(c.A, c.token, "DELETE", c.at(""), nil)
}

func (c customer) introspected(token string) map[string]any {
	return c.Do(c.Client(), "POST", c.A.Base+"/oauth2/introspect", url.Values{"token": {token}, "client_id": {c.app["client_id"].(string)}, "client_secret": {c.app["client_secret"].(string)}}).JSON
}

// TestAttack03_OwnAppElsewhere: an organization's own app gets no token for another organization, whoever asks and however.
func TestAttack03_OwnAppElsewhere(t *testing.T) {
	c := newCustomer(t)
	client := url.Values{"grant_type": {"client_credentials"}}
	for base, want := range map[string]string{c.A.Base: c.id, c.A.Base + "/o/north": c.id, c.A.Base + "/o/south": "", c.A.Base + "/o/root": ""} {
		r := c.grant(base, url.Values{"grant_type": client["grant_type"]})
		token, _ := r.JSON["access_token"].(string)
		if want == "" && token != "" || want != "" && c.introspected(token)["org_id"] != want {
			t.Errorf("a machine's token at %s: %d %s", base, r.StatusCode, r.Raw)
		}
	}
	// A person of two organizations has it in one.
	user := c.Must(c.A, c.manage, "GET", "/orgs/north/users?q=north@north.example", nil)["items"].([]any)[0].(map[string]any)["id"]
	c.Must(c.A, c.manage, "PUT", "/orgs/south/members/"+user.(string), nil)
	signedIn := c.Tokens(c.A, c.person("north")).JSON["access_token"].(string)
	for _, org := range []string{"south", "root", "branch"} {
		r := c.grant(c.A.Base, url.Values{"grant_type": {"organization_switch"}, "token": {signedIn}, "switching_organization": {org}})
		if r.JSON["access_token"] != nil || r.StatusCode != http.StatusBadRequest {
			t.Errorf("switched to %s: %d %s", org, r.StatusCode, r.Raw)
		}
	}
	for _, who := range []string{"south", "branch"} {
		s := c.person(who)
		q := url.Values{"client_id": {s.ClientID}, "redirect_uri": {s.RedirectURI}, "response_type": {"code"}, "scope": {"openid"}, "org": {who}, "prompt": {"none"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
		r := c.Do(c.Client(), "GET", c.A.Base+"/oauth2/authorize?"+q.Encode(), nil)
		if strings.Contains(r.Header.Get("Location"), "code=") {
			t.Errorf("%s signed in: %s", who, r.Header.Get("Location"))
		}
	}
	// It cannot be moved or shared to where its administrator is nobody.
	for _, org := range []string{"south", "root"} {
		if r := c.API(c.A, c.token, "POST", "/orgs/"+org+"/apps", map[string]any{"name": "Spy", "template": "m2m"}); r.StatusCode != http.StatusNotFound {
			t.Errorf("made in %s: %d", org, r.StatusCode)
		}
		id := c.Must(c.A, c.manage, "GET", "/orgs/"+org, nil)["id"]
		if r := c.API(c.A, c.token, "PUT", c.at("/shares"), map[string]any{"policy": "selected", "organizations": []any{id}}); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("shared with %s: %d %s", org, r.StatusCode, r.Raw)
		}
	}
}

// TestAttack28_OwnAppOfMoreThanItsMaker: nobody gets by an app of the organization what he lacks, nor where he lacks it.
func TestAttack28_OwnAppOfMoreThanItsMaker(t *testing.T) {
	c := newCustomer(t)
	var management any
	for _, item := range c.Must(c.A, c.token, "GET", "/orgs/north/api-resources", nil)["items"].([]any) {
		if r := item.(map[string]any); r["identifier"] == "urn:grove:api" {
			management = r["id"]
		}
	}
	if r := c.grant(c.A.Base, url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"}}); r.JSON["error"] != "invalid_scope" {
		t.Errorf("unauthorized: %d %s", r.StatusCode, r.Raw)
	}
	// An API of the vendor's is not the customer's to give.
	api := c.Must(c.A, c.manage, "POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://api.vendor.example", "name": "Vendor's", "scopes": []any{map[string]any{"name": "vendor.all"}}})
	authorize := func(token string, resource any, scopes ...string) apptest.Response {
		return c.API(c.A, token, "PUT", c.at("/authorized-apis"), map[string]any{"resource": resource, "scopes": scopes, "policy": "rbac"})
	}
	if r := authorize(c.token, api["id"], "vendor.all"); r.StatusCode != http.StatusForbidden || r.Code() != "role.above_granter" {
		t.Errorf("the vendor's API: %d %s", r.StatusCode, r.Raw)
	}
	// One who manages apps alone gives them nothing else.
	keeper := c.Must(c.A, c.token, "POST", "/orgs/north/roles", map[string]any{"name": "Keeper of apps", "permissions": []string{"apps.read", "apps.write"}})["id"].(string)
	user := c.Must(c.A, c.token, "POST", "/orgs/north/users", map[string]any{"username": "kim@north.example", "email": "kim@north.example", "password": apptest.Password, "must_change_password": false})["id"]
	c.Must(c.A, c.token, "POST", "/orgs/north/roles/"+keeper+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": user}, "reach": "subtree"})
	kim, _ := c.Tokens(c.A, apptest.SignIn{ClientID: "console", Org: "north", Username: "kim@north.example", Password: apptest.Password}).JSON["access_token"].(string)
	if r := authorize(kim, management, "users.write"); r.Code() != "role.above_granter" {
		t.Errorf("by who lacks it: %d %s", r.StatusCode, r.Raw)
	}
	// What the administrator gives holds in his organization and below it.
	if r := authorize(c.token, management, "orgs.read", "apps.read"); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	machine, _ := c.grant(c.A.Base, url.Values{"grant_type": {"client_credentials"}, "scope": {"orgs.read apps.read"}}).JSON["access_token"].(string)
	for org, want := range map[string]int{"north": 200, "branch": 200, "south": 404, "root": 404} {
		for _, path := range []string{"", "/apps"} {
			if r := c.API(c.A, machine, "GET", "/orgs/"+org+path, nil); r.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", org, path, r.StatusCode, want)
			}
		}
	}
	// Nor does kim get hold of the app that may do that.
	if r := c.API(c.A, kim, "POST", c.at("/secrets"), map[string]any{}); r.Code() != "role.above_granter" {
		t.Errorf("a secret of a stronger app: %d %s", r.StatusCode, r.Raw)
	}
}
