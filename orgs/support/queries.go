package support

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// The modes of an access.
const (
	ModeFull     = "full"
	ModeReadOnly = "read_only"
)

// Access is an organization's allowance, for itself and all below it.
type Access struct {
	ID        ids.SupportAccess `db:"id"`
	Org       ids.Org           `db:"org_id"`
	Mode      string            `db:"mode"`
	Reason    string            `db:"reason"`
	OpenedBy  ids.User          `db:"opened_by"`
	Stamp     int64             `db:"stamp"` // of the organization when it was opened
	CreatedAt time.Time         `db:"created_at"`
	ExpiresAt time.Time         `db:"expires_at"`
	ClosedAt  *time.Time        `db:"closed_at"` // nil: it runs out
}

const (
	columns = `s.id, s.org_id, s.mode, s.reason, s.opened_by, s.stamp, s.created_at, s.expires_at, s.closed_at`

	sqlInsert = `INSERT INTO support_access (tenant_id, id, org_id, mode, reason, opened_by, stamp, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlLoad   = `SELECT ` + columns + ` FROM support_access s WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id = $3`
	sqlPage   = `SELECT ` + columns + ` FROM support_access s WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id < $3::uuid ORDER BY s.id DESC LIMIT $4`
	sqlClose  = `UPDATE support_access s SET closed_at = $4 WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id = $3 AND s.closed_at IS NULL AND s.expires_at > $4`

	// Those that are open on the way from an organization up, the widest first; not those of organizations that somebody's home $3 is, or
	// lies below: they are his own.
	sqlOpen = `
		SELECT ` + columns + ` FROM org_closure up JOIN support_access s ON s.tenant_id = up.tenant_id AND s.org_id = up.ancestor_id
		WHERE up.tenant_id = $1 AND up.descendant_id = $2 AND s.closed_at IS NULL AND s.expires_at > $4
		  AND NOT EXISTS (SELECT FROM org_closure own WHERE own.tenant_id = $1 AND own.ancestor_id = up.ancestor_id AND own.descendant_id = $3)
		ORDER BY s.mode = 'full' DESC, s.expires_at DESC LIMIT 20`
	sqlWithin = `SELECT EXISTS (SELECT FROM org_closure WHERE tenant_id = $1 AND ancestor_id = $3 AND descendant_id = $2)`

	maxUUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

func insert(ctx context.Context, tx db.Tx, a Access) error {
	_, err := tx.Exec(ctx, sqlInsert, tx.Tenant(), a.ID, a.Org, a.Mode, a.Reason, a.OpenedBy, a.Stamp, a.CreatedAt, a.ExpiresAt)
	return err
}

func openFor(ctx context.Context, tx db.Tx, org, home ids.Org) ([]Access, error) {
	return db.Collect[Access](ctx, tx, sqlOpen, tx.Tenant(), org, home, tx.Now())
}

func isWithin(ctx context.Context, tx db.Tx, org, ancestor ids.Org) (within bool, err error) {
	err = tx.QueryRow(ctx, sqlWithin, tx.Tenant(), org, ancestor).Scan(&within)
	return within, err
}

func load(ctx context.Context, tx db.OrgTx, id ids.SupportAccess) (Access, error) {
	return db.CollectOne[Access](ctx, tx, sqlLoad, tx.Tenant(), tx.Org(), id)
}

func selectPage(ctx context.Context, tx db.OrgTx, req page.Request) ([]Access, error) {
	before := maxUUID
	if !req.First() {
		before = req.Part(0)
	}
	return db.Collect[Access](ctx, tx, sqlPage, tx.Tenant(), tx.Org(), before, req.Limit())
}

// closeNow reports whether the access was open.
func closeNow(ctx context.Context, tx db.OrgTx, id ids.SupportAccess) (bool, error) {
	n, err := tx.Exec(ctx, sqlClose, tx.Tenant(), tx.Org(), id, tx.Now())
	return n == 1, err
}
