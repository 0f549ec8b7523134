// Package resource protects an API with Grove's access tokens (RFC 9068), which it verifies by the tenant's published keys alone,
// and tells clients where to get them (RFC 9728).
//
//	server, err := resource.New(ctx, resource.Config{Issuer: "https://id.example/t/acme", Resource: "https://api.example/notes"})
//	mux.Handle(server.MetadataPath(), server.Metadata())
//	mux.Handle("GET /notes", server.Require("notes.read")(notes))
//
// In the handler, [TokenOf] says who is calling and in which organization. A token that was revoked is good until it expires, which
// is minutes. Where that is too long, let the apps have opaque tokens, which only the server reads, and set Config.Introspection: such a
// token is asked about (RFC 7662), and refused where nobody answers. Without it opaque tokens are not taken.
package resource

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	codeForbidden  = "request.forbidden" // of Grove's own API
	typAccessToken = "at+jwt"
	wellKnown      = "/.well-known/oauth-protected-resource"
)

// Config says whose tokens an API takes.
type Config struct {
	Issuer   string           // the tenant's base, such as https://id.example/t/acme; tokens of its organizations are taken as well
	Resource string           // the identifier under which the API is registered; an https URL, so that clients find its metadata
	Scopes   []string         // that clients are told of
	Client   *http.Client     // nil: that of net/http
	Now      func() time.Time // nil: time.Now

	// Introspection is how opaque tokens are asked about; nil: they are not taken.
	Introspection *Introspection

	// Certificate returns the certificate that a caller has shown, for tokens that are bound to it (RFC 8705). nil: that of the TLS
	// connection. An API behind a proxy reads it from a header that the proxy alone can write.
	Certificate func(r *http.Request) *x509.Certificate
}

// Server verifies tokens for one API. It is safe for concurrent use.
type Server struct {
	config   Config
	path     string // of the metadata
	asker    *asker // nil: of opaque tokens nobody is asked
	hint     string // resource_metadata of challenges
	reading  bool   // see ForReading
	verifier *oidc.IDTokenVerifier
}

// New reads the tenant's metadata. It keeps reading its keys when they change.
func New(ctx context.Context, c Config) (*Server, error) {
	at, err := url.Parse(c.Resource)
	if err != nil || at.Scheme != "https" && at.Hostname() != "localhost" && at.Hostname() != "127.0.0.1" || at.Host == "" || at.Fragment != "" {
		return nil, errors.New("resource: Config.Resource is not an https URL without a fragment (RFC 9728, section 1.2)")
	}
	if c.Client != nil {
		ctx = oidc.ClientContext(ctx, c.Client)
	}
	provider, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	asks, err := newAsker(provider, c)
	if err != nil {
		return nil, err
	}
	path := wellKnown + strings.TrimSuffix(at.EscapedPath(), "/")
	return &Server{config: c, path: path, asker: asks, hint: at.Scheme + "://" + at.Host + path,
		// Organizations have issuers of their own below the tenant's, with the same keys: see issuedBy.
		verifier: provider.Verifier(&oidc.Config{ClientID: c.Resource, SkipIssuerCheck: true, Now: c.Now,
			SupportedSigningAlgs: []string{oidc.ES256, oidc.EdDSA, oidc.PS256, oidc.RS256}})}, nil
}

// MetadataPath is where [Server.Metadata] belongs, on the host of Config.Resource (RFC 9728, section 3.1).
func (s *Server) MetadataPath() string { return s.path }

// Metadata tells clients which server's tokens are taken here (RFC 9728, section 3.2).
func (s *Server) Metadata() http.Handler {
	body, _ := json.Marshal(struct { // strings always marshal
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported,omitempty"`
		Methods  []string `json:"bearer_methods_supported"`
	}{s.config.Resource, []string{s.config.Issuer}, s.config.Scopes, []string{"header"}})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
}

// Token is what an access token says of its bearer.
type Token struct {
	Subject   string    // the person's id, or the client_id of an app that acts for itself
	Person    bool      // whether it is about a person
	ClientID  string    // the app that has it
	OrgID     string    // the one organization that it is for
	OrgHandle string    // its short name
	Roles     []string  // of the person, there
	Scopes    []string  // that the app may use
	AuthTime  time.Time // when the person signed in; zero for an app
	Actor     string    // who acts for the person (RFC 8693, section 4.1); "" for he himself
	ReadOnly  bool      // nothing may be changed with it, whatever its scopes say: who acts for the person was allowed no more

	// Details are what the app may do exactly: authorization_details (RFC 9396, section 9.1), a JSON array of objects; nil for none.
	Details json.RawMessage
}

type claims struct {
	Aut       string          `json:"aut"`
	ClientID  string          `json:"client_id"`
	OrgID     string          `json:"org_id"`
	OrgHandle string          `json:"org_handle"`
	Roles     []string        `json:"roles"`
	Scope     string          `json:"scope"`
	AuthTime  int64           `json:"auth_time"`
	Confirmed json.RawMessage `json:"cnf"`
	Details   json.RawMessage `json:"authorization_details"`
	ReadOnly  bool            `json:"read_only"`
	Act       *struct {
		Sub string `json:"sub"`
	} `json:"act"`
}

// Errors of [Server.Verify].
var (
	ErrBound  = errors.New("resource: the token is bound to a key or certificate that the caller has not shown; DPoP proofs are not taken here")
	ErrIssuer = errors.New("resource: the token is of another issuer")
	ErrType   = errors.New("resource: not an access token")
)

// Verify checks signature, type, issuer, audience and times of an access token. One that is bound is refused: see [Server.Require].
func (s *Server) Verify(ctx context.Context, token string) (Token, error) {
	return s.verify(ctx, token, nil)
}

