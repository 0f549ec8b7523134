package account

import (
	"context"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// queryAppNames finds what apps are called; those that are gone are left out.
func queryAppNames(ctx context.Context, tx db.Tx, wanted []ids.App) (map[ids.App]string, error) {
	rows, err := db.Collect[struct {
		ID   ids.App `db:"id"`
		Name string  `db:"name"`
	}](ctx, tx, `SELECT id, name FROM apps WHERE tenant_id = $1 AND id = ANY ($2)`, tx.Tenant(), wanted)
	found := make(map[ids.App]string, len(rows))
	for _, row := range rows {
		found[row.ID] = row.Name
	}
	return found, err
}
