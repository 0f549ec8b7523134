// Package apikit serves the operations of a few capabilities to their tests, over real HTTP and through everything that
// httpapi does, without the rest of the program. Actors are what the test says; they hold the scopes of their token in
// the token's organization and all below it, as clients do.
package apikit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/infra/testkit"
)

// PlatformKey is the operator's key.
const PlatformKey = "operator-key-of-the-tests-0123456789"

// Server is a running API.
type Server struct {
	API *httpapi.API
	url string

	mu     sync.Mutex
	tokens map[string]actor.Actor
}

// New serves the modules' operations until the test ends.
func New(t testing.TB, d *testkit.Database, directory httpapi.Directory, modules ...module.Manifest) *Server {
	t.Helper()
	root, err := secrets.NewRoot(bytes.Repeat([]byte{7}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{tokens: map[string]actor.Actor{}}
	s.API = httpapi.New(httpapi.Options{Authenticator: s, Authorizer: s, DB: d.DB, Directory: directory, Log: testkit.Quiet(),
		PlatformKey: PlatformKey, Sealer: secrets.NewSealer(root), Version: "test"})
	for _, m := range modules {
		if m.Routes != nil {
			m.Routes(s.API)
		}
		if m.Platform != nil {
			m.Platform(s.API)
		}
	}
	server := httptest.NewServer(s.API.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// Token returns a bearer token for an actor.
func (s *Server) Token(a actor.Actor) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "token-" + strconv.Itoa(len(s.tokens))
	s.tokens[token] = a
	return token
}

// Authenticate knows the tokens that Token made, in their own tenant.
func (s *Server) Authenticate(_ context.Context, t httpapi.Tenant, c httpapi.Credentials) (actor.Actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.tokens[c.Token]
	if !ok || a.Tenant != t.ID {
		return actor.Actor{}, fault.CodeUnauthorized.With("The c.Token is not valid here.", nil)
	}
	return a, nil
}

// Permissions are the token's scopes, in its organization and below.
func (s *Server) Permissions(_ context.Context, a actor.Actor, o httpapi.Org) (httpapi.Held, error) {
	if !o.IsWithin(a.Org) {
		return httpapi.Held{}, nil
	}
	return httpapi.Held{Names: a.Scopes, Visible: true}, nil
}

// Response is an answer.
type Response struct {
	Status int
	Header http.Header
	Raw    []byte
}

// Into reads the body, which must be JSON.
func (r Response) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Raw, v); err != nil {
		t.Fatalf("status %d: %v: %s", r.Status, err, r.Raw)
	}
}

// Code is a problem's code, "" for any other body.
func (r Response) Code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Raw, &p)
	return p.Code
}

// Do sends a request. body is JSON as a string, or anything that marshals to it, or nil; headers are names and values.
func (s *Server) Do(t testing.TB, token, method, path string, body any, headers ...string) Response {
	t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	CheckCode(t, s.API, method, path, raw)
	return Response{Status: response.StatusCode, Header: response.Header, Raw: raw}
}

// Want sends a request and fails the test unless it is answered with status, and code where code is not "".
func (s *Server) Want(t testing.TB, status int, code, token, method, path string, body any, headers ...string) Response {
	t.Helper()
	r := s.Do(t, token, method, path, body, headers...)
	if r.Status != status || code != "" && r.Code() != code {
		t.Fatalf("%s %s: got %d, want %d %s: %s", method, path, r.Status, status, code, r.Raw)
	}
	return r
}
