package authn_test

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/consents"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/members"
	"grove/orgs/sharing"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const secret = "correct horse battery"

// world stands for the capabilities around the engine. Memberships are rows; what is shared where is a set.
type world struct {
	mu       sync.Mutex
	clients  map[string]apps.Client // by tenant and client_id
	domains  map[string]ids.Org
	key      *secrets.DataKey
	others   map[string]bool // attributes, and organization and attribute, that people do not fill in themselves
	unshared map[string]bool // app and org
}

// SelfServed lets people fill in everything but what others do.
func (w *world) SelfServed(_ context.Context, _ db.Tx, orgs []ids.Org, names []string) (served []string, err error) {
	for _, name := range names {
		if !w.others[name] && !slices.ContainsFunc(orgs, func(org ids.Org) bool { return w.others[org.String()+name] }) {
			served = append(served, name)
		}
	}
	return served, nil
}

func (w *world) Client(_ context.Context, tenant ids.Tenant, clientID string) (apps.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.clients[tenant.String()+clientID]
	if !ok {
		return apps.Client{}, fault.ErrNotFound
	}
	return c, nil
}

func (w *world) change(tenant ids.Tenant, clientID string, f func(*apps.Client)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clients[tenant.String()+clientID]
	f(&c)
	w.clients[tenant.String()+clientID] = c
}

func (w *world) DataKey(context.Context, ids.Tenant) (*secrets.DataKey, error) { return w.key, nil }

func (w *world) OwnerOf(_ context.Context, tx db.Tx, domain string) (ids.Org, bool, error) {
	org, ok := w.domains[tx.Tenant().String()+domain]
	return org, ok, nil
}

func (w *world) AppIn(_ context.Context, _ db.Tx, client apps.Client, org ids.Org) (sharing.Availability, error) {
	return sharing.Availability{Available: !w.unshared[client.ID.String()+org.String()]}, nil
}

func (w *world) AppInEach(_ context.Context, _ db.Tx, client apps.Client, orgs []ids.Org) (map[ids.Org]bool, error) {
	in := map[ids.Org]bool{}
	for _, org := range orgs {
		in[org] = !w.unshared[client.ID.String()+org.String()]
	}
	return in, nil
}

func (w *world) IsMember(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (is bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3)`, tx.Tenant(), org, user).Scan(&is)
	return is, err
}

func (w *world) OrgsOf(ctx context.Context, tx db.Tx, user ids.User, part string, req page.Request) (page.Result[members.MemberOrg], error) {
	found, err := db.Collect[members.MemberOrg](ctx, tx, `
		SELECT o.id, o.handle, o.name, o.name_key, o.status FROM memberships m JOIN organizations o ON o.tenant_id = m.tenant_id AND o.id = m.org_id
		WHERE m.tenant_id = $1 AND m.user_id = $2 AND o.name_key > $3 AND position($4 IN o.name_key) > 0 ORDER BY o.name_key LIMIT $5`,
		tx.Tenant(), user, req.Part(0), part, req.Limit())
	return page.Cut(req, found, func(o members.MemberOrg) []string { return []string{o.NameKey} }), err
}

// ScopesOf gives everybody to read invoices.
func (w *world) ScopesOf(context.Context, db.Tx, ids.User, ids.Org) (map[string]bool, error) {
	return map[string]bool{"invoices.read": true}, nil
}

type anyRank struct{}

func (anyRank) CheckUserTx(context.Context, db.Tx, []ids.Org, ids.User) error { return nil }

func (anyRank) LastAdministrator(context.Context, db.Tx, ids.Org, ids.User, bool) (bool, error) {
	return false, nil
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	*world
	engine   *authn.Service
	looked   *hashes
	sessions *sessions.Service
	users    *users.Service
}

func setup(t testing.TB, options ...func(*db.Options)) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "tenants/settings", "iam/users", "iam/groups", "iam/authz", "iam/apps", "iam/sessions", "iam/consents", "iam/authn", "orgs/members"),
		"authn", nil, options...)
	hasher, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	root, err := secrets.NewRoot(bytes.Repeat([]byte{9}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clients: map[string]apps.Client{}, domains: map[string]ids.Org{}, others: map[string]bool{}, unshared: map[string]bool{}}
	w.key, _ = root.NewDataKey("test")
	log := events.NewLog(nil)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), world: w,
		sessions: sessions.New(d.DB, log, sessions.Lifetimes{Absolute: 24 * time.Hour, Idle: 2 * time.Hour}),
		users:    users.New(d.DB, log, hasher, anyRank{})}
	b.looked = &hashes{Users: b.users}
	b.engine = authn.New(d.DB, b.sessions, consents.New(d.DB, log), authn.Options{FlowTTL: 15 * time.Minute},
		authn.Ports{Apps: w, Claims: w, Domains: w, Keys: w, Members: w, Orgs: b.Pair, Roles: w, Sharing: w, Users: b.looked})
	return b
}

// app makes a client of the tenant's root that needs no consent.
func (b bundle) app(t testing.TB, tree treekit.Tree, clientID string) apps.Client {
	t.Helper()
	c := apps.Client{ID: ids.NewApp(), Org: tree.Root.ID, ClientID: clientID, Name: clientID, Enabled: true,
		Settings: apps.Settings{SkipConsent: true, RedirectURIs: []string{"https://app.example/cb"}}}
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO apps (tenant_id, id, org_id, client_id, name, name_key, template, client_type, grant_types, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, $4, 'web', 'public', '{authorization_code}', $5, $5)`, tree.Tenant.ID, c.ID, c.Org, clientID, tx.Now())
		return err
	})
	b.change(tree.Tenant.ID, clientID, func(at *apps.Client) { *at = c })
	return c
}

