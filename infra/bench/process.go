package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// process is what /proc says of one process; zero where there is no /proc.
type process struct {
	pid, parent int
	own         time.Duration // CPU time of itself
	reaped      time.Duration // CPU time of its children that have ended
}

// parseStat reads the line of /proc/PID/stat. The second field is a name in parentheses that may hold anything.
func parseStat(line string) (p process, ok bool) {
	open, closing := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || closing < open {
		return process{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	fields := strings.Fields(line[closing+1:]) // from field 3, the state
	if err != nil || len(fields) < 15 {
		return process{}, false
	}
	var n [15]int
	for _, i := range []int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.Atoi(fields[i]); err != nil {
			return process{}, false
		}
	}
	return process{pid: pid, parent: n[1], own: time.Duration(n[11]+n[12]) * tick, reaped: time.Duration(n[13]+n[14]) * tick}, true
}

func processes() map[int]process {
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, name := range files {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		if p, ok := parseStat(string(line)); ok {
			all[p.pid] = p
		}
	}
	return all
}

// cpu returns the CPU time of a server so far, and that of all the processes below it: its Postgres.
func cpu(server int) (own, below time.Duration) {
	all := processes()
	for pid, p := range all {
		if pid == server {
			continue
		}
		for at, steps := p.parent, 0; at > 1 && steps < 64; at, steps = all[at].parent, steps+1 {
			if at == server {
				below += p.own + p.reaped
				break
			}
		}
	}
	return all[server].own, below
}

// memory is the resident memory of a process in bytes, 0 where it is not known.
func memory(pid int) int64 { return status(pid, "VmRSS:") }

// private is the part of it that is the process's own: the rest are pages of the program's file.
func private(pid int) int64 { return status(pid, "RssAnon:") }

func status(pid int, field string) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	return parseStatus(string(text), field)
}

func parseStatus(status, field string) int64 {
	_, rest, _ := strings.Cut(status, field)
	line, _, _ := strings.Cut(rest, "\n")
	kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// loadAverage is that of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// processor is the name of the machine's CPU.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	if name := strings.TrimSpace(strings.TrimLeft(line, "\t :")); name != "" {
		return name
	}
	return "unknown"
}
