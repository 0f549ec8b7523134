package resource

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	// Cache is for how long an answer is believed, at most a minute; 0: each request asks, but for those that come while the same token
	// is being asked about. So long a token that was revoked is good.
	Cache time.Duration
}

const (
	keepInactive = 5 * time.Second
	maxAnswer    = 1 << 20 // bytes
	maxCache     = time.Minute
	maxKept      = 10_000 // answers of each kind
	maxOpaque    = 16 << 10
	maxPause     = time.Minute
	minOpaque    = 37 // bytes: a day, and something sealed
	opaqueStart  = "grv_at_"
	waitAnswer   = 5 * time.Second

	// What strangers send is asked about as long as not too much of it turns out to be nothing: maxStrange questions at once, and one more
	// each newStrange. That is less than the server takes of one client, so that it still answers about tokens that were good before.
	maxStrange = 256
	newStrange = time.Second / 20
)

// Errors of [Server.Verify] where tokens are asked about.
var (
	ErrInactive    = errors.New("resource: the token is not active, or not for this API")
	ErrUnavailable = errors.New("resource: the token could not be asked about")
)

// asker asks about tokens. Strangers can send as many as they like, so what they send neither fills it nor uses up what the server
// answers to one client.
type asker struct {
	Introspection
	endpoint string
	client   *http.Client

	mu       sync.Mutex
	kept     map[[sha256.Size]byte]kept      // good answers
	inactive map[[sha256.Size]byte]time.Time // until when nobody asks again
	open     map[[sha256.Size]byte]*question
	strange  int       // questions of strangers that are open or came to nothing; see newStrange
	earned   time.Time // up to when strange has become less
	paused   time.Time // the server has said that nobody is to ask before
}

