package oauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

// ear is an app's back-channel logout endpoint, which answers with the statuses of a test, then with 200.
type ear struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	heard    []http.Header
	tokens   []string
}

func listen(t *testing.T, statuses ...int) *ear {
	e := &ear{statuses: statuses}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard, e.tokens = append(e.heard, r.Header.Clone()), append(e.tokens, r.PostFormValue("logout_token"))
		status := http.StatusOK
		if len(e.statuses) > 0 {
			status, e.statuses = e.statuses[0], e.statuses[1:]
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.tokens)
}

// TestBackchannelLogout: whatever ends a session, each app that was signed in to by it is told, one that fails again and without
// the others waiting.
func TestBackchannelLogout(t *testing.T) {
	v := newVendor(t, apptest.Configure(func(o *app.Options) { o.Dev = true }))
	good, deaf := listen(t), listen(t, http.StatusServiceUnavailable)
	other := v.Must(v.A, v.manage, "POST", "/orgs/root/apps", map[string]any{"name": "Deaf", "template": "web", "redirect_uris": []string{appCallback}})
	apps := []string{v.app["id"].(string), other["id"].(string)}
	v.Must(v.A, v.manage, "PUT", "/orgs/root/apps/"+apps[1]+"/shares", map[string]any{"policy": "all", "roles": "all"})
	for i, e := range []*ear{good, deaf} {
		v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+apps[i]+"/oidc", map[string]any{"backchannel_logout_uri": e.URL + "/logout"})
	}
	ctx := oidc.ClientContext(context.Background(), v.Client())
	provider, err := oidc.NewProvider(ctx, v.A.Base)
	if err != nil {
		t.Fatal(err)
	}
	told := func(e *ear, n int) {
		t.Helper()
		testkit.Eventually(t, "the app is told", func() bool { return len(e.all()) >= n })
		if got := len(e.all()); got != n {
			t.Fatalf("told %d times, not %d", got, n)
		}
	}
	for n, end := range []func(sid string){
		func(sid string) { v.Must(v.A, v.manage, "DELETE", "/orgs/north/sessions/"+sid, nil) },
		func(string) { v.Must(v.A, v.manage, "POST", "/orgs/north/users/"+v.user+":disable", nil) },
	} {
		signedIn := v.Tokens(v.A, v.person("north"))
		var id struct {
			SID string `json:"sid"`
		}
		idToken, err := provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, signedIn.JSON["id_token"].(string))
		if err == nil {
			err = idToken.Claims(&id)
		}
		if err != nil {
			t.Fatal(err)
		}
		end(id.SID)
		told(good, n+1)
		logout, err := provider.Verifier(&oidc.Config{ClientID: v.app["client_id"].(string), SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, good.all()[n])
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			SID    string                    `json:"sid"`
			JTI    string                    `json:"jti"`
			Nonce  *string                   `json:"nonce"`
			Events map[string]map[string]any `json:"events"`
		}
		if err := logout.Claims(&c); err != nil {
			t.Fatal(err)
		}
		event, ok := c.Events["http://schemas.openid.net/event/backchannel-logout"]
		if c.SID != id.SID || c.JTI == "" || c.Nonce != nil || !ok || event == nil || logout.Subject != v.user || logout.Expiry.Sub(logout.IssuedAt) != 2*time.Minute {
			t.Errorf("%+v %+v", c, logout)
		}
	}
	if len(deaf.all()) != 0 {
		t.Error("an app that nobody signed in to was told")
	}

	// Two apps in one session: the one that fails is told again, and the other does not wait for it, nor is it told twice.
	v.Must(v.A, v.manage, "POST", "/orgs/north/users/"+v.user+":enable", nil)
	first := v.person("north")
	first.Browser = v.Client()
	v.Tokens(v.A, first)
	second := first
	second.ClientID, second.ClientSecret = other["client_id"].(string), other["client_secret"].(string)
	v.Code(v.A, second)
	sessions := v.Must(v.A, v.manage, "GET", "/orgs/north/sessions", nil)["items"].([]any)
	if len(sessions) != 1 {
		t.Fatalf("%d sessions", len(sessions))
	}
	v.Must(v.A, v.manage, "DELETE", "/orgs/north/sessions/"+sessions[0].(map[string]any)["id"].(string), nil)
	told(good, 3)
	told(deaf, 2)
	if len(good.all()) != 3 {
		t.Error("an app that was told was told again")
	}
}
