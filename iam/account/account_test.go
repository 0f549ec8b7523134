package account_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestProfile(t *testing.T) {
	w := apptest.New(t)
	got := w.Tokens(w.A, apptest.SignIn{})
	token := got.Text("access_token")
	me := w.API(w.A, token, "GET", "/me", nil)
	if me.StatusCode != 200 || me.Text("username") != "admin@acme.example" || me.Header.Get("ETag") == "" {
		t.Fatalf("%d %s", me.StatusCode, me.Raw)
	}
	changed := w.API(w.A, token, "PATCH", "/me", map[string]any{"given_name": "Grace", "locale": "de"}, "If-Match", me.Header.Get("ETag"))
	if changed.StatusCode != 200 || changed.Text("given_name") != "Grace" || changed.Text("locale") != "de" || changed.Text("family_name") != "Admin" {
		t.Errorf("%d %s", changed.StatusCode, changed.Raw)
	}
	if stale := w.API(w.A, token, "PATCH", "/me", map[string]any{"given_name": "Ada"}, "If-Match", me.Header.Get("ETag")); stale.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("stale: %d %s", stale.StatusCode, stale.Raw)
	}
}

// TestAttack27_Profile: what an administrator decides, or what must be proved, is not the person's to set.
func TestAttack27_Profile(t *testing.T) {
	w := apptest.New(t)
	token := w.Tokens(w.A, apptest.SignIn{}).Text("access_token")
	before := w.API(w.A, token, "GET", "/me", nil)
	for _, name := range []string{"id", "org_id", "username", "email", "email_verified", "status", "roles", "attributes", "has_password"} {
		got := w.API(w.A, token, "PATCH", "/me", map[string]any{name: "x"})
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	for name, body := range map[string]any{
		"a name of kilobytes": map[string]any{"given_name": strings.Repeat("x", 2000)},
		"a name of controls":  map[string]any{"given_name": "a\u0007b"},
		"a locale of spaces":  map[string]any{"locale": "d e"},
		"a number":            map[string]any{"given_name": 1},
		"broken":              `{"given_name":`,
	} {
		if got := w.API(w.A, token, "PATCH", "/me", body); got.StatusCode < 400 || got.StatusCode >= 500 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	if after := w.API(w.A, token, "GET", "/me", nil); string(after.Raw) != string(before.Raw) {
		t.Errorf("changed: %s", after.Raw)
	}
}

func TestOnlyThePortal(t *testing.T) {
	w := apptest.New(t)
	if got := w.API(w.A, w.Token(w.A), "GET", "/me", nil); got.StatusCode != http.StatusForbidden {
		t.Errorf("a machine: %d", got.StatusCode)
	}
	if got := w.API(w.B, w.Tokens(w.A, apptest.SignIn{}).Text("access_token"), "GET", "/me", nil); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("another tenant: %d", got.StatusCode)
	}
	// An app that may read users for the person is not his portal.
	manage := w.Token(w.A)
	app := w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": "Reader", "template": "spa", "redirect_uris": []string{"https://reader.example/cb"}})
	var resource string
	for _, item := range w.Must(w.A, manage, "GET", "/orgs/root/api-resources", nil)["items"].([]any) {
		if r := item.(map[string]any); r["identifier"] == "urn:grove:api" {
			resource = r["id"].(string)
		}
	}
	w.Must(w.A, manage, "PUT", "/orgs/root/apps/"+app["id"].(string)+"/authorized-apis",
		map[string]any{"resource": resource, "policy": "rbac", "scopes": []string{"users.read"}})
	token := w.Tokens(w.A, apptest.SignIn{ClientID: app["client_id"].(string), RedirectURI: "https://reader.example/cb", Scope: "openid users.read account"})
	if token.Text("scope") != "openid users.read" {
		t.Fatalf("scope %q", token.Text("scope"))
	}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", "/me", nil, 200},
		{"GET", "/me/organizations", nil, 200},
		{"GET", "/me/apps", nil, 200},
		{"PATCH", "/me", map[string]any{"given_name": "x"}, 403},
		{"POST", "/me/password", map[string]any{"current_password": apptest.Password, "new_password": "purple monkey dishwasher"}, 403},
		{"GET", "/me/sessions", nil, 403},
		{"DELETE", "/me/sessions/ses_01d6aftyfgfr0c00000000000000", nil, 403},
		{"POST", "/me/sessions:end-others", nil, 403},
		{"GET", "/me/consents", nil, 403},
		{"GET", "/me/export", nil, 403},
	} {
		got := w.API(w.A, token.Text("access_token"), c.method, c.path, c.body)
		if got.StatusCode != c.status && !(c.status == 403 && got.StatusCode == 422) {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.StatusCode, got.Raw)
		}
	}
	mine := w.Tokens(w.A, apptest.SignIn{}).Text("access_token")
	consents := w.Must(w.A, mine, "GET", "/me/consents", nil)["items"].([]any)
	if len(consents) != 1 || consents[0].(map[string]any)["app_name"] != "Reader" {
		t.Fatalf("consents: %v", consents)
	}
	titles, _ := consents[0].(map[string]any)["scope_titles"].([]any)
	if len(titles) != 1 || titles[0].(map[string]any)["name"] != "users.read" || titles[0].(map[string]any)["description"] != "See the people of an organization." {
		t.Errorf("what the scopes are called: %v", titles)
	}
	id := consents[0].(map[string]any)["id"].(string)
	if got := w.API(w.A, mine, "DELETE", "/me/consents/"+id, nil); got.StatusCode != 204 {
		t.Errorf("take back: %d %s", got.StatusCode, got.Raw)
	}
	if got := w.API(w.A, token.Text("access_token"), "GET", "/me", nil); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the app's token outlived the consent: %d", got.StatusCode)
	}
	if got := w.API(w.A, mine, "DELETE", "/me/consents/"+id, nil); got.StatusCode != 404 {
		t.Errorf("twice: %d", got.StatusCode)
	}
}

