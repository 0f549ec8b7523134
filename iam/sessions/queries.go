package sessions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Session is one sign-in of a person at one browser.
type Session struct {
	ID         ids.Session `db:"id"`
	Org        ids.Org     `db:"org_id"` // where the person signed in
	User       ids.User    `db:"user_id"`
	AMR        []string    `db:"amr"` // what was really done (RFC 8176)
	AuthTime   time.Time   `db:"auth_time"`
	Stamp      int64       `db:"stamp"`
	UserAgent  string      `db:"user_agent"`
	Address    string      `db:"address"`
	BeganAt    time.Time   `db:"began_at"` // the sign-in, or when the person last proved himself again
	CreatedAt  time.Time   `db:"created_at"`
	LastSeenAt time.Time   `db:"last_seen_at"`
	Idled      int         `db:"idled_seconds"` // the longest time between two uses since BeganAt
	LapsesAt   time.Time   `db:"lapses_at"`     // if it is not used before; see Policy
	ExpiresAt  time.Time   `db:"expires_at"`
	EndedAt    *time.Time  `db:"ended_at"`
	Outlasted  bool        `db:"outlasted"` // by what apps may hold, because it was made shorter
}

func (s Session) subjects() Subjects { return Subjects{Org: s.Org, User: s.User, Session: s.ID} }

