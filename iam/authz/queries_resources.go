package authz

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

type scopeRow struct {
	ID          ids.Scope `db:"id" json:"id"`
	Name        string    `db:"name" json:"name"`
	DisplayName string    `db:"display_name" json:"display_name"`
	Description string    `db:"description" json:"description"`
}

type resourceRow struct {
	ID         ids.APIResource `db:"id"`
	Org        ids.Org         `db:"org_id"`
	Identifier string          `db:"identifier"`
	Name       string          `db:"name"`
	NameKey    string          `db:"name_key"`
	Requires   bool            `db:"requires_authorization"`
	Registered bool            `db:"registered_clients"`
	Builtin    bool            `db:"builtin"`
	CreatedAt  time.Time       `db:"created_at"`
	UpdatedAt  time.Time       `db:"updated_at"`
	Version    int64           `db:"version"`
}

const sqlResourceColumns = `
	SELECT ar.id, ar.org_id, ar.identifier, ar.name, ar.name_key, ar.requires_authorization, ar.registered_clients, ar.builtin, ar.created_at, ar.updated_at, ar.version
	FROM org_closure c JOIN api_resources ar ON ar.tenant_id = c.tenant_id AND ar.org_id = c.ancestor_id `

// listResources returns the resources of an organization and of its ancestors; those that have q in their name, or in their identifier.
func listResources(ctx context.Context, tx db.Tx, org ids.Org, q string, after position, limit int) ([]resourceRow, error) {
	return db.Collect[resourceRow](ctx, tx, sqlResourceColumns+`
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 AND (ar.name_key, ar.id) > ($3, $4::uuid)
		  AND ($6 = '' OR strpos(ar.name_key, $7) > 0 OR strpos(ar.identifier, $6) > 0)
		ORDER BY ar.name_key, ar.id LIMIT $5`, tx.Tenant(), org, after.key, after.id, limit, q, text.Key(q))
}

func findResource(ctx context.Context, tx db.Tx, org ids.Org, id ids.APIResource) (resourceRow, error) {
	return db.CollectOne[resourceRow](ctx, tx, sqlResourceColumns+`
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 AND ar.id = $3`, tx.Tenant(), org, id)
}

// managementResource returns the built-in API resource.
func managementResource(ctx context.Context, tx db.Tx) (id ids.APIResource, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM api_resources WHERE tenant_id = $1 AND builtin`, tx.Tenant()).Scan(&id)
	return id, err
}

// lockResource makes the transaction the resource's only writer.
func lockResource(ctx context.Context, tx db.Tx, id ids.APIResource) error {
	_, err := tx.Exec(ctx, `SELECT FROM api_resources WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tx.Tenant(), id)
	return err
}

func insertResource(ctx context.Context, tx db.Tx, r resourceRow) error {
	synced := ""
	if r.Builtin {
		synced = catalogue()
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO api_resources (tenant_id, id, org_id, identifier, name, name_key, requires_authorization, builtin, created_at, updated_at, catalogue, registered_clients)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)`,
		tx.Tenant(), r.ID, r.Org, r.Identifier, r.Name, r.NameKey, r.Requires, r.Builtin, tx.Now(), synced, r.Registered)
	return err
}

func updateResource(ctx context.Context, tx db.Tx, r resourceRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE api_resources SET name = $3, name_key = $4, requires_authorization = $5, updated_at = $6, registered_clients = $7, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.Name, r.NameKey, r.Requires, tx.Now(), r.Registered)
	return err
}

func deleteResource(ctx context.Context, tx db.Tx, id ids.APIResource) error {
	_, err := tx.Exec(ctx, `DELETE FROM api_resources WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

func listScopes(ctx context.Context, tx db.Tx, resource ids.APIResource, after string, limit int) ([]scopeRow, error) {
	return db.Collect[scopeRow](ctx, tx, `
		SELECT id, name, display_name, description FROM api_scopes
		WHERE tenant_id = $1 AND resource_id = $2 AND name > $3 ORDER BY name LIMIT $4`, tx.Tenant(), resource, after, limit)
}

func findScope(ctx context.Context, tx db.Tx, resource ids.APIResource, id ids.Scope) (scopeRow, error) {
	return db.CollectOne[scopeRow](ctx, tx, `
		SELECT id, name, display_name, description FROM api_scopes WHERE tenant_id = $1 AND id = $2 AND resource_id = $3`,
		tx.Tenant(), id, resource)
}

// scopesNamed returns the scopes of a tenant that have one of the names.
func scopesNamed(ctx context.Context, tx db.Tx, names []string) ([]scopeRow, error) {
	return db.Collect[scopeRow](ctx, tx, `
		SELECT id, name, display_name, description FROM api_scopes WHERE tenant_id = $1 AND name = ANY ($2) ORDER BY name`, tx.Tenant(), names)
}

// insertScopes adds scopes to a resource; a taken name breaks the constraint api_scopes_name.
func insertScopes(ctx context.Context, tx db.Tx, org ids.Org, resource ids.APIResource, scopes []scopeRow) error {
	keys, names := make([]ids.Scope, len(scopes)), make([]string, len(scopes))
	shown, told := make([]string, len(scopes)), make([]string, len(scopes))
	for i, s := range scopes {
		keys[i], names[i], shown[i], told[i] = s.ID, s.Name, s.DisplayName, s.Description
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO api_scopes (tenant_id, id, org_id, resource_id, name, display_name, description)
		SELECT $1, n.id, $2, $3, n.name, n.display_name, n.description
		FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[]) AS n (id, name, display_name, description)`,
		tx.Tenant(), org, resource, keys, names, shown, told)
	return err
}

// scopeNames returns all scopes of a resource.
func scopeNames(ctx context.Context, tx db.Tx, resource ids.APIResource) ([]string, error) {
	return db.Scalars[string](ctx, tx, `SELECT name FROM api_scopes WHERE tenant_id = $1 AND resource_id = $2`, tx.Tenant(), resource)
}

func updateScope(ctx context.Context, tx db.Tx, s scopeRow) error {
	_, err := tx.Exec(ctx, `UPDATE api_scopes SET display_name = $3, description = $4 WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), s.ID, s.DisplayName, s.Description)
	return err
}

