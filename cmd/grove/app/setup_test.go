package app_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/db"
	"grove/infra/testkit"
)

// unfounded is a program on a database without a tenant.
func unfounded(t *testing.T, platformKey string) *apptest.World {
	t.Helper()
	return apptest.Start(t, testkit.New(t, app.Folders(), "unfounded", nil), apptest.Configure(func(o *app.Options) {
		o.Config.PlatformKey = "" // set where a test wants one
		if platformKey != "" {
			o.Config.PlatformKey = apptest.PlatformKey
		}
	}))
}

func offered(t *testing.T, w *apptest.World) (token string) {
	t.Helper()
	var out bytes.Buffer
	if err := w.OfferSetup(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 && !strings.Contains(out.String(), apptest.Origin+"/setup") {
		t.Errorf("says %q", out.String())
	}
	return regexp.MustCompile(`grv_setup_\S+`).FindString(out.String())
}

func founding(token string, changes ...string) url.Values {
	f := url.Values{"token": {token}, "name": {"Acme <Inc>"}, "handle": {"acme"}, "email": {"jo@acme.example"}, "password": {"seven quiet lamps"}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

const setupPage = apptest.Origin + "/setup"

func TestFirstSetUp(t *testing.T) {
	w := unfounded(t, "")
	c := w.Client()
	if r := w.Do(c, "GET", setupPage, nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("before it is offered: %d", r.StatusCode)
	}
	token := offered(t, w)
	if token == "" || offered(t, w) != token {
		t.Fatalf("token %q", token)
	}
	page := w.Do(c, "GET", setupPage, nil)
	if page.StatusCode != http.StatusOK || !strings.Contains(string(page.Raw), `action="/setup"`) || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", page.StatusCode, page.Raw)
	}
	for name, attack := range map[string]struct {
		form   url.Values
		status int
	}{
		"no token":          {founding(""), 403},
		"a guess":           {founding("grv_setup_" + strings.Repeat("A", 49)), 403},
		"a doubled token":   {url.Values{"token": {token, token}, "name": {"A"}, "handle": {"acme"}, "email": {"a@b.example"}, "password": {"seven quiet lamps"}}, 400},
		"fields missing":    {url.Values{"token": {token}}, 400},
		"huge":              {founding(token, "name", strings.Repeat("x", 17<<10)), 400},
		"a known password":  {founding(token, "password", "password1"), 422},
		"one's own address": {founding(token, "password", "jo@acme.example"), 422},
		"a bad handle":      {founding(token, "handle", "Not a handle"), 422},
		"a reserved one":    {founding(token, "handle", "admin"), 422},
		"a bad address":     {founding(token, "email", "nobody"), 422},
	} {
		r := w.Do(c, "POST", setupPage, attack.form)
		if r.StatusCode != attack.status || strings.Contains(string(r.Raw), token) || strings.Contains(string(r.Raw), "seven quiet lamps") {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	if r := w.Do(c, "POST", setupPage, founding(token, "handle", "\"><script>")); r.StatusCode != 422 || strings.Contains(string(r.Raw), "<script>") {
		t.Errorf("a script: %d %s", r.StatusCode, r.Raw)
	}
	var group sync.WaitGroup
	answers := make([]apptest.Response, 2)
	for i := range answers {
		group.Go(func() { answers[i] = w.Do(w.Client(), "POST", setupPage, founding(token)) })
	}
	group.Wait()
	won, lost := answers[0], answers[1]
	if won.StatusCode != http.StatusCreated {
		won, lost = lost, won
	}
	if won.StatusCode != http.StatusCreated || lost.StatusCode == http.StatusCreated || lost.StatusCode >= 500 ||
		!strings.Contains(string(won.Raw), `href="`+apptest.Origin+`/t/acme/console"`) || !strings.Contains(string(won.Raw), "Acme &lt;Inc&gt;") {
		t.Errorf("%d %s\n%d %s", won.StatusCode, won.Raw, lost.StatusCode, lost.Raw)
	}
	for _, method := range []string{"GET", "POST"} {
		if r := w.Do(c, method, setupPage, founding(token, "handle", "second")); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s afterwards: %d", method, r.StatusCode)
		}
	}
	if again := offered(t, w); again != "" {
		t.Error("offered again")
	}
	var mustChange bool
	made, err := w.Parts.Tenants.TenantByHandle(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.App.DB.InTenant(t.Context(), made.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT must_change FROM passwords WHERE tenant_id = $1`, tx.Tenant()).Scan(&mustChange)
	}); err != nil || !mustChange {
		t.Errorf("the first password is for ever: %v", err)
	}
	if r := w.Do(c, "GET", apptest.Origin+"/t/acme/.well-known/openid-configuration", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the tenant: %d", r.StatusCode)
	}
}

// TestNoSetUpBesideTheOperator: who has the operator's key founds tenants with it, and no other way is open.
func TestNoSetUpBesideTheOperator(t *testing.T) {
	w := unfounded(t, apptest.PlatformKey)
	if token := offered(t, w); token != "" {
		t.Error("a token was offered beside the operator's key")
	}
	if r := w.Do(w.Client(), "GET", setupPage, nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("%d", r.StatusCode)
	}
}
