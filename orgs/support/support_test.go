package support_test

import (
	"net/http"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestSupportAccess: it is opened by the organization itself, for a time, is listed, and is closed once.
func TestSupportAccess(t *testing.T) {
	w := apptest.New(t)
	manage := w.Token(w.A)
	north := w.Must(w.A, manage, "POST", "/orgs", map[string]any{"name": "North", "handle": "north"})["id"].(string)
	w.Must(w.A, manage, "POST", "/orgs", map[string]any{"name": "South", "handle": "south"})
	user := w.Must(w.A, manage, "POST", "/orgs/north/users", map[string]any{"username": "ann", "email": "ann@north.example", "password": apptest.Password, "must_change_password": false})["id"].(string)
	role := w.Must(w.A, manage, "POST", "/orgs/north/roles", map[string]any{"name": "Speaker", "audience": map[string]any{"type": "organization"},
		"permissions": []string{"support_access.read", "support_access.write"}})["id"].(string)
	w.Must(w.A, manage, "POST", "/orgs/north/roles/"+role+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": user}, "reach": "org"})
	ann := w.Tokens(w.A, apptest.SignIn{ClientID: "console", Org: "north", Username: "ann", Password: apptest.Password}).Text("access_token")

	const path = "/orgs/north/support-access"
	opened := w.Must(w.A, ann, "POST", path, map[string]any{}, "Idempotency-Key", "one")
	if again := w.Must(w.A, ann, "POST", path, map[string]any{}, "Idempotency-Key", "one"); again["id"] != opened["id"] {
		t.Errorf("opened twice: %v", again)
	}
	began, _ := time.Parse(time.RFC3339Nano, opened["created_at"].(string))
	ends, _ := time.Parse(time.RFC3339Nano, opened["expires_at"].(string))
	if opened["mode"] != "read_only" || opened["open"] != true || opened["opened_by"] != user || ends.Sub(began) != 24*time.Hour {
		t.Errorf("%v", opened)
	}
	for name, body := range map[string]map[string]any{"too short": {"expires_in_minutes": 4}, "too long": {"expires_in_minutes": 43201}, "another mode": {"mode": "some"}} {
		if r := w.API(w.A, ann, "POST", path, body); r.StatusCode != http.StatusUnprocessableEntity && r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	full := w.Must(w.A, ann, "POST", path, map[string]any{"mode": "full", "reason": "Ticket 4711", "expires_in_minutes": 5})["id"].(string)
	if items := w.Must(w.A, ann, "GET", path+"?page_size=1", nil)["items"].([]any); len(items) != 1 || items[0].(map[string]any)["id"] != full {
		t.Errorf("the newest is not the first: %v", items)
	}
	w.Must(w.A, ann, "DELETE", path+"/"+full, nil)
	closed := w.Must(w.A, ann, "GET", path+"/"+full, nil)
	w.Must(w.A, ann, "DELETE", path+"/"+full, nil)
	if closed["open"] != false || closed["closed_at"] == nil || w.Must(w.A, ann, "GET", path+"/"+full, nil)["closed_at"] != closed["closed_at"] {
		t.Errorf("%v", closed)
	}
	w.Clock.Advance(24 * time.Hour)
	manage = w.Token(w.A)
	for _, one := range w.Must(w.A, manage, "GET", path, nil)["items"].([]any) {
		if one.(map[string]any)["open"] != false {
			t.Errorf("open after its time: %v", one)
		}
	}
	// The one above sees it, and neither opens it nor finds it elsewhere.
	if r := w.API(w.A, manage, "POST", path, map[string]any{}); r.Code() != "support_access.not_own" {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	if r := w.API(w.A, manage, "GET", "/orgs/south/support-access/"+full, nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("%d", r.StatusCode)
	}
	for _, kind := range []string{"support_access.opened", "support_access.closed"} {
		if len(w.Must(w.A, manage, "GET", "/orgs/"+north+"/events?type="+kind+"&subject="+full, nil)["items"].([]any)) != 1 {
			t.Errorf("%s is not in the log once", kind)
		}
	}
}
