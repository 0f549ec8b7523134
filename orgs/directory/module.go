package directory

import (
	"embed"
	"io/fs"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("orgs.read", "See an organization and those below it.")
	permWrite = perm.Declare("orgs.write", "Create, change, suspend, move and delete organizations.")
)

var (
	errCycle = fault.Declare(fault.Conflict, "org.cycle", "An organization cannot be moved into itself",
		"The new parent is the organization or lies below it. Choose another parent.")
	errFromAbove = fault.Declare(fault.Forbidden, "org.only_from_above", "Only an organization above may do this",
		"Use a token of an organization above this one.")
	errHandleTaken = fault.Declare(fault.Conflict, "org.handle_taken", "The handle is taken",
		"Handles are unique in the tenant. Choose another one, or leave it out.")
	errHasChildren = fault.Declare(fault.Conflict, "org.has_children", "The organization has children",
		"Delete or move the organizations below first.")
	errNameTaken = fault.Declare(fault.Conflict, "org.name_taken", "The name is taken",
		"Names are unique among siblings. Choose another one.")
	errNotSuspended = fault.Declare(fault.Conflict, "org.not_suspended", "Suspend the organization first",
		"Only a suspended organization can be deleted. Suspend it first.")
	errRoot = fault.Declare(fault.Conflict, "org.root", "The root organization is the tenant",
		"The root is the tenant. Its operator changes, suspends and deletes it.")
	errTooDeep = fault.Declare(fault.Conflict, "org.too_deep", "The tree would be too deep",
		"The tree has as many levels as it may have. Choose a parent higher up; GROVE_ORG_MAX_DEPTH is the operator's.")
)

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "orgs.directory",
		Errors:      []fault.Code{errCycle, errFromAbove, errHandleTaken, errHasChildren, errNameTaken, errNotSuspended, errRoot, errTooDeep},
		Found:       s.found,
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "org_words", Class: module.Configuration, Owner: "org_id", Why: "Derived from the names, handles and parents of organizations."},
			{Name: "org_closure", Class: module.Configuration, Owner: "descendant_id", Why: "Derived from the parents of organizations."},
			{Name: "organizations", Class: module.Configuration, Owner: "id", Export: true, Kind: "org", Title: "name"},
		},
	}
}
