package grove

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// maxAnswer is the most that is read of an answer, in bytes.
const maxAnswer = 32 << 20

// Client calls the management API. It is safe for concurrent use. A call that fails answers with a [*Problem], unless the
// server was not reached.
//
// A POST carries an Idempotency-Key, so that a repeated one takes effect once. A call is repeated, at most twice, when the
// server was too busy to take it, and a GET or POST also when the connection broke.
type Client struct {
	base  string
	http  *http.Client
	waits func(attempt int) time.Duration
}

// New makes a client of a tenant's or an organization's base address, without /v1: https://id.example.com/t/acme. Its
// requests go through authenticated, which adds the access token: see [ClientCredentials] and golang.org/x/oauth2.
func New(base string, authenticated *http.Client) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), http: authenticated, waits: func(attempt int) time.Duration {
		return time.Duration(100+mathrand.IntN(100)) * time.Millisecond << attempt
	}}
}

// ClientCredentials authenticates as a machine-to-machine app (RFC 6749, section 4.4). Without scopes it asks for all that
// the app is authorized for. ctx is that of the token requests, which outlive the call.
func ClientCredentials(ctx context.Context, base, clientID, clientSecret string, scopes ...string) *http.Client {
	config := clientcredentials.Config{AuthStyle: oauth2.AuthStyleInHeader, ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		TokenURL: strings.TrimSuffix(base, "/") + "/oauth2/token"}
	return config.Client(ctx)
}

// Error makes a problem (RFC 9457) an error. Branch on Code.
func (p *Problem) Error() string {
	text := p.Code + ": " + p.Title
	if p.Detail != nil {
		text += ". " + *p.Detail
	}
	return text + " (request " + p.RequestID + ")"
}

// Option changes one call.
type Option func(*call)

type call struct {
	header http.Header
	etag   *string
}

// IfMatch makes the change only while the resource has this entity tag.
func IfMatch(etag string) Option { return func(c *call) { c.header.Set("If-Match", etag) } }

// IdempotencyKey names a POST, so that it takes effect once when the program that sent it starts anew and repeats it.
func IdempotencyKey(key string) Option {
	return func(c *call) { c.header.Set("Idempotency-Key", key) }
}

// ETag tells the entity tag of the answer, for [IfMatch].
func ETag(into *string) Option { return func(c *call) { c.etag = into } }

// request is what a generated method fills.
type request struct {
	method, path, contentType string
	body                      any
	query                     url.Values
}

// path puts values into a path, each as one segment.
func path(format string, segments ...string) string {
	escaped := make([]any, len(segments))
	for i, s := range segments {
		escaped[i] = url.PathEscape(s)
	}
	return fmt.Sprintf(format, escaped...)
}

func add[T any](r *request, name string, value *T) {
	if value == nil {
		return
	}
	if r.query == nil {
		r.query = url.Values{}
	}
	if at, ok := any(*value).(time.Time); ok {
		r.query.Set(name, at.Format(time.RFC3339Nano))
	} else {
		r.query.Set(name, fmt.Sprint(*value))
	}
}

// pages yields what list answers, page after page; next puts the next page's token into the parameters.
func pages[P, L any](params *P, list func(*P) (*L, error), next func(*P, *L) bool) iter.Seq2[*L, error] {
	return func(yield func(*L, error) bool) {
		var at P
		if params != nil {
			at = *params
		}
		for {
			page, err := list(&at)
			if !yield(page, err) || err != nil || !next(&at, page) {
				return
			}
		}
	}
}

const attempts = 3

// do sends a request and reads its answer into answer, which may be nil.
func (c *Client) do(ctx context.Context, r request, answer any, options []Option) error {
	o := call{header: http.Header{"Accept": {"application/json"}}}
	if r.method == http.MethodPost {
		o.header.Set("Idempotency-Key", rand.Text())
	}
	for _, option := range options {
		option(&o)
	}
	var body []byte
	if r.contentType != "" {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
		o.header.Set("Content-Type", r.contentType)
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	for attempt := 1; ; attempt++ {
		wait, err := c.try(ctx, r.method, address, o, body, answer)
		if err == nil || wait < 0 || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(wait, c.waits(attempt))):
		}
	}
}

// try makes one attempt. With an error, wait is the least time until the next one, or negative: there is to be none.
func (c *Client) try(ctx context.Context, method, address string, o call, body []byte, answer any) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header = o.header.Clone()
	res, err := c.http.Do(req)
	if err != nil {
		var refused *oauth2.RetrieveError // no token: trying again does not help
		if errors.As(err, &refused) || ctx.Err() != nil || method != http.MethodGet && method != http.MethodPost {
			return -1, err
		}
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return -1, err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return waitOf(res), problemOf(res, raw)
	}
	if o.etag != nil {
		*o.etag = res.Header.Get("ETag")
	}
	if answer == nil {
		return 0, nil
	}
	return -1, json.Unmarshal(raw, answer)
}

// waitOf says when to repeat a refused call: the server did nothing for it.
func waitOf(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return -1
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// problemOf makes an answer a problem, also one that some proxy in between gave.
func problemOf(res *http.Response, raw []byte) *Problem {
	var p Problem
	if json.Unmarshal(raw, &p) != nil || p.Code == "" {
		p = Problem{Code: fmt.Sprintf("http.%d", res.StatusCode), Title: http.StatusText(res.StatusCode), Type: "about:blank"}
	}
	p.Status = int64(res.StatusCode)
	return &p
}
