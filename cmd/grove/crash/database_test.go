package crash_test

import (
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/cache"
)

// TestKillPostgres takes the database away from two processes that work, and brings it back. They are not restarted.
func TestKillPostgres(t *testing.T) {
	s := newSite(t, 2, "GROVE_REFRESH_GRACE=60s")
	l := newLoad(s, 3)
	deaths := []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT, syscall.SIGKILL}
	for _, how := range deaths {
		<-time.After(400 * time.Millisecond)
		database.end(t, how)
		for _, n := range s.nodes {
			n.wait(http.StatusServiceUnavailable)
		}
		if err := database.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range s.nodes {
			n.wait(http.StatusOK)
		}
		s.staleCaches(func() {})
	}
	l.stop()
	for _, n := range s.nodes {
		n.stop()
	}
	s.letTimePass()
	s.nodes[1].start()
	s.nodes[1].wait(http.StatusOK)
	l.checkMail(len(deaths))
	l.check()
}

// TestListenerLost: a process that does not hear of changes trusts nothing that it remembers.
func TestListenerLost(t *testing.T) {
	s := newSite(t, 2)
	conn := database.connect(t, s.name)
	for range 3 {
		s.staleCaches(func() {
			s.listening(conn) // one that has just lost its connection has it again
			var ended int
			err := conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM (`+listeners+`) l`).Scan(&ended)
			if err != nil || ended == 0 {
				t.Fatalf("%d listeners: %v", ended, err)
			}
		})
		for _, n := range s.nodes {
			n.wait(http.StatusOK)
		}
	}
}

// TestListenerSilent: a connection that is open and says nothing, as after a lost network, is noticed in time.
func TestListenerSilent(t *testing.T) {
	s := newSite(t, 2)
	s.staleCaches(func() { s.deafen(t) })
}

// listeners are the server's processes that tell of changes.
const listeners = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = '` + cache.ListenerName + `'`

// listening waits until every process hears of changes, and returns the ids of those who tell them.
func (s *site) listening(conn *pgx.Conn) (pids []int) {
	s.t.Helper()
	eventually(s.t, "every process listens", func() bool {
		rows, err := conn.Query(s.t.Context(), listeners)
		if err != nil {
			s.t.Fatal(err)
		}
		if pids, err = pgx.CollectRows(rows, pgx.RowTo[int]); err != nil {
			s.t.Fatal(err)
		}
		return len(pids) == len(s.nodes)
	})
	return pids
}

// staleCaches disables a client at one process while others have it in memory; before is called just before.
func (s *site) staleCaches(before func()) {
	s.t.Helper()
	made := s.make("/orgs/root/apps", m{"name": time.Now().Format("15:04:05.000000"), "template": "m2m"})
	q := request{method: http.MethodPost, path: "/oauth2/token", form: url.Values{"grant_type": {"client_credentials"},
		"client_id": {made["client_id"].(string)}, "client_secret": {made["client_secret"].(string)}}}
	for _, n := range s.nodes {
		if a, err := s.send(s.t.Context(), n, q); err != nil || a.status != http.StatusOK {
			s.t.Fatalf("a fresh client: %v %v", a, err)
		}
	}
	before()
	s.Must(s.Tenant, s.token, "PATCH", "/orgs/root/apps/"+made["id"].(string), m{"enabled": false})
	s.refused("a client that was disabled", q)
}

// refused wants every process to refuse a request within a second from now; on a busy machine, where answers are late, within as
// much more.
func (s *site) refused(what string, q request) {
	s.t.Helper()
	since, slowest := time.Now(), time.Duration(0)
	for _, n := range s.nodes {
		for {
			began := time.Since(since)
			a, err := s.send(s.t.Context(), n, q)
			if err == nil && a.status >= 400 && a.status < 500 {
				break
			}
			slowest = max(slowest, time.Since(since)-began)
			if began > time.Second+5*slowest {
				s.t.Errorf("%s is accepted by %s after %s: %v %v", what, n.addr, began, a, err)
				break
			}
		}
	}
}
