package consents_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

const callback = "https://reader.example/cb"

// TestAdministratorsTakeConsentsBack: what people let apps have is seen and taken back in the organization where it counts, as the people
// themselves do it.
func TestAdministratorsTakeConsentsBack(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	post := func(path string, body map[string]any) map[string]any { return w.Must(w.A, manage, "POST", path, body) }
	post("/orgs", map[string]any{"name": "North", "handle": "north"})
	post("/orgs", map[string]any{"name": "South", "handle": "south"})
	person := func(name string) string {
		return post("/orgs/north/users", map[string]any{"username": name + "@north.example", "email": name + "@north.example", "password": apptest.Password, "must_change_password": false})["id"].(string)
	}
	eva, ida := person("eva"), person("ida")
	w.Must(w.A, manage, "PUT", "/orgs/south/members/"+eva, nil)
	app := func(name string) map[string]any {
		made := post("/orgs/root/apps", map[string]any{"name": name, "template": "spa", "redirect_uris": []string{callback}})
		w.Must(w.A, manage, "PUT", "/orgs/root/apps/"+made["id"].(string)+"/shares", map[string]any{"policy": "all", "roles": "all"})
		return made
	}
	reader, notes := app("Reader"), app("Notes")
	w.Must(w.A, manage, "PATCH", "/orgs/root/apps/"+reader["id"].(string)+"/oidc", map[string]any{"requested_attributes": []map[string]any{{"claim": "email", "mandatory": true}, {"claim": "updated_at", "mandatory": false}}})
	signIn := func(app map[string]any, name, org string) apptest.SignIn {
		return apptest.SignIn{ClientID: app["client_id"].(string), RedirectURI: callback, Scope: "openid profile email", Username: name + "@north.example", Password: apptest.Password, Org: org, Keep: []string{"updated_at"}}
	}
	tokens := func(app map[string]any, name, org string) string {
		return w.Tokens(w.A, signIn(app, name, org)).Text("access_token")
	}
	alive := func(token string) bool {
		return w.Do(w.Client(), http.MethodGet, w.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+token).StatusCode == http.StatusOK
	}
	list := func(org, query string) (all []map[string]any) {
		t.Helper()
		for _, item := range w.Must(w.A, manage, "GET", "/orgs/"+org+"/consents"+query, nil)["items"].([]any) {
			all = append(all, item.(map[string]any))
		}
		return all
	}
	told := func(kind string) int {
		return len(w.Must(w.A, manage, "GET", "/orgs/north/events?type="+kind, nil)["items"].([]any))
	}
	evaReads, evaNotes, evaSouth, idaReads := tokens(reader, "eva", "north"), tokens(notes, "eva", "north"), tokens(reader, "eva", "south"), tokens(reader, "ida", "north")

	north := list("north", "")
	if len(north) != 3 || len(list("south", "")) != 1 || len(list("root", "")) != 0 || len(list("north", "?user="+eva)) != 2 || len(list("north", "?user="+ida)) != 1 {
		t.Fatalf("seen: %v", north)
	}
	first := north[0]
	if got := fmt.Sprint(first["app_name"], first["user_id"] == eva, first["scopes"], first["attributes"], first["declined_attributes"], first["authorization_details_types"], first["created_at"] != ""); got != "Readertrue [openid] [email] [updated_at] [] true" {
		t.Errorf("%s", got)
	}
	one := "/consents/" + first["id"].(string)
	if got := w.Must(w.A, manage, "GET", "/orgs/north"+one, nil); !slices.Contains(got["allowed_actions"].([]any), any("delete")) {
		t.Errorf("actions: %v", got)
	}
	for _, c := range []struct {
		token, method, path string
		body                any
		status              int
	}{
		{manage, "GET", "/orgs/south" + one, nil, 404},
		{manage, "DELETE", "/orgs/south" + one, nil, 404},
		{w.Token(w.B), "DELETE", "/orgs/root" + one, nil, 401},
		{w.Token(w.A, "users.read"), "GET", "/orgs/north/consents", nil, 403},
		{w.Token(w.A, "consents.read"), "DELETE", "/orgs/north" + one, nil, 403},
		{w.Token(w.A, "consents.read"), "POST", "/orgs/north/consents:revoke", map[string]any{"user_id": eva}, 403},
		{w.Token(w.A, "consents.read"), "POST", "/orgs/root/apps/" + reader["id"].(string) + ":revoke-consents", nil, 403},
		{manage, "POST", "/orgs/north/apps/" + reader["id"].(string) + ":revoke-consents", nil, 403},
		{manage, "POST", "/orgs/south/consents:revoke", map[string]any{"user_id": ida}, 204}, // where she allowed nothing
	} {
		if got := w.API(w.A, c.token, c.method, c.path, c.body); got.StatusCode != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.StatusCode, got.Raw)
		}
	}
	if !alive(evaReads) || !alive(evaSouth) || !alive(idaReads) {
		t.Fatal("a refused call ended something")
	}

	// One: it ends with what the app got by it, and nothing else does.
	w.Must(w.A, w.Token(w.A, "consents.write"), "DELETE", "/orgs/north"+one, nil)
	if alive(evaReads) || !alive(evaNotes) || !alive(evaSouth) || !alive(idaReads) || told("consent.revoked") != 1 || len(list("north", "")) != 2 {
		t.Errorf("one: %v %v %v %v", alive(evaReads), alive(evaNotes), alive(evaSouth), alive(idaReads))
	}
	deny := signIn(reader, "eva", "north")
	if deny.Deny = true; w.Code(w.A, deny).Get("error") != "access_denied" {
		t.Error("she is not asked again")
	}

	// All of a person.
	evaReads = tokens(reader, "eva", "north")
	w.Must(w.A, manage, "POST", "/orgs/north/consents:revoke", map[string]any{"user_id": eva})
	if alive(evaReads) || alive(evaNotes) || !alive(evaSouth) || !alive(idaReads) || told("consent.revoked") != 3 || len(list("north", "")) != 1 {
		t.Errorf("all of hers: %v %v %v %v", alive(evaReads), alive(evaNotes), alive(evaSouth), alive(idaReads))
	}

	// All of an app's people, in all organizations.
	evaNotes = tokens(notes, "eva", "north")
	w.Must(w.A, manage, "POST", "/orgs/root/apps/"+reader["id"].(string)+":revoke-consents", nil)
	if alive(evaSouth) || alive(idaReads) || !alive(evaNotes) || len(list("south", "")) != 0 || len(list("north", "")) != 1 {
		t.Errorf("the app's: %v %v %v", alive(evaSouth), alive(idaReads), alive(evaNotes))
	}
	log := w.Must(w.A, manage, "GET", "/orgs/root/events?type=consent.app_revoked", nil)["items"].([]any)
	if len(log) != 1 || fmt.Sprint(log[0].(map[string]any)["data"].(map[string]any)["count"]) != "2" {
		t.Errorf("the log: %v", log)
	}
	for _, org := range []string{"north", "south"} {
		s := signIn(reader, "eva", org)
		if s.Deny = true; w.Code(w.A, s).Get("error") != "access_denied" {
			t.Errorf("in %s she is not asked again", org)
		}
	}
}

