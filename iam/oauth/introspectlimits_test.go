package oauth_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
)

// TestAttack29_IntrospectionIsCountedByClient: an API that asks about whatever strangers send it is no address that asks too much; who has
// not proved to be one is, whatever he says, and so is who asks for himself.
func TestAttack29_IntrospectionIsCountedByClient(t *testing.T) {
	const perAddress, perClient = 60, 100
	v := newVendor(t, apptest.WithoutWorkers(), apptest.Configure(func(o *app.Options) {
		o.Config.RateLimitPerAddress, o.Config.RateLimitPerClient = perAddress, perClient
		o.Config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}))
	from := "198.51.100.1"
	v.Must(v.A, v.manage, "POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://notes.example", "name": "Notes"})
	make := func(name string, serves ...string) map[string]any {
		made := v.Must(v.A, v.manage, "POST", "/orgs/root/apps", map[string]any{"name": name, "template": "m2m"})
		v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+made["id"].(string)+"/oidc", map[string]any{"token_exchange_audiences": append([]string{}, serves...)})
		return made
	}
	notes, other, plain := make("Notes API", "https://notes.example"), make("Other", "https://notes.example"), make("Plain")
	ask := func(client map[string]any, changes ...string) apptest.Response {
		form := credentials(client, url.Values{"token": {"grv_at_x"}})
		for i := 0; i < len(changes); i += 2 {
			form.Set(changes[i], changes[i+1])
		}
		return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/introspect", form, "X-Forwarded-For", from)
	}
	for i := range perClient {
		if r := ask(notes); r.StatusCode != http.StatusOK {
			t.Fatalf("an API's question %d: %d %s", i, r.StatusCode, r.Raw)
		}
	}
	if r := ask(notes); r.StatusCode != http.StatusTooManyRequests || r.JSON["error"] != "temporarily_unavailable" || r.Header.Get("Retry-After") == "" {
		t.Errorf("too many of one client: %d %v %s", r.StatusCode, r.Header, r.Raw)
	}
	if r := ask(other); r.StatusCode != http.StatusOK {
		t.Errorf("another API: %d %s", r.StatusCode, r.Raw)
	}
	for name, asks := range map[string]func() apptest.Response{
		"a wrong secret": func() apptest.Response { return ask(other, "client_secret", "x") },
		"no such client": func() apptest.Response { return ask(other, "client_id", "nobody") },
		"nobody": func() apptest.Response {
			return v.Do(v.Client(), "POST", v.A.Base+"/oauth2/introspect", url.Values{"token": {"x"}}, "X-Forwarded-For", from)
		},
		"no such tenant": func() apptest.Response {
			return v.Do(v.Client(), "POST", apptest.Origin+"/t/nobody/oauth2/introspect", nil, "X-Forwarded-For", from)
		},
		"who asks for itself": func() apptest.Response { return ask(plain) },
	} {
		t.Run(name, func(t *testing.T) {
			from = "198.51.100.1" + strconv.Itoa(len(name)) // an address of its own
			last := 0
			for i := 0; last != http.StatusTooManyRequests; i++ {
				if last = asks().StatusCode; i > perAddress {
					t.Fatalf("not counted: %d", last)
				}
			}
			if r := ask(other); r.StatusCode != http.StatusTooManyRequests {
				t.Errorf("from an address that has sent too much: %d", r.StatusCode)
			}
		})
	}
}
