package inspector

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

type entryRow struct {
	ID          ids.FailedRequest `db:"id"`
	RequestID   string            `db:"request_id"`
	Endpoint    string            `db:"endpoint"`
	Error       string            `db:"error"`
	Description string            `db:"description"`
	Rule        string            `db:"rule"`
	Expected    string            `db:"expected"`
	Fix         string            `db:"fix"`
	Received    []Received        `db:"received"`
	Skipped     int               `db:"skipped"`
	CreatedAt   time.Time         `db:"created_at"`
}

func insertEntry(ctx context.Context, tx db.OrgTx, e Entry) error {
	received, err := json.Marshal(e.Received)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO failed_requests (tenant_id, id, org_id, app_id, request_id, endpoint, error, description, rule, expected, fix, received, skipped, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		tx.Tenant(), ids.NewFailedRequest(), e.Org, e.App, e.RequestID, e.Endpoint, e.Error, e.Description, e.Rule, e.Expected, e.Fix, received, e.skipped, e.At)
	return err
}

// trim deletes an app's oldest entries beyond what is kept. It reads one entry more than that at the most.
func trim(ctx context.Context, tx db.OrgTx, app ids.App) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM failed_requests f USING (
		    SELECT id, row_number() OVER (ORDER BY id DESC) AS nth, row_number() OVER (PARTITION BY endpoint, error, rule ORDER BY id DESC) AS nth_of_kind
		    FROM failed_requests WHERE tenant_id = $1 AND app_id = $2) r
		WHERE f.tenant_id = $1 AND f.app_id = $2 AND f.id = r.id AND (r.nth > $3 OR r.nth_of_kind > $4)`, tx.Tenant(), app, keptOfApp, keptOfKind)
	return err
}

// listEntries reads an app's entries, the newest first, older than before (the zero UUID: from the newest).
func listEntries(ctx context.Context, tx db.OrgTx, app ids.App, before uuid.UUID, limit int) ([]entryRow, error) {
	return db.Collect[entryRow](ctx, tx.Tx, `
		SELECT id, request_id, endpoint, error, description, rule, expected, fix, received, skipped, created_at FROM failed_requests
		WHERE tenant_id = $1 AND app_id = $2 AND (id < $3 OR $3 = '00000000-0000-0000-0000-000000000000') AND created_at > $5 ORDER BY id DESC LIMIT $4`,
		tx.Tenant(), app, before, limit, tx.Now().Add(-retention))
}

func deleteOld(ctx context.Context, tx db.SystemTx, before time.Time) (int64, error) {
	return tx.Exec(ctx, `
		DELETE FROM failed_requests f USING (SELECT tenant_id, id FROM failed_requests WHERE created_at < $1 LIMIT $2) old
		WHERE f.tenant_id = old.tenant_id AND f.id = old.id`, before, sweepBatch)
}
