package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// connections that each pair is measured with.
var connections = []int{1, 16, 64}

// plan says how long and how often.
type plan struct {
	rounds   int
	duration time.Duration // of one run
}

// cost of an operation at the server.
type cost struct{ server, postgres time.Duration }

// measured is the median of one operation's runs at one number of connections.
type measured struct {
	outcome
	cost
	conns int
}

// pair is an operation of Grove and the limit handler that does only the unavoidable part of it.
type pair struct {
	name      string
	target    string // what is to be reached
	grove     request
	limit     request
	limitName string // what the limit handler does
}

// result of a pair.
type result struct {
	name, limitName, target string
	limit, grove            measured   // at the best number of connections, each
	runs                    []measured // Grove's medians, by number of connections
	errors                  int
	first                   error
}

// at is Grove's median with a number of connections.
func (r result) at(conns int) measured {
	for _, m := range r.runs {
		if m.conns == conns {
			return m
		}
	}
	return measured{}
}

func (r result) ratio() float64 {
	if r.limit.perSec == 0 {
		return 0
	}
	return r.grove.perSec / r.limit.perSec
}

// measure runs both sides in turn, A B A B, and takes medians and of these the best number of connections.
func measure(ctx context.Context, p pair, how plan, server int) (result, error) {
	out := result{name: p.name, limitName: p.limitName, target: p.target}
	// Caches, connections and prepared statements are there before anything counts.
	for _, r := range []request{p.limit, p.grove} {
		if warm := run(r, connections[len(connections)-1], how.duration/4); warm.requests == 0 {
			return out, fmt.Errorf("%s: nothing was answered: %w", p.name, warm.first)
		}
	}
	for _, n := range connections {
		var limits, groves []measured
		for range how.rounds {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			limits = append(limits, measured{outcome: run(p.limit, n, how.duration), conns: n})
			groves = append(groves, observe(p.grove, n, how.duration, server))
		}
		for _, m := range slices.Concat(limits, groves) {
			out.errors += m.errors
			if out.first == nil {
				out.first = m.first
			}
		}
		l, g := median(limits), median(groves)
		if l.perSec > out.limit.perSec {
			out.limit = l
		}
		if g.perSec > out.grove.perSec {
			out.grove = g
		}
		out.runs = append(out.runs, g)
		fmt.Fprintf(os.Stderr, "%-34s %3d connections: limit %8.0f/s, Grove %8.0f/s, p50 %s, p99 %s, errors %d\n",
			p.name, n, l.perSec, g.perSec, short(g.p50), short(g.p99), g.errors)
	}
	return out, nil
}

// observe runs a request and divides the CPU time that the server and its Postgres took.
func observe(r request, conns int, d time.Duration, server int) measured {
	ownBefore, belowBefore := cpu(server)
	m := measured{outcome: run(r, conns, d), conns: conns}
	own, below := cpu(server)
	if m.requests > 0 {
		m.server, m.postgres = (own-ownBefore)/time.Duration(m.requests), (below-belowBefore)/time.Duration(m.requests)
	}
	return m
}

// median returns the run in the middle by rate.
func median(runs []measured) measured {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b measured) int {
		switch {
		case a.perSec < b.perSec:
			return -1
		case a.perSec > b.perSec:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}

// short prints a time with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
}
