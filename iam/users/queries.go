package users

import (
	"context"
	"strconv"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

const columns = `u.id, u.org_id, u.username, u.username_key, u.email, u.email_key, u.email_verified, u.given_name, u.family_name,
	u.locale, u.status, u.lock_reason, u.attributes, u.created_at, u.updated_at, u.version,
	p.user_id IS NOT NULL AS has_password, coalesce(p.must_change, false) AS must_change_password, f.locked_until`

const from = ` FROM users u
	LEFT JOIN passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
	LEFT JOIN sign_in_failures f ON f.tenant_id = u.tenant_id AND f.user_id = u.id`

const loadSQL = `SELECT ` + columns + from + ` WHERE u.tenant_id = $1 AND u.id = $2`

func queryLoad(ctx context.Context, tx db.Tx, id ids.User) (User, error) {
	return db.CollectOne[User](ctx, tx, loadSQL, tx.Tenant(), id)
}

func queryLock(ctx context.Context, tx db.Tx, org ids.Org, id ids.User) (User, error) {
	return db.CollectOne[User](ctx, tx, loadSQL+` AND u.org_id = $3 FOR UPDATE OF u`, tx.Tenant(), id, org)
}

func queryLoadIn(ctx context.Context, tx db.Tx, org ids.Org, id ids.User) (User, error) {
	return db.CollectOne[User](ctx, tx, loadSQL+` AND u.org_id = $3`, tx.Tenant(), id, org)
}

func insertUser(ctx context.Context, tx db.Tx, u User) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO users (tenant_id, id, org_id, username, username_key, email, email_key, email_verified, given_name, family_name,
		                   locale, status, attributes, created_at, updated_at, version, name_words)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		tx.Tenant(), u.ID, u.Org, u.Username, u.UsernameKey, u.Email, u.EmailKey, u.EmailVerified, u.GivenName, u.FamilyName,
		u.Locale, u.Status, u.Attributes, u.CreatedAt, u.UpdatedAt, u.Version, text.Words(u.GivenName+" "+u.FamilyName))
	return err
}

