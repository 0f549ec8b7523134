package recovery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
)

// link is a stored link.
type link struct {
	User      ids.User   `db:"user_id"`
	Org       ids.Org    `db:"org_id"`
	ID        uuid.UUID  `db:"id"`
	TokenHash []byte     `db:"token_hash"`
	Delivery  string     `db:"delivery"`
	EmailKey  string     `db:"email_key"`
	ExpiresAt *time.Time `db:"expires_at"`
	CreatedAt time.Time  `db:"created_at"`

	MadeBy actor.Remembered `db:"made_by"`
}

// upsertLink puts a link in the place of the one before and counts its mail. It reports false, and changes nothing, when
// the mail would be one too many in the window.
func upsertLink(ctx context.Context, tx db.Tx, l link, maxMails int, window time.Duration) (bool, error) {
	mails := 0
	if l.Delivery == deliveryEmail {
		mails = 1
	}
	n, err := tx.Exec(ctx, `
		INSERT INTO password_links AS l (tenant_id, user_id, org_id, id, token_hash, delivery, email_key, expires_at, created_at, mails, mails_since, made_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $13)
		ON CONFLICT (tenant_id, user_id) DO UPDATE SET id = excluded.id, token_hash = excluded.token_hash, delivery = excluded.delivery,
			email_key = excluded.email_key, expires_at = excluded.expires_at, created_at = excluded.created_at, made_by = excluded.made_by, ended = false,
			mails = CASE WHEN l.mails_since > $12 THEN l.mails + excluded.mails ELSE excluded.mails END,
			mails_since = CASE WHEN l.mails_since > $12 THEN l.mails_since ELSE excluded.mails_since END
		WHERE excluded.mails = 0 OR l.mails < $11 OR l.mails_since <= $12`,
		tx.Tenant(), l.User, l.Org, l.ID, l.TokenHash, l.Delivery, l.EmailKey, l.ExpiresAt, tx.Now(), mails, maxMails, tx.Now().Add(-window), l.MadeBy)
	return n == 1, err
}

// A link ends with every change of the password after it was made, and with whatever ends all else that is the person's, such as
// the removal of the password.
const usableSQL = `
	SELECT l.user_id, l.org_id, l.id, l.token_hash, l.delivery, l.email_key, l.expires_at, l.created_at, l.made_by FROM password_links l
	WHERE l.tenant_id = $1 AND NOT l.ended AND (l.expires_at IS NULL OR l.expires_at > $3)
	  AND NOT EXISTS (SELECT FROM passwords p WHERE p.tenant_id = $1 AND p.user_id = l.user_id AND p.changed_at > l.created_at)
	  AND NOT EXISTS (SELECT FROM epochs e WHERE e.tenant_id = $1 AND e.subject = l.user_id AND e.changed_at > l.created_at)`

func queryByToken(ctx context.Context, tx db.Tx, hash []byte) (link, error) {
	return db.CollectOne[link](ctx, tx, usableSQL+` AND l.token_hash = $2`, tx.Tenant(), hash, tx.Now())
}

func queryOf(ctx context.Context, tx db.Tx, user ids.User) (link, error) {
	return db.CollectOne[link](ctx, tx, usableSQL+` AND l.user_id = $2`, tx.Tenant(), user, tx.Now())
}

// endLink reports whether it ended the link of a token: of all who hold it, the row's lock lets one through.
func endLink(ctx context.Context, tx db.Tx, hash []byte) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE password_links SET ended = true WHERE tenant_id = $1 AND token_hash = $2 AND NOT ended`, tx.Tenant(), hash)
	return n == 1, err
}

// endLinks reports whether the person had a link that was not ended.
func endLinks(ctx context.Context, tx db.Tx, user ids.User) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE password_links SET ended = true WHERE tenant_id = $1 AND user_id = $2 AND NOT ended`, tx.Tenant(), user)
	return n == 1, err
}

func queryOrgName(ctx context.Context, tx db.Tx, org ids.Org) (name string, err error) {
	err = tx.QueryRow(ctx, `SELECT name FROM organizations WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), org).Scan(&name)
	return name, err
}
