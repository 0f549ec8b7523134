package app_test

import (
	"net/http"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestAttack40_Diagnostics: what looks inside needs the operator's key.
func TestAttack40_Diagnostics(t *testing.T) {
	w := apptest.New(t)
	for _, path := range []string{"/health", "/health?verbose", "/metrics", "/platform/jobs", "/platform/jobs/", "/platform/jobs/api/states", "/platform/v1/tenants"} {
		for name, headers := range map[string][]string{
			"nothing":        nil,
			"a wrong key":    {"Authorization", "Bearer " + strings.Repeat("x", 40)},
			"no key":         {"Authorization", "Bearer "},
			"a tenant's own": {"Authorization", "Bearer " + w.Token(w.A)},
		} {
			if r := w.Do(w.Client(), "GET", apptest.Origin+path, nil, headers...); r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s with %s: %d", path, name, r.StatusCode)
			}
		}
		if r := w.Do(w.Client(), "GET", apptest.Origin+path, nil, "Authorization", "Bearer "+apptest.PlatformKey); r.StatusCode >= 400 {
			t.Errorf("%s with the key: %d", path, r.StatusCode)
		}
	}
	if r := w.Do(w.Client(), "GET", apptest.Origin+"/dev/inbox.json", nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("the inbox is there outside the development mode: %d", r.StatusCode)
	}
	metrics := w.Do(w.Client(), "GET", apptest.Origin+"/metrics", nil, "Authorization", "Bearer "+apptest.PlatformKey)
	if strings.Contains(string(metrics.Raw), "/t/acme") || !strings.Contains(string(metrics.Raw), `route="/oauth2/token"`) {
		t.Error("a label of the metrics holds what a caller sent, or lacks the route")
	}
}
