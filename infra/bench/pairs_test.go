package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	runs := []measured{{conns: 1, outcome: outcome{perSec: 30}}, {conns: 2, outcome: outcome{perSec: 10}}, {conns: 3, outcome: outcome{perSec: 20}}}
	if got := median(runs); got.conns != 3 {
		t.Errorf("median = %+v", got)
	}
	if runs[0].conns != 1 {
		t.Error("the runs were sorted in place")
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{123 * time.Microsecond: "0.12 ms", 12340 * time.Microsecond: "12.3 ms", 1234 * time.Millisecond: "1234 ms"} {
		if got := short(d); got != want {
			t.Errorf("short(%s) = %q, want %q", d, got, want)
		}
	}
}

// What parentOf says is what the seeded tree's statement does.
func TestParentOf(t *testing.T) {
	t.Parallel()
	children := map[int]int{}
	for i := 1; i <= 10_000; i++ {
		p := parentOf(i)
		if p >= i {
			t.Fatalf("parentOf(%d) = %d", i, p)
		}
		children[p]++
	}
	for p, n := range children {
		if n > fanOut {
			t.Errorf("%d has %d children", p, n)
		}
	}
	if children[0] != fanOut || children[1] != fanOut {
		t.Errorf("the root has %d children, the first organization %d", children[0], children[1])
	}
}
