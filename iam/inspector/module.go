package inspector

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"time"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Apps finds the apps of an organization. iam/apps.
type Apps interface {
	Load(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App) (apps.VersionedApp, error)
}

// Service takes entries and shows them.
type Service struct {
	apps  Apps
	db    *db.DB
	log   *slog.Logger
	meter meter
	queue chan Entry
}

// New makes the service. Nothing is written before Run.
func New(d *db.DB, of Apps, log *slog.Logger) *Service {
	return &Service{apps: of, db: d, log: log, queue: make(chan Entry, queueLength)}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "iam.inspector",
		Migrations: Migrations(),
		Routes:     s.routes,
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }, jobs.Timeout(10*time.Minute))
			jobs.Every(r, time.Hour, sweepArgs{})
		},
		Tables: []module.Table{{Name: "failed_requests", Class: module.Transient, Owner: "org_id", Why: "help for developers that lives for a week"}},
	}
}
