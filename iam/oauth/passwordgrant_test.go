package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/iam/apps"
	"grove/iam/authn"
)

// old makes an app of a vendor that has people's passwords, with changes of its settings.
func (v *vendor) old(template string, changes map[string]any) map[string]any {
	made := v.Must(v.A, v.manage, "POST", "/orgs/root/apps", map[string]any{"name": "Old " + template, "template": template, "redirect_uris": []string{appCallback}})
	of := "/orgs/root/apps/" + made["id"].(string)
	settings := map[string]any{"grant_types": []string{"password", "refresh_token", "organization_switch"}, "skip_consent": true}
	for name, value := range changes {
		settings[name] = value
	}
	v.Must(v.A, v.manage, "PATCH", of+"/oidc", settings)
	v.Must(v.A, v.manage, "PUT", of+"/shares", map[string]any{"policy": "all", "roles": "all"})
	return made
}

// knows asks for tokens as an app that has Eva's password.
func (v *vendor) knows(app map[string]any, changes ...string) apptest.Response {
	form := url.Values{"grant_type": {"password"}, "username": {"eva@north.example"}, "password": {apptest.Password}, "scope": {"openid email"}}
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", credentials(app, form))
}

// credentials adds those of an app to a form.
func credentials(app map[string]any, form url.Values) url.Values {
	form.Set("client_id", app["client_id"].(string))
	if secret, ok := app["client_secret"].(string); ok {
		form.Set("client_secret", secret)
	}
	return form
}

// body reads the claims of a token, and verifies nothing.
func body(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestPasswordGrant(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	for _, template := range []string{"web", "spa"} {
		app := v.old(template, nil)
		got := v.knows(app, "org", "north")
		if got.StatusCode != http.StatusOK || got.Text("scope") != "openid email" || got.Text("token_type") != "Bearer" || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %s", template, got.StatusCode, got.Raw)
		}
		claims := body(t, got.Text("access_token"))
		if claims["sub"] != v.user || claims["org_id"] != v.north || !slices.Equal(claims["amr"].([]any), []any{"pwd"}) || claims["sid"] == nil || body(t, got.Text("id_token"))["sub"] != v.user {
			t.Errorf("%s: %v", template, claims)
		}
		next := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", credentials(app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Text("refresh_token")}}))
		if next.StatusCode != http.StatusOK {
			t.Errorf("%s: refresh: %d %s", template, next.StatusCode, next.Raw)
		}
		there := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", credentials(app, url.Values{"grant_type": {"organization_switch"}, "token": {got.Text("access_token")}, "switching_organization": {"south"}}))
		if there.StatusCode != http.StatusOK || body(t, there.Text("access_token"))["org_id"] != v.south {
			t.Errorf("%s: switch: %d %s", template, there.StatusCode, there.Raw)
		}
		if south := v.knows(app, "orgId", v.south); body(t, south.Text("access_token"))["org_id"] != v.south {
			t.Errorf("%s: %s", template, south.Raw)
		}
		if r := v.Do(v.Client(), "POST", v.A.Base+"/o/south/oauth2/token", credentials(app, url.Values{"grant_type": {"password"}, "username": {"eva@north.example"}, "password": {apptest.Password}, "scope": {"openid"}})); r.StatusCode != http.StatusOK ||
			body(t, r.Text("access_token"))["iss"] != v.A.Base+"/o/south" {
			t.Errorf("%s: at the organization's own issuer: %d %s", template, r.StatusCode, r.Raw)
		}
		// It is a session like any other: it is seen, and its end ends what the app has.
		sid := claims["sid"].(string)
		seen := v.Must(v.A, v.manage, "GET", "/orgs/north/sessions?user="+v.user, nil)
		if !slices.ContainsFunc(seen["items"].([]any), func(one any) bool { return one.(map[string]any)["id"] == sid }) {
			t.Errorf("%s: the session is not among %v", template, seen)
		}
		if !v.introspect(got.Text("access_token")) {
			t.Errorf("%s: not active", template)
		}
		v.Must(v.A, v.manage, "DELETE", "/orgs/north/sessions/"+sid, nil)
		if v.introspect(got.Text("access_token")) {
			t.Errorf("%s: outlived its session", template)
		}
		told := v.Must(v.A, v.manage, "GET", "/orgs/north/events?type=grant.created&page_size=10", nil)["items"].([]any)
		if !slices.ContainsFunc(told, func(one any) bool {
			return one.(map[string]any)["data"].(map[string]any)["app_id"] == app["id"]
		}) {
			t.Errorf("%s: the log does not tell of the grant: %v", template, told)
		}
	}
}

