package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/settings"
)

func TestSwitch(t *testing.T) {
	w := setup(t)
	from := w.signIn(w.a, "web")
	for _, ref := range []string{"south", w.a.south.String()} {
		got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", from.text("access_token"), ref, "scope", "openid orders.read orders.write"))
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
		c := w.claimsOf(got.text("access_token"))
		org, _ := c.Text("org_id")
		home, _ := c.Text("user_org")
		roles, _ := c.Get("roles")
		if org != w.a.south.String() || home != w.a.north.String() || string(roles) != `["role of orders.write"]` || got.text("scope") != "openid orders.write" {
			t.Errorf("org %s, home %s, roles %s, scope %q", org, home, roles, got.text("scope"))
		}
		if !w.active(w.a, got.text("access_token")) || !w.active(w.a, from.text("access_token")) {
			t.Error("one of the two tokens is not active")
		}
		if again := w.refresh(w.a, "web", got.text("refresh_token")); again.text("scope") != "openid orders.write" {
			t.Errorf("refreshed: %s", again.raw)
		}
	}
}

func TestAttack03_Switch(t *testing.T) {
	w := setup(t)
	got := w.signIn(w.a, "web", "scope", "openid orders.read")
	access := got.text("access_token")
	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	foreign := func() string {
		w.person = nil
		return w.send(w.b, "POST", "/oauth2/token", w.as(w.b, "m2m", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	}()
	for name, f := range map[string]url.Values{
		"not a member":            w.switching("web", access, "branch"),
		"no such organization":    w.switching("web", access, "nowhere"),
		"the other tenant's":      w.switching("web", access, w.b.south.String()),
		"an id of something else": w.switching("web", access, w.a.user.String()),
		"not a reference":         w.switching("web", access, "So Uth/../"),
		"another client's token":  w.switching("other", access, "south"),
		"a refresh token":         w.switching("web", got.text("refresh_token"), "south"),
		"an ID token":             w.switching("web", got.text("id_token"), "south"),
		"the other tenant's own":  w.switching("m2m", foreign, "south"),
		"a machine's as mine":     w.switching("web", machine, "south"),
		"rubbish":                 w.switching("web", "rubbish", "south"),
	} {
		if got := w.send(w.a, "POST", "/oauth2/token", f); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	wider := w.send(w.a, "POST", "/oauth2/token", w.switching("web", access, "south", "scope", "openid email orders.read orders.write"))
	if wider.StatusCode != http.StatusOK || wider.text("scope") != "openid" {
		t.Errorf("a switch widened what the person agreed to: %s", wider.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", access, "south", "scope", "email none.such")); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_scope" {
		t.Errorf("nothing of what is asked for was granted: %d %s", got.StatusCode, got.raw)
	}
	w.members[[2]string{w.a.south.String(), w.a.user.String()}] = false
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", access, "south")); got.text("error") != "invalid_grant" {
		t.Errorf("no longer a member: %s", got.raw)
	}
	w.members[[2]string{w.a.south.String(), w.a.user.String()}] = true
	w.Clock.Advance(16 * time.Minute)
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", access, "south")); got.text("error") != "invalid_grant" {
		t.Errorf("expired: %s", got.raw)
	}
}

// TestAttack19_SwitchNarrowed: whoever was given a token for less makes no token for more of it, by way of another organization or
// of its own.
func TestAttack19_SwitchNarrowed(t *testing.T) {
	w := setup(t)
	w.twoAPIs("spa")
	w.change(w.a, "spa", func(c *apps.Client) {
		c.GrantTypes = append(c.GrantTypes[:len(c.GrantTypes):len(c.GrantTypes)], tokenExchange)
	})
	token := func(f url.Values, changes ...string) answer {
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "spa", f))
	}
	refresh := ""
	refreshed := func(changes ...string) answer {
		got := token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, changes...)
		if refresh = got.text("refresh_token"); refresh == "" {
			t.Fatalf("%v: %s", changes, got.raw)
		}
		return got
	}
	const all = "openid orders.read orders.write trips.read"
	code := w.code(w.a, "spa", "scope", all)
	redeemed := token(w.redemption(w.a, "spa", code), "resource", orders)
	refresh = redeemed.text("refresh_token")
	full := refreshed().text("access_token")
	onward := token(w.switching("spa", full, "south"), "resource", trips)
	for name, narrowed := range map[string]answer{
		"by resource at the code":    redeemed,
		"by resource":                refreshed("resource", trips),
		"by scope":                   refreshed("scope", "openid orders.read"),
		"by token exchange":          w.exchange("spa", full),
		"by resource, at the switch": onward,
	} {
		for _, to := range []string{"north", "south"} {
			if got := token(w.switching("spa", narrowed.text("access_token"), to)); narrowed.text("access_token") == "" || got.text("error") != "invalid_grant" {
				t.Errorf("%s, to %s: %d %s", name, to, got.StatusCode, got.raw)
			}
		}
	}
	for name, whole := range map[string]answer{
		"all scopes":    refreshed("scope", all),
		"all resources": token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "resource": {orders, trips}}),
	} {
		if got := token(w.switching("spa", whole.text("access_token"), "south")); got.StatusCode != http.StatusOK || got.text("scope") != "openid orders.write trips.read" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	for _, here := range []string{"north", w.a.north.String()} {
		if got := token(w.switching("spa", full, here)); got.text("error") != "invalid_grant" {
			t.Errorf("to the same organization: %d %s", got.StatusCode, got.raw)
		}
	}
}