// question is one that the server has been asked, for all who want to know.
type question struct {
	answered chan struct{}
	said     said // once it is answered, as the error
	err      error
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
	if strings.HasPrefix(c.Issuer, "https:") && !strings.HasPrefix(metadata.Endpoint, "https:") {
		return nil, errors.New("resource: the issuer's introspection_endpoint is not an https URL") // the secret would be read on the way
	}
	if c.Introspection.ClientID == "" || c.Introspection.ClientSecret == "" {
		return nil, errors.New("resource: Config.Introspection names no client with a secret")
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the secret goes nowhere else
	return &asker{Introspection: *c.Introspection, endpoint: metadata.Endpoint, client: &client, kept: map[[sha256.Size]byte]kept{},
		inactive: map[[sha256.Size]byte]time.Time{}, open: map[[sha256.Size]byte]*question{}}, nil
}

func (s *Server) verifyOpaque(ctx context.Context, token string, shown *x509.Certificate) (Token, error) {
	if !looksOpaque(token) {
		return Token{}, ErrInactive
	}
	answer, err := s.asker.ask(ctx, token, s.now())
	if err != nil {
		return Token{}, err
	}
	switch {
	case !answer.Active:
		return Token{}, ErrInactive
	case !s.issuedBy(answer.Issuer):
		return Token{}, ErrIssuer
	case !slices.Contains(answer.Audience, s.config.Resource) || !s.now().Before(time.Unix(answer.Expiry, 0)):
		return Token{}, ErrInactive
	}
	return answer.token(answer.Subject, shown)
}

// looksOpaque reports whether a token has the form of those that the server makes.
func looksOpaque(token string) bool {
	if len(token) > maxOpaque || strings.ContainsAny(token, "\r\n") {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(token, opaqueStart))
	return err == nil && len(raw) >= minOpaque
}

// ask returns what is known of a token, or asks the server: once for all who want to know at the same time.
func (a *asker) ask(ctx context.Context, token string, now time.Time) (said, error) {
	key := sha256.Sum256([]byte(token))
	a.mu.Lock()
	known, isKnown := a.kept[key]
	if isKnown && now.Before(known.until) {
		a.mu.Unlock()
		return known.said, nil
	}
	if now.Before(a.inactive[key]) {
		a.mu.Unlock()
		return said{}, nil
	}
	q, asked := a.open[key]
	if !asked {
		if now.Before(a.paused) || !isKnown && !a.admit(now) {
			a.mu.Unlock()
			return said{}, ErrUnavailable
		}
		q = &question{answered: make(chan struct{})}
		a.open[key] = q
		go a.settle(context.WithoutCancel(ctx), token, key, q, !isKnown, now) // others may want to know still when this one has gone
	}
	a.mu.Unlock()
	select {
	case <-q.answered:
		return q.said, q.err
	case <-ctx.Done():
		return said{}, errors.Join(ErrUnavailable, ctx.Err())
	}
}

// admit takes one of the questions that are there for strangers, and reports whether there was one.
func (a *asker) admit(now time.Time) bool {
	if more := now.Sub(a.earned) / newStrange; more > 0 {
		a.strange = max(0, a.strange-int(min(more, maxStrange)))
		a.earned = now
	}
	if a.strange >= maxStrange {
		return false
	}
	a.strange++
	return true
}

// settle asks, keeps the answer, and tells it to all who wait.
func (a *asker) settle(ctx context.Context, token string, key [sha256.Size]byte, q *question, stranger bool, now time.Time) {
	var pause time.Duration
	q.said, pause, q.err = a.request(ctx, token)
	a.mu.Lock()
	defer a.mu.Unlock()
	defer close(q.answered)
	delete(a.open, key)
	if stranger && (q.err != nil || q.said.Active) {
		a.strange = max(0, a.strange-1)
	}
	switch {
	case q.err != nil:
		if until := now.Add(pause); until.After(a.paused) {
			a.paused = until
		}
	case q.said.Active:
		a.keep(key, q.said, now)
	default:
		delete(a.kept, key)
		if len(a.inactive) >= maxKept {
			clear(a.inactive) // the worst is that some are asked about again
		}
		a.inactive[key] = now.Add(keepInactive)
	}
}

// keep remembers a good answer, and where no answer is to be believed, that the token was good.
func (a *asker) keep(key [sha256.Size]byte, answer said, now time.Time) {
	until := now.Add(max(0, min(a.Cache, maxCache)))
	if expiry := time.Unix(answer.Expiry, 0); expiry.Before(until) {
		until = expiry
	}
	if len(a.kept) >= maxKept {
		for old, k := range a.kept {
			if !now.Before(k.until) {
				delete(a.kept, old)
			}
		}
	}
	if len(a.kept) < maxKept { // else nothing is forgotten that is still believed: this one is asked about again
		a.kept[key] = kept{answer, until}
	}
}

// again is in how many seconds it is worth to send a request anew that came to ErrUnavailable.
func (s *Server) again() int {
	if s.asker == nil {
		return 5
	}
	s.asker.mu.Lock()
	defer s.asker.mu.Unlock()
	return max(5, int(s.asker.paused.Sub(s.now())/time.Second))
}

// request asks the server. Whatever is not an answer is none: nobody is let in by a failure. The server may say how long to ask nothing.
func (a *asker) request(ctx context.Context, token string) (answer said, pause time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitAnswer)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return said{}, 0, errors.Join(ErrUnavailable, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret)) // RFC 6749, section 2.3.1
	response, err := a.client.Do(r)
	if err != nil {
		return said{}, 0, errors.Join(ErrUnavailable, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil || response.StatusCode != http.StatusOK {
		return said{}, pauseOf(response), errors.Join(ErrUnavailable, err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return said{}, 0, errors.Join(ErrUnavailable, err)
	}
	return answer, 0, nil
}

// pauseOf is how long a server that is asked too much, or too busy, wants to be left alone (RFC 9110, section 10.2.3).
func pauseOf(response *http.Response) time.Duration {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return time.Second
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, maxPause)
}
