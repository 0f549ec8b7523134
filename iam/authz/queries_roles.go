package authz

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

type roleRow struct {
	ID           ids.Role  `db:"id"`
	Org          ids.Org   `db:"org_id"`
	Name         string    `db:"name"`
	NameKey      string    `db:"name_key"`
	Description  string    `db:"description"`
	AudienceType string    `db:"audience_type"`
	AudienceID   uuid.UUID `db:"audience_id"`
	Builtin      bool      `db:"builtin"`
	CreatedAt    time.Time `db:"created_at"`
	UpdatedAt    time.Time `db:"updated_at"`
	Version      int64     `db:"version"`
	Permissions  []string  `db:"permissions"`
	Management   []string  `db:"management"` // those of permissions that belong to the management API
}

const sqlRoleColumns = `
	SELECT r.id, r.org_id, r.name, r.name_key, r.description, r.audience_type, r.audience_id, r.builtin, r.created_at, r.updated_at, r.version,
	       coalesce(p.names, '{}') AS permissions, coalesce(p.management, '{}') AS management `

const sqlRolePermissions = `
	LEFT JOIN LATERAL (
	    SELECT array_agg(s.name ORDER BY s.name) AS names, array_agg(s.name ORDER BY s.name) FILTER (WHERE ar.builtin) AS management
	    FROM role_permissions rp
	    JOIN api_scopes s ON s.tenant_id = rp.tenant_id AND s.id = rp.scope_id
	    JOIN api_resources ar ON ar.tenant_id = s.tenant_id AND ar.id = s.resource_id
	    WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id) p ON true `

// listRoles returns the roles that can be assigned in an organization: its own, the built-in ones, and those of apps that
// are shared with it. Empty filters select all.
func listRoles(ctx context.Context, tx db.Tx, org ids.Org, audience string, app ids.App, scope string, after position, limit int) ([]roleRow, error) {
	return db.Collect[roleRow](ctx, tx, `
		WITH visible AS (
		    SELECT o.id FROM roles o WHERE o.tenant_id = $1 AND o.org_id = $2
		    UNION SELECT b.id FROM roles b WHERE b.tenant_id = $1 AND b.builtin
		    UNION SELECT a.id FROM infra.shared_apps($1, $2) s
		          JOIN roles a ON a.tenant_id = $1 AND a.audience_id = s.app_id AND a.audience_type = 'application'
		          WHERE s.with_roles
		)`+sqlRoleColumns+`
		FROM visible v JOIN roles r ON r.tenant_id = $1 AND r.id = v.id`+sqlRolePermissions+`
		WHERE ($3 = '' OR r.audience_type = $3) AND ($4::uuid IS NULL OR r.audience_id = $4)
		  AND ($8 = '' OR EXISTS (SELECT FROM role_permissions g JOIN api_scopes n ON n.tenant_id = $1 AND n.id = g.scope_id
		      WHERE g.tenant_id = $1 AND g.role_id = r.id AND n.name = $8))
		  AND (r.name_key, r.id) > ($5, $6::uuid)
		ORDER BY r.name_key, r.id LIMIT $7`, tx.Tenant(), org, audience, app, after.key, after.id, limit, scope)
}

// findRoles returns those of the roles that can be assigned in an organization.
func findRoles(ctx context.Context, tx db.Tx, org ids.Org, roles []ids.Role) ([]roleRow, error) {
	return db.Collect[roleRow](ctx, tx, sqlRoleColumns+`
		FROM roles r`+sqlRolePermissions+`
		WHERE r.tenant_id = $1 AND r.id = ANY ($3::uuid[])
		  AND (r.org_id = $2 OR r.builtin OR r.audience_type = 'application' AND EXISTS (
		      SELECT FROM infra.shared_apps($1, $2) s WHERE s.app_id = r.audience_id AND s.with_roles))`, tx.Tenant(), org, roles)
}

// holdRoles keeps others from changing the roles until the transaction ends, so that what is checked is what is given.
func holdRoles(ctx context.Context, tx db.Tx, roles []ids.Role) error {
	_, err := tx.Exec(ctx, `SELECT FROM roles WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR SHARE`, tx.Tenant(), roles)
	return err
}

