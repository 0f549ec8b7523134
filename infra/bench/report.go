package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// report is what docs/performance.md says.
type report struct {
	when                  time.Time
	options               options
	postgres              string // version
	loadBefore, loadAfter string
	start                 started
	crowd                 crowd // of no tenants where it was not measured
	idle                  int64 // memory of `grove dev` before any load
	afterTokens           int64 // after the token endpoint's
	memory                int64 // after everything
	results               []result
	missing               []missing
}

type missing struct{ name, why string }

const heading = `# Performance

Written by ` + "`go run ./infra/bench -write`" + `; ` + "`make bench`" + ` prints the same without writing it.

An absolute rate means little on a shared machine. What counts is the ratio to a limit handler: a bare net/http program
that does only the unavoidable part of the operation, measured in the same minutes with the same client.

`

const method = `## Method

- Server, Postgres and the load client share one machine. Postgres has fsync and synchronous_commit on.
- Each pair runs in turn, limit, Grove, limit, Grove; %d rounds of %s for each of 1, 16 and 64 kept connections. The median
  of the rounds counts, and of the numbers of connections the best, for each side its own. p50 and p99 are Grove's there;
  p50 of one is with a single connection.
- The client is closed-loop: a connection sends the next request when it has the answer to the one before. One that fails
  is counted, and its time is not.
- CPU is what the server process, and its Postgres with all its processes, took during the run, by /proc, divided by the requests.
- The tenant has %s people and a tree of %s organizations with %d children each. Grove has %d connections to Postgres and
  no rate limits.

`

func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(heading)
	fmt.Fprintf(&b, "## Machine\n\n%d cores of %s, %s/%s, %s, PostgreSQL %s. %s. Load average %s before, %s after.\n\n",
		runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.postgres, r.when.Format(time.DateOnly),
		r.loadBefore, r.loadAfter)
	if before, err := strconv.ParseFloat(r.loadBefore, 64); err == nil && before > 1 {
		b.WriteString("Other programs were busy on the machine meanwhile. Rates, p99 and the start suffer most from that, ratios and CPU times least.\n\n")
	}
	fmt.Fprintf(&b, method, r.options.plan.rounds, r.options.plan.duration, thousands(r.options.people), thousands(r.options.organizations), fanOut, poolSize)
	b.WriteString("## Operations\n\n")
	b.WriteString("| operation | limit handler | limit req/s | Grove req/s | ratio | to reach | p50 of one | p50 | p99 | server CPU | Postgres CPU | errors |\n")
	b.WriteString("|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|\n")
	failed := 0
	for _, m := range r.results {
		failed += m.errors
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f | %s | %s | %s | %s | %d µs | %d µs | %d |\n", m.name, m.limitName,
			thousands(int(m.limit.perSec)), thousands(int(m.grove.perSec)), m.ratio(), m.target, short(m.at(1).p50), short(m.grove.p50),
			short(m.grove.p99), m.grove.server.Microseconds(), m.grove.postgres.Microseconds(), m.errors)
	}
	for _, m := range r.results {
		if m.first != nil {
			fmt.Fprintf(&b, "\nThe first error of %s: %v.\n", m.name, m.first)
		}
	}
	b.WriteString("\nclient_credentials with RS256 is not in the table: Grove signs access tokens with ES256 only, an app chooses the algorithm of its ID tokens.\n")
	for _, m := range r.missing {
		fmt.Fprintf(&b, "\nNot measured: %s: %s.\n", m.name, m.why)
	}
	b.WriteString("\n## Start and memory\n\n| figure | value | to reach |\n|---|--:|---|\n")
	fmt.Fprintf(&b, "| `grove serve`, exec to ready, migrated database | %d ms | ≤ 100 ms |\n", r.start.ready.Milliseconds())
	fmt.Fprintf(&b, "| resident memory, `grove serve`, idle | %s, of which %s are not pages of the program's file | ≤ 40 MB |\n", megabytes(r.start.idle), megabytes(r.start.private))
	fmt.Fprintf(&b, "| resident memory, `grove dev`, idle | %s | |\n", megabytes(r.idle))
	fmt.Fprintf(&b, "| resident memory, `grove dev`, after token load | %s | ≤ 64 MB |\n", megabytes(r.afterTokens))
	fmt.Fprintf(&b, "| resident memory, `grove dev`, after all load, password hashes included | %s | |\n", megabytes(r.memory))
	if r.crowd.tenants > 0 {
		r.crowd.markdown(&b)
	}
	fmt.Fprintf(&b, "\n## %d clients on a pool of %d\n\nA request holds one connection and never waits for a second. Errors in all runs together: %d.\n\n",
		connections[len(connections)-1], poolSize, failed)
	b.WriteString("| operation | 16 clients, req/s | 64 clients, req/s | ratio, to reach ≥ 0.9 |\n|---|--:|--:|--:|\n")
	for _, m := range r.results {
		few, many := m.at(16), m.at(64)
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f |\n", m.name, thousands(int(few.perSec)), thousands(int(many.perSec)), many.perSec/max(few.perSec, 1))
	}
	return b.String()
}

// thousands prints a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
