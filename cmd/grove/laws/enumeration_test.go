package laws_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/config"
)

// suspect is somebody, or nobody, who tries to sign in.
type suspect struct{ name, username, password string }

// suspects are all who are refused, for whatever reason.
func (p *pair) suspects(at, sibling *place) []suspect {
	known, disabled, locked, deleted, without := at.person(), at.person(), at.person(), at.person(), unique("jo")+"@"+at.handle+".example"
	at.post(at.at("/users/%s:disable", disabled.id), nil)
	at.Must(at.tenant, at.manage, "DELETE", at.at("/users/%s", deleted.id), nil)
	at.post(at.at("/users"), m{"username": without, "email": without})
	at.guess(locked.id)
	if tag, err := p.ledger().conn.Exec(context.Background(), `
		UPDATE grove.sign_in_failures f SET locked_until = now() + interval '1 day' FROM grove.users u WHERE u.id = f.user_id AND u.username = $1`, locked.username); err != nil || tag.RowsAffected() != 1 {
		shared.Fatalf("%s, %v", tag, err)
	}
	return []suspect{
		{"a wrong password", known.username, "not the password"},
		{"nobody", unique("jo") + "@" + at.handle + ".example", apptest.Password},
		{"disabled", disabled.username, apptest.Password},
		{"disabled, a wrong password", disabled.username, "not the password"},
		{"locked", locked.username, apptest.Password},
		{"locked, a wrong password", locked.username, "not the password"},
		{"deleted", deleted.username, apptest.Password},
		{"without a password", without, apptest.Password},
		{"a sibling organization's, a wrong password", sibling.person().username, "not the password"}, // with his own he proves who he is, and is told
		{"another tenant's", p.b.north.person().username, apptest.Password},
	}
}

// TestAttack35_Enumeration asks, in every place where somebody can be named, for one who is there and one who is not: the
// answers have the same status and the same bytes.
func TestAttack35_Enumeration(t *testing.T) {
	p := world(t)
	north := p.a.north
	t.Run("sign in", func(t *testing.T) {
		lend(t)
		pages := map[string][]string{}
		for _, s := range p.suspects(north, p.a.south) {
			v := visit(p.World).open(north.account())
			asked := v.answer("username", s.username).last
			refused := v.answer("password", s.password).last
			page := visible(asked) + visible(refused)
			page = strings.ReplaceAll(page, s.username, "somebody")
			pages[page] = append(pages[page], s.name)
			if v.code() != "" || len(refused.Cookies()) > 0 {
				t.Errorf("%s: signed in", s.name)
			}
		}
		sibling := visit(p.World).open(north.account())
		if told := sibling.answer("username", p.a.south.person().username).answer("password", apptest.Password).last; told.StatusCode != http.StatusForbidden || sibling.code() != "" {
			t.Errorf("who proves himself and belongs elsewhere: %d %s", told.StatusCode, told.Raw)
		}
		if len(pages) != 1 {
			t.Errorf("the pages tell apart: %v", slices.Collect(maps.Values(pages)))
		}
	})
	t.Run("invitations", func(t *testing.T) {
		lend(t)
		known, sibling := north.person(), p.a.south.person()
		_ = known
		seen := map[string][]string{}
		for name, address := range map[string]string{"nobody": unique("jo") + "@south.example", "a sibling organization's": sibling.username} {
			got := p.API(p.A, p.a.north.manage, "POST", north.at("/invitations"), m{"email": address})
			seen[fmt.Sprint(got.StatusCode, slices.Sorted(maps.Keys(got.JSON)), got.Text("state"))] = append(seen[fmt.Sprint(got.StatusCode, slices.Sorted(maps.Keys(got.JSON)), got.Text("state"))], name)
			shown := p.API(p.A, p.a.north.manage, "GET", north.at("/invitations/%s", got.Text("id")), nil)
			if shown.JSON["user_id"] != nil {
				t.Errorf("%s: the invitation names a person before it is accepted", name)
			}
		}
		if len(seen) != 1 {
			t.Errorf("invitations tell apart: %v", seen)
		}
		link := north.invitationLink(unique("guest") + "@guest.example")
		same := map[string][]string{}
		token := mustParse(link).Query().Get("token")
		for name, other := range map[string]string{"unknown": token[:len(token)-6] + "AAAAAA", "malformed": "x", "empty": "", "long": strings.Repeat("x", 500)} {
			got := visible(visit(p.World).see(strings.Replace(link, token, other, 1)))
			same[got] = append(same[got], name)
		}
		if len(same) != 1 {
			t.Errorf("invitation links tell apart: %v", slices.Collect(maps.Values(same)))
		}
	})
	t.Run("people of others", func(t *testing.T) {
		lend(t)
		sibling := p.a.south.person()
		for _, name := range []string{unique("jo") + "@south.example", sibling.username} {
			got := p.API(p.A, p.a.north.manage, "POST", north.at("/users"), m{"username": name, "email": name})
			if got.StatusCode != http.StatusCreated {
				t.Errorf("a username that a sibling organization has: %d %s", got.StatusCode, got.Raw)
			}
		}
	})
	t.Run("clients", func(t *testing.T) {
		lend(t)
		machine := north.machine()
		seen := map[string][]string{}
		for name, form := range map[string]url.Values{
			"known":   {"client_id": {machine.ClientID}, "client_secret": {"wrong"}},
			"public":  {"client_id": {"account"}, "client_secret": {"wrong"}},
			"unknown": {"client_id": {"nobody"}, "client_secret": {"wrong"}},
			"foreign": {"client_id": {p.B.ClientID}, "client_secret": {p.B.ClientSecret}},
		} {
			for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
				form.Set("grant_type", "client_credentials")
				form.Set("token", "x")
				got := visible(p.Do(p.plain(), "POST", p.A.Base+path, form))
				seen[got] = append(seen[got], name+path)
			}
		}
		if len(seen) != 1 {
			t.Errorf("the endpoints tell apart: %v", slices.Collect(maps.Values(seen)))
		}
	})
}