// TestPasswordGrantIsAsked: apps have it where an administrator has set it, and no app that describes itself, is a machine or is held
// to a profile ever does.
func TestPasswordGrantIsAsked(t *testing.T) {
	w := setup(t)
	form := func() url.Values {
		return w.as(w.a, "web", url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {"x"}, "scope": {"openid orders.read"}})
	}
	if got := w.send(w.a, "POST", "/oauth2/token", form()); got.text("error") != "unauthorized_client" {
		t.Errorf("by default: %d %s", got.StatusCode, got.raw)
	}
	allow := func(c *apps.Client) { c.GrantTypes = append(slices.Clone(c.GrantTypes), "password") }
	w.change(w.a, "web", allow)
	good := w.send(w.a, "POST", "/oauth2/token", form())
	if good.StatusCode != http.StatusOK || good.text("scope") != "openid orders.read" || good.text("refresh_token") == "" || !w.active(w.a, good.text("access_token")) {
		t.Fatalf("%d %s", good.StatusCode, good.raw)
	}
	for name, c := range map[string]struct {
		name, value string
		code        string
	}{
		"no username":                 {"username", "", "invalid_request"},
		"no password":                 {"password", "", "invalid_request"},
		"two organizations":           {"orgId", "south", "invalid_request"},
		"details":                     {"authorization_details", `[{"type":"payment"}]`, "invalid_authorization_details"},
		"a scope that is not there":   {"scope", "none.such", "invalid_scope"},
		"a scope that no role gives":  {"scope", "orders.write", "invalid_scope"},
		"an API that it may not call": {"resource", "https://other.example", "invalid_target"},
	} {
		f := form()
		f.Set("org", "north")
		if f.Set(c.name, c.value); c.value == "" {
			f.Del(c.name)
		}
		if got := w.send(w.a, "POST", "/oauth2/token", f); got.StatusCode != http.StatusBadRequest || got.text("error") != c.code {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	for name, out := range map[string]authn.Outcome{"password": {Error: authn.ErrorLoginRequired, Step: authn.StepPassword}, "temporary": {Error: authn.ErrorInteractionRequired, Step: authn.StepChangePassword},
		"consent": {Error: authn.ErrorConsentRequired, Step: authn.StepConsent}, "organization": {Error: authn.ErrorInteractionRequired, Step: authn.StepOrganization},
		"stranger": {Error: authn.ErrorAccessDenied, Refusal: authn.RefusedUnknown, Step: authn.StepRefused}, "blocked": {Error: authn.ErrorAccessDenied}} {
		w.person = func(authn.Request) authn.Outcome { return out }
		if got := w.send(w.a, "POST", "/oauth2/token", form()); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	w.person = func(authn.Request) authn.Outcome { return w.signedIn(w.a, w.a.north) }
	p := w.prover()
	w.change(w.a, "spa", allow)
	spa := func() url.Values { f := form(); f.Set("client_id", "spa"); f.Del("client_secret"); return f }
	bound := p.token(spa())
	if bound.StatusCode != http.StatusOK || w.boundTo(bound.text("access_token")) != p.jkt() {
		t.Fatalf("%d %s", bound.StatusCode, bound.raw)
	}
	if got := w.refresh(w.a, "spa", bound.text("refresh_token")); got.text("error") != "invalid_grant" {
		t.Errorf("the refresh token of a public client is not bound to its key: %s", got.raw)
	}
	for _, profile := range profiles {
		h := w.held("web", profile, "ES256")
		w.change(w.a, "web", allow)
		if got := h.grant(url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {"x"}}); got.text("error") != "unauthorized_client" {
			t.Errorf("%s: %d %s", profile, got.StatusCode, got.raw)
		}
	}
}

// TestAttack29_PasswordGrant: no answer tells one account from none, none but the right password of somebody who may sign in brings a
// token, and what an app brings is counted where a page counts.
func TestAttack29_PasswordGrant(t *testing.T) {
	v := newVendor(t)
	app := v.old("web", nil)
	person := func(name string, more map[string]any) string {
		in := map[string]any{"username": name, "email": name, "password": apptest.Password, "must_change_password": false}
		for key, value := range more {
			in[key] = value
		}
		return v.Must(v.A, v.manage, "POST", "/orgs/north/users", in)["id"].(string)
	}
	v.Must(v.A, v.manage, "POST", "/orgs/north/users/"+person("gone@north.example", nil)+":disable", nil)
	person("locked@north.example", nil)
	person("new@north.example", map[string]any{"must_change_password": true})
	guess := func(n int, username string) {
		for range n {
			v.knows(app, "username", username, "password", "not the password")
		}
	}
	guess(10, "locked@north.example")
	answers := map[string][]string{}
	for name, got := range map[string]apptest.Response{
		"a wrong password": v.knows(app, "password", "not the password"),
		"nobody":           v.knows(app, "username", "nobody@north.example"),
		"disabled":         v.knows(app, "username", "gone@north.example"),
		"locked":           v.knows(app, "username", "locked@north.example"),
		"a long name":      v.knows(app, "username", strings.Repeat("x", 5000)),
		"another tenant's": v.knows(app, "username", "admin@umbra.example"),
	} {
		key := string(got.Raw)
		if answers[key] = append(answers[key], name); got.StatusCode != http.StatusBadRequest || got.Code() != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	if len(answers) != 1 {
		t.Errorf("the answers tell apart: %v", answers)
	}
	if page := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", credentials(app, url.Values{"grant_type": {"password"}, "username": {"eva@north.example"}, "password": {apptest.Password}, "scope": {"openid"}})); page.StatusCode != http.StatusOK {
		t.Errorf("whoever is not locked: %s", page.Raw)
	}
	fresh := v.knows(app, "username", "new@north.example")
	if fresh.Code() != "invalid_grant" || !strings.Contains(string(fresh.Raw), "browser") {
		t.Errorf("a password that somebody else set: %s", fresh.Raw)
	}
	v.Must(v.A, v.manage, "POST", "/orgs/north:suspend", nil)
	if got := v.knows(app); got.Code() != "invalid_grant" {
		t.Errorf("a suspended organization: %s", got.Raw)
	}
	v.Must(v.A, v.manage, "POST", "/orgs/north:resume", nil)
	v.Must(v.A, v.manage, "PUT", "/orgs/root/apps/"+app["id"].(string)+"/shares", map[string]any{"policy": "none"})
	if got := v.knows(app, "org", "north"); got.Code() != "invalid_grant" {
		t.Errorf("not shared: %s", got.Raw)
	}
}