// TestAttack27_ConsentsOfWhoMayMore: nobody takes an app from somebody who may do more than he.
func TestAttack27_ConsentsOfWhoMayMore(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	app := w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": "Reader", "template": "spa", "redirect_uris": []string{callback}})
	s := apptest.SignIn{ClientID: app["client_id"].(string), RedirectURI: callback, Scope: "openid email"}
	w.Tokens(w.A, s)
	clerk := w.Must(w.A, manage, "POST", "/orgs/root/users", map[string]any{"username": "clerk", "password": apptest.Password, "must_change_password": false})["id"].(string)
	role := w.Must(w.A, manage, "POST", "/orgs/root/roles", map[string]any{"name": "Clerk", "permissions": []string{"consents.read", "consents.write"}})["id"].(string)
	w.Must(w.A, manage, "POST", "/orgs/root/roles/"+role+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": clerk}})
	his := w.Tokens(w.A, apptest.SignIn{ClientID: "console", Username: "clerk", Password: apptest.Password, Scope: "openid grove"}).Text("access_token")
	found := w.Must(w.A, his, "GET", "/orgs/root/consents", nil)["items"].([]any)[0].(map[string]any)
	for path, body := range map[string]any{"DELETE /orgs/root/consents/" + found["id"].(string): nil, "POST /orgs/root/consents:revoke": map[string]any{"user_id": found["user_id"]}} {
		method, rest, _ := strings.Cut(path, " ")
		if got := w.API(w.A, his, method, rest, body); got.StatusCode != http.StatusForbidden || got.Code() != "user.above_actor" {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Raw)
		}
	}
	if s.Deny = true; w.Code(w.A, s).Get("code") == "" { // she is not asked again
		t.Error("taken back")
	}
}
