package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 30512: "30,512", 1_000_000: "1,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	at := func(conns int, perSec float64) measured {
		return measured{conns: conns, outcome: outcome{perSec: perSec, p50: time.Millisecond, p99: 2 * time.Millisecond, requests: 1},
			cost: cost{server: 80 * time.Microsecond}}
	}
	r := report{options: options{people: 1000, organizations: 500, plan: plan{rounds: 3, duration: time.Second}}, postgres: "15.10", loadBefore: "2.50",
		results: []result{{name: "a token", limit: at(16, 2000), grove: at(64, 1000), runs: []measured{at(1, 100), at(16, 800), at(64, 1000)}},
			{name: "a page", errors: 3, first: errors.New("status 500: no")}},
		crowd:   crowd{tenants: 10_000, ready: 80 * time.Millisecond, after: 50e6, cold: []time.Duration{time.Millisecond, 2 * time.Millisecond}, again: []time.Duration{time.Millisecond}},
		missing: []missing{{"a sign-in", "the pages are gone"}}}
	text := r.markdown()
	for _, want := range []string{"| a token |  | 2,000 | 1,000 | 0.50 |", "| 1.00 ms | 2.00 ms | 80 µs | 0 µs | 0 |", "status 500: no",
		"Not measured: a sign-in: the pages are gone.", "| a token | 800 | 1,000 | 1.25 |", "## 10,000 tenants", "ready | 80 ms |", "asked twice | 50 MB |", "p99 | 1.00 ms |", "| a page |  | 0 | 0 | 0.00 |", "together: 3.", "Other programs were busy"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}
