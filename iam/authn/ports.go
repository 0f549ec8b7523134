package authn

import (
	"context"

	"grove/iam/apps"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/secrets"
	"grove/orgs/members"
	"grove/orgs/sharing"
)

// Apps finds applications by their client_id, from a cache. iam/apps.
type Apps interface {
	Client(ctx context.Context, tenant ids.Tenant, clientID string) (apps.Client, error)
}

// Claims knows which attributes of theirs people fill in themselves. iam/attributes.
type Claims interface {
	SelfServed(ctx context.Context, tx db.Tx, orgs []ids.Org, attributes []string) ([]string, error)
}

// Domains says which organization an e-mail domain belongs to. orgs/domains.
type Domains interface {
	OwnerOf(ctx context.Context, tx db.Tx, emailDomain string) (ids.Org, bool, error)
}

// Keys gives a tenant's data key, from a cache. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
}

// Members knows who belongs where. orgs/members.
type Members interface {
	IsMember(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (bool, error)
	OrgsOf(ctx context.Context, tx db.Tx, user ids.User, part string, req page.Request) (page.Result[members.MemberOrg], error)
}

// Orgs finds organizations by id or handle, from a cache. orgs/directory.
type Orgs interface {
	Resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error)
}

// Roles says what a person holds in an organization. iam/authz.
type Roles interface {
	ScopesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) (map[string]bool, error)
}

// Sharing says in which organizations an application is available. orgs/sharing.
type Sharing interface {
	AppIn(ctx context.Context, tx db.Tx, client apps.Client, org ids.Org) (sharing.Availability, error)
	AppInEach(ctx context.Context, tx db.Tx, client apps.Client, orgs []ids.Org) (map[ids.Org]bool, error)
}

// Users finds people and checks their passwords. iam/users.
type Users interface {
	ByEmail(ctx context.Context, tx db.Tx, email string) ([]users.User, error)
	CheckPassword(ctx context.Context, tenant ids.Tenant, candidates []users.User, plain string) (users.User, error)
	FindForSignIn(ctx context.Context, tx db.Tx, login string, org ids.Org) ([]users.User, error)
	HasPassword(ctx context.Context, tenant ids.Tenant, user ids.User, plain string) (bool, error)
	HashPassword(ctx context.Context, tenant ids.Tenant, org ids.Org, plain string, own ...string) (string, error)
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
	PasswordPolicy(ctx context.Context, tx db.Tx, org ids.Org) (users.PasswordPolicy, error)
	SetPasswordTx(ctx context.Context, tx db.Tx, u users.User, phc string) error
	UpdateTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.User, expect int64, ch users.Changes) (users.User, error)
}

// Ports are what the engine asks of others.
type Ports struct {
	Apps    Apps
	Claims  Claims
	Domains Domains
	Keys    Keys
	Members Members
	Orgs    Orgs
	Roles   Roles
	Sharing Sharing
	Users   Users
}