const (
	// $2 are the subjects, $3 the organizations whose ancestors join them.
	sqlEpochs = `
		SELECT subject, kind, epoch, blocked FROM epochs
		WHERE tenant_id = $1 AND subject = ANY ($2::uuid[] || ARRAY(
			SELECT ancestor_id FROM org_closure WHERE tenant_id = $1 AND descendant_id = ANY ($3::uuid[])))`

	columns = `id, org_id, user_id, amr, auth_time, stamp, user_agent, address, began_at, created_at, last_seen_at, idled_seconds, lapses_at, expires_at, ended_at, outlasted`

	sqlInsert = `
		INSERT INTO sessions (tenant_id, id, org_id, user_id, secret_hash, amr, auth_time, stamp, user_agent, address, began_at, created_at, last_seen_at, lapses_at, lapse_hour, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11, $12, date_trunc('hour', $12::timestamptz, 'UTC'), $13)`
	sqlRenew = `
		UPDATE sessions SET secret_hash = $5, amr = $6, auth_time = $7, stamp = $8, user_agent = $9, address = $10, began_at = $11, last_seen_at = $11,
			idled_seconds = 0, lapses_at = $12, lapse_hour = date_trunc('hour', $12::timestamptz, 'UTC'), lapsed = false, outlasted = outlasted OR expires_at > $13, expires_at = $13
		WHERE tenant_id = $1 AND id = $2 AND org_id = $3 AND user_id = $4 AND ended_at IS NULL`
	sqlByID     = `SELECT ` + columns + ` FROM sessions WHERE tenant_id = $1 AND id = $2`
	sqlBySecret = `SELECT ` + columns + ` FROM sessions WHERE tenant_id = $1 AND secret_hash = $2`
	// No index has what this sets, but for the hour, which is seldom another.
	sqlTouch = `UPDATE sessions SET last_seen_at = $3, idled_seconds = $4, lapses_at = $5, lapse_hour = date_trunc('hour', $5::timestamptz, 'UTC')
		WHERE tenant_id = $1 AND id = $2 AND last_seen_at < $3 AND ended_at IS NULL AND NOT lapsed`
	sqlRestamp = `UPDATE sessions SET stamp = $3 WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL`

	sqlEnd           = `UPDATE sessions SET ended_at = $3 WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL RETURNING ` + columns
	sqlEndExpired    = `UPDATE sessions SET ended_at = $3 WHERE tenant_id = $1 AND id = ANY ($2) AND ended_at IS NULL AND expires_at <= $3 RETURNING ` + columns
	sqlEndUserInOrg  = `UPDATE sessions SET ended_at = $4 WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 AND ended_at IS NULL RETURNING ` + columns
	sqlEndUserExcept = `UPDATE sessions SET ended_at = $4 WHERE tenant_id = $1 AND user_id = $2 AND id <> $3 AND ended_at IS NULL RETURNING ` + columns

	// Newest first: ids are in the order of time. $4 is now, $5 the moment until which a session has been idle too long, $6 the one
	// until which one began too long ago.
	running       = ` AND ended_at IS NULL AND NOT lapsed AND expires_at > $4 AND lapses_at > $4`
	live          = running + ` AND last_seen_at > $5 AND began_at > $6`
	sqlListOrg    = `/* scan of sessions allowed: newest first, and the sweep takes what ran out from the index */ SELECT ` + columns + ` FROM sessions WHERE tenant_id = $1 AND org_id = $2 AND id < $3` + live + ` ORDER BY id DESC LIMIT $7`
	sqlListMember = `SELECT ` + columns + ` FROM sessions WHERE tenant_id = $1 AND org_id = $2 AND id < $3` + live + ` AND user_id = $8 ORDER BY id DESC LIMIT $7`

	sqlOrgsOfUser = `SELECT DISTINCT org_id FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND NOT lapsed AND expires_at > $3`
	// The same moments for each of the organizations $5.
	sqlListUser = `SELECT ` + columns + ` FROM sessions JOIN unnest($5::uuid[], $6::timestamptz[], $7::timestamptz[]) AS within (org, seen, began) ON within.org = org_id
		WHERE tenant_id = $1 AND user_id = $2 AND id < $3` + running + ` AND last_seen_at > within.seen AND began_at > within.began
		ORDER BY id DESC LIMIT $8`
	// Lapsed ones too, by which apps may still hold something.
	sqlNotEnded = `SELECT ` + columns + ` FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL ORDER BY id DESC LIMIT $3`

	// Organizations below $2, and itself, with sessions to shorten.
	sqlOrgsToShorten = `
		SELECT descendant_id FROM org_closure WHERE tenant_id = $1 AND ancestor_id = $2 AND descendant_id > $3
			AND (SELECT s.id FROM sessions s WHERE s.tenant_id = $1 AND s.org_id = descendant_id AND s.ended_at IS NULL ORDER BY s.id LIMIT 1) IS NOT NULL
		ORDER BY descendant_id LIMIT $4`
	// A page of an organization's sessions, in the order of their ids, which have run out where they began until $5 or were last seen
	// until $6, and else last $7 and $8 seconds at most. Both are computed from the row that is updated: it may have been renewed since
	// the page was read.
	expires    = `LEAST(s.expires_at, s.began_at + make_interval(secs => $7), CASE WHEN s.began_at <= $5 THEN $9::timestamptz END)`
	lapses     = `LEAST(s.lapses_at, s.last_seen_at + make_interval(secs => $8), CASE WHEN s.last_seen_at <= $6 THEN $9::timestamptz END)`
	sqlShorten = `
		WITH page AS MATERIALIZED (
			SELECT id FROM sessions WHERE tenant_id = $1 AND org_id = $2 AND id > $3 AND ended_at IS NULL ORDER BY id LIMIT $4
		), shortened AS (
			UPDATE sessions s SET expires_at = ` + expires + `, lapses_at = ` + lapses + `, lapse_hour = date_trunc('hour', ` + lapses + `, 'UTC'), outlasted = s.outlasted OR s.expires_at > ` + expires + `
			FROM page WHERE s.tenant_id = $1 AND s.id = page.id AND s.ended_at IS NULL AND (s.expires_at > ` + expires + ` OR s.lapses_at > ` + lapses + `)
		)
		SELECT id FROM page ORDER BY id`

	sqlOwnEpoch  = `SELECT subject, kind, epoch, blocked FROM epochs WHERE tenant_id = $1 AND subject = $2`
	sqlAncestors = `SELECT descendant_id, ancestor_id FROM org_closure WHERE tenant_id = $1 AND descendant_id = ANY ($2)`

	// Across tenants, as grove_system. A row that was used, or renewed, since it was found is left out.
	sqlLapse = `/* scan of sessions allowed: what lapses within the hour is looked at until it does */
		UPDATE sessions SET lapsed = true WHERE ended_at IS NULL AND NOT lapsed AND lapses_at <= $1 AND (tenant_id, id) IN (
			SELECT tenant_id, id FROM sessions WHERE ended_at IS NULL AND NOT lapsed AND lapse_hour <= $1 AND lapses_at <= $1 ORDER BY lapse_hour LIMIT $2)`
	sqlExpired = `
		SELECT tenant_id, id, expires_at FROM sessions WHERE ended_at IS NULL AND expires_at <= $1 AND (expires_at, id) > ($2, $3)
		ORDER BY expires_at, id LIMIT $4`
	sqlSweep = `
		DELETE FROM sessions WHERE (tenant_id, id) IN (
			SELECT tenant_id, id FROM sessions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)`
)

// expiredSession is one that is to be ended.
type expiredSession struct {
	Tenant    ids.Tenant  `db:"tenant_id"`
	ID        ids.Session `db:"id"`
	ExpiresAt time.Time   `db:"expires_at"`
}

// hasSessions reports whether a person has sessions in an organization that were not ended.
func hasSessions(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (any bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 AND ended_at IS NULL)`, tx.Tenant(), user, org).Scan(&any)
	return any, err
}

// newest is a position before the first row of a list in descending order.
var newest = uuid.Max

// standingOnly drops the sessions that no longer stand.
func standingOnly(ctx context.Context, tx db.Tx, all []Session) ([]Session, error) {
	of := make([]Subjects, len(all))
	for i, s := range all {
		of[i] = s.subjects()
	}
	now, err := standings(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	good := make([]Session, 0, len(all))
	for i, s := range all {
		if now[i].Good(s.Stamp) {
			good = append(good, s)
		}
	}
	return good, nil
}
