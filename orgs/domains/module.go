package domains

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
	permRead  = perm.Declare("domains.read", "See an organization's e-mail domains.")
	permWrite = perm.Declare("domains.write", "Map e-mail domains to an organization and unmap them.")
)

var (
	errDuplicate = fault.Declare(fault.Conflict, "domain.duplicate", "Already mapped",
		"The organization has this domain. Nothing is left to do.")
	errNeedsProof = fault.Declare(fault.Forbidden, "domain.needs_proof", "The domain must be proven",
		"Only the tenant's administrators map domains without proof. Ask them.")
	errPublic = fault.Declare(fault.Invalid, "domain.public", "A domain that anyone can have an address of",
		"Anyone may have an address there. Use a domain that belongs to the organization.")
	errTaken = fault.Declare(fault.Conflict, "domain.taken", "Another organization has the domain",
		"A domain leads to one organization of the tenant. Remove it there first.")
)

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "orgs.domains",
		Errors:      []fault.Code{errDuplicate, errNeedsProof, errPublic, errTaken},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables:      []module.Table{{Name: "org_domains", Class: module.Configuration, Owner: "org_id", Export: true}},
	}
}
