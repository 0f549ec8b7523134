package oauth

import (
	"context"
	"net/http"
	"time"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/iam/consents"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/orgs/sharing"
	"grove/orgs/support"
)

// Clients finds applications by their client_id, from a cache. iam/apps.
type Clients interface {
	Client(ctx context.Context, tenant ids.Tenant, clientID string) (apps.Client, error)
	// HMACKeys opens the secrets of a client that signs with them.
	HMACKeys(ctx context.Context, tenant ids.Tenant, c apps.Client) ([][]byte, error)
}

// Consents knows what people allow apps. iam/consents.
type Consents interface {
	Said(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App) (consents.Said, error)
}

// DetailsTypes knows the authorization details types of APIs. iam/authz.
type DetailsTypes interface {
	DetailsType(ctx context.Context, tenant ids.Tenant, kind string) (details.Type, error)
	DetailsTypeNames(ctx context.Context, tenant ids.Tenant, org ids.Org, limit int) ([]string, error)
}

// Dialects knows what an organization's apps can be told of people, from a cache. iam/attributes.
type Dialects interface {
	Dialect(ctx context.Context, tenant ids.Tenant, org ids.Org) (*attributes.Dialect, error)
}

// Groups names the groups that a person is in, in an organization. iam/groups.
type Groups interface {
	NamesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]string, error)
}

// Keys signs and verifies for a tenant, from a cache. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
	JWKS(ctx context.Context, tenant ids.Tenant) ([]byte, error)
	Opener(ctx context.Context, tenant ids.Tenant) (*jose.DecryptionKey, error)
	PublicKey(ctx context.Context, tenant ids.Tenant, kid string) (*jose.PublicKey, bool, error)
	Signer(ctx context.Context, tenant ids.Tenant, alg string) (*jose.Key, error)
}

// Members knows who belongs where. orgs/members.
type Members interface {
	IsMember(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (bool, error)
}

// Orgs finds organizations by id or handle, from a cache. orgs/directory.
type Orgs interface {
	Resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error)
}

// Pages renders what a person sees when there is no client to answer.
type Pages interface {
	// ErrorPage says that a request cannot go on and that no client could be told. code is one of OAuth's.
	ErrorPage(w http.ResponseWriter, r *http.Request, code, description string)
	// SignedOutPage ends a sign-out that has no page of the client's to return to.
	SignedOutPage(w http.ResponseWriter, r *http.Request)
}

// RemoteKeys reads the key sets that clients publish, through the guarded client and from a cache. infra/outbound.
type RemoteKeys interface {
	EncryptionKey(ctx context.Context, address, alg string) (*jose.EncryptionKey, error)
	Keys(ctx context.Context, address, alg, kid string) ([]*jose.PublicKey, error)
}

// Roles says what a person holds in an organization. iam/authz.
type Roles interface {
	HeldBy(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) (scopes map[string]bool, roles []string, err error)
	HeldTx(ctx context.Context, tx db.Tx, org ids.Org) (map[string]bool, error)
	Permissions(ctx context.Context, a actor.Actor, o httpapi.Org) (httpapi.Held, error)
	RoleNames(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) ([]string, error)
	ScopesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) (map[string]bool, error)
}

// Sessions answers whether what something stands on still holds. iam/sessions.
type Sessions interface {
	Standing(ctx context.Context, tx db.Tx, of sessions.Subjects) (sessions.Standing, error)
	CarryTx(ctx context.Context, tx db.Tx, user ids.User, things []sessions.Carried, change func(context.Context) error) error
	EndForUserTx(ctx context.Context, tx db.Tx, user ids.User, except ids.Session, reason string) error
	FindTx(ctx context.Context, tx db.Tx, id ids.Session) (sessions.Session, bool, error)
	StandingBatch(ctx context.Context, of sessions.Subjects) (sessions.Standing, error)
	SufficesIn(ctx context.Context, tx db.Tx, session sessions.Session, org ids.Org) (until time.Time, enough bool, err error)
}

// Sharing says in which organizations an application is available. orgs/sharing.
type Sharing interface {
	AppIn(ctx context.Context, tx db.Tx, client apps.Client, org ids.Org) (sharing.Availability, error)
}

// SignIn finds out who sits at the browser. iam/authn.
type SignIn interface {
	Begin(ctx context.Context, t httpapi.Tenant, req authn.Request, b authn.Browser) (authn.Outcome, error)
	ByPassword(ctx context.Context, t httpapi.Tenant, req authn.Request, login, plain string, b authn.Browser, then func(context.Context, db.Tx, authn.Done) error) (authn.Outcome, error)
	Finish(ctx context.Context, t httpapi.Tenant, id ids.Flow, b authn.Browser) (authn.Done, error)
	Person(ctx context.Context, tx db.Tx, t httpapi.Tenant, login string, org ids.Org) (users.User, error)
}

// Support knows who lets others act as its people. orgs/support.
type Support interface {
	OpenFor(ctx context.Context, tx db.Tx, org ids.Org, person ids.User) (support.Access, bool, error)
}

// Users reads people. iam/users.
type Users interface {
	CheckRankOf(ctx context.Context, tx db.Tx, id ids.User) error
	FindBelow(ctx context.Context, tx db.Tx, login string, org ids.Org) ([]users.User, error)
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
}
