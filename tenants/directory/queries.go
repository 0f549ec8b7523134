package directory

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

// Status says whether a tenant works.
type Status string

// The states of a tenant.
const (
	Active    Status = "active"
	Deleted   Status = "deleted" // answers as if it were gone, and can be restored
	Erasing   Status = "erasing" // answers as if it were gone
	Suspended Status = "suspended"
)

// Tenant is a tenant's line in the directory.
type Tenant struct {
	ID            ids.Tenant `db:"tenant_id"`
	Handle        string     `db:"handle"`
	Name          string     `db:"name"`
	Root          ids.Org    `db:"root_org_id"`
	Administrator ids.User   `db:"administrator_id"` // the first one
	Status        Status     `db:"status"`
	Plan          string     `db:"plan"`
	Region        string     `db:"region"`
	EraseAt       *time.Time `db:"erase_at"` // of a deleted one

	WasSuspended bool      `db:"was_suspended"` // before it was deleted
	CreatedAt    time.Time `db:"created_at"`
	UpdatedAt    time.Time `db:"updated_at"`
	Version      int64     `db:"version"`
}

// Host is a host name under which a tenant is found.
type Host struct {
	Name      string    `db:"host"`
	CreatedAt time.Time `db:"created_at"`
}

const tenantColumns = `t.tenant_id, t.handle, t.name, t.root_org_id, t.administrator_id, t.status, t.plan, t.region, t.erase_at, t.was_suspended, t.created_at, t.updated_at, t.version`

func selectByHandle(ctx context.Context, tx db.SystemTx, handle string) (Tenant, error) {
	return db.CollectOne[Tenant](ctx, tx, `SELECT `+tenantColumns+` FROM tenants t WHERE t.handle = $1`, handle)
}

func selectByID(ctx context.Context, tx db.SystemTx, id ids.Tenant) (Tenant, error) {
	return db.CollectOne[Tenant](ctx, tx, `SELECT `+tenantColumns+` FROM tenants t WHERE t.tenant_id = $1`, id)
}

type hostTenant struct {
	Tenant
	Host          string    `db:"host"`
	HostCreatedAt time.Time `db:"host_created_at"`
}

// selectByHost prefers the longer of two names, which is the one with the port.
func selectByHost(ctx context.Context, tx db.SystemTx, names []string) (hostTenant, error) {
	return db.CollectOne[hostTenant](ctx, tx, `
		SELECT `+tenantColumns+`, h.host, h.created_at AS host_created_at FROM tenant_hosts h JOIN tenants t ON t.tenant_id = h.tenant_id
		WHERE h.host = ANY ($1) ORDER BY length(h.host) DESC LIMIT 1`, names)
}

// The ways in which the words of a search are found in a handle or a name, whose keys are in lower case.
const (
	matchStart    = "start"
	matchEnd      = "end"
	matchContains = "contains"
	matchEqual    = "equal"
)

var matchSQL = map[string]string{
	matchStart:    `t.handle >= $1 AND t.handle < $1 || U&'\+10FFFF' OR t.name_key >= $1 AND t.name_key < $1 || U&'\+10FFFF'`,
	matchEnd:      `right(t.handle, length($1)) = $1 OR right(t.name_key, length($1)) = $1`,
	matchContains: `position($1 IN t.handle) > 0 OR position($1 IN t.name_key) > 0`,
	matchEqual:    `t.handle = $1 OR t.name_key = $1`,
}

// selectPage lists tenants by handle, those that match the words where there are any. Looking for an end or a middle walks
// the index of handles until the page is full.
func selectPage(ctx context.Context, tx db.SystemTx, words, match, status, after string, limit int) ([]Tenant, error) {
	return db.Collect[Tenant](ctx, tx, `
		SELECT `+tenantColumns+` FROM tenants t
		WHERE t.status <> 'erasing' AND ($2 = '' AND t.status <> 'deleted' OR t.status = $2) AND t.handle > $3
		  AND ($1::text COLLATE "C" = '' OR `+matchSQL[match]+`)
		ORDER BY t.handle LIMIT $4`, words, status, after, limit)
}

// selectActive lists the ids of active tenants in their order.
func selectActive(ctx context.Context, tx db.SystemTx, after ids.Tenant, limit int) ([]ids.Tenant, error) {
	return db.Scalars[ids.Tenant](ctx, tx, `
		SELECT tenant_id FROM tenants WHERE status = 'active' AND tenant_id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY tenant_id LIMIT $2`, after, limit)
}

// insertTenant reports false where the handle is taken.
func insertTenant(ctx context.Context, tx db.Tx, t Tenant, nameKey string) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO tenants (tenant_id, handle, name, name_key, root_org_id, administrator_id, status, plan, region, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $9, 'active', $7, $8, $6, $6) ON CONFLICT ON CONSTRAINT tenants_handle DO NOTHING`,
		tx.Tenant(), t.Handle, t.Name, nameKey, t.Root, tx.Now(), t.Plan, t.Region, t.Administrator)
	return n == 1, err
}

// lockOwn reads and locks the bound tenant's line.
func lockOwn(ctx context.Context, tx db.Tx) (Tenant, error) {
	return db.CollectOne[Tenant](ctx, tx, `SELECT `+tenantColumns+` FROM tenants t WHERE t.tenant_id = $1 FOR UPDATE`, tx.Tenant())
}

// updateOwn stores what of the bound tenant's line can change.
func updateOwn(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
	return db.CollectOne[Tenant](ctx, tx, `
		UPDATE tenants t SET name = $2, name_key = $3, status = $4, updated_at = $5, plan = $6, erase_at = $7, was_suspended = $8, version = t.version + 1
		WHERE t.tenant_id = $1 RETURNING `+tenantColumns, tx.Tenant(), t.Name, text.Key(t.Name), string(t.Status), tx.Now(), t.Plan, t.EraseAt, t.WasSuspended)
}

// selectDue lists the tenants whose time to be erased has come, or whose erasure was begun.
func selectDue(ctx context.Context, tx db.SystemTx, limit int) ([]ids.Tenant, error) {
	return db.Scalars[ids.Tenant](ctx, tx, `
		SELECT tenant_id FROM tenants WHERE status IN ('deleted', 'erasing') AND erase_at <= $1 ORDER BY erase_at LIMIT $2`, tx.Now(), limit)
}

// deleteErased deletes the line of a tenant of which nothing else is left.
func deleteErased(ctx context.Context, tx db.SystemTx, id ids.Tenant) error {
	_, err := tx.Exec(ctx, `DELETE FROM tenants WHERE tenant_id = $1 AND status = 'erasing'`, id)
	return err
}

func selectHosts(ctx context.Context, tx db.Tx, after string, limit int) ([]Host, error) {
	return db.Collect[Host](ctx, tx, `
		SELECT host, created_at FROM tenant_hosts WHERE tenant_id = $1 AND host > $2 ORDER BY host LIMIT $3`, tx.Tenant(), after, limit)
}

// insertHost reports false where the host has an owner already, whoever that is.
func insertHost(ctx context.Context, tx db.Tx, host string) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO tenant_hosts (host, tenant_id, created_at) VALUES ($2, $1, $3) ON CONFLICT DO NOTHING`,
		tx.Tenant(), host, tx.Now())
	return n == 1, err
}

func deleteHost(ctx context.Context, tx db.Tx, host string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM tenant_hosts WHERE tenant_id = $1 AND host = $2`, tx.Tenant(), host)
	return n == 1, err
}
