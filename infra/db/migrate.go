package db

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// ErrChanged is returned by Migrate when a migration that has run was edited since.
var ErrChanged = errors.New("db: a migration that has already run was changed")

// ErrPending is returned by CheckMigrated when the database is behind the program.
var ErrPending = errors.New("db: migrations are pending; run 'grove migrate'")

type migration struct {
	name, sql string
	sum       []byte
}

var migrationName = regexp.MustCompile(`^\d{8}T\d{6}_[a-z0-9_]+\.sql$`)

// merge puts the folders of all modules into one timeline, ordered by name.
func merge(folders []fs.FS) ([]migration, error) {
	var all []migration
	for _, folder := range folders {
		names, err := fs.Glob(folder, "*.sql")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if !migrationName.MatchString(name) {
				return nil, fmt.Errorf("db: migration %s: want 20060102T150405_words.sql", name)
			}
			raw, err := fs.ReadFile(folder, name)
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(raw)
			all = append(all, migration{name: name, sql: string(raw), sum: sum[:]})
		}
	}
	slices.SortFunc(all, func(a, b migration) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if all[i].name[:15] == all[i-1].name[:15] {
			return nil, fmt.Errorf("db: migrations %s and %s have the same time", all[i-1].name, all[i].name)
		}
	}
	return all, nil
}

// Digest names the state that the folders lead to; equal digests mean equal schemas.
func Digest(folders []fs.FS) (string, error) {
	all, err := merge(folders)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range all {
		h.Write([]byte(m.name))
		h.Write(m.sum)
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:16], nil
}

// lockKey is the advisory lock that one migrating process holds.
const lockKey = 0x67726f7665 // "grove"

// Migrate brings the database at url to the state of the folders. It makes the roles where they are missing, for which
// the login needs CREATEROLE once. Each file runs in its own transaction, once, by name; a changed file is refused. A
// table that others hold is waited for in short turns, up to ten minutes.
func Migrate(ctx context.Context, url string, folders []fs.FS) (applied []string, err error) {
	all, err := merge(folders)
	if err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	primaryOnly(cfg)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("db: connect for migration: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockKey); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, foundation); err != nil {
		return nil, fmt.Errorf("db: make roles and schemas (the login needs CREATEROLE and CREATE on the database): %w", err)
	}
	if _, err := conn.Exec(ctx, `SET ROLE grove_owner; SET search_path = grove, infra`); err != nil {
		return nil, err
	}
	if err := migrateJobs(ctx, url); err != nil {
		return nil, err
	}
	done, err := history(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if sum, ok := done[m.name]; ok {
			if sum != string(m.sum) {
				return applied, fmt.Errorf("%w: %s", ErrChanged, m.name)
			}
			continue
		}
		if err := m.apply(ctx, conn); err != nil {
			return applied, fmt.Errorf("db: migration %s: %w", m.name, err)
		}
		applied = append(applied, m.name)
	}
	return applied, nil
}

const (
	// lockWait bounds how long a migration waits for each table: whoever comes to the table after it waits behind it.
	lockWait = time.Second
	// lockPatience is how long a migration comes back to a table that is held, such as by a long report or a backup.
	lockPatience = 10 * time.Minute
	longestPause = 15 * time.Second
)

// apply runs a file in a transaction of its own. One that waited too long for a lock is undone and tried again after a pause, in
// which those who wait for the same table get through.
func (m migration) apply(ctx context.Context, conn *pgx.Conn) error {
	patience, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for pause := lockWait; ; pause = min(2*pause, longestPause) {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SET LOCAL lock_timeout = `+strconv.FormatInt(lockWait.Milliseconds(), 10))
			if err == nil {
				_, err = tx.Exec(ctx, m.sql)
			}
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO infra.migrations (name, sum) VALUES ($1, $2)`, m.name, m.sum)
			}
			return err
		})
		if !isState(err, "55P03", "40P01") { // lock_not_available, deadlock_detected
			return err
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func history(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, `SELECT name, sum FROM infra.migrations`)
	if err != nil {
		return nil, err
	}
	done := map[string]string{}
	var name string
	var sum []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &sum}, func() error {
		done[name] = string(sum)
		return nil
	})
	return done, err
}

// CheckMigrated reports whether the database is where the folders lead. A newer database is fine: migrations only
// expand what older programs use.
func (d *DB) CheckMigrated(ctx context.Context, folders []fs.FS) error {
	all, err := merge(folders)
	if err != nil {
		return err
	}
	rows, err := d.system.Query(ctx, `SELECT name FROM infra.migrations`)
	if err != nil {
		return ErrPending
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return ErrPending
	}
	for _, m := range all {
		if !slices.Contains(names, m.name) {
			return fmt.Errorf("%w (%s)", ErrPending, m.name)
		}
	}
	return nil
}

// JobsSchema holds River's tables.
const JobsSchema = "jobs"

func migrateJobs(ctx context.Context, url string) error {
	pool, err := ownerPool(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: JobsSchema})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("db: migrate the job queue: %w", err)
	}
	// Inserting a job is an upsert, hence UPDATE; working jobs is for grove_system alone.
	_, err = pool.Exec(ctx, `
		GRANT USAGE ON SCHEMA jobs TO grove_app, grove_system;
		GRANT SELECT, INSERT, UPDATE ON jobs.river_job TO grove_app;
		GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO grove_app, grove_system;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO grove_system;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO grove_app, grove_system`)
	return err
}

// foundation is what must be there before the first migration, and may be there already.
var foundation = strings.Join([]string{
	makeRole("grove_owner"), makeRole("grove_app"), makeRole("grove_system"),
	`CREATE SCHEMA IF NOT EXISTS grove AUTHORIZATION grove_owner`,
	`CREATE SCHEMA IF NOT EXISTS infra AUTHORIZATION grove_owner`,
	`CREATE SCHEMA IF NOT EXISTS jobs AUTHORIZATION grove_owner`,
	`SET ROLE grove_owner`,
	`GRANT USAGE ON SCHEMA grove TO grove_app, grove_system`,
	`CREATE TABLE IF NOT EXISTS infra.migrations (name text PRIMARY KEY, sum bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
	`GRANT USAGE ON SCHEMA infra TO grove_app, grove_system`,
	`GRANT SELECT ON infra.migrations TO grove_app, grove_system`,
	`RESET ROLE`,
}, ";\n")

// makeRole makes a role without login and lets the connecting login take it. The catalogue is checked first, because
// a login without CREATEROLE must get through where the roles are there.
func makeRole(name string) string {
	return `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + name + `') THEN
			CREATE ROLE ` + name + ` NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
		END IF;
		IF NOT pg_has_role(session_user, '` + name + `', 'MEMBER') THEN
			EXECUTE format('GRANT ` + name + ` TO %I', session_user);
		END IF;
	END $$`
}
