package app_test

import (
	"net/http"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestAttack05_NoAPIAtABase: the program's own addresses, those under a tenant's own host included, are no API's. iam/authz has
// the rule; this is that the program says which addresses they are.
func TestAttack05_NoAPIAtABase(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	var tenant string
	operator := []string{"Authorization", "Bearer " + apptest.PlatformKey}
	for _, item := range w.Do(w.Client(), "GET", apptest.Origin+"/platform/v1/tenants", nil, operator...).JSON["items"].([]any) {
		if line := item.(map[string]any); line["handle"] == w.A.Handle {
			tenant = line["id"].(string)
		}
	}
	if r := w.Do(w.Client(), "POST", apptest.Origin+"/platform/v1/tenants/"+tenant+"/hosts", map[string]any{"host": "login.vendor.test"}, operator...); r.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	for identifier, status := range map[string]int{
		w.A.Base:                      http.StatusUnprocessableEntity,
		w.A.Base + "/o/north":         http.StatusUnprocessableEntity,
		w.B.Base:                      http.StatusUnprocessableEntity,
		"https://login.vendor.test/x": http.StatusUnprocessableEntity,
		"https://api.vendor.test":     http.StatusCreated,
	} {
		r := w.API(w.A, manage, "POST", "/orgs/root/api-resources", map[string]any{"identifier": identifier, "name": "API"})
		if r.StatusCode != status {
			t.Errorf("%s: %d %s", identifier, r.StatusCode, r.Raw)
		}
	}
}

// TestFirstAdministratorsPassword: whoever is the most powerful in a tenant has a password by the rules, and chooses his own.
func TestFirstAdministratorsPassword(t *testing.T) {
	w := apptest.New(t)
	create := func(handle string, admin map[string]any) apptest.Response {
		admin["email"] = "jo@globex.example"
		return w.Do(w.Client(), "POST", apptest.Origin+"/platform/v1/tenants", map[string]any{"handle": handle, "name": "Globex", "admin": admin},
			"Authorization", "Bearer "+apptest.PlatformKey)
	}
	for _, weak := range []string{"password", "jo@globex.example"} {
		if r := create("weak", map[string]any{"password": weak}); r.StatusCode != http.StatusUnprocessableEntity || r.JSON["code"] != "request.invalid" {
			t.Errorf("%s: %d %s", weak, r.StatusCode, r.Raw)
		}
	}
	for handle, c := range map[string]struct {
		admin map[string]any
		want  bool
	}{
		"first":  {map[string]any{"password": apptest.Password}, true},
		"chosen": {map[string]any{"password": apptest.Password, "must_change_password": false}, false},
	} {
		made := create(handle, c.admin)
		if made.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", made.StatusCode, made.Raw)
		}
		r := w.Do(w.Client(), "GET", apptest.Origin+"/platform/v1/tenants/"+made.JSON["id"].(string)+"/administrator", nil, "Authorization", "Bearer "+apptest.PlatformKey)
		if r.JSON["must_change_password"] != c.want {
			t.Errorf("%s: %s", handle, r.Raw)
		}
	}
}

// TestAttack28_SessionsOfAnAdministrator: who may end sessions, and no more, does not sign an administrator out.
func TestAttack28_SessionsOfAnAdministrator(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	boss := person(w, manage, "boss")
	w.Must(w.A, manage, "POST", "/orgs/root/roles/"+role(w, manage, "Administrator")+"/assignments",
		map[string]any{"principal": map[string]any{"type": "user", "id": boss}, "reach": "subtree"})
	jo := person(w, manage, "jo")
	weak := machine(w, manage, "root", "sessions.read", "sessions.write")
	for user, want := range map[string]int{boss: http.StatusForbidden, jo: http.StatusNoContent} {
		name := map[string]string{boss: "boss", jo: "jo"}[user]
		token := w.Tokens(w.A, apptest.SignIn{Org: w.A.Root, Username: name, Password: apptest.Password}).Text("access_token")
		r := w.API(w.A, weak, "POST", "/orgs/root/sessions:end", map[string]any{"user_id": user})
		if r.StatusCode != want || want == http.StatusForbidden && r.Code() != "user.above_actor" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
		if alive := w.API(w.A, token, "GET", "/me", nil).StatusCode == http.StatusOK; alive != (user == boss) {
			t.Errorf("%s is signed in: %t", name, alive)
		}
	}
}

// TestAttack28_APasswordLinkFromBeforeTheRise: an organization's administrator does not take over, by a link that he made before,
// a resident whom the vendor has made Administrator of all.
func TestAttack28_APasswordLinkFromBeforeTheRise(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	w.Must(w.A, manage, "POST", "/orgs", map[string]any{"name": "North", "handle": "north"})
	jo := w.Must(w.A, manage, "POST", "/orgs/north/users", map[string]any{"username": "jo"})["id"].(string)
	admin := machine(w, manage, "north", "grove")
	link := w.Must(w.A, admin, "POST", "/orgs/north/users/"+jo+"/password-link", map[string]any{"delivery": "link", "expires_in_minutes": -1})["link"].(string)
	status := func() int { return w.Do(w.Client(), "GET", link, nil).StatusCode }
	if got := status(); got != http.StatusOK {
		t.Fatalf("before: %d", got)
	}
	w.Must(w.A, manage, "PUT", "/orgs/root/members/"+jo, nil)
	assigned := w.Must(w.A, manage, "POST", "/orgs/root/roles/"+role(w, manage, "Administrator")+"/assignments",
		map[string]any{"principal": map[string]any{"type": "user", "id": jo}, "reach": "subtree"})["id"].(string)
	if got := status(); got != http.StatusGone {
		t.Errorf("risen: %d", got)
	}
	w.Must(w.A, manage, "DELETE", "/orgs/root/roles/"+role(w, manage, "Administrator")+"/assignments/"+assigned, nil)
	if got := status(); got != http.StatusOK {
		t.Errorf("as before: %d", got)
	}
}

// person makes a resident of the root with a password.
func person(w *apptest.World, manage, username string) string {
	return w.Must(w.A, manage, "POST", "/orgs/root/users", map[string]any{"username": username, "password": apptest.Password, "must_change_password": false})["id"].(string)
}

// machine makes a client of an organization with management scopes, and returns a token of it.
func machine(w *apptest.World, manage, org string, scopes ...string) string {
	made := w.Must(w.A, manage, "POST", "/orgs/"+org+"/apps", map[string]any{"name": "Machine of " + org, "template": "m2m"})
	var resource any
	for _, item := range w.Must(w.A, manage, "GET", "/orgs/"+org+"/api-resources", nil)["items"].([]any) {
		if r := item.(map[string]any); r["identifier"] == "urn:grove:api" {
			resource = r["id"]
		}
	}
	w.Must(w.A, manage, "PUT", "/orgs/"+org+"/apps/"+made["id"].(string)+"/authorized-apis", map[string]any{"resource": resource, "scopes": scopes, "policy": "none"})
	t := w.A
	t.ClientID, t.ClientSecret = made["client_id"].(string), made["client_secret"].(string)
	return w.Token(t)
}
