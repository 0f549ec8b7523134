package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
	"grove/iam/apps"
)

// TestCIBAWaiting: a person sees in his account what waits for his answer, and answers it on the page that the mail leads to; nobody else
// sees it, and the address alone answers nothing.
func TestCIBAWaiting(t *testing.T) {
	v := newVendor(t)
	app := "/orgs/root/apps/" + v.app["id"].(string)
	v.Must(v.A, v.manage, "PATCH", app+"/oidc", map[string]any{"grant_types": []string{"authorization_code", "refresh_token", apps.GrantCIBA}})
	ask := func(message string) string {
		t.Helper()
		got := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/bc-authorize", credentials(v.app, url.Values{"scope": {"openid email"}, "login_hint": {"eva@north.example"}, "org": {"north"}, "binding_message": {message}}))
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.Raw)
		}
		return got.Text("auth_req_id")
	}
	redeem := func(id string) apptest.Response {
		return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", credentials(v.app, url.Values{"grant_type": {apps.GrantCIBA}, "auth_req_id": {id}}))
	}
	eva := apptest.SignIn{Username: "eva@north.example", Password: apptest.Password, Org: "north"}
	hers, others := v.Tokens(v.A, eva).Text("access_token"), v.Tokens(v.A, apptest.SignIn{}).Text("access_token")
	waiting := func(token string) (all []map[string]any) {
		t.Helper()
		for _, item := range v.Must(v.A, token, "GET", "/me/requests", nil)["items"].([]any) {
			all = append(all, item.(map[string]any))
		}
		return all
	}
	answer := func(address string, deny bool) string {
		t.Helper()
		s := eva
		s.Browser, s.Deny = v.Client(), deny
		return v.Walk(s, address, v.A.Base+"/login/request?done=").Query().Get("done")
	}
	if len(waiting(hers)) != 0 {
		t.Error("something waits already")
	}
	first, second := ask("Order 1"), ask("Order 2")
	seen := waiting(hers)
	if len(seen) != 2 || seen[0]["message"] != "Order 1" || seen[0]["app_name"] != "Notes" || seen[0]["app_id"] != v.app["id"] || seen[0]["expires_at"] == "" || len(waiting(others)) != 0 {
		t.Fatalf("seen: %v", seen)
	}
	address := func(i int) string { return seen[i]["answer_url"].(string) }
	if !strings.HasPrefix(address(0), v.A.Base+"/login/request?token=") || address(0) == address(1) {
		t.Errorf("addresses: %s, %s", address(0), address(1))
	}
	paged := v.Must(v.A, hers, "GET", "/me/requests?page_size=1", nil)
	if rest := v.Must(v.A, hers, "GET", "/me/requests?page_size=1&page_token="+url.QueryEscape(paged["next_page_token"].(string)), nil)["items"].([]any); len(rest) != 1 || rest[0].(map[string]any)["message"] != "Order 2" {
		t.Errorf("the second page: %v", rest)
	}
	for name, token := range map[string]string{"a machine": v.manage, "another tenant's": v.Tokens(v.B, apptest.SignIn{}).Text("access_token"), "an app's": v.Tokens(v.A, v.person("north")).Text("access_token")} {
		if got := v.API(v.A, token, "GET", "/me/requests", nil); got.StatusCode != http.StatusForbidden && got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	if got := v.Do(v.Client(), "GET", address(0), nil); got.StatusCode != http.StatusSeeOther || len(waiting(hers)) != 2 {
		t.Errorf("opened: %d, %d wait", got.StatusCode, len(waiting(hers)))
	}
	if got := answer(address(0), false); got != "approved" {
		t.Errorf("yes: %q", got)
	}
	if left := waiting(hers); len(left) != 1 || left[0]["message"] != "Order 2" || redeem(first).Text("access_token") == "" {
		t.Errorf("after yes: %v", left)
	}
	if got := answer(address(1), true); got != "denied" || len(waiting(hers)) != 0 || redeem(second).Text("error") != "access_denied" {
		t.Errorf("no: %q", got)
	}
	ask("Order 3")
	v.Must(v.A, v.manage, "PATCH", app, map[string]any{"enabled": false})
	if left := waiting(hers); len(left) != 0 {
		t.Errorf("of an app that is switched off: %v", left)
	}
	v.Must(v.A, v.manage, "PATCH", app, map[string]any{"enabled": true})
	if left := waiting(hers); len(left) != 1 {
		t.Errorf("of an app that is switched on again: %v", left)
	}
	v.Clock.Advance(10*time.Minute + time.Second)
	if left := waiting(hers); len(left) != 0 {
		t.Errorf("of what has run out: %v", left)
	}
}
