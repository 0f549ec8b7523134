package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]process{
		"42 (grove) S 7 42 42 0 -1 4194304 1 1 1 1 150 50 20 10 20 0 1 0 100":              {42, 7, 2 * time.Second, 300 * time.Millisecond},
		"42 (a) b) c) S 7 42 42 0 -1 4194304 1 1 1 1 150 50 20 10 20 0 1 0 100":            {42, 7, 2 * time.Second, 300 * time.Millisecond},
		"42 (postgres: app [local]) S 7 42 42 0 -1 4194304 1 1 1 1 0 1 0 0 20 0 1 0 100\n": {42, 7, tick, 0},
	} {
		got, ok := parseStat(line)
		if !ok || got != want {
			t.Errorf("parseStat(%q) = %+v, %t, want %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "42", "42 (grove", "42 (grove) S 7", "x (grove) S 7 42 42 0 -1 4194304 1 1 1 1 1 1 1 1", "42 (grove) S x 42 42 0 -1 4194304 1 1 1 1 1 1 1 1"} {
		if got, ok := parseStat(line); ok {
			t.Errorf("parseStat(%q) = %+v", line, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"VmHWM:\t 9 kB\nVmRSS:\t   1024 kB\nThreads: 1\n": 1 << 20, "": 0, "VmRSS:": 0, "VmRSS:\tmuch kB\n": 0} {
		if got := parseStatus(text, "VmRSS:"); got != want {
			t.Errorf("parseStatus(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	if memory(os.Getpid()) < 1<<20 {
		t.Errorf("memory = %d", memory(os.Getpid()))
	}
	if _, ok := processes()[os.Getpid()]; !ok {
		t.Error("this process is not listed")
	}
	if _, below := cpu(os.Getppid()); below <= 0 && processes()[os.Getpid()].own > 0 {
		t.Error("this process is not below its parent")
	}
}
