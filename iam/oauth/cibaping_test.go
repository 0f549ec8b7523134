package oauth_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/iam/apps"
	"grove/infra/notify/inbox"
	"grove/infra/testkit"
)

// TestCIBAPing: the person is mailed a link, signs in and answers there; the app is told, again where it fails, by the token of its request,
// and redeems; it is told of a no as well.
func TestCIBAPing(t *testing.T) {
	v := newVendor(t, apptest.Configure(func(o *app.Options) { o.Dev = true }))
	var mu sync.Mutex
	var heard []string
	statuses := []int{http.StatusServiceUnavailable, http.StatusNoContent, http.StatusNoContent}
	ear := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")+" "+string(body))
		w.WriteHeader(statuses[min(len(heard), len(statuses))-1])
	}))
	t.Cleanup(ear.Close)
	told := func(n int) []string {
		t.Helper()
		testkit.Eventually(t, "the app is told", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) >= n })
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"grant_types": []string{"authorization_code", "refresh_token", apps.GrantCIBA},
		"backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": ear.URL + "/ciba"})
	as := func(form url.Values) url.Values {
		form.Set("client_id", v.app["client_id"].(string))
		form.Set("client_secret", v.app["client_secret"].(string))
		return form
	}
	ask := func(token string) (id, link string) {
		t.Helper()
		got := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/bc-authorize", as(url.Values{"scope": {"openid email"}, "login_hint": {"eva@north.example"}, "org": {"north"}, "binding_message": {"Order " + token}, "client_notification_token": {token}}))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		mail, err := v.Mail.Wait(ctx, func(e inbox.Entry) bool {
			return e.To == "eva@north.example" && strings.Contains(e.Text, "Order "+token)
		})
		if err != nil || !strings.Contains(mail.Subject, "Notes") {
			t.Fatalf("%d %s: %+v %v", got.StatusCode, got.Raw, mail, err)
		}
		for _, link := range mail.Links {
			if strings.Contains(link, "/login/request?token=") {
				return got.Text("auth_req_id"), link
			}
		}
		t.Fatalf("no link in %s", mail.Text)
		return "", ""
	}
	first, second := strings.Repeat("one-", 8), strings.Repeat("two-", 8)
	redeem := func(id string) apptest.Response {
		return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/token", as(url.Values{"grant_type": {apps.GrantCIBA}, "auth_req_id": {id}}))
	}
	id, link := ask(first)
	person := v.person("north")
	person.Browser = v.Client()
	if at := v.Walk(person, link, v.A.Base+"/login/request?done="); at.Query().Get("done") != "approved" {
		t.Fatal(at)
	}
	for _, got := range told(2) {
		if got != "POST /ciba application/json Bearer "+first+` {"auth_req_id":"`+id+`"}` {
			t.Errorf("told %s", got)
		}
	}
	if got := redeem(id); got.Text("id_token") == "" {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
	// The session is fresh: he is asked at once. This time he says no.
	id, link = ask(second)
	page := v.Do(person.Browser, "GET", v.Do(person.Browser, "GET", link, nil).Header.Get("Location"), nil)
	if !strings.Contains(string(page.Raw), "Order "+second) {
		t.Fatalf("%d %s", page.StatusCode, page.Raw)
	}
	person.Deny = true
	if at := v.Walk(person, link, v.A.Base+"/login/request?done="); at.Query().Get("done") != "denied" {
		t.Fatal(at)
	}
	if all := told(3); len(all) != 3 || !strings.Contains(all[2], second) || !strings.Contains(all[2], id) {
		t.Errorf("told %v", all)
	}
	if got := redeem(id); got.Code() != "access_denied" {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
	// A session that is a quarter of an hour old does not do.
	v.Clock.Advance(16 * time.Minute)
	_, link = ask(strings.Repeat("tri-", 8))
	page = v.Do(person.Browser, "GET", v.Do(person.Browser, "GET", link, nil).Header.Get("Location"), nil)
	if !strings.Contains(string(page.Raw), `name="username"`) {
		t.Errorf("an old session answers: %s", page.Raw)
	}
}
