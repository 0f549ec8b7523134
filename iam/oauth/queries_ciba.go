package oauth

import (
	"context"
	"encoding/hex"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// cibaRequest is one stored backchannel authentication request.
type cibaRequest struct {
	ID        ids.CIBARequest `db:"id"`
	App       ids.App         `db:"app_id"`
	ClientID  string          `db:"client_id"`
	AppName   string          `db:"name"`
	User      ids.User        `db:"user_id"` // zero: it names nobody
	Org       ids.Org         `db:"org_id"`  // zero: the person chooses
	Issuer    string          `db:"issuer"`
	Details   string          `db:"authorization_details"` // see grant
	Scopes    []string        `db:"scopes"`
	Message   string          `db:"message"`
	Sealed    []byte          `db:"sealed"` // a ping; see cibaPing
	State     string          `db:"state"`
	Grant     ids.Grant       `db:"grant_id"`
	Interval  int             `db:"interval_seconds"`
	PolledAt  *time.Time      `db:"polled_at"`
	ExpiresAt time.Time       `db:"expires_at"`

	hash, link, hint []byte // not read again
}

const (
	cibaColumns = `c.id, c.app_id, a.client_id, a.name, c.user_id, c.org_id, c.issuer, c.authorization_details, c.scopes, c.message, c.sealed, c.state, c.grant_id, c.interval_seconds, c.polled_at, c.expires_at`

	sqlInsertCIBA = `INSERT INTO ciba_requests (tenant_id, id, hash, link, hint, app_id, user_id, org_id, issuer, scopes, authorization_details, message, sealed, interval_seconds, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	sqlCIBA = `SELECT ` + cibaColumns + ` FROM ciba_requests c JOIN apps a ON a.tenant_id = c.tenant_id AND a.id = c.app_id
		WHERE c.tenant_id = $1 AND `
	sqlFindCIBA      = sqlCIBA + `c.id = $2`
	sqlFindCIBALink  = sqlCIBA + `c.link = $2 AND c.issuer = $3 AND c.user_id IS NOT NULL AND c.state = 'pending' AND c.expires_at > $4`
	sqlWaitingCIBA   = sqlCIBA + `c.user_id = $2 AND c.state = 'pending' AND c.expires_at > $3 ORDER BY c.id LIMIT $4`
	sqlLockCIBA      = sqlCIBA + `c.hash = $2 FOR UPDATE OF c`
	sqlDecideCIBA    = `UPDATE ciba_requests SET state = $3, grant_id = $4 WHERE tenant_id = $1 AND id = $2 AND user_id = $5 AND state = 'pending' AND expires_at > $6`
	sqlNoteCIBAPoll  = `UPDATE ciba_requests SET polled_at = $3, interval_seconds = $4 WHERE tenant_id = $1 AND id = $2`
	sqlDeleteCIBA    = `DELETE FROM ciba_requests WHERE tenant_id = $1 AND id = $2`
	sqlQueueCIBA     = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
	sqlCountCIBAHint = `SELECT count(*) FROM ciba_requests WHERE tenant_id = $1 AND app_id = $2 AND hint = $3 AND state = 'pending' AND expires_at > $4`
	sqlCountCIBAUser = `SELECT count(*) FROM ciba_requests WHERE tenant_id = $1 AND user_id = $2 AND state <> 'approved' AND created_at > $3`
	sqlCIBAOrgName   = `SELECT name FROM organizations WHERE tenant_id = $1 AND id = $2`

	// Across tenants, as grove_system.
	sqlSweepCIBA = `DELETE FROM ciba_requests WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM ciba_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
)

func insertCIBA(ctx context.Context, tx db.Tx, c cibaRequest) error {
	_, err := tx.Exec(ctx, sqlInsertCIBA, tx.Tenant(), c.ID, c.hash, c.link, c.hint, c.App, c.User, c.Org, c.Issuer, list(c.Scopes), c.Details, c.Message, c.Sealed,
		int(cibaInterval/time.Second), tx.Now(), c.ExpiresAt)
	return err
}

func findCIBA(ctx context.Context, tx db.Tx, id ids.CIBARequest) (cibaRequest, error) {
	return db.CollectOne[cibaRequest](ctx, tx, sqlFindCIBA, tx.Tenant(), id)
}

// findCIBALink finds a request that waits for a person's answer at an issuer.
func findCIBALink(ctx context.Context, tx db.Tx, link []byte, issuer string) (cibaRequest, error) {
	return db.CollectOne[cibaRequest](ctx, tx, sqlFindCIBALink, tx.Tenant(), link, issuer, tx.Now())
}

func lockCIBA(ctx context.Context, tx db.Tx, hash []byte) (cibaRequest, error) {
	return db.CollectOne[cibaRequest](ctx, tx, sqlLockCIBA, tx.Tenant(), hash)
}

// decideCIBA reports false where the request has run out, was answered before, or asks somebody else.
func decideCIBA(ctx context.Context, tx db.Tx, id ids.CIBARequest, user ids.User, answer string, grant ids.Grant) (bool, error) {
	n, err := tx.Exec(ctx, sqlDecideCIBA, tx.Tenant(), id, answer, grant, user, tx.Now())
	return n == 1, err
}

func noteCIBAPoll(ctx context.Context, tx db.Tx, id ids.CIBARequest, interval int) error {
	_, err := tx.Exec(ctx, sqlNoteCIBAPoll, tx.Tenant(), id, tx.Now(), interval)
	return err
}

func deleteCIBA(ctx context.Context, tx db.Tx, id ids.CIBARequest) error {
	_, err := tx.Exec(ctx, sqlDeleteCIBA, tx.Tenant(), id)
	return err
}

// countCIBA counts the requests of an app about whom a hint names that are open, and those about a person, by any app, of the last hour
// that he has not approved. Requests that would count each other queue.
func countCIBA(ctx context.Context, tx db.Tx, app ids.App, hint []byte, user ids.User) (open, asked int, err error) {
	for _, queue := range []string{"ciba hint " + app.String() + " " + hex.EncodeToString(hint), "ciba user " + user.String()} {
		if _, err := tx.Exec(ctx, sqlQueueCIBA, tx.Tenant().String()+" "+queue); err != nil {
			return 0, 0, err
		}
	}
	if err := tx.QueryRow(ctx, sqlCountCIBAHint, tx.Tenant(), app, hint, tx.Now()).Scan(&open); err != nil {
		return 0, 0, err
	}
	err = tx.QueryRow(ctx, sqlCountCIBAUser, tx.Tenant(), user, tx.Now().Add(-cibaWindow)).Scan(&asked)
	return open, asked, err
}
