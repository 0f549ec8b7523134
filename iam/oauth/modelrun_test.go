package oauth_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "run the one sequence of TestModel that this makes")
	modelSeeds = flag.Uint64("model.seeds", 10, "how many sequences TestModel runs")
	modelSteps = flag.Int("model.steps", 60, "how long they are")
)

// step is one thing that is done. What to, n says, by the place that it has among what there is then: so a step means something also
// when others before it are left out.
type step struct {
	do int
	n  [4]int
}

// modelled is an authorization server and the model of it.
type modelled struct {
	*world
	m      *model
	ids    []ids.Session // by number, as in the model
	people []ids.User
}

// deeds are what can be done, each as often as its weight says. They return what was done, and what the model did not expect.
var deeds = []struct {
	weight int
	do     func(*modelled, [4]int) (string, error)
}{
	{12, (*modelled).authorize}, {6, (*modelled).redeem}, {14, (*modelled).refreshes}, {12, (*modelled).exchanges}, {12, (*modelled).switches},
	{4, (*modelled).clientCredentials}, {3, (*modelled).givesBack}, {2, (*modelled).givesBackRefresh}, {2, (*modelled).newSessionOf}, {1, (*modelled).signsOut},
	{1, (*modelled).togglesApp}, {1, (*modelled).togglesPerson}, {1, (*modelled).togglesOrg}, {1, (*modelled).togglesMember}, {6, (*modelled).restores},
	{2, (*modelled).newPassword}, {1, (*modelled).takesConsentBack}, {1, (*modelled).endsInOrg}, {1, (*modelled).endsOfApp}, {6, (*modelled).waits},
}

func sequence(seed uint64, length int) []step {
	var all []int
	for i, d := range deeds {
		for range d.weight {
			all = append(all, i)
		}
	}
	r := rand.New(rand.NewPCG(seed, seed))
	steps := make([]step, length)
	for i := range steps {
		steps[i] = step{do: all[r.IntN(len(all))], n: [4]int{r.IntN(1 << 10), r.IntN(1 << 10), r.IntN(1 << 10), r.IntN(1 << 10)}}
	}
	return steps
}

// TestModel does things in random order, and holds what the server says of every token against the model after each.
func TestModel(t *testing.T) {
	from, to := uint64(1), *modelSeeds
	if *modelSeed > 0 {
		from, to = *modelSeed, *modelSeed
	}
	for seed := from; seed <= to && !t.Failed(); seed++ {
		steps := sequence(seed, *modelSteps)
		said, err := runModel(t, steps)
		if err == nil {
			continue
		}
		steps = steps[:len(said)]
		for size := len(steps) / 2; size > 0; { // until nothing can be left out
			before := len(steps)
			for at := 0; at+size <= len(steps); {
				shorter := slices.Delete(slices.Clone(steps), at, at+size)
				if s, e := runModel(t, shorter); e != nil {
					steps, said, err = shorter[:len(s)], s, e
				} else {
					at += size
				}
			}
			if size > 1 || len(steps) == before {
				size /= 2
			}
		}
		t.Errorf("go test ./iam/oauth -run TestModel -model.seed=%d -model.steps=%d\n%s\n%v", seed, *modelSteps, strings.Join(said, "\n"), err)
	}
}

// runModel returns what was done, up to what the model did not expect.
func runModel(t *testing.T, steps []step) (said []string, err error) {
	t.Run("", func(t *testing.T) {
		r := newModelled(t)
		for _, s := range steps {
			var what string
			r.m.now = r.Clock.Now()
			if what, err = deeds[s.do].do(r, s.n); err == nil {
				r.m.now = r.Clock.Now()
				err = r.agrees()
			}
			if said = append(said, what); err != nil {
				return
			}
		}
	})
	return said, err
}

