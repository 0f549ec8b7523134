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