// TestAttack19_SwitchLife: by switching nobody stays longer than he was let in for.
func TestAttack19_SwitchLife(t *testing.T) {
	w := setup(t)
	w.change(w.a, "web", func(c *apps.Client) { c.RefreshTokenSeconds = 3600 })
	from := w.signIn(w.a, "web", "scope", "openid offline_access")
	w.Clock.Advance(50 * time.Minute)
	from = w.refresh(w.a, "web", from.text("refresh_token"))
	switched := w.send(w.a, "POST", "/oauth2/token", w.switching("web", from.text("access_token"), "south"))
	if switched.StatusCode != http.StatusOK || w.claimsOf(switched.text("access_token")).Expiry.After(w.claimsOf(from.text("access_token")).Expiry) {
		t.Fatalf("%d %s", switched.StatusCode, switched.raw)
	}
	w.Clock.Advance(10 * time.Minute)
	if got := w.refresh(w.a, "web", switched.text("refresh_token")); got.text("error") != "invalid_grant" {
		t.Errorf("it outlives the sign-in: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack31_SwitchToShorterTimes: by a switch nobody gets around the password that the other organization asks for, nor has what he
// gets there for longer than a sign-in there is good.
func TestAttack31_SwitchToShorterTimes(t *testing.T) {
	w := setup(t)
	w.Clock.Stop()
	all := settings.New(w.DB, events.NewLog(nil), w.hub)
	w.sessions.WithSettings(all)
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		_, err := all.ChangeTx(ctx, tx, w.a.south, "sessions", settings.AnyVersion,
			map[string]json.RawMessage{"absolute_seconds": json.RawMessage("3600"), "idle_seconds": json.RawMessage("1800")})
		return err
	})
	w.newSession(w.a)
	from := w.signIn(w.a, "web")
	refresh := func(of answer) answer { return w.refresh(w.a, "web", of.text("refresh_token")) }
	switching := func() answer {
		from = refresh(from)
		return w.send(w.a, "POST", "/oauth2/token", w.switching("web", from.text("access_token"), "south"))
	}
	w.Clock.Advance(30*time.Minute - time.Second)
	south := switching()
	if south.StatusCode != http.StatusOK {
		t.Fatalf("in time: %d %s", south.StatusCode, south.raw)
	}
	w.Clock.Advance(time.Second)
	if got := switching(); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
		t.Errorf("after the shorter idle time: %d %s", got.StatusCode, got.raw)
	}
	w.Clock.Advance(30*time.Minute - time.Second)
	if south = refresh(south); south.StatusCode != http.StatusOK {
		t.Errorf("within the shorter absolute time: %d %s", south.StatusCode, south.raw)
	}
	w.Clock.Advance(time.Second)
	if got := refresh(south); got.text("error") != "invalid_grant" || w.active(w.a, south.text("access_token")) {
		t.Errorf("what was got outlives the shorter absolute time: %d %s", got.StatusCode, got.raw)
	}
	if got := refresh(from); got.StatusCode != http.StatusOK {
		t.Errorf("where the sign-in was: %d %s", got.StatusCode, got.raw)
	}
}

// switched switches to another organization and returns the token response.
func (w *world) switched(client, token, to string) answer {
	w.t.Helper()
	got := w.send(w.a, "POST", "/oauth2/token", w.switching(client, token, to))
	if got.StatusCode != http.StatusOK {
		w.t.Fatalf("to %s: %d %s", to, got.StatusCode, got.raw)
	}
	return got
}