func deleteScope(ctx context.Context, tx db.Tx, id ids.Scope) error {
	_, err := tx.Exec(ctx, `DELETE FROM api_scopes WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

func countScopes(ctx context.Context, tx db.Tx, resource ids.APIResource) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM api_scopes WHERE tenant_id = $1 AND resource_id = $2`, tx.Tenant(), resource).Scan(&n)
	return n, err
}

// scopeUsed reports whether an app is authorized for a scope.
func scopeUsed(ctx context.Context, tx db.Tx, resource ids.APIResource, name string) (used bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM app_apis aa WHERE aa.tenant_id = $1 AND aa.resource_id = $2 AND $3 = ANY (aa.scopes))`,
		tx.Tenant(), resource, name).Scan(&used)
	return used, err
}

type namedScope struct {
	ID         ids.Scope `db:"id"`
	Name       string    `db:"name"`
	Org        ids.Org   `db:"org_id"` // that defines the resource
	Management bool      `db:"management"`
}

// namedScopes returns those of the scopes whose resource an organization sees: its own and its ancestors'.
func namedScopes(ctx context.Context, tx db.Tx, org ids.Org, names []string) ([]namedScope, error) {
	return db.Collect[namedScope](ctx, tx, `
		SELECT s.id, s.name, ar.org_id, ar.builtin AS management
		FROM api_scopes s
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = $2 AND c.ancestor_id = ar.org_id
		WHERE s.tenant_id = $1 AND s.name = ANY ($3)`, tx.Tenant(), org, names)
}

type missingScope struct {
	Tenant   ids.Tenant      `db:"tenant_id"`
	Org      ids.Org         `db:"org_id"`
	Resource ids.APIResource `db:"id"`
	Name     string          `db:"name"`
}

// anyBehind reports whether a tenant was last brought up to another catalogue of permissions.
func anyBehind(ctx context.Context, tx db.SystemTx, catalogue string) (behind bool, err error) {
	err = tx.QueryRow(ctx, `
		/* scan of api_resources allowed: the first that is found is enough */
		SELECT EXISTS (SELECT FROM api_resources WHERE builtin AND catalogue < $1)
		    OR EXISTS (SELECT FROM api_resources WHERE builtin AND catalogue > $1)`, catalogue).Scan(&behind)
	return behind, err
}

func markSynced(ctx context.Context, tx db.SystemTx, catalogue string) error {
	_, err := tx.Exec(ctx, `/* scan of api_resources allowed: once after the catalogue has changed */ UPDATE api_resources SET catalogue = $1 WHERE builtin AND (catalogue < $1 OR catalogue > $1)`, catalogue)
	return err
}

// missingScopes returns, for all tenants, the permissions that their management resource lacks. A name that a tenant uses
// for a scope of its own is left to it.
func missingScopes(ctx context.Context, tx db.SystemTx, names []string) ([]missingScope, error) {
	return db.Collect[missingScope](ctx, tx, `
		/* scan of api_resources allowed: once after the catalogue has changed */ /* scan of api_scopes allowed: likewise */
		SELECT ar.tenant_id, ar.org_id, ar.id, n.name
		FROM api_resources ar CROSS JOIN unnest($1::text[]) AS n (name)
		WHERE ar.builtin AND NOT EXISTS (SELECT FROM api_scopes s WHERE s.tenant_id = ar.tenant_id AND s.name = n.name)`, names)
}

func addMissingScopes(ctx context.Context, tx db.SystemTx, missing []missingScope, descriptions map[string]string) error {
	var tenants, orgs, keys, resources []uuid.UUID
	var names, told []string
	for _, m := range missing {
		tenants, orgs = append(tenants, m.Tenant.UUID()), append(orgs, m.Org.UUID())
		resources, keys = append(resources, m.Resource.UUID()), append(keys, ids.NewScope().UUID())
		names, told = append(names, m.Name), append(told, descriptions[m.Name])
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO api_scopes (tenant_id, id, org_id, resource_id, name, display_name, description)
		SELECT n.tenant_id, n.id, n.org_id, n.resource_id, n.name, n.name, n.description
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[]) AS n (tenant_id, id, org_id, resource_id, name, description)
		ON CONFLICT (tenant_id, name) DO NOTHING`, tenants, keys, orgs, resources, names, told)
	return err
}

