package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"grove/infra/kernel/clock"
)

// The database roles, see docs/adr/0008-database-roles.md.
const (
	RoleApp    = "grove_app"
	RoleOwner  = "grove_owner"
	RoleSystem = "grove_system"
)

// minimumPatch is, for each major version that Grove runs on, the first release with the fixes of CVE-2024-10976 (row
// security forgotten below subqueries) and CVE-2025-8713 (statistics tell of rows that row security hides). Later majors
// have had them from the start.
var minimumPatch = map[int]int{15: 14, 16: 10, 17: 6}

// ErrVersion is returned by Open when the server is too old to trust its row-level security.
var ErrVersion = errors.New("db: Postgres 15.14, 16.10, 17.6, 18.0 or a later release of them is needed, because of CVE-2024-10976 and CVE-2025-8713")

// checkVersion judges a server_version_num: 150014 is 15.14.
func checkVersion(number int) error {
	major, patch := number/10000, number%10000
	if major < 15 || patch < minimumPatch[major] {
		return fmt.Errorf("%w: this is %d.%d", ErrVersion, major, patch)
	}
	return nil
}

// Options of Open. URL is a login that is a member of grove_app and grove_system.
type Options struct {
	URL     string
	MaxConn int // connections of the application pool; the system pool has a few of its own
	Clock   clock.Clock
	Log     *slog.Logger
	Tracer  pgx.QueryTracer // nil for none

	// AnyPatch takes a server without the newest fixes, and warns: for what runs on the developer's own machine.
	AnyPatch bool

	// 0 is the default of each.
	ConnIdleTTL      time.Duration // an unused connection is closed after it; default 5 minutes
	ConnTTL          time.Duration // a connection's life; default an hour
	LockTimeout      time.Duration // how long a statement waits for a lock; default 5 seconds
	StatementTimeout time.Duration // default 15 seconds
}

// DB holds the two pools.
type DB struct {
	app    *pgxpool.Pool
	system *pgxpool.Pool
	clock  clock.Clock
	log    *slog.Logger

	onChange func(topic string, tenant uuid.UUID)
}

// errURL leaves out what the parser says, which repeats a part of the URL.
var errURL = errors.New("db: GROVE_DATABASE_URL is not a Postgres URL")

// ErrNoRole is returned by Open when the login cannot become one of Grove's roles.
var ErrNoRole = errors.New("db: the login cannot act as Grove's roles; grove migrate makes them")

// ErrUnsafeRole is returned by Open when the connection could read across tenants, by its role or by that of its login,
// to which a smuggled SET ROLE could lead back.
var ErrUnsafeRole = errors.New("db: refusing to run with a role that is superuser, owner or may bypass row-level security")

// Open connects both pools and refuses a server or a role that row-level security cannot be trusted with.
func Open(ctx context.Context, o Options) (*DB, error) {
	app, err := openPool(ctx, o, RoleApp, max(o.MaxConn, 2))
	if err != nil {
		return nil, err
	}
	// River's client, the sealer and the tenant directory share these.
	system, err := openPool(ctx, o, RoleSystem, 6)
	if err != nil {
		app.Close()
		return nil, err
	}
	d := &DB{app: app, system: system, clock: o.Clock, log: o.Log}
	if err := d.checkRoles(ctx, o.AnyPatch); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func openPool(ctx context.Context, o Options, role string, size int) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, errURL
	}
	cfg.MaxConns = int32(size)
	cfg.MaxConnIdleTime = cmp.Or(o.ConnIdleTTL, 5*time.Minute)
	cfg.HealthCheckPeriod = min(time.Minute, max(cfg.MaxConnIdleTime/2, 100*time.Millisecond))
	cfg.MaxConnLifetime = cmp.Or(o.ConnTTL, time.Hour)
	p := cfg.ConnConfig.RuntimeParams
	// The role is the session's default, so that RESET ROLE leads back to it and not to the login.
	p["role"] = role
	p["search_path"] = "grove"
	p["application_name"] = role
	p["timezone"] = "UTC"
	// Every statement names its tenant and reads by an index, so one plan serves all values, and a custom plan costs many
	// times what running it does. The tests check these very plans (testkit.CheckPlans).
	p["plan_cache_mode"] = "force_generic_plan"
	p["statement_timeout"] = milliseconds(cmp.Or(o.StatementTimeout, 15*time.Second))
	p["lock_timeout"] = milliseconds(cmp.Or(o.LockTimeout, 5*time.Second))
	p["idle_in_transaction_session_timeout"] = "15000"
	primaryOnly(cfg.ConnConfig)
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.AfterConnect = writeUUIDs
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("db: open pool of %s: %w", role, err)
	}
	return pool, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// connectTimeout bounds the attempt at each host of the URL.
