package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
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

// TestColdTenants: the first request to a tenant costs a few questions to the database, the same for each, and a few entries in
// memory, of which the whole program has a bound that does not grow with the tenants.
func TestColdTenants(t *testing.T) {
	t.Parallel()
	w := apptest.New(t, apptest.WithoutWorkers())
	testkit.Eventually(t, "changes are heard", w.App.Hub.Live)
	asked := func(base string) int64 {
		before := w.App.DB.Stats().AcquireCount() + w.App.DB.SystemPool().Stat().AcquireCount()
		if r := w.Do(w.Client(), "GET", base+"/oauth2/jwks", nil); r.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", r.StatusCode, r.Raw)
		}
		return w.App.DB.Stats().AcquireCount() + w.App.DB.SystemPool().Stat().AcquireCount() - before
	}
	const tenants, questions, entries = 8, 4, 4
	for i := range tenants {
		body := map[string]any{"handle": fmt.Sprint("cold-", i), "name": "Cold", "admin": map[string]any{"email": "jo@cold.example", "password": apptest.Password}}
		if r := w.Do(w.Client(), "POST", apptest.Origin+"/platform/v1/tenants", body, "Authorization", "Bearer "+apptest.PlatformKey); r.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", r.StatusCode, r.Raw)
		}
	}
	testkit.Heard(t, w.App.DB, w.App.Hub)
	for i := range tenants {
		base := fmt.Sprint(apptest.Origin, "/t/cold-", i)
		before, most := w.App.Hub.Held()
		if n := asked(base); n < 1 || n > questions {
			t.Errorf("the first request to tenant %d asked the database %d times", i, n)
		}
		after, _ := w.App.Hub.Held()
		if n := after - before; n < 1 || n > entries {
			t.Errorf("the first request to tenant %d left %d entries", i, n)
		}
		if n := asked(base); n != 0 {
			t.Errorf("the second request to tenant %d asked %d times", i, n)
		}
		if most < 1000 || most > 2_000_000 {
			t.Errorf("the caches hold up to %d entries", most)
		}
	}
}
