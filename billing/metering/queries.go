package metering

import (
	"context"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Balance is where an organization's seats are. A nil limit is none.
type Balance struct {
	Limit    *int  `db:"seat_limit"`
	Reserved int   `db:"reserved"`
	Used     int   `db:"used"`
	Version  int64 `db:"version"`
}

func queryBalance(ctx context.Context, tx db.Tx, org ids.Org) (Balance, error) {
	b, err := db.CollectOne[Balance](ctx, tx, `
		SELECT seat_limit, reserved, used, version FROM seat_balances WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org)
	if db.IsNoRows(err) {
		return Balance{}, nil
	}
	return b, err
}

// lockBalance makes the row where there is none, and holds it until the transaction ends.
func lockBalance(ctx context.Context, tx db.Tx, org ids.Org) (Balance, error) {
	if _, err := tx.Exec(ctx, `
		INSERT INTO seat_balances (tenant_id, org_id) VALUES ($1, $2) ON CONFLICT (tenant_id, org_id) DO NOTHING`, tx.Tenant(), org); err != nil {
		return Balance{}, err
	}
	return db.CollectOne[Balance](ctx, tx, `
		SELECT seat_limit, reserved, used, version FROM seat_balances WHERE tenant_id = $1 AND org_id = $2 FOR UPDATE`, tx.Tenant(), org)
}

// queryAccount is the account that a holder's seat is in: what his entries add up to, whatever their order.
func queryAccount(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID) (account, error) {
	var reserved, used int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE to_account = 'reserved') - count(*) FILTER (WHERE from_account = 'reserved'),
		       count(*) FILTER (WHERE to_account = 'used') - count(*) FILTER (WHERE from_account = 'used')
		FROM seat_entries WHERE tenant_id = $1 AND org_id = $2 AND holder = $3`, tx.Tenant(), org, holder).Scan(&reserved, &used)
	switch {
	case used > 0:
		return accountUsed, err
	case reserved > 0:
		return accountReserved, err
	}
	return accountFree, err
}

func insertEntry(ctx context.Context, tx db.Tx, org ids.Org, m movement, reason string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO seat_entries (tenant_id, id, org_id, holder, from_account, to_account, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		tx.Tenant(), uuid.Must(uuid.NewV7()), org, m.holder, string(m.from), string(m.to), reason, tx.Now())
	return err
}

func updateBalance(ctx context.Context, tx db.Tx, org ids.Org, reserved, used int) error {
	_, err := tx.Exec(ctx, `
		UPDATE seat_balances SET reserved = reserved + $3, used = used + $4 WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org, reserved, used)
	return err
}

func updateLimit(ctx context.Context, tx db.Tx, org ids.Org, limit *int) error {
	_, err := tx.Exec(ctx, `
		UPDATE seat_balances SET seat_limit = $3, version = version + 1 WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), org, limit)
	return err
}