func (s *Server) verify(ctx context.Context, token string, shown *x509.Certificate) (Token, error) {
	if s.asker != nil && strings.HasPrefix(token, opaqueStart) {
		return s.verifyOpaque(ctx, token, shown)
	}
	if typeOf(token) != typAccessToken {
		return Token{}, ErrType // an ID token is signed by the same keys
	}
	verified, err := s.verifier.Verify(ctx, token)
	if err != nil {
		return Token{}, err
	}
	if !s.issuedBy(verified.Issuer) {
		return Token{}, ErrIssuer
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return Token{}, err
	}
	return c.token(verified.Subject, shown)
}

// issuedBy reports whether an issuer is the tenant, or one of its organizations.
func (s *Server) issuedBy(issuer string) bool {
	return issuer == s.config.Issuer || strings.HasPrefix(issuer, s.config.Issuer+"/o/")
}

// token is what claims say, for who has shown what they are bound to.
func (c claims) token(subject string, shown *x509.Certificate) (Token, error) {
	if c.Confirmed != nil && !boundTo(c.Confirmed, shown) {
		return Token{}, ErrBound
	}
	t := Token{Subject: subject, Person: c.Aut == "APPLICATION_USER", ClientID: c.ClientID, OrgID: c.OrgID, OrgHandle: c.OrgHandle, Roles: c.Roles,
		Scopes: strings.Fields(c.Scope), ReadOnly: c.ReadOnly, Details: c.Details}
	if c.AuthTime > 0 {
		t.AuthTime = time.Unix(c.AuthTime, 0)
	}
	if c.Act != nil {
		t.Actor = c.Act.Sub
	}
	return t, nil
}

// boundTo reports whether cnf names a certificate, this one, and nothing else (RFC 8705, section 3.1).
func boundTo(cnf json.RawMessage, shown *x509.Certificate) bool {
	var members map[string]string
	if shown == nil || json.Unmarshal(cnf, &members) != nil || len(members) != 1 {
		return false
	}
	sum := sha256.Sum256(shown.Raw)
	return members["x5t#S256"] == base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *Server) shown(r *http.Request) *x509.Certificate {
	switch {
	case s.config.Certificate != nil:
		return s.config.Certificate(r)
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		return r.TLS.PeerCertificates[0]
	}
	return nil
}

func typeOf(token string) string {
	header, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(header)
	var h struct {
		Typ string `json:"typ"`
	}
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(h.Typ), "application/")
}

// Require lets requests through whose token carries all of the scopes; one that is bound to a certificate only with that, and one that is
// read_only by GET, HEAD and OPTIONS only: see [Server.ForReading]. The others are told what is missing, and where to get it
// (RFC 6750, section 3; RFC 9728, section 5.1).
func (s *Server) Require(scopes ...string) func(http.Handler) http.Handler {
	return s.require(0, scopes)
}

// RequireFresh is Require for what a person has to have signed in for within age; else his app is to ask him again (RFC 9470).
func (s *Server) RequireFresh(age time.Duration, scopes ...string) func(http.Handler) http.Handler {
	return s.require(age, scopes)
}

// ForReading is the same server for handlers that change nothing whatever the method, such as a search by POST: read_only tokens are good
// there too.
//
//	mux.Handle("POST /notes/search", server.ForReading().Require("notes.read")(search))
func (s *Server) ForReading() *Server {
	reading := *s
	reading.reading = true
	return &reading
}

// reads reports whether a method changes nothing.
func reads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (s *Server) require(age time.Duration, scopes []string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			given := r.Header.Values("Authorization")
			if len(given) == 0 {
				s.challenge(w, http.StatusUnauthorized, "", "")
				return
			}
			scheme, token, _ := strings.Cut(given[0], " ")
			if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
				s.challenge(w, http.StatusUnauthorized, "invalid_token", "")
				return
			}
			t, err := s.verify(r.Context(), strings.TrimSpace(token), s.shown(r))
			switch {
			case errors.Is(err, ErrUnavailable): // the token may be good: its bearer is to keep it
				w.Header().Set("Retry-After", strconv.Itoa(s.again()))
				s.challenge(w, http.StatusServiceUnavailable, "temporarily_unavailable", "")
			case err != nil:
				s.challenge(w, http.StatusUnauthorized, "invalid_token", "")
			case t.ReadOnly && !s.reading && !reads(r.Method): // as Grove's own API does, without a challenge: no other scope would help
				refuse(w, http.StatusForbidden, codeForbidden)
			case slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(t.Scopes, scope) }):
				s.challenge(w, http.StatusForbidden, "insufficient_scope", `, scope="`+strings.Join(scopes, " ")+`"`)
			case age > 0 && s.now().Sub(t.AuthTime) > age:
				s.challenge(w, http.StatusUnauthorized, "insufficient_user_authentication", `, max_age="`+strconv.Itoa(int(age/time.Second))+`"`)
			default:
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, t)))
			}
		})
	}
}

func (s *Server) now() time.Time {
	if s.config.Now != nil {
		return s.config.Now()
	}
	return time.Now()
}

func (s *Server) challenge(w http.ResponseWriter, status int, code, more string) {
	said := `Bearer resource_metadata="` + s.hint + `"`
	if code != "" {
		said += `, error="` + code + `"` + more
	}
	w.Header().Set("WWW-Authenticate", said)
	refuse(w, status, code)
}

func refuse(w http.ResponseWriter, status int, code string) {
	body := "{}"
	if code != "" {
		body = `{"error":"` + code + `"}`
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

type tokenKey struct{}

// TokenOf returns the token of a request that came through [Server.Require].
func TokenOf(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(tokenKey{}).(Token)
	return t, ok
}
