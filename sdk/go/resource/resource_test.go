package resource_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"grove/sdk/go/resource"
)

const api = "https://api.example/notes"

// issuer is a tenant, as far as an API sees one: metadata and keys.
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	now time.Time
	t   *testing.T
}

func newIssuer(t *testing.T) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, now: time.Unix(1_900_000_000, 0), t: t}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/jwks") {
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256"}}})
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"x","token_endpoint":"x"}`, i.base(), i.base()+"/jwks")
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) base() string { return i.URL + "/t/acme" }

// token is a good one for a person, with changes; nil takes a claim out.
func (i *issuer) token(typ string, changes map[string]any) string {
	i.t.Helper()
	c := map[string]any{"iss": i.base(), "aud": []string{api}, "sub": "usr_1", "aut": "APPLICATION_USER", "client_id": "web", "org_id": "org_1", "org_handle": "north",
		"roles": []string{"Editor"}, "scope": "notes.read notes.write", "exp": i.now.Add(time.Minute).Unix(), "iat": i.now.Unix(), "auth_time": i.now.Add(-time.Hour).Unix()}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: "1"}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		i.t.Fatal(err)
	}
	raw, _ := json.Marshal(c)
	signed, err := signer.Sign(raw)
	if err != nil {
		i.t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return out
}

func (i *issuer) server() *resource.Server {
	i.t.Helper()
	s, err := resource.New(i.t.Context(), resource.Config{Issuer: i.base(), Resource: api, Scopes: []string{"notes.read"}, Now: func() time.Time { return i.now }})
	if err != nil {
		i.t.Fatal(err)
	}
	return s
}

func call(protect func(http.Handler) http.Handler, authorization ...string) (*httptest.ResponseRecorder, resource.Token) {
	var seen resource.Token
	r := httptest.NewRequest("GET", "/notes", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	protect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, _ = resource.TokenOf(r.Context()) })).ServeHTTP(w, r)
	return w, seen
}

func TestRequire(t *testing.T) {
	i := newIssuer(t)
	s := i.server()
	const hint = `Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"`
	good := i.token("at+jwt", nil)
	w, seen := call(s.Require("notes.read", "notes.write"), "bearer "+good)
	if w.Code != 200 || seen.Subject != "usr_1" || !seen.Person || seen.OrgHandle != "north" || seen.Roles[0] != "Editor" || seen.ClientID != "web" || seen.Actor != "" {
		t.Fatalf("%d %+v", w.Code, seen)
	}
	if w, seen := call(s.Require(), "Bearer "+i.token("application/at+jwt", map[string]any{"iss": i.base() + "/o/north", "act": map[string]any{"sub": "job"}, "aut": "APPLICATION"})); w.Code != 200 || seen.Actor != "job" || seen.Person {
		t.Errorf("of an organization's issuer, with an actor: %d %+v", w.Code, seen)
	}
	details := []map[string]string{{"type": "note", "id": "n1"}}
	if w, seen := call(s.Require(), "Bearer "+i.token("at+jwt", map[string]any{"authorization_details": details})); w.Code != 200 || string(seen.Details) != `[{"id":"n1","type":"note"}]` {
		t.Errorf("with details: %d %+v", w.Code, seen)
	}
	tampered := good[:len(good)-8] + "AAAAAAAA"
	for name, c := range map[string]struct {
		authorization []string
		status        int
		challenge     string
	}{
		"none":                {nil, 401, hint},
		"rubbish":             {[]string{"Bearer x"}, 401, hint + `, error="invalid_token"`},
		"twice":               {[]string{"Bearer " + good, "Bearer " + good}, 401, hint + `, error="invalid_token"`},
		"another scheme":      {[]string{"Basic " + good}, 401, hint + `, error="invalid_token"`},
		"tampered with":       {[]string{"Bearer " + tampered}, 401, hint + `, error="invalid_token"`},
		"an ID token":         {[]string{"Bearer " + i.token("JWT", nil)}, 401, hint + `, error="invalid_token"`},
		"no type":             {[]string{"Bearer " + i.token("", nil)}, 401, hint + `, error="invalid_token"`},
		"another audience":    {[]string{"Bearer " + i.token("at+jwt", map[string]any{"aud": "https://api.example"})}, 401, hint + `, error="invalid_token"`},
		"another tenant's":    {[]string{"Bearer " + i.token("at+jwt", map[string]any{"iss": i.base() + "2"})}, 401, hint + `, error="invalid_token"`},
		"expired":             {[]string{"Bearer " + i.token("at+jwt", map[string]any{"exp": i.now.Add(-time.Second).Unix()})}, 401, hint + `, error="invalid_token"`},
		"bound to a key":      {[]string{"Bearer " + i.token("at+jwt", map[string]any{"cnf": map[string]any{"jkt": "x"}})}, 401, hint + `, error="invalid_token"`},
		"bound, presented so": {[]string{"DPoP " + i.token("at+jwt", map[string]any{"cnf": map[string]any{"jkt": "x"}})}, 401, hint + `, error="invalid_token"`},
		"a scope less":        {[]string{"Bearer " + i.token("at+jwt", map[string]any{"scope": "notes.readonly notes"})}, 403, hint + `, error="insufficient_scope", scope="notes.read"`},
	} {
		w, seen := call(s.Require("notes.read"), c.authorization...)
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge || seen.Subject != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// TestRequireCertificate: a token that is bound to a certificate is good with that and with nothing else.
func TestRequireCertificate(t *testing.T) {
	i := newIssuer(t)
	s := i.server()
	certificate := func() *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(1)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, i.key.Public(), i.key)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c
	}
	mine, other := certificate(), certificate()
	sum := sha256.Sum256(mine.Raw)
	x5t := base64.RawURLEncoding.EncodeToString(sum[:])
	bound := func(cnf map[string]any) string { return "Bearer " + i.token("at+jwt", map[string]any{"cnf": cnf}) }
	ask := func(s *resource.Server, authorization string, shown *x509.Certificate, headers ...string) int {
		r := httptest.NewRequest("GET", "/notes", nil)
		r.Header.Set("Authorization", authorization)
		if shown != nil {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown}}
		}
		for _, h := range headers {
			r.Header.Set(h, "x")
		}
		w := httptest.NewRecorder()
		s.Require("notes.read")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		return w.Code
	}
	for name, c := range map[string]struct {
		cnf   map[string]any
		shown *x509.Certificate
		want  int
	}{
		"its own":            {map[string]any{"x5t#S256": x5t}, mine, 200},
		"another":            {map[string]any{"x5t#S256": x5t}, other, 401},
		"none":               {map[string]any{"x5t#S256": x5t}, nil, 401},
		"and a key":          {map[string]any{"x5t#S256": x5t, "jkt": "x"}, mine, 401},
		"a key alone":        {map[string]any{"jkt": x5t}, mine, 401},
		"nothing in it":      {map[string]any{}, mine, 401},
		"not bound, and one": {nil, mine, 200},
	} {
		authorization := bound(c.cnf)
		if c.cnf == nil {
			authorization = "Bearer " + i.token("at+jwt", nil)
		}
		if got := ask(s, authorization, c.shown); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	if _, err := s.Verify(t.Context(), strings.TrimPrefix(bound(map[string]any{"x5t#S256": x5t}), "Bearer ")); !errors.Is(err, resource.ErrBound) {
		t.Errorf("without a request: %v", err)
	}
	behind, err := resource.New(t.Context(), resource.Config{Issuer: i.base(), Resource: api, Now: func() time.Time { return i.now }, Certificate: func(r *http.Request) *x509.Certificate {
		if r.Header.Get("X-From-Proxy") == "" {
			return nil
		}
		return mine
	}})
	if err != nil {
		t.Fatal(err)
	}
	if with, without := ask(behind, bound(map[string]any{"x5t#S256": x5t}), other, "X-From-Proxy"), ask(behind, bound(map[string]any{"x5t#S256": x5t}), mine); with != 200 || without != 401 {
		t.Errorf("behind a proxy: %d and %d", with, without)
	}
}