// TestConsentsTellOfAttributes: what the person chose on the page that asked is what the portal says, and what the app is told.
func TestConsentsTellOfAttributes(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	app := w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": "Reader", "template": "spa", "redirect_uris": []string{"https://reader.example/cb"}})
	w.Must(w.A, manage, "PATCH", "/orgs/root/apps/"+app["id"].(string)+"/oidc", map[string]any{
		"requested_attributes": []map[string]any{{"claim": "preferred_username", "mandatory": true}, {"claim": "updated_at", "mandatory": false}, {"claim": "name", "mandatory": false}}})
	s := apptest.SignIn{ClientID: app["client_id"].(string), RedirectURI: "https://reader.example/cb", Scope: "openid profile email", Keep: []string{"updated_at"}}
	told := w.Do(w.Client(), http.MethodGet, w.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+w.Tokens(w.A, s).Text("access_token"))
	if told.StatusCode != http.StatusOK || told.Text("preferred_username") == "" || told.Text("name") == "" || strings.Contains(string(told.Raw), "updated_at") || strings.Contains(string(told.Raw), "email") {
		t.Errorf("told: %s", told.Raw)
	}
	mine := w.Tokens(w.A, apptest.SignIn{}).Text("access_token")
	consents := w.Must(w.A, mine, "GET", "/me/consents", nil)["items"].([]any)
	if len(consents) != 1 {
		t.Fatalf("consents: %v", consents)
	}
	c := consents[0].(map[string]any)
	if got := fmt.Sprint(c["scopes"], c["attributes"], c["declined_attributes"]); got != "[openid] [map[claim:name title:Full name] map[claim:preferred_username title:Username]] [map[claim:updated_at title:Last change of the profile]]" {
		t.Errorf("the portal: %s", got)
	}
	if got := w.API(w.A, mine, "DELETE", "/me/consents/"+c["id"].(string), nil); got.StatusCode != 204 {
		t.Errorf("take back: %d %s", got.StatusCode, got.Raw)
	}
	s.Deny = true
	if got := w.Code(w.A, s).Get("error"); got != "access_denied" {
		t.Errorf("asked again: %q", got)
	}
}

