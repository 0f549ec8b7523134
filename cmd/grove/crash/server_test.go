package crash_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// TestKillServer kills processes at random moments while clients write.
func TestKillServer(t *testing.T) {
	const rounds = 10
	s := newSite(t, 2, "GROVE_REFRESH_GRACE=60s")
	l := newLoad(s, 4)
	for round := range rounds {
		<-time.After(time.Duration(50+rand.IntN(350)) * time.Millisecond)
		victims := s.nodes[round%2 : round%2+1]
		if round%4 == 3 {
			victims = s.nodes
		}
		for _, n := range victims {
			n.kill()
		}
		for _, n := range victims {
			n.start()
		}
		for _, n := range victims {
			n.wait(http.StatusOK)
		}
	}
	l.stop()
	for _, n := range s.nodes {
		n.stop()
	}
	s.letTimePass()
	s.nodes[0].start()
	s.nodes[0].wait(http.StatusOK)
	l.checkMail(rounds)
	l.check()
}

// TestLostRefresh: the answer to a refresh is lost with its process, and the client goes on with the token it has.
func TestLostRefresh(t *testing.T) {
	s := newSite(t, 2)
	s.person("lost")
	token := s.signIn("lost", "openid offline_access").Text("refresh_token")
	for range 3 {
		// The first answer is thrown away; its process dies.
		lost, err := s.send(t.Context(), s.nodes[1], s.refreshing(token))
		if err != nil || lost.status != http.StatusOK {
			t.Fatal(lost, err)
		}
		s.nodes[1].kill()
		again, err := s.send(t.Context(), s.nodes[0], s.refreshing(token))
		if err != nil || again.status != http.StatusOK || again.text("refresh_token") == lost.text("refresh_token") {
			t.Fatalf("the token that was just rotated: %v %v", again, err)
		}
		token = again.text("refresh_token")
		s.nodes[1].start()
		s.nodes[1].wait(http.StatusOK)
	}
}
