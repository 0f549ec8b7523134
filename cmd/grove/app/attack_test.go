package app_test

import (
	"net/http"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestAttack34_InboxUnderForeignNames: the inbox needs no authentication, so a stranger's page whose name was made to
// point to this machine (DNS rebinding) must not get to read the links in it.
func TestAttack34_InboxUnderForeignNames(t *testing.T) {
	w := apptest.New(t)
	w.MountInbox(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for host, status := range map[string]int{
		"":                    http.StatusNoContent, // the base's own
		"127.0.0.1:8080":      http.StatusNoContent,
		"[::1]:8080":          http.StatusNoContent,
		"localhost:8080":      http.StatusNoContent,
		"rebind.evil.example": http.StatusMisdirectedRequest,
		"127.0.0.1.evil.test": http.StatusMisdirectedRequest,
		"localhost.evil.test": http.StatusMisdirectedRequest,
		"evil.test:8080":      http.StatusMisdirectedRequest,
		"localhost@evil.test": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/dev/inbox", "/dev/inbox.json", "/dev/inbox/messages/1"} {
			r, err := http.NewRequest("GET", apptest.Origin+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			got, err := w.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := got.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != status {
				t.Errorf("%s as %q: %d, want %d", path, host, got.StatusCode, status)
			}
		}
	}
}

// TestAttack28_MovedUnderAStrongerOrganization: who may move organizations does not thereby hand power over one to the
// administrators of another. iam/authz has the rule; this is that the program asks it.
func TestAttack28_MovedUnderAStrongerOrganization(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	org := func(name, parent string) string {
		body := map[string]any{"name": name, "handle": name}
		if parent != "" {
			body["parent_id"] = parent
		}
		id, _ := w.Must(w.A, manage, "POST", "/orgs", body)["id"].(string)
		return id
	}
	partner := org("move-partner", "")
	strong, empty := org("move-strong", partner), org("move-empty", partner)
	victim := org("move-victim", partner)
	group := w.Must(w.A, manage, "POST", "/orgs/move-strong/groups", map[string]any{"name": "Administrators"})["id"]
	w.Must(w.A, manage, "POST", "/orgs/move-strong/roles/"+role(w, manage, "Administrator")+"/assignments",
		map[string]any{"principal": map[string]any{"type": "group", "id": group}, "reach": "subtree"})
	app := w.Must(w.A, manage, "POST", "/orgs/move-partner/apps", map[string]any{"name": "Mover", "template": "m2m"})
	var resource any
	for _, item := range w.Must(w.A, manage, "GET", "/orgs/move-partner/api-resources", nil)["items"].([]any) {
		if r := item.(map[string]any); r["identifier"] == "urn:grove:api" {
			resource = r["id"]
		}
	}
	w.Must(w.A, manage, "PUT", "/orgs/move-partner/apps/"+app["id"].(string)+"/authorized-apis",
		map[string]any{"resource": resource, "scopes": []string{"orgs.read", "orgs.write"}, "policy": "none"})
	mover := w.A
	mover.ClientID, mover.ClientSecret = app["client_id"].(string), app["client_secret"].(string)
	token := w.Token(mover)
	move := func(token, parent string) apptest.Response {
		return w.API(w.A, token, "POST", "/orgs/"+victim+":move", map[string]any{"parent_id": parent})
	}
	if r := move(token, strong); r.StatusCode != http.StatusForbidden || r.Code() != "role.above_granter" {
		t.Fatalf("under the stronger: %d %s", r.StatusCode, r.Raw)
	}
	if r := move(token, empty); r.StatusCode != http.StatusOK {
		t.Fatalf("under one where nobody holds anything: %d %s", r.StatusCode, r.Raw)
	}
	if r := move(manage, strong); r.StatusCode != http.StatusOK {
		t.Fatalf("by who holds everything: %d %s", r.StatusCode, r.Raw)
	}
}

func role(w *apptest.World, token, name string) string {
	for _, item := range w.Must(w.A, token, "GET", "/orgs/root/roles", nil)["items"].([]any) {
		if r := item.(map[string]any); r["name"] == name {
			return r["id"].(string)
		}
	}
	return ""
}
