package sharing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/orgs/sharing"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var first = page.Request{Size: 200}

type bundle struct {
	*testkit.Database
	treekit.Pair
	api     *apikit.Server
	apps    *apps.Service
	authz   *authz.Service
	sharing *sharing.Service
	app     map[ids.Tenant]apps.VersionedApp // of the root, with a role
	role    map[ids.Tenant]ids.Role
}

func setup(t testing.TB, options ...func(*db.Options)) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members", "iam/authz", "iam/apps", "orgs/sharing"), "sharing", nil, options...)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), app: map[ids.Tenant]apps.VersionedApp{}, role: map[ids.Tenant]ids.Role{}}
	log := events.NewLog(nil)
	b.authz = authz.New(d.DB, log)
	b.apps = apps.New(d.DB, log, cache.NewHub(testkit.Quiet()), b.authz)
	b.sharing = sharing.New(d.DB, log, b.authz)
	b.api = apikit.New(t, d, b.Pair, b.sharing.Module(), b.authz.Module())
	for _, tree := range []treekit.Tree{b.A, b.B} {
		tenant := tree.Tenant.ID
		f := module.Founding{Tenant: tenant, Root: tree.Root.ID, Handle: tree.Tenant.Handle, Name: "Acme", Base: tree.Tenant.Base, AdminRole: ids.NewRole()}
		for _, m := range []module.Manifest{b.authz.Module(), b.apps.Module(), b.sharing.Module()} {
			treekit.In(t, d, tenant, func(ctx context.Context, tx db.Tx) error { return m.Found(ctx, tx, f) })
		}
		var err error
		if b.app[tenant], _, err = b.apps.Create(all(tree), tenant, tree.Root.ID, apps.CreateAppRequest{Name: "Notes", Template: "web", RedirectURIs: []string{"https://notes.example/cb"}}); err != nil {
			t.Fatal(err)
		}
		role, err := b.authz.CreateRole(all(tree), tenant, tree.Root.ID, authz.CreateRoleRequest{Name: "Editor",
			Audience: &authz.RoleAudience{Type: "application", ID: b.app[tenant].ID.String()}})
		if err != nil {
			t.Fatal(err)
		}
		b.role[tenant] = role.ID
	}
	return b
}

func all(tree treekit.Tree) context.Context {
	return actor.Into(context.Background(), actor.ForJob(tree.Tenant.ID, "test", perm.All()...))
}

func (b bundle) share(in sharing.ShareAppRequest) error {
	_, err := b.sharing.SetShare(all(b.A), b.A.Tenant.ID, b.A.Root.ID, b.app[b.A.Tenant.ID].ID, 0, in)
	return err
}

func (b bundle) in(t testing.TB, tree treekit.Tree, app ids.App, org ids.Org) (a sharing.Availability) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		a, err = b.sharing.AppIn(ctx, tx, apps.Client{ID: app, Org: tree.Root.ID}, org)
		return err
	})
	return a
}

// child makes an organization below parent, as the directory does.
func (b bundle) child(t testing.TB, tree treekit.Tree, parent httpapi.Org, handle string) httpapi.Org {
	t.Helper()
	o := httpapi.Org{ID: ids.NewOrg(), Handle: handle, Path: slices.Clone(parent.Path)}
	o.Path = append(o.Path, o.ID)
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, $4, 'active', $5, $5)`, tree.Tenant.ID, o.ID, parent.ID, handle, tx.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth)
			SELECT tenant_id, ancestor_id, $3::uuid, depth + 1 FROM org_closure WHERE tenant_id = $1 AND descendant_id = $2
			UNION ALL SELECT $1, $3, $3, 0`, tree.Tenant.ID, parent.ID, o.ID)
		return err
	})
	return o
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			got = f.Code.Name
		}
	}
	if got != code {
		t.Fatalf("got %q, want %q (%v)", got, code, err)
	}
}

