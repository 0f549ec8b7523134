package registration_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRegisterPairwise: an app asks for subjects of its sector, and who has a token may name an address where the sector is listed, which
// is read at once.
func TestRegisterPairwise(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	var reads atomic.Int32
	list := []string{callback, "https://other.example/cb"}
	sector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list)
	}))
	defer sector.Close()
	alone := v.register("", agent(map[string]any{"subject_type": "pairwise"}))
	if alone.StatusCode != 201 || alone.Text("subject_type") != "pairwise" {
		t.Fatalf("%d %s", alone.StatusCode, alone.Raw)
	}
	tokens := v.Tokens(v.A, v.person(alone.Text("client_id"), "", "north"))
	if me := v.Do(v.Client(), "GET", v.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+tokens.Text("access_token")); !strings.HasPrefix(me.Text("sub"), "pws_") {
		t.Errorf("userinfo: %s", me.Raw)
	}
	with := func(token string, more map[string]any) int {
		m := agent(map[string]any{"subject_type": "pairwise", "sector_identifier_uri": sector.URL})
		for name, value := range more {
			m[name] = value
		}
		r := v.register(token, m)
		if r.StatusCode != 201 && r.Code() != "invalid_client_metadata" && r.Code() != "invalid_token" {
			t.Errorf("%d %s", r.StatusCode, r.Raw)
		}
		return r.StatusCode
	}
	once := v.initial("root", map[string]any{"uses": 1})
	for name, got := range map[string]int{"no token": with("", nil), "another token": with("grv_ri_x", nil)} {
		if got == 201 || reads.Load() != 0 {
			t.Errorf("%s: %d, after %d reads", name, got, reads.Load())
		}
	}
	for name, more := range map[string]map[string]any{"a redirect URI that is not listed": {"redirect_uris": []string{callback, "https://third.example/cb"}},
		"nobody there": {"sector_identifier_uri": sector.URL + "\x00"}, "not on the Internet": {"sector_identifier_uri": "https://169.254.169.254/"}} {
		if got := with(once, more); got != 400 {
			t.Errorf("%s: %d", name, got)
		}
	}
	both := map[string]any{"redirect_uris": list}
	if got := with(once, both); got != 201 {
		t.Errorf("listed: %d", got)
	}
	if got := with(once, both); got != 401 {
		t.Errorf("the token was for one app: %d", got)
	}
	before := reads.Load()
	at, token := alone.Text("registration_client_uri"), alone.Text("registration_access_token")
	later := agent(map[string]any{"client_id": alone.Text("client_id"), "subject_type": "pairwise", "sector_identifier_uri": sector.URL})
	if r := v.manageAt("PUT", at, token, later); r.Code() != "invalid_client_metadata" || reads.Load() != before {
		t.Errorf("an address that comes later: %d %s, after %d reads", r.StatusCode, r.Raw, reads.Load()-before)
	}
	two := v.register("", agent(map[string]any{"subject_type": "pairwise", "redirect_uris": list}))
	if two.Code() != "invalid_client_metadata" {
		t.Errorf("two hosts and no sector: %d %s", two.StatusCode, two.Raw)
	}
}
