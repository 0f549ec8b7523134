package oauth

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/go-chi/chi/v5"

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

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.oauth",
		Errors: []fault.Code{CodeCIBA, CodeDevice, CodeDeviceTooMany},
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }, jobs.Timeout(10*time.Minute))
			jobs.Every(r, time.Hour, sweepArgs{})
			jobs.Register(r, s.tellLogout, jobs.Timeout(time.Minute))
			jobs.Register(r, s.ping, jobs.Timeout(time.Minute))
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permImpersonate, permRevoke},
		Protocols:   s.protocols,
		Routes:      s.routes,
		Subscriptions: []events.Subscription{
			{Name: subscriberLogout, Types: []string{"session.ended"}, Do: s.sessionEnded},
		},
		Tables: []module.Table{
			{Name: "authorization_codes", Class: module.Transient, Owner: "org_id", Why: "a code lives for a minute"},
			{Name: "ciba_requests", Class: module.Transient, Owner: "tenant_id", Why: "requests that live for an hour at the most"},
			{Name: "device_attempts", Class: module.Transient, Owner: "tenant_id", Why: "counters of guesses; they start anew elsewhere"},
			{Name: "device_codes", Class: module.Transient, Owner: "tenant_id", Why: "codes that live for ten minutes"},
			{Name: "grants", Class: module.Transient, Owner: "user_id", Why: "tokens are worth nothing elsewhere; that they were is in the events"},
			{Name: "pushed_requests", Class: module.Transient, Owner: "tenant_id", Why: "requests that live for a minute"},
			{Name: "refresh_tokens", Class: module.Transient, Owner: "org_id", Why: "hashes of tokens that are worth nothing elsewhere"},
			{Name: "used_identifiers", Class: module.Transient, Owner: "tenant_id", Why: "hashes of what is remembered for an hour, so that it is not used again"},
		},
	}
}

// protocols registers the endpoints below a tenant's or an organization's base.
func (s *Service) protocols(r chi.Router) {
	r.Get("/.well-known/oauth-authorization-server", s.discovery)
	r.Get("/.well-known/openid-configuration", s.discovery)
	r.Get("/oauth2/authorize", s.authorize)
	r.Post("/oauth2/authorize", s.authorize)
	r.Get("/oauth2/authorize/resume", s.resume)
	r.Post("/oauth2/bc-authorize", s.authorizeBackchannel)
	r.Get("/oauth2/check_session", checkSession)
	r.Get("/oauth2/check_session.js", serveCheckSessionScript)
	r.Post("/oauth2/device_authorization", s.authorizeDevice)
	r.Get("/oauth2/form_post.js", formPostScript)
	r.Post("/oauth2/global-revocation", s.revokeGlobally)
	r.Post("/oauth2/introspect", s.introspect)
	r.Get("/oauth2/jwks", s.jwks)
	r.Get("/oauth2/logout", s.logout)
	r.Post("/oauth2/logout", s.logout)
	r.Get("/oauth2/logout/done", s.loggedOut)
	r.Post("/oauth2/par", s.push)
	r.Post("/oauth2/register", s.register)
	r.Delete("/oauth2/register/{client_id}", s.deleteRegistration)
	r.Get("/oauth2/register/{client_id}", s.readRegistration)
	r.Put("/oauth2/register/{client_id}", s.replaceRegistration)
	r.Post("/oauth2/revoke", s.revoke)
	r.Post("/oauth2/token", s.token)
	r.Get("/oauth2/userinfo", s.userinfo)
	r.Post("/oauth2/userinfo", s.userinfo)
}