// TestAttack19_SwitchedEnds: what was switched to ends with what it came from, however that ends.
func TestAttack19_SwitchedEnds(t *testing.T) {
	w := setup(t)
	web := w.clients[w.a.ID]["web"].ID
	var code string
	var first, south, back answer
	consent := func(org ids.Org) func() {
		return func() {
			w.in(w.a, func(ctx context.Context, tx db.Tx) error {
				return w.oauth.EndGrantsTx(ctx, tx, w.a.user, org, web, "consent_revoked")
			})
		}
	}
	revoke := func(of *answer) func() {
		return func() {
			w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {of.text("refresh_token")}}))
		}
	}
	reuse := func(of *answer) func() {
		return func() {
			for range 3 {
				w.refresh(w.a, "web", of.text("refresh_token"))
			}
		}
	}
	for name, c := range map[string]struct {
		end  func()
		good [3]bool // the sign-in, what was switched to from there, and what was from there
	}{
		"nothing":                       {func() {}, [3]bool{true, true, true}},
		"revocation":                    {revoke(&first), [3]bool{}},
		"revocation, in between":        {revoke(&south), [3]bool{true, false, false}},
		"revocation, at the end":        {revoke(&back), [3]bool{true, true, false}},
		"code reuse":                    {func() { w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)) }, [3]bool{}},
		"refresh reuse":                 {reuse(&first), [3]bool{}},
		"refresh reuse, in between":     {reuse(&south), [3]bool{true, false, false}},
		"consent taken back":            {consent(w.a.north), [3]bool{}},
		"consent taken back in between": {consent(w.a.south), [3]bool{true, false, false}},
		"sign-out": {func() {
			w.in(w.a, func(ctx context.Context, tx db.Tx) error { return w.sessions.EndTx(ctx, tx, w.a.session, "test") })
		}, [3]bool{}},
	} {
		w.newSession(w.a)
		code = w.code(w.a, "web")
		first = w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code))
		south = w.switched("web", first.text("access_token"), "south")
		back = w.switched("web", south.text("access_token"), "north")
		c.end()
		for i, got := range []answer{first, south, back} {
			if active := w.active(w.a, got.text("access_token")); active != c.good[i] {
				t.Errorf("%s: access token %d is active: %t", name, i, active)
			}
			if next := w.refresh(w.a, "web", got.text("refresh_token")); next.StatusCode == http.StatusOK != c.good[i] {
				t.Errorf("%s: refresh token %d: %d %s", name, i, next.StatusCode, next.raw)
			}
		}
	}
}

// TestAttack19_SwitchedOften: one access token makes no end of families.
func TestAttack19_SwitchedOften(t *testing.T) {
	w := setup(t)
	w.members[[2]string{w.a.branch.String(), w.a.user.String()}] = true
	count := func(org ids.Org) (n int) {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM grants WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org).Scan(&n)
		})
		return n
	}
	first := w.signIn(w.a, "web")
	branch := w.switched("web", first.text("access_token"), "branch")
	var south []answer
	for range 8 {
		south = append(south, w.switched("web", first.text("access_token"), "south"))
	}
	fromOldest := w.switched("web", south[3].text("access_token"), "north")
	south = append(south, w.switched("web", first.text("access_token"), "south"))
	for i, got := range south {
		if good := i >= 4; w.active(w.a, got.text("access_token")) != good || w.active(w.a, got.text("refresh_token")) != good {
			t.Errorf("switched %d, good: %t", i, !good)
		}
	}
	for name, got := range map[string]answer{"the sign-in": first, "another organization": branch, "what came from one that was replaced": fromOldest} {
		if !w.active(w.a, got.text("access_token")) || w.refresh(w.a, "web", got.text("refresh_token")).StatusCode != http.StatusOK {
			t.Errorf("%s ended", name)
		}
	}
	w.events("grant.ended", 0)
	w.events("grant.created", 3) // of what the app gained: one in each organization
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {first.text("refresh_token")}}))
	if w.active(w.a, fromOldest.text("access_token")) {
		t.Error("what came from one that was replaced outlives the sign-in")
	}

	// Many at once.
	w.newSession(w.a)
	first, before := w.signIn(w.a, "web"), count(w.a.south)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", first.text("access_token"), "south")); got.StatusCode != http.StatusOK {
				t.Errorf("%d %s", got.StatusCode, got.raw)
			}
		})
	}
	wg.Wait()
	if n := count(w.a.south) - before; n != 5 {
		t.Errorf("%d of 20 at once are left", n)
	}

	// Back and forth, each time by the token of before, as an app that holds one token does.
	before = count(w.a.south) + count(w.a.north)
	at := first
	for range 15 {
		at = w.switched("web", w.switched("web", at.text("access_token"), "south").text("access_token"), "north")
	}
	if !w.active(w.a, at.text("access_token")) || w.refresh(w.a, "web", at.text("refresh_token")).StatusCode != http.StatusOK {
		t.Error("the way that was come by is needed")
	}
	if n := count(w.a.south) + count(w.a.north) - before; n > 5 {
		t.Errorf("%d more families", n)
	}
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {first.text("refresh_token")}}))
	if w.active(w.a, at.text("access_token")) {
		t.Error("the end of a long line outlives its beginning")
	}
}

