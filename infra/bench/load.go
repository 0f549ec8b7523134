package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// request is one operation of the server at addr. Every connection opens an exchange of its own.
type request struct {
	addr string
	want int // status
	open func(conn int) exchange
}

// exchange is what one connection says and hears.
type exchange struct {
	next func() []byte           // the next request, as bytes on the wire
	read func(body []byte) error // looks at the body of an answer; nil skips it
}

// raw writes one HTTP/1.1 request.
func raw(addr, method, path string, headers map[string]string, body string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, addr)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, headers[name])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// repeated sends one of the given requests at a time, by chance.
func repeated(addr string, want int, requests ...[]byte) request {
	return request{addr: addr, want: want, open: func(int) exchange {
		return exchange{next: func() []byte { return requests[rand.IntN(len(requests))] }}
	}}
}

// outcome of one run.
type outcome struct {
	errors   int
	first    error // of the errors
	perSec   float64
	p50, p99 time.Duration
	requests int
}

// run sends requests over conns kept connections for d. The client is small, so that the server's share of the machine
// is large; both sides of a pair are measured with it.
func run(r request, conns int, d time.Duration) outcome {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		total outcome
		took  []time.Duration
	)
	begin := time.Now()
	stop := begin.Add(d)
	for conn := range conns {
		wg.Go(func() {
			mine, failed, first := drive(r, conn, stop)
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

// mostFailures is where a connection gives up: a server that refuses everything is not measured.
const mostFailures = 100

// drive is one connection's run. A connection that failed is opened anew; the exchange goes on.
func drive(r request, id int, stop time.Time) (took []time.Duration, failed int, first error) {
	var conn net.Conn
	var reader *bufio.Reader
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	fail := func(err error) {
		failed++
		if first == nil {
			first = err
		}
		if conn != nil {
			_ = conn.Close()
			conn = nil
		}
	}
	x := r.open(id)
	for time.Now().Before(stop) && failed < mostFailures {
		if conn == nil {
			c, err := net.DialTimeout("tcp", r.addr, 2*time.Second)
			if err != nil {
				fail(err)
				continue
			}
			conn, reader = c, bufio.NewReader(c)
		}
		message := x.next()
		begin := time.Now()
		_ = conn.SetDeadline(begin.Add(10 * time.Second))
		_, err := conn.Write(message)
		var body []byte
		if err == nil {
			body, err = answer(reader, r.want, x.read != nil)
		}
		if err == nil {
			took = append(took, time.Since(begin))
			if x.read != nil {
				err = x.read(body)
			}
		}
		if err != nil {
			fail(err)
		}
	}
	return took, failed, first
}

// answer reads one response and checks its status. It returns the body where keep is set.
func answer(r *bufio.Reader, want int, keep bool) ([]byte, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.1 ") {
		return nil, errors.New("no status line")
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil {
		return nil, errors.New("no status line")
	}
	length, chunked := 0, false
	for {
		h, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if h == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(h, ":")
		switch strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 {
				return nil, errors.New("bad Content-Length")
			}
		case "transfer-encoding":
			chunked = true
		}
	}
	keep = keep || status != want
	var body []byte
	if chunked {
		body, err = readChunks(r, keep)
	} else {
		body, err = readPart(r, nil, length, keep)
	}
	if err != nil {
		return nil, err
	}
	if status != want {
		return nil, fmt.Errorf("status %d: %.200s", status, body)
	}
	return body, nil
}

func readChunks(r *bufio.Reader, keep bool) (body []byte, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseUint(strings.TrimSpace(line), 16, 31)
		if err != nil {
			return nil, errors.New("bad chunk size")
		}
		if body, err = readPart(r, body, int(size), keep); err != nil {
			return nil, err
		}
		if _, err := r.Discard(len("\r\n")); err != nil {
			return nil, err
		}
		if size == 0 {
			return body, nil
		}
	}
}

// readPart reads n bytes and appends them to body, or skips them.
func readPart(r *bufio.Reader, body []byte, n int, keep bool) ([]byte, error) {
	if !keep {
		_, err := r.Discard(n)
		return nil, err
	}
	have := len(body)
	body = slices.Grow(body, n)[:have+n]
	_, err := io.ReadFull(r, body[have:])
	return body, err
}
