package crash_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
)

// TestTwoServers: what one process ends, the other refuses within a second, and work is done once.
func TestTwoServers(t *testing.T) {
	s := newSite(t, 2, "GROVE_DRAIN_DELAY=1500ms", "GROVE_REFRESH_GRACE=0s")
	t.Run("revocation", func(t *testing.T) { s.revocation(t, func(*testing.T) {}) })
	t.Run("revocation, unheard", func(t *testing.T) { s.revocation(t, s.deafen) })
	t.Run("one winner", s.oneWinner)
	t.Run("rolling stop", s.rollingStop)
}

// deafen silences what tells the processes of changes, as when the network between is lost: they are to notice, and to trust nothing
// that they remember.
func (s *site) deafen(t *testing.T) {
	for _, pid := range s.listening(database.connect(t, s.name)) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
}

// revocation ends each thing that tokens stand on at the first process; before is called just before.
func (s *site) revocation(t *testing.T, before func(*testing.T)) {
	bearer := func(token string) request {
		return request{method: http.MethodGet, path: "/oauth2/userinfo", token: token}
	}
	app := "/orgs/root/apps/" + s.app["id"].(string)
	for name, end := range map[string]func(t *testing.T, user string, tokens apptest.Response){
		"ended session": func(_ *testing.T, user string, _ apptest.Response) {
			s.Must(s.Tenant, s.token, "POST", "/orgs/customer/sessions:end", m{"user_id": user})
		},
		"disabled user": func(_ *testing.T, user string, _ apptest.Response) {
			s.Must(s.Tenant, s.token, "POST", "/orgs/customer/users/"+user+":disable", nil)
		},
		"suspended org": func(t *testing.T, _ string, _ apptest.Response) {
			s.Must(s.Tenant, s.token, "POST", "/orgs/customer:suspend", nil)
			t.Cleanup(func() { s.Must(s.Tenant, s.token, "POST", "/orgs/customer:resume", nil) })
		},
		"disabled client": func(t *testing.T, _ string, _ apptest.Response) {
			s.Must(s.Tenant, s.token, "PATCH", app, m{"enabled": false})
			t.Cleanup(func() { s.Must(s.Tenant, s.token, "PATCH", app, m{"enabled": true}) })
		},
		"revoked client": func(*testing.T, string, apptest.Response) {
			s.Must(s.Tenant, s.token, "POST", app+":revoke-tokens", nil)
		},
		"revoked grant": func(t *testing.T, _ string, tokens apptest.Response) {
			q := s.refreshing("")
			q.path, q.form = "/oauth2/revoke", url.Values{"token": {tokens.Text("refresh_token")}, "client_id": q.form["client_id"], "client_secret": q.form["client_secret"]}
			if a, err := s.send(t.Context(), s.nodes[0], q); err != nil || a.status != http.StatusOK {
				t.Fatal(a, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			login := fmt.Sprint("person", time.Now().UnixNano())
			user := s.person(login)
			// Bound to its session, so that the end of that counts too.
			got := s.signIn(login, "openid")
			for _, n := range s.nodes {
				if a, err := s.send(t.Context(), n, bearer(got.Text("access_token"))); err != nil || a.status != http.StatusOK {
					t.Fatalf("a fresh token at %s: %v %v", n.addr, a, err)
				}
			}
			before(t)
			end(t, user, got)
			s.refused(name+": an access token", bearer(got.Text("access_token")))
			s.refused(name+": a refresh token", s.refreshing(got.Text("refresh_token")))
		})
	}
}

// oneWinner: of a hundred who use one code, or one refresh token, at two processes at the same time, one has tokens. It is told by
// the others that somebody else has it too, and so what he got ends.
func (s *site) oneWinner(t *testing.T) {
	const parallel = 100
	s.person("once")
	who := apptest.SignIn{ClientID: s.app["client_id"].(string), Org: "customer", RedirectURI: callback, Scope: "openid offline_access", Username: "once@customer.example", Password: apptest.Password}
	redeeming := s.refreshing("")
	redeeming.form = url.Values{"grant_type": {"authorization_code"}, "code": {s.Code(s.Tenant, who).Get("code")}, "redirect_uri": {callback},
		"code_verifier": {apptest.Verifier}, "client_id": redeeming.form["client_id"], "client_secret": redeeming.form["client_secret"]}
	for name, q := range map[string]request{"code": redeeming, "refresh token": s.refreshing(s.signIn("once", "openid offline_access").Text("refresh_token"))} {
		answers, start := make([]answer, parallel), make(chan struct{})
		var clients sync.WaitGroup
		for i := range answers {
			clients.Go(func() {
				<-start
				var err error
				if answers[i], err = s.send(t.Context(), s.nodes[i%len(s.nodes)], q); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		clients.Wait()
		var won []answer
		for _, a := range answers {
			switch {
			case a.status == http.StatusOK:
				won = append(won, a)
			case a.text("error") != "invalid_grant":
				t.Errorf("%s: %v", name, a)
			}
		}
		if len(won) != 1 {
			t.Errorf("%s: %d of %d won", name, len(won), parallel)
			continue
		}
		s.refused(name+": the access token of the one who was answered", request{method: http.MethodGet, path: "/oauth2/userinfo", token: won[0].text("access_token")})
		s.refused(name+": his refresh token", s.refreshing(won[0].text("refresh_token")))
	}
}

// balancer sends each request to the next process that is ready, and asks each for readiness as a load balancer does.
type balancer struct {
	*site
	ended     chan struct{}
	next      atomic.Int64
	requests  atomic.Int64
	unready   atomic.Int64 // answers of 503 to the question
	probers   sync.WaitGroup
	exhausted atomic.Int64
}

func newBalancer(s *site) *balancer {
	b := &balancer{site: s, ended: make(chan struct{})}
	for _, n := range s.nodes {
		b.probers.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-b.ended:
					return
				case <-tick.C:
					status := n.readiness()
					if status == http.StatusServiceUnavailable {
						b.unready.Add(1)
					}
					n.down.Store(status != http.StatusOK)
				}
			}
		})
	}
	return b
}

