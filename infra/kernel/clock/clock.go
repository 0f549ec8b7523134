// Package clock is the program's one source of time outside a transaction.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time. All times are UTC.
type Clock interface{ Now() time.Time }

// System is the machine's clock.
type System struct{}

// Now returns the machine's time, to the microsecond as Postgres keeps it.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Movable is the machine's clock plus an offset that a test or the development mode moves.
type Movable struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped time.Time // zero while it runs
}

// Now returns the moved time.
func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped.IsZero() {
		return m.stopped.Add(m.offset)
	}
	return System{}.Now().Add(m.offset)
}

// Stop lets nothing but Advance move the time from now on: what is a second before the end is so on a slow machine, too.
func (m *Movable) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped.IsZero() {
		m.stopped = System{}.Now()
	}
}

// Advance moves the clock by d.
func (m *Movable) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offset += d
}
