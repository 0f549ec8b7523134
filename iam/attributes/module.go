package attributes

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
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("claims.read", "See what apps can be told of people: claims and the scopes that ask for them.")
	permWrite = perm.Declare("claims.write", "Say what apps can be told of people: create, change and delete claims and the scopes that ask for them.")
)

var (
	errAttributeTaken = fault.Declare(fault.Conflict, "claim.attribute_taken", "Another claim tells this attribute",
		"The attribute is told by one claim only. Change that one.")
	errBuiltin = fault.Declare(fault.Conflict, "claim.builtin", "OpenID Connect defines this",
		"Standard claims cannot be changed. Choose a name of your own.")
	errClaimTaken = fault.Declare(fault.Conflict, "claim.name_taken", "There is a claim of this name",
		"Choose another name, or change the claim that has it.")
	errInherited = fault.Declare(fault.Conflict, "claim.inherited", "Another organization defines this",
		"It is defined above. Change it in the organization that owns it.")
	errReserved = fault.Declare(fault.Invalid, "claim.reserved", "The protocol uses this name",
		"Choose a name that is no claim of a protocol.")
	errScopeTaken = fault.Declare(fault.Conflict, "oidc_scope.name_taken", "There is a scope of this name",
		"Choose another name, or change the scope that has it.")
	errTooMany = fault.Declare(fault.Conflict, "claim.too_many", "The organization has too many of these",
		"Delete claims or scopes that nobody uses.")
	errUnknown = fault.Declare(fault.Invalid, "claim.unknown", "No such claim here",
		"The organization sees no such claim. List its claims.")
)

type (
	claimData struct {
		Attribute string `json:"attribute" audit:"public"`
		Name      string `json:"name" audit:"public"`
	}
	scopeData struct {
		Claims []string `json:"claims" audit:"public"`
		Name   string   `json:"name" audit:"public"`
	}
)

var (
	eventClaimCreated = events.Declare[claimData]("claim.created", "An organization began to tell apps an attribute of people, as a claim.")
	eventClaimDeleted = events.Declare[claimData]("claim.deleted", "An organization tells apps an attribute of people no longer.")
	eventClaimUpdated = events.Declare[claimData]("claim.updated", "What a claim tells of people was changed.")
	eventScopeCreated = events.Declare[scopeData]("oidc_scope.created", "A scope was made by which apps ask for claims.")
	eventScopeDeleted = events.Declare[scopeData]("oidc_scope.deleted", "A scope by which apps ask for claims was deleted.")
	eventScopeUpdated = events.Declare[scopeData]("oidc_scope.updated", "A scope by which apps ask for claims was changed.")
)

// topic is under which changes are announced to the caches.
const topic = "oidc_dialect"

// Service holds the rules.
type Service struct {
	db       *db.DB
	dialects *cache.Cache[*Dialect]
	events   *events.Log
	onClaim  func(ctx context.Context, tx db.Tx, name string) error
	onScope  func(ctx context.Context, tx db.Tx, name string) error
	reserved func(scope string) bool
}

// New makes the service. reserved says which scope names mean something to the program.
func New(d *db.DB, log *events.Log, hub *cache.Hub, reserved func(scope string) bool) *Service {
	// An organization that is moved inherits from others.
	return &Service{db: d, events: log, reserved: reserved, dialects: cache.New[*Dialect](hub, 20_000, 10*time.Minute, topic, "org")}
}

// OnDeleted sets what forgets claims and scopes that are gone, in the same transaction: one that is made anew under a name is another one, of
// which people are asked. It is called while the program is put together.
func (s *Service) OnDeleted(claim, scope func(ctx context.Context, tx db.Tx, name string) error) {
	s.onClaim, s.onScope = claim, scope
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	table := func(name string) module.Table {
		return module.Table{Name: name, Class: module.Configuration, Owner: "org_id", Export: true}
	}
	return module.Manifest{
		Name:        "iam.attributes",
		Errors:      []fault.Code{errAttributeTaken, errBuiltin, errClaimTaken, errInherited, errReserved, errScopeTaken, errTooMany, errUnknown},
		Found:       s.found,
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      func(a *httpapi.API) { s.claimRoutes(a); s.scopeRoutes(a) },
		Tables:      []module.Table{table("oidc_claims"), table("oidc_scopes")},
	}
}

// found gives a new tenant the claims and scopes of OpenID Connect.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	_, err := tx.Exec(ctx, `SELECT seed_oidc_dialect($1, $2, $3)`, tx.Tenant(), f.Root, tx.Now())
	return err
}
