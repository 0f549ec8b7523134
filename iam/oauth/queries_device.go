package oauth

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// deviceCode is one stored device authorization.
type deviceCode struct {
	Hash      []byte     `db:"hash"`
	App       ids.App    `db:"app_id"`
	ClientID  string     `db:"client_id"`
	Issuer    string     `db:"issuer"`
	Details   string     `db:"authorization_details"` // see grant
	Scopes    []string   `db:"scopes"`
	State     string     `db:"state"`
	Grant     ids.Grant  `db:"grant_id"`
	Interval  int        `db:"interval_seconds"`
	PolledAt  *time.Time `db:"polled_at"`
	ExpiresAt time.Time  `db:"expires_at"`
}

const (
	deviceColumns = `d.hash, d.app_id, a.client_id, d.issuer, d.authorization_details, d.scopes, d.state, d.grant_id, d.interval_seconds, d.polled_at, d.expires_at`

	// A user code that is taken by chance makes the request fail, one time in billions; the device asks again.
	sqlInsertDevice = `INSERT INTO device_codes (tenant_id, hash, user_code, app_id, issuer, scopes, interval_seconds, expires_at, authorization_details)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	sqlFindDevice = `SELECT ` + deviceColumns + ` FROM device_codes d JOIN apps a ON a.tenant_id = d.tenant_id AND a.id = d.app_id
		WHERE d.tenant_id = $1 AND d.user_code = $2 AND d.issuer = $3 AND d.state = 'pending' AND d.expires_at > $4`
	sqlLockDevice = `SELECT ` + deviceColumns + ` FROM device_codes d JOIN apps a ON a.tenant_id = d.tenant_id AND a.id = d.app_id
		WHERE d.tenant_id = $1 AND d.hash = $2 FOR UPDATE OF d`
	sqlDecideDevice = `UPDATE device_codes SET state = $3, grant_id = $4 WHERE tenant_id = $1 AND hash = $2 AND state = 'pending' AND expires_at > $5`
	sqlNotePoll     = `UPDATE device_codes SET polled_at = $3, interval_seconds = $4 WHERE tenant_id = $1 AND hash = $2`
	sqlDeleteDevice = `DELETE FROM device_codes WHERE tenant_id = $1 AND hash = $2`

	// Of several attempts from one address each is counted before the next is looked at: they queue on the row.
	sqlCountAttempt = `INSERT INTO device_attempts AS d (tenant_id, address, attempts, since) VALUES ($1, $2, 1, $3)
		ON CONFLICT (tenant_id, address) DO UPDATE SET attempts = CASE WHEN d.since > $4 THEN least(d.attempts, $5) + 1 ELSE 1 END, since = CASE WHEN d.since > $4 THEN d.since ELSE excluded.since END
		RETURNING attempts`
	sqlForgiveAttempt = `UPDATE device_attempts SET attempts = attempts - 1 WHERE tenant_id = $1 AND address = $2`

	// Across tenants, as grove_system.
	sqlSweepAttempts = `DELETE FROM device_attempts WHERE (tenant_id, address) IN (SELECT tenant_id, address FROM device_attempts WHERE since < $1 ORDER BY since LIMIT $2)`
	sqlSweepDevices  = `DELETE FROM device_codes WHERE (tenant_id, hash) IN (SELECT tenant_id, hash FROM device_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
)

func insertDevice(ctx context.Context, tx db.Tx, d deviceCode, userCode []byte, expiresAt time.Time) error {
	_, err := tx.Exec(ctx, sqlInsertDevice, tx.Tenant(), d.Hash, userCode, d.App, d.Issuer, list(d.Scopes), d.Interval, expiresAt, d.Details)
	return err
}

func findDevice(ctx context.Context, tx db.Tx, userCode []byte, issuer string) (deviceCode, error) {
	return db.CollectOne[deviceCode](ctx, tx, sqlFindDevice, tx.Tenant(), userCode, issuer, tx.Now())
}

func lockDevice(ctx context.Context, tx db.Tx, hash []byte) (deviceCode, error) {
	return db.CollectOne[deviceCode](ctx, tx, sqlLockDevice, tx.Tenant(), hash)
}

// decideDevice reports false where the code has run out or was answered before.
func decideDevice(ctx context.Context, tx db.Tx, hash []byte, answer string, g grant) (bool, error) {
	var id *ids.Grant
	if answer == deviceApproved {
		id = &g.ID
	}
	n, err := tx.Exec(ctx, sqlDecideDevice, tx.Tenant(), hash, answer, id, tx.Now())
	return n == 1, err
}

func notePoll(ctx context.Context, tx db.Tx, hash []byte, interval int) error {
	_, err := tx.Exec(ctx, sqlNotePoll, tx.Tenant(), hash, tx.Now(), interval)
	return err
}

func deleteDevice(ctx context.Context, tx db.Tx, hash []byte) error {
	_, err := tx.Exec(ctx, sqlDeleteDevice, tx.Tenant(), hash)
	return err
}

// attempts are user codes that name no device, of whom they are counted and how many he may enter.
type attempts struct {
	by   string
	most int
}

// countAttempt reports whether one more code may be entered now.
func countAttempt(ctx context.Context, tx db.Tx, of attempts) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, sqlCountAttempt, tx.Tenant(), of.by, tx.Now(), tx.Now().Add(-attemptWindow), of.most).Scan(&n)
	return n <= of.most, err
}

// forgiveAttempt takes back the count of a code that was right.
func forgiveAttempt(ctx context.Context, tx db.Tx, of attempts) error {
	_, err := tx.Exec(ctx, sqlForgiveAttempt, tx.Tenant(), of.by)
	return err
}
