// Package cache keeps what hot paths read again and again: tenants, keys, clients, the organization's chain.
//
// An entry is forgotten in every process when the transaction that changed it commits: the change is announced with
// db.Tx.Changed, and a Hub listens. While the listener is down nothing is served from memory. An entry that was read
// while a change was under way lands under an old generation and is never seen.
package cache

import (
	"context"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/maypok86/otter/v2"

	"grove/infra/db"
)

// buckets bounds the memory that generations take, whatever the number of tenants.
const buckets = 1024

var seed = maphash.MakeSeed()

// ListenerName is under which Postgres shows a hub's connection.
const ListenerName = "grove_listener"

// Hub hears of changes and tells the caches.
type Hub struct {
	log   *slog.Logger
	live  atomic.Bool
	heard chan struct{} // closed when the hub is live for the first time
	once  sync.Once

	mu     sync.Mutex
	caches []listener
}

type listener interface {
	changed(topic string, tenant uuid.UUID)
	held() (entries, most int)
	reset()
}

// Held returns how many entries all caches hold, and the most that they can.
func (h *Hub) Held() (entries, most int) {
	h.each(func(c listener) {
		n, size := c.held()
		entries, most = entries+n, most+size
	})
	return entries, most
}

// NewHub makes a hub. Until Run listens, every cache passes through.
func NewHub(log *slog.Logger) *Hub { return &Hub{log: log, heard: make(chan struct{})} }

// Run listens until ctx ends. After a lost connection it empties the caches and tries again.
func (h *Hub) Run(ctx context.Context, pool *pgxpool.Pool) {
	for said := false; ctx.Err() == nil; {
		listened, err := h.listen(ctx, pool)
		if (listened || !said) && ctx.Err() == nil { // a loss is told once, however long it lasts
			h.log.WarnContext(ctx, "cache listener lost its connection; caches are off until it is back", "error", err)
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// listen hears changes until the connection is lost, and reports whether it could at all.
func (h *Hub) listen(ctx context.Context, pool *pgxpool.Pool) (listened bool, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	// The session has a LISTEN: it does not go back to the pool.
	raw := conn.Hijack()
	defer raw.Close(context.WithoutCancel(ctx))
	defer h.live.Store(false)
	for _, statement := range []string{"SET application_name = '" + ListenerName + "'", "LISTEN " + db.Channel} {
		if _, err := raw.Exec(ctx, statement); err != nil {
			return false, err
		}
	}
	h.each(listener.reset)
	h.live.Store(true)
	h.once.Do(func() { close(h.heard) })
	for {
		n, err := next(ctx, raw)
		if err != nil {
			return true, err
		}
		topic, rest, _ := strings.Cut(n.Payload, " ")
		tenantText, _, _ := strings.Cut(rest, " ")
		tenant, err := uuid.Parse(tenantText)
		if err != nil {
			continue
		}
		h.each(func(c listener) { c.changed(topic, tenant) })
	}
}

// heartbeat bounds how long a listener may be silent before it has to answer, and how long that may take. A connection
// that died without a word is noticed within twice that, and a change is heard within a second or not trusted.
const heartbeat = 400 * time.Millisecond

func next(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	for {
		quiet, cancel := context.WithTimeout(ctx, heartbeat)
		n, err := conn.WaitForNotification(quiet)
		over := quiet.Err() != nil
		cancel()
		if err == nil || !over || ctx.Err() != nil || conn.IsClosed() {
			return n, err
		}
		answer, cancel := context.WithTimeout(ctx, heartbeat)
		err = conn.Ping(answer)
		cancel()
		if err != nil {
			return nil, err
		}
	}
}

// Changed forgets what a change makes stale. It is for changes of this process: see db.DB.OnChange.
func (h *Hub) Changed(topic string, tenant uuid.UUID) {
	h.each(func(c listener) { c.changed(topic, tenant) })
}

func (h *Hub) each(f func(listener)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.caches {
		f(c)
	}
}

// Live reports whether changes are being heard.
func (h *Hub) Live() bool { return h.live.Load() }

// Wait returns when changes are heard for the first time: from then on caches keep what is read. It returns ctx's error when
// that ends before.
func (h *Hub) Wait(ctx context.Context) error {
	select {
	case <-h.heard:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type key struct {
	generation uint64
	tenant     uuid.UUID
	name       string
}

// Cache holds values of one kind by tenant and name.
type Cache[V any] struct {
	hub         *Hub
	topics      []string
	size        int
	generations [buckets]atomic.Uint64
	entries     *otter.Cache[key, V]
}

// New makes a cache of at most size entries, each kept for at most ttl, which forgets a tenant's entries whenever one
// of the topics changes in that tenant. The zero tenant's entries (such as handles) are forgotten at any change.
func New[V any](hub *Hub, size int, ttl time.Duration, topics ...string) *Cache[V] {
	return NewFor[V](hub, size, func(V) time.Duration { return ttl }, topics...)
}

// NewFor is New where the time for which a value is kept depends on the value.
func NewFor[V any](hub *Hub, size int, ttl func(V) time.Duration, topics ...string) *Cache[V] {
	c := &Cache[V]{hub: hub, topics: topics, size: size, entries: otter.Must(&otter.Options[key, V]{
		MaximumSize:      size,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[key, V]) time.Duration { return ttl(e.Value) }),
	})}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	hub.caches = append(hub.caches, c)
	return c
}

func bucket(tenant uuid.UUID) uint64 { return maphash.Bytes(seed, tenant[:]) % buckets }

// Get returns the value, reading it with load at most once at a time. Errors are not kept.
func (c *Cache[V]) Get(ctx context.Context, tenant uuid.UUID, name string, load func(context.Context) (V, error)) (V, error) {
	// What is read for all is read for no request's Idempotency-Key: a twin's refusal would be everybody's.
	ctx = db.WithClaim(ctx, nil)
	if !c.hub.Live() {
		return load(ctx)
	}
	k := key{generation: c.generations[bucket(tenant)].Load(), tenant: tenant, name: name}
	return c.entries.Get(ctx, k, otter.LoaderFunc[key, V](func(ctx context.Context, _ key) (V, error) {
		return load(ctx)
	}))
}

func (c *Cache[V]) changed(topic string, tenant uuid.UUID) {
	if !slices.Contains(c.topics, topic) {
		return
	}
	c.generations[bucket(tenant)].Add(1)
	c.generations[bucket(uuid.Nil)].Add(1)
}

func (c *Cache[V]) held() (entries, most int) {
	c.entries.CleanUp()
	return c.entries.EstimatedSize(), c.size
}

func (c *Cache[V]) reset() {
	for i := range c.generations {
		c.generations[i].Add(1)
	}
	c.entries.InvalidateAll()
}
