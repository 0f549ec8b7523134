package crash_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGoroutinesAndPool: four times as many clients as connections, and nothing fails, waits for itself or stays behind.
func TestGoroutinesAndPool(t *testing.T) {
	const clients, pool = 64, 16
	s := newSite(t, 1, "GROVE_DATABASE_POOL_SIZE="+strconv.Itoa(pool))
	n := s.nodes[0]
	type held struct{ access, refresh string }
	people := make([]held, 8)
	for i := range people {
		name := fmt.Sprint("person", i)
		s.person(name)
		got := s.signIn(name, "openid offline_access")
		people[i] = held{got.Text("access_token"), got.Text("refresh_token")}
	}
	var serial, answered atomic.Int64
	load := func(lasts time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		send := func(q request) answer {
			a, err := s.send(t.Context(), n, q)
			if err != nil || a.status >= 400 {
				t.Errorf("%s %s: %v %v", q.method, q.path, a, err)
				cancel()
			}
			answered.Add(1)
			return a
		}
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				me := &people[i%len(people)] // only its chain writes, and only the refresh token
				for ctx.Err() == nil {
					serial := serial.Add(1)
					switch i / len(people) {
					case 0: // one chain each
						me.refresh = send(s.refreshing(me.refresh)).text("refresh_token")
					case 1:
						send(request{method: "GET", path: "/oauth2/userinfo", token: me.access})
					case 2:
						send(request{method: "POST", path: "/oauth2/token", form: url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "scope": {"grove"}}})
					case 3:
						send(request{method: "POST", path: "/oauth2/introspect", form: url.Values{"token": {me.access}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}}})
					case 4:
						q := s.manage("POST", "/orgs/customer/invitations", m{"email": fmt.Sprintf("pool%d@guests.example", serial)})
						q.key = fmt.Sprint("pool-", serial)
						send(q)
					case 5:
						send(s.manage("POST", "/orgs/customer/users", m{"username": fmt.Sprintf("pool%d@customer.example", serial)}))
					case 6:
						send(s.manage("GET", "/orgs/customer/users", nil))
					default:
						send(s.manage("GET", "/orgs/root/events", nil))
					}
				}
			})
		}
		wg.Wait()
	}
	// What starts with the first requests, or with the process becoming the one that keeps the jobs, is no leak. The first
	// look still counts the clients' connections, which the last one does not: that is all the slack there is.
	load(time.Second)
	before, warm := s.metrics(n), answered.Load()
	load(5 * time.Second)
	t.Logf("%d answers to %d clients on %d connections", answered.Load()-warm, clients, pool)

	var after map[string]float64
	for _, name := range []string{"go_goroutines", "grove_db_connections_acquired", "process_open_fds"} {
		eventually(t, name+" is where it was", func() bool {
			n.http.CloseIdleConnections()
			after = s.metrics(n)
			return after[name] <= before[name]
		})
	}
	t.Logf("before %v, after %v", before, after)
}

// metrics reads a process's own account of itself.
func (s *site) metrics(n *node) map[string]float64 {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, origin+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+platformKey)
	resp, err := n.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "go_goroutines", "grove_db_connections_acquired", "process_open_fds":
			all[name], _ = strconv.ParseFloat(value, 64) // anything else fails below
		}
	}
	if len(all) != 3 || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("metrics: %d %v", resp.StatusCode, all)
	}
	return all
}
