package issuers

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// row is a stored issuer.
type row struct {
	ID        ids.Connection `db:"id"`
	Org       ids.Org        `db:"org_id"`
	Name      string         `db:"name"`
	NameKey   string         `db:"name_key"`
	Format    string         `db:"format"`
	Issuer    string         `db:"issuer"`
	Enabled   bool           `db:"enabled"`
	Trust     Trust          `db:"trust"`
	CreatedAt time.Time      `db:"created_at"`
	UpdatedAt time.Time      `db:"updated_at"`
	Version   int64          `db:"version"`
}

const sqlColumns = `SELECT id, org_id, name, name_key, format, issuer, enabled, trust, created_at, updated_at, version FROM token_issuers `

func listIssuers(ctx context.Context, tx db.OrgTx, req page.Request) ([]row, error) {
	return db.Collect[row](ctx, tx, sqlColumns+`WHERE tenant_id = $1 AND org_id = $2 AND name_key > $3 ORDER BY name_key LIMIT $4`,
		tx.Tenant(), tx.Org(), req.Part(0), req.Limit())
}

func find(ctx context.Context, tx db.Tx, org ids.Org, id ids.Connection) (row, error) {
	return db.CollectOne[row](ctx, tx, sqlColumns+`WHERE tenant_id = $1 AND id = $2 AND org_id = $3`, tx.Tenant(), id, org)
}

func lock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Connection) (row, error) {
	return db.CollectOne[row](ctx, tx, sqlColumns+`WHERE tenant_id = $1 AND id = $2 AND org_id = $3 FOR UPDATE`, tx.Tenant(), id, org)
}

func byIssuer(ctx context.Context, tx db.Tx, org ids.Org, format, issuer string) (row, error) {
	return db.CollectOne[row](ctx, tx, sqlColumns+`WHERE tenant_id = $1 AND org_id = $2 AND format = $3 AND issuer = $4 AND enabled`, tx.Tenant(), org, format, issuer)
}

func count(ctx context.Context, tx db.Tx, org ids.Org) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM token_issuers WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org).Scan(&n)
	return n, err
}

func insert(ctx context.Context, tx db.Tx, r row) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO token_issuers (tenant_id, id, org_id, name, name_key, format, issuer, enabled, trust, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		tx.Tenant(), r.ID, r.Org, r.Name, r.NameKey, r.Format, r.Issuer, r.Enabled, r.Trust, tx.Now())
	return err
}

func update(ctx context.Context, tx db.Tx, r row) error {
	_, err := tx.Exec(ctx, `
		UPDATE token_issuers SET name = $3, name_key = $4, issuer = $5, enabled = $6, trust = $7, updated_at = $8, version = version + 1
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), r.ID, r.Name, r.NameKey, r.Issuer, r.Enabled, r.Trust, tx.Now())
	return err
}

func remove(ctx context.Context, tx db.Tx, id ids.Connection) error {
	_, err := tx.Exec(ctx, `DELETE FROM token_issuers WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

// residents counts who of some people is a resident of an organization.
func residents(ctx context.Context, tx db.Tx, org ids.Org, people []ids.User) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM users WHERE tenant_id = $1 AND org_id = $2 AND id = ANY ($3)`, tx.Tenant(), org, people).Scan(&n)
	return n, err
}
