package authz

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

type assignmentRow struct {
	ID            ids.Assignment `db:"id"`
	Org           ids.Org        `db:"org_id"`
	Role          ids.Role       `db:"role_id"`
	PrincipalKind string         `db:"principal_kind"`
	PrincipalID   uuid.UUID      `db:"principal_id"`
	Reach         string         `db:"reach"`
	CreatedAt     time.Time      `db:"created_at"`
}

const sqlAssignmentColumns = `SELECT id, org_id, role_id, principal_kind, principal_id, reach, created_at FROM role_assignments `

func listAssignments(ctx context.Context, tx db.Tx, org ids.Org, role ids.Role, after uuid.UUID, limit int) ([]assignmentRow, error) {
	return db.Collect[assignmentRow](ctx, tx, sqlAssignmentColumns+`
		WHERE tenant_id = $1 AND role_id = $2 AND org_id = $3 AND id > $4 ORDER BY id LIMIT $5`, tx.Tenant(), role, org, after, limit)
}

func findAssignment(ctx context.Context, tx db.Tx, org ids.Org, id ids.Assignment) (assignmentRow, error) {
	return db.CollectOne[assignmentRow](ctx, tx, sqlAssignmentColumns+`WHERE tenant_id = $1 AND id = $2 AND org_id = $3`, tx.Tenant(), id, org)
}