func TestRequireFresh(t *testing.T) {
	i := newIssuer(t)
	s := i.server()
	if w, _ := call(s.RequireFresh(2*time.Hour, "notes.read"), "Bearer "+i.token("at+jwt", nil)); w.Code != 200 {
		t.Errorf("signed in an hour ago: %d", w.Code)
	}
	for name, at := range map[string]any{"an hour ago": i.now.Add(-time.Hour).Unix(), "never": nil} {
		w, _ := call(s.RequireFresh(5*time.Minute, "notes.read"), "Bearer "+i.token("at+jwt", map[string]any{"auth_time": at}))
		if w.Code != 401 || !strings.HasSuffix(w.Header().Get("WWW-Authenticate"), `error="insufficient_user_authentication", max_age="300"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestMetadata(t *testing.T) {
	i := newIssuer(t)
	s := i.server()
	w := httptest.NewRecorder()
	s.Metadata().ServeHTTP(w, httptest.NewRequest("GET", s.MetadataPath(), nil))
	want := `{"resource":"https://api.example/notes","authorization_servers":["` + i.base() + `"],"scopes_supported":["notes.read"],"bearer_methods_supported":["header"]}`
	if s.MetadataPath() != "/.well-known/oauth-protected-resource/notes" || w.Body.String() != want {
		t.Errorf("%s %s", s.MetadataPath(), w.Body)
	}
	for _, bad := range []string{"", "urn:notes", "http://api.example/", "https:///x", "https://api.example/#x", "notes"} {
		if _, err := resource.New(t.Context(), resource.Config{Issuer: i.base(), Resource: bad}); err == nil {
			t.Errorf("%q is taken for a resource", bad)
		}
	}
}
