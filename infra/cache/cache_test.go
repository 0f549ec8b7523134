package cache_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const topic = "thing"

type world struct {
	*testkit.Database
	t      *testing.T
	hub    *cache.Hub
	cache  *cache.Cache[int]
	tenant ids.Tenant
	loads  int
	value  int // what get saw last: which of the loads it came from
}

func setup(t *testing.T) *world {
	t.Helper()
	hub := cache.NewHub(testkit.Quiet())
	return &world{Database: testkit.New(t, []fs.FS{db.Migrations()}, "", nil), t: t, hub: hub, tenant: ids.NewTenant(),
		cache: cache.New[int](hub, 100, time.Hour, topic)}
}

// listen runs the hub until the test ends.
func (w *world) listen() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.hub.Run(ctx, w.SystemPool()) }()
	w.t.Cleanup(func() { cancel(); <-done })
	w.until("the hub listens", w.hub.Live)
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			w.t.Fatalf("not within half a minute: %s", what)
		case <-tick.C:
		}
	}
}

// get returns whether the value had to be read.
func (w *world) get(tenant ids.Tenant) bool {
	w.t.Helper()
	before := w.loads
	value, err := w.cache.Get(context.Background(), tenant.UUID(), "name", func(context.Context) (int, error) { w.loads++; return w.loads, nil })
	if err != nil {
		w.t.Fatal(err)
	}
	w.value = value
	return w.loads > before
}

func (w *world) change(topic string, commit bool) {
	w.t.Helper()
	undo := errors.New("undo")
	err := w.InTenant(context.Background(), w.tenant, func(ctx context.Context, tx db.Tx) error {
		if err := tx.Changed(ctx, topic, "name"); err != nil || commit {
			return err
		}
		return undo
	})
	if err != nil && err != undo {
		w.t.Fatal(err)
	}
}

func TestNothingIsServedFromMemoryWhileNobodyListens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 2 {
		if !w.get(w.tenant) {
			t.Fatal("served from memory before the hub listens")
		}
	}
}

func TestAChangeIsForgottenWhenItCommits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.listen()
	others := []ids.Tenant{ids.NewTenant(), ids.NewTenant(), ids.NewTenant()}
	for _, tenant := range append(others, w.tenant) {
		w.until("it is served from memory", func() bool { return !w.get(tenant) })
	}
	// A listener that is lost forgets everything, which a busy machine may take it for.
	testkit.Eventually(t, "a change of another topic, and one that is undone, make nothing forgotten", func() bool {
		w.until("it is served from memory", func() bool { return !w.get(w.tenant) })
		w.change(topic, false)
		w.change("another topic", true)
		testkit.Heard(t, w.DB, w.hub)
		return !w.get(w.tenant)
	})
	w.change(topic, true)
	w.until("the change is heard", func() bool { return w.get(w.tenant) })
	// Tenants share generations, a thousandth of them each.
	if !slices.ContainsFunc(others, func(tenant ids.Tenant) bool { return !w.get(tenant) }) {
		t.Error("every tenant's entry was forgotten")
	}
}

func TestALostListenerEmptiesTheCache(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.listen()
	w.until("it is served from memory", func() bool { return !w.get(w.tenant) })
	old := w.value
	conn, err := pgx.Connect(t.Context(), w.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	// What changes while the listener is gone is never announced to it.
	if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	w.until("the loss is noticed", func() bool { return w.get(w.tenant) })
	w.until("the listener is back and the cache serves", func() bool { return !w.get(w.tenant) })
	if w.value == old {
		t.Error("what was read before the loss is served after it")
	}
}

// TestHoldsNoMoreThanItsSize: however many tenants there are, memory is bounded, and what was given up is read again.
func TestHoldsNoMoreThanItsSize(t *testing.T) {
	w := setup(t)
	w.listen()
	read := func(tenant ids.Tenant) {
		v, err := w.cache.Get(context.Background(), tenant.UUID(), "x", func(context.Context) (int, error) { return 7, nil })
		if err != nil || v != 7 {
			t.Fatal(v, err)
		}
	}
	first := ids.NewTenant()
	read(first)
	for range 10_000 {
		read(ids.NewTenant())
	}
	if n, most := w.hub.Held(); n < 50 || n > 100 || most != 100 {
		t.Errorf("%d entries of at most %d", n, most)
	}
	read(first)
}
