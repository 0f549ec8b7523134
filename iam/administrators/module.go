package administrators

import (
	"context"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/module"
	"grove/tenants/directory"
)

// Tenants knows the first administrators. tenants/directory.
type Tenants interface {
	Present(ctx context.Context, ref string) (directory.Tenant, error)
}

// Service holds the rules.
type Service struct {
	db      *db.DB
	tenants Tenants
	users   *users.Service
}

// New makes the service.
func New(d *db.DB, tenants Tenants, people *users.Service) *Service {
	return &Service{db: d, tenants: tenants, users: people}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{Name: "iam.administrators", Platform: s.routes}
}