func TestPassword(t *testing.T) {
	w := apptest.New(t)
	here, there := w.Tokens(w.A, apptest.SignIn{}), w.Tokens(w.A, apptest.SignIn{})
	const next = "purple monkey dishwasher 9"
	change := func(current, to string) apptest.Response {
		return w.API(w.A, here.Text("access_token"), "POST", "/me/password", map[string]any{"current_password": current, "new_password": to})
	}
	for name, got := range map[string]apptest.Response{
		"a wrong current one": change("wrong", next),
		"a well-known one":    change(apptest.Password, "password"),
		"a short one":         change(apptest.Password, "short"),
		"his own name":        change(apptest.Password, "admin@acme.example"),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity || strings.Contains(string(got.Raw), apptest.Password) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	if got := change("wrong", next); got.Code() != "account.current_password" {
		t.Errorf("%s", got.Raw)
	}
	if got := change(apptest.Password, next); got.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", got.StatusCode, got.Raw)
	}
	refresh := func(r apptest.Response) apptest.Response {
		return w.Do(w.Client(), "POST", w.A.Base+"/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.Text("refresh_token")}, "client_id": {"account"}})
	}
	if got := refresh(there); got.StatusCode == 200 {
		t.Error("the other session lives on")
	}
	mine := refresh(here)
	if mine.StatusCode != 200 {
		t.Fatalf("the acting session ended: %s", mine.Raw)
	}
	sessions := w.Must(w.A, mine.Text("access_token"), "GET", "/me/sessions", nil)["items"].([]any)
	if len(sessions) != 1 || sessions[0].(map[string]any)["current"] != true {
		t.Errorf("sessions: %v", sessions)
	}
	if got := w.Tokens(w.A, apptest.SignIn{Username: "admin@acme.example", Password: next}); got.StatusCode != 200 {
		t.Error("the new password does not work")
	}
}

// TestAttack29_CurrentPassword: guesses here count like those at the sign-in page.
func TestAttack29_CurrentPassword(t *testing.T) {
	w := apptest.New(t)
	token := w.Tokens(w.A, apptest.SignIn{}).Text("access_token")
	for range 10 {
		w.API(w.A, token, "POST", "/me/password", map[string]any{"current_password": "wrong", "new_password": "purple monkey dishwasher 9"})
	}
	got := w.API(w.A, token, "POST", "/me/password", map[string]any{"current_password": apptest.Password, "new_password": "purple monkey dishwasher 9"})
	if got.Code() != "account.current_password" {
		t.Errorf("not locked: %d %s", got.StatusCode, got.Raw)
	}
}

func TestSessions(t *testing.T) {
	w := apptest.New(t)
	here, there, third := w.Tokens(w.A, apptest.SignIn{}), w.Tokens(w.A, apptest.SignIn{}), w.Tokens(w.A, apptest.SignIn{})
	token := here.Text("access_token")
	page := w.Must(w.A, token, "GET", "/me/sessions?page_size=2", nil)
	rest := w.Must(w.A, token, "GET", "/me/sessions?page_size=2&page_token="+url.QueryEscape(page["next_page_token"].(string)), nil)
	all := append(page["items"].([]any), rest["items"].([]any)...)
	if len(all) != 3 || rest["next_page_token"] != nil {
		t.Fatalf("%d sessions, then %v", len(all), rest["next_page_token"])
	}
	own := ""
	for _, item := range all {
		if s := item.(map[string]any); s["current"] == true {
			own = s["id"].(string)
		}
	}
	newest := all[0].(map[string]any)["id"].(string)
	if own == "" || own == newest {
		t.Fatalf("own session %q, newest %q", own, newest)
	}
	stranger := w.Tokens(w.B, apptest.SignIn{}).Text("access_token")
	if got := w.API(w.B, stranger, "DELETE", "/me/sessions/"+newest, nil); got.StatusCode != 404 {
		t.Errorf("another tenant's: %d", got.StatusCode)
	}
	if got := w.API(w.A, token, "DELETE", "/me/sessions/"+newest, nil); got.StatusCode != 204 {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
	if got := w.API(w.A, third.Text("access_token"), "GET", "/me", nil); got.StatusCode != 401 {
		t.Errorf("its token: %d", got.StatusCode)
	}
	if got := w.API(w.A, token, "POST", "/me/sessions:end-others", nil); got.StatusCode != 204 {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
	if got := w.API(w.A, there.Text("access_token"), "GET", "/me", nil); got.StatusCode != 401 {
		t.Errorf("another's token: %d", got.StatusCode)
	}
	if got := w.API(w.A, token, "GET", "/me/sessions", nil); len(got.JSON["items"].([]any)) != 1 {
		t.Errorf("%s", got.Raw)
	}
	export := w.API(w.A, token, "GET", "/me/export", nil)
	if export.StatusCode != 200 || !strings.Contains(string(export.Raw), own) || strings.Contains(string(export.Raw), "argon2") {
		t.Errorf("%d %s", export.StatusCode, export.Raw)
	}
	orgs := w.Must(w.A, token, "GET", "/me/organizations", nil)["items"].([]any)
	if len(orgs) != 1 || orgs[0].(map[string]any)["current"] != true {
		t.Errorf("organizations: %v", orgs)
	}
	for q, want := range map[string]int{"CME": 1, "acm": 1, "north": 0} {
		if found := w.Must(w.A, token, "GET", "/me/organizations?q="+q, nil)["items"].([]any); len(found) != want {
			t.Errorf("organizations with %s: %v", q, found)
		}
	}
}

// TestConsole: the console is offered to whoever has something to do there, in the organization where he has it.
func TestConsole(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	w.Must(w.A, manage, "POST", "/orgs/root/users", map[string]any{"username": "emil@acme.example", "email": "emil@acme.example", "password": apptest.Password, "must_change_password": false})
	emil := w.Tokens(w.A, apptest.SignIn{Username: "emil@acme.example", Password: apptest.Password}).Text("access_token")
	offered := func(token string) (listed, may bool) {
		for _, item := range w.Must(w.A, token, "GET", "/me/apps", nil)["items"].([]any) {
			listed = listed || item.(map[string]any)["name"] == "Console"
		}
		return listed, w.Must(w.A, token, "GET", "/me", nil)["may_use_console"].(bool)
	}
	if listed, may := offered(emil); listed || may {
		t.Errorf("somebody without a role: listed %t, may %t", listed, may)
	}
	if listed, may := offered(w.Tokens(w.A, apptest.SignIn{}).Text("access_token")); !listed || !may {
		t.Errorf("the administrator: listed %t, may %t", listed, may)
	}
	role := w.Must(w.A, manage, "POST", "/orgs/root/roles", map[string]any{"name": "Front desk", "audience": map[string]any{"type": "organization"}, "permissions": []string{"members.read"}})
	me := w.Must(w.A, emil, "GET", "/me", nil)["id"]
	w.Must(w.A, manage, "POST", "/orgs/root/roles/"+role["id"].(string)+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": me}, "reach": "org"})
	if listed, may := offered(emil); !listed || !may {
		t.Errorf("a role with one permission: listed %t, may %t", listed, may)
	}
}

// TestAppsComeInPages: by name, and what cannot be opened takes no place on a page.
func TestAppsComeInPages(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	for name, address := range map[string]string{"alpha": "https://alpha.example/", "Beta": "https://beta.example/", "beta closed": "", "gamma": "https://gamma.example/"} {
		w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": name, "template": "spa", "access_url": address, "redirect_uris": []string{"https://x.example/cb"}})
	}
	w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": "beta hidden", "template": "spa", "access_url": "https://hidden.example/", "discoverable": false, "redirect_uris": []string{"https://x.example/cb"}})
	token := w.Tokens(w.A, apptest.SignIn{}).Text("access_token")
	var names []string
	for next := ""; ; {
		got := w.Must(w.A, token, "GET", "/me/apps?page_size=2"+next, nil)
		items := got["items"].([]any)
		for _, item := range items {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		after, _ := got["next_page_token"].(string)
		if after == "" {
			break
		}
		if len(items) != 2 {
			t.Errorf("a page of %d", len(items))
		}
		next = "&page_token=" + after
	}
	if !slices.IsSortedFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) ||
		slices.Contains(names, "beta closed") || !slices.Contains(names, "Beta") || !slices.Contains(names, "Console") {
		t.Errorf("%q", names)
	}
}
