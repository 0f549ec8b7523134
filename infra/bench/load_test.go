package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wire string
		want int
		body string
		err  string // part of the message; "" for none
	}{
		"length":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", ""},
		"length, any case":  {"HTTP/1.1 200 OK\r\ncontent-LENGTH:5\r\n\r\nhello", 200, "hello", ""},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nA\r\nlo, worlds\r\n0\r\n\r\n", 200, "hello, worlds", ""},
		"no body":           {"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n", 204, "", ""},
		"refused":           {"HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nwait", 200, "", "status 429: wait"},
		"refused in chunks": {"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n0\r\n\r\n", 200, "", "status 503: wait"},
		"not HTTP":          {"SSH-2.0-OpenSSH_9.2p1\r\n", 200, "", "no status line"},
		"no number":         {"HTTP/1.1 abc OK\r\n\r\n", 200, "", "no status line"},
		"short line":        {"HTTP/1.1\r\n", 200, "", "no status line"},
		"negative length":   {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 200, "", "bad Content-Length"},
		"no length":         {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", 200, "", "bad Content-Length"},
		"bad chunk":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 200, "", "bad chunk size"},
		"negative chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 200, "", "bad chunk size"},
		"cut in headers":    {"HTTP/1.1 200 OK\r\nContent-Le", 200, "", "EOF"},
		"cut in body":       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 200, "", "EOF"},
		"cut in chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 200, "", "EOF"},
		"nothing":           {"", 200, "", "EOF"},
	} {
		for _, keep := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, keep %t", name, keep), func(t *testing.T) {
				t.Parallel()
				const after = "HTTP/1.1 299 Next\r\n\r\n"
				wire := test.wire
				if test.err == "" {
					wire += after
				}
				r := bufio.NewReader(strings.NewReader(wire))
				body, err := answer(r, test.want, keep)
				if test.err != "" {
					if err == nil || !strings.Contains(err.Error(), test.err) {
						t.Fatalf("answer = %v, want %q", err, test.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := map[bool]string{true: test.body, false: ""}[keep]; string(body) != want {
					t.Errorf("body = %q, want %q", body, want)
				}
				// The connection is read to the end of the response and no further.
				if rest, _ := io.ReadAll(r); string(rest) != after {
					t.Errorf("left %q on the connection, want %q", rest, after)
				}
			})
		}
	}
}

func TestRunCountsAndKeepsConnections(t *testing.T) {
	t.Parallel()
	var served, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if body, _ := io.ReadAll(r.Body); string(body) != "a=b" || r.Header.Get("X-Test") != "yes" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	addr := server.Listener.Addr().String()
	got := run(repeated(addr, 200, raw(addr, "POST", "/", map[string]string{"X-Test": "yes"}, "a=b")), 4, 100*time.Millisecond)
	if got.errors != 0 || got.first != nil || int64(got.requests) != served.Load() || got.requests == 0 {
		t.Errorf("run = %+v; the server saw %d", got, served.Load())
	}
	if got.p50 <= 0 || got.p99 < got.p50 || got.perSec <= 0 {
		t.Errorf("times = %+v", got)
	}
	if connections.Load() != 4 {
		t.Errorf("%d connections for 4", connections.Load())
	}
}

func TestRunGivesUpOnAServerThatRefuses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	addr := server.Listener.Addr().String()
	got := run(repeated(addr, 200, raw(addr, "GET", "/", nil, "")), 2, 20*time.Second)
	if got.errors != 2*mostFailures || got.requests != 0 || got.first == nil || !strings.Contains(got.first.Error(), "status 503") {
		t.Errorf("run = %+v", got)
	}
}

// An exchange hears each answer before it says the next thing, as a chain of refresh tokens must.
func TestRunFollowsAnExchange(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_ = json.NewDecoder(r.Body).Decode(&n)
		_ = json.NewEncoder(w).Encode(n + 1)
	}))
	defer server.Close()
	addr := server.Listener.Addr().String()
	got := run(request{addr: addr, want: 200, open: func(int) exchange {
		n := 0
		return exchange{
			next: func() []byte { return raw(addr, "POST", "/", nil, fmt.Sprint(n)) },
			read: func(body []byte) error {
				var next int
				if err := json.Unmarshal(body, &next); err != nil || next != n+1 {
					return errors.New("the answer does not follow")
				}
				n = next
				return nil
			},
		}
	}}, 2, 100*time.Millisecond)
	if got.errors != 0 || got.requests == 0 {
		t.Errorf("run = %+v", got)
	}
}
