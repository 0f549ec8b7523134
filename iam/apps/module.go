package apps

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// The permissions, also of what others offer about apps, such as sharing.
var (
	PermRead  = perm.Declare("apps.read", "See the apps of an organization and how they are set up.")
	PermWrite = perm.Declare("apps.write", "Create, change, share and delete apps and their secrets, within what you hold.")
)

// The errors that others share.
var (
	ErrBuiltin = fault.Declare(fault.Conflict, "app.builtin", "Built-in apps cannot be changed",
		"The console and the account portal come with Grove. Register an app of your own.")
	ErrShared = fault.Declare(fault.Forbidden, "app.shared", "The app belongs to an organization above",
		"It is shared with this organization, which can use it and not change it. Its owner changes it.")
)

var (
	errAuthorized = fault.Declare(fault.Forbidden, "app.authorized", "Only an administrator changes this app now",
		"The app may use APIs, so that its registration no longer changes it. An administrator changes it in the console or here.")
	errClaimUnknown = fault.Declare(fault.Invalid, "app.claim_unknown", "No such claim here",
		"The app's organization sees no such claim. List its claims.")
	errDocument = fault.Declare(fault.Conflict, "app.described_elsewhere", "The document at the app's client_id says what it is",
		"Its settings are read from that document. Change the document.")
	errClientType = fault.Declare(fault.Conflict, "app.public_client", "A public client has no secret",
		"Only a confidential client keeps a secret. Use PKCE, or make the app confidential first.")
	errGrantTypes = fault.Declare(fault.Invalid, "app.grant_types", "These grant types do not go together",
		"The grant types, response types and client authentication of the app exclude each other; the detail says which.")
	errNameTaken = fault.Declare(fault.Conflict, "app.name_taken", "This name is taken",
		"Another app of the organization has this name. Choose another one.")
	errPolicy = fault.Declare(fault.Invalid, "app.policy_rbac_required", "This API resource wants roles",
		"The API resource demands authorization by roles. Authorize the app with the policy rbac.")
	errRedirects = fault.Declare(fault.Invalid, "app.redirect_uri_required", "A redirect URI is needed",
		"The app's grant types send people back to it. Register a redirect URI first.")
	errResourceUnknown = fault.Declare(fault.Invalid, "app.resource_unknown", "No such API resource here",
		"There is no such API resource for this organization. List those that it sees.")
	errTooManySecrets = fault.Declare(fault.Conflict, "app.too_many_secrets", "The app has too many secrets",
		"Delete a secret that is not used any more, then make the new one.")
	errTurnedOff = fault.Declare(fault.Forbidden, "app.turned_off_above", "An organization above has turned this app off",
		"Only an administrator of that organization, or of one above it, turns it on again. Ask there.")
)

type (
	apiData struct {
		Policy   string          `json:"policy" audit:"public"`
		Resource ids.APIResource `json:"resource_id" audit:"public"`
		Scopes   []string        `json:"scopes" audit:"public"`
		Types    []string        `json:"authorization_details_types,omitempty" audit:"public"`
	}
	appData struct {
		ClientID string `json:"client_id" audit:"public"`
		Name     string `json:"name" audit:"public"`
		Source   string `json:"source" audit:"public"`
		Template string `json:"template" audit:"public"`
	}
	changeData struct {
		Fields []string `json:"fields" audit:"public"`
	}
	noData     struct{}
	secretData struct {
		App       ids.App    `json:"app_id" audit:"public"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" audit:"public"`
		Hint      string     `json:"hint" audit:"public"`
	}
)

