package consents

import (
	"embed"
	"io/fs"

	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Module is the manifest. The person's own API over consents is the account's.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "iam.consents",
		Migrations: Migrations(),
		Tables:     []module.Table{{Name: "consents", Class: module.Identity, Owner: "user_id", Export: true}},
	}
}
