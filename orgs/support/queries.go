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
	CreatedAt time.Time         `db:"created_at"`
	ExpiresAt time.Time         `db:"expires_at"`
	ClosedAt  *time.Time        `db:"closed_at"` // nil: it runs out
}

const (
	columns = `s.id, s.org_id, s.mode, s.reason, s.opened_by, s.created_at, s.expires_at, s.closed_at`

	sqlInsert = `INSERT INTO support_access (tenant_id, id, org_id, mode, reason, opened_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlLoad   = `SELECT ` + columns + ` FROM support_access s WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id = $3`
	sqlPage   = `SELECT ` + columns + ` FROM support_access s WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id < $3::uuid ORDER BY s.id DESC LIMIT $4`
	sqlClose  = `UPDATE support_access s SET closed_at = $4 WHERE s.tenant_id = $1 AND s.org_id = $2 AND s.id = $3 AND s.closed_at IS NULL AND s.expires_at > $4`

	// The widest one that is open on the way from an organization up to another one, which itself cannot allow it.
	sqlOpen = `
		SELECT ` + columns + ` FROM org_closure up JOIN support_access s ON s.tenant_id = up.tenant_id AND s.org_id = up.ancestor_id
		WHERE up.tenant_id = $1 AND up.descendant_id = $2 AND s.closed_at IS NULL AND s.expires_at > $4
		  AND up.ancestor_id <> $3 AND EXISTS (SELECT FROM org_closure below WHERE below.tenant_id = $1 AND below.ancestor_id = $3 AND below.descendant_id = up.ancestor_id)
		ORDER BY s.mode = 'full' DESC, s.expires_at DESC LIMIT 1`

	maxUUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

func insert(ctx context.Context, tx db.OrgTx, a Access) error {
	_, err := tx.Exec(ctx, sqlInsert, tx.Tenant(), a.ID, a.Org, a.Mode, a.Reason, a.OpenedBy, a.CreatedAt, a.ExpiresAt)
	return err
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
