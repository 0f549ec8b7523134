package resource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"grove/sdk/go/resource"
)

// TestAttack29_StrangersTokens: whatever strangers send, the server is asked little, and people whose tokens are good stay in.
func TestAttack29_StrangersTokens(t *testing.T) {
	a := newAsked(t)
	s := a.server(t, time.Second)
	a.answer.Store(func(token string) (int, string) {
		if token == opaque("good") || token == opaque("new") {
			return 200, a.good()
		}
		return 200, `{"active":false}`
	})
	get := func(token string) int {
		w, _ := call(s.Require(), "Bearer "+token)
		return w.Code
	}
	asked := func(what string, want int32) {
		t.Helper()
		if got := a.asks.Swap(0); got != want {
			t.Errorf("%s: asked %d times, want %d", what, got, want)
		}
	}
	if get(opaque("good")) != 200 {
		t.Fatal("a good token")
	}
	asked("a good one", 1)
	for _, rubbish := range []string{"grv_at_", "grv_at_x", "grv_at_" + strings.Repeat("x", 49), opaque("x") + "=", opaque("x") + "\nxyz", opaque("x") + " y", "grv_at_" + strings.Repeat("é", 30)} {
		if code := get(rubbish); code != 401 {
			t.Errorf("%q: %d", rubbish, code)
		}
	}
	asked("what is no token", 0)
	for range 50 {
		if code := get(opaque("same")); code != 401 {
			t.Errorf("the same: %d", code)
		}
	}
	asked("one that is not active", 1)
	for i := range 1000 {
		get(opaque(fmt.Sprint("stranger ", i)))
	}
	asked("a thousand others", 255)
	a.now.Add(2)
	if code := get(opaque("good")); code != 200 {
		t.Errorf("a good one meanwhile, which is asked about again: %d", code)
	}
	asked("the good one", 1)
	if code := get(opaque("new")); code != 200 {
		t.Errorf("a good one that nobody knew, a little later: %d", code)
	}
	a.asks.Store(0)
	for i := range 1000 {
		get(opaque(fmt.Sprint("another ", i)))
	}
	asked("a thousand more, two seconds later", 40)
	a.now.Add(5)
	get(opaque("same"))
	asked("one that was not active, later", 1)
}

// TestQuestionsAreShared: who wants to know the same while it is asked gets the same answer, also where the first has gone.
func TestQuestionsAreShared(t *testing.T) {
	a := newAsked(t)
	s := a.server(t, 0)
	come, answer := make(chan struct{}, 10), make(chan struct{})
	a.answer.Store(func(string) (int, string) {
		come <- struct{}{}
		<-answer
		return 200, a.good()
	})
	ctx, goes := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.Verify(ctx, opaque("x"))
		first <- err
	}()
	<-come
	goes()
	if err := <-first; !errors.Is(err, resource.ErrUnavailable) {
		t.Errorf("who has gone: %v", err)
	}
	for range 20 { // who has no time to wait
		if _, err := s.Verify(ctx, opaque("x")); !errors.Is(err, resource.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	other := make(chan error, 1)
	go func() {
		_, err := s.Verify(t.Context(), opaque("y"))
		other <- err
	}()
	<-come // another token's
	if n := a.asks.Load(); n != 2 {
		t.Errorf("asked %d times about two", n)
	}
	close(answer)
	if token, err := s.Verify(t.Context(), opaque("x")); err != nil || token.Subject != "usr_1" {
		t.Errorf("%+v %v", token, err)
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
}

// TestRetryAfter: a server that is asked too much is left alone for as long as it says; answers that are there still count.
func TestRetryAfter(t *testing.T) {
	a := newAsked(t)
	s := a.server(t, time.Minute)
	if w, _ := call(s.Require(), "Bearer "+opaque("known")); w.Code != 200 {
		t.Fatal(w.Code)
	}
	a.says(http.StatusTooManyRequests, "{}")
	a.retry.Store("20")
	if w, _ := call(s.Require(), "Bearer "+opaque("x")); w.Code != 503 || w.Header().Get("Retry-After") != "20" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	a.says(200, a.good())
	a.asks.Store(0)
	a.now.Add(19)
	if w, _ := call(s.Require(), "Bearer "+opaque("y")); w.Code != 503 || a.asks.Load() != 0 {
		t.Errorf("before: %d, asked %d times", w.Code, a.asks.Load())
	}
	if w, _ := call(s.Require(), "Bearer "+opaque("known")); w.Code != 200 || a.asks.Load() != 0 {
		t.Errorf("what is known: %d", w.Code)
	}
	a.now.Add(1)
	if w, _ := call(s.Require(), "Bearer "+opaque("y")); w.Code != 200 {
		t.Errorf("after: %d", w.Code)
	}
}

// TestReadOnly: a token for reading changes nothing, of whichever kind it is, unless the handler says that it does not either.
func TestReadOnly(t *testing.T) {
	i, a := newIssuer(t), newAsked(t)
	a.says(200, a.good(`"scope"`, `"read_only":true,"act":{"sub":"usr_9"},"scope"`))
	for kind, c := range map[string]struct {
		s     *resource.Server
		token string
	}{
		"JWT":    {i.server(), i.token("at+jwt", map[string]any{"read_only": true, "act": map[string]any{"sub": "usr_9"}})},
		"opaque": {a.server(t, 0), opaque("x")},
	} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 200, "POST": 403, "PUT": 403, "PATCH": 403, "DELETE": 403, "get": 403, "PROPFIND": 403} {
			ask := func(s *resource.Server) (*httptest.ResponseRecorder, resource.Token) {
				var seen resource.Token
				r := httptest.NewRequest(method, "/notes", nil)
				r.Header.Set("Authorization", "Bearer "+c.token)
				w := httptest.NewRecorder()
				s.Require("notes.read")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, _ = resource.TokenOf(r.Context()) })).ServeHTTP(w, r)
				return w, seen
			}
			w, seen := ask(c.s)
			if w.Code != want || w.Code == 200 && (!seen.ReadOnly || seen.Actor != "usr_9") ||
				want == 403 && (w.Body.String() != `{"error":"request.forbidden"}` || w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s, %s: %d %s %+v", kind, method, w.Code, w.Body, seen)
			}
			if w, seen := ask(c.s.ForReading()); w.Code != 200 || !seen.ReadOnly {
				t.Errorf("%s, %s, of a handler that changes nothing: %d", kind, method, w.Code)
			}
		}
	}
	if w, seen := call(i.server().Require(), "Bearer "+i.token("at+jwt", nil)); w.Code != 200 || seen.ReadOnly {
		t.Errorf("another token: %d %+v", w.Code, seen)
	}
	if w, _ := call(i.server().Require(), "Bearer "+i.token("at+jwt", map[string]any{"read_only": "yes"})); w.Code != 401 {
		t.Errorf("no boolean: %d", w.Code)
	}
}

// TestSecretStaysOnTheWay: an issuer of https whose metadata name an endpoint without is not asked.
func TestSecretStaysOnTheWay(t *testing.T) {
	var base string
	issuer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"x","token_endpoint":"x","introspection_endpoint":"http://id.example/introspect"}`, base, base+"/jwks")
	}))
	defer issuer.Close()
	base = issuer.URL
	config := resource.Config{Issuer: base, Resource: api, Client: issuer.Client()}
	if _, err := resource.New(t.Context(), config); err != nil {
		t.Errorf("who asks nothing: %v", err)
	}
	config.Introspection = &resource.Introspection{ClientID: "notes", ClientSecret: "s"}
	if _, err := resource.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("%v", err)
	}
}