// TestPolicies: who has the app by each policy, also an organization that is made later.
func TestPolicies(t *testing.T) {
	b := setup(t)
	app := b.app[b.A.Tenant.ID].ID
	partner := []ids.Org{b.A.Partner.ID}
	for i, c := range []struct {
		in   sharing.ShareAppRequest
		have string
	}{
		{sharing.ShareAppRequest{Policy: "none"}, "root"},
		{sharing.ShareAppRequest{Policy: "all", Roles: "all"}, "root partner branch rivals new"},
		{sharing.ShareAppRequest{Policy: "selected", Organizations: partner}, "root partner"},
		{sharing.ShareAppRequest{Policy: "subtree", Organizations: partner, Roles: "all"}, "root partner branch new"},
		{sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Branch.ID, b.A.Rivals.ID, b.A.Rivals.ID}}, "root branch rivals"},
		{sharing.ShareAppRequest{Policy: "subtree", Organizations: []ids.Org{b.A.Branch.ID}}, "root branch new"},
		{sharing.ShareAppRequest{Policy: "none", Roles: "all"}, "root"},
	} {
		wantCode(t, b.share(c.in), "")
		made := b.child(t, b.A, b.A.Branch, fmt.Sprintf("new-%d", i))
		made.Handle = "new"
		var have []string
		everywhere := []ids.Org{b.A.Root.ID, b.A.Partner.ID, b.A.Branch.ID, b.A.Rivals.ID, made.ID, b.B.Partner.ID}
		var each map[ids.Org]bool
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
			each, err = b.sharing.AppInEach(ctx, tx, apps.Client{ID: app, Org: b.A.Root.ID}, everywhere)
			return err
		})
		if each[b.B.Partner.ID] {
			t.Errorf("%+v: another tenant's organization has it", c.in)
		}
		for _, org := range []httpapi.Org{b.A.Root, b.A.Partner, b.A.Branch, b.A.Rivals, made} {
			a := b.in(t, b.A, app, org.ID)
			if a.Available != each[org.ID] {
				t.Errorf("%+v: the answer for many differs from that for %s", c.in, org.Handle)
			}
			if a.Available {
				have = append(have, org.Handle)
			}
			if owner := org.ID == b.A.Root.ID; a.Roles != (owner || a.Available && c.in.Roles == "all") {
				t.Errorf("%+v: roles in %s: %v", c.in, org.Handle, a.Roles)
			}
			available := false
			for _, listed := range b.available(t, org.ID) {
				available = available || listed.ID == app
			}
			if available != a.Available {
				t.Errorf("%+v: the list of %s differs from the answer", c.in, org.Handle)
			}
		}
		if strings.Join(have, " ") != c.have {
			t.Errorf("%+v: %v have it, want %s", c.in, have, c.have)
		}
	}
	if b.in(t, b.B, app, b.B.Partner.ID).Available || b.in(t, b.B, app, b.A.Partner.ID).Available {
		t.Error("another tenant has it")
	}
}

func (b bundle) available(t testing.TB, org ids.Org) []sharing.AvailableApp {
	t.Helper()
	result, err := b.sharing.Available(all(b.A), b.A.Tenant.ID, org, "", first)
	if err != nil {
		t.Fatal(err)
	}
	rest := len(result.Items)
	for _, how := range []string{"owned", "shared"} { // each is in one of the two
		part, err := b.sharing.Available(all(b.A), b.A.Tenant.ID, org, how, first)
		if rest -= len(part.Items); err != nil || slices.ContainsFunc(part.Items, func(a sharing.AvailableApp) bool { return a.How != how }) {
			t.Errorf("%s: %+v %v", how, part.Items, err)
		}
	}
	if rest != 0 {
		t.Errorf("%d apps are neither owned nor shared", rest)
	}
	return result.Items
}

