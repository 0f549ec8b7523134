package keys

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// State is a signing key's place in its life.
type State string

// The states, in their order.
const (
	Next     State = "next"     // published, signs after the next rotation
	Active   State = "active"   // signs
	Previous State = "previous" // published, so that what it signed can be verified
	Retired  State = "retired"  // no longer published
)

type keyRow struct {
	ID        ids.Key   `db:"id"`
	KID       string    `db:"kid"`
	Alg       string    `db:"alg"`
	State     State     `db:"state"`
	CreatedAt time.Time `db:"created_at"`
	StateAt   time.Time `db:"state_at"`
	Version   int64     `db:"version"`
}

type sealedRow struct {
	ID     ids.Key `db:"id"`
	KID    string  `db:"kid"`
	Alg    string  `db:"alg"`
	State  State   `db:"state"`
	Public []byte  `db:"public_jwk"`
	Sealed []byte  `db:"sealed"`
}

const keyColumns = `id, kid, alg, state, created_at, state_at, version`

func selectDataKey(ctx context.Context, tx db.Tx) (wrapped []byte, err error) {
	err = tx.QueryRow(ctx, `SELECT wrapped FROM data_keys WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`, tx.Tenant()).Scan(&wrapped)
	return wrapped, err
}

func insertDataKey(ctx context.Context, tx db.Tx, id ids.Key, wrapped []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO data_keys (tenant_id, id, wrapped, created_at) VALUES ($1, $2, $3, $4)`,
		tx.Tenant(), id, wrapped, tx.Now())
	return err
}

// replaceDataKey stores the same data key wrapped anew, unless another process was first.
func replaceDataKey(ctx context.Context, tx db.Tx, before, after []byte) error {
	_, err := tx.Exec(ctx, `UPDATE data_keys SET wrapped = $3 WHERE tenant_id = $1 AND wrapped = $2`, tx.Tenant(), before, after)
	return err
}

// selectPublished reads the keys of the key set: those that sign or will, first.
func selectPublished(ctx context.Context, tx db.Tx) ([]sealedRow, error) {
	return db.Collect[sealedRow](ctx, tx, `
		SELECT id, kid, alg, state, public_jwk, sealed FROM signing_keys
		WHERE tenant_id = $1 AND state <> 'retired'
		ORDER BY array_position(ARRAY['active', 'next', 'previous'], state), id DESC`, tx.Tenant())
}

// selectMissing are those of the algorithms that no active key is for.
func selectMissing(ctx context.Context, tx db.Tx, algs []string) (missing []string, err error) {
	err = tx.QueryRow(ctx, `
		SELECT ARRAY(SELECT DISTINCT wanted FROM unnest($2::text[]) wanted WHERE wanted <> ''
			AND NOT EXISTS (SELECT FROM signing_keys k WHERE k.tenant_id = $1 AND k.alg = wanted AND k.state = 'active'))`, tx.Tenant(), algs).Scan(&missing)
	return missing, err
}

func selectKey(ctx context.Context, tx db.Tx, id ids.Key) (keyRow, error) {
	return db.CollectOne[keyRow](ctx, tx, `SELECT `+keyColumns+` FROM signing_keys WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
}

func selectKeys(ctx context.Context, tx db.Tx, after ids.Key, req page.Request) ([]keyRow, error) {
	return db.Collect[keyRow](ctx, tx, `
		SELECT `+keyColumns+` FROM signing_keys
		WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`, tx.Tenant(), after, req.Limit())
}

// insertKey adds a key; it reports false where another one of the algorithm already has the state.
func insertKey(ctx context.Context, tx db.Tx, row sealedRow) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO signing_keys (tenant_id, id, kid, alg, public_jwk, sealed, state, created_at, state_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING`,
		tx.Tenant(), row.ID, row.KID, row.Alg, row.Public, row.Sealed, string(row.State), tx.Now())
	return n == 1, err
}

// lockRotation makes a tenant's rotations queue. What is read after it is as the rotation before left it.
func lockRotation(ctx context.Context, tx db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT FROM data_keys WHERE tenant_id = $1 FOR UPDATE`, tx.Tenant())
	return err
}

// selectTurning returns the active and the next key of an algorithm.
func selectTurning(ctx context.Context, tx db.Tx, alg string) ([]keyRow, error) {
	return db.Collect[keyRow](ctx, tx, `
		SELECT `+keyColumns+` FROM signing_keys WHERE tenant_id = $1 AND alg = $2 AND state IN ('active', 'next')`, tx.Tenant(), alg)
}

func updateState(ctx context.Context, tx db.Tx, id ids.Key, state State) error {
	_, err := tx.Exec(ctx, `
		UPDATE signing_keys SET state = $3, state_at = $4, version = version + 1 WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), id, string(state), tx.Now())
	return err
}

// retireBefore takes keys out of the key set that stopped signing before at, and destroys their private parts.
func retireBefore(ctx context.Context, tx db.Tx, at time.Time) ([]keyRow, error) {
	return db.Collect[keyRow](ctx, tx, `
		UPDATE signing_keys SET state = 'retired', state_at = $3, version = version + 1, sealed = ''
		WHERE tenant_id = $1 AND state = 'previous' AND state_at <= $2
		RETURNING `+keyColumns, tx.Tenant(), at, tx.Now())
}

// selectRoot reads the tenant's root organization, in whose log the keys' events are.
func selectRoot(ctx context.Context, tx db.Tx) (root ids.Org, err error) {
	err = tx.QueryRow(ctx, `SELECT root_org_id FROM tenants WHERE tenant_id = $1`, tx.Tenant()).Scan(&root)
	return root, err
}
