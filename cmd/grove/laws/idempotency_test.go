package laws_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/httpapi"
)

// attempt is a call with what it is to be sent with.
type attempt struct {
	call
	tenant apptest.Tenant
	token  string
	again  func() string // a token for the repetition
}

func (p *pair) attempt(r httpapi.RouteInfo) attempt {
	switch {
	case r.Access == httpapi.Operator:
		return attempt{p.platform(r), p.A, apptest.PlatformKey, nil}
	case r.Access == httpapi.Self:
		c, who := p.a.north.self(r)
		again := p.a.north.signIn(who)
		if r.ID == "changeMyPassword" { // which ends the access token that it is asked with
			again.Password = c.body.(m)["new_password"].(string)
		}
		return attempt{c, p.A, p.a.north.tokenOf(who), func() string { return p.Tokens(p.A, again).Text("access_token") }}
	case rootOnly[r.ID] != "":
		return attempt{p.a.root.good(r), p.A, p.a.root.manage, nil}
	}
	return attempt{p.a.north.good(r), p.A, p.a.root.manage, nil}
}

func (a attempt) keyed(key string) call {
	c := a.call
	c.header = append(slices.Clone(c.header), "Idempotency-Key", key)
	return c
}

// TestIdempotency sends every POST of the API, the operator's too, twice with one key, once more with another body, and at last eight
// times at once: it takes effect once.
func TestIdempotency(t *testing.T) {
	p := world(t)
	for _, r := range described.Routes() {
		if r.Method != http.MethodPost {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			lend(t)
			p.twice(t, p.attempt(r))
			p.atOnce(t, p.attempt(r))
		})
	}
}

func (p *pair) twice(t *testing.T, a attempt) {
	books, key := p.ledger(), unique("key")
	valid := p.attempt(a.route)
	valid.path = a.path
	mark := books.newest()
	first := p.send(a.tenant, a.token, a.keyed(key))
	if first.StatusCode != a.route.Status {
		t.Fatalf("%d %s", first.StatusCode, first.Raw)
	}
	if len(books.since(mark)) == 0 {
		t.Error("nothing was written down")
	}
	if a.again != nil {
		a.token = a.again()
	}
	before := books.digest()
	again := p.send(a.tenant, a.token, a.keyed(key))
	switch {
	case again.StatusCode == http.StatusConflict && again.Code() == "idempotency.secret_already_shown":
		if first.JSON["client_secret"] == nil && first.JSON["link"] == nil && first.JSON["token"] == nil {
			t.Error("nothing secret was shown, and the repetition is refused")
		}
	case again.StatusCode != a.route.Status:
		t.Errorf("again: %d %s", again.StatusCode, again.Raw)
	case again.JSON["id"] != first.JSON["id"]:
		t.Errorf("the repetition answers with %v, not %v", again.JSON["id"], first.JSON["id"])
	case !slices.Equal(slices.Sorted(maps.Keys(again.JSON)), slices.Sorted(maps.Keys(first.JSON))):
		t.Errorf("the repetition answers with other members: %s, not %s", again.Raw, first.Raw)
	}
	other, refused := a.keyed(key), http.StatusUnprocessableEntity
	if other.body = any(m{"another": "body"}); a.body == nil {
		other.query, refused = "?another=call", http.StatusBadRequest
	}
	if got := p.send(a.tenant, a.token, other); got.StatusCode != refused {
		t.Errorf("another body: %d %s", got.StatusCode, got.Raw)
	}
	if !reflect.DeepEqual(valid.body, a.body) {
		if got := p.send(a.tenant, a.token, valid.keyed(key)); got.StatusCode != http.StatusUnprocessableEntity || got.Code() != "idempotency.mismatch" {
			t.Errorf("another good body: %d %s", got.StatusCode, got.Raw)
		}
	}
	if tables := changed(before, books.digest()); len(tables) > 0 {
		t.Errorf("the repetitions changed %v", tables)
	}
}

func (p *pair) atOnce(t *testing.T, a attempt) {
	books, key, mark := p.ledger(), unique("key"), p.ledger().newest()
	answers := make([]apptest.Response, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = p.send(a.tenant, a.token, a.keyed(key)) })
	}
	all.Wait()
	good, subjects := 0, map[any]bool{}
	for _, got := range answers {
		switch {
		case got.StatusCode == a.route.Status:
			good++
			subjects[got.JSON["id"]] = true
		case got.StatusCode == http.StatusConflict && (got.Code() == "idempotency.in_progress" || got.Code() == "idempotency.secret_already_shown"):
		case got.StatusCode == http.StatusUnauthorized && a.route.ID == "changeMyPassword": // the first has ended the token
		default:
			t.Errorf("at once: %d %s", got.StatusCode, got.Raw)
		}
	}
	if good == 0 || len(subjects) != 1 {
		t.Errorf("at once: %d succeeded, with %d subjects", good, len(subjects))
	}
	seen := map[string]int{}
	for _, e := range books.since(mark) {
		seen[e.Type+" "+e.Subject]++
	}
	for what, n := range seen {
		if n > 1 {
			t.Errorf("at once: %s %d times", what, n)
		}
	}
	if len(seen) == 0 {
		t.Error("at once: nothing was written down")
	}
}