// once sends a request without a second try.
func (b *balancer) once(q request) {
	first := int(b.next.Add(1))
	for i := range b.nodes {
		n := b.nodes[(first+i)%len(b.nodes)]
		if n.down.Load() {
			continue
		}
		b.requests.Add(1)
		if a, err := b.send(b.t.Context(), n, q); err != nil || a.status >= 400 {
			b.t.Errorf("%s %s at %s: %v %v", q.method, q.path, n.addr, a, err)
		}
		return
	}
	b.exhausted.Add(1)
}

// rollingStop restarts one process after the other; nobody notices, and no mail is sent twice.
func (s *site) rollingStop(t *testing.T) {
	b, stopping := newBalancer(s), make(chan struct{})
	var clients sync.WaitGroup
	var serial atomic.Int64
	for range 6 {
		clients.Go(func() {
			for {
				select {
				case <-stopping:
					return
				default:
				}
				i := serial.Add(1)
				b.once(s.manage("GET", "/orgs/customer", nil))
				if i%5 == 0 {
					b.once(s.manage("POST", "/orgs/customer/invitations", m{"email": fmt.Sprintf("roll%d@guests.example", i)}))
				}
			}
		})
	}
	for _, n := range s.nodes {
		before := b.unready.Load()
		n.stop()
		if b.unready.Load() == before {
			t.Error("the process ended before it said that it is not ready")
		}
		n.start()
		n.wait(http.StatusOK)
		eventually(t, "the balancer sees it", func() bool { return !n.down.Load() })
	}
	close(stopping)
	clients.Wait()
	close(b.ended)
	b.probers.Wait()
	if b.exhausted.Load() > 0 {
		t.Errorf("%d requests found no process", b.exhausted.Load())
	}
	conn := database.connect(t, s.name)
	var invited int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM invitations`).Scan(&invited); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests, %d invitations", b.requests.Load(), invited)
	eventually(t, "every invitation has its mail", func() bool { return len(s.mail.Entries()) >= invited })
	mails := map[string]int{}
	for _, e := range s.mail.Entries() {
		mails[e.To]++
	}
	if len(mails) != invited || len(s.mail.Entries()) != invited {
		t.Errorf("%d mails to %d people for %d invitations", len(s.mail.Entries()), len(mails), invited)
	}
}
