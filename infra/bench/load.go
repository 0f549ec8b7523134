package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// request is one HTTP/1.1 request, written once and sent again and again.
type request struct {
	addr string
	raw  []byte
	want int // status
}

func newRequest(addr, method, path string, headers map[string]string, body string, want int) request {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, addr)
	for name, value := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return request{addr: addr, raw: []byte(b.String()), want: want}
}

// outcome of one run.
type outcome struct {
	errors   int
	first    error
	perSec   float64
	p50, p99 time.Duration
	requests int
}

// run sends the request over conns kept connections for d. The client is small, so that the server's share of the machine
// is large; both sides of a pair are measured with it.
func run(r request, conns int, d time.Duration) outcome {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		total outcome
		took  []time.Duration
	)
	stop := time.Now().Add(d)
	begin := time.Now()
	for range conns {
		wg.Go(func() {
			mine, failed, first := drive(r, stop)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			total.errors += failed
			if total.first == nil {
				total.first = first
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	total.requests = len(took)
	total.perSec = float64(len(took)) / elapsed.Seconds()
	if len(took) > 0 {
		slices.Sort(took)
		total.p50, total.p99 = took[len(took)/2], took[len(took)*99/100]
	}
	return total
}

func drive(r request, stop time.Time) (took []time.Duration, failed int, first error) {
	var conn net.Conn
	var reader *bufio.Reader
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for time.Now().Before(stop) && failed < 100 {
		if conn == nil {
			c, err := net.DialTimeout("tcp", r.addr, 2*time.Second)
			if err != nil {
				failed++
				first = errors.Join(first, err)
				continue
			}
			conn, reader = c, bufio.NewReader(c)
		}
		begin := time.Now()
		_ = conn.SetDeadline(begin.Add(10 * time.Second))
		_, err := conn.Write(r.raw)
		if err == nil {
			err = answer(reader, r.want)
		}
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
			_ = conn.Close()
			conn = nil
			continue
		}
		took = append(took, time.Since(begin))
	}
	return took, failed, first
}

// answer reads one response and checks its status.
func answer(r *bufio.Reader, want int) error {
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 {
		return errors.New("no status line")
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil {
		return err
	}
	length, chunked := 0, false
	for {
		h, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if h == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(h, ":")
		switch strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		case "transfer-encoding":
			chunked = true
		}
	}
	body := ""
	if chunked {
		for {
			size, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 32)
			if err != nil {
				return err
			}
			if _, err := r.Discard(int(n) + 2); err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	} else if status != want {
		raw := make([]byte, length)
		if _, err := io.ReadFull(r, raw); err != nil {
			return err
		}
		body = string(raw)
	} else if _, err := r.Discard(length); err != nil {
		return err
	}
	if status != want {
		return fmt.Errorf("status %d: %.200s", status, body)
	}
	return nil
}