func updateUser(ctx context.Context, tx db.Tx, u User) error {
	_, err := tx.Exec(ctx, `
		UPDATE users SET email = $3, email_key = $4, email_verified = $5, given_name = $6, family_name = $7, locale = $8, status = $9,
		       attributes = $10, updated_at = $11, version = $12, lock_reason = $13, name_words = $14
		WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), u.ID, u.Email, u.EmailKey, u.EmailVerified, u.GivenName, u.FamilyName, u.Locale, u.Status,
		u.Attributes, u.UpdatedAt, u.Version, u.LockReason, text.Words(u.GivenName+" "+u.FamilyName))
	return err
}

func deleteUser(ctx context.Context, tx db.Tx, id ids.User) error {
	_, err := tx.Exec(ctx, `DELETE FROM users WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

const zeroUUID = "00000000-0000-0000-0000-000000000000"

// mostFound bounds the addresses, and the names, that a search looks at, in their own order, which is not the list's.
const mostFound = 1000

// ofStatus narrows to a status by name, because a plan for any status is made for the one that most are of.
var ofStatus = map[string]string{
	StatusActive:   ".status = 'active'",
	StatusDisabled: ".status = 'disabled'",
	StatusLocked:   ".status = 'locked'",
}

// queryList reads a page, by username. Each narrowing is a condition of its own, served by an index, so that the cost of a
// page does not grow with the organization.
func queryList(ctx context.Context, tx db.Tx, org ids.Org, s search, req page.Request) ([]User, error) {
	after := zeroUUID
	if !req.First() {
		after = req.Part(1)
	}
	args := []any{tx.Tenant(), org, s.username.from, s.username.to, req.Part(0), after, req.Limit()}
	value := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	within := func(column string, in span) string {
		return column + " >= " + value(in.from) + " AND " + column + " <= " + value(in.to)
	}
	narrowed := func(u string) string {
		sql := u + ".tenant_id = $1 AND " + u + ".org_id = $2 AND " + u + ".username_key >= $3 AND " + u + ".username_key <= $4" +
			" AND (" + u + ".username_key, " + u + ".id) > ($5, $6::uuid)"
		if is := ofStatus[s.status]; is != "" {
			sql += " AND " + u + is
		}
		return sql
	}
	byEmail := func(in span) string {
		return "SELECT e.id FROM users e WHERE e.tenant_id = $1 AND e.org_id = $2 AND " + within("e.email_key", in) +
			" ORDER BY e.email_key LIMIT " + value(mostFound)
	}
	byWords := func(in span) string {
		return "SELECT w.user_id FROM user_words w WHERE w.tenant_id = $1 AND w.org_id = $2 AND " + within("w.words", in) +
			" ORDER BY w.words LIMIT " + value(mostFound)
	}
	sql := "SELECT " + columns + from + " WHERE " + narrowed("u")
	switch {
	case s.email != everything:
		sql += " AND u.id IN (" + byEmail(s.email) + ")"
		if s.either != everything {
			sql += " AND (" + within("u.username_key", s.either) + " OR " + within("u.email_key", s.either) + " OR u.id IN (" + byWords(s.words) + "))"
		}
	case s.either != everything:
		sql += " AND u.id IN ((SELECT n.id FROM users n WHERE " + narrowed("n") + " AND " + within("n.username_key", s.either) +
			" ORDER BY n.username_key, n.id LIMIT $7) UNION (" + byEmail(s.either) + ") UNION (" + byWords(s.words) + "))"
	}
	return db.Collect[User](ctx, tx, sql+" ORDER BY u.username_key, u.id LIMIT $7", args...)
}

// signInLimit bounds the accounts that one login may stand for in a tenant.
const signInLimit = 20

const byLoginSQL = `
	u.id IN (SELECT n.id FROM users n WHERE n.tenant_id = $1 AND n.username_key = $2
	         UNION SELECT e.id FROM users e WHERE e.tenant_id = $1 AND e.email_key = $2 AND e.email_key <> '' AND e.email_verified)`

// provedSQL says that a login is an address that the person has proved to be his.
const provedSQL = `(u.email_key = $2 AND u.email_verified)`

func queryByLogin(ctx context.Context, tx db.Tx, key string) ([]User, error) {
	return db.Collect[User](ctx, tx, `SELECT `+columns+from+` WHERE u.tenant_id = $1 AND `+byLoginSQL+`
		ORDER BY `+provedSQL+` DESC, u.username_key <> $2, u.id LIMIT $3`, tx.Tenant(), key, signInLimit)
}

func queryByLoginIn(ctx context.Context, tx db.Tx, key string, org ids.Org) ([]User, error) {
	return db.Collect[User](ctx, tx, `SELECT `+columns+from+` WHERE u.tenant_id = $1 AND `+byLoginSQL+`
		AND (u.org_id = $4 OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = u.tenant_id AND m.org_id = $4 AND m.user_id = u.id))
		ORDER BY `+provedSQL+` DESC, u.org_id = $4 AND u.username_key = $2 DESC, u.id LIMIT $3`, tx.Tenant(), key, signInLimit, org)
}

// queryByLoginBelow has no limit: nobody is left out of what is done to all of them. They are as many as organizations gave the login.
func queryByLoginBelow(ctx context.Context, tx db.Tx, key string, org ids.Org) ([]User, error) {
	return db.Collect[User](ctx, tx, `SELECT `+columns+from+` WHERE u.tenant_id = $1 AND `+byLoginSQL+`
		AND EXISTS (SELECT FROM org_closure c WHERE c.tenant_id = u.tenant_id AND c.ancestor_id = $3 AND c.descendant_id = u.org_id)
		ORDER BY u.id`, tx.Tenant(), key, org)
}

// queryOrgs lists the organizations that a person belongs to, the resident one among them.
func queryOrgs(ctx context.Context, tx db.Tx, id ids.User) ([]ids.Org, error) {
	return db.Scalars[ids.Org](ctx, tx, `SELECT org_id FROM memberships WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), id)
}

// credential is a stored password. ChangedAt moves when the person's password does, not when it is only hashed anew.
type credential struct {
	PHC       string    `db:"phc"`
	ChangedAt time.Time `db:"changed_at"`
}

func queryCredential(ctx context.Context, tx db.Tx, id ids.User) (credential, error) {
	return db.CollectOne[credential](ctx, tx, `SELECT phc, changed_at FROM passwords WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), id)
}

func upsertPassword(ctx context.Context, tx db.Tx, u User, phc string, mustChange bool) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO passwords (tenant_id, user_id, org_id, phc, must_change, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, user_id) DO UPDATE SET phc = excluded.phc, must_change = excluded.must_change, changed_at = excluded.changed_at`,
		tx.Tenant(), u.ID, u.Org, phc, mustChange, tx.Now())
	return err
}

func deletePassword(ctx context.Context, tx db.Tx, id ids.User) error {
	_, err := tx.Exec(ctx, `DELETE FROM passwords WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), id)
	return err
}

