package resource

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Introspection is how an API asks about opaque tokens (RFC 7662), as those of apps whose access_token_format is opaque. The API is a
// confidential app that serves it: its identifier is among the app's token_exchange_audiences.
type Introspection struct {
	ClientID     string
	ClientSecret string
	// Cache is for how long an answer is believed, at most a minute; 0: each request asks. So long a token that was revoked is good.
	Cache time.Duration
}

const (
	maxAnswer   = 1 << 20 // bytes
	maxCache    = time.Minute
	maxKept     = 10_000 // answers
	maxOpaque   = 16 << 10
	opaqueStart = "grv_at_"
	waitAnswer  = 5 * time.Second
)

// Errors of [Server.Verify] where tokens are asked about.
var (
	ErrInactive    = errors.New("resource: the token is not active, or not for this API")
	ErrUnavailable = errors.New("resource: the token could not be asked about")
)

// asker asks about tokens. Only good answers are kept: what strangers send fills nothing.
type asker struct {
	Introspection
	endpoint string
	client   *http.Client

	mu   sync.Mutex
	kept map[[sha256.Size]byte]kept
}

type kept struct {
	said  said
	until time.Time
}

// said is an answer (RFC 7662, section 2.2).
type said struct {
	claims
	Active   bool     `json:"active"`
	Audience audience `json:"aud"`
	Expiry   int64    `json:"exp"`
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
}

type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func newAsker(p *oidc.Provider, c Config) (*asker, error) {
	if c.Introspection == nil {
		return nil, nil
	}
	var metadata struct {
		Endpoint string `json:"introspection_endpoint"`
	}
	if err := p.Claims(&metadata); err != nil || metadata.Endpoint == "" {
		return nil, errors.Join(errors.New("resource: the issuer's metadata names no introspection_endpoint"), err)
	}
	if c.Introspection.ClientID == "" || c.Introspection.ClientSecret == "" {
		return nil, errors.New("resource: Config.Introspection names no client with a secret")
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the secret goes nowhere else
	return &asker{Introspection: *c.Introspection, endpoint: metadata.Endpoint, client: &client, kept: map[[sha256.Size]byte]kept{}}, nil
}

func (s *Server) verifyOpaque(ctx context.Context, token string, shown *x509.Certificate) (Token, error) {
	if len(token) > maxOpaque {
		return Token{}, ErrInactive
	}
	answer, err := s.asker.ask(ctx, token, s.now())
	if err != nil {
		return Token{}, err
	}
	switch {
	case !s.issuedBy(answer.Issuer):
		return Token{}, ErrIssuer
	case !answer.Active || !slices.Contains(answer.Audience, s.config.Resource) || !s.now().Before(time.Unix(answer.Expiry, 0)):
		return Token{}, ErrInactive
	}
	return answer.token(answer.Subject, shown)
}

func (a *asker) ask(ctx context.Context, token string, now time.Time) (said, error) {
	key := sha256.Sum256([]byte(token))
	a.mu.Lock()
	known, ok := a.kept[key]
	a.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.said, nil
	}
	answer, err := a.request(ctx, token)
	if err != nil || !answer.Active || a.Cache <= 0 {
		return answer, err
	}
	until := now.Add(min(a.Cache, maxCache))
	if expiry := time.Unix(answer.Expiry, 0); expiry.Before(until) {
		until = expiry
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) >= maxKept {
		for old, k := range a.kept {
			if !now.Before(k.until) {
				delete(a.kept, old)
			}
		}
	}
	if len(a.kept) < maxKept { // else nothing is forgotten that is still good: this one is asked about again
		a.kept[key] = kept{answer, until}
	}
	return answer, nil
}

// request asks the server. Whatever is not an answer is none: nobody is let in by a failure.
func (a *asker) request(ctx context.Context, token string) (answer said, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitAnswer)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return answer, errors.Join(ErrUnavailable, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret)) // RFC 6749, section 2.3.1
	response, err := a.client.Do(r)
	if err != nil {
		return answer, errors.Join(ErrUnavailable, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil || response.StatusCode != http.StatusOK {
		return answer, errors.Join(ErrUnavailable, err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return said{}, errors.Join(ErrUnavailable, err)
	}
	return answer, nil
}