// slack is how far apart the least times may be. A path without the hash takes less than a fifth of the others.
const slack = 2

// TestAttack35_Timing measures with the hash that a production has: whoever is refused is refused as late. A busy machine
// only ever adds time, so the least that was seen of each is compared, until they agree.
func TestAttack35_Timing(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time, which takes some")
	}
	p := world(t)
	real := config.Default()
	node := apptest.Start(&shared, p.DB, apptest.WithoutWorkers(), apptest.Configure(func(o *app.Options) {
		o.Config.Argon2MemoryKiB, o.Config.Argon2Iterations = real.Argon2MemoryKiB, real.Argon2Iterations
	}))
	at := *p.a.north
	at.World = node // whose hashes are the real ones
	suspects := slices.DeleteFunc(p.suspects(&at, p.a.south), func(s suspect) bool {
		return !slices.Contains([]string{"a wrong password", "disabled", "locked", "nobody", "without a password"}, s.name)
	})
	least := map[string]time.Duration{}
	for round := range 60 {
		// A hash takes 19 MiB: in one order, the garbage collector would keep time with the round and fall on the same one.
		rand.Shuffle(len(suspects), func(i, j int) { suspects[i], suspects[j] = suspects[j], suspects[i] })
		for _, s := range suspects {
			v := visit(node).open(at.account()).answer("username", s.username)
			to, form := v.form("password", s.password)
			start := time.Now()
			v.Do(v.browser, http.MethodPost, to, form, "Origin", apptest.Origin)
			if took := time.Since(start); round == 0 || took < least[s.name] {
				least[s.name] = took
			}
		}
		times := slices.Sorted(maps.Values(least))
		if round >= 2 && times[len(times)-1] <= slack*times[0] {
			return
		}
	}
	t.Errorf("the times tell apart: %v", least)
}
