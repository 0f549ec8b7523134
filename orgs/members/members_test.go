package members_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/iam/groups"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/orgs/members"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// seats stands in for the ledger, which is a floor above: it counts holders by organization.
type seats struct {
	mu   sync.Mutex
	full bool
	held map[ids.Org]map[uuid.UUID]bool
}

func (s *seats) Take(_ context.Context, _ db.Tx, org ids.Org, holder uuid.UUID, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return fault.CodeSeatsExhausted.With("", nil)
	}
	if s.held[org] == nil {
		s.held[org] = map[uuid.UUID]bool{}
	}
	s.held[org][holder] = true
	return nil
}

func (s *seats) Release(_ context.Context, _ db.Tx, org ids.Org, holder uuid.UUID, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held[org], holder)
	return nil
}

// roles are the real decisions, except that a test names the last Administrator and those above everybody.
type roles struct {
	*authz.Service
	above, last map[ids.User]bool
}

func (r roles) CheckUserTx(_ context.Context, _ db.Tx, _ []ids.Org, user ids.User) error {
	if r.above[user] {
		return fault.CodeForbidden.With("", nil)
	}
	return nil
}

func (r roles) LastAdministrator(_ context.Context, _ db.Tx, _ ids.Org, user ids.User, anyway bool) (bool, error) {
	return r.last[user] && !anyway, nil
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	api      *apikit.Server
	groups   *groups.Service
	members  *members.Service
	roles    roles
	seats    *seats
	sessions *sessions.Service
	users    *users.Service
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/apps", "iam/authz", "iam/groups", "iam/sessions", "iam/users", "orgs/members", "orgs/sharing"), "members", nil)
	log := events.NewLog(nil)
	hasher, err := password.New(password.Options{Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{Database: d, Pair: treekit.Plant(t, d), seats: &seats{held: map[ids.Org]map[uuid.UUID]bool{}},
		roles: roles{Service: authz.New(d.DB, log), above: map[ids.User]bool{}, last: map[ids.User]bool{}}}
	b.users = users.New(d.DB, log, hasher, b.roles)
	b.groups = groups.New(d.DB, log, b.roles)
	b.sessions = sessions.New(d.DB, log, sessions.Lifetimes{Absolute: 1e15, Idle: 1e15})
	kit := apikit.New(t, d, b.Pair)
	b.members = members.New(d.DB, log, members.Ports{Authorizer: kit, Groups: b.groups, Orgs: b.Pair, Roles: b.roles, Seats: b.seats, Sessions: b.sessions, Users: b.users})
	b.members.Module().Routes(kit.API)
	b.api = kit
	return b
}

func (b bundle) token(tree treekit.Tree, org httpapi.Org) string {
	return b.api.Token(tree.Client(org, "members.read", "members.write", "users.read", "users.write"))
}

func (b bundle) user(t *testing.T, tree treekit.Tree, org httpapi.Org, name string) users.User {
	t.Helper()
	var u users.User
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: org.ID, Username: name})
		return err
	})
	return u
}

const base = "/t/acme/v1/orgs/partner/members"

func (b bundle) list(t *testing.T, token, path string) (names []string) {
	t.Helper()
	var list struct{ Items []members.MemberBody }
	b.api.Do(t, token, http.MethodGet, path, nil).Into(t, &list)
	for _, m := range list.Items {
		names = append(names, m.Username+":"+m.Kind)
	}
	return names
}

