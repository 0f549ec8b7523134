package attributes

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

type claimRow struct {
	ID          ids.OIDCClaim `db:"id"`
	Org         ids.Org       `db:"org_id"`
	Name        string        `db:"name"`
	Attribute   string        `db:"attribute"`
	Type        string        `db:"type"`
	DisplayName string        `db:"display_name"`
	SelfService bool          `db:"self_service"`
	Builtin     bool          `db:"builtin"`
	CreatedAt   time.Time     `db:"created_at"`
	UpdatedAt   time.Time     `db:"updated_at"`
	Version     int64         `db:"version"`
}

type scopeRow struct {
	ID          ids.OIDCScope `db:"id"`
	Org         ids.Org       `db:"org_id"`
	Name        string        `db:"name"`
	DisplayName string        `db:"display_name"`
	Description string        `db:"description"`
	Claims      []string      `db:"claims"`
	Builtin     bool          `db:"builtin"`
	CreatedAt   time.Time     `db:"created_at"`
	UpdatedAt   time.Time     `db:"updated_at"`
	Version     int64         `db:"version"`
}

// askedRow is a scope as [Dialect] knows it.
type askedRow struct {
	Name   string   `db:"name"`
	Claims []string `db:"claims"`
}

// What an organization has is its own and what the organizations above it define.
const (
	fromClaims = ` FROM org_closure o JOIN oidc_claims c ON c.tenant_id = o.tenant_id AND c.org_id = o.ancestor_id WHERE o.tenant_id = $1 AND o.descendant_id = $2`
	fromScopes = ` FROM org_closure o JOIN oidc_scopes c ON c.tenant_id = o.tenant_id AND c.org_id = o.ancestor_id WHERE o.tenant_id = $1 AND o.descendant_id = $2`

	sqlTold  = `SELECT c.name, c.attribute, c.type, c.display_name, c.self_service, c.builtin` + fromClaims
	sqlAsked = `SELECT c.name, c.claims` + fromScopes

	sqlClaims = `SELECT c.id, c.org_id, c.name, c.attribute, c.type, c.display_name, c.self_service, c.builtin, c.created_at, c.updated_at, c.version` + fromClaims
	sqlScopes = `SELECT c.id, c.org_id, c.name, c.display_name, c.description, c.claims, c.builtin, c.created_at, c.updated_at, c.version` + fromScopes
)

func listClaims(ctx context.Context, tx db.Tx, org ids.Org, req page.Request) ([]claimRow, error) {
	return db.Collect[claimRow](ctx, tx, sqlClaims+` AND c.name > $3 ORDER BY c.name LIMIT $4`, tx.Tenant(), org, req.Part(0), req.Limit())
}

func findClaim(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCClaim) (claimRow, error) {
	return db.CollectOne[claimRow](ctx, tx, sqlClaims+` AND c.id = $3`, tx.Tenant(), org, id)
}

func lockClaim(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCClaim) (claimRow, error) {
	return db.CollectOne[claimRow](ctx, tx, sqlClaims+` AND c.id = $3 FOR UPDATE OF c`, tx.Tenant(), org, id)
}

func countClaims(ctx context.Context, tx db.Tx, org ids.Org) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM oidc_claims WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org).Scan(&n)
	return n, err
}