var (
	eventAPIAuthorized = events.Declare[apiData]("app.api_authorized", "An app was authorized for scopes of an API resource.")
	eventAPIWithdrawn  = events.Declare[apiData]("app.api_withdrawn", "An app's authorization for an API resource was withdrawn.")
	eventCreated       = events.Declare[appData]("app.created", "An app was registered.")
	eventDeleted       = events.Declare[appData]("app.deleted", "An app was deleted; everything issued to it ended.")
	eventDisabled      = events.Declare[noData]("app.disabled", "An app was disabled; everything issued to it ended.")
	eventEnabled       = events.Declare[noData]("app.enabled", "A disabled app was enabled again.")
	eventSecretCreated = events.Declare[secretData]("app.secret_created", "A client secret was made.")
	eventSecretRevoked = events.Declare[secretData]("app.secret_revoked", "A client secret was taken away; everything issued to the app ended.")
	eventTokensRevoked = events.Declare[noData]("app.tokens_revoked", "Everything that was issued to an app ended; it may have new tokens.")
	eventUpdated       = events.Declare[changeData]("app.updated", "An app's settings were changed.")
)

// Grants is asked what may be handed out; it answers with role.above_granter or api_scope.unknown.
type Grants interface {
	// CheckScopesTx refuses scopes that the actor of ctx may not hand out in org, with below for org's descendants too.
	CheckScopesTx(ctx context.Context, tx db.Tx, org ids.Org, names []string, below bool) error
	// CheckTypesTx refuses authorization details types of an API resource that the actor of ctx may not hand out in org.
	CheckTypesTx(ctx context.Context, tx db.Tx, org ids.Org, resource ids.APIResource, below bool) error
	// DeleteAppRolesTx deletes the roles of an app.
	DeleteAppRolesTx(ctx context.Context, tx db.Tx, app ids.App) error
}

// Service holds the rules of apps.
type Service struct {
	db       *db.DB
	events   *events.Log
	defaults Lifetimes
	grants   Grants
	shares   Shares   // nil: no app of another organization is known
	keys     Keys     // nil: no secret can be sealed, and no algorithm but the tenant's own is published ahead
	outbound Outbound // nil: no app has a sector_identifier_uri
	clients  *cache.Cache[Client]
	origins  *cache.Cache[map[string]httpapi.CrossOrigin]
}

// ensureKeysTx lets the key set have what will sign for an app before the first time.
func (s *Service) ensureKeysTx(ctx context.Context, tx db.Tx, o Settings) error {
	if s.keys == nil {
		return nil
	}
	return s.keys.EnsureTx(ctx, tx, o.IDTokenAlg, o.IntrospectionAlg, o.ResponseAlg, o.UserinfoAlg)
}

// New makes the service.
func New(d *db.DB, log *events.Log, hub *cache.Hub, grants Grants) *Service {
	return &Service{db: d, events: log, grants: grants,
		clients: cache.New[Client](hub, 20000, 10*time.Minute, "app", "client", "authz"),
		origins: cache.New[map[string]httpapi.CrossOrigin](hub, 5000, 10*time.Minute, "app"),
	}
}

// Lifetimes are the installation's own, for apps that set none.
type Lifetimes struct{ AccessToken, RefreshToken time.Duration }

// WithDefaults has the service tell what an app's lifetime of 0 comes to.
func (s *Service) WithDefaults(l Lifetimes) { s.defaults = l }

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "iam.apps",
		Errors:      []fault.Code{ErrBuiltin, ErrShared, errAuthorized, errClaimUnknown, errClientType, errDocument, errGrantTypes, errNameTaken, errPolicy, errRedirects, errResourceUnknown, errTooManySecrets, errTurnedOff},
		Found:       s.found,
		Migrations:  Migrations(),
		Permissions: []perm.Permission{PermRead, PermWrite},
		Routes: func(a *httpapi.API) {
			s.appRoutes(a)
			s.oidcRoutes(a)
			s.originRoutes(a)
			s.secretRoutes(a)
			s.authorizedRoutes(a)
		},
		Tables: []module.Table{
			{Name: "app_apis", Class: module.Configuration, Owner: "org_id", Export: true},
			{Name: "app_secrets", Class: module.Configuration, Owner: "org_id", Why: "hashes of secrets, and some sealed: an export that leaves the installation carries no credential"},
			{Name: "apps", Class: module.Configuration, Owner: "org_id", Export: true, Kind: "app", Title: "name"},
		},
	}
}
