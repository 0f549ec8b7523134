package metering

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
	permRead  = perm.Declare("seats.read", "See how many seats an organization has and uses.")
	permWrite = perm.Declare("seats.write", "Set how many seats the organizations below have.")
)

var (
	errBelowUse = fault.Declare(fault.Conflict, "seats.limit_below_use", "More seats are taken than that",
		"Free seats first, or set a limit that covers those that are taken.")
	errFromAbove = fault.Declare(fault.Forbidden, "seats.limit_from_above", "The limit is set from above",
		"An organization does not set its own limit. Use a token of an organization above it.")
)

type limitData struct {
	Limit *int `json:"limit" audit:"public"`
}

var eventLimit = events.Declare[limitData]("seats.limit_changed", "The number of seats of an organization was set.")

// Service is the ledger.
type Service struct {
	db     *db.DB
	events *events.Log
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "billing.metering",
		Errors:      []fault.Code{errBelowUse, errFromAbove},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "seat_balances", Class: module.Configuration, Owner: "org_id", Export: true},
			{Name: "seat_entries", Class: module.EventLog, Owner: "org_id", Export: true},
		},
	}
}
