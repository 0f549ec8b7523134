package domains

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// Domain is an e-mail domain of an organization.
type Domain struct {
	ID         ids.Domain `db:"id"`
	Org        ids.Org    `db:"org_id"`
	Name       string     `db:"name"`        // lower case, punycode
	VerifiedAt *time.Time `db:"verified_at"` // nil: mapped from above, not proven
	CreatedAt  time.Time  `db:"created_at"`
	Version    int64      `db:"version"`
}

const columns = `id, org_id, name, verified_at, created_at, version`

func selectByName(ctx context.Context, tx db.Tx, name string) (Domain, error) {
	return db.CollectOne[Domain](ctx, tx, `SELECT `+columns+` FROM org_domains WHERE tenant_id = $1 AND name = $2`, tx.Tenant(), name)
}

func selectDomain(ctx context.Context, tx db.OrgTx, id ids.Domain) (Domain, error) {
	return db.CollectOne[Domain](ctx, tx, `SELECT `+columns+` FROM org_domains WHERE tenant_id = $1 AND org_id = $2 AND id = $3`,
		tx.Tenant(), tx.Org(), id)
}

func selectPage(ctx context.Context, tx db.OrgTx, req page.Request) ([]Domain, error) {
	return db.Collect[Domain](ctx, tx, `
		SELECT `+columns+` FROM org_domains WHERE tenant_id = $1 AND org_id = $2 AND name > $3 ORDER BY name LIMIT $4`,
		tx.Tenant(), tx.Org(), req.Part(0), req.Limit())
}

// insertDomain reports false where an organization of the tenant has the domain.
func insertDomain(ctx context.Context, tx db.Tx, d Domain) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO org_domains (tenant_id, id, org_id, name, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT ON CONSTRAINT org_domains_name DO NOTHING`, tx.Tenant(), d.ID, d.Org, d.Name, tx.Now())
	return n == 1, err
}

func deleteDomain(ctx context.Context, tx db.OrgTx, id ids.Domain) (Domain, error) {
	return db.CollectOne[Domain](ctx, tx, `
		DELETE FROM org_domains WHERE tenant_id = $1 AND org_id = $2 AND id = $3 RETURNING `+columns, tx.Tenant(), tx.Org(), id)
}
