package audit_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/infra/audit"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

type given struct {
	App    *ids.App    `json:"app_id,omitempty" audit:"public"`
	Groups []ids.Group `json:"groups" audit:"public"`
	Name   string      `json:"name" audit:"public"`
	To     ids.Any     `json:"principal_id" audit:"public"`
}

var eventGiven = events.Declare[given]("test.given", "Something was given.")

type concernsWorld struct {
	treekit.Pair
	d   *testkit.Database
	log *events.Log
	api *apikit.Server
}

func newConcernsWorld(t *testing.T) concernsWorld {
	d := testkit.New(t, treekit.Migrations(t, "iam/users"), "audit_concerns", nil)
	client, err := jobs.NewClient(jobs.NewRegistry(nil), jobs.Options{DB: d.DB, Log: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	s := audit.New(d.DB)
	s.Name([]module.Manifest{{Tables: []module.Table{{Name: "users", Owner: "org_id", Kind: "usr", Title: "username"},
		{Name: "organizations", Owner: "id", Kind: "org", Title: "name"}, {Name: "passwords", Owner: "user_id"}}}})
	w := concernsWorld{Pair: treekit.Plant(t, d), d: d, log: events.NewLog(client)}
	w.api = apikit.New(t, d, w.Pair, s.Module())
	return w
}

// write adds events to the partner's log, as somebody.
func (w concernsWorld) write(t *testing.T, tree treekit.Tree, as actor.Actor, facts ...events.Fact) {
	t.Helper()
	err := w.d.InTenant(actor.Into(ctx, as), tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return w.log.Write(ctx, tx, facts...) })
	if err != nil {
		t.Fatal(err)
	}
}

// find reads all that a filter finds, a page at a time; between two pages more is written than one page holds.
func (w concernsWorld) find(t *testing.T, query url.Values, between events.Fact) (found []audit.Event) {
	t.Helper()
	token := w.api.Token(w.A.Client(w.A.Partner, "events.read"))
	query.Set("page_size", "2")
	for {
		var list struct {
			Items []audit.Event `json:"items"`
			Next  string        `json:"next_page_token"`
		}
		w.api.Want(t, 200, "", token, "GET", "/t/acme/v1/orgs/"+w.A.Partner.Handle+"/events?"+query.Encode(), nil).Into(t, &list)
		found = append(found, list.Items...)
		if list.Next == "" {
			return found
		}
		w.write(t, w.A, actor.ForJob(w.A.Tenant.ID, "later"), between, between, between)
		query.Set("page_token", list.Next)
	}
}

// TestConcernsAndActor: what happened to somebody is found wherever an event names him, and what somebody did by who he is,
// in one organization's log, whatever is written meanwhile; text that looks like an id names nobody.
func TestConcernsAndActor(t *testing.T) {
	w := newConcernsWorld(t)
	emil, other, group, app := ids.NewUser(), ids.NewUser(), ids.NewGroup(), ids.NewApp()
	as := func(u ids.User) actor.Actor { return actor.Actor{Kind: actor.User, Tenant: w.A.Tenant.ID, User: u} }
	here, beside := w.A.Partner.ID, w.A.Rivals.ID
	w.write(t, w.A, as(other),
		eventNoted.Of(here, emil, noted{1}),
		eventGiven.Of(here, ids.NewAssignment(), given{Name: "2", To: ids.Any(emil.String())}),
		eventGiven.Of(here, ids.NewAssignment(), given{Name: "3", To: ids.Any(group.String()), Groups: []ids.Group{group, ids.NewGroup()}, App: &app}),
		eventGiven.Of(here, emil, given{Name: "4", To: ids.Any(emil.String())}),
		eventGiven.Of(here, ids.NewAssignment(), given{Name: emil.String(), To: "nobody"}),
		eventGiven.Of(beside, emil, given{Name: "beside"}))
	w.write(t, w.A, as(emil), eventGiven.Of(here, other, given{Name: "5"}), eventGiven.Of(here, emil, given{Name: "6"}), eventNoted.Of(here, other, noted{7}))
	w.write(t, w.B, as(emil), eventGiven.Of(w.B.Partner.ID, emil, given{Name: "abroad"}))
	for name, tc := range map[string]struct {
		query url.Values
		want  []string // newest first
	}{
		"a person":              {url.Values{"concerns": {emil.String()}}, []string{"6", "4", "2", "1"}},
		"a group":               {url.Values{"concerns": {group.String()}}, []string{"3"}},
		"an app":                {url.Values{"concerns": {app.String()}}, []string{"3"}},
		"somebody's deeds":      {url.Values{"actor": {emil.String()}}, []string{"7", "6", "5"}},
		"to himself":            {url.Values{"actor": {emil.String()}, "concerns": {emil.String()}}, []string{"6"}},
		"of a type":             {url.Values{"concerns": {emil.String()}, "type": {"test.given"}}, []string{"6", "4", "2"}},
		"as the subject":        {url.Values{"concerns": {emil.String()}, "subject": {emil.String()}}, []string{"6", "4", "1"}},
		"nobody":                {url.Values{"concerns": {ids.NewUser().String()}}, nil},
		"before all":            {url.Values{"concerns": {emil.String()}, "until": {"2020-01-01T00:00:00Z"}}, nil},
		"since before anything": {url.Values{"concerns": {emil.String()}, "since": {"2020-01-01T00:00:00Z"}}, []string{"6", "4", "2", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range w.find(t, tc.query, eventGiven.Of(here, emil, given{Name: "later", To: ids.Any(group.String()), App: &app})) {
				if n, is := e.Data["n"].(float64); is {
					e.Data["name"] = string('0' + rune(n))
				}
				if e.Data["name"] != "later" {
					got = append(got, e.Data["name"].(string))
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
	testkit.CheckPlans(t, w.d)
}

// TestNames: whoever an event names has the name of now; who is gone, the name of then; who is forgotten, none.
func TestNames(t *testing.T) {
	w := newConcernsWorld(t)
	vendor, gone, forgotten, stranger := ids.NewUser(), ids.NewUser(), ids.NewUser(), ids.NewUser()
	change := func(sql string, args ...any) {
		t.Helper()
		treekit.In(t, w.d, w.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, sql, append([]any{w.A.Tenant.ID}, args...)...)
			return err
		})
	}
	for user, at := range map[ids.User]ids.Org{vendor: w.A.Root.ID, gone: w.A.Partner.ID, forgotten: w.A.Partner.ID, stranger: w.A.Rivals.ID} {
		change(`INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $4, 'active', now(), now())`,
			user, at, "before "+user.String())
	}
	as := actor.Actor{Kind: actor.User, Tenant: w.A.Tenant.ID, User: vendor}
	w.write(t, w.A, as, eventGiven.Of(w.A.Partner.ID, gone, given{Name: stranger.String(), To: ids.Any(forgotten.String())}), eventNoted.Of(w.A.Partner.ID, w.A.Partner.ID, noted{1}))
	for user, name := range map[ids.User]string{vendor: "Vera", gone: "Emil", forgotten: "Nemo"} {
		change(`UPDATE users SET username = $3 WHERE tenant_id = $1 AND id = $2`, user, name)
	}
	change(`DELETE FROM users WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`, []ids.User{gone, forgotten})
	change(`DELETE FROM names_of_gone WHERE tenant_id = $1 AND id = $2`, forgotten)
	// Whoever is gone is found by his name in the log of his organization.
	for query, want := range map[string]string{"?q=eM": gone.String(), "?q=emily": "", "?q=%25": "", "?q=nemo": ""} {
		var list struct{ Items []audit.RemovedName }
		w.api.Want(t, 200, "", w.api.Token(w.A.Client(w.A.Partner, "events.read")), "GET", "/t/acme/v1/orgs/"+w.A.Partner.Handle+"/removed-names"+query, nil).Into(t, &list)
		if got := len(list.Items); got > 1 || (got == 1) != (want != "") || got == 1 && (list.Items[0].ID != want || list.Items[0].Name != "Emil" || list.Items[0].RemovedAt.IsZero()) {
			t.Errorf("%q finds %+v", query, list.Items)
		}
	}
	for org, token := range map[string]string{w.A.Rivals.Handle: w.api.Token(w.A.Client(w.A.Rivals, "events.read")), w.A.Root.Handle: w.api.Token(w.A.Client(w.A.Root, "events.read"))} {
		if r := w.api.Want(t, 200, "", token, "GET", "/t/acme/v1/orgs/"+org+"/removed-names?q=emil", nil); strings.Contains(string(r.Raw), "Emil") {
			t.Errorf("found at %s: %s", org, r.Raw)
		}
	}
	w.api.Want(t, 403, "", w.api.Token(w.A.Client(w.A.Partner, "members.read")), "GET", "/t/acme/v1/orgs/"+w.A.Partner.Handle+"/removed-names", nil)
	found := w.find(t, url.Values{}, eventNoted.Of(w.A.Rivals.ID, gone, noted{}))
	want := []audit.EventName{{ID: vendor.String(), Name: "Vera", OrgID: w.A.Root.ID}, {ID: gone.String(), Name: "Emil", OrgID: w.A.Partner.ID, Removed: true}}
	if len(found) != 2 || !slices.Equal(found[1].Names, want) {
		t.Fatalf("%+v, want the names %+v", found, want)
	}
	if org := found[0].Names; len(org) != 2 || org[1] != (audit.EventName{ID: w.A.Partner.ID.String(), Name: w.A.Partner.Name, OrgID: w.A.Partner.ID}) {
		t.Errorf("an organization: %+v", org)
	}
	// What is above the token's organization, or beside it, has no name.
	w.write(t, w.A, as, eventGiven.Of(w.A.Partner.ID, gone, given{To: ids.Any(w.A.Root.ID.String())}), eventGiven.Of(w.A.Partner.ID, gone, given{To: ids.Any(w.A.Rivals.ID.String())}))
	for _, e := range w.find(t, url.Values{}, eventNoted.Of(w.A.Rivals.ID, gone, noted{}))[:2] {
		if !slices.Equal(e.Names, want) {
			t.Errorf("%+v", e.Names)
		}
	}
	var one audit.Event
	w.api.Want(t, 200, "", w.api.Token(w.A.Client(w.A.Partner, "events.read")), "GET", "/t/acme/v1/orgs/"+w.A.Partner.Handle+"/events/"+found[1].ID.String(), nil).Into(t, &one)
	if !slices.Equal(one.Names, want) {
		t.Errorf("read alone: %+v", one.Names)
	}
	// The vendor was a guest who left: he has his name of now in the log, and the one of then among those who are gone.
	w.write(t, w.A, as, eventNoted.Of(w.A.Partner.ID, vendor, noted{1}))
	change(`INSERT INTO names_of_gone (tenant_id, id, org_id, name, gone_at, elsewhere) VALUES ($1, $2, $3, 'Vincent', now(), true)`, vendor, w.A.Partner.ID)
	if r := w.api.Want(t, 200, "", w.api.Token(w.A.Client(w.A.Partner, "events.read")), "GET", "/t/acme/v1/orgs/"+w.A.Partner.Handle+"/removed-names?q=vin", nil); !strings.Contains(string(r.Raw), vendor.String()) {
		t.Errorf("a guest who left: %s", r.Raw)
	}
	found = w.find(t, url.Values{"concerns": {vendor.String()}}, eventNoted.Of(w.A.Partner.ID, vendor, noted{1}))
	if len(found) < 1 || !slices.Contains(found[0].Names, want[0]) {
		t.Errorf("a guest who left: %+v", found)
	}
	testkit.CheckPlans(t, w.d)
}
