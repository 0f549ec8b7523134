package registration

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

type tokenRow struct {
	ID        ids.RegistrationToken `db:"id"`
	Name      string                `db:"name"`
	Hint      string                `db:"hint"`
	UsesLeft  *int                  `db:"uses_left"`
	CreatedAt time.Time             `db:"created_at"`
	ExpiresAt time.Time             `db:"expires_at"`
}

const tokenColumns = `id, name, hint, uses_left, created_at, expires_at`

func listTokens(ctx context.Context, tx db.OrgTx, after uuid.UUID, limit int) ([]tokenRow, error) {
	return db.Collect[tokenRow](ctx, tx, `
		SELECT `+tokenColumns+` FROM registration_tokens WHERE tenant_id = $1 AND org_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
		tx.Tenant(), tx.Org(), after, limit)
}

func countTokens(ctx context.Context, tx db.OrgTx) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM registration_tokens WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), tx.Org()).Scan(&n)
	return n, err
}

func insertToken(ctx context.Context, tx db.OrgTx, t tokenRow, hash []byte) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO registration_tokens (tenant_id, id, org_id, name, hash, hint, uses_left, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, tx.Tenant(), t.ID, tx.Org(), t.Name, hash, t.Hint, t.UsesLeft, t.CreatedAt, t.ExpiresAt)
	return err
}

func deleteToken(ctx context.Context, tx db.OrgTx, id ids.RegistrationToken) (tokenRow, error) {
	return db.CollectOne[tokenRow](ctx, tx, `
		DELETE FROM registration_tokens WHERE tenant_id = $1 AND org_id = $2 AND id = $3 RETURNING `+tokenColumns, tx.Tenant(), tx.Org(), id)
}

// useToken counts one use of a token that still works.
func useToken(ctx context.Context, tx db.Tx, org ids.Org, hash []byte) (id ids.RegistrationToken, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE registration_tokens SET uses_left = uses_left - 1
		WHERE tenant_id = $1 AND org_id = $2 AND hash = $3 AND expires_at > $4 AND (uses_left IS NULL OR uses_left > 0) RETURNING id`,
		tx.Tenant(), org, hash, tx.Now()).Scan(&id)
	return id, err
}

type registrationRow struct {
	App       ids.App   `db:"app_id"`
	Org       ids.Org   `db:"org_id"`
	Hash      []byte    `db:"token_hash"`
	Metadata  Metadata  `db:"metadata"`
	CreatedAt time.Time `db:"created_at"`
	Enabled   bool      `db:"enabled"`
}

// findRegistration returns the registration of the app that a client_id names.
func findRegistration(ctx context.Context, tx db.Tx, clientID string) (registrationRow, error) {
	return db.CollectOne[registrationRow](ctx, tx, `
		SELECT r.app_id, r.org_id, r.token_hash, r.metadata, r.created_at, a.enabled
		FROM apps a JOIN client_registrations r ON r.tenant_id = $1 AND r.app_id = a.id
		WHERE a.tenant_id = $1 AND a.client_id = $2`, tx.Tenant(), clientID)
}

func insertRegistration(ctx context.Context, tx db.Tx, r registrationRow, provisional bool) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO client_registrations (tenant_id, app_id, org_id, provisional, token_hash, metadata, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tx.Tenant(), r.App, r.Org, provisional, r.Hash, r.Metadata, r.CreatedAt)
	return err
}

func updateRegistration(ctx context.Context, tx db.Tx, app ids.App, m Metadata) error {
	_, err := tx.Exec(ctx, `UPDATE client_registrations SET metadata = $3 WHERE tenant_id = $1 AND app_id = $2`, tx.Tenant(), app, m)
	return err
}

// countOpen counts the apps that registered without a token since a time.
func countOpen(ctx context.Context, tx db.Tx, org ids.Org, since time.Time) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM client_registrations WHERE tenant_id = $1 AND org_id = $2 AND provisional AND created_at > $3`,
		tx.Tenant(), org, since).Scan(&n)
	return n, err
}

type provisionalRow struct {
	Tenant ids.Tenant `db:"tenant_id"`
	Org    ids.Org    `db:"org_id"`
	App    ids.App    `db:"app_id"`
}

// provisional returns apps that registered without a token before a time, and of which nobody has asked yet whether a person
// has let them in, in all tenants.
func provisional(ctx context.Context, tx db.SystemTx, before time.Time, limit int) ([]provisionalRow, error) {
	return db.Collect[provisionalRow](ctx, tx, `
		SELECT tenant_id, org_id, app_id FROM client_registrations WHERE provisional AND created_at < $1
		ORDER BY tenant_id, org_id, created_at LIMIT $2`, before, limit)
}

// keepUsed keeps an app for good that a person has let in, and reports whether it did.
func keepUsed(ctx context.Context, tx db.Tx, app ids.App) (bool, error) {
	n, err := tx.Exec(ctx, `
		UPDATE client_registrations r SET provisional = false
		WHERE r.tenant_id = $1 AND r.app_id = $2 AND EXISTS (SELECT FROM consents c WHERE c.tenant_id = $1 AND c.app_id = $2)`, tx.Tenant(), app)
	return n > 0, err
}

func deleteExpiredTokens(ctx context.Context, tx db.SystemTx, before time.Time, limit int) (int64, error) {
	return tx.Exec(ctx, `
		DELETE FROM registration_tokens WHERE (tenant_id, id) IN (
			SELECT tenant_id, id FROM registration_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, before, limit)
}

type documentRow struct {
	App        ids.App   `db:"app_id"`
	Org        ids.Org   `db:"org_id"`
	FreshUntil time.Time `db:"fresh_until"`
}

func findDocument(ctx context.Context, tx db.Tx, url string) (documentRow, error) {
	return db.CollectOne[documentRow](ctx, tx, `SELECT app_id, org_id, fresh_until FROM client_documents WHERE tenant_id = $1 AND url = $2`, tx.Tenant(), url)
}

func putDocument(ctx context.Context, tx db.Tx, d documentRow, url string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO client_documents (tenant_id, app_id, org_id, url, read_at, fresh_until) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, app_id) DO UPDATE SET read_at = excluded.read_at, fresh_until = excluded.fresh_until`,
		tx.Tenant(), d.App, d.Org, url, tx.Now(), d.FreshUntil)
	return err
}
