package oauth_test

import (
	"slices"
	"strings"
	"testing"
)

// TestScopesMadeAnew: a scope, or a claim, that is deleted and made anew under its name is another one: nobody has allowed it, and no app was
// granted it.
func TestScopesMadeAnew(t *testing.T) {
	v := newVendor(t)
	post := func(path string, body map[string]any) string {
		return v.Must(v.A, v.manage, "POST", path, body)["id"].(string)
	}
	v.Must(v.A, v.manage, "PATCH", "/orgs/north/users/"+v.user, map[string]any{"attributes": map[string]any{"desk": "7"}})
	claim := post("/orgs/root/oidc-claims", map[string]any{"name": "desk", "attribute": "attributes.desk"})
	staff := func() string {
		return post("/orgs/root/oidc-scopes", map[string]any{"name": "staff", "claims": []string{"desk"}})
	}
	api := post("/orgs/root/api-resources", map[string]any{"identifier": "https://orders.example", "name": "Orders", "requires_authorization": false})
	orders := func() string {
		return post("/orgs/root/api-resources/"+api+"/scopes", map[string]any{"name": "orders.read"})
	}
	authorized := "/orgs/root/apps/" + v.app["id"].(string) + "/authorized-apis"
	authorize := func() {
		v.Must(v.A, v.manage, "PUT", authorized, map[string]any{"resource": api, "policy": "none", "scopes": []string{"orders.read"}})
	}
	asked := func(scope string) bool {
		t.Helper()
		s := v.person("north")
		s.Scope, s.Deny = scope, true
		return v.Code(v.A, s).Get("error") == "access_denied"
	}
	allow := func(scope string) (granted []string, refresh string) {
		t.Helper()
		s := v.person("north")
		s.Scope = scope
		got := v.Tokens(v.A, s)
		return strings.Fields(got.Text("scope")), got.Text("refresh_token")
	}

	scope := staff()
	granted, refresh := allow("openid offline_access staff")
	if !slices.Contains(granted, "staff") || asked("openid staff") {
		t.Fatalf("granted %v, or asked twice", granted)
	}
	v.Must(v.A, v.manage, "DELETE", "/orgs/root/oidc-scopes/"+scope, nil)
	staff()
	if !asked("openid staff") || asked("openid") {
		t.Error("a scope of OpenID Connect that was made anew")
	}
	if got := v.refresh(refresh); got.StatusCode != 200 || strings.Contains(got.Text("scope"), "staff") {
		t.Errorf("a grant from before has it: %s", got.Raw)
	}
	if allow("openid staff"); asked("openid staff") {
		t.Error("asked twice")
	}

	apiScope := orders()
	authorize()
	if granted, _ := allow("openid orders.read"); !slices.Contains(granted, "orders.read") || asked("openid orders.read") {
		t.Fatalf("granted %v, or asked twice", granted)
	}
	v.Must(v.A, v.manage, "DELETE", authorized+"/"+api, nil)
	v.Must(v.A, v.manage, "DELETE", "/orgs/root/api-resources/"+api+"/scopes/"+apiScope, nil)
	orders()
	authorize()
	if !asked("openid orders.read") {
		t.Error("a scope of an API that was made anew")
	}
	allow("openid orders.read")
	v.Must(v.A, v.manage, "DELETE", authorized+"/"+api, nil)
	v.Must(v.A, v.manage, "DELETE", "/orgs/root/api-resources/"+api, nil)
	api = post("/orgs/root/api-resources", map[string]any{"identifier": "https://orders.example", "name": "Orders", "requires_authorization": false})
	orders()
	authorize()
	if !asked("openid orders.read") {
		t.Error("a scope of an API that was made anew whole")
	}

	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"requested_attributes": []map[string]any{{"claim": "desk", "mandatory": false}}})
	if allow("openid staff"); asked("openid staff") {
		t.Error("asked twice for a claim")
	}
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"requested_attributes": []map[string]any{}})
	v.Must(v.A, v.manage, "DELETE", "/orgs/root/oidc-claims/"+claim, nil)
	post("/orgs/root/oidc-claims", map[string]any{"name": "desk", "attribute": "attributes.desk"})
	all := v.Must(v.A, v.manage, "GET", "/orgs/root/oidc-scopes?page_size=100", nil)["items"].([]any)
	for _, one := range all {
		if one.(map[string]any)["name"] == "staff" {
			v.Must(v.A, v.manage, "PATCH", "/orgs/root/oidc-scopes/"+one.(map[string]any)["id"].(string), map[string]any{"claims": []string{"desk"}})
		}
	}
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"requested_attributes": []map[string]any{{"claim": "desk", "mandatory": false}}})
	if !asked("openid staff") {
		t.Error("a claim that was made anew")
	}
}
