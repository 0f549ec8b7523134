package oauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"grove/iam/apps"
)

// TestLackingAttributes: who lacks what an app cannot do without fills it in before he agrees, as a guest too, and whoever is not there
// to be asked is refused.
func TestLackingAttributes(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	of := "/orgs/root/apps/" + v.app["id"].(string) + "/oidc"
	v.Must(v.A, v.manage, "PATCH", of, map[string]any{"grant_types": []string{"authorization_code", "password", "refresh_token"}, "skip_consent": true})
	lists := func(claims ...string) {
		t.Helper()
		list := []map[string]any{}
		for _, claim := range claims {
			name, mandatory := strings.CutSuffix(claim, "!")
			list = append(list, map[string]any{"claim": name, "mandatory": mandatory})
		}
		v.Must(v.A, v.manage, "PATCH", of, map[string]any{"requested_attributes": list})
	}
	byPassword := func() string {
		t.Helper()
		r := v.knows(v.app, "org", "south", "scope", "openid profile email")
		return fmt.Sprint(r.StatusCode, " ", r.Text("error"))
	}
	userinfo := func(token string) map[string]any {
		return v.Do(v.Client(), http.MethodGet, v.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+token).JSON
	}
	lists("given_name!", "website!", "nickname", "email!")
	if got := byPassword(); got != "400 invalid_grant" {
		t.Errorf("by password: %s", got)
	}
	s := v.person("south")
	s.Fill = map[string]string{"given_name": "Eva", "website": "https://eva.example/"}
	told := userinfo(v.Tokens(v.A, s).Text("access_token"))
	if told["given_name"] != "Eva" || told["website"] != "https://eva.example/" || told["email"] != "eva@north.example" || told["nickname"] != nil {
		t.Errorf("told: %v", told)
	}
	if got := byPassword(); got != "200 " {
		t.Errorf("by password, afterwards: %s", got)
	}
	north := v.Must(v.A, v.manage, "GET", "/orgs/north/events?type=user.updated&page_size=10", nil)["items"].([]any)
	if len(north) != 1 || north[0].(map[string]any)["actor"].(map[string]any)["id"] != v.user {
		t.Errorf("the log: %v", north)
	}
	// What his administrator says of him is nothing for him to fill in.
	v.Must(v.A, v.manage, "POST", "/orgs/root/oidc-claims", map[string]any{"name": "rank", "attribute": "attributes.rank"})
	v.Must(v.A, v.manage, "POST", "/orgs/root/oidc-scopes", map[string]any{"name": "rank", "claims": []string{"rank"}})
	lists("given_name!", "rank!")
	s.Scope, s.Fill = "openid profile rank", map[string]string{"rank": "admiral"}
	if got := v.Code(v.A, s); got.Get("error") != "access_denied" || !strings.Contains(got.Get("error_description"), "lacks a value") {
		t.Errorf("for others: %v", got)
	}
	if r := v.knows(v.app, "org", "south", "scope", "openid rank"); r.Text("error") != "invalid_grant" || !strings.Contains(r.Text("error_description"), "lacks a value") {
		t.Errorf("for others, by password: %s", r.Raw)
	}
	if got := byPassword(); got != "200 " {
		t.Errorf("a mandatory attribute that no scope asks for: %s", got)
	}
	v.Must(v.A, v.manage, "PATCH", "/orgs/north/users/"+v.user, map[string]any{"attributes": map[string]any{"rank": "cook"}})
	if told := userinfo(v.Tokens(v.A, s).Text("access_token")); told["rank"] != "cook" {
		t.Errorf("told: %v", told)
	}
}

// TestLackingAttributesAsserted: nobody else's word stands in for what an app cannot do without.
func TestLackingAttributesAsserted(t *testing.T) {
	w := attributed(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	w.requests("web", "nickname!", "birthdate!")
	for name, got := range map[string]answer{"a grant": o.bring("web", o.says(nil), "scope", "openid profile"), "an exchange": o.exchange("web", o.says(nil), "scope", "openid profile")} {
		if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.text("error_description"), "lacks a value") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := o.bring("web", o.says(nil), "scope", "openid email"); got.StatusCode != http.StatusOK {
		t.Errorf("where it asks for neither: %s", got.raw)
	}
	w.describe(w.a, map[string]string{"birthdate": "1815-12-10", "nickname": "Countess"})
	if got := o.bring("web", o.says(nil), "scope", "openid profile"); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", got.raw)
	}
}
