package outbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"grove/infra/jose"
	"grove/infra/kernel/clock"
)

// How long a key set is believed.
const (
	jwksFresh     = 5 * time.Minute  // before it is read again
	jwksStale     = 10 * time.Minute // beyond that, while it cannot be read
	jwksPause     = 10 * time.Second // between two readings, whatever the reason
	maxJWKSBytes  = 256 << 10
	maxRemoteSets = 4096
)

// JWKS reads others' key sets (RFC 7517, section 5) and keeps them for a while. A key that is not among those known makes
// it read again, at most every ten seconds, so that a new key works at once and nobody can make us ask without end.
type JWKS struct {
	client *Client
	clock  clock.Clock
	sets   *otter.Cache[string, *remoteSet]
}

// NewJWKS makes the reader.
func NewJWKS(c *Client, time clock.Clock) *JWKS {
	return &JWKS{client: c, clock: time, sets: otter.Must(&otter.Options[string, *remoteSet]{MaximumSize: maxRemoteSets})}
}

// remoteSet is what is known of one address.
type remoteSet struct {
	now atomic.Pointer[keySet] // nil before the first reading; who finds his key here waits for nobody

	turn   chan struct{} // holds the turn of whoever reads, which guards what follows
	tried  time.Time
	failed error // of the last try
}

// keySet is one reading. It does not change.
type keySet struct {
	keys map[string][]*jose.PublicKey   // by algorithm
	to   map[string]*jose.EncryptionKey // by algorithm
	read time.Time
}

// Keys returns the keys of an address that verify an algorithm. Where kid is given and not among them, the set is read
// again if that was not done just now. A set that cannot be read again is used up to a quarter of an hour.
func (j *JWKS) Keys(ctx context.Context, address, alg, kid string) ([]*jose.PublicKey, error) {
	set, err := j.set(ctx, address, func(s *keySet) bool {
		return slices.ContainsFunc(s.keys[alg], func(k *jose.PublicKey) bool { return kid == "" || k.KID() == kid })
	})
	if err != nil {
		return nil, err
	}
	return set.keys[alg], nil
}

// EncryptionKey returns the key of an address to which messages are encrypted by an algorithm; nil where it has none. It is read as Keys are.
func (j *JWKS) EncryptionKey(ctx context.Context, address, alg string) (*jose.EncryptionKey, error) {
	set, err := j.set(ctx, address, func(s *keySet) bool { return s.to[alg] != nil })
	if err != nil {
		return nil, err
	}
	return set.to[alg], nil
}

// set returns what an address publishes. Where has says that something is not there, it is read again if that was not done just now.
func (j *JWKS) set(ctx context.Context, address string, has func(*keySet) bool) (*keySet, error) {
	set, err := j.sets.Get(ctx, address, otter.LoaderFunc[string, *remoteSet](func(context.Context, string) (*remoteSet, error) {
		return &remoteSet{turn: make(chan struct{}, 1)}, nil
	}))
	if err != nil {
		return nil, err
	}
	if known := set.now.Load(); known.isFresh(j.clock.Now()) && has(known) {
		return known, nil
	}
	select {
	case set.turn <- struct{}{}:
		defer func() { <-set.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := j.clock.Now()
	if known := set.now.Load(); known.isFresh(now) && has(known) {
		return known, nil
	}
	if now.Sub(set.tried) >= jwksPause {
		set.tried = now
		set.failed = j.read(ctx, address, set)
	}
	known := set.now.Load()
	if known == nil || now.Sub(known.read) >= jwksFresh+jwksStale {
		return nil, errors.Join(errNoSet, set.failed)
	}
	return known, nil
}

var errNoSet = errors.New("outbound: there is no key set")

func (j *JWKS) read(ctx context.Context, address string, set *remoteSet) error {
	// Who asked may go away; the others wait for the same answer.
	answer, err := j.client.Get(context.WithoutCancel(ctx), address, "application/jwk-set+json, application/json", maxJWKSBytes)
	if err != nil {
		return err
	}
	next := &keySet{keys: map[string][]*jose.PublicKey{}, to: map[string]*jose.EncryptionKey{}, read: set.tried}
	for _, alg := range jose.Algs() {
		if next.keys[alg], err = jose.ParseJWKSet(answer.Body, alg); err != nil {
			return fmt.Errorf("outbound: %w", err)
		}
	}
	for _, alg := range jose.EncryptionAlgs() {
		if next.to[alg], err = jose.FindEncryptionKey(answer.Body, alg); err != nil {
			return fmt.Errorf("outbound: %w", err)
		}
	}
	set.now.Store(next)
	return nil
}

func (s *keySet) isFresh(now time.Time) bool { return s != nil && now.Sub(s.read) < jwksFresh }
