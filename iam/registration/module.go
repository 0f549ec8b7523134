package registration

import (
	"context"
	"embed"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"grove/iam/apps"
	"grove/iam/sessions"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/outbound"
	"grove/orgs/sharing"
	"grove/tenants/settings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var errTooManyTokens = fault.Declare(fault.Conflict, "registration_token.too_many", "The organization has too many of these tokens",
	"Delete tokens that are not used any more.")

type (
	registeredData struct {
		ClientID string                 `json:"client_id" audit:"public"`
		Token    *ids.RegistrationToken `json:"registration_token_id,omitempty" audit:"public"` // absent where anybody may register
		Signed   bool                   `json:"software_statement" audit:"public"`
	}
	tokenData struct {
		ExpiresAt time.Time `json:"expires_at" audit:"public"`
		Hint      string    `json:"hint" audit:"public"`
		Name      string    `json:"name" audit:"public"`
	}
)

var (
	eventRegistered   = events.Declare[registeredData]("app.registered", "An app registered itself.")
	eventTokenCreated = events.Declare[tokenData]("registration_token.created", "A token with which apps register themselves was made.")
	eventTokenRevoked = events.Declare[tokenData]("registration_token.revoked", "A token with which apps register themselves was taken away.")
)

// RemoteKeys reads the key sets that others publish, through the guarded client and from a cache. infra/outbound.
type RemoteKeys interface {
	Keys(ctx context.Context, address, alg, kid string) ([]*jose.PublicKey, error)
}

// Standing answers whether what something stands on still holds. iam/sessions.
type Standing interface {
	Standing(ctx context.Context, tx db.Tx, of sessions.Subjects) (sessions.Standing, error)
}

// Ports are what the capability asks of others.
type Ports struct {
	Apps       *apps.Service
	Outbound   *outbound.Client
	RemoteKeys RemoteKeys
	Sharing    *sharing.Service
	Standing   Standing
}

// Service holds the rules.
type Service struct {
	Ports
	db      *db.DB
	events  *events.Log
	dev     bool // documents may be on this machine, by http
	offers  *cache.Cache[Offers]
	reading singleflight.Group // of documents, by tenant and address

	mu     sync.Mutex
	failed map[string]time.Time // when a document could not be read
}

// New makes the service. dev lets documents be on this machine.
func New(d *db.DB, log *events.Log, hub *cache.Hub, dev bool, p Ports) *Service {
	return &Service{Ports: p, db: d, events: log, dev: dev, failed: map[string]time.Time{},
		offers: cache.New[Offers](hub, 20_000, 10*time.Minute, settings.Topic, "org")}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "iam.registration",
		Errors:     []fault.Code{errTooManyTokens},
		Migrations: Migrations(),
		Routes:     s.routes,
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ sweepArgs) error { return s.Sweep(ctx) }, jobs.Timeout(10*time.Minute))
			jobs.Every(r, time.Hour, sweepArgs{})
		},
		Tables: []module.Table{
			{Name: "client_documents", Class: module.Transient, Owner: "org_id", Why: "what was read from addresses is read again"},
			{Name: "client_registrations", Class: module.Configuration, Owner: "org_id", Why: "hashes of tokens that are worth nothing elsewhere; the apps themselves are exported"},
			{Name: "registration_tokens", Class: module.Configuration, Owner: "org_id", Why: "hashes of secrets: an export that leaves the installation carries no credential"},
		},
	}
}