func TestShareRules(t *testing.T) {
	b := setup(t)
	tenant, app := b.A.Tenant.ID, b.app[b.A.Tenant.ID].ID
	wantCode(t, b.share(sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Partner.ID}}), "")
	for name, c := range map[string]struct {
		in   sharing.ShareAppRequest
		code string
	}{
		"nobody selected":      {sharing.ShareAppRequest{Policy: "selected"}, "app.share_policy"},
		"no subtree":           {sharing.ShareAppRequest{Policy: "subtree"}, "app.share_policy"},
		"all and one":          {sharing.ShareAppRequest{Policy: "all", Organizations: []ids.Org{b.A.Partner.ID}}, "app.share_policy"},
		"none and one":         {sharing.ShareAppRequest{Policy: "none", Organizations: []ids.Org{b.A.Partner.ID}}, "app.share_policy"},
		"the owner itself":     {sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Root.ID}}, "app.share_target"},
		"another tenant's":     {sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Partner.ID, b.B.Partner.ID}}, "app.share_target"},
		"no organization":      {sharing.ShareAppRequest{Policy: "subtree", Organizations: []ids.Org{ids.NewOrg()}}, "app.share_target"},
		"the zero identifier":  {sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{{}}}, "app.share_target"},
		"one good and one bad": {sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Rivals.ID, b.A.Root.ID}}, "app.share_target"},
	} {
		t.Log(name)
		wantCode(t, b.share(c.in), c.code)
	}
	found, err := b.sharing.Share(all(b.A), tenant, b.A.Root.ID, app)
	if err != nil || found.Policy != "selected" || !slices.Equal(found.Organizations, []ids.Org{b.A.Partner.ID}) || found.Version != 1 {
		t.Fatalf("what was refused changed something: %+v %v", found, err)
	}
	set := func(org ids.Org, app ids.App, version int64) error {
		_, err := b.sharing.SetShare(all(b.A), tenant, org, app, version, sharing.ShareAppRequest{Policy: "all"})
		return err
	}
	wantCode(t, set(b.A.Partner.ID, app, 0), "app.shared")
	wantCode(t, set(b.A.Rivals.ID, app, 0), "resource.not_found")
	wantCode(t, set(b.A.Root.ID, b.app[b.B.Tenant.ID].ID, 0), "resource.not_found")
	wantCode(t, set(b.A.Root.ID, app, 9), "resource.stale")
	wantCode(t, set(b.A.Root.ID, app, 1), "")
	console, err := b.apps.Client(all(b.A), tenant, "console")
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, set(b.A.Root.ID, console.ID, 0), "app.builtin")
	if a := b.in(t, b.A, console.ID, b.A.Branch.ID); !a.Available || !a.Roles {
		t.Fatalf("the console in a descendant: %+v", a)
	}
}