func insertClaim(ctx context.Context, tx db.Tx, r claimRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO oidc_claims (tenant_id, id, org_id, name, attribute, type, display_name, self_service, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`, tx.Tenant(), r.ID, r.Org, r.Name, r.Attribute, r.Type, r.DisplayName, r.SelfService, tx.Now())
	return err
}

func updateClaim(ctx context.Context, tx db.Tx, r claimRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE oidc_claims SET attribute = $3, type = $4, display_name = $5, self_service = $6, updated_at = $7, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.Attribute, r.Type, r.DisplayName, r.SelfService, tx.Now())
	return err
}

// deleteClaim takes a claim away, from the scopes first: those that ask for it may be others' below.
func deleteClaim(ctx context.Context, tx db.Tx, r claimRow) error {
	if _, err := tx.Exec(ctx, `/* scan of oidc_scopes allowed: claims seldom go, and scopes of one's own are few */ UPDATE oidc_scopes SET claims = array_remove(claims, $2), updated_at = $3, version = version + 1
		WHERE tenant_id = $1 AND $2 = ANY (claims)`, tx.Tenant(), r.Name, tx.Now()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM oidc_claims WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID)
	return err
}

func listScopes(ctx context.Context, tx db.Tx, org ids.Org, req page.Request) ([]scopeRow, error) {
	return db.Collect[scopeRow](ctx, tx, sqlScopes+` AND c.name > $3 ORDER BY c.name LIMIT $4`, tx.Tenant(), org, req.Part(0), req.Limit())
}

func findScope(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCScope) (scopeRow, error) {
	return db.CollectOne[scopeRow](ctx, tx, sqlScopes+` AND c.id = $3`, tx.Tenant(), org, id)
}

func lockScope(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCScope) (scopeRow, error) {
	return db.CollectOne[scopeRow](ctx, tx, sqlScopes+` AND c.id = $3 FOR UPDATE OF c`, tx.Tenant(), org, id)
}

func countScopes(ctx context.Context, tx db.Tx, org ids.Org) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM oidc_scopes WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org).Scan(&n)
	return n, err
}

func insertScope(ctx context.Context, tx db.Tx, r scopeRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO oidc_scopes (tenant_id, id, org_id, name, display_name, description, claims, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`, tx.Tenant(), r.ID, r.Org, r.Name, r.DisplayName, r.Description, r.Claims, tx.Now())
	return err
}

func updateScope(ctx context.Context, tx db.Tx, r scopeRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE oidc_scopes SET display_name = $3, description = $4, claims = $5, updated_at = $6, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.DisplayName, r.Description, r.Claims, tx.Now())
	return err
}

func deleteScope(ctx context.Context, tx db.Tx, id ids.OIDCScope) error {
	_, err := tx.Exec(ctx, `DELETE FROM oidc_scopes WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

// knownClaims returns those of the names that are claims of an organization.
func knownClaims(ctx context.Context, tx db.Tx, org ids.Org, names []string) ([]string, error) {
	return db.Scalars[string](ctx, tx, `SELECT c.name`+fromClaims+` AND c.name = ANY ($3) ORDER BY c.name FOR SHARE OF c`, tx.Tenant(), org, names)
}

// attributeTold reports whether another claim of an organization tells an attribute.
func attributeTold(ctx context.Context, tx db.Tx, org ids.Org, attribute string, but ids.OIDCClaim) (told bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT`+fromClaims+` AND c.attribute = $3 AND c.id <> $4)`, tx.Tenant(), org, attribute, but).Scan(&told)
	return told, err
}

// ofAPI reports whether a scope is an API's.
func ofAPI(ctx context.Context, tx db.Tx, name string) (is bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM api_scopes WHERE tenant_id = $1 AND name = $2)`, tx.Tenant(), name).Scan(&is)
	return is, err
}

// Taken returns those of the names that are scopes by which apps ask for claims, anywhere in the tenant.
func (s *Service) Taken(ctx context.Context, tx db.Tx, names []string) ([]string, error) {
	return db.Scalars[string](ctx, tx, `SELECT name FROM oidc_scopes WHERE tenant_id = $1 AND name = ANY ($2)`, tx.Tenant(), names)
}

// Titles are what people call claims, wherever in the tenant they are defined, by their names.
func (s *Service) Titles(ctx context.Context, tx db.Tx, names []string) (map[string]string, error) {
	titles := map[string]string{}
	if len(names) == 0 {
		return titles, nil
	}
	found, err := db.Collect[struct {
		Name  string `db:"name"`
		Title string `db:"display_name"`
	}](ctx, tx, `SELECT name, display_name FROM oidc_claims WHERE tenant_id = $1 AND name = ANY ($2)`, tx.Tenant(), names)
	for _, c := range found {
		titles[c.Name] = c.Title
	}
	return titles, err
}
