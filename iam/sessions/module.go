package sessions

import (
	"embed"
	"io/fs"
	"time"

	"grove/infra/events"
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
	permRead  = perm.Declare("sessions.read", "See who is signed in to the organization.")
	permWrite = perm.Declare("sessions.write", "End sessions.")
)

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.sessions",
		Errors: []fault.Code{errRefused},
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, s.sweep, jobs.Timeout(10*time.Minute))
			jobs.Every(r, 5*time.Minute, sweepArgs{})
			jobs.Register(r, s.Shorten, jobs.Timeout(10*time.Minute))
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Subscriptions: []events.Subscription{
			{Name: "sessions.policy", Types: []string{"org.moved", "setting.changed"}, Do: s.policyChanged},
			{Name: "sessions.revoked", Types: []string{"user.disabled", "user.locked"}, Do: s.userRevoked},
		},
		Tables: []module.Table{{Name: "sessions", Class: module.Transient, Owner: "user_id",
			Why: "a session is worth nothing elsewhere; that it was is in the events"}},
	}
}
