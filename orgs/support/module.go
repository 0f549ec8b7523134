package support

import (
	"context"
	"embed"
	"io/fs"

	"grove/iam/sessions"
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

var (
	permRead  = perm.Declare("support_access.read", "See when those above an organization may act as its people.")
	permWrite = perm.Declare("support_access.write", "Let those above an organization act as its people for a time, and end that.")
)

var errNotOwn = fault.Declare(fault.Forbidden, "support_access.not_own", "Only the organization itself allows it",
	"Let somebody who lives in the organization or below it sign in to it, not to one above it, and open the access there.")

// Service keeps the allowances.
type Service struct {
	db     *db.DB
	events *events.Log
	ports  Ports
}

// Ports are what the service needs of others.
type Ports struct {
	Roles    Roles
	Sessions Sessions
	Users    Users
}

// Roles says what the actor of ctx holds in an organization. iam/authz.
type Roles interface {
	HeldTx(ctx context.Context, tx db.Tx, org ids.Org) (map[string]bool, error)
}

// Sessions answers whether what something stands on still holds. iam/sessions.
type Sessions interface {
	Standing(ctx context.Context, tx db.Tx, of sessions.Subjects) (sessions.Standing, error)
}

// Users reads people. iam/users.
type Users interface {
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
}

// New makes the service.
func New(d *db.DB, log *events.Log, p Ports) *Service {
	return &Service{db: d, events: log, ports: p}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "orgs.support",
		Errors:      []fault.Code{errNotOwn},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables:      []module.Table{{Name: "support_access", Class: module.Configuration, Owner: "org_id", Export: true}},
	}
}
