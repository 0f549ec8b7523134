package consents

import (
	"time"

	"grove/infra/kernel/ids"
)

// Consent is what one person allows one application in one organization.
type Consent struct {
	ID         ids.Consent `db:"id"`
	Org        ids.Org     `db:"org_id"`
	User       ids.User    `db:"user_id"`
	App        ids.App     `db:"app_id"`
	Scopes     []string    `db:"scopes"`     // sorted
	Details    []string    `db:"details"`    // authorization details in their normal form, the newest last
	Attributes []string    `db:"attributes"` // claims, sorted; nil where the person was not asked for them one by one
	Declined   []string    `db:"declined"`   // claims that he was asked for and said no to, sorted
	CreatedAt  time.Time   `db:"created_at"`
	UpdatedAt  time.Time   `db:"updated_at"`
}

const (
	columns = `id, org_id, user_id, app_id, scopes, details, attributes, declined, created_at, updated_at`

	sqlGranted = `SELECT scopes FROM consents WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 AND app_id = $4`
	sqlAgreed  = `SELECT details @> $5 FROM consents WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 AND app_id = $4`
	sqlSaid    = `SELECT scopes, attributes, declined FROM consents WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 AND app_id = $4`
	sqlGrant   = `
		INSERT INTO consents (tenant_id, id, org_id, user_id, app_id, scopes, created_at, updated_at, details, attributes, declined)
		VALUES ($1, $2, $3, $4, $5, ARRAY(SELECT DISTINCT s FROM unnest($6::text[]) s ORDER BY s), $7, $7, $8, $10, $11)
		ON CONFLICT (tenant_id, user_id, org_id, app_id) DO UPDATE
		SET scopes = ARRAY(SELECT DISTINCT s FROM unnest(consents.scopes || excluded.scopes) s WHERE s <> ALL ($12::text[]) ORDER BY s), updated_at = excluded.updated_at,
		    details = ARRAY(SELECT k.d FROM (
		        SELECT u.d, max(u.n) AS n FROM unnest(consents.details || excluded.details) WITH ORDINALITY AS u (d, n)
		        GROUP BY u.d ORDER BY n DESC LIMIT $9) k ORDER BY k.n),
		    attributes = CASE WHEN excluded.attributes IS NULL THEN consents.attributes ELSE
		        ARRAY(SELECT DISTINCT a FROM unnest(consents.attributes || excluded.attributes) a WHERE a <> ALL (excluded.declined) ORDER BY a) END,
		    declined = ARRAY(SELECT DISTINCT d FROM unnest(consents.declined || excluded.declined) d WHERE d <> ALL (coalesce(excluded.attributes, '{}')) ORDER BY d)
		WHERE NOT (consents.scopes @> excluded.scopes AND consents.details @> excluded.details AND consents.declined @> excluded.declined AND NOT consents.scopes && $12::text[]
		    AND (excluded.attributes IS NULL OR coalesce(consents.attributes @> excluded.attributes, false)))
		RETURNING ` + columns
	sqlList   = `SELECT ` + columns + ` FROM consents WHERE tenant_id = $1 AND user_id = $2 AND id > $3 ORDER BY id LIMIT $4`
	sqlRevoke = `DELETE FROM consents WHERE tenant_id = $1 AND user_id = $2 AND id = $3 RETURNING ` + columns

	sqlForgetScopes = `/* scan of consents allowed: scopes seldom go, and whoever allowed one may be anybody */ UPDATE consents
		SET scopes = ARRAY(SELECT s FROM unnest(scopes) s WHERE s <> ALL ($2::text[]) ORDER BY s), updated_at = $3 WHERE tenant_id = $1 AND scopes && $2::text[]`
	sqlForgetClaim = `/* scan of consents allowed: likewise */ UPDATE consents SET attributes = array_remove(attributes, $2), updated_at = $3 WHERE tenant_id = $1 AND $2 = ANY (attributes)`

	// What an organization sees, and takes back: what apps may do in it.
	sqlIn = `
		SELECT c.id, c.org_id, c.user_id, c.app_id, c.scopes, c.details, c.attributes, c.declined, c.created_at, c.updated_at, a.name AS app_name
		FROM consents c JOIN apps a ON a.tenant_id = c.tenant_id AND a.id = c.app_id
		WHERE c.tenant_id = $1 AND c.org_id = $2`
	sqlListIn     = sqlIn + ` AND c.id > $3 ORDER BY c.id LIMIT $4`
	sqlListOfUser = sqlIn + ` AND c.id > $3 AND c.user_id = $5 ORDER BY c.id LIMIT $4`
	sqlFind       = sqlIn + ` AND c.id = $3`
	sqlRevokeIn   = `DELETE FROM consents WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3 RETURNING ` + columns
	sqlRevokeApp  = `DELETE FROM consents WHERE tenant_id = $1 AND app_id = $2`
)

// seen is a consent as an organization sees it.
type seen struct {
	Consent
	AppName string `db:"app_name"`
}
