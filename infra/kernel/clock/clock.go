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
	mu     sync.Mutex
	offset time.Duration
}

// Now returns the moved time.
func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return System{}.Now().Add(m.offset)
}

// Advance moves the clock by d.
func (m *Movable) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offset += d
}