// person makes a resident of the first organization who is a member of the others.
func (b bundle) person(t testing.TB, tree treekit.Tree, username string, orgs ...httpapi.Org) users.User {
	t.Helper()
	phc, err := b.users.HashPassword(context.Background(), tree.Tenant.ID, ids.Org{}, secret)
	if err != nil {
		t.Fatal(err)
	}
	var u users.User
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: orgs[0].ID, Username: username, PasswordHash: phc}); err != nil {
			return err
		}
		for i, org := range orgs {
			kind := "invited"
			if i == 0 {
				kind = "resident"
			}
			if _, err := tx.Exec(ctx, `INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
				tree.Tenant.ID, ids.NewMembership(), org.ID, u.ID, kind, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	return u
}

// tab is a browser with its cookies.
type tab struct {
	b      bundle
	t      testing.TB
	tenant httpapi.Tenant
	authn.Browser
}

func (b bundle) tab(t testing.TB, tree treekit.Tree) *tab {
	name, _ := secrets.NewToken("grv_brw")
	return &tab{b: b, t: t, tenant: tree.Tenant, Browser: authn.Browser{Secret: name, UserAgent: "test", Address: netip.MustParseAddr("203.0.113.7").String()}}
}

func (w *tab) begin(req authn.Request) authn.Outcome {
	w.t.Helper()
	if req.Issuer == "" {
		req.Issuer = w.tenant.Base
	}
	out, err := w.b.engine.Begin(context.Background(), w.tenant, req, w.Browser)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// start begins a flow that needs a page and returns its id.
func (w *tab) start(req authn.Request) ids.Flow {
	w.t.Helper()
	out := w.begin(req)
	_, id, ok := strings.Cut(out.RedirectTo, "/login?flow=")
	var flow ids.Flow
	if !ok || flow.UnmarshalText([]byte(id)) != nil {
		w.t.Fatalf("no page: %+v", out)
	}
	return flow
}

func (w *tab) answer(id ids.Flow, in authn.Input) authn.Flow {
	w.t.Helper()
	f, err := w.b.engine.Continue(context.Background(), w.tenant, id, w.Browser, in)
	if err != nil {
		w.t.Fatal(err)
	}
	if f.SessionSecret != "" {
		w.Session = f.SessionSecret
	}
	return f
}

func (w *tab) want(f authn.Flow, step authn.Step, problem authn.Problem) authn.Flow {
	w.t.Helper()
	if f.Step != step || f.Problem != problem {
		w.t.Fatalf("at %q with problem %q, want %q and %q", f.Step, f.Problem, step, problem)
	}
	return f
}

func (w *tab) name(id ids.Flow, username string) authn.Flow {
	w.t.Helper()
	return w.answer(id, authn.Input{Step: authn.StepIdentifier, Username: username})
}

func (w *tab) password(id ids.Flow, plain string) authn.Flow {
	w.t.Helper()
	return w.answer(id, authn.Input{Step: authn.StepPassword, Password: plain})
}

func (w *tab) finish(id ids.Flow) (authn.Done, error) {
	return w.b.engine.Finish(context.Background(), w.tenant, id, w.Browser)
}

// signIn goes the whole way and returns what came of it.
func (w *tab) signIn(req authn.Request, username string) authn.Done {
	w.t.Helper()
	id := w.start(req)
	w.want(w.name(id, username), authn.StepPassword, "")
	w.want(w.password(id, secret), authn.StepDone, "")
	done, err := w.finish(id)
	if err != nil || done.Error != "" {
		w.t.Fatalf("%+v %v", done, err)
	}
	return done
}
