package resource_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"grove/sdk/go/resource"
)

// asked is an issuer whose introspection endpoint says what a test wants.
type asked struct {
	*httptest.Server
	asks   atomic.Int32
	answer atomic.Value // func(token string) (status int, body string)
	now    atomic.Int64
	retry  atomic.Value // of Retry-After
}

func newAsked(t *testing.T) *asked {
	a := &asked{}
	a.now.Store(1_900_000_000)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/introspect") {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"x","token_endpoint":"x","introspection_endpoint":%q}`, a.base(), a.base()+"/jwks", a.base()+"/introspect")
			return
		}
		a.asks.Add(1)
		if id, secret, ok := r.BasicAuth(); !ok || id != "notes" || secret != "s%2Fecret" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		status, body := a.answer.Load().(func(string) (int, string))(r.PostFormValue("token"))
		if status == http.StatusFound {
			w.Header().Set("Location", a.base()+"/introspect")
		}
		if retry, ok := a.retry.Load().(string); ok {
			w.Header().Set("Retry-After", retry)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(a.Close)
	a.says(200, a.good())
	return a
}

// opaque is a token of the form of those that the server makes.
func opaque(name string) string {
	return "grv_at_" + base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%-40s", name)))
}

func (a *asked) base() string { return a.URL + "/t/acme" }

func (a *asked) says(status int, body string) {
	a.answer.Store(func(string) (int, string) { return status, body })
}

func (a *asked) good(changes ...string) string {
	body := fmt.Sprintf(`{"active":true,"iss":%q,"aud":[%q],"sub":"usr_1","aut":"APPLICATION_USER","client_id":"web","org_id":"org_1","roles":["Editor"],"scope":"notes.read","exp":%d}`,
		a.base()+"/o/north", api, 1_900_000_030)
	return strings.NewReplacer(changes...).Replace(body)
}

func (a *asked) server(t *testing.T, cache time.Duration) *resource.Server {
	t.Helper()
	s, err := resource.New(t.Context(), resource.Config{Issuer: a.base(), Resource: api, Now: func() time.Time { return time.Unix(a.now.Load(), 0) },
		Introspection: &resource.Introspection{ClientID: "notes", ClientSecret: "s/ecret", Cache: cache}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestIntrospection: an opaque token is asked about, and what is said of it is what the handler sees; an answer is believed for as
// long as was said, and no longer than the token is good.
func TestIntrospection(t *testing.T) {
	a := newAsked(t)
	s := a.server(t, 10*time.Second)
	get := func() int {
		w, seen := call(s.Require("notes.read"), "Bearer "+opaque("x"))
		if w.Code == 200 && (seen.Subject != "usr_1" || !seen.Person || seen.Roles[0] != "Editor" || seen.OrgID != "org_1") {
			t.Errorf("%+v", seen)
		}
		return w.Code
	}
	for _, c := range []struct {
		after int64 // seconds
		code  int
		asks  int32
	}{{0, 200, 1}, {9, 200, 1}, {10, 200, 2}, {20, 200, 3}, {29, 200, 3}, {30, 401, 4}} {
		a.now.Store(1_900_000_000 + c.after)
		if code := get(); code != c.code || a.asks.Load() != c.asks {
			t.Errorf("after %d s: %d, asked %d times", c.after, code, a.asks.Load())
		}
	}
	a.now.Store(1_900_000_000)
	if w, _ := call(s.Require("notes.write"), "Bearer "+opaque("x")); w.Code != 403 {
		t.Errorf("without the scope: %d", w.Code)
	}
	each := a.server(t, 0)
	before := a.asks.Load()
	for range 3 {
		call(each.Require(), "Bearer "+opaque("x"))
	}
	if a.asks.Load() != before+3 {
		t.Errorf("asked %d times for three", a.asks.Load()-before)
	}
	// Who sets nothing up takes no opaque tokens.
	i := newIssuer(t)
	if w, _ := call(i.server().Require(), "Bearer "+opaque("x")); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}

// TestIntrospectionFailsClosed: whatever is not a good answer lets nobody in, and is not remembered.
func TestIntrospectionFailsClosed(t *testing.T) {
	a := newAsked(t)
	s := a.server(t, time.Minute)
	for name, c := range map[string]struct {
		status int
		body   string
		code   int
	}{
		"inactive":              {200, `{"active":false}`, 401},
		"nothing said":          {200, `{}`, 401},
		"a text that is true":   {200, a.good("true", `"true"`), 503},
		"another API":           {200, a.good(api, "https://other.example"), 401},
		"a longer API":          {200, a.good(api, api+"/x"), 401},
		"another issuer":        {200, a.good(a.base()+"/o/north", "https://evil.example"), 401},
		"an issuer that begins": {200, a.good(a.base()+"/o/north", a.base()+"x"), 401},
		"expired":               {200, a.good("1900000030", "1900000000"), 401},
		"no expiry":             {200, a.good("1900000030", "0"), 401},
		"bound to a key":        {200, a.good(`"scope"`, `"cnf":{"jkt":"x"},"scope"`), 401},
		"no JSON":               {200, `active`, 503},
		"a failure":             {500, a.good(), 503},
		"a redirect":            {302, a.good(), 503},
		"a wrong secret":        {401, a.good(), 503},
	} {
		a.says(c.status, c.body)
		w, _ := call(s.Require("notes.read"), "Bearer "+opaque(name))
		if w.Code != c.code || c.code == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	a.says(200, a.good())
	if w, _ := call(s.Require("notes.read"), "Bearer "+opaque("a failure")); w.Code != 200 {
		t.Errorf("a failure is remembered: %d", w.Code)
	}
	if w, _ := call(s.Require(), "Bearer "+opaque(strings.Repeat("x", 17<<10))); w.Code != 401 {
		t.Errorf("a token without end: %d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(ctx, opaque("late")); !errors.Is(err, resource.ErrUnavailable) {
		t.Errorf("who has no time: %v", err)
	}
	a.Close()
	if w, _ := call(s.Require(), "Bearer "+opaque("gone")); w.Code != 503 {
		t.Errorf("a server that is gone: %d", w.Code)
	}
}