func TestMembersComeAndGo(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	b.user(t, b.A, b.A.Partner, "resident")
	b.user(t, b.B, b.B.Partner, "resident")
	guest := b.user(t, b.A, b.A.Rivals, "guest")
	for range 2 {
		if r := b.api.Do(t, token, http.MethodPut, base+"/"+guest.ID.String(), nil); r.Status != 200 {
			t.Fatalf("add: %d %s", r.Status, r.Raw)
		}
	}
	if got := b.list(t, token, base); !slices.Equal(got, []string{"resident:resident", "guest:shared"}) {
		t.Errorf("members %v", got)
	}
	if got := b.list(t, token, base+"?q=GU&kind=shared"); !slices.Equal(got, []string{"guest:shared"}) {
		t.Errorf("q: %v", got)
	}
	if got := b.list(t, token, base+"?user="+guest.ID.String()+"&user="+ids.NewUser().String()); !slices.Equal(got, []string{"guest:shared"}) {
		t.Errorf("user: %v", got)
	}
	if got := b.list(t, token, base+"?q=re&user="+guest.ID.String()); len(got) != 0 {
		t.Errorf("q and user: %v", got)
	}
	if r := b.api.Do(t, token, http.MethodGet, base+"?user=somebody", nil); r.Status != http.StatusUnprocessableEntity {
		t.Errorf("no user's id: %d %s", r.Status, r.Raw)
	}
	var group groups.Group
	var session sessions.Session
	pair := ids.Pair(b.A.Partner.ID.UUID(), guest.ID.UUID())
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if group, err = b.groups.CreateTx(ctx, tx, groups.NewGroup{Org: b.A.Partner.ID, Name: "Engineering"}); err != nil {
			return err
		}
		role := ids.NewRole()
		if _, err = tx.Exec(ctx, `INSERT INTO roles (tenant_id, id, org_id, name, name_key, audience_type, audience_id, created_at, updated_at)
			VALUES ($1, $2, $3, 'Clerk', 'clerk', 'organization', $3, $4, $4)`, tx.Tenant(), role, b.A.Partner.ID, tx.Now()); err != nil {
			return err
		}
		if err = b.groups.AddTx(ctx, tx, b.A.Partner.ID, group.ID, guest.ID); err != nil {
			return err
		}
		if err = b.roles.AssignTx(ctx, tx, authz.Assignment{Org: b.A.Partner.ID, Role: role, PrincipalKind: "user", Principal: guest.ID.UUID(), Reach: "org"}); err != nil {
			return err
		}
		session, _, err = b.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: b.A.Partner.ID, User: guest.ID})
		return err
	})
	var one members.MemberBody
	b.api.Do(t, token, http.MethodGet, base+"/"+guest.ID.String(), nil).Into(t, &one)
	if !slices.Equal(one.Roles, []string{"Clerk"}) || !slices.Equal(one.AllowedActions, []string{"remove"}) {
		t.Errorf("member %+v", one)
	}
	for _, want := range []int{204, 404} {
		if r := b.api.Do(t, token, http.MethodDelete, base+"/"+guest.ID.String(), nil); r.Status != want {
			t.Errorf("remove: %d %s, want %d", r.Status, r.Raw, want)
		}
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, found, err := b.sessions.FindTx(ctx, tx, session.ID); found || err != nil {
			t.Errorf("the session lives: %v", err)
		}
		ended, err := db.Scalars[string](ctx, tx, `SELECT data->>'reason' FROM events WHERE tenant_id = $1 AND type = 'session.ended' AND subject = $2`, tx.Tenant(), session.ID.String())
		if err != nil || !slices.Equal(ended, []string{"member.removed"}) {
			t.Errorf("the session's end is told as %v: %v", ended, err)
		}
		for what, sql := range map[string]string{
			"role":       `SELECT count(*) FROM role_assignments WHERE tenant_id = $1 AND principal_id = $2`,
			"group":      `SELECT count(*) FROM group_members WHERE tenant_id = $1 AND user_id = $2`,
			"membership": `SELECT count(*) FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND kind <> 'resident'`,
		} {
			var n int
			if err := tx.QueryRow(ctx, sql, tx.Tenant(), guest.ID).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s stays: %d %v", what, n, err)
			}
		}
		return nil
	})
	if !b.blocked(t, pair) || len(b.seats.held[b.A.Partner.ID]) != 1 {
		t.Error("not blocked, or the seat is not free")
	}
	// Back again: the pair is open, and what was ended is not revived.
	if r := b.api.Do(t, token, http.MethodPut, base+"/"+guest.ID.String(), nil); r.Status != 200 || b.blocked(t, pair) {
		t.Errorf("back: %d", r.Status)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		types, err := db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 AND org_id = $2 AND subject = $3 AND type LIKE 'member.%' ORDER BY id`,
			tx.Tenant(), b.A.Partner.ID, guest.ID.String())
		if got := strings.Join(types, " "); got != "member.added member.removed member.added" {
			t.Errorf("events %s", got)
		}
		orgs, err2 := b.members.OrgsOf(ctx, tx, guest.ID, "", page.Request{Size: page.MaxSize})
		if len(orgs.Items) != 2 || orgs.Items[0].Handle != "partner" || orgs.Items[1].Status != "active" {
			t.Errorf("organizations %+v", orgs)
		}
		if err == nil {
			err = err2
		}
		return err
	})
	testkit.CheckPlans(t, b.Database)
}

func (b bundle) blocked(t *testing.T, subject uuid.UUID) (yes bool) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT blocked FROM epochs WHERE tenant_id = $1 AND subject = $2`, tx.Tenant(), subject).Scan(&yes)
	})
	return yes
}

