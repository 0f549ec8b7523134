package signals

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"grove/iam/apps"
	"grove/iam/oauth"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/outbound"
	"grove/infra/secrets"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// The permissions have the names that the CAEP Interoperability Profile 1.0 (section 2.7.2) gives the scopes.
var (
	permManage = perm.Declare("ssf.manage", "Have what happens to people told to an app: sessions that end, credentials that change, accounts that are disabled or deleted (Shared Signals).")
	permRead   = perm.Declare("ssf.read", "See an app's own streams of shared signals and how they stand.")
)

type (
	streamData struct {
		App    ids.App `json:"app_id" audit:"public"`
		Method string  `json:"method" audit:"public"`
	}
	statusData struct {
		App    ids.App `json:"app_id" audit:"public"`
		Status string  `json:"status" audit:"public"`
	}
)

var (
	eventCreated = events.Declare[streamData]("signal_stream.created", "An app asked to be told of what happens to people.")
	eventDeleted = events.Declare[streamData]("signal_stream.deleted", "A stream of shared signals was deleted.")
	eventStatus  = events.Declare[statusData]("signal_stream.status_changed", "A stream of shared signals was enabled, paused or disabled: by the app, by an administrator, or because nobody took anything from it.")
	eventUpdated = events.Declare[streamData]("signal_stream.updated", "What an app wants to be told, or how, was changed.")
)

// Clients finds applications by their client_id, from a cache. iam/apps.
type Clients interface {
	Client(ctx context.Context, tenant ids.Tenant, clientID string) (apps.Client, error)
}

// Keys signs for a tenant, and seals. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
	EnsureTx(ctx context.Context, tx db.Tx, algs ...string) error
	Signer(ctx context.Context, tenant ids.Tenant, alg string) (*jose.Key, error)
}

// Protocol knows who calls, and the names by which an app knows people. iam/oauth.
type Protocol interface {
	NamesFor(ctx context.Context, tenant ids.Tenant, client apps.Client) (oauth.Names, error)
	Receiver(r *http.Request, scopes ...perm.Permission) (actor.Actor, apps.Client, error)
	RefuseBearer(w http.ResponseWriter, r *http.Request, err error)
}

// Sharing says in which organizations an application is available. orgs/sharing.
type Sharing interface {
	AppInEach(ctx context.Context, tx db.Tx, client apps.Client, orgs []ids.Org) (map[ids.Org]bool, error)
}

// Users finds people. iam/users.
type Users interface {
	FindBelow(ctx context.Context, tx db.Tx, login string, org ids.Org) ([]users.User, error)
}

// Dependencies of New. All are needed.
type Dependencies struct {
	Clients  Clients
	DB       *db.DB
	Events   *events.Log
	Jobs     *jobs.Client
	Keys     Keys
	Log      *slog.Logger
	Outbound *outbound.Client
	Protocol Protocol
	Sharing  Sharing
	Users    Users
}

// Service is the transmitter of all tenants.
type Service struct {
	Dependencies
	waiting chan struct{} // polls that wait for something to happen
}

// New makes the transmitter.
func New(d Dependencies) *Service {
	return &Service{Dependencies: d, waiting: make(chan struct{}, maxWaiting)}
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name: "iam.signals",
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, s.push, jobs.Timeout(time.Minute))
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permManage, permRead},
		Protocols:   s.protocols,
		Tables: []module.Table{
			{Name: "signal_streams", Class: module.Configuration, Owner: "org_id", Why: "the receiver makes them, and their header is a credential"},
			{Name: "signal_exclusions", Class: module.Configuration, Owner: "org_id", Why: "part of streams"},
			{Name: "signal_queue", Class: module.Transient, Owner: "org_id", Why: "what waits to be told for a week at the most; that it happened is in the events"},
		},
	}
}

// protocols registers the endpoints below a tenant's or an organization's base.
func (s *Service) protocols(r chi.Router) {
	r.Get("/.well-known/ssf-configuration", s.discovery)
	r.Delete("/ssf/streams", s.receiver(s.deleteStream, permManage))
	r.Get("/ssf/streams", s.receiver(s.readStreams, permRead, permManage))
	r.Patch("/ssf/streams", s.receiver(s.updateStream, permManage))
	r.Post("/ssf/streams", s.receiver(s.createStream, permManage))
	r.Put("/ssf/streams", s.receiver(s.replaceStream, permManage))
	r.Get("/ssf/status", s.receiver(s.readStatus, permRead, permManage))
	r.Post("/ssf/status", s.receiver(s.updateStatus, permManage))
	r.Post("/ssf/subjects:add", s.receiver(s.addSubject, permManage))
	r.Post("/ssf/subjects:remove", s.receiver(s.removeSubject, permManage))
	r.Post("/ssf/verification", s.receiver(s.verify, permManage))
	r.Post("/ssf/poll/{stream}", s.receiver(s.poll, permManage))
}
