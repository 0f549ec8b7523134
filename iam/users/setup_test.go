package users_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// granted says which scopes people hold, by person and organization.
type granted map[string]map[string]bool

// CheckUserTx compares as the decisions do, with a token that reaches the organizations below its own.
func (g granted) CheckUserTx(ctx context.Context, tx db.Tx, orgs []ids.Org, user ids.User) error {
	a := actor.From(ctx)
	within, err := db.Scalars[ids.Org](ctx, tx, `SELECT descendant_id FROM org_closure WHERE tenant_id = $1 AND descendant_id = ANY ($2) AND ancestor_id = $3`,
		tx.Tenant(), orgs, a.Org)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		for name := range g[user.String()+org.String()] {
			if !slices.Contains(within, org) || !a.Scopes[name] {
				return fault.CodeForbidden.With("", nil)
			}
		}
	}
	return nil
}

// LastAdministrator is who holds, in some organization, what only the last one does.
func (g granted) LastAdministrator(_ context.Context, _ db.Tx, _ ids.Org, user ids.User, anyway bool) (last bool, _ error) {
	for key, scopes := range g {
		last = last || strings.HasPrefix(key, user.String()) && scopes["last"] && !anyway
	}
	return last, nil
}

func (g granted) give(user ids.User, org ids.Org, scopes ...string) {
	set := map[string]bool{}
	for _, s := range scopes {
		set[s] = true
	}
	g[user.String()+org.String()] = set
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	api     *apikit.Server
	granted granted
	users   *users.Service
}

const secret = "correct horse battery"

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "orgs/members", "tenants/settings"), "users", nil, func(o *db.Options) { o.MaxConn = 16 })
	hasher, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{Database: d, Pair: treekit.Plant(t, d), granted: granted{}}
	b.users = users.New(d.DB, events.NewLog(nil), hasher, b.granted)
	b.api = apikit.New(t, d, b.Pair, b.users.Module())
	return b
}

func (b bundle) token(tree treekit.Tree, org httpapi.Org) string {
	return b.api.Token(tree.Client(org, "users.read", "users.write"))
}

// create makes a person with the usual password.
func (b bundle) create(t *testing.T, tree treekit.Tree, org httpapi.Org, username string) users.User {
	t.Helper()
	phc, err := b.users.HashPassword(t.Context(), tree.Tenant.ID, ids.Org{}, secret)
	if err != nil {
		t.Fatal(err)
	}
	var u users.User
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: org.ID, Username: username, PasswordHash: phc})
		return err
	})
	return u
}

func (b bundle) load(t *testing.T, tree treekit.Tree, id ids.User) users.User {
	t.Helper()
	var u users.User
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.Load(ctx, tx, id)
		return err
	})
	return u
}

// signIn finds and checks as the sign-in engine does.
func (b bundle) signIn(tree treekit.Tree, login, plain string) (users.User, error) {
	var found []users.User
	ctx := context.Background()
	err := b.InTenant(ctx, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		found, err = b.users.FindForSignIn(ctx, tx, login, ids.Org{})
		return err
	})
	if err != nil {
		return users.User{}, err
	}
	return b.users.CheckPassword(ctx, tree.Tenant.ID, found, plain)
}

func (b bundle) person(tree treekit.Tree, org httpapi.Org, u users.User, scopes ...string) string {
	set := map[string]bool{}
	for _, s := range scopes {
		set[s] = true
	}
	return b.api.Token(actor.Actor{Kind: actor.User, Tenant: tree.Tenant.ID, Org: org.ID, User: u.ID, Scopes: set})
}