// TestAttack01_SessionElsewhere: what a session led to in another organization ends with the organization in which it began.
func TestAttack01_SessionElsewhere(t *testing.T) {
	w := exchanging(t)
	began := map[string]ids.Org{"where the session began": w.a.branch, "an ancestor of that": w.a.north}
	epoch := func(org ids.Org, change func(db.Tx, context.Context, db.Kind, uuid.UUID, string) error) {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error { return change(tx, ctx, db.KindOrg, org.UUID(), "test") })
	}
	session := func(org ids.Org) {
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			session, _, err := w.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: org, User: w.a.user, AMR: []string{"pwd"}})
			w.a.session = session.ID
			return err
		})
	}
	at := func(org ids.Org, changes ...string) answer {
		w.person = func(authn.Request) authn.Outcome { return w.signedIn(w.a, org) }
		return w.signIn(w.a, "web", changes...)
	}
	for name, suspended := range began {
		epoch(suspended, db.Tx.Raise) // so that it has an epoch already
		session(w.a.south)
		there := at(w.a.south)
		session(w.a.branch)
		all := map[string]answer{"signed in at once": at(w.a.south), "offline": at(w.a.south, "scope", "openid orders.write offline_access")}
		all["switched"] = w.switched("web", at(w.a.branch).text("access_token"), "south")
		all["exchanged"] = w.exchange("other", all["signed in at once"].text("access_token"), "scope", "trips.read")
		for what, got := range all {
			if !w.active(w.a, got.text("access_token")) {
				t.Fatalf("%s: %s: not active to begin with: %s", name, what, got.raw)
			}
		}
		dead := func(when string) {
			t.Helper()
			for what, got := range all {
				if w.active(w.a, got.text("access_token")) {
					t.Errorf("%s %s: %s: the access token is active", name, when, what)
				}
				if refresh := got.text("refresh_token"); refresh != "" && w.refresh(w.a, "web", refresh).StatusCode == http.StatusOK {
					t.Errorf("%s %s: %s: refreshed", name, when, what)
				}
			}
			if info := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+all["switched"].text("access_token")); info.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s: userinfo: %d", name, when, info.StatusCode)
			}
		}
		epoch(suspended, db.Tx.Block)
		dead("suspended")
		if !w.active(w.a, there.text("access_token")) || w.refresh(w.a, "web", there.text("refresh_token")).StatusCode != http.StatusOK {
			t.Errorf("%s: a session that began in the other organization ended", name)
		}
		epoch(suspended, db.Tx.Unblock)
		dead("resumed")
	}
	// A new password leaves to the acting session what it led to elsewhere.
	session(w.a.branch)
	kept := w.switched("web", at(w.a.branch).text("access_token"), "south")
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return w.oauth.RestampTx(ctx, tx, w.a.session, func(ctx context.Context) error { return tx.Raise(ctx, db.KindUser, w.a.user.UUID(), "test") })
	})
	if got := w.refresh(w.a, "web", kept.text("refresh_token")); got.StatusCode != http.StatusOK {
		t.Errorf("after a new password: %s", got.raw)
	}
}

