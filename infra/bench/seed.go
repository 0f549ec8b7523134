package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// fanOut is how many children each organization of the seeded tree has, as far as the organizations last.
const fanOut = 20

// The rows are written as the owner of the tables: only their number matters here, and the API takes one at a time.
// Row security holds for the owner too, so the tenant must be set.
const (
	seedTreeSQL = `
		WITH RECURSIVE nodes AS (
			SELECT i, CASE WHEN i <= @fan THEN 0 ELSE (i - 1) / @fan END AS parent,
			       overlay(overlay(md5('org ' || i)::text PLACING '7' FROM 13) PLACING '8' FROM 17)::uuid AS id
			FROM generate_series(1, @count) i
		), made AS (
			INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
			SELECT @tenant, n.id, coalesce(p.id, @root), 'bench-' || n.i, 'Bench ' || lpad(n.i::text, 6, '0'), 'bench ' || lpad(n.i::text, 6, '0'),
			       'active', now(), now()
			FROM nodes n LEFT JOIN nodes p ON p.i = n.parent
			RETURNING id
		), pairs AS (
			SELECT id AS descendant, 'bench ' || lpad(i::text, 6, '0') AS name_key, i, id AS ancestor, parent, 0 AS depth FROM nodes
			UNION ALL
			SELECT c.descendant, c.name_key, c.parent, CASE WHEN c.parent = 0 THEN @root ELSE n.id END, n.parent, c.depth + 1
			FROM pairs c LEFT JOIN nodes n ON n.i = c.parent WHERE c.parent IS NOT NULL
		)
		INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth, name_key)
		SELECT @tenant, ancestor, descendant, depth, name_key FROM pairs`

	// Identifiers that rise with time, as the program's own do.
	seedUsersSQL = `
		INSERT INTO users (tenant_id, id, org_id, username, username_key, email, email_key, email_verified, given_name, family_name, status,
		                   created_at, updated_at)
		SELECT @tenant, (lpad(to_hex(@millis::bigint + i), 12, '0') || '7' || lpad(to_hex(i % 4096), 3, '0') || '8' ||
		                 lpad(to_hex(i), 15, '0'))::uuid,
		       @root, name, name, name || '@example.com', name || '@example.com', true, 'Given', 'Family ' || i, 'active', now(), now()
		FROM (SELECT i, 'user' || lpad(i::text, 7, '0') AS name FROM generate_series(@from::int, @to::int) i) n`
	seedMembersSQL = `
		INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at)
		SELECT tenant_id, id, org_id, id, 'resident', now() FROM users
		WHERE tenant_id = @tenant AND org_id = @root AND username_key >= @first AND username_key <= @last`
)

// seedBatch is how many people one transaction makes.
const seedBatch = 50_000

// username is the name of the seeded person number i, counted from 1.
func username(i int) string { return fmt.Sprintf("user%07d", i) }

// orgHandle is the handle of the seeded organization number i, counted from 1.
func orgHandle(i int) string { return fmt.Sprintf("bench-%d", i) }

// parentOf is the number of an organization's parent; 0 is the root.
func parentOf(i int) int {
	if i <= fanOut {
		return 0
	}
	return (i - 1) / fanOut
}

// seed fills the tenant with people and a tree.
func seed(ctx context.Context, g *grove, people, organizations int) error {
	conn, err := pgx.Connect(ctx, g.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var tenant, root uuid.UUID
	if _, err := conn.Exec(ctx, `SET search_path = grove, infra; SET statement_timeout = 0; SET synchronous_commit = off; SET ROLE grove_system`); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, `SELECT tenant_id, root_org_id FROM tenants WHERE handle = $1`, g.Tenant).Scan(&tenant, &root); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `SET ROLE grove_owner`); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `SELECT set_config('grove.tenant_id', $1, false)`, tenant.String()); err != nil {
		return err
	}
	args := pgx.NamedArgs{"tenant": tenant, "root": root, "fan": fanOut, "count": organizations}
	if _, err := conn.Exec(ctx, seedTreeSQL, args); err != nil {
		return fmt.Errorf("seed the tree: %w", err)
	}
	for from := 1; from <= people; from += seedBatch {
		to := min(from+seedBatch-1, people)
		args["from"], args["to"], args["first"], args["last"] = from, to, username(from), username(to)
		args["millis"] = time.Now().Add(-24 * time.Hour).UnixMilli()
		for _, sql := range []string{seedUsersSQL, seedMembersSQL} {
			if _, err := conn.Exec(ctx, sql, args); err != nil {
				return fmt.Errorf("seed people: %w", err)
			}
		}
	}
	for _, table := range []string{"users", "memberships", "organizations", "org_closure"} {
		if _, err := conn.Exec(ctx, `VACUUM (ANALYZE) `+table); err != nil { // a constant
			return err
		}
	}
	var n int
	err = conn.QueryRow(ctx, `SELECT count(*) FROM users WHERE tenant_id = $1`, tenant).Scan(&n)
	if err == nil && n < people {
		err = errors.New("the people are not all there")
	}
	return err
}
