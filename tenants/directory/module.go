package directory

import (
	"embed"
	"io/fs"

	"grove/infra/kernel/fault"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// CodeSuspended is the answer of every look-up of a suspended tenant.
var CodeSuspended = fault.CodeTenantStopped

var (
	CodeDeleted = fault.Declare(fault.Conflict, "tenant.deleted", "The tenant is deleted",
		"Restore the tenant first, while its retention lasts.")
	errHandleMismatch = fault.Declare(fault.Invalid, "tenant.handle_mismatch", "The handle is another tenant's",
		"Type the handle of the tenant that is to be deleted.")
	errHandleReserved = fault.Declare(fault.Invalid, "tenant.handle_reserved", "The handle is reserved",
		"Grove uses this name in addresses. Choose another one.")
	errHandleTaken = fault.Declare(fault.Conflict, "tenant.handle_taken", "The handle is taken",
		"Handles are unique in the installation. Choose another one.")
	errHostTaken = fault.Declare(fault.Conflict, "tenant.host_taken", "The host is taken",
		"A host leads to one tenant. Remove it there first.")
	errHostLimit = fault.Declare(fault.Conflict, "tenant.host_limit", "Too many hosts",
		"Remove a host first.")
)

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "tenants.directory",
		Errors:     []fault.Code{CodeSuspended, CodeDeleted, errHandleMismatch, errHandleReserved, errHandleTaken, errHostLimit, errHostTaken, errSetup},
		Jobs:       s.jobs,
		Migrations: Migrations(),
		Platform:   s.routes,
		Tables: []module.Table{
			{Name: "tenant_hosts", Class: module.Configuration, Owner: "tenant_id", Export: true},
			{Name: "tenants", Class: module.Configuration, Owner: "tenant_id", Export: true},
		},
	}
}