func newModelled(t *testing.T) *modelled {
	w := setup(t, true)
	w.OnChange(w.hub.Changed)
	w.Clock.Stop()
	for _, client := range []string{"web", "other"} {
		w.change(w.a, client, func(c *apps.Client) {
			c.GrantTypes = append(c.GrantTypes[:len(c.GrantTypes):len(c.GrantTypes)], tokenExchange)
		})
	}
	w.twoAPIs("other")
	w.opaque(w.a, "other")
	w.change(w.a, "other", func(c *apps.Client) { c.ExchangeAudiences = []string{orders} })
	probe, _ := w.Client(t.Context(), w.a.ID, "web")
	probe.ClientID, probe.ID = "probe", ids.NewApp()
	w.clients[w.a.ID]["probe"] = probe
	r := &modelled{world: w, m: &model{now: w.Clock.Now(), off: map[string]bool{}}, people: []ids.User{w.a.user}}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		u, err := w.people.CreateTx(ctx, tx, users.NewUser{Org: w.a.north, Username: "bob", Email: "bob@north.example"})
		r.people = append(r.people, u.ID)
		return err
	})
	for _, person := range r.people {
		for _, org := range []ids.Org{w.a.north, w.a.south, w.a.branch} {
			w.members[[2]string{org.String(), person.String()}] = true
		}
	}
	for i := range r.people {
		if _, err := r.newSessionOf([4]int{i, 0}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// pick chooses one, most often of those that are good, and of the newest; the zero value where there is none.
func pick[T any](all []T, n int, good func(T) bool) (one T) {
	if n%8 > 1 {
		if some := slices.DeleteFunc(slices.Clone(all), func(one T) bool { return !good(one) }); len(some) > 0 {
			all = some
		}
	}
	if len(all) == 0 {
		return one
	}
	if n/8%4 > 0 {
		all = all[max(len(all)-4, 0):]
	}
	return all[n/32%len(all)]
}

func (r *modelled) pickClient(n int) string { return []string{"web", "other", "spa"}[n%3] }

// pickOwn is a client's name, most often that of the one whose something is.
func (r *modelled) pickOwn(client string, n int) string {
	if n%8 == 0 {
		return r.pickClient(n / 8)
	}
	return client
}

func (r *modelled) pickOrg(n int) string { return []string{"north", "south", "branch"}[n%3] }

func (r *modelled) org(name string) ids.Org {
	return map[string]ids.Org{"north": r.a.north, "south": r.a.south, "branch": r.a.branch, "root": r.a.Root}[name]
}

// agrees holds what the server says of each token against the model.
func (r *modelled) agrees() error {
	var all []error
	for _, a := range r.m.access {
		want := r.m.active(a)
		if got := r.introspects("probe", a.text); got != want {
			all = append(all, fmt.Errorf("%s of %s in %s: active is %t, not %t", a.name, a.client, a.org, got, want))
		}
		status := http.StatusUnauthorized
		if want && a.family != nil {
			if status = http.StatusForbidden; slices.Contains(a.scopes, "openid") {
				status = http.StatusOK
			}
		}
		if got := r.send(r.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+a.text); got.StatusCode != status {
			all = append(all, fmt.Errorf("%s of %s in %s: userinfo says %d, not %d: %s", a.name, a.client, a.org, got.StatusCode, status, got.raw))
		}
	}
	for _, f := range r.m.refresh {
		if f.family.client == "spa" || !r.m.enabled(f.family.client) {
			continue // who asks is a confidential client, and a refresh token's own
		}
		if got, want := r.introspects(f.family.client, f.text), r.m.fresh(f); got != want {
			all = append(all, fmt.Errorf("%s of %s: active is %t, not %t", f.name, f.family.name, got, want))
		}
	}
	return errors.Join(all...)
}

func (r *modelled) introspects(client, token string) bool {
	return r.send(r.a, "POST", "/oauth2/introspect", r.as(r.a, client, url.Values{"token": {token}})).body["active"] == true
}

// asks sends a token request, and compares whether it is answered with a token.
func (r *modelled) asks(client string, ok bool, f url.Values) (answer, error) {
	return r.answered(ok, r.send(r.a, "POST", "/oauth2/token", r.as(r.a, client, f)))
}

func (r *modelled) answered(ok bool, got answer) (answer, error) {
	if ok != (got.StatusCode == http.StatusOK) {
		return got, fmt.Errorf("answered with a token is %t, not %t: %d %s", !ok, ok, got.StatusCode, got.raw)
	}
	return got, nil
}

// takes notes what a client has got of a family.
func (r *modelled) takes(got answer, g *modelFamily, generation int, narrowed bool) string {
	a := r.m.give(modelAccess{text: got.text("access_token"), client: g.client, family: g, org: g.org, scopes: strings.Fields(got.text("scope")), narrowed: narrowed}, g.on, g.expires)
	r.m.keep(g, got.text("refresh_token"), generation)
	return fmt.Sprintf(": %s, refresh token %d", a.name, len(r.m.refresh)-1)
}

func (r *modelled) newSessionOf(n [4]int) (string, error) {
	person, org := n[0]%2, r.pickOrg(n[1])
	want := r.m.begin(person, org)
	what := fmt.Sprintf("person %d signs in to %s: session %d", person, org, len(r.m.sessions)-1)
	var s sessions.Session
	err := r.InTenant(context.Background(), r.a.ID, func(ctx context.Context, tx db.Tx) (err error) {
		s, _, err = r.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: r.org(org), User: r.people[person], AMR: []string{"pwd"}})
		return err
	})
	if want == nil {
		if what = fmt.Sprintf("person %d cannot sign in to %s", person, org); err == nil {
			return what, errors.New("there is a session")
		}
		return what, nil
	}
	r.ids = append(r.ids, s.ID)
	return what, err
}

