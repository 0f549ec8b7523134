package groups_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"grove/iam/groups"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const base = "/t/acme/v1/orgs/partner/groups"

// ranks name the groups whose roles no actor of the tests could assign, and those of the last Administrator.
type ranks struct{ above, last map[ids.Group]bool }

func (r ranks) CheckGroupTx(_ context.Context, _ db.Tx, group ids.Group) error {
	if r.above[group] {
		return fault.CodeForbidden.With("", nil)
	}
	return nil
}

func (r ranks) TakeFromGroupTx(ctx context.Context, tx db.Tx, group ids.Group, anyway bool, take func() error) (bool, error) {
	if err := r.CheckGroupTx(ctx, tx, group); err != nil {
		return false, err
	}
	return r.last[group] && !anyway, take()
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	ranks  ranks
	api    *apikit.Server
	groups *groups.Service
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members"), "groups", nil)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), ranks: ranks{above: map[ids.Group]bool{}, last: map[ids.Group]bool{}}}
	b.groups = groups.New(d.DB, events.NewLog(nil), b.ranks)
	b.api = apikit.New(t, d, b.Pair, b.groups.Module())
	return b
}

func (b bundle) token(tree treekit.Tree, org httpapi.Org) string {
	return b.api.Token(tree.Client(org, "groups.read", "groups.write"))
}

func (b bundle) user(t *testing.T, tree treekit.Tree, org httpapi.Org, name string) ids.User {
	t.Helper()
	id := ids.NewUser()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, 'active', $5, $5)`, tx.Tenant(), id, org.ID, name, tx.Now())
		return err
	})
	return id
}

func (b bundle) join(t *testing.T, tree treekit.Tree, org httpapi.Org, user ids.User) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) VALUES ($1, $2, $3, $4, 'invited', $5)`,
			tx.Tenant(), ids.NewMembership(), org.ID, user, tx.Now())
		return err
	})
}

func (b bundle) create(t *testing.T, token, path, name string) groups.GroupBody {
	t.Helper()
	var g groups.GroupBody
	r := b.api.Do(t, token, http.MethodPost, path, fmt.Sprintf(`{"name":%q}`, name))
	if r.Into(t, &g); r.Status != 201 {
		t.Fatalf("create %s: %d %s", name, r.Status, r.Raw)
	}
	return g
}

