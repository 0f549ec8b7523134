package authz

import (
	"context"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// sqlHeld is the common part of every decision: the assignments that count for person $3 with a token of each of the
// organizations $2 (at) in tenant $1. They are found from the person's side, whatever the number of assignments in the
// organization.
const sqlHeld = `
	WITH principals AS (
	    SELECT 'user' AS kind, $3::uuid AS id
	    UNION ALL
	    SELECT 'group', gm.group_id FROM group_members gm WHERE gm.tenant_id = $1 AND gm.user_id = $3
	), held AS (
	    SELECT c.descendant_id AS at, ra.id, ra.org_id, ra.reach, ra.principal_kind, ra.principal_id, ra.role_id
	    FROM principals p
	    JOIN role_assignments ra ON ra.tenant_id = $1 AND ra.principal_id = p.id AND ra.principal_kind = p.kind
	    JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = ANY ($2) AND c.ancestor_id = ra.org_id
	    JOIN roles r ON r.tenant_id = $1 AND r.id = ra.role_id
	    WHERE (c.depth = 0 OR ra.reach = 'subtree')
	      AND (r.builtin OR r.org_id = ra.org_id OR r.audience_type = 'application' AND EXISTS (
	          SELECT FROM infra.shared_apps($1, ra.org_id) s WHERE s.app_id = r.audience_id AND s.with_roles))
	)`

type heldScope struct {
	Org        ids.Org `db:"org_id"`
	Name       string  `db:"name"`
	Management bool    `db:"management"`
	Below      bool    `db:"below"` // held with reach subtree
}

// heldScopes returns the scopes that the person's roles give with a token of tokenOrg in each of the organizations that
// lie within it.
func heldScopes(ctx context.Context, tx db.Querier, user ids.User, tokenOrg ids.Org, orgs []ids.Org) ([]heldScope, error) {
	return db.Collect[heldScope](ctx, tx, sqlHeld+`
		SELECT g.descendant_id AS org_id, s.name, ar.builtin AS management, bool_or(h.reach = 'subtree') AS below
		FROM held h
		JOIN role_permissions rp ON rp.tenant_id = $1 AND rp.role_id = h.role_id
		JOIN api_scopes s ON s.tenant_id = $1 AND s.id = rp.scope_id
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id
		JOIN org_closure g ON g.tenant_id = $1 AND g.descendant_id = ANY ($4) AND g.ancestor_id = h.at
		GROUP BY g.descendant_id, s.name, ar.builtin`, tx.Tenant(), []ids.Org{tokenOrg}, user, orgs)
}

// ownScopes returns the management scopes that the person's roles give in each of the organizations, with a token of just
// that one.
func ownScopes(ctx context.Context, tx db.Querier, user ids.User, orgs []ids.Org) ([]heldScope, error) {
	return db.Collect[heldScope](ctx, tx, sqlHeld+`
		SELECT h.at AS org_id, s.name, true AS management, bool_or(h.reach = 'subtree') AS below
		FROM held h
		JOIN role_permissions rp ON rp.tenant_id = $1 AND rp.role_id = h.role_id
		JOIN api_scopes s ON s.tenant_id = $1 AND s.id = rp.scope_id
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id AND ar.builtin
		GROUP BY h.at, s.name`, tx.Tenant(), orgs, user)
}

// clientScopes returns the management scopes that a client is authorized for in each of the organizations that lie
// within the client's own.
func clientScopes(ctx context.Context, tx db.Querier, app ids.App, orgs []ids.Org) ([]heldScope, error) {
	return db.Collect[heldScope](ctx, tx, `
		SELECT c.descendant_id AS org_id, s.name, true AS management, true AS below
		FROM apps a
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = ANY ($3) AND c.ancestor_id = a.org_id
		JOIN app_apis aa ON aa.tenant_id = $1 AND aa.app_id = a.id
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = aa.resource_id AND ar.builtin
		JOIN api_scopes s ON s.tenant_id = $1 AND s.resource_id = ar.id AND (s.name = ANY (aa.scopes) OR $4 = ANY (aa.scopes))
		WHERE a.tenant_id = $1 AND a.id = $2`, tx.Tenant(), app, orgs, AllScopes)
}

// gainedByMove returns the management scopes that people and clients of the organizations at and above parent, which are
// not above org yet, hold in all that lies below them.
func gainedByMove(ctx context.Context, tx db.Tx, org, parent ids.Org) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		WITH above AS (
		    SELECT c.ancestor_id AS id FROM org_closure c WHERE c.tenant_id = $1 AND c.descendant_id = $3
		    EXCEPT
		    SELECT c.ancestor_id FROM org_closure c WHERE c.tenant_id = $1 AND c.descendant_id = $2
		)
		SELECT s.name
		FROM above
		JOIN role_assignments ra ON ra.tenant_id = $1 AND ra.org_id = above.id AND ra.reach = 'subtree'
		JOIN role_permissions rp ON rp.tenant_id = $1 AND rp.role_id = ra.role_id
		JOIN api_scopes s ON s.tenant_id = $1 AND s.id = rp.scope_id
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id AND ar.builtin
		UNION
		SELECT s.name
		FROM above
		JOIN apps a ON a.tenant_id = $1 AND a.org_id = above.id AND NOT a.builtin AND 'client_credentials' = ANY (a.grant_types)
		JOIN app_apis aa ON aa.tenant_id = $1 AND aa.app_id = a.id
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = aa.resource_id AND ar.builtin
		JOIN api_scopes s ON s.tenant_id = $1 AND s.resource_id = ar.id AND (s.name = ANY (aa.scopes) OR $4 = ANY (aa.scopes))`,
		tx.Tenant(), org, parent, AllScopes)
}

// sqlRoleNames are the names of the roles held that app $4 may see in the roles claim, of audience $5: its own ones, or those of the
// organization that owns it. Roles that another organization made up never reach it.
const sqlRoleNames = `
	SELECT DISTINCT r.name, true AS role
	FROM apps a
	CROSS JOIN held h
	JOIN roles r ON r.tenant_id = $1 AND r.id = h.role_id
	WHERE a.tenant_id = $1 AND a.id = $4 AND r.audience_type = $5
	  AND (r.audience_type = 'organization' AND (r.builtin OR r.org_id = a.org_id) OR r.audience_type = 'application' AND r.audience_id = a.id)`

// heldName is the name of a role, or of a scope that roles give.
type heldName struct {
	Name string `db:"name"`
	Role bool   `db:"role"`
}

func roleNames(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) ([]heldName, error) {
	return db.Collect[heldName](ctx, tx, sqlHeld+sqlRoleNames+` ORDER BY r.name`, tx.Tenant(), []ids.Org{org}, user, app, audience)
}

// heldNames is roleNames, and the scopes that the person's roles give, in one query.
func heldNames(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) ([]heldName, error) {
	return db.Collect[heldName](ctx, tx, sqlHeld+`
		SELECT DISTINCT s.name, false AS role
		FROM held h
		JOIN role_permissions rp ON rp.tenant_id = $1 AND rp.role_id = h.role_id
		JOIN api_scopes s ON s.tenant_id = $1 AND s.id = rp.scope_id
		UNION ALL`+sqlRoleNames+` ORDER BY name`, tx.Tenant(), []ids.Org{org}, user, app, audience)
}

type heldRoleRow struct {
	Assignment    ids.Assignment `db:"id"`
	Org           ids.Org        `db:"org_id"`
	Reach         string         `db:"reach"`
	PrincipalKind string         `db:"principal_kind"`
	Group         ids.Group      `db:"group_id"`
	Role          ids.Role       `db:"role_id"`
	Name          string         `db:"name"`
	NameKey       string         `db:"name_key"`
	AudienceType  string         `db:"audience_type"`
	AudienceID    uuid.UUID      `db:"audience_id"`
	Builtin       bool           `db:"builtin"`
}

func heldRoles(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, after position, limit int) ([]heldRoleRow, error) {
	return db.Collect[heldRoleRow](ctx, tx, sqlHeld+`
		SELECT h.id, h.org_id, h.reach, h.principal_kind, h.role_id,
		       CASE WHEN h.principal_kind = 'group' AND h.org_id = h.at THEN h.principal_id END AS group_id,
		       r.name, r.name_key, r.audience_type, r.audience_id, r.builtin
		FROM held h JOIN roles r ON r.tenant_id = $1 AND r.id = h.role_id
		WHERE (r.name_key, h.id) > ($4, $5::uuid)
		ORDER BY r.name_key, h.id LIMIT $6`, tx.Tenant(), []ids.Org{org}, user, after.key, after.id, limit)
}

// belongs reports whether a person belongs to org.
func belongs(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (ok bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships m WHERE m.tenant_id = $1 AND m.org_id = $2 AND m.user_id = $3)
		    OR EXISTS (SELECT FROM users u WHERE u.tenant_id = $1 AND u.org_id = $2 AND u.id = $3)`, tx.Tenant(), org, user).Scan(&ok)
	return ok, err
}

// holdPrincipal keeps a person or a group from being deleted until the transaction ends. It reports whether there is such a
// one, and whether it is org's own.
func holdPrincipal(ctx context.Context, tx db.Tx, org ids.Org, p Principal) (there, own bool, err error) {
	sql := `SELECT org_id = $3 FROM users WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE`
	if p.Type == PrincipalGroup {
		sql = `SELECT org_id = $3 FROM groups WHERE tenant_id = $1 AND id = $2 FOR SHARE`
	}
	err = tx.QueryRow(ctx, sql, tx.Tenant(), p.id, org).Scan(&own)
	if db.IsNoRows(err) {
		return false, false, nil
	}
	return err == nil, own, err
}

// holdMembership keeps a membership from ending until the transaction does, and reports whether there is one.
func holdMembership(ctx context.Context, tx db.Tx, org ids.Org, user uuid.UUID) (bool, error) {
	n, err := tx.Exec(ctx, `SELECT FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3 FOR SHARE`, tx.Tenant(), org, user)
	return n > 0, err
}

// lockMembership waits for those who give the member something now.
func lockMembership(ctx context.Context, tx db.Tx, org ids.Org, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3 FOR UPDATE`, tx.Tenant(), org, user)
	return err
}
