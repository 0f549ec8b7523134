package invitations

import (
	"context"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// Invitation is a stored invitation.
type Invitation struct {
	ID         ids.Invitation `db:"id"`
	Org        ids.Org        `db:"org_id"`
	Email      string         `db:"email"`
	EmailKey   string         `db:"email_key"`
	State      string         `db:"state"`
	TokenHash  []byte         `db:"token_hash"`
	Generation int            `db:"generation"`
	Roles      []ids.Role     `db:"roles"`
	Groups     []ids.Group    `db:"groups"`
	Delivery   string         `db:"delivery"`
	Life       int            `db:"life_minutes"` // of each sending; 0: the installation's, -1: for ever
	Locale     string         `db:"locale"`
	Inviter    string         `db:"inviter"`
	Refused    string         `db:"refused"`    // why it could not be accepted when somebody last tried; ""
	ExpiresAt  *time.Time     `db:"expires_at"` // nil: never
	User       ids.User       `db:"user_id"`
	CreatedAt  time.Time      `db:"created_at"`
	UpdatedAt  time.Time      `db:"updated_at"`
	Version    int64          `db:"version"`

	PromisedBy actor.Remembered `db:"promised_by"` // of the latest sending
	Withheld   bool             `db:"withheld"`    // the latest sending is not mailed
}

const columns = `promised_by, withheld, refused, id, org_id, email, email_key, state, token_hash, generation, roles, groups, delivery, life_minutes, locale, inviter, expires_at, user_id, created_at, updated_at, version`

const loadSQL = `SELECT ` + columns + ` FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND id = $3`

func queryLoad(ctx context.Context, tx db.Tx, org ids.Org, id ids.Invitation) (Invitation, error) {
	return db.CollectOne[Invitation](ctx, tx, loadSQL, tx.Tenant(), org, id)
}

func queryLock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Invitation) (Invitation, error) {
	return db.CollectOne[Invitation](ctx, tx, loadSQL+` FOR UPDATE`, tx.Tenant(), org, id)
}

func queryByID(ctx context.Context, tx db.Tx, id ids.Invitation) (Invitation, error) {
	return db.CollectOne[Invitation](ctx, tx, `SELECT `+columns+` FROM invitations WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
}

// queryUsable finds the invitation of a token that can be accepted now.
func queryUsable(ctx context.Context, tx db.Tx, hash []byte) (Invitation, error) {
	return db.CollectOne[Invitation](ctx, tx, `
		SELECT `+columns+` FROM invitations WHERE tenant_id = $1 AND token_hash = $2 AND state = 'pending' AND (expires_at IS NULL OR expires_at > $3)`,
		tx.Tenant(), hash, tx.Now())
}

func queryPending(ctx context.Context, tx db.Tx, org ids.Org, emailKey string) (Invitation, error) {
	return db.CollectOne[Invitation](ctx, tx, `
		SELECT `+columns+` FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND email_key = $3 AND state = 'pending'`,
		tx.Tenant(), org, emailKey)
}

const maxUUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

func queryList(ctx context.Context, tx db.Tx, org ids.Org, state string, req page.Request) ([]Invitation, error) {
	before := maxUUID
	if !req.First() {
		before = req.Part(0)
	}
	sql, args := listSQL+ofState[state], []any{tx.Tenant(), org, before, req.Limit()}
	if strings.Contains(sql, "$5") {
		args = append(args, tx.Now())
	}
	return db.Collect[Invitation](ctx, tx, sql+` ORDER BY id DESC LIMIT $4`, args...)
}

const listSQL = `SELECT ` + columns + ` FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND id < $3::uuid`

// ofState narrows a list to a state by name, so that its plan is made for that one. A pending invitation whose time is over
// is expired, and the job that writes it down is near: few wait for it.
var ofState = map[string]string{
	StateAccepted: ` AND state = 'accepted'`,
	StateExpired: ` AND id IN (
		(SELECT id FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND id < $3::uuid AND state = 'expired' ORDER BY id DESC LIMIT $4)
		UNION ALL
		(SELECT id FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND id < $3::uuid AND state = 'pending' AND expires_at <= $5 ORDER BY id DESC LIMIT $4))`,
	StatePending: ` AND state = 'pending' AND (expires_at IS NULL OR expires_at > $5)`,
	StateRevoked: ` AND state = 'revoked'`,
}

func insertInvitation(ctx context.Context, tx db.Tx, i Invitation) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO invitations (tenant_id, id, org_id, email, email_key, state, token_hash, generation, roles, locale, inviter, expires_at,
		                         created_at, updated_at, version, groups, delivery, life_minutes, promised_by, sent_at, withheld)
		VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15, $16, $17, ARRAY[$18::bigint], $19)`,
		tx.Tenant(), i.ID, i.Org, i.Email, i.EmailKey, i.TokenHash, i.Generation, i.Roles, i.Locale, i.Inviter, i.ExpiresAt, i.CreatedAt, i.Version, i.Groups, i.Delivery, i.Life, i.PromisedBy,
		i.CreatedAt.Unix(), i.Withheld)
	return err
}

