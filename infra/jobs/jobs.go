// Package jobs is background work: River jobs that carry their tenant, their organization and ids, never personal
// data. A job is inserted in the transaction of the change that asks for it and runs at least once, with an actor that
// may do only what its kind needs. Work of a suspended organization waits until it is resumed.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Scope says whose work a job is. The zero scope is the platform's own.
type Scope struct {
	Tenant ids.Tenant
	Org    ids.Org
}

// Args are a job's arguments: ids only.
type Args interface {
	river.JobArgs
	JobScope() Scope
}

// ErrGone tells the runner that the job's tenant or organization is no more; the job is cancelled.
var ErrGone = errors.New("jobs: the job's tenant or organization is gone")

// ErrSuspended tells the runner to try again later without counting the attempt.
var ErrSuspended = errors.New("jobs: the job's tenant or organization is suspended")

// Gate asks whether work for a scope may run; it returns nil, ErrGone or ErrSuspended.
type Gate func(ctx context.Context, s Scope) error

// Registry collects workers before the client starts.
type Registry struct {
	workers  *river.Workers
	periodic []*river.PeriodicJob
	gate     Gate
}

// NewRegistry makes a registry whose jobs pass the gate.
func NewRegistry(gate Gate) *Registry {
	return &Registry{workers: river.NewWorkers(), gate: gate}
}

// Option changes how a kind of job runs.
type Option func(*settings)

type settings struct {
	permissions []perm.Permission
	timeout     time.Duration
}

// Needs lets the job's actor use the permissions.
func Needs(ps ...perm.Permission) Option { return func(s *settings) { s.permissions = ps } }

// Timeout bounds one attempt; the default is a minute.
func Timeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// Register adds the worker of jobs with arguments T.
func Register[T Args](r *Registry, do func(context.Context, T) error, options ...Option) {
	s := settings{timeout: defaultTimeout}
	for _, o := range options {
		o(&s)
	}
	river.AddWorker(r.workers, &worker[T]{gate: r.gate, do: do, settings: s})
}

// Every adds a job that runs at each interval, on one process at a time, and once at start.
func Every(r *Registry, interval time.Duration, args river.JobArgs) {
	r.periodic = append(r.periodic, river.NewPeriodicJob(river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByPeriod: interval}}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
}

type worker[T Args] struct {
	river.WorkerDefaults[T]
	gate     Gate
	do       func(context.Context, T) error
	settings settings
}

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.settings.timeout }

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	scope := job.Args.JobScope()
	if !scope.Tenant.IsZero() {
		switch err := w.gate(ctx, scope); {
		case errors.Is(err, ErrGone):
			return river.JobCancel(err)
		case errors.Is(err, ErrSuspended):
			return river.JobSnooze(snooze)
		case err != nil:
			return err
		}
	}
	ctx = actor.Into(ctx, actor.ForJob(scope.Tenant, job.Args.Kind(), w.settings.permissions...))
	return w.do(ctx, job.Args)
}

// snooze is how long work of what is suspended waits before it is looked at again, unless it is woken.
const snooze = time.Minute

// Permanent marks an error that no retry can mend; the job is cancelled and stays visible.
func Permanent(err error) error { return river.JobCancel(err) }

// An attempt lasts at most its timeout, so what has run for longer was lost with its process and is tried again. A kind
// with a longer timeout is left alone until that has passed too.
const (
	defaultTimeout = time.Minute
	rescueAfter    = defaultTimeout + 30*time.Second
)

// Client inserts jobs, and works them after Start.
type Client struct {
	db       *db.DB
	registry *Registry
	river    *river.Client[pgx.Tx]
}

// Options of NewClient.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Workers int // jobs at a time in this process; 0 inserts only
}

// NewClient makes a client. The registry may still receive workers until Start.
func NewClient(r *Registry, o Options) (*Client, error) {
	cfg := &river.Config{Schema: db.JobsSchema, Logger: o.Log, MaxAttempts: 20, RescueStuckJobsAfter: rescueAfter}
	if o.Workers > 0 {
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}}
		cfg.Workers = r.workers
		// Completed jobs hold ids only and are no audit trail.
		cfg.CompletedJobRetentionPeriod = 24 * time.Hour
	}
	c, err := river.NewClient(riverpgxv5.New(o.DB.SystemPool()), cfg)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return &Client{db: o.DB, registry: r, river: c}, nil
}

// Insert adds a job in tx: it exists if and only if tx commits.
func (c *Client) Insert(ctx context.Context, tx db.Tx, args Args) error {
	return c.InsertAt(ctx, tx, args, time.Time{})
}

// InsertAt adds a job that runs at the earliest at the given time.
func (c *Client) InsertAt(ctx context.Context, tx db.Tx, args Args, at time.Time) error {
	_, err := c.river.InsertTx(ctx, tx.Pgx(), args, &river.InsertOpts{ScheduledAt: at})
	return err
}

// sqlWake finds snoozed jobs by the index from which River takes its work, among the few that are due within a snooze.
const sqlWake = `
	UPDATE ` + db.JobsSchema + `.river_job SET state = 'available', scheduled_at = now()
	WHERE state = 'scheduled' AND queue = $1 AND priority = $2 AND scheduled_at < now() + make_interval(secs => $3)
	  AND metadata ? 'snoozes' AND args->>'tenant' = $4`

// Wake has the work of a tenant that waits because something was suspended looked at again as soon as tx commits.
func (c *Client) Wake(ctx context.Context, tx db.Tx) error {
	_, err := tx.Exec(ctx, sqlWake, river.QueueDefault, river.PriorityDefault, (2 * snooze).Seconds(), tx.Tenant().String())
	return err
}

// InsertSystem adds a job in a transaction across tenants.
func (c *Client) InsertSystem(ctx context.Context, tx db.SystemTx, args Args) error {
	_, err := c.river.InsertTx(ctx, tx.Pgx(), args, nil)
	return err
}

// Start begins to work jobs, periodic ones too; Stop waits for those that run.
func (c *Client) Start(ctx context.Context) error {
	c.river.PeriodicJobs().AddMany(c.registry.periodic)
	return c.river.Start(ctx)
}

// Stop lets running jobs finish until ctx ends.
func (c *Client) Stop(ctx context.Context) error { return c.river.Stop(ctx) }

// selectLag reads the head of each state that a due job can be in, by the index from which River takes its work: the cost
// is the same for any length of the queue.
const selectLag = `
	SELECT coalesce(extract(epoch FROM now() - min(head.scheduled_at)), 0)::float8
	FROM unnest('{available,retryable,scheduled}'::` + db.JobsSchema + `.river_job_state[]) AS s (state)
	CROSS JOIN LATERAL (
	    SELECT j.scheduled_at FROM ` + db.JobsSchema + `.river_job j
	    WHERE j.state = s.state AND j.queue = $1 AND j.priority = $2 AND j.scheduled_at <= now()
	    ORDER BY j.scheduled_at LIMIT 1) head`

// Lag is how long the oldest job that is due has been waiting; 0 where none is.
func (c *Client) Lag(ctx context.Context) (time.Duration, error) {
	var seconds float64
	err := c.db.SystemPool().QueryRow(ctx, selectLag, river.QueueDefault, river.PriorityDefault).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), err
}

// River is for the operator's job page.
func (c *Client) River() *river.Client[pgx.Tx] { return c.river }