func TestRemovingAResidentDeletesHimEverywhere(t *testing.T) {
	b := setup(t)
	jo := b.user(t, b.A, b.A.Partner, "jo")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := b.members.AddTx(ctx, tx, b.A.Rivals.ID, jo.ID, members.Invited)
		return err
	})
	weak := b.api.Token(b.A.Client(b.A.Root, "members.read", "members.write"))
	if r := b.api.Do(t, weak, http.MethodDelete, base+"/"+jo.ID.String(), nil); r.Status != 403 {
		t.Errorf("without users.write: %d", r.Status)
	}
	if r := b.api.Do(t, b.token(b.A, b.A.Root), http.MethodDelete, base+"/"+jo.ID.String(), nil); r.Status != 204 {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	for _, org := range []httpapi.Org{b.A.Partner, b.A.Rivals} {
		if !b.blocked(t, ids.Pair(org.ID.UUID(), jo.ID.UUID())) || len(b.seats.held[org.ID]) != 0 {
			t.Errorf("%s: still a member", org.Handle)
		}
	}
	if !b.blocked(t, jo.ID.UUID()) {
		t.Error("the person is not blocked")
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	resident, guest := b.user(t, b.A, b.A.Partner, "resident"), b.user(t, b.A, b.A.Rivals, "guest")
	b.api.Do(t, token, http.MethodPut, base+"/"+guest.ID.String(), nil)
	for _, u := range []users.User{resident, guest} {
		b.roles.last[u.ID] = true
		if r := b.api.Do(t, token, http.MethodDelete, base+"/"+u.ID.String(), nil); r.Code() != "user.last_administrator" {
			t.Errorf("%s: %d %s", u.Username, r.Status, r.Raw)
		}
	}
	if got := b.list(t, token, base); len(got) != 2 {
		t.Errorf("members %v", got)
	}
	b.api.Want(t, 204, "", token, http.MethodDelete, base+"/"+resident.ID.String()+"?without_administrator=true", nil)
	b.roles.last[guest.ID] = false
	b.roles.above[guest.ID] = true
	if r := b.api.Do(t, token, http.MethodDelete, base+"/"+guest.ID.String(), nil); r.Status != 403 {
		t.Errorf("above the actor: %d", r.Status)
	}
}

func TestOnlyVisiblePeopleAreAdded(t *testing.T) {
	b := setup(t)
	branch, rival, foreign := b.user(t, b.A, b.A.Branch, "branch"), b.user(t, b.A, b.A.Rivals, "rival"), b.user(t, b.B, b.B.Partner, "foreign")
	for name, c := range map[string]struct {
		token string
		user  ids.User
		want  int
	}{
		"below the token's organization": {b.token(b.A, b.A.Partner), branch.ID, 200},
		"a sibling's":                    {b.token(b.A, b.A.Partner), rival.ID, 404},
		"another tenant's":               {b.token(b.A, b.A.Root), foreign.ID, 404},
		"nobody":                         {b.token(b.A, b.A.Root), ids.NewUser(), 404},
		"without users.read":             {b.api.Token(b.A.Client(b.A.Root, "members.write")), rival.ID, 404},
		"without members.write":          {b.api.Token(b.A.Client(b.A.Root, "members.read", "users.read")), rival.ID, 403},
		"into another tenant, own token": {b.token(b.B, b.B.Root), foreign.ID, 401},
	} {
		if r := b.api.Do(t, c.token, http.MethodPut, base+"/"+c.user.String(), nil); r.Status != c.want {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	b.seats.full = true
	if r := b.api.Do(t, b.token(b.A, b.A.Root), http.MethodPut, base+"/"+rival.ID.String(), nil); r.Code() != "seats.exhausted" {
		t.Errorf("full: %d %s", r.Status, r.Raw)
	}
}

func TestAddAndRemoveInParallelEndInOneState(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	guest := b.user(t, b.A, b.A.Rivals, "guest")
	var wg sync.WaitGroup
	for i := range 24 {
		method := []string{http.MethodPut, http.MethodDelete}[i%2]
		wg.Go(func() {
			if r := b.api.Do(t, token, method, base+"/"+guest.ID.String(), nil); r.Status >= 500 {
				t.Errorf("%s: %d %s", method, r.Status, r.Raw)
			}
		})
	}
	wg.Wait()
	b.api.Do(t, token, http.MethodDelete, base+"/"+guest.ID.String(), nil)
	if !b.blocked(t, ids.Pair(b.A.Partner.ID.UUID(), guest.ID.UUID())) {
		t.Error("open after the last removal")
	}
}
