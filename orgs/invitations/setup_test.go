package invitations_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"grove/billing/metering"
	"grove/iam/authz"
	"grove/iam/groups"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
	"grove/orgs/members"
)

// lifetime is how long an invitation can be accepted.
const lifetime = 72 * time.Hour

func TestMain(m *testing.M) { testkit.Main(m) }

// keys gives each tenant a data key of its own.
type keys map[ids.Tenant]*secrets.DataKey

func (k keys) DataKey(_ context.Context, tenant ids.Tenant) (*secrets.DataKey, error) {
	return k[tenant], nil
}

// domains maps e-mail domains.
type domains map[string]ids.Org

func (d domains) OwnerOf(_ context.Context, _ db.Tx, domain string) (ids.Org, bool, error) {
	org, ok := d[domain]
	return org, ok, nil
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	api         *apikit.Server
	admin       map[ids.Tenant]users.User // the first administrator
	adminRole   map[ids.Tenant]ids.Role
	authz       *authz.Service
	domains     domains
	invitations *invitations.Service
	members     *members.Service
	seats       *metering.Service
	users       *users.Service
}

const secret = "correct horse battery"

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "billing/metering", "iam/apps", "iam/authz", "iam/groups", "iam/sessions", "iam/users",
		"orgs/invitations", "orgs/members", "orgs/sharing", "tenants/mails", "tenants/settings"), "invitations", nil, func(o *db.Options) { o.MaxConn = 24 })
	log := events.NewLog(nil)
	hasher, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := jobs.NewClient(jobs.NewRegistry(nil), jobs.Options{DB: d.DB, Log: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	root, err := secrets.NewRoot([]byte("a root key of the tests, 32 byte"))
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{Database: d, Pair: treekit.Plant(t, d), admin: map[ids.Tenant]users.User{}, adminRole: map[ids.Tenant]ids.Role{}, domains: domains{}}
	b.authz = authz.New(d.DB, log)
	b.users = users.New(d.DB, log, hasher, b.authz)
	b.seats = metering.New(d.DB, log)
	b.api = apikit.New(t, d, b.Pair)
	teams := groups.New(d.DB, log, b.authz)
	signedIn := sessions.New(d.DB, log, sessions.Lifetimes{Absolute: 1e15, Idle: 1e15})
	b.members = members.New(d.DB, log, members.Ports{Authorizer: b.api, Groups: teams, Orgs: b.Pair, Roles: b.authz, Seats: b.seats, Sessions: signedIn, Users: b.users})
	dataKeys := keys{}
	b.invitations = invitations.New(d.DB, log, lifetime, invitations.Ports{Domains: b.domains, Groups: teams, Jobs: queue, Keys: dataKeys, Members: b.members,
		Roles: b.authz, Seats: b.seats, Sessions: signedIn, Tenants: b.Pair, Users: b.users})
	for _, m := range []module.Manifest{b.invitations.Module(), b.members.Module(), b.seats.Module()} {
		m.Routes(b.api.API)
	}
	for _, tree := range []treekit.Tree{b.A, b.B} {
		dataKeys[tree.Tenant.ID], _ = root.NewDataKey(tree.Tenant.ID.String())
		f := module.Founding{Tenant: tree.Tenant.ID, Root: tree.Root.ID, Handle: tree.Tenant.Handle, Name: "Root", AdminRole: ids.NewRole(),
			Admin: module.FoundingAdmin{User: ids.NewUser(), Email: "admin@example.com", Username: "admin@example.com"}}
		treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			if err := b.users.Module().Found(ctx, tx, f); err != nil {
				return err
			}
			return b.authz.Module().Found(ctx, tx, f)
		})
		b.admin[tree.Tenant.ID] = users.User{ID: f.Admin.User}
		b.adminRole[tree.Tenant.ID] = f.AdminRole
	}
	return b
}

// token is the first administrator's, with every permission.
func (b bundle) token(tree treekit.Tree) string {
	a := actor.Actor{Kind: actor.User, Tenant: tree.Tenant.ID, Org: tree.Root.ID, User: b.admin[tree.Tenant.ID].ID, Scopes: map[string]bool{}}
	for _, p := range perm.All() {
		a.Scopes[p.Name()] = true
	}
	return b.api.Token(a)
}

func path(tree treekit.Tree, org httpapi.Org) string {
	return "/t/" + tree.Tenant.Handle + "/v1/orgs/" + org.Handle + "/invitations"
}

func (b bundle) try(t *testing.T, tree treekit.Tree, org httpapi.Org, email string, roles ...ids.Role) apikit.Response {
	t.Helper()
	return b.api.Do(t, b.token(tree), http.MethodPost, path(tree, org), map[string]any{"email": email, "roles": roles})
}

// invite makes an invitation and returns it with the token of its mail.
func (b bundle) invite(t *testing.T, tree treekit.Tree, org httpapi.Org, email string, roles ...ids.Role) (invitations.InvitationBody, string) {
	t.Helper()
	var inv invitations.InvitationBody
	r := b.try(t, tree, org, email, roles...)
	if r.Status != 201 {
		t.Fatalf("invite: %d %s", r.Status, r.Raw)
	}
	r.Into(t, &inv)
	return inv, b.mailed(t, tree, inv.ID)
}

func (b bundle) mailed(t *testing.T, tree treekit.Tree, id ids.Invitation) string {
	t.Helper()
	mail, err := b.invitations.Mail(t.Context(), tree.Tenant.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}
	return link.Query().Get("token")
}

func (b bundle) accept(tree treekit.Tree, token string) (invitations.Accepted, error) {
	return b.invitations.Accept(context.Background(), tree.Tenant.ID, token, invitations.Accept{GivenName: "Jo", FamilyName: "Doe", Password: secret})
}

func (b bundle) balance(t *testing.T, tree treekit.Tree, org httpapi.Org) string {
	t.Helper()
	var got metering.Balance
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		got, err = b.seats.BalanceOf(ctx, tx, org.ID)
		return err
	})
	return fmt.Sprintf("%d reserved, %d used", got.Reserved, got.Used)
}

func (b bundle) count(t *testing.T, tree treekit.Tree, sql string, args ...any) (n int) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, sql, append([]any{tx.Tenant()}, args...)...).Scan(&n)
	})
	return n
}

func (b bundle) find(t *testing.T, login string) (found []users.User) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		found, err = b.users.FindForSignIn(ctx, tx, login, ids.Org{})
		return err
	})
	return found
}
