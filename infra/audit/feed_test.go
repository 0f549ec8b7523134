package audit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/infra/audit"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

type feedWorld struct {
	world
	treekit.Pair
	api *apikit.Server
}

func newFeedWorld(t *testing.T) feedWorld {
	d := testkit.New(t, treekit.Migrations(t), "audit_feed", nil)
	client, err := jobs.NewClient(jobs.NewRegistry(nil), jobs.Options{DB: d.DB, Log: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	w := feedWorld{world: world{d, events.NewLog(client), events.NewSealer(d.DB, testkit.Quiet()), audit.New(d.DB)}, Pair: treekit.Plant(t, d)}
	w.api = apikit.New(t, d, w.Pair, w.audit.Module())
	return w
}

// read reads a piece of an organization's feed with a token that was never used before.
func (w feedWorld) read(t *testing.T, tree treekit.Tree, org httpapi.Org, query string) (audit.EventFeed, apikit.Response) {
	t.Helper()
	r := w.api.Do(t, w.api.Token(tree.Client(org, "events.read")), http.MethodGet, "/t/"+tree.Tenant.Handle+"/v1/orgs/"+org.Handle+"/event-feed"+query, nil)
	var feed audit.EventFeed
	if r.Status == http.StatusOK {
		r.Into(t, &feed)
	}
	return feed, r
}

// all reads a feed to its end, one entry at a time from where after says.
func (w feedWorld) all(t *testing.T, tree treekit.Tree, org httpapi.Org, after string) (numbers []string, cursors []string) {
	t.Helper()
	for {
		feed, r := w.read(t, tree, org, "?page_size=1&after="+url.QueryEscape(after))
		if r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Raw)
		}
		if len(feed.Entries) == 0 {
			return numbers, cursors
		}
		e := feed.Entries[0]
		numbers = append(numbers, fmt.Sprint(e.Seq, ":", e.Event.Data["n"]))
		after = feed.Cursor
		cursors = append(cursors, after)
	}
}

// TestFeed: the numbers are the organization's own, nothing appears before a cursor that was handed out, and reading again
// brings the same; the root sees the links of the chain.
func TestFeed(t *testing.T) {
	w := newFeedWorld(t)
	empty, _ := w.read(t, w.A, w.A.Partner, "")
	w.write(t, w.A.Tenant.ID, w.A.Partner.ID, 1, 2)
	w.write(t, w.A.Tenant.ID, w.A.Rivals.ID, 7)
	w.write(t, w.A.Tenant.ID, w.A.Root.ID, 9)
	w.seal(t)
	first, cursors := w.all(t, w.A, w.A.Partner, empty.Cursor)
	w.write(t, w.A.Tenant.ID, w.A.Rivals.ID, 8)
	w.write(t, w.A.Tenant.ID, w.A.Partner.ID, 3)
	w.seal(t)
	if more, _ := w.all(t, w.A, w.A.Partner, cursors[1]); !slices.Equal(first, []string{"1:1", "2:2"}) || !slices.Equal(more, []string{"3:3"}) {
		t.Errorf("%v, then %v", first, more)
	}
	if again, _ := w.all(t, w.A, w.A.Partner, cursors[0]); !slices.Equal(again, []string{"2:2", "3:3"}) {
		t.Errorf("again: %v", again)
	}
	if again, _ := w.all(t, w.A, w.A.Partner, ""); !slices.Equal(again, []string{"1:1", "2:2", "3:3"}) {
		t.Errorf("from the beginning: %v", again)
	}
	root, _ := w.read(t, w.A, w.A.Root, "")
	if len(root.Entries) != 1 || root.Entries[0].Seq != 1 || root.Entries[0].Chain == nil || root.Entries[0].Chain.Seq != 4 || len(root.Entries[0].Chain.Hash) != 64 {
		t.Errorf("the root's: %+v", root)
	}
	for name, cursor := range map[string]string{"a number": "2", "changed": cursors[0][:len(cursors[0])-1], "nothing": " "} {
		if _, r := w.read(t, w.A, w.A.Partner, "?after="+url.QueryEscape(cursor)); r.Code() != "request.page_token" {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
}

// TestAttack35_TheFeedTellsOfNobodyElse: of two organizations to which the same happens, one in a busy tenant and one in a
// quiet one, the feeds are alike but for what is random or the events' own.
func TestAttack35_TheFeedTellsOfNobodyElse(t *testing.T) {
	w := newFeedWorld(t)
	for n := range 40 {
		w.write(t, w.A.Tenant.ID, w.A.Rivals.ID, slices.Repeat([]int{n}, 30)...)
	}
	for _, tree := range []treekit.Tree{w.A, w.B} {
		w.write(t, tree.Tenant.ID, tree.Partner.ID, 1, 2)
	}
	w.write(t, w.A.Tenant.ID, w.A.Rivals.ID, 5)
	for _, tree := range []treekit.Tree{w.A, w.B} {
		w.write(t, tree.Tenant.ID, tree.Partner.ID, 3)
	}
	w.seal(t)
	var cursors []string
	seen := func(tree treekit.Tree) string {
		_, r := w.read(t, tree, tree.Partner, "")
		var feed map[string]any
		r.Into(t, &feed)
		cursors = append(cursors, feed["cursor"].(string))
		feed["cursor"] = len(cursors[len(cursors)-1])
		for _, entry := range feed["entries"].([]any) {
			event := entry.(map[string]any)["event"].(map[string]any)
			for _, own := range []string{"at", "id", "org_id", "subject"} {
				event[own] = ""
			}
		}
		raw, err := json.Marshal(feed)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if busy, quiet := seen(w.A), seen(w.B); busy != quiet || strings.Count(busy, `"seq"`) != 3 {
		t.Errorf("the feeds differ:\n%s\n%s", busy, quiet)
	}
	// And a cursor opens nowhere else.
	for name, at := range map[string]struct {
		tree treekit.Tree
		org  httpapi.Org
	}{"the other tenant": {w.B, w.B.Partner}, "a sibling": {w.A, w.A.Rivals}, "below": {w.A, w.A.Branch}} {
		if _, r := w.read(t, at.tree, at.org, "?after="+url.QueryEscape(cursors[0])); r.Code() != "request.page_token" {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	if _, r := w.read(t, w.A, w.A.Partner, "?page_size=7&after="+url.QueryEscape(cursors[0])); r.Status != http.StatusOK {
		t.Errorf("another client of the organization: %s", r.Raw)
	}
}
