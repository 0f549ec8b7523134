// Package app puts the program together: modules.go lists the capabilities in order, wire.go constructs them, and App
// starts and stops what runs. Tests start an App as the command does; see docs/adr/0001-composition-root.md.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/cache"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/clock"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/notify"
	"grove/infra/secrets"
	"grove/infra/telemetry"
)

// Options of New.
type Options struct {
	Clock      clock.Clock // nil: the machine's
	Config     config.Config
	Dev        bool // the development mode: its addresses may be loopback
	Log        *slog.Logger
	Processors map[string]details.Processor // by authorization details type; see [details.Processor]
	Sender     notify.Sender                // nil: nothing is sent; deliveries wait
	TLS        bool                         // whether TLS ends here, so that clients can show certificates
	Tracer     pgx.QueryTracer
	Version    string
	Workers    int // jobs at a time; 0 works none
}

// App is one running program.
type App struct {
	API     *httpapi.API
	Config  config.Config
	DB      *db.DB
	Events  *events.Log
	Hub     *cache.Hub
	Jobs    *jobs.Client
	Log     *slog.Logger
	Modules []module.Manifest
	Parts   Parts // the capabilities, for the command and for tests

	asked     asked
	draining  atomic.Bool
	held      atomic.Bool
	metrics   *telemetry.Metrics
	options   Options
	root      *secrets.Root
	running   sync.WaitGroup
	sealer    *events.Sealer
	setup     atomic.Bool // a set-up token was offered here
	standing  *sessions.Service
	started   atomic.Bool
	stopSpans func(context.Context) error
	stopWork  context.CancelFunc
}

// New connects to the database, refuses one that is not migrated, and constructs every capability. Nothing runs yet.
func New(ctx context.Context, o Options) (*App, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	database, err := db.Open(ctx, db.Options{URL: o.Config.DatabaseURL.Reveal(), AnyPatch: o.Dev, MaxConn: o.Config.DatabasePoolSize,
		ConnIdleTTL: o.Config.DatabaseConnectionIdleTTL, ConnTTL: o.Config.DatabaseConnectionTTL, StatementTimeout: o.Config.DatabaseStatementTimeout,
		Clock: o.Clock, Log: o.Log, Tracer: o.Tracer})
	if err != nil {
		return nil, err
	}
	a := &App{Config: o.Config, DB: database, Log: o.Log, options: o, stopSpans: func(context.Context) error { return nil }}
	if err := database.CheckMigrated(ctx, Folders()); err != nil {
		database.Close()
		return nil, err
	}
	if a.stopSpans, err = telemetry.Traces(ctx, o.Config.OTLPEndpoint, o.Version); err != nil {
		database.Close()
		return nil, err
	}
	a.Hub = cache.NewHub(o.Log)
	database.OnChange(a.Hub.Changed)
	a.sealer = events.NewSealer(database, o.Log)
	a.metrics = telemetry.NewMetrics(func() telemetry.PoolStats {
		s := database.Stats()
		return telemetry.PoolStats{Acquired: s.AcquiredConns(), Idle: s.IdleConns(), Max: s.MaxConns()}
	})
	if err := a.wire(); err != nil {
		database.Close()
		return nil, errors.Join(err, a.stopSpans(ctx))
	}
	return a, nil
}

// Start listens for changes, seals events and works jobs, until Stop.
func (a *App) Start(ctx context.Context) error {
	ctx, a.stopWork = context.WithCancel(context.WithoutCancel(ctx))
	a.goRun(func() { a.Hub.Run(ctx, a.DB.SystemPool()) })
	if err := a.checkRootKey(ctx); err != nil {
		return err
	}
	if err := a.Parts.Authz.Sync(ctx); err != nil {
		return fmt.Errorf("app: bring the built-in roles up to date: %w", err)
	}
	a.goRun(func() { a.Parts.Inspector.Run(ctx) })
	if a.options.Workers > 0 {
		a.goRun(func() { a.sealer.Run(ctx) })
		if err := a.Jobs.Start(ctx); err != nil {
			return err
		}
	}
	a.warm(ctx)
	a.started.Store(true)
	return nil
}

// checkRootKey opens one tenant's keys, so that a process with another root key does not start.
func (a *App) checkRootKey(ctx context.Context) error {
	some, err := a.Parts.Tenants.ActiveTenants(ctx, ids.Tenant{}, 1)
	if err != nil || len(some) == 0 {
		return err
	}
	if err := a.Parts.Keys.Check(ctx, some[0]); err != nil {
		return fmt.Errorf("the root key does not open the keys of the tenants in this database (GROVE_ROOT_KEY, GROVE_ROOT_KEY_PREVIOUS): %w", err)
	}
	return nil
}

func (a *App) goRun(f func()) {
	a.running.Add(1)
	go func() { defer a.running.Done(); f() }()
}

// Hold keeps readiness from being reported until release is called: there is more to do than to start.
func (a *App) Hold() (release func()) {
	a.held.Store(true)
	return func() { a.held.Store(false) }
}

// Drain makes readiness fail, so that a load balancer sends no more, and each answer ends its connection.
func (a *App) Drain() { a.draining.Store(true) }

// Stop lets jobs that run finish until ctx ends, and closes the database.
func (a *App) Stop(ctx context.Context) error {
	a.Drain()
	var err error
	if a.options.Workers > 0 && a.started.Load() {
		err = a.Jobs.Stop(ctx)
	}
	if a.stopWork != nil {
		a.stopWork()
	}
	a.running.Wait()
	a.DB.Close()
	return errors.Join(err, a.stopSpans(ctx))
}

// Handler is the whole server.
func (a *App) Handler() http.Handler {
	h := a.API.Handler()
	if a.Config.OTLPEndpoint != "" {
		h = telemetry.Traced(h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			// A connection that is kept would break when the listener closes, with a request on its way.
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
