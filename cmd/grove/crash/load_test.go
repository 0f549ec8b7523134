package crash_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// load is clients that write, one request after the other, and repeat what was not answered.
type load struct {
	*site
	adviser  string // a role
	ctx      context.Context
	stopping chan struct{}
	workers  sync.WaitGroup

	serial  atomic.Int64
	repeats atomic.Int64 // requests that got no answer, or one that says "later"

	mu     sync.Mutex
	acked  map[string][]string // kind to the ids that were acknowledged
	chains []*chain
}

// chain is one client's newest refresh token.
type chain struct {
	generation int
	token      string
}

// The kinds of things that load makes.
const (
	assignments = "role_assignments"
	invitations = "invitations"
	users       = "users"
)

// newLoad starts clients of every kind.
func newLoad(s *site, chains int) *load {
	s.t.Helper()
	l := &load{site: s, ctx: context.Background(), stopping: make(chan struct{}), acked: map[string][]string{}}
	l.adviser = s.make("/orgs/customer/roles", m{"name": "Adviser", "permissions": []string{"users.read"}})["id"].(string)
	for i := range chains {
		name := fmt.Sprint("chain", i)
		s.person(name)
		c := &chain{generation: 1, token: s.signIn(name, "openid offline_access").Text("refresh_token")}
		if c.token == "" {
			s.t.Fatal("no refresh token")
		}
		l.chains = append(l.chains, c)
	}
	for _, c := range l.chains {
		l.repeat(func() { l.rotate(c) })
	}
	for range 2 {
		l.repeat(l.invite)
		l.repeat(l.assign)
	}
	return l
}

func (l *load) repeat(f func()) {
	l.workers.Go(func() {
		for {
			select {
			case <-l.stopping:
				return
			default:
				f()
			}
		}
	})
}

// stop lets every client finish what it has begun.
func (l *load) stop() {
	l.t.Helper()
	close(l.stopping)
	l.workers.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	rotated := 0
	for _, c := range l.chains {
		rotated += c.generation - 1
	}
	l.t.Logf("acknowledged: %d invitations, %d users, %d assignments, %d rotations; repeated %d requests",
		len(l.acked[invitations]), len(l.acked[users]), len(l.acked[assignments]), rotated, l.repeats.Load())
	if rotated == 0 || len(l.acked[invitations]) == 0 || len(l.acked[assignments]) == 0 {
		l.t.Error("there was no load")
	}
}

// insist sends a request until it is answered, each time to the next process.
func (l *load) insist(q request) answer {
	deadline := time.After(40 * time.Second)
	for {
		n := l.nodes[int(l.serial.Add(1))%len(l.nodes)]
		a, err := l.send(l.ctx, n, q)
		switch {
		case err != nil, a.status == http.StatusServiceUnavailable, a.text("code") == "idempotency.in_progress":
		case a.status >= http.StatusInternalServerError:
			l.t.Errorf("%s %s: %v", q.method, q.path, a)
		default:
			return a
		}
		l.repeats.Add(1)
		select {
		case <-deadline:
			l.t.Errorf("%s %s is not answered: %v %v", q.method, q.path, a, err)
			return a
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// made sends a request that makes something, and once more: the repetition gets the same thing.
func (l *load) made(kind string, q request) string {
	serial := l.serial.Add(1)
	q.key = fmt.Sprint("key-", serial)
	a := l.insist(q)
	id := a.text("id")
	if a.status != http.StatusCreated || id == "" {
		l.t.Errorf("%s %s: %v", q.method, q.path, a)
		return ""
	}
	if serial%4 == 0 {
		if again := l.insist(q); again.text("id") != id {
			l.t.Errorf("%s %s was repeated: %v", q.method, q.path, again)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[kind] = append(l.acked[kind], id)
	return id
}

func (l *load) invite() {
	l.made(invitations, l.manage("POST", "/orgs/customer/invitations", m{"email": fmt.Sprintf("guest%d@guests.example", l.serial.Add(1)), "roles": []string{l.adviser}}))
}

func (l *load) assign() {
	name := fmt.Sprintf("user%d@customer.example", l.serial.Add(1))
	user := l.made(users, l.manage("POST", "/orgs/customer/users", m{"username": name, "email": name}))
	if user != "" {
		l.made(assignments, l.manage("POST", "/orgs/customer/roles/"+l.adviser+"/assignments", m{"principal": m{"type": "user", "id": user}}))
	}
}

// rotate refreshes; where the answer is lost, the same token is sent again, within the grace.
func (l *load) rotate(c *chain) {
	a := l.insist(l.refreshing(c.token))
	next := a.text("refresh_token")
	if a.status != http.StatusOK || next == "" || next == c.token {
		l.t.Errorf("a chain broke after %d rotations: %v", c.generation-1, a)
		<-l.stopping // once is enough
		return
	}
	c.token = next
	c.generation++
}
