package support

import (
	"embed"
	"io/fs"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
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
	"Sign in to the organization, not to one above it, and open the access there.")

// Service keeps the allowances.
type Service struct {
	db     *db.DB
	events *events.Log
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

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