// TestLosingAnAppEndsItsTokensAndRoles, and gaining one does not.
func TestLosingAnAppEndsItsTokensAndRoles(t *testing.T) {
	b := setup(t)
	tenant, app, role := b.A.Tenant.ID, b.app[b.A.Tenant.ID].ID, b.role[b.A.Tenant.ID]
	epoch := func() (n int64) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT coalesce(max(epoch), 0) FROM epochs WHERE tenant_id = $1 AND subject = $2 AND NOT blocked`, tenant, app).Scan(&n)
		})
		return n
	}
	user := ids.NewUser()
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, 'jo', 'jo', 'active', $4, $4)`, tenant, user, b.A.Partner.ID, tx.Now())
		return err
	})
	assign := func() error {
		_, err := b.authz.Assign(all(b.A), tenant, b.A.Partner.ID, role, authz.AssignRoleRequest{Principal: authz.Principal{Type: "user", ID: user.String()}})
		return err
	}
	roles := func() (names []string) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			names, err = b.authz.RoleNames(ctx, tx, user, b.A.Partner.ID, app, "application")
			return err
		})
		return names
	}
	partner := sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Partner.ID}, Roles: "all"}
	for _, c := range []struct {
		what  string
		to    sharing.ShareAppRequest
		loses bool
	}{
		{"one more", sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Partner.ID, b.A.Rivals.ID}, Roles: "all"}, false},
		{"all", sharing.ShareAppRequest{Policy: "all", Roles: "all"}, false},
		{"its subtree", sharing.ShareAppRequest{Policy: "subtree", Organizations: partner.Organizations, Roles: "all"}, false},
		{"roles stay behind", sharing.ShareAppRequest{Policy: "all", Roles: "none"}, true},
		{"another instead", sharing.ShareAppRequest{Policy: "selected", Organizations: []ids.Org{b.A.Rivals.ID}, Roles: "all"}, true},
		{"another subtree", sharing.ShareAppRequest{Policy: "subtree", Organizations: []ids.Org{b.A.Branch.ID}, Roles: "all"}, true},
		{"none", sharing.ShareAppRequest{Policy: "none"}, true},
	} {
		wantCode(t, b.share(sharing.ShareAppRequest{Policy: "none"}), "")
		wantCode(t, assign(), "resource.not_found") // not shared: the role is not there
		wantCode(t, b.share(partner), "")
		wantCode(t, assign(), "")
		before := epoch()
		if got := roles(); !slices.Equal(got, []string{"Editor"}) {
			t.Fatalf("%s: %v", c.what, got)
		}
		wantCode(t, b.share(c.to), "")
		if ended := epoch() > before; ended != c.loses || c.loses != (len(roles()) == 0) {
			t.Errorf("%s: ended %v, roles %v", c.what, ended, roles())
		}
		// Nothing comes back by itself.
		wantCode(t, b.share(sharing.ShareAppRequest{Policy: "all", Roles: "all"}), "")
		if back := len(roles()) > 0; back == c.loses {
			t.Errorf("%s: roles after sharing again: %v", c.what, roles())
		}
	}

	// The organization moves out of the share: its roles count no more, at once.
	wantCode(t, b.share(partner), "")
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM app_share_targets WHERE tenant_id = $1 AND app_id = $2`, tenant, app)
		return err
	})
	if got := roles(); len(got) != 0 {
		t.Errorf("after a move: %v", got)
	}
}

func TestSharedRolesAreAssignedNotChanged(t *testing.T) {
	b := setup(t)
	tenant, role := b.A.Tenant.ID, b.role[b.A.Tenant.ID]
	wantCode(t, b.share(sharing.ShareAppRequest{Policy: "all", Roles: "all"}), "")
	result, err := b.authz.ListRoles(all(b.A), tenant, b.A.Branch.ID, authz.RoleFilter{App: b.app[tenant].ID}, first)
	if err != nil || len(result.Items) != 1 || !result.Items[0].Inherited || result.Items[0].ID != role {
		t.Fatalf("%+v %v", result, err)
	}
	name := "Mine"
	_, err = b.authz.UpdateRole(all(b.A), tenant, b.A.Branch.ID, role, 0, authz.UpdateRoleRequest{Name: &name})
	wantCode(t, err, "role.inherited")
	wantCode(t, b.authz.DeleteRole(all(b.A), tenant, b.A.Branch.ID, role, 0), "role.inherited")
	_, err = b.authz.CreateRole(all(b.A), tenant, b.A.Branch.ID, authz.CreateRoleRequest{Name: "Mine",
		Audience: &authz.RoleAudience{Type: "application", ID: b.app[tenant].ID.String()}})
	wantCode(t, err, "role.audience")
	// An organization's own role of the same name is another role, and the app is not told of it.
	_, err = b.authz.CreateRole(all(b.A), tenant, b.A.Branch.ID, authz.CreateRoleRequest{Name: "Editor"})
	wantCode(t, err, "")
}

// counter counts statements.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestSharingCostsTheSameForTenThousand: the number of statements does not grow with the number of organizations.
func TestSharingCostsTheSameForTenThousand(t *testing.T) {
	statements := &counter{}
	b := setup(t, func(o *db.Options) { o.Tracer = statements })
	tenant, app := b.A.Tenant.ID, b.app[b.A.Tenant.ID].ID
	const many = 10000
	targets := make([]ids.Org, many)
	for i := range targets {
		targets[i] = ids.NewOrg()
	}
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		// How long planting may take is not what is tested.
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
			SELECT $1, o.id, $2, 'o' || o.n, 'o' || o.n, 'o' || o.n, 'active', $4, $4 FROM unnest($3::uuid[]) WITH ORDINALITY AS o (id, n)`,
			tenant, b.A.Partner.ID, targets, tx.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth)
			SELECT $1, c.ancestor_id, o.id, c.depth + 1 FROM unnest($3::uuid[]) AS o (id) CROSS JOIN org_closure c WHERE c.tenant_id = $1 AND c.descendant_id = $2
			UNION ALL SELECT $1, o.id, o.id, 0 FROM unnest($3::uuid[]) AS o (id)`, tenant, b.A.Partner.ID, targets)
		return err
	})
	cost := func(in sharing.ShareAppRequest) int64 {
		before := statements.n.Load()
		wantCode(t, b.share(in), "")
		return statements.n.Load() - before
	}
	one := cost(sharing.ShareAppRequest{Policy: "selected", Organizations: targets[:1], Roles: "all"})
	ten := cost(sharing.ShareAppRequest{Policy: "selected", Organizations: targets, Roles: "all"})
	everyone := cost(sharing.ShareAppRequest{Policy: "all", Roles: "all"})
	if ten != one || everyone > one {
		t.Errorf("statements: %d for one, %d for ten thousand, %d for all", one, ten, everyone)
	}
	wantCode(t, b.share(sharing.ShareAppRequest{Policy: "selected", Organizations: targets, Roles: "all"}), "")
	for _, org := range []ids.Org{targets[0], targets[many-1]} {
		before := statements.n.Load()
		if a := b.in(t, b.A, app, org); !a.Available || !a.Roles {
			t.Errorf("%+v", a)
		}
		if n := statements.n.Load() - before; n > 3 { // begin, the question, commit
			t.Errorf("AppIn took %d statements", n)
		}
	}
	if b.in(t, b.A, app, b.A.Partner.ID).Available {
		t.Error("one that was not selected has it")
	}
}

func TestOverHTTP(t *testing.T) {
	b := setup(t)
	token := b.api.Token(b.A.Client(b.A.Root, "apps.read", "apps.write"))
	child := b.api.Token(b.A.Client(b.A.Partner, "apps.read", "apps.write"))
	app := b.app[b.A.Tenant.ID].ID.String()
	path := "/t/acme/v1/orgs/root/apps/" + app + "/shares"
	var share sharing.AppShare
	b.api.Want(t, 200, "", token, "GET", path, nil).Into(t, &share)
	if share.Policy != "none" || share.Organizations == nil || share.UpdatedAt != nil {
		t.Fatalf("%+v", share)
	}
	for name, body := range map[string]string{
		"no policy":            `{}`,
		"unknown policy":       `{"policy":"some"}`,
		"unknown roles":        `{"policy":"all","roles":"some"}`,
		"wrong prefix":         `{"policy":"selected","organizations":["` + app + `"]}`,
		"empty id":             `{"policy":"selected","organizations":[""]}`,
		"too many":             `{"policy":"selected","organizations":["` + strings.Repeat(b.A.Partner.ID.String()+`","`, 10000) + b.A.Partner.ID.String() + `"]}`,
		"version from outside": `{"policy":"all","version":1}`,
	} {
		t.Log(name)
		b.api.Want(t, 422, "", token, "PUT", path, body)
	}
	made := b.api.Want(t, 200, "", token, "PUT", path, `{"policy":"all","roles":"all"}`)
	b.api.Want(t, 412, "resource.stale", token, "PUT", path, `{"policy":"none"}`, "If-Match", `"5"`)
	b.api.Want(t, 200, "", token, "PUT", path, `{"policy":"all"}`, "If-Match", made.Header.Get("ETag"))
	b.api.Want(t, 404, "", child, "PUT", path, `{"policy":"none"}`)
	b.api.Want(t, 404, "", child, "GET", "/t/acme/v1/orgs/partner/apps/"+app+"/shares", nil)
	var list struct {
		Items []sharing.AvailableApp `json:"items"`
		Next  string                 `json:"next_page_token"`
	}
	var seen []string
	for next := "?page_size=1"; next != ""; {
		list.Next = ""
		b.api.Want(t, 200, "", child, "GET", "/t/acme/v1/orgs/partner/available-apps"+next, nil).Into(t, &list)
		seen = append(seen, list.Items[0].Name+" "+list.Items[0].How+" "+list.Items[0].Owner.Name)
		if next = ""; list.Next != "" {
			next = "?page_size=1&page_token=" + list.Next
		}
	}
	if strings.Join(seen, ", ") != "Account shared root, Console shared root, Notes shared root" {
		t.Fatal(seen)
	}
	for _, a := range b.available(t, b.A.Root.ID) {
		if a.How != "owned" {
			t.Errorf("%+v", a)
		}
	}
}

func TestZPlans(t *testing.T) { testkit.CheckPlans(t, setup(t).Database) }
