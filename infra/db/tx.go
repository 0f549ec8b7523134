package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"grove/infra/kernel/ids"
)

// Tx is a transaction bound to one tenant. Holding a non-zero one is the proof that a door was taken.
type Tx struct {
	tx     pgx.Tx
	tenant ids.Tenant
	now    time.Time
	claim  *Claim
	told   *[]change
	narrow bool // one organization's rows only
}

// OrgTx is a transaction that sees the rows of one organization only.
type OrgTx struct {
	Tx
	org ids.Org
}

// SystemTx is a transaction across tenants, with the narrow grants of grove_system.
type SystemTx struct {
	tx   pgx.Tx
	now  time.Time
	told *[]change
}

// Tenant returns the bound tenant.
func (t Tx) Tenant() ids.Tenant { return t.tenant }

// SeesTenant reports whether the transaction sees the whole tenant: it is not from InOrg.
func (t Tx) SeesTenant() bool { return !t.narrow }

// Now returns the transaction's time.
func (t Tx) Now() time.Time { return t.now }

// Org returns the bound organization.
func (t OrgTx) Org() ids.Org { return t.org }

// Now returns the transaction's time.
func (t SystemTx) Now() time.Time { return t.now }

// Exec runs a statement and returns the number of rows it changed.
func (t Tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return exec(ctx, t.tx, sql, args)
}

// Query runs a query; read the rows with Collect, CollectOne or ForEach.
func (t Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.tx.Query(ctx, sql, args...)
}

// QueryRow runs a query for one row.
func (t Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.tx.QueryRow(ctx, sql, args...)
}

// Exec runs a statement and returns the number of rows it changed.
func (t SystemTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return exec(ctx, t.tx, sql, args)
}

// Query runs a query.
func (t SystemTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.tx.Query(ctx, sql, args...)
}

// QueryRow runs a query for one row.
func (t SystemTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.tx.QueryRow(ctx, sql, args...)
}

// Pgx returns the driver's transaction for libraries that join it, such as the job queue.
func (t Tx) Pgx() pgx.Tx { return t.tx }

// Pgx returns the driver's transaction for libraries that join it.
func (t SystemTx) Pgx() pgx.Tx { return t.tx }

