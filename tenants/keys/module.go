package keys

import (
	"embed"
	"io/fs"
	"time"

	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("keys.read", "See the tenant's signing keys, without their private parts.")
	permWrite = perm.Declare("keys.write", "Rotate the tenant's signing keys.")
)

var errNoKey = fault.Declare(fault.Conflict, "key.unused_algorithm", "No key of this algorithm",
	"The tenant signs with no key of this algorithm. Choose one that it has, or add a key first.")

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "tenants.keys",
		Errors: []fault.Code{errNoKey},
		Found:  s.found,
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, s.upkeep, jobs.Timeout(10*time.Minute))
			jobs.Every(r, 24*time.Hour, upkeepArgs{})
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "data_keys", Class: module.Configuration, Owner: "tenant_id", Why: "Secret; sealed values are exported in another form or not at all."},
			{Name: "signing_keys", Class: module.Configuration, Owner: "tenant_id", Why: "Secret; another installation makes its own."},
		},
	}
}
