package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
)

// TestWarmTenants: the first request to a tenant that the configuration names asks the database nothing; one to another
// tenant does, once. A tenant that is not there holds nothing up.
func TestWarmTenants(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	w := apptest.New(t, apptest.WithoutWorkers(), apptest.Configure(func(o *app.Options) {
		o.Config.WarmTenants = []string{"nobody", "acme"}
		o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	}))
	asked := func(base string) int64 {
		before := w.App.DB.Stats().AcquireCount()
		if r := w.Do(w.Client(), "GET", base+"/oauth2/jwks", nil); r.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", r.StatusCode, r.Raw)
		}
		return w.App.DB.Stats().AcquireCount() - before
	}
	if n := asked(w.A.Base); n != 0 {
		t.Errorf("a warm tenant's keys took %d queries", n)
	}
	if n := asked(w.B.Base); n == 0 {
		t.Error("a cold tenant's keys came from nowhere: the test sees no queries")
	}
	if n := asked(w.B.Base); n != 0 {
		t.Errorf("the second request took %d queries", n)
	}
	if text := logged.String(); !strings.Contains(text, "tenant=nobody") || strings.Contains(text, "tenant=acme") {
		t.Errorf("logged: %s", text)
	}
}