const connectTimeout = 5 * time.Second

// writeUUIDs lets a connection write UUIDs as they are. pgx by itself takes the way of database/sql, by text and an error that it makes and
// drops, for each one of a list.
func writeUUIDs(_ context.Context, conn *pgx.Conn) error {
	m := conn.TypeMap()
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{pgxuuid.TryWrapUUIDEncodePlan}, m.TryWrapEncodePlanFuncs...)
	return nil
}

// primaryOnly lets connections be made to a server that takes writes and to no other, in the order of the hosts in the URL,
// whatever target_session_attrs says: see docs/adr/0010-primary-only.md. The URL may lower connect_timeout.
func primaryOnly(c *pgx.ConnConfig) {
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	if c.ConnectTimeout <= 0 || c.ConnectTimeout > connectTimeout {
		c.ConnectTimeout = connectTimeout
	}
}

func (d *DB) checkRoles(ctx context.Context, anyPatch bool) error {
	for role, pool := range map[string]*pgxpool.Pool{RoleApp: d.app, RoleSystem: d.system} {
		var version int
		var name string
		var unsafe bool
		err := pool.QueryRow(ctx, `
			SELECT current_setting('server_version_num')::int, current_user,
			       r.rolsuper OR r.rolbypassrls OR EXISTS (
			           SELECT FROM pg_roles l WHERE l.rolname = session_user AND (l.rolsuper OR l.rolbypassrls)) OR EXISTS (
			           SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			           WHERE n.nspname IN ('grove', 'infra') AND c.relowner = r.oid)
			FROM pg_roles r WHERE r.rolname = current_user`).Scan(&version, &name, &unsafe)
		if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && (refused.Code == "22023" || refused.Code == "42501") {
			// The role is not there, or the login is no member: both are what the first migration sees to.
			return fmt.Errorf("%w: %w", ErrNoRole, err)
		}
		if err != nil {
			return fmt.Errorf("db: connect as %s: %w", role, err)
		}
		if err := checkVersion(version); err != nil {
			if !anyPatch || version < 150000 {
				return err
			}
			d.log.WarnContext(ctx, "this database server would be refused by grove serve", "error", err)
		}
		if unsafe || name != role {
			return fmt.Errorf("%w (%s)", ErrUnsafeRole, name)
		}
	}
	return nil
}

// Close closes both pools and waits for their connections.
func (d *DB) Close() {
	d.app.Close()
	d.system.Close()
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.app.Ping(ctx) }

// Clock returns the clock that transactions take their time from.
func (d *DB) Clock() clock.Clock { return d.clock }

// SystemPool is for the job runner, which manages its own transactions in the schema jobs, and for listeners.
func (d *DB) SystemPool() *pgxpool.Pool { return d.system }

// Stats of the application pool, for metrics.
func (d *DB) Stats() *pgxpool.Stat { return d.app.Stat() }

// ownerPool is for migrations of libraries that bring their own.
func ownerPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = 2
	primaryOnly(cfg.ConnConfig)
	cfg.ConnConfig.RuntimeParams["role"] = RoleOwner
	return pgxpool.NewWithConfig(ctx, cfg)
}
