package authn

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Module is the manifest. The engine has no routes: protocols and pages call it.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.authn",
		Errors: []fault.Code{errFlowGone},
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }, jobs.Timeout(10*time.Minute))
			jobs.Every(r, 10*time.Minute, sweepArgs{})
		},
		Migrations: Migrations(),
		Tables:     []module.Table{{Name: "flows", Class: module.Transient, Owner: "tenant_id", Why: "one run of sign-in, of minutes"}},
	}
}

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "authn.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

const sweepBatch = 5000

// Sweep deletes flows that have expired, in all tenants.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		var n int64
		err := s.db.InSystem(ctx, "delete expired sign-in flows", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, sqlSweep, tx.Now(), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
