package authz

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

type detailsTypeRow struct {
	ID          ids.DetailsType `db:"id"`
	Resource    ids.APIResource `db:"resource_id"`
	Type        string          `db:"type"`
	Name        string          `db:"name"`
	Description string          `db:"description"`
	Schema      map[string]any  `db:"schema"`
	CreatedAt   time.Time       `db:"created_at"`
	UpdatedAt   time.Time       `db:"updated_at"`
	Version     int64           `db:"version"`
}

const sqlDetailsTypeColumns = `SELECT t.id, t.resource_id, t.type, t.name, t.description, t.schema, t.created_at, t.updated_at, t.version
	FROM authorization_details_types t `

func listDetailsTypes(ctx context.Context, tx db.Tx, resource ids.APIResource, after string, limit int) ([]detailsTypeRow, error) {
	return db.Collect[detailsTypeRow](ctx, tx, sqlDetailsTypeColumns+`
		WHERE t.tenant_id = $1 AND t.resource_id = $2 AND t.type > $3 ORDER BY t.type LIMIT $4`, tx.Tenant(), resource, after, limit)
}

type visibleDetailsTypeRow struct {
	detailsTypeRow
	ResourceName string `db:"resource_name"`
}

// listVisibleDetailsTypes returns the types of an organization's own API resources and of its ancestors'.
func listVisibleDetailsTypes(ctx context.Context, tx db.Tx, org ids.Org, after string, limit int) ([]visibleDetailsTypeRow, error) {
	return db.Collect[visibleDetailsTypeRow](ctx, tx, `
		SELECT t.id, t.resource_id, t.type, t.name, t.description, t.schema, t.created_at, t.updated_at, t.version, ar.name AS resource_name
		FROM authorization_details_types t
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = t.resource_id
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = $2 AND c.ancestor_id = ar.org_id
		WHERE t.tenant_id = $1 AND t.type > $3 ORDER BY t.type LIMIT $4`, tx.Tenant(), org, after, limit)
}

func findDetailsType(ctx context.Context, tx db.Tx, resource ids.APIResource, id ids.DetailsType) (detailsTypeRow, error) {
	return db.CollectOne[detailsTypeRow](ctx, tx, sqlDetailsTypeColumns+`
		WHERE t.tenant_id = $1 AND t.id = $2 AND t.resource_id = $3`, tx.Tenant(), id, resource)
}

// findVisibleDetailsType returns a type whose API resource an organization sees.
func findVisibleDetailsType(ctx context.Context, tx db.Tx, org ids.Org, id ids.DetailsType) (detailsTypeRow, error) {
	return db.CollectOne[detailsTypeRow](ctx, tx, sqlDetailsTypeColumns+`
		JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = t.resource_id
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = $2 AND c.ancestor_id = ar.org_id
		WHERE t.tenant_id = $1 AND t.id = $3`, tx.Tenant(), org, id)
}

func countDetailsTypes(ctx context.Context, tx db.Tx, resource ids.APIResource) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM authorization_details_types WHERE tenant_id = $1 AND resource_id = $2`, tx.Tenant(), resource).Scan(&n)
	return n, err
}

// insertDetailsType adds a type; a taken one breaks the constraint authorization_details_types_type.
func insertDetailsType(ctx context.Context, tx db.Tx, org ids.Org, r detailsTypeRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO authorization_details_types (tenant_id, id, org_id, resource_id, type, name, description, schema, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
		tx.Tenant(), r.ID, org, r.Resource, r.Type, r.Name, r.Description, r.Schema, tx.Now())
	return err
}

func updateDetailsType(ctx context.Context, tx db.Tx, r detailsTypeRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE authorization_details_types SET name = $3, description = $4, schema = $5, updated_at = $6, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.Name, r.Description, r.Schema, tx.Now())
	return err
}

func deleteDetailsType(ctx context.Context, tx db.Tx, id ids.DetailsType) error {
	_, err := tx.Exec(ctx, `DELETE FROM authorization_details_types WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

// detailsTypeUsed reports whether an app may ask for a type.
func detailsTypeUsed(ctx context.Context, tx db.Tx, resource ids.APIResource, kind string) (used bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM app_apis aa WHERE aa.tenant_id = $1 AND aa.resource_id = $2 AND $3 = ANY (aa.authorization_details_types))`,
		tx.Tenant(), resource, kind).Scan(&used)
	return used, err
}

// typeNames returns the types of the APIs that org sees, in order.
func typeNames(ctx context.Context, tx db.Tx, org ids.Org, limit int) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT t.type FROM org_closure c JOIN authorization_details_types t ON t.tenant_id = c.tenant_id AND t.org_id = c.ancestor_id
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 ORDER BY t.type LIMIT $3`, tx.Tenant(), org, limit)
}

type namedType struct {
	Type        string         `db:"type"`
	Name        string         `db:"name"`
	Description string         `db:"description"`
	Schema      map[string]any `db:"schema"`
	Identifier  string         `db:"identifier"` // of the API resource
}

// findNamedType returns what a type means in the tenant.
func findNamedType(ctx context.Context, tx db.Tx, kind string) (namedType, error) {
	return db.CollectOne[namedType](ctx, tx, `
		SELECT t.type, t.name, t.description, t.schema, ar.identifier
		FROM authorization_details_types t JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = t.resource_id
		WHERE t.tenant_id = $1 AND t.type = $2`, tx.Tenant(), kind)
}