func exec(ctx context.Context, tx pgx.Tx, sql string, args []any) (int64, error) {
	tag, err := tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

// InTenant runs f in a transaction that sees the rows of one tenant: sign-in, inheritance and sharing across its tree.
// The transaction commits when f returns nil and rolls back otherwise.
func (d *DB) InTenant(ctx context.Context, tenant ids.Tenant, f func(context.Context, Tx) error) error {
	return d.inTenant(ctx, tenant, ids.Org{}, f)
}

// InOrg runs f in a transaction that sees the rows of one organization.
func (d *DB) InOrg(ctx context.Context, tenant ids.Tenant, org ids.Org, f func(context.Context, OrgTx) error) error {
	if org.IsZero() {
		return errors.New("db: InOrg without an organization")
	}
	return d.inTenant(ctx, tenant, org, func(ctx context.Context, tx Tx) error {
		return f(ctx, OrgTx{Tx: tx, org: org})
	})
}

func (d *DB) inTenant(ctx context.Context, tenant ids.Tenant, org ids.Org, f func(context.Context, Tx) error) error {
	if tenant.IsZero() {
		return errors.New("db: a tenant transaction without a tenant")
	}
	if err := refuseNested(ctx); err != nil {
		return err
	}
	orgText := ""
	if !org.IsZero() {
		orgText = org.UUID().String()
	}
	claim := claimFrom(ctx)
	var told []change
	err := claim.besideTwins(ctx, func() error {
		now := d.clock.Now()
		// The values are a parsed UUID and a formatted time: the begin query takes no parameters.
		begin := "begin; set local grove.tenant_id = '" + tenant.UUID().String() + "'; set local grove.org_id = '" + orgText +
			"'; set local grove.now = '" + now.Format(time.RFC3339Nano) + "'"
		return run(ctx, d.app, begin, func(ctx context.Context, tx pgx.Tx) error {
			bound := Tx{tx: tx, tenant: tenant, now: now, claim: claim, told: &told, narrow: !org.IsZero()}
			if err := bound.refuseTwin(ctx); err != nil {
				return err
			}
			return f(ctx, bound)
		})
	})
	return d.tell(told, err)
}

// InSystem runs f across tenants. reason is logged; the packages that may call it are listed in the laws.
func (d *DB) InSystem(ctx context.Context, reason string, f func(context.Context, SystemTx) error) error {
	if err := refuseNested(ctx); err != nil {
		return err
	}
	d.log.DebugContext(ctx, "system transaction", "reason", reason)
	now := d.clock.Now()
	var told []change
	err := run(ctx, d.system, "begin", func(ctx context.Context, tx pgx.Tx) error {
		return f(ctx, SystemTx{tx: tx, now: now, told: &told})
	})
	return d.tell(told, err)
}

type nestedKey struct{}

// refuseNested keeps a request from holding one connection while it waits for another, which deadlocks a full pool.
func refuseNested(ctx context.Context) error {
	if ctx.Value(nestedKey{}) != nil {
		return errors.New("db: a transaction was opened inside another")
	}
	return nil
}

func run(ctx context.Context, pool *pgxpool.Pool, begin string, f func(context.Context, pgx.Tx) error) (err error) {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	// Rolls back after an error or a panic; after a commit it does nothing.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := f(context.WithValue(ctx, nestedKey{}, true), tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Batch sends the tenant's settings and the queries that fill queues as one pipeline and one implicit transaction:
// one round trip. Results are read by the callbacks of the queued queries. For hot reads and single writes.
func (d *DB) Batch(ctx context.Context, tenant ids.Tenant, fill func(*pgx.Batch)) error {
	if tenant.IsZero() {
		return errors.New("db: a batch without a tenant")
	}
	if err := refuseNested(ctx); err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(bindTenant, tenant.UUID().String())
	fill(b)
	return d.app.SendBatch(ctx, b).Close()
}

// Collect reads all rows of a query into structs whose fields are matched by name (db tags).
func Collect[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// CollectOne reads exactly one row; pgx.ErrNoRows when there is none.
func CollectOne[T any](ctx context.Context, q querier, sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}

// Scalars reads the single column of all rows.
func Scalars[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Querier reads one tenant's rows: a [Tx], or a [Reader] where one query is all.
type Querier interface {
	querier
	Tenant() ids.Tenant
}

// Reader sends each query as one round trip, with the tenant's settings, in a transaction of its own.
type Reader struct {
	db     *DB
	tenant ids.Tenant
}

// Reader returns a reader of a tenant's rows, for hot reads of a single query.
func (d *DB) Reader(tenant ids.Tenant) Reader { return Reader{db: d, tenant: tenant} }

// Tenant returns the bound tenant.
func (r Reader) Tenant() ids.Tenant { return r.tenant }

// Query runs a query. The rows must be closed, as Collect, CollectOne and Scalars do.
func (r Reader) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if r.tenant.IsZero() {
		return nil, errors.New("db: a reader without a tenant")
	}
	if err := refuseNested(ctx); err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	b.Queue(bindTenant, r.tenant.UUID().String())
	b.Queue(sql, args...)
	results := r.db.app.SendBatch(ctx, b)
	if _, err := results.Exec(); err != nil {
		_ = results.Close()
		return nil, fmt.Errorf("db: bind the tenant: %w", err)
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return batchRows{Rows: rows, results: results}, nil
}

// bindTenant binds a tenant for the implicit transaction of a pipeline.
const bindTenant = `SELECT set_config('grove.tenant_id', $1, true), set_config('grove.org_id', '', true)`

// batchRows gives the connection back when the rows are closed.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.results.Close()
}

// IsUnique reports whether err says that a unique constraint or index of this name was broken.
func IsUnique(err error, constraint string) bool { return isViolation(err, "23505", constraint) }

// IsForeignKey reports whether err says that a foreign key of this name was broken.
func IsForeignKey(err error, constraint string) bool { return isViolation(err, "23503", constraint) }

// IsUnstorable reports whether err says that a text holds what Postgres cannot store: a NUL, or bytes that are no UTF-8.
func IsUnstorable(err error) bool { return isState(err, "22021", "22P05") }

// IsUnavailable reports whether err says that the database cannot be reached or is shutting down, or that the connection
// to it broke. Whether a change that was being committed took effect is unknown then.
func IsUnavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Classes 08 (connection) and 57P (shutdown and start), "too many connections" and an idle transaction's end.
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "53300" || pg.Code == "25P03"
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// IsBusy reports whether err says that a transaction gave way to others: it was in a deadlock (40P01), could not be put in
// an order with them (40001), waited too long for a lock (55P03), or a statement of it took too long (57014). Nothing was
// changed, and the same may work a moment later.
func IsBusy(err error) bool { return isState(err, "40001", "40P01", "55P03", "57014") }

func isState(err error, states ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains(states, pg.Code)
}

func isViolation(err error, state, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state && pg.ConstraintName == constraint
}

// IsNoRows reports whether err says that a query for one row found none.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
