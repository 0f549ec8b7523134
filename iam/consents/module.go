package consents

import (
	"embed"
	"io/fs"

	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("consents.read", "See what people let apps have in an organization.")
	permWrite = perm.Declare("consents.write", "Take back what people let apps have in an organization, and all that they let the organization's own apps have.")
)

// Module is the manifest. The person's own API over consents is the account's; this one is for administrators.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "iam.consents",
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables:      []module.Table{{Name: "consents", Class: module.Identity, Owner: "user_id", Export: true}},
	}
}