func TestClientCredentials(t *testing.T) {
	w := setup(t, true)
	form := func(changes ...string) url.Values {
		f := w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	for scope, want := range map[string]string{"": "orders.read orders.write users.read users.write", "grove": "users.read users.write", "orders.read openid": "orders.read"} {
		got := w.send(w.a, "POST", "/oauth2/token", form("scope", scope))
		if got.StatusCode != http.StatusOK || got.text("scope") != want || got.text("refresh_token") != "" || got.text("id_token") != "" {
			t.Errorf("%q: %d %s", scope, got.StatusCode, got.raw)
		}
	}
	got := w.send(w.a, "POST", "/oauth2/token", form())
	c := w.claimsOf(got.text("access_token"))
	aut, _ := c.Text("aut")
	org, _ := c.Text("org_id")
	if c.Subject != "m2m" || aut != "APPLICATION" || org != w.a.Root.String() {
		t.Errorf("sub %s, aut %s, org %s", c.Subject, aut, org)
	}
	below := w.send(w.a, "POST", "/o/branch/oauth2/token", form())
	if org, _ := w.claimsOf(below.text("access_token")).Text("org_id"); org != w.a.branch.String() {
		t.Errorf("below an organization's base: %s", below.raw)
	}
	switched := w.send(w.a, "POST", "/oauth2/token", w.switching("m2m", got.text("access_token"), "south", "scope", "orders.read"))
	if org, _ := w.claimsOf(switched.text("access_token")).Text("org_id"); org != w.a.south.String() || switched.text("scope") != "orders.read" {
		t.Errorf("switched: %s", switched.raw)
	}
	if info := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("access_token")); info.StatusCode != http.StatusUnauthorized {
		t.Errorf("userinfo for a machine: %d", info.StatusCode)
	}
	// A change empties the cache that the answer comes from.
	if !w.active(w.a, switched.text("access_token")) {
		t.Fatal("not active to begin with")
	}
	for name, revoke := range map[string]func(context.Context, db.Tx) error{
		"org":    func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindOrg, w.a.south.UUID(), "test") },
		"tenant": func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindTenant, w.a.ID.UUID(), "test") },
	} {
		w.in(w.a, revoke)
		testkit.Eventually(t, name+" stops client_credentials", func() bool {
			return w.send(w.a, "POST", "/o/south/oauth2/token", form()).StatusCode == http.StatusBadRequest
		})
		if w.active(w.a, switched.text("access_token")) {
			t.Errorf("%s: the token is still active", name)
		}
	}
}

// TestClientCredentialsReadsMemory counts what a warm request costs the database: nothing.
func TestClientCredentialsReadsMemory(t *testing.T) {
	w := setup(t, true)
	form := w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})
	// What is told late of changes makes a round forget; it does not go on to.
	testkit.Eventually(t, "ten requests take no connection", func() bool {
		before := w.Stats().AcquireCount()
		for range 10 {
			if got := w.send(w.a, "POST", "/oauth2/token", form); got.StatusCode != http.StatusOK {
				t.Fatal(got.raw)
			}
		}
		return w.Stats().AcquireCount() == before
	})
}

// TestAttack03_Introspection: an organization's own client learns nothing of the tokens of organizations that are not below it.
func TestAttack03_Introspection(t *testing.T) {
	w := setup(t, true)
	person := w.signIn(w.a, "web").text("access_token") // of north
	machine := w.send(w.a, "POST", "/o/branch/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})).text("access_token")
	seen := func(token string) string {
		return w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "other", url.Values{"token": {token}})).raw
	}
	active := func(token string) bool { return strings.HasPrefix(seen(token), `{"active":true`) }
	for owner, want := range map[ids.Org][2]bool{w.a.Root: {true, true}, w.a.north: {true, true}, w.a.branch: {false, true}, w.a.south: {false, false}} {
		w.change(w.a, "other", func(c *apps.Client) { c.Org = owner })
		if got := [2]bool{active(person), active(machine)}; got != want {
			t.Errorf("%s: %v, want %v", owner, got, want)
		}
	}
	w.change(w.a, "other", func(c *apps.Client) { c.Org = w.a.south })
	if got := seen(person); got != `{"active":false}` {
		t.Errorf("it is told more than that: %s", got)
	}
	if !active(w.signIn(w.a, "other").text("access_token")) {
		t.Error("its own token")
	}
	testkit.Eventually(t, "whose a token is comes from memory", func() bool {
		before := w.Stats().AcquireCount()
		seen(person)
		return w.Stats().AcquireCount() == before
	})
	w.change(w.a, "other", func(c *apps.Client) { c.ExchangeAudiences = []string{orders} })
	if !active(person) {
		t.Error("a token that was made for an API that it serves")
	}
}
