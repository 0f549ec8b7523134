package issuers

import (
	"context"
	"embed"
	"io/fs"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// The permissions are those of all connections, so that a role that is made today fits the connections to come.
var (
	permRead  = perm.Declare("connections.read", "See whom outside the organization trusts to speak for its people.")
	permWrite = perm.Declare("connections.write", "Say whom outside the organization trusts to speak for its people, within what you hold.")
)

var (
	errDuplicate = fault.Declare(fault.Conflict, "token_issuer.duplicate", "The issuer is trusted already",
		"The organization trusts this issuer. Change the entry that there is.")
	errNameTaken = fault.Declare(fault.Conflict, "token_issuer.name_taken", "This name is taken",
		"Choose another name.")
	errNobody = fault.Declare(fault.Invalid, "token_issuer.subject_unknown", "No such person here",
		"The subject leads to nobody of the organization. Create the person, or correct the mapping.")
	errTooMany = fault.Declare(fault.Conflict, "token_issuer.too_many", "The organization has too many of these",
		"Delete issuers that are not used any more.")
)

type (
	issuerData struct {
		Format string `json:"format" audit:"public"`
		Issuer string `json:"issuer" audit:"public"`
		Name   string `json:"name" audit:"public"`
	}
	changeData struct {
		Fields []string `json:"fields" audit:"public"`
	}
)

var (
	eventCreated = events.Declare[issuerData]("token_issuer.created", "An organization began to trust an issuer of tokens to speak for its people.")
	eventDeleted = events.Declare[issuerData]("token_issuer.deleted", "An organization trusts an issuer of tokens no longer; everything issued by it ended.")
	eventUpdated = events.Declare[changeData]("token_issuer.updated", "What an organization believes of an issuer of tokens was changed.")
)

// Ranks is asked who may be trusted with everybody's tokens. iam/authz.
type Ranks interface {
	CheckScopesTx(ctx context.Context, tx db.Tx, org ids.Org, names []string, below bool) error
	OwnIssuer(ctx context.Context, tx db.Tx, address string) (bool, error)
}

// People finds the residents of an organization. iam/users.
type People interface {
	ByEmail(ctx context.Context, tx db.Tx, email string) ([]users.User, error)
	ByUsername(ctx context.Context, tx db.Tx, org ids.Org, username string) ([]users.User, error)
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
}

// Service holds the rules of trusted issuers.
type Service struct {
	db     *db.DB
	events *events.Log
	people People
	ranks  Ranks
}

// New makes the service.
func New(d *db.DB, log *events.Log, people People, ranks Ranks) *Service {
	return &Service{db: d, events: log, people: people, ranks: ranks}
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "iam.issuers",
		Errors:      []fault.Code{errDuplicate, errNameTaken, errNobody, errTooMany},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables:      []module.Table{{Name: "token_issuers", Class: module.Configuration, Owner: "org_id", Export: true, Kind: "con", Title: "name"}},
	}
}