func replaceHash(ctx context.Context, tx db.Tx, id ids.User, old, phc string) error {
	_, err := tx.Exec(ctx, `UPDATE passwords SET phc = $4 WHERE tenant_id = $1 AND user_id = $2 AND phc = $3`, tx.Tenant(), id, old, phc)
	return err
}

// countFailure adds one failed sign-in, unless the account is locked already, and locks it at the limit. The row's lock
// puts all decisions about one account in order. It returns the seconds of a lock that it began.
func countFailure(ctx context.Context, tx db.Tx, id ids.User, p LockoutPolicy) (lockedSeconds int, err error) {
	// Each lock is twice as long as the one before, up to the longest.
	err = tx.QueryRow(ctx, `
		INSERT INTO sign_in_failures AS f (tenant_id, user_id, org_id, failures, untold, failed_at)
		SELECT u.tenant_id, u.id, u.org_id, 1, 1, $3::timestamptz FROM users u WHERE u.tenant_id = $1 AND u.id = $2
		ON CONFLICT (tenant_id, user_id) DO UPDATE SET
			failures     = CASE WHEN f.failures + 1 >= $4 THEN 0 ELSE f.failures + 1 END,
			locks        = CASE WHEN f.failures + 1 >= $4 THEN f.locks + 1 ELSE f.locks END,
			locked_until = CASE WHEN f.failures + 1 >= $4
			               THEN excluded.failed_at + make_interval(secs => least($5 * 2 ^ least(f.locks, 30), $6)) END,
			untold       = f.untold + 1,
			failed_at    = excluded.failed_at
		WHERE f.locked_until IS NULL OR f.locked_until <= excluded.failed_at
		RETURNING coalesce(extract(epoch FROM f.locked_until - f.failed_at), 0)::int`,
		tx.Tenant(), id, tx.Now(), p.MaxFailures, p.first().Seconds(), p.longest().Seconds()).Scan(&lockedSeconds)
	if db.IsNoRows(err) {
		return 0, nil
	}
	return lockedSeconds, err
}

// lockFailures waits for the decisions about an account that are under way and says until when it is locked.
func lockFailures(ctx context.Context, tx db.Tx, id ids.User) (lockedUntil *time.Time, found bool, err error) {
	err = tx.QueryRow(ctx, `SELECT locked_until FROM sign_in_failures WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE`,
		tx.Tenant(), id).Scan(&lockedUntil)
	if db.IsNoRows(err) {
		return nil, false, nil
	}
	return lockedUntil, err == nil, err
}

// untold is an account with failures that no event tells of.
type untold struct {
	Tenant ids.Tenant `db:"tenant_id"`
	User   ids.User   `db:"user_id"`
}

func queryUntold(ctx context.Context, tx db.SystemTx, limit int) ([]untold, error) {
	return db.Collect[untold](ctx, tx, `SELECT tenant_id, user_id FROM sign_in_failures WHERE untold > 0 ORDER BY tenant_id, user_id LIMIT $1`, limit)
}

// takeUntold returns how many failures no event tells of, and counts them as told.
func takeUntold(ctx context.Context, tx db.Tx, id ids.User) (org ids.Org, count int, err error) {
	err = tx.QueryRow(ctx, `
		WITH had AS (SELECT org_id, untold FROM sign_in_failures WHERE tenant_id = $1 AND user_id = $2 AND untold > 0 FOR UPDATE)
		UPDATE sign_in_failures f SET untold = 0 FROM had WHERE f.tenant_id = $1 AND f.user_id = $2 RETURNING had.org_id, had.untold`,
		tx.Tenant(), id).Scan(&org, &count)
	if db.IsNoRows(err) {
		return org, 0, nil
	}
	return org, count, err
}

func forgetFailures(ctx context.Context, tx db.Tx, id ids.User) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), id)
}

func queryByEmail(ctx context.Context, tx db.Tx, key string) ([]User, error) {
	return db.Collect[User](ctx, tx, `SELECT `+columns+from+`
		WHERE u.tenant_id = $1 AND u.email_key = $2 AND u.email_key <> '' AND u.email_verified ORDER BY u.id LIMIT $3`,
		tx.Tenant(), key, signInLimit)
}

func queryByUsername(ctx context.Context, tx db.Tx, org ids.Org, key string) ([]User, error) {
	return db.Collect[User](ctx, tx, `SELECT `+columns+from+` WHERE u.tenant_id = $1 AND u.org_id = $2 AND u.username_key = $3`, tx.Tenant(), org, key)
}
