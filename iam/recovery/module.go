package recovery

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/tenants/settings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	errInvalid = fault.Declare(fault.Gone, "password_link.invalid", "This link cannot be used",
		"It was used, replaced or is too old. Ask for a new one.")
	errNotActive = fault.Declare(fault.Conflict, "password_link.not_active", "The user may not sign in",
		"The user is disabled or locked. Enable or unlock the account first.")
	errTooMany = fault.Declare(fault.TooMany, "password_link.too_many", "Too many mails to this user",
		"Wait an hour, or hand a link over yourself.")
)

type (
	linkData struct {
		Delivery  string     `json:"delivery" audit:"public"` // email or link
		ExpiresAt *time.Time `json:"expires_at,omitempty" audit:"public"`
		Forced    bool       `json:"forced" audit:"public"` // the old password was taken away
	}
	noData struct{}
)

var (
	eventCreated = events.Declare[linkData]("password_link.created", "A person was given a link by which to choose a password.")
	eventRevoked = events.Declare[noData]("password_link.revoked", "A link by which to choose a password was taken back.")
	eventUsed    = events.Declare[noData]("password_link.used", "A person chose a password by a link.")
)

// Keys gives a tenant's data key, from a cache. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
}

// Roles says what the actor of ctx may do in an organization now. iam/authz.
type Roles interface {
	HeldTx(ctx context.Context, tx db.Tx, org ids.Org) (map[string]bool, error)
}

// Sessions says whether what something stands on still stands. iam/sessions.
type Sessions interface {
	Standing(ctx context.Context, tx db.Tx, of sessions.Subjects) (sessions.Standing, error)
}

// Tenants finds tenants by id, from a cache. tenants/directory.
type Tenants interface {
	ByID(ctx context.Context, id ids.Tenant) (httpapi.Tenant, error)
}

// Ports are what the capability asks of others.
type Ports struct {
	Keys     Keys
	Roles    Roles
	Sessions Sessions
	Tenants  Tenants
	Users    *users.Service
}

// Service holds the rules.
type Service struct {
	Ports
	db     *db.DB
	events *events.Log
	policy settings.Reader[Policy]
}

// New makes the service.
func New(d *db.DB, log *events.Log, p Ports) *Service {
	return &Service{Ports: p, db: d, events: log, policy: settings.Fixed(defaultPolicy)}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "iam.recovery",
		Errors:     []fault.Code{errInvalid, errNotActive, errTooMany},
		Migrations: Migrations(),
		Routes:     s.routes,
		Tables:     []module.Table{{Name: "password_links", Class: module.Transient, Owner: "user_id", Why: "hashes of links that lead to this installation"}},
	}
}
