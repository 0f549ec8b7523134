package sharing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

type appRow struct {
	ID       ids.App `db:"id"`
	ClientID string  `db:"client_id"`
	Builtin  bool    `db:"builtin"`
}

// findApp returns an app that org owns.
func findApp(ctx context.Context, tx db.Tx, org ids.Org, app ids.App) (appRow, error) {
	return db.CollectOne[appRow](ctx, tx, `SELECT id, client_id, builtin FROM apps WHERE tenant_id = $1 AND id = $2 AND org_id = $3`, tx.Tenant(), app, org)
}

// lockApp is findApp that makes the transaction the only writer of the app's share.
func lockApp(ctx context.Context, tx db.Tx, org ids.Org, app ids.App) (appRow, error) {
	return db.CollectOne[appRow](ctx, tx, `
		SELECT id, client_id, builtin FROM apps WHERE tenant_id = $1 AND id = $2 AND org_id = $3 FOR UPDATE`, tx.Tenant(), app, org)
}

type shareRow struct {
	Policy    string    `db:"policy"`
	Roles     string    `db:"share_roles"`
	Targets   []ids.Org `db:"targets"`
	UpdatedAt time.Time `db:"updated_at"`
	Version   int64     `db:"version"`
}

// findShare returns an app's share; the row says none where nothing was ever shared.
func findShare(ctx context.Context, tx db.Tx, app ids.App) (shareRow, error) {
	row, err := db.CollectOne[shareRow](ctx, tx, `
		SELECT s.policy, s.share_roles, s.updated_at, s.version,
		       coalesce((SELECT array_agg(t.target_id ORDER BY t.target_id) FROM app_share_targets t WHERE t.tenant_id = $1 AND t.app_id = $2), '{}') AS targets
		FROM app_shares s WHERE s.tenant_id = $1 AND s.app_id = $2`, tx.Tenant(), app)
	if db.IsNoRows(err) {
		return shareRow{Policy: PolicyNone, Roles: rolesNone}, nil
	}
	return row, err
}

func putShare(ctx context.Context, tx db.Tx, org ids.Org, app ids.App, policy, roles string) (version int64, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO app_shares (tenant_id, app_id, org_id, policy, share_roles, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, app_id) DO UPDATE
		SET policy = excluded.policy, share_roles = excluded.share_roles, updated_at = excluded.updated_at, version = app_shares.version + 1
		RETURNING version`, tx.Tenant(), app, org, policy, roles, tx.Now()).Scan(&version)
	return version, err
}

func dropTargets(ctx context.Context, tx db.Tx, app ids.App, keep []ids.Org) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM app_share_targets t WHERE t.tenant_id = $1 AND t.app_id = $2
		  AND NOT EXISTS (SELECT FROM unnest($3::uuid[]) AS k (id) WHERE k.id = t.target_id)`, tx.Tenant(), app, keep)
	return err
}

// addTargets adds those of the targets that lie below owner, and returns how many of them do, new or not.
func addTargets(ctx context.Context, tx db.Tx, app ids.App, owner ids.Org, targets []ids.Org) (n int, err error) {
	err = tx.QueryRow(ctx, `
		WITH below AS (
		    SELECT n.id FROM unnest($4::uuid[]) AS n (id)
		    JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = n.id AND c.ancestor_id = $3 AND c.depth > 0
		), added AS (
		    INSERT INTO app_share_targets (tenant_id, app_id, target_id) SELECT $1, $2, b.id FROM below b
		    ON CONFLICT (tenant_id, app_id, target_id) DO NOTHING
		)
		SELECT count(*) FROM below`, tx.Tenant(), app, owner, targets).Scan(&n)
	return n, err
}

// availability answers for one app and one organization.
func availability(ctx context.Context, tx db.Tx, app ids.App, org ids.Org) (a Availability, err error) {
	err = tx.QueryRow(ctx, `SELECT true, s.with_roles FROM infra.shared_apps($1, $2) s WHERE s.app_id = $3`, tx.Tenant(), org, app).Scan(&a.Available, &a.Roles)
	if db.IsNoRows(err) {
		return Availability{}, nil
	}
	return a, err
}

// availableIn answers for one app and many organizations below its owner.
func availableIn(ctx context.Context, tx db.Tx, app ids.App, orgs []ids.Org) ([]ids.Org, error) {
	return db.Scalars[ids.Org](ctx, tx, `
		SELECT o.id FROM unnest($3::uuid[]) AS o (id) WHERE EXISTS (SELECT FROM infra.shared_apps($1, o.id) s WHERE s.app_id = $2)`,
		tx.Tenant(), app, orgs)
}

type availableRow struct {
	ID          ids.App `db:"id"`
	ClientID    string  `db:"client_id"`
	Name        string  `db:"name"`
	NameKey     string  `db:"name_key"`
	Description string  `db:"description"`
	LogoURI     string  `db:"logo_uri"`
	AccessURL   string  `db:"access_url"`
	Builtin     bool    `db:"builtin"`
	Owner       ids.Org `db:"org_id"`
	OwnerName   string  `db:"owner_name"`
	WithRoles   bool    `db:"with_roles"`
}

// What narrows the list of available apps to those that people may open, with or without the console.
const (
	openable   = ` AND a.access_url <> '' AND a.discoverable`
	notConsole = ` AND NOT (a.builtin AND a.client_id = 'console')`
	owned      = ` AND a.org_id = $2`
	shared     = ` AND a.org_id <> $2`
)

// availableApps returns a page of the enabled apps that an organization owns or that are shared with it, by name.
func availableApps(ctx context.Context, tx db.Tx, org ids.Org, narrowed string, req page.Request) (page.Result[availableRow], error) {
	after, _ := uuid.Parse(req.Part(1)) // "" on the first page is the zero UUID, before all others
	rows, err := db.Collect[availableRow](ctx, tx, `
		WITH available AS (
		    SELECT o.id, true AS with_roles FROM apps o WHERE o.tenant_id = $1 AND o.org_id = $2
		    UNION ALL
		    SELECT s.app_id, s.with_roles FROM infra.shared_apps($1, $2) s
		)
		SELECT a.id, a.client_id, a.name, a.name_key, a.description, a.logo_uri, a.access_url, a.builtin, a.org_id, o.name AS owner_name, v.with_roles
		FROM available v
		JOIN apps a ON a.tenant_id = $1 AND a.id = v.id AND a.enabled
		JOIN organizations o ON o.tenant_id = $1 AND o.id = a.org_id
		WHERE (a.name_key, a.id) > ($3, $4::uuid)`+narrowed+`
		ORDER BY a.name_key, a.id LIMIT $5`, tx.Tenant(), org, req.Part(0), after, req.Limit())
	return page.Cut(req, rows, func(r availableRow) []string { return []string{r.NameKey, r.ID.UUID().String()} }), err
}

// shareBuiltin shares the built-in apps with every organization below the root, and with them the roles that the root
// defines for them.
func shareBuiltin(ctx context.Context, tx db.Tx) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO app_shares (tenant_id, app_id, org_id, policy, share_roles, updated_at)
		SELECT a.tenant_id, a.id, a.org_id, 'all', 'all', $2 FROM apps a WHERE a.tenant_id = $1 AND a.builtin`, tx.Tenant(), tx.Now())
	return err
}