func TestGroupLife(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	g := b.create(t, token, base, "Engineering")
	if r := b.api.Do(t, token, http.MethodPost, base, `{"name":" ENGINEERING "}`); r.Code() != "group.name_taken" {
		t.Errorf("twin: %d %s", r.Status, r.Raw)
	}
	b.create(t, b.token(b.A, b.A.Branch), "/t/acme/v1/orgs/branch/groups", "Engineering")
	one := base + "/" + g.ID.String()
	etag := b.api.Do(t, token, http.MethodGet, one, nil).Header.Get("ETag")
	if r := b.api.Do(t, token, http.MethodPatch, one, `{"name":"Makers","description":"who make"}`, "If-Match", etag); r.Status != 200 {
		t.Errorf("change: %d %s", r.Status, r.Raw)
	}
	if r := b.api.Do(t, token, http.MethodPatch, one, `{"description":null}`, "If-Match", etag); r.Status != 412 {
		t.Errorf("stale: %d", r.Status)
	}
	jo, guest, stranger := b.user(t, b.A, b.A.Partner, "jo"), b.user(t, b.A, b.A.Rivals, "guest"), b.user(t, b.A, b.A.Rivals, "stranger")
	b.join(t, b.A, b.A.Partner, guest)
	for user, want := range map[ids.User]int{jo: 204, guest: 204, stranger: 409, ids.NewUser(): 409, b.user(t, b.B, b.B.Partner, "jo"): 409} {
		for range 2 {
			if r := b.api.Do(t, token, http.MethodPut, one+"/members/"+user.String(), nil); r.Status != want {
				t.Errorf("add: %d %s, want %d", r.Status, r.Raw, want)
			}
		}
	}
	var list struct{ Items []groups.GroupMember }
	b.api.Do(t, token, http.MethodGet, one+"/members", nil).Into(t, &list)
	if len(list.Items) != 2 || list.Items[0].UserID != jo || list.Items[1].Username != "guest" {
		t.Errorf("members %+v", list.Items)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		of, err := b.groups.GroupsOf(ctx, tx, jo, b.A.Partner.ID)
		if len(of) != 1 || of[0] != g.ID {
			t.Errorf("groups of jo: %v", of)
		}
		return err
	})
	for _, want := range []int{204, 404} {
		if r := b.api.Do(t, token, http.MethodDelete, one+"/members/"+jo.String(), nil); r.Status != want {
			t.Errorf("remove: %d, want %d", r.Status, want)
		}
	}
	gone := 0
	b.groups.OnDelete(func(context.Context, db.Tx, ids.Org, ids.Group) error { gone++; return nil })
	for _, want := range []int{204, 404} {
		if r := b.api.Do(t, token, http.MethodDelete, one, nil); r.Status != want {
			t.Errorf("delete: %d, want %d", r.Status, want)
		}
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		types, err := db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 AND subject = $2 ORDER BY id`, tx.Tenant(), g.ID.String())
		if got := strings.Join(types, " "); gone != 1 || got != "group.created group.updated group.member_added group.member_added group.member_removed group.deleted" {
			t.Errorf("events %s", got)
		}
		return err
	})
	testkit.CheckPlans(t, b.Database)
}

func TestListIsPagedAndFiltered(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	for i := range 5 {
		b.create(t, token, base, fmt.Sprintf("Team %d", i))
	}
	b.create(t, token, base, "Ärzte")
	var first struct {
		Items []groups.GroupBody `json:"items"`
		Next  string             `json:"next_page_token"`
	}
	b.api.Do(t, token, http.MethodGet, base+"?page_size=4&q=team", nil).Into(t, &first)
	next := first
	b.api.Do(t, token, http.MethodGet, base+"?page_size=4&q=team&page_token="+url.QueryEscape(first.Next), nil).Into(t, &next)
	if len(first.Items) != 4 || len(next.Items) != 1 || next.Items[0].Name != "Team 4" {
		t.Errorf("pages of %d and %d", len(first.Items), len(next.Items))
	}
	if r := b.api.Do(t, token, http.MethodGet, base+"?page_size=4&page_token="+url.QueryEscape(first.Next), nil); r.Code() != "request.page_token" {
		t.Errorf("a token of another list: %d", r.Status)
	}
	for filter, want := range map[string]int{`displayName eq "ÄRZTE"`: 1, `displayName sw "team" and displayName sw "team 3"`: 1,
		`displayName sw "x"`: 0, `displayName co "x"`: -1, `members eq "x"`: -1, `displayName eq "a" or displayName eq "b"`: -1} {
		r := b.api.Do(t, token, http.MethodGet, base+"?filter="+url.QueryEscape(filter), nil)
		if want < 0 {
			if r.Code() != "group.filter" {
				t.Errorf("%s: %d", filter, r.Status)
			}
			continue
		}
		var list struct{ Items []groups.GroupBody }
		if r.Into(t, &list); len(list.Items) != want {
			t.Errorf("%s: %d", filter, len(list.Items))
		}
	}
}

func TestGroupsOfOthersAreNotThere(t *testing.T) {
	b := setup(t)
	g := b.create(t, b.token(b.A, b.A.Partner), base, "Engineering")
	jo := b.user(t, b.A, b.A.Rivals, "jo")
	for name, c := range map[string]struct{ token, base string }{
		"another organization": {b.token(b.A, b.A.Root), "/t/acme/v1/orgs/rivals/groups/"},
		"another tenant":       {b.token(b.B, b.B.Root), "/t/bcme/v1/orgs/partner/groups/"},
	} {
		one := c.base + g.ID.String()
		for _, call := range [][3]string{{"GET", "", ""}, {"PATCH", "", `{"name":"Mine"}`}, {"DELETE", "", ""}, {"GET", "/members", ""},
			{"PUT", "/members/" + jo.String(), ""}, {"DELETE", "/members/" + jo.String(), ""}} {
			var body any
			if call[2] != "" {
				body = call[2]
			}
			if r := b.api.Do(t, c.token, call[0], one+call[1], body); r.Status != 404 {
				t.Errorf("%s: %v: %d", name, call, r.Status)
			}
		}
	}
}

func TestAttack28_AGroupGivesAndTakesOnlyWhatTheActorCouldGive(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	one := base + "/" + b.create(t, token, base, "Administrators").ID.String()
	jo := one + "/members/" + b.user(t, b.A, b.A.Partner, "jo").String()
	if r := b.api.Do(t, token, http.MethodPut, jo, nil); r.Status != 204 {
		t.Fatalf("add: %d", r.Status)
	}
	var g groups.GroupBody
	b.api.Do(t, token, http.MethodGet, one, nil).Into(t, &g)
	b.ranks.above[g.ID] = true
	for _, call := range [][2]string{{http.MethodPut, jo}, {http.MethodDelete, jo}, {http.MethodDelete, one}} {
		if r := b.api.Do(t, token, call[0], call[1], nil); r.Status != 403 {
			t.Errorf("%s on a group above the actor: %d", call[0], r.Status)
		}
	}
	delete(b.ranks.above, g.ID)
	b.ranks.last[g.ID] = true
	for _, path := range []string{jo, one} {
		if r := b.api.Do(t, token, http.MethodDelete, path, nil); r.Code() != "group.last_administrator" {
			t.Errorf("the last Administrator lost: %d %s", r.Status, r.Raw)
		}
	}
	if r := b.api.Do(t, token, http.MethodGet, one+"/members", nil); !strings.Contains(string(r.Raw), `"username":"jo"`) {
		t.Errorf("a refusal changed something: %s", r.Raw)
	}
}

func TestParallelAddsAreOne(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	g := b.create(t, token, base, "Engineering")
	jo := b.user(t, b.A, b.A.Partner, "jo")
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if r := b.api.Do(t, token, http.MethodPut, base+"/"+g.ID.String()+"/members/"+jo.String(), nil); r.Status != 204 {
				t.Errorf("%d %s", r.Status, r.Raw)
			}
		})
	}
	wg.Wait()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var n int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'group.member_added'`, tx.Tenant()).Scan(&n)
		if n != 1 {
			t.Errorf("%d events", n)
		}
		return err
	})
}