type missingPermission struct {
	Tenant ids.Tenant `db:"tenant_id"`
	Org    ids.Org    `db:"org_id"`
	Role   ids.Role   `db:"role_id"`
	Scope  ids.Scope  `db:"scope_id"`
}

// missingPermissions returns, for all tenants, the management scopes that Administrator, and of those that read the ones
// that Viewer, lacks.
func missingPermissions(ctx context.Context, tx db.SystemTx) ([]missingPermission, error) {
	return db.Collect[missingPermission](ctx, tx, `
		/* scan of api_resources allowed: once after the catalogue has changed */
		SELECT r.tenant_id, r.org_id, r.id AS role_id, s.id AS scope_id
		FROM roles r
		JOIN api_resources ar ON ar.tenant_id = r.tenant_id AND ar.builtin
		JOIN api_scopes s ON s.tenant_id = ar.tenant_id AND s.resource_id = ar.id
		WHERE r.builtin AND (r.name_key = $1 OR s.name LIKE '%.read')
		  AND NOT EXISTS (SELECT FROM role_permissions rp WHERE rp.tenant_id = r.tenant_id AND rp.role_id = r.id AND rp.scope_id = s.id)`, administratorKey)
}

func addMissingPermissions(ctx context.Context, tx db.SystemTx, missing []missingPermission) error {
	var tenants, orgs, keys, roles, scopes []uuid.UUID
	for _, m := range missing {
		tenants, orgs = append(tenants, m.Tenant.UUID()), append(orgs, m.Org.UUID())
		keys, roles, scopes = append(keys, uuid.Must(uuid.NewV7())), append(roles, m.Role.UUID()), append(scopes, m.Scope.UUID())
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO role_permissions (tenant_id, id, org_id, role_id, scope_id, sys_from)
		SELECT n.tenant_id, n.id, n.org_id, n.role_id, n.scope_id, $6
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[]) AS n (tenant_id, id, org_id, role_id, scope_id)
		ON CONFLICT (tenant_id, role_id, scope_id) DO NOTHING`, tenants, keys, orgs, roles, scopes, tx.Now())
	return err
}

type visibleScopeRow struct {
	scopeRow
	Resource     ids.APIResource `db:"resource_id"`
	ResourceName string          `db:"resource_name"`
}

// listVisibleScopes returns the scopes of an organization's own API resources and of its ancestors'. Of each of these it reads no
// more than a page.
func listVisibleScopes(ctx context.Context, tx db.Tx, org ids.Org, prefix, after string, limit int) ([]visibleScopeRow, error) {
	first, last := text.Prefix(prefix)
	return db.Collect[visibleScopeRow](ctx, tx, `
		SELECT s.id, s.name, s.display_name, s.description, s.resource_id, ar.name AS resource_name
		FROM org_closure c
		CROSS JOIN LATERAL (
			SELECT id, name, display_name, description, resource_id FROM api_scopes
			WHERE tenant_id = $1 AND org_id = c.ancestor_id AND name > $3 AND name >= $4 AND name <= $5 ORDER BY name LIMIT $6) s
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 ORDER BY s.name LIMIT $6`, tx.Tenant(), org, after, first, last, limit)
}

// findVisibleScope returns a scope whose API resource an organization sees.
func findVisibleScope(ctx context.Context, tx db.Tx, org ids.Org, id ids.Scope) (scopeRow, error) {
	return db.CollectOne[scopeRow](ctx, tx, `
		SELECT s.id, s.name, s.display_name, s.description
		FROM api_scopes s
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = s.resource_id
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = $2 AND c.ancestor_id = ar.org_id
		WHERE s.tenant_id = $1 AND s.id = $3`, tx.Tenant(), org, id)
}