// insertAssignment reports whether the assignment is new.
func insertAssignment(ctx context.Context, tx db.Tx, a assignmentRow) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO role_assignments (tenant_id, id, org_id, role_id, principal_kind, principal_id, reach, created_at, sys_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
		ON CONFLICT (tenant_id, org_id, role_id, principal_kind, principal_id) DO NOTHING`,
		tx.Tenant(), a.ID, a.Org, a.Role, a.PrincipalKind, a.PrincipalID, a.Reach, tx.Now())
	return n == 1, err
}

func deleteAssignment(ctx context.Context, tx db.Tx, id ids.Assignment) error {
	_, err := tx.Exec(ctx, `DELETE FROM role_assignments WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

func deleteAssignmentsOf(ctx context.Context, tx db.Tx, org ids.Org, kind string, principal uuid.UUID) ([]assignmentRow, error) {
	return db.Collect[assignmentRow](ctx, tx, `
		DELETE FROM role_assignments WHERE tenant_id = $1 AND principal_id = $2 AND org_id = $3 AND principal_kind = $4 `+sqlTaken, tx.Tenant(), principal, org, kind)
}

const sqlTaken = `RETURNING id, org_id, role_id, principal_kind, principal_id, reach, created_at`

// takeAssignments deletes some of the assignments of roles, limit at most, and returns them.
func takeAssignments(ctx context.Context, tx db.Tx, roles []ids.Role, limit int) ([]assignmentRow, error) {
	return db.Collect[assignmentRow](ctx, tx, `
		DELETE FROM role_assignments WHERE tenant_id = $1 AND id = ANY (ARRAY(
		    SELECT id FROM role_assignments WHERE tenant_id = $1 AND role_id = ANY ($2::uuid[]) LIMIT $3)) `+sqlTaken, tx.Tenant(), roles, limit)
}

// takeAssignmentsIn is takeAssignments in some organizations.
func takeAssignmentsIn(ctx context.Context, tx db.Tx, roles []ids.Role, orgs []ids.Org, limit int) ([]assignmentRow, error) {
	return db.Collect[assignmentRow](ctx, tx, `
		DELETE FROM role_assignments WHERE tenant_id = $1 AND id = ANY (ARRAY(
		    SELECT id FROM role_assignments WHERE tenant_id = $1 AND role_id = ANY ($2::uuid[]) AND org_id = ANY ($3::uuid[]) LIMIT $4)) `+sqlTaken,
		tx.Tenant(), roles, orgs, limit)
}

// unshared returns the roles of an app, and the organizations in which they are held that no longer have them.
func unshared(ctx context.Context, tx db.Tx, app ids.App) (roles []ids.Role, orgs []ids.Org, err error) {
	roles, err = db.Scalars[ids.Role](ctx, tx, `SELECT id FROM roles WHERE tenant_id = $1 AND audience_id = $2 AND audience_type = 'application'`, tx.Tenant(), app)
	if err != nil || len(roles) == 0 {
		return roles, nil, err
	}
	orgs, err = db.Scalars[ids.Org](ctx, tx, `
		SELECT DISTINCT ra.org_id FROM role_assignments ra JOIN roles r ON r.tenant_id = $1 AND r.id = ra.role_id
		WHERE ra.tenant_id = $1 AND ra.role_id = ANY ($3::uuid[]) AND ra.org_id <> r.org_id
		  AND NOT EXISTS (SELECT FROM infra.shared_apps($1, ra.org_id) s WHERE s.app_id = $2 AND s.with_roles)`, tx.Tenant(), app, roles)
	return roles, orgs, err
}

// toldRole is what events say of a role.
type toldRole struct {
	ID      ids.Role `db:"id"`
	Name    string   `db:"name"`
	App     *ids.App `db:"app_id"`
	AppName string   `db:"app_name"`
}

func tellRoles(ctx context.Context, tx db.Tx, roles []ids.Role) (map[ids.Role]toldRole, error) {
	rows, err := db.Collect[toldRole](ctx, tx, `
		SELECT r.id, r.name, a.id AS app_id, coalesce(a.name, '') AS app_name
		FROM roles r LEFT JOIN apps a ON a.tenant_id = r.tenant_id AND a.id = r.audience_id AND r.audience_type = 'application'
		WHERE r.tenant_id = $1 AND r.id = ANY ($2::uuid[])`, tx.Tenant(), roles)
	told := make(map[ids.Role]toldRole, len(rows))
	for _, row := range rows {
		told[row.ID] = row
	}
	return told, err
}

// lockAdministrator makes the transaction the only one that may take the role Administrator from somebody, and returns it.
func lockAdministrator(ctx context.Context, tx db.Tx) (role ids.Role, root ids.Org, err error) {
	err = tx.QueryRow(ctx, `
		SELECT id, org_id FROM roles WHERE tenant_id = $1 AND builtin AND name_key = $2 FOR UPDATE`, tx.Tenant(), administratorKey).Scan(&role, &root)
	return role, root, err
}

// lockAdministratorOf is lockAdministrator if a group holds the role, and has no rows else. org is the group's.
func lockAdministratorOf(ctx context.Context, tx db.Tx, group ids.Group) (role ids.Role, root, org ids.Org, err error) {
	err = tx.QueryRow(ctx, `
		SELECT r.id, r.org_id, ra.org_id FROM roles r
		JOIN role_assignments ra ON ra.tenant_id = $1 AND ra.role_id = r.id AND ra.principal_id = $3 AND ra.principal_kind = 'group'
		WHERE r.tenant_id = $1 AND r.builtin AND r.name_key = $2
		FOR UPDATE OF r`, tx.Tenant(), administratorKey, group).Scan(&role, &root, &org)
	return role, root, org, err
}

// sqlAdministrators are the active people u who are Administrator ($2) of an organization o.org_id, directly or by a group.
// At the root ($3) only those count who are so in the whole tree.
const sqlAdministrators = `
	SELECT FROM role_assignments o
	LEFT JOIN group_members gm ON gm.tenant_id = $1 AND gm.group_id = o.principal_id AND o.principal_kind = 'group'
	JOIN users u ON u.tenant_id = $1 AND u.id = CASE o.principal_kind WHEN 'user' THEN o.principal_id ELSE gm.user_id END
	WHERE o.tenant_id = $1 AND o.role_id = $2 AND (o.org_id <> $3 OR o.reach = 'subtree') AND u.status = 'active'`

func hasAdministrator(ctx context.Context, tx db.Tx, role ids.Role, root, org ids.Org) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (`+sqlAdministrators+` AND o.org_id = $4)`, tx.Tenant(), role, root, org).Scan(&has)
	return has, err
}

// administersAlone returns the organizations whose only active Administrator a person is.
func administersAlone(ctx context.Context, tx db.Tx, role ids.Role, root ids.Org, user ids.User) ([]ids.Org, error) {
	return db.Scalars[ids.Org](ctx, tx, `
		SELECT DISTINCT ra.org_id
		FROM role_assignments ra
		JOIN users me ON me.tenant_id = $1 AND me.id = $4 AND me.status = 'active'
		WHERE ra.tenant_id = $1 AND ra.role_id = $2 AND (ra.org_id <> $3 OR ra.reach = 'subtree')
		  AND ra.principal_id IN (SELECT $4 UNION ALL SELECT group_id FROM group_members WHERE tenant_id = $1 AND user_id = $4)
		  AND NOT EXISTS (`+sqlAdministrators+` AND o.org_id = ra.org_id AND u.id <> $4)`, tx.Tenant(), role, root, user)
}

func liesBelow(ctx context.Context, tx db.Tx, org, above ids.Org) (below bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM org_closure WHERE tenant_id = $1 AND descendant_id = $2 AND ancestor_id = $3 AND depth > 0)`,
		tx.Tenant(), org, above).Scan(&below)
	return below, err
}

type groupRoleRow struct {
	Org        ids.Org  `db:"org_id"`
	Reach      string   `db:"reach"`
	Management []string `db:"management"`
}

// groupRoles returns what the roles of a group give, those included that give nothing while a share does not reach it, and
// keeps them as they are until the transaction ends.
func groupRoles(ctx context.Context, tx db.Tx, group ids.Group) ([]groupRoleRow, error) {
	_, err := tx.Exec(ctx, `
		SELECT FROM roles WHERE tenant_id = $1 AND id IN (
		    SELECT ra.role_id FROM role_assignments ra WHERE ra.tenant_id = $1 AND ra.principal_id = $2 AND ra.principal_kind = 'group')
		ORDER BY id FOR SHARE`, tx.Tenant(), group)
	if err != nil {
		return nil, err
	}
	return db.Collect[groupRoleRow](ctx, tx, `
		SELECT ra.org_id, ra.reach, coalesce(p.management, '{}') AS management
		FROM role_assignments ra JOIN roles r ON r.tenant_id = $1 AND r.id = ra.role_id`+sqlRolePermissions+`
		WHERE ra.tenant_id = $1 AND ra.principal_id = $2 AND ra.principal_kind = 'group'`, tx.Tenant(), group)
}
