package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// town has two tenants: acme, who is found under hosts of its own too, and globex.
type town struct {
	*world
	globex httpapi.Tenant
	users  map[string]ids.User // by token
}

func newTown() *town {
	w := newWorld()
	return &town{world: w, globex: httpapi.Tenant{ID: ids.NewTenant(), Handle: "globex", Root: ids.NewOrg(), Base: "http://id.example/t/globex"},
		users: map[string]ids.User{"good": w.user, "hers": ids.NewUser()}}
}

func (t *town) TenantByHandle(ctx context.Context, handle string) (httpapi.Tenant, error) {
	if handle == "globex" {
		return t.globex, nil
	}
	return t.world.TenantByHandle(ctx, handle)
}

func (t *town) TenantByHost(_ context.Context, host string) (httpapi.Tenant, error) {
	if name, _, _ := strings.Cut(strings.ToLower(host), ":"); name == "id.acme.example" || name == "login.acme.example" {
		return t.tenant, nil
	}
	return httpapi.Tenant{}, fault.CodeTenantNotFound.With("", nil)
}

func (t *town) Authenticate(_ context.Context, at httpapi.Tenant, c httpapi.Credentials) (actor.Actor, error) {
	user, known := t.users[c.Token]
	if !known {
		return actor.Actor{}, fault.CodeUnauthorized.With("", nil)
	}
	return actor.Actor{Kind: actor.User, User: user, Tenant: at.ID, Org: t.north.ID}, nil
}

func (t *town) serve(tt *testing.T, l httpapi.Limits, more ...func(*httpapi.Options)) http.Handler {
	return serve(tt, t.world, nil, nil, append(more, func(o *httpapi.Options) { o.Authenticator, o.Directory, o.Limits = t, t, l })...)
}

const thingsBelow = "/v1/orgs/north/things"

// TestLimitOfATenant: what is asked of one tenant counts together, however it is addressed, and takes nothing from others.
func TestLimitOfATenant(t *testing.T) {
	h := newTown().serve(t, httpapi.Limits{PerTenant: 4})
	for i, at := range []string{"/t/acme", "http://id.acme.example", "http://ID.acme.example:8080", "http://login.acme.example",
		"/t/acme", "http://id.acme.example", "http://ID.acme.example:8081", "http://id.acme.EXAMPLE"} {
		got := call(h, "GET", at+thingsBelow, "")
		if i < 4 && got.Code != http.StatusOK {
			t.Errorf("%s: %d %s", at, got.Code, got.Body)
		}
		if i >= 4 && (got.Code != http.StatusTooManyRequests || got.Problem.Code != "request.rate_limited" || got.Header().Get("Retry-After") == "") {
			t.Errorf("%s: %d %v %s", at, got.Code, got.Header(), got.Body)
		}
	}
	for range 4 {
		if got := call(h, "GET", "/t/globex"+thingsBelow, ""); got.Code != http.StatusOK {
			t.Errorf("another tenant: %d", got.Code)
		}
	}
	if got := call(h, "POST", "/t/acme/oauth2/token", ""); got.Code != http.StatusTooManyRequests || !strings.Contains(got.Body.String(), "temporarily_unavailable") {
		t.Errorf("an OAuth endpoint: %d %s", got.Code, got.Body)
	}
}

// TestLimitOfAClient: what an app asks of the management API for one person takes nothing from others, nor from another tenant's.
func TestLimitOfAClient(t *testing.T) {
	h := newTown().serve(t, httpapi.Limits{PerClient: 3})
	asks := func(tenant, token string) int {
		return call(h, "GET", "/t/"+tenant+thingsBelow, "", "Authorization", "Bearer "+token).Code
	}
	for i := range 6 {
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if got := asks("acme", "good"); got != want {
			t.Errorf("request %d: %d", i+1, got)
		}
	}
	for name, got := range map[string]int{"another person": asks("acme", "hers"), "another tenant": asks("globex", "good")} {
		if got != http.StatusOK {
			t.Errorf("%s: %d", name, got)
		}
	}
	for range 6 { // no token, nobody's count
		if got := asks("acme", "bad"); got != http.StatusUnauthorized {
			t.Errorf("a bad token: %d", got)
		}
	}
	for range 6 {
		if got := call(h, "POST", "/t/acme/oauth2/token", ""); got.Code != http.StatusOK {
			t.Errorf("an OAuth endpoint: %d", got.Code)
		}
	}
}

// TestEveryAnswerIsMeasured: also those that came to no operation, under a bounded number of names.
func TestEveryAnswerIsMeasured(t *testing.T) {
	seen := map[string]int{}
	w := newTown()
	h := w.serve(t, httpapi.Limits{PerAddress: 7}, func(o *httpapi.Options) {
		o.Observe = func(method, route string, status int, _ time.Duration) {
			seen[fmt.Sprint(method, " ", route, " ", status)]++
		}
	})
	for _, at := range []string{"/t/acme" + thingsBelow, "/t/nobody" + thingsBelow, "/t/nobody-else/", "/t/acme/nothing", "http://id.acme.example" + thingsBelow,
		"http://nobody.example/x", "/platform/v1/things", "/t/acme" + thingsBelow} {
		call(h, "GET", at, "")
	}
	want := []string{"GET /platform/v1/things 401 1", "GET /v1/orgs/{org}/things 200 2", "GET unmatched 404 4", "GET unmatched 429 1"}
	var got []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		got = append(got, fmt.Sprint(name, " ", seen[name]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("measured %q, want %q", got, want)
	}
}
