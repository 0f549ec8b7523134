package oauth

import (
	"context"
	"time"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// grant is one stored authorization: the family of its code and tokens.
type grant struct {
	ID              ids.Grant         `db:"id"`
	Org             ids.Org           `db:"org_id"`
	User            ids.User          `db:"user_id"`
	UserOrg         ids.Org           `db:"user_org_id"`
	App             ids.App           `db:"app_id"`
	Session         ids.Session       `db:"session_id"`          // zero where an assertion is the grant
	Connection      ids.Connection    `db:"connection_id"`       // of whom that assertion came from
	SessionOrg      ids.Org           `db:"session_org_id"`      // where the session began, if it is another organization
	From            ids.Grant         `db:"from_id"`             // that it was switched from, and with which it ends; zero for that of a sign-in
	First           ids.Grant         `db:"first_id"`            // that of the sign-in, where it is another
	Impersonator    ids.User          `db:"impersonator_id"`     // who acts as User; zero: he himself
	ImpersonatorOrg ids.Org           `db:"impersonator_org_id"` // in which he may
	Support         ids.SupportAccess `db:"support_access_id"`   // by whose word, where the organization of User is another
	ReadOnly        bool              `db:"read_only"`
	Offline         bool              `db:"offline"`
	Issuer          string            `db:"issuer"`
	Claims          string            `db:"claims"`                // see byName
	Details         string            `db:"authorization_details"` // in their normal form; "" for none
	Resources       []string          `db:"resources"`             // see readResources
	Scopes          []string          `db:"scopes"`
	Nonce           string            `db:"nonce"`
	JKT             string            `db:"dpop_jkt"` // see bind
	X5T             string            `db:"x5t"`      // see bind
	Browser         string            `db:"browser"`  // see bind
	AMR             []string          `db:"amr"`
	AuthTime        time.Time         `db:"auth_time"`
	Stamp           int64             `db:"stamp"`
	Generation      int               `db:"generation"`
	RotatedAt       *time.Time        `db:"rotated_at"`
	ExpiresAt       time.Time         `db:"expires_at"`
	EndedAt         *time.Time        `db:"ended_at"`

	alone    bool // not stored: the ID token that is made now comes without an access token
	narrowed bool // not stored: the token that is made now is for less than the grant
}

// subjects are what everything of the grant stands on.
func (g grant) subjects() sessions.Subjects {
	of := sessions.Subjects{App: g.App, Began: g.SessionOrg, Connection: g.Connection, Grant: g.ID, Org: g.Org, User: g.User}
	g.impersonated(&of)
	if !g.Offline {
		of.Session = g.Session
	}
	return of
}

// impersonated adds what stands behind who acts as the grant's person.
func (g grant) impersonated(of *sessions.Subjects) {
	of.Impersonator, of.ImpersonatorOrg, of.Support = g.Impersonator, g.ImpersonatorOrg, g.Support
}

// holder is whose session the grant stands on.
func (g grant) holder() ids.User {
	if g.Impersonator.IsZero() {
		return g.User
	}
	return g.Impersonator
}

// bound is what the next token request of the grant has to show.
func (g grant) bound() binding { return binding{jkt: g.JKT, x5t: g.X5T, browser: g.Browser} }

func (g grant) alive(now time.Time) bool { return g.EndedAt == nil && now.Before(g.ExpiresAt) }

type storedCode struct {
	grant
	RedirectURI   string     `db:"redirect_uri"`
	CodeChallenge string     `db:"code_challenge"`
	CodeExpiresAt time.Time  `db:"code_expires_at"`
	UsedAt        *time.Time `db:"used_at"`
}

type storedRefresh struct {
	grant
	RotatedHash     []byte    `db:"rotated_hash"` // of the token that the newest generation took the place of
	Repeated        bool      `db:"repeated"`     // that token was answered once more
	TokenGeneration int       `db:"token_generation"`
	TokenCreatedAt  time.Time `db:"token_created_at"`
	TokenExpiresAt  time.Time `db:"token_expires_at"`
}

const (
	grantColumns = `g.id, g.org_id, g.user_id, g.user_org_id, g.app_id, g.session_id, g.connection_id, g.session_org_id, g.from_id, g.first_id, g.impersonator_id, g.impersonator_org_id, g.support_access_id, g.read_only, g.offline, g.issuer, g.claims, g.authorization_details, g.resources, g.scopes, g.nonce, g.dpop_jkt, g.x5t, g.browser, g.amr, g.auth_time,
		g.stamp, g.generation, g.rotated_at, g.expires_at, g.ended_at`

	// A statement does not see the row that it inserts, so what it returns is about the grants before.
	sqlInsertGrant = `
		INSERT INTO grants (tenant_id, id, org_id, user_id, user_org_id, app_id, session_id, offline, issuer, scopes, nonce, amr, auth_time, stamp, created_at, expires_at, dpop_jkt, resources, from_id, first_id, session_org_id, x5t, connection_id, authorization_details, claims, impersonator_id, impersonator_org_id, support_access_id, read_only, browser)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)
		RETURNING NOT EXISTS (
			SELECT FROM grants o WHERE o.tenant_id = $1 AND o.session_id = $7 AND o.org_id = $3 AND o.user_id = $4 AND o.app_id = $6
			AND o.scopes @> $10 AND ($24 = '' OR o.authorization_details = $24) AND ($25 = '' OR o.claims = $25) AND o.ended_at IS NULL AND NOT EXISTS (
				SELECT FROM grants e WHERE e.tenant_id = $1 AND e.session_id = $7 AND e.org_id = $3 AND e.user_id = $4 AND e.app_id = $6
				AND e.ended_at >= o.created_at))`
	sqlInsertCode = `
		INSERT INTO authorization_codes (tenant_id, hash, org_id, grant_id, redirect_uri, code_challenge, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`

	// The family's row is locked too, so that two of its requests are decided one after the other.
	sqlLockCode = `
		SELECT ` + grantColumns + `, c.redirect_uri, c.code_challenge, c.expires_at AS code_expires_at, c.used_at
		FROM authorization_codes c JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id
		WHERE c.tenant_id = $1 AND c.hash = $2 FOR UPDATE`
	sqlUseCode = `UPDATE authorization_codes SET used_at = $3 WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL`

	sqlRefresh = `
		SELECT ` + grantColumns + `, g.rotated_hash, g.repeated, r.generation AS token_generation, r.created_at AS token_created_at, r.expires_at AS token_expires_at
		FROM refresh_tokens r JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id
		WHERE r.tenant_id = $1 AND r.hash = $2`
	sqlLockRefresh = sqlRefresh + ` FOR UPDATE OF g`

	// One statement writes the family's new generation and its token. A repeated request within the grace keeps the
	// generation and the moment at which it began, and is noted.
	sqlRotate = `
		WITH family AS (
			UPDATE grants SET generation = $4, rotated_at = CASE WHEN generation = $4 THEN rotated_at ELSE $5::timestamptz END,
				rotated_hash = $7, repeated = generation = $4
			WHERE tenant_id = $1 AND id = $2
			RETURNING org_id)
		INSERT INTO refresh_tokens (tenant_id, hash, org_id, grant_id, generation, created_at, expires_at)
		SELECT $1, $3, org_id, $2, $4, $5, $6 FROM family`

	sqlExtendRefresh = `UPDATE refresh_tokens SET expires_at = $3 WHERE tenant_id = $1 AND hash = $2`

	sqlGrant      = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND g.id = $2`
	sqlLiveGrants = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND g.user_id = $2 AND g.org_id = $3 AND g.app_id = $4
		AND g.ended_at IS NULL AND g.expires_at > $5`
	sqlLiveInOrg = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND g.user_id = $2 AND g.org_id = $3
		AND g.ended_at IS NULL AND g.expires_at > $4`
	sqlLockSessionGrants = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND g.session_id = $2 AND NOT g.offline AND g.impersonator_id IS NULL
		AND g.ended_at IS NULL AND g.expires_at > $3 ORDER BY g.id FOR UPDATE`
	// Who acted as others has signed out, and none of those.
	sqlRelyingParties = `SELECT DISTINCT coalesce(g.impersonator_org_id, g.org_id) AS org_id, coalesce(g.impersonator_id, g.user_id) AS user_id, g.issuer, a.client_id, a.oidc->>$3 AS uri FROM grants g JOIN apps a ON a.tenant_id = $1 AND a.id = g.app_id
		WHERE g.tenant_id = $1 AND g.session_id = $2 AND coalesce(a.oidc->>$3, '') <> '' LIMIT $4`
	// The first of the line is locked before the others are read, so that of two switches each sees what the other has made.
	sqlLockFirst = `SELECT f.id FROM grants f WHERE f.tenant_id = $1
		AND f.id = (SELECT coalesce(g.first_id, g.id) FROM grants g WHERE g.tenant_id = $1 AND g.id = $2) FOR UPDATE`
	sqlLockLine = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND (g.id = $2 OR g.first_id = $2)
		AND g.ended_at IS NULL AND g.expires_at > $3 ORDER BY g.id FOR UPDATE`
	sqlSwitched = `SELECT ` + grantColumns + ` FROM grants g WHERE g.tenant_id = $1 AND g.from_id = $2 AND g.ended_at IS NULL AND g.expires_at > $3`
	sqlSkip     = `UPDATE grants g SET from_id = f.from_id FROM grants f WHERE g.tenant_id = $1 AND g.from_id = $2 AND f.tenant_id = $1 AND f.id = $2`
	sqlDelete   = `DELETE FROM grants WHERE tenant_id = $1 AND id = $2`

	sqlForgetScopes = `/* scan of grants allowed: scopes seldom go, and any app may have been granted one */ UPDATE grants
		SET scopes = ARRAY(SELECT u.s FROM unnest(scopes) WITH ORDINALITY AS u (s, n) WHERE u.s <> ALL ($2::text[]) ORDER BY u.n) WHERE tenant_id = $1 AND ended_at IS NULL AND scopes && $2::text[]`

	sqlRestamp   = `UPDATE grants SET stamp = $3 WHERE tenant_id = $1 AND id = $2`
	sqlBindGrant = `UPDATE grants SET dpop_jkt = $3, x5t = $4, browser = $5 WHERE tenant_id = $1 AND id = $2`
	sqlEndGrant  = `UPDATE grants SET ended_at = $3 WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL`

	sqlInsertUsed = `INSERT INTO used_identifiers (tenant_id, hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`

	sqlInsertPushed = `INSERT INTO pushed_requests (tenant_id, hash, app_id, issuer, params, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	sqlFindPushed   = `SELECT p.params FROM pushed_requests p, apps a WHERE p.tenant_id = $1 AND p.hash = $2 AND p.issuer = $4 AND p.expires_at > $5
		AND a.tenant_id = $1 AND a.id = p.app_id AND a.client_id = $3`
	sqlDeletePushed = `DELETE FROM pushed_requests WHERE tenant_id = $1 AND hash = $2`

	// Across tenants, as grove_system.
	sqlSweepCodes  = `DELETE FROM authorization_codes WHERE (tenant_id, hash) IN (SELECT tenant_id, hash FROM authorization_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	sqlSweepPushed = `DELETE FROM pushed_requests WHERE (tenant_id, hash) IN (SELECT tenant_id, hash FROM pushed_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	sqlSweepUsed   = `DELETE FROM used_identifiers WHERE (tenant_id, hash) IN (SELECT tenant_id, hash FROM used_identifiers WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`

	sqlTenantsAfter = `SELECT tenant_id FROM tenants WHERE tenant_id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY tenant_id LIMIT $2`

	sqlSweepRefresh = `DELETE FROM refresh_tokens WHERE (tenant_id, hash) IN (SELECT tenant_id, hash FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`

	// In a tenant, of each organization what expired before its own time.
	sqlOrgsAfter   = `SELECT id FROM organizations WHERE tenant_id = $1 AND id > $2::uuid ORDER BY id LIMIT $3`
	sqlSweepGrants = `DELETE FROM grants WHERE tenant_id = $1 AND id IN (SELECT g.id FROM unnest($2::uuid[], $3::timestamptz[]) AS k (org_id, before)
		CROSS JOIN LATERAL (SELECT id FROM grants WHERE tenant_id = $1 AND org_id = k.org_id AND expires_at < k.before ORDER BY expires_at LIMIT $4) g LIMIT $4)`
)

func tenantsAfter(ctx context.Context, tx db.SystemTx, after ids.Tenant, limit int) ([]ids.Tenant, error) {
	return db.Scalars[ids.Tenant](ctx, tx, sqlTenantsAfter, after, limit)
}

func orgsAfter(ctx context.Context, tx db.Tx, after ids.Org, limit int) ([]ids.Org, error) {
	return db.Scalars[ids.Org](ctx, tx, sqlOrgsAfter, tx.Tenant(), after.UUID(), limit) // the zero UUID, before all others, not NULL
}

// insertGrant reports whether the app gains by the grant: in this session it has not had as
// much, or what it had was ended since. A grant that ran out gave nothing up.
func insertGrant(ctx context.Context, tx db.Tx, g grant) (gained bool, err error) {
	err = tx.QueryRow(ctx, sqlInsertGrant, tx.Tenant(), g.ID, g.Org, g.User, g.UserOrg, g.App, g.Session, g.Offline, g.Issuer, list(g.Scopes), g.Nonce,
		list(g.AMR), g.AuthTime, g.Stamp, tx.Now(), g.ExpiresAt, g.JKT, list(g.Resources), g.From, g.First, g.SessionOrg, g.X5T, g.Connection, g.Details, g.Claims, g.Impersonator, g.ImpersonatorOrg, g.Support, g.ReadOnly, g.Browser).Scan(&gained)
	return gained, err
}

func insertCode(ctx context.Context, tx db.Tx, hash []byte, g grant, redirectURI, challenge string, expiresAt time.Time) error {
	_, err := tx.Exec(ctx, sqlInsertCode, tx.Tenant(), hash, g.Org, g.ID, redirectURI, challenge, expiresAt)
	return err
}

func lockCode(ctx context.Context, tx db.Tx, hash []byte) (storedCode, error) {
	return db.CollectOne[storedCode](ctx, tx, sqlLockCode, tx.Tenant(), hash)
}

// useCode marks a code as used and reports whether this call was the first.
func useCode(ctx context.Context, tx db.Tx, hash []byte) (bool, error) {
	n, err := tx.Exec(ctx, sqlUseCode, tx.Tenant(), hash, tx.Now())
	return n == 1, err
}

func findRefresh(ctx context.Context, tx db.Tx, hash []byte) (storedRefresh, error) {
	return db.CollectOne[storedRefresh](ctx, tx, sqlRefresh, tx.Tenant(), hash)
}

func lockRefresh(ctx context.Context, tx db.Tx, hash []byte) (storedRefresh, error) {
	return db.CollectOne[storedRefresh](ctx, tx, sqlLockRefresh, tx.Tenant(), hash)
}

// rotate stores the hash of a family's next refresh token, and used, that of the one which it takes the place of; nil for the first.
func rotate(ctx context.Context, tx db.Tx, id ids.Grant, hash, used []byte, generation int, expiresAt time.Time) error {
	_, err := tx.Exec(ctx, sqlRotate, tx.Tenant(), id, hash, generation, tx.Now(), expiresAt, used)
	return err
}

func extendRefresh(ctx context.Context, tx db.Tx, hash []byte, expiresAt time.Time) error {
	_, err := tx.Exec(ctx, sqlExtendRefresh, tx.Tenant(), hash, expiresAt)
	return err
}

func findGrant(ctx context.Context, tx db.Querier, id ids.Grant) (grant, error) {
	return db.CollectOne[grant](ctx, tx, sqlGrant, tx.Tenant(), id)
}

func liveGrants(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App) ([]grant, error) {
	return db.Collect[grant](ctx, tx, sqlLiveGrants, tx.Tenant(), user, org, app, tx.Now())
}

func liveGrantsInOrg(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]grant, error) {
	return db.Collect[grant](ctx, tx, sqlLiveInOrg, tx.Tenant(), user, org, tx.Now())
}

func lockSessionGrants(ctx context.Context, tx db.Tx, session ids.Session) ([]grant, error) {
	return db.Collect[grant](ctx, tx, sqlLockSessionGrants, tx.Tenant(), session, tx.Now())
}

// lockLine returns the live grants of the line that one belongs to, the oldest first: of a sign-in, and of all that was switched to
// from there.
func lockLine(ctx context.Context, tx db.Tx, id ids.Grant) ([]grant, error) {
	var first ids.Grant
	if err := tx.QueryRow(ctx, sqlLockFirst, tx.Tenant(), id).Scan(&first); err != nil {
		return nil, err
	}
	return db.Collect[grant](ctx, tx, sqlLockLine, tx.Tenant(), first, tx.Now())
}

// switchedFrom returns the live grants that came from one.
func switchedFrom(ctx context.Context, tx db.Tx, id ids.Grant) ([]grant, error) {
	return db.Collect[grant](ctx, tx, sqlSwitched, tx.Tenant(), id, tx.Now())
}

// takeOut deletes a switched grant; what came from it comes from where it came from.
func takeOut(ctx context.Context, tx db.Tx, id ids.Grant) error {
	if _, err := tx.Exec(ctx, sqlSkip, tx.Tenant(), id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlDelete, tx.Tenant(), id)
	return err
}

// relyingParty is an app that a person signed in to.
type relyingParty struct {
	Org      ids.Org  `db:"org_id"`
	User     ids.User `db:"user_id"`
	Issuer   string   `db:"issuer"`
	ClientID string   `db:"client_id"`
	URI      string   `db:"uri"`
}

// The settings in which apps say where they are told that a session is over.
const (
	settingBackchannel  = "backchannel_logout_uri"
	settingFrontchannel = "frontchannel_logout_uri"

	maxRelyingParties = 200 // of one session
)

// relyingParties are the apps that were signed in to by a session and want to be told when it ends, at the address that a setting
// names, once for each organization.
func relyingParties(ctx context.Context, tx db.Tx, session ids.Session, setting string) ([]relyingParty, error) {
	return db.Collect[relyingParty](ctx, tx, sqlRelyingParties, tx.Tenant(), session, setting, maxRelyingParties)
}

func restamp(ctx context.Context, tx db.Tx, id ids.Grant, stamp int64) error {
	_, err := tx.Exec(ctx, sqlRestamp, tx.Tenant(), id, stamp)
	return err
}

func bindGrant(ctx context.Context, tx db.Tx, id ids.Grant, b binding) error {
	_, err := tx.Exec(ctx, sqlBindGrant, tx.Tenant(), id, b.jkt, b.x5t, b.browser)
	return err
}

// markEnded reports whether the grant was not ended before.
func markEnded(ctx context.Context, tx db.Tx, id ids.Grant) (bool, error) {
	n, err := tx.Exec(ctx, sqlEndGrant, tx.Tenant(), id, tx.Now())
	return n == 1, err
}

func insertPushed(ctx context.Context, tx db.Tx, hash []byte, app ids.App, issuer string, params []byte, expiresAt time.Time) error {
	_, err := tx.Exec(ctx, sqlInsertPushed, tx.Tenant(), hash, app, issuer, params, expiresAt)
	return err
}

// findPushed returns a pushed request.
func findPushed(ctx context.Context, tx db.Tx, hash []byte, clientID, issuer string) (params []byte, err error) {
	err = tx.QueryRow(ctx, sqlFindPushed, tx.Tenant(), hash, clientID, issuer, tx.Now()).Scan(&params)
	return params, err
}

func deletePushed(ctx context.Context, tx db.Tx, hash []byte) error {
	_, err := tx.Exec(ctx, sqlDeletePushed, tx.Tenant(), hash)
	return err
}

// insertUsed reports whether the identifier was not there.
func insertUsed(ctx context.Context, tx db.Tx, hash []byte, expiresAt time.Time) (bool, error) {
	n, err := tx.Exec(ctx, sqlInsertUsed, tx.Tenant(), hash, expiresAt)
	return n == 1, err
}

// list keeps an empty list from becoming NULL.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// clientIDs are the names in OAuth of those of the apps that there are.
func clientIDs(ctx context.Context, tx db.Tx, apps []ids.App) ([]string, error) {
	return db.Scalars[string](ctx, tx, `SELECT client_id FROM apps WHERE tenant_id = $1 AND id = ANY ($2)`, tx.Tenant(), apps)
}
