package audit_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/infra/audit"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

// moment is the id of an event of that millisecond.
func moment(at time.Time) (id uuid.UUID) {
	id = ids.NewEvent().UUID()
	for i, millis := 5, at.UnixMilli(); i >= 0; i, millis = i-1, millis>>8 {
		id[i] = byte(millis)
	}
	return id
}

func init() {
	for _, kind := range []string{"x.gone", "x.made", "x.other"} {
		events.Declare[struct{}](kind, "Of the tests of filters.")
	}
}

// TestFiltersThatNameNothing: what no event can have is refused, and not taken for something that did not happen.
func TestFiltersThatNameNothing(t *testing.T) {
	d := testkit.New(t, treekit.Migrations(t), "nothing", nil)
	pair := treekit.Plant(t, d)
	api := apikit.New(t, d, pair, audit.New(d.DB).Module())
	token := api.Token(pair.A.Client(pair.A.Root, "events.read"))
	for query, pointer := range map[string]string{
		"type=x.mad": "/type", "type=X.made": "/type", "concerns=bogus": "/concerns", "concerns=usr_01": "/concerns",
		"concerns=" + strings.ToUpper(ids.NewUser().String()): "/concerns",
	} {
		var problem struct {
			Errors []struct{ Pointer string } `json:"errors"`
		}
		api.Want(t, 422, "request.invalid", token, "GET", "/t/acme/v1/orgs/root/events?"+query, nil).Into(t, &problem)
		if len(problem.Errors) != 1 || problem.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v", query, problem)
		}
	}
}

// TestFilters: each filter, alone and with others, finds what it says and nothing else, a page at a time, by an index.
func TestFilters(t *testing.T) {
	d := testkit.New(t, treekit.Migrations(t), "filters", nil)
	pair := treekit.Plant(t, d)
	api := apikit.New(t, d, pair, audit.New(d.DB).Module())
	start := time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC)
	add := func(tree treekit.Tree, org ids.Org, day int, kind, subject string) string {
		at := start.AddDate(0, 0, day)
		id := moment(at)
		treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO events (tenant_id, id, org_id, type, actor_kind, actor_id, subject, data, request_id, at)
				VALUES ($1, $2, $3, $4, 'system', 'test', $5, '{}', '', $6)`, tree.Tenant.ID, id, org, kind, subject, at)
			return err
		})
		return ids.Event{}.Prefix() + "_" + id.String()
	}
	a := pair.A
	var want []string
	for day, what := range []struct{ kind, subject string }{{"x.made", "one"}, {"x.made", "two"}, {"x.gone", "one"}, {"x.made", "one"}, {"x.gone", "two"}} {
		want = append(want, add(a, a.Root.ID, day, what.kind, what.subject))
		add(a, a.Partner.ID, day, what.kind, what.subject)
		add(pair.B, pair.B.Root.ID, day, what.kind, what.subject)
	}
	token := api.Token(a.Client(a.Root, "events.read"))
	day := func(n int) string { return start.AddDate(0, 0, n).Format(time.RFC3339) }
	for name, tc := range map[string]struct {
		query url.Values
		days  []int // newest first
	}{
		"none":             {url.Values{}, []int{4, 3, 2, 1, 0}},
		"type":             {url.Values{"type": {"x.made"}}, []int{3, 1, 0}},
		"subject":          {url.Values{"subject": {"one"}}, []int{3, 2, 0}},
		"type and subject": {url.Values{"type": {"x.made"}, "subject": {"one"}}, []int{3, 0}},
		"none of the type": {url.Values{"type": {"x.other"}}, nil},
		"since":            {url.Values{"since": {day(2)}}, []int{4, 3, 2}},
		"until":            {url.Values{"until": {day(2)}}, []int{1, 0}},
		"a day":            {url.Values{"since": {day(2)}, "until": {day(3)}}, []int{2}},
		"nothing between":  {url.Values{"since": {day(3)}, "until": {day(2)}}, nil},
		"all of them":      {url.Values{"type": {"x.gone"}, "subject": {"two"}, "since": {day(1)}, "until": {day(5)}}, []int{4}},
		"before all time":  {url.Values{"since": {"1900-01-01T00:00:00Z"}}, []int{4, 3, 2, 1, 0}},
		"until before it":  {url.Values{"until": {"1900-01-01T00:00:00Z"}}, nil},
		"far future":       {url.Values{"until": {"9999-12-31T00:00:00Z"}}, []int{4, 3, 2, 1, 0}},
	} {
		for _, size := range []string{"1", "2", "50"} {
			t.Run(name+" by "+size, func(t *testing.T) {
				var got, expected []string
				for _, n := range tc.days {
					expected = append(expected, want[n])
				}
				query := url.Values{"page_size": {size}}
				for k, v := range tc.query {
					query[k] = v
				}
				for {
					var list struct {
						Items []audit.Event `json:"items"`
						Next  string        `json:"next_page_token"`
					}
					api.Want(t, 200, "", token, "GET", "/t/acme/v1/orgs/root/events?"+query.Encode(), nil).Into(t, &list)
					for _, e := range list.Items {
						got = append(got, e.ID.Prefix()+"_"+e.ID.UUID().String())
					}
					if list.Next == "" {
						break
					}
					query.Set("page_token", list.Next)
				}
				if !slices.Equal(got, expected) {
					t.Errorf("found %v, want %v", got, expected)
				}
			})
		}
	}
	testkit.CheckPlans(t, d)
}
