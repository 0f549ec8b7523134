package settings

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
	permRead  = perm.Declare("settings.read", "See an organization's settings and where they come from.")
	permWrite = perm.Declare("settings.write", "Change an organization's settings.")
)

var (
	errLooser = fault.Declare(fault.Invalid, "setting.looser", "A setting can only be made stricter here",
		"An organization above is stricter. Stay within what is inherited, or change it there.")
	errUnknownModule = fault.Declare(fault.NotFound, "setting.unknown_module", "No such settings",
		"List the settings of the organization for the names of modules.")
)

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "tenants.settings",
		Errors:      []fault.Code{errLooser, errUnknownModule},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "settings", Class: module.Configuration, Owner: "org_id", Export: true},
			{Name: "settings_history", Class: module.Configuration, Owner: "org_id", Why: "History stays with the installation that made it."},
		},
	}
}
