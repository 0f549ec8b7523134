package app_test

import (
	"net/http"
	"slices"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestSalesLed: a vendor makes an organization for a customer, reaches into it, and gives its first administrator a temporary
// password, which opens nothing but the page where he chooses his own. The roles of the root are there from the beginning,
// and in what is made below.
func TestSalesLed(t *testing.T) {
	w := apptest.New(t)
	vendor := w.Tokens(w.A, apptest.SignIn{ClientID: "console"}).Text("access_token")
	app := w.Must(w.A, vendor, "POST", "/orgs/root/apps", map[string]any{"name": "Ledger", "template": "web", "redirect_uris": []string{"https://ledger.example/callback"}})["id"].(string)
	w.Must(w.A, vendor, "PUT", "/orgs/root/apps/"+app+"/shares", map[string]any{"policy": "all", "roles": "all"})
	keeper := w.Must(w.A, vendor, "POST", "/orgs/root/roles", map[string]any{"name": "Keeper",
		"audience": map[string]any{"type": "application", "id": app}})["id"].(string)
	support := w.Must(w.A, vendor, "POST", "/orgs/root/roles", map[string]any{"name": "Support", "permissions": []string{"users.read", "sessions.read"},
		"audience": map[string]any{"type": "application", "id": builtin(w, vendor, "console")}})["id"].(string)

	w.Must(w.A, vendor, "POST", "/orgs", map[string]any{"name": "North", "handle": "north"})
	jo := w.Must(w.A, vendor, "POST", "/orgs/north/users", map[string]any{"username": "jo@north.example", "email": "jo@north.example", "password": "temporary words, three"})
	if jo["must_change_password"] != true {
		t.Errorf("a password that somebody else chose: %v", jo)
	}
	for _, of := range []string{keeper, role(w, vendor, "Administrator")} {
		w.Must(w.A, vendor, "POST", "/orgs/north/roles/"+of+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": jo["id"]}})
	}
	w.Must(w.A, vendor, "POST", "/orgs", map[string]any{"name": "Branch", "handle": "branch", "parent_id": "north"})
	for _, org := range []string{"north", "branch"} {
		var inherited []string
		for _, item := range w.Must(w.A, vendor, "GET", "/orgs/"+org+"/roles", nil)["items"].([]any) {
			if r := item.(map[string]any); r["inherited"] == true {
				inherited = append(inherited, r["name"].(string))
			}
		}
		slices.Sort(inherited)
		if want := []string{"Administrator", "Keeper", "Support", "Viewer"}; !slices.Equal(inherited, want) {
			t.Errorf("roles of %s from above: %q, want %q", org, inherited, want)
		}
		if r := w.API(w.A, vendor, "PATCH", "/orgs/"+org+"/roles/"+support, map[string]any{"permissions": []string{"grove"}}, "If-Match", "*"); r.Code() != "role.inherited" {
			t.Errorf("%s changes a role of the root: %d %s", org, r.StatusCode, r.Raw)
		}
	}

	kim := w.Must(w.A, vendor, "POST", "/orgs/branch/users", map[string]any{"username": "kim@branch.example", "password": apptest.Password, "must_change_password": false})["id"]
	w.Must(w.A, vendor, "POST", "/orgs/branch/roles/"+support+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": kim}})
	helping := w.Tokens(w.A, apptest.SignIn{ClientID: "console", Org: "branch", Username: "kim@branch.example", Password: apptest.Password}).Text("access_token")
	for path, want := range map[string]int{"/orgs/branch/users": http.StatusOK, "/orgs/branch/apps": http.StatusForbidden, "/orgs/north/users": http.StatusNotFound} {
		if r := w.API(w.A, helping, "GET", path, nil); r.StatusCode != want {
			t.Errorf("support at %s: %d %s", path, r.StatusCode, r.Raw)
		}
	}

	const own = "my own four words"
	first := apptest.SignIn{ClientID: "console", Org: "north", Username: "jo@north.example", Password: "temporary words, three", NewPassword: own}
	token := w.Tokens(w.A, first).Text("access_token")
	if r := w.API(w.A, token, "GET", "/orgs/north/users", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the administrator reads: %d %s", r.StatusCode, r.Raw)
	}
	after := w.API(w.A, vendor, "GET", "/orgs/north/users/"+jo["id"].(string), nil)
	if after.JSON["must_change_password"] != false {
		t.Errorf("he chose his own: %s", after.Raw)
	}
	// His own opens, and asks for no other.
	w.Tokens(w.A, apptest.SignIn{Org: "north", Username: "jo@north.example", Password: own})
}

// builtin is the id of an app that comes with every tenant.
func builtin(w *apptest.World, manage, clientID string) (id string) {
	for _, item := range w.Must(w.A, manage, "GET", "/orgs/root/apps", nil)["items"].([]any) {
		if app := item.(map[string]any); app["client_id"] == clientID {
			id = app["id"].(string)
		}
	}
	return id
}
