package inspector

import (
	"context"
	"sync"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

const (
	queueLength = 256              // entries that wait to be written, of the whole process
	writeWithin = 10 * time.Second // for one entry

	perMinute   = 20  // entries of one app that are written in a minute, by one process
	sampleEvery = 100 // after these, one of so many is, and as many again at the most

	keptOfApp  = 100
	keptOfKind = 10 // of one endpoint, error and rule: what a stranger can send at will pushes out nothing of another kind
	retention  = 7 * 24 * time.Hour
)

// Entry is a request that was refused, and all that may be known of it.
type Entry struct {
	App         ids.App
	At          time.Time
	Description string // the error_description that was answered
	Endpoint    string
	Error       string // the error that was answered
	Expected    string
	Fix         string
	Org         ids.Org // that owns the app
	Received    []Received
	RequestID   string
	Rule        string
	Tenant      ids.Tenant

	skipped int
}

// Note takes the entry of a refused request of an app. entry is called only where there is room for it, so that redacting costs
// nothing when an app is flooded. It never waits.
func (s *Service) Note(tenant ids.Tenant, org ids.Org, app ids.App, entry func() Entry) {
	now := s.db.Clock().Now()
	skipped, ok := s.meter.admit(app, now)
	if !ok || len(s.queue) == cap(s.queue) {
		return
	}
	e := entry()
	e.Tenant, e.Org, e.App, e.At, e.skipped = tenant, org, app, now, skipped
	select {
	case s.queue <- e:
	default:
	}
}

// Run writes what is noted, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.queue:
			if err := s.write(ctx, e); err != nil && ctx.Err() == nil {
				s.log.DebugContext(ctx, "failed request not recorded", "error", err)
			}
		}
	}
}

func (s *Service) write(ctx context.Context, e Entry) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return s.db.InOrg(ctx, e.Tenant, e.Org, func(ctx context.Context, tx db.OrgTx) error {
		if err := insertEntry(ctx, tx, e); err != nil {
			return err
		}
		return trim(ctx, tx, e.App)
	})
}

// meter counts the entries of the apps in the minute that runs.
type meter struct {
	mu     sync.Mutex
	minute int64
	counts map[ids.App]*count
}

type count struct{ seen, skipped int }

// admit reports whether an app may have one more entry, and how many it could not have since its last one. Only apps that exist
// are counted, and of those the ones that fail in one minute.
func (m *meter) admit(app ids.App, now time.Time) (skipped int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if minute := now.Unix() / 60; minute != m.minute || m.counts == nil {
		m.minute, m.counts = minute, map[ids.App]*count{}
	}
	c := m.counts[app]
	if c == nil {
		c = &count{}
		m.counts[app] = c
	}
	c.seen++
	more := c.seen - perMinute
	if more > 0 && (more%sampleEvery != 0 || more/sampleEvery > perMinute) {
		c.skipped++
		return 0, false
	}
	skipped, c.skipped = c.skipped, 0
	return skipped, true
}