// lockRole makes the transaction the role's only writer.
func lockRole(ctx context.Context, tx db.Tx, role ids.Role) error {
	_, err := tx.Exec(ctx, `SELECT FROM roles WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tx.Tenant(), role)
	return err
}

func insertRole(ctx context.Context, tx db.Tx, r roleRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO roles (tenant_id, id, org_id, name, name_key, description, audience_type, audience_id, builtin, created_at, updated_at, sys_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)`,
		tx.Tenant(), r.ID, r.Org, r.Name, r.NameKey, r.Description, r.AudienceType, r.AudienceID, r.Builtin, tx.Now())
	return err
}

func updateRole(ctx context.Context, tx db.Tx, r roleRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE roles SET name = $3, name_key = $4, description = $5, updated_at = $6, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.Name, r.NameKey, r.Description, tx.Now())
	return err
}

func deleteRoles(ctx context.Context, tx db.Tx, roles []ids.Role) error {
	_, err := tx.Exec(ctx, `DELETE FROM roles WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`, tx.Tenant(), roles)
	return err
}

// lockAppRoles returns the roles of an app, and makes the transaction their only writer.
func lockAppRoles(ctx context.Context, tx db.Tx, app ids.App) ([]roleRow, error) {
	_, err := tx.Exec(ctx, `
		SELECT FROM roles WHERE tenant_id = $1 AND audience_id = $2 AND audience_type = 'application' ORDER BY id FOR UPDATE`, tx.Tenant(), app)
	if err != nil {
		return nil, err
	}
	return db.Collect[roleRow](ctx, tx, sqlRoleColumns+`
		FROM roles r`+sqlRolePermissions+`
		WHERE r.tenant_id = $1 AND r.audience_id = $2 AND r.audience_type = 'application' ORDER BY r.id`, tx.Tenant(), app)
}

// replacePermissions makes a role's permissions exactly the scopes; what stays is not touched, so that history is true.
func replacePermissions(ctx context.Context, tx db.Tx, org ids.Org, role ids.Role, scopes []ids.Scope) error {
	if _, err := tx.Exec(ctx, `
		DELETE FROM role_permissions WHERE tenant_id = $1 AND role_id = $2 AND scope_id <> ALL ($3::uuid[])`, tx.Tenant(), role, scopes); err != nil {
		return err
	}
	keys := make([]uuid.UUID, len(scopes))
	for i := range keys {
		keys[i] = uuid.Must(uuid.NewV7())
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO role_permissions (tenant_id, id, org_id, role_id, scope_id, sys_from)
		SELECT $1, n.id, $2, $3, n.scope_id, $6 FROM unnest($4::uuid[], $5::uuid[]) AS n (id, scope_id)
		ON CONFLICT (tenant_id, role_id, scope_id) DO NOTHING`, tx.Tenant(), org, role, keys, scopes, tx.Now())
	return err
}

// appOwner returns the organization that owns an app; the zero one where there is no such app.
func appOwner(ctx context.Context, tx db.Tx, app ids.App) (owner ids.Org, err error) {
	err = tx.QueryRow(ctx, `SELECT org_id FROM apps WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), app).Scan(&owner)
	if db.IsNoRows(err) {
		return ids.Org{}, nil
	}
	return owner, err
}

// notAuthorized returns those of the scopes that an app may not ask for.
func notAuthorized(ctx context.Context, tx db.Tx, app ids.App, scopes []ids.Scope) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT s.name FROM api_scopes s
		WHERE s.tenant_id = $1 AND s.id = ANY ($3::uuid[]) AND NOT EXISTS (
		    SELECT FROM app_apis aa WHERE aa.tenant_id = $1 AND aa.app_id = $2 AND aa.resource_id = s.resource_id
		      AND (s.name = ANY (aa.scopes) OR $4 = ANY (aa.scopes)))`, tx.Tenant(), app, scopes, AllScopes)
}

// heldBeyond reports whether a role is held anywhere but with reach org in the organization that defines it.
func heldBeyond(ctx context.Context, tx db.Tx, r roleRow) (beyond bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM role_assignments ra WHERE ra.tenant_id = $1 AND ra.role_id = $2 AND (ra.org_id <> $3 OR ra.reach = 'subtree'))`,
		tx.Tenant(), r.ID, r.Org).Scan(&beyond)
	return beyond, err
}