func updateResent(ctx context.Context, tx db.Tx, i Invitation) error {
	_, err := tx.Exec(ctx, `
		UPDATE invitations SET state = 'pending', token_hash = $3, generation = $4, expires_at = $5, updated_at = $6, version = $7,
		       inviter = $8, promised_by = $9, refused = '', sent_at = ARRAY(SELECT s FROM unnest(sent_at) AS s WHERE s > $10) || $11::bigint, withheld = $12
		WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), i.ID, i.TokenHash, i.Generation, i.ExpiresAt, i.UpdatedAt, i.Version, i.Inviter, i.PromisedBy,
		i.UpdatedAt.Add(-sendingWindow).Unix(), i.UpdatedAt.Unix(), i.Withheld)
	return err
}

// updateRefused notes why a pending invitation cannot be accepted, "" where it can, and reports whether that is news.
func updateRefused(ctx context.Context, tx db.Tx, i Invitation, why string) (bool, error) {
	n, err := tx.Exec(ctx, `
		UPDATE invitations SET refused = $3 WHERE tenant_id = $1 AND id = $2 AND generation = $4 AND state = 'pending' AND refused <> $3`,
		tx.Tenant(), i.ID, why, i.Generation)
	return n == 1, err
}

func updateExpired(ctx context.Context, tx db.Tx, id ids.Invitation) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE invitations SET state = 'expired', updated_at = $3, version = version + 1
		WHERE tenant_id = $1 AND id = $2 AND state = 'pending' AND expires_at <= $3`, tx.Tenant(), id, tx.Now())
}

func updateRevoked(ctx context.Context, tx db.Tx, id ids.Invitation) error {
	_, err := tx.Exec(ctx, `
		UPDATE invitations SET state = 'revoked', updated_at = $3, version = version + 1 WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), id, tx.Now())
	return err
}

// updateAccepted is the one decision: of all who hold the token, the row's lock lets one through.
func updateAccepted(ctx context.Context, tx db.Tx, hash []byte) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE invitations SET state = 'accepted', updated_at = $3, version = version + 1
		WHERE tenant_id = $1 AND token_hash = $2 AND state = 'pending' AND (expires_at IS NULL OR expires_at > $3)`, tx.Tenant(), hash, tx.Now())
}

// updateAccepter names who accepted; it comes after the person's own row.
func updateAccepter(ctx context.Context, tx db.Tx, id ids.Invitation, user ids.User) error {
	_, err := tx.Exec(ctx, `UPDATE invitations SET user_id = $3 WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id, user)
	return err
}

// querySendings counts the sendings of an invitation's organization to its address in its way since a time. What was not changed since
// was not sent since.
func querySendings(ctx context.Context, tx db.Tx, i Invitation, since time.Time) (n int, err error) {
	err = tx.QueryRow(ctx, `
		SELECT count(*) FROM invitations i, unnest(i.sent_at) AS s (at)
		WHERE i.tenant_id = $1 AND i.email_key = $2 AND i.org_id = $5 AND i.updated_at > $3 AND s.at > $4 AND i.delivery = $6`,
		tx.Tenant(), i.EmailKey, since, since.Unix(), i.Org, i.Delivery).Scan(&n)
	return n, err
}

// queryIsMember reports whether somebody who belongs to the organization has the address, verified or not.
func queryIsMember(ctx context.Context, tx db.Tx, org ids.Org, emailKey string) (yes bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM memberships m WHERE m.tenant_id = $1 AND m.org_id = $2 AND m.user_id IN (
				SELECT e.id FROM users e WHERE e.tenant_id = $1 AND e.email_key = $3 AND e.email_key <> ''
				UNION SELECT n.id FROM users n WHERE n.tenant_id = $1 AND n.org_id = $2 AND n.username_key = $3))`,
		tx.Tenant(), org, emailKey).Scan(&yes)
	return yes, err
}

// orgRow is what an invitation shows of its organization.
type orgRow struct {
	Name      string `db:"name"`
	Suspended bool   `db:"suspended"` // or an ancestor is
}

func queryOrg(ctx context.Context, tx db.Tx, org ids.Org) (orgRow, error) {
	return db.CollectOne[orgRow](ctx, tx, `
		SELECT o.name, EXISTS (
			SELECT FROM org_closure c JOIN organizations a ON a.tenant_id = c.tenant_id AND a.id = c.ancestor_id
			WHERE c.tenant_id = o.tenant_id AND c.descendant_id = o.id AND a.status = 'suspended') AS suspended
		FROM organizations o WHERE o.tenant_id = $1 AND o.id = $2`, tx.Tenant(), org)
}

// lockAddress lets one transaction at a time decide what an address of the tenant stands for.
func lockAddress(ctx context.Context, tx db.Tx, emailKey string) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "invitations "+tx.Tenant().String()+" "+emailKey)
	return err
}

// lockAddressOf is lockAddress for the address of an invitation, if there is one.
func lockAddressOf(ctx context.Context, tx db.Tx, org ids.Org, id ids.Invitation) error {
	var emailKey string
	err := tx.QueryRow(ctx, `SELECT email_key FROM invitations WHERE tenant_id = $1 AND org_id = $2 AND id = $3`, tx.Tenant(), org, id).Scan(&emailKey)
	if db.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return lockAddress(ctx, tx, emailKey)
}

// holdUser keeps a person from being deleted while the transaction lasts.
func holdUser(ctx context.Context, tx db.Tx, user ids.User) error {
	_, err := tx.Exec(ctx, `SELECT FROM users WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE`, tx.Tenant(), user)
	return err
}
