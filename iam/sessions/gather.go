package sessions

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

const (
	gatherQueries = 2               // at a time; who comes then waits for one of them to end, and shares the next
	gatherMost    = 256             // who share one
	gatherTime    = 5 * time.Second // for a query: those who come meanwhile wait for it
)

// gathering asks Postgres how things stand. While its queries run, those who come wait, and all of one tenant's share the next
// query: what each of them learns was read after he asked. Under load one query answers many; without it nobody waits.
type gathering struct {
	db      *db.DB
	mu      sync.Mutex
	running int
	turns   []ids.Tenant // whose turn is next; each that has asks waiting is in it once
	waiting map[ids.Tenant][]*ask
}

type ask struct {
	of   Subjects
	done chan struct{}
	out  Standing
	err  error
}

func newGathering(d *db.DB) *gathering {
	return &gathering{db: d, waiting: map[ids.Tenant][]*ask{}}
}

// ask returns how the subjects stand. Subjects.Tenant must be set.
func (g *gathering) ask(ctx context.Context, of Subjects) (Standing, error) {
	g.mu.Lock()
	if g.running < gatherQueries {
		g.running++
		g.mu.Unlock()
		defer g.next()
		ctx, cancel := context.WithTimeout(ctx, gatherTime)
		defer cancel()
		return g.one(ctx, of)
	}
	mine := &ask{of: of, done: make(chan struct{})}
	if g.waiting[of.Tenant] = append(g.waiting[of.Tenant], mine); len(g.waiting[of.Tenant]) == 1 {
		g.turns = append(g.turns, of.Tenant)
	}
	g.mu.Unlock()
	select {
	case <-mine.done:
		return mine.out, mine.err
	case <-ctx.Done():
		return Standing{}, ctx.Err()
	}
}

// next gives the place of a query that has ended to those who wait.
func (g *gathering) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turns) == 0 {
		g.running--
		return
	}
	go func(tenant ids.Tenant, all []*ask) {
		defer g.next()
		g.answer(tenant, all)
	}(g.take())
}

// take removes those whose turn it is.
func (g *gathering) take() (ids.Tenant, []*ask) {
	tenant := g.turns[0]
	g.turns = g.turns[1:]
	all := g.waiting[tenant]
	if len(all) > gatherMost {
		all, g.waiting[tenant] = all[:gatherMost:gatherMost], all[gatherMost:]
		g.turns = append(g.turns, tenant)
	} else {
		delete(g.waiting, tenant)
	}
	return tenant, all
}

func (g *gathering) answer(tenant ids.Tenant, all []*ask) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherTime)
	defer cancel()
	var out []Standing
	var err error
	if len(all) == 1 {
		out = make([]Standing, 1)
		out[0], err = g.one(ctx, all[0].of)
	} else {
		out, err = g.many(ctx, tenant, all)
	}
	for i, a := range all {
		if a.err = err; err == nil {
			a.out = out[i]
		}
		close(a.done)
	}
}

func (g *gathering) one(ctx context.Context, of Subjects) (Standing, error) {
	var epochs []db.Epoch
	err := g.db.Batch(ctx, of.Tenant, func(b *pgx.Batch) {
		b.Queue(sqlEpochs, of.Tenant, of.list(), of.orgs()).Query(into(&epochs))
	})
	return standingOf(epochs), err
}

func (g *gathering) many(ctx context.Context, tenant ids.Tenant, all []*ask) ([]Standing, error) {
	of := make([]Subjects, len(all))
	for i, a := range all {
		of[i] = a.of
	}
	m := manyOf(tenant, of)
	var lines []lineage
	var epochs []db.Epoch
	err := g.db.Batch(ctx, tenant, func(b *pgx.Batch) {
		b.Queue(sqlAncestors, tenant, m.orgs).Query(into(&lines))
		b.Queue(sqlEpochs, tenant, m.subjects, m.orgs).Query(into(&epochs))
	})
	return m.standings(lines, epochs), err
}

// into reads the rows of a query of a batch.
func into[T any](to *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*to, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return err
	}
}
