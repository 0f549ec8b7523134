package account

import (
	"context"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// appRow is what a person may know of an app.
type appRow struct {
	ID        ids.App `db:"id"`
	Name      string  `db:"name"`
	LogoURI   string  `db:"logo_uri"`
	AccessURL string  `db:"access_url"`
	Enabled   bool    `db:"enabled"`
	Console   bool    `db:"console"`
}

const sqlApps = `SELECT id, name, logo_uri, access_url, enabled, builtin AND client_id = 'console' AS console FROM apps WHERE tenant_id = $1 AND id = ANY ($2)`

// queryApps finds apps by id; those that are gone are left out.
func queryApps(ctx context.Context, tx db.Tx, wanted []ids.App) (map[ids.App]appRow, error) {
	rows, err := db.Collect[appRow](ctx, tx, sqlApps, tx.Tenant(), wanted)
	found := make(map[ids.App]appRow, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, err
}
