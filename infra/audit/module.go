package audit

import (
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

var permRead = perm.Declare("events.read", "Read the event log of an organization.")

// Service reads the event stream.
type Service struct {
	db    *db.DB
	names string   // the statement that says what things are called
	kinds []string // the prefixes of the ids of things that have names
}

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d, names: namesOf(nil)} }

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "infra.audit",
		Permissions: []perm.Permission{permRead},
		Routes:      func(a *httpapi.API) { s.routes(a) },
		Tables: []module.Table{
			{Name: "events", Class: module.EventLog, Owner: "org_id", Export: true},
			{Name: "event_concerns", Class: module.EventLog, Owner: "org_id", Why: "found in the events"},
			{Name: "names_of_gone", Class: module.EventLog, Owner: "org_id", Export: true},
			{Name: "event_chain", Class: module.EventLog, Owner: "org_id", Export: true},
			{Name: "epochs", Class: module.Transient, Owner: "tenant_id", Why: "numbers of this installation"},
			{Name: "idempotency_keys", Class: module.Transient, Owner: "tenant_id", Why: "kept for a day"},
		},
	}
}