func (r *modelled) authorize(n [4]int) (string, error) {
	client, org := r.pickClient(n[0]), r.pickOrg(n[2])
	session := pick(r.m.sessions, n[1], r.m.good)
	if !r.m.good(session) && n[1]%8 > 1 {
		return r.newSessionOf(n)
	}
	scopes := []string{"orders.read", "orders.write"}
	if n[3]%4 > 0 {
		scopes = append(scopes, "openid", "profile")
	}
	offline := n[3]/4%3 == 0
	if offline {
		scopes = append(scopes, "offline_access")
	}
	id := r.ids[slices.Index(r.m.sessions, session)]
	r.person = func(authn.Request) authn.Outcome {
		return authn.Outcome{Done: &authn.Done{AMR: []string{"pwd"}, AuthTime: r.Clock.Now(), Org: r.org(org), Session: id, User: r.people[session.person]}}
	}
	got := r.send(r.a, "GET", "/oauth2/authorize?"+request(client, "scope", strings.Join(scopes, " ")).Encode(), nil)
	to, _ := url.Parse(got.Header.Get("Location"))
	code := to.Query().Get("code")
	g := r.m.grow(client, session, org, offline, scopes, nil)
	what := fmt.Sprintf("%s asks in %s for %s in %s", client, session.name, scopes, org)
	if g != nil != (code != "") {
		return what, fmt.Errorf("a code is %t: %d %s %s", code != "", got.StatusCode, to, got.raw)
	}
	if g == nil {
		return what + ": no", nil
	}
	r.m.codes = append(r.m.codes, &modelCode{family: g, text: code, expires: r.m.now.Add(time.Minute)})
	what = fmt.Sprintf("%s: code %d of %s", what, len(r.m.codes)-1, g.name)
	if n[3]/16%4 == 0 {
		return what, nil
	}
	redeemed, err := r.redeemed(r.m.codes[len(r.m.codes)-1], client, true)
	return what + "; " + redeemed, err
}

func (r *modelled) redeem(n [4]int) (string, error) {
	c := pick(r.m.codes, n[0], func(c *modelCode) bool { return !c.used })
	if c == nil {
		return r.authorize(n)
	}
	return r.redeemed(c, r.pickOwn(c.family.client, n[1]), n[2]%8 > 0)
}

func (r *modelled) redeemed(c *modelCode, client string, verified bool) (string, error) {
	f := url.Values{"grant_type": {"authorization_code"}, "code": {c.text}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	if !verified {
		f.Set("code_verifier", strings.Repeat("x", 43))
	}
	what := fmt.Sprintf("%s redeems code %d", client, slices.Index(r.m.codes, c))
	ok := r.m.redeem(c, client, verified)
	got, err := r.asks(client, ok, f)
	if err == nil && ok {
		what += r.takes(got, c.family, 1, false)
	}
	return what, err
}

func (r *modelled) refreshes(n [4]int) (string, error) {
	old := pick(r.m.refresh, n[0], r.m.fresh)
	if old == nil || n[0]%8 > 1 && !r.m.fresh(old) {
		return r.authorize(n)
	}
	if before := old.family.rotated; before != nil && n[3]%3 == 0 {
		old = before
	}
	client := r.pickOwn(old.family.client, n[1])
	f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old.text}}
	narrowed := n[2]%4 == 0
	if narrowed {
		f.Set("scope", "orders.read orders.write")
	}
	what := fmt.Sprintf("%s uses %s", client, old.name)
	generation, ok := r.m.rotate(old, client)
	got, err := r.asks(client, ok, f)
	if err == nil && ok {
		what += r.takes(got, old.family, generation, narrowed && len(old.family.scopes) > 2)
	}
	return what, err
}

func (r *modelled) exchanges(n [4]int) (string, error) {
	a := pick(r.m.access, n[0], func(a *modelAccess) bool { return a.family != nil && r.m.active(a) })
	if a == nil || n[0]%8 > 1 && !r.m.active(a) {
		return r.authorize(n)
	}
	client := []string{a.client, "other", "other", r.pickClient(n[1] / 4)}[n[1]%4]
	wanted := [][]string{nil, nil, {"trips.read"}, {"openid", "trips.read"}, {"openid"}, {"orders.read", "orders.write"}}[n[2]%6]
	f := url.Values{"grant_type": {tokenExchange}, "subject_token": {a.text}, "subject_token_type": {accessType}}
	if wanted != nil {
		f.Set("scope", strings.Join(wanted, " "))
	}
	what := fmt.Sprintf("%s exchanges %s for %s", client, a.name, wanted)
	ok := r.m.exchanges(a, client, wanted)
	got, err := r.asks(client, ok, f)
	if err == nil && ok {
		made := r.m.give(modelAccess{text: got.text("access_token"), client: client, family: a.family, org: a.org, scopes: strings.Fields(got.text("scope")), chain: a.chain + 1},
			append([]string{"app " + client}, a.on...), a.expires)
		what += ": " + made.name
	}
	return what, err
}
