package sessions

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("sessions.read", "See who is signed in to the organization.")
	permWrite = perm.Declare("sessions.write", "End sessions.")
)

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.sessions",
		Errors: []fault.Code{errRefused},
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }, jobs.Timeout(10*time.Minute))
			jobs.Every(r, time.Hour, sweepArgs{})
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Subscriptions: []events.Subscription{{Name: "sessions.revoked", Types: []string{"user.disabled", "user.locked"},
			Do: func(ctx context.Context, tenant ids.Tenant, e events.Event) error {
				var user ids.User
				if err := user.UnmarshalText([]byte(e.Subject)); err != nil {
					return jobs.Permanent(err)
				}
				return s.EndRevoked(ctx, tenant, user)
			}}},
		Tables: []module.Table{{Name: "sessions", Class: module.Transient, Owner: "user_id",
			Why: "a session is worth nothing elsewhere; that it was is in the events"}},
	}
}
