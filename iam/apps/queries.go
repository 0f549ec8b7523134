package apps

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

type appRow struct {
	ID           ids.App   `db:"id"`
	Org          ids.Org   `db:"org_id"`
	ClientID     string    `db:"client_id"`
	Name         string    `db:"name"`
	NameKey      string    `db:"name_key"`
	Description  string    `db:"description"`
	Template     string    `db:"template"`
	LogoURI      string    `db:"logo_uri"`
	AccessURL    string    `db:"access_url"`
	ClientType   string    `db:"client_type"`
	Builtin      bool      `db:"builtin"`
	Source       string    `db:"source"`
	Enabled      bool      `db:"enabled"`
	TurnedOffBy  *ids.Org  `db:"turned_off_by"` // an organization above the owner
	Discoverable bool      `db:"discoverable"`
	RoleAudience string    `db:"role_audience"`
	Origins      []string  `db:"allowed_origins"`
	GrantTypes   []string  `db:"grant_types"`
	OIDC         Settings  `db:"oidc"`
	DetailsTypes []string  `db:"details_types"` // of all its APIs; set by Authorize
	CreatedAt    time.Time `db:"created_at"`
	UpdatedAt    time.Time `db:"updated_at"`
	Version      int64     `db:"version"`
}

func (a appRow) data() appData {
	return appData{ClientID: a.ClientID, Name: a.Name, Source: a.Source, Template: a.Template}
}

const sqlAppColumns = `
	SELECT id, org_id, client_id, name, name_key, description, template, logo_uri, access_url, client_type, builtin, source, enabled, turned_off_by, discoverable,
	       role_audience, allowed_origins, grant_types, oidc, created_at, updated_at, version,
	       ARRAY(SELECT t.type FROM app_apis aa CROSS JOIN unnest(aa.authorization_details_types) AS t (type)
	             WHERE aa.tenant_id = apps.tenant_id AND aa.app_id = apps.id ORDER BY t.type) AS details_types
	FROM apps `

// position is where a page starts in a list ordered by name and id.
type position struct {
	key string
	id  uuid.UUID
}

// listApps returns the apps that an organization owns, by name. Empty filters select all.
func listApps(ctx context.Context, tx db.Tx, org ids.Org, f AppFilter, after position, limit int) ([]appRow, error) {
	return db.Collect[appRow](ctx, tx, sqlAppColumns+`
		WHERE tenant_id = $1 AND org_id = $2 AND (name_key, id) > ($3, $4::uuid)
		  AND ($6 = '' OR strpos(name_key, $6) > 0 OR client_id = $7) AND ($8 = '' OR template = $8) AND ($9 = '' OR enabled = ($9 = 'enabled'))
		  AND ($10 = '' OR source = $10) AND ($11 = '' OR $11 = ANY (allowed_origins))
		ORDER BY name_key, id LIMIT $5`,
		tx.Tenant(), org, after.key, after.id, limit, text.Key(f.Q), f.Q, f.Template, f.Status, f.Source, f.Origin)
}

func findApp(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (appRow, error) {
	return db.CollectOne[appRow](ctx, tx, sqlAppColumns+`WHERE tenant_id = $1 AND id = $2 AND org_id = $3`, tx.Tenant(), id, org)
}

// findShared is findApp of an app that is known to be shared with who asks.
func findShared(ctx context.Context, tx db.Tx, id ids.App) (appRow, error) {
	return db.CollectOne[appRow](ctx, tx, sqlAppColumns+`WHERE tenant_id = $1 AND id = $2 AND enabled`, tx.Tenant(), id)
}

// isRoot reports whether an organization is the tenant's root.
func isRoot(ctx context.Context, tx db.Tx, org ids.Org) (root bool, err error) {
	err = tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM org_closure WHERE tenant_id = $1 AND descendant_id = $2 AND depth > 0)`, tx.Tenant(), org).Scan(&root)
	return root, err
}

// isWithin reports whether org is another one or lies below it.
func isWithin(ctx context.Context, tx db.Tx, org, above ids.Org) (within bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM org_closure WHERE tenant_id = $1 AND descendant_id = $2 AND ancestor_id = $3)`, tx.Tenant(), org, above).Scan(&within)
	return within, err
}

// lockApp is findApp that makes the transaction the app's only writer.
func lockApp(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (appRow, error) {
	return db.CollectOne[appRow](ctx, tx, sqlAppColumns+`WHERE tenant_id = $1 AND id = $2 AND org_id = $3 FOR UPDATE`, tx.Tenant(), id, org)
}

func clientIDByName(ctx context.Context, tx db.Tx, org ids.Org, key string) (clientID string, err error) {
	err = tx.QueryRow(ctx, `SELECT client_id FROM apps WHERE tenant_id = $1 AND org_id = $2 AND name_key = $3 AND source = 'managed'`, tx.Tenant(), org, key).Scan(&clientID)
	return clientID, err
}

func insertApp(ctx context.Context, tx db.Tx, a appRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO apps (tenant_id, id, org_id, client_id, name, name_key, description, template, logo_uri, access_url, client_type, builtin, enabled,
		                  role_audience, allowed_origins, grant_types, oidc, source, discoverable, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)`,
		tx.Tenant(), a.ID, a.Org, a.ClientID, a.Name, a.NameKey, a.Description, a.Template, a.LogoURI, a.AccessURL, a.ClientType, a.Builtin, a.Enabled,
		a.RoleAudience, a.Origins, a.GrantTypes, a.OIDC, a.Source, a.Discoverable, tx.Now())
	return err
}

func updateApp(ctx context.Context, tx db.Tx, a appRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE apps SET name = $3, name_key = $4, description = $5, logo_uri = $6, access_url = $7, enabled = $8, role_audience = $9,
		       allowed_origins = $10, grant_types = $11, oidc = $12, updated_at = $13, discoverable = $14, turned_off_by = $15, version = version + 1
		WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), a.ID, a.Name, a.NameKey, a.Description, a.LogoURI, a.AccessURL, a.Enabled, a.RoleAudience,
		a.Origins, a.GrantTypes, a.OIDC, tx.Now(), a.Discoverable, a.TurnedOffBy)
	return err
}

func deleteApp(ctx context.Context, tx db.Tx, id ids.App) error {
	_, err := tx.Exec(ctx, `DELETE FROM apps WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

// originRow is a browser origin, and whether one of its apps is bound to cookies.
type originRow struct {
	Origin  string `db:"origin"`
	Cookies bool   `db:"cookies"`
}

// allOrigins returns every browser origin that the enabled apps of a tenant allow.
func allOrigins(ctx context.Context, tx db.Tx) ([]originRow, error) {
	return db.Collect[originRow](ctx, tx, `
		SELECT o.origin, bool_or(coalesce(a.oidc->>'token_binding', '') = 'cookie') AS cookies FROM apps a CROSS JOIN LATERAL unnest(a.allowed_origins) AS o (origin)
		WHERE a.tenant_id = $1 AND a.enabled AND a.allowed_origins <> '{}' GROUP BY o.origin`, tx.Tenant())
}

// originAppsRow is a browser origin with the first of the apps that allow it.
type originAppsRow struct {
	Origin string         `db:"origin"`
	Count  int            `db:"count"`
	Apps   []originAppRow `db:"apps"`
}

type originAppRow struct {
	ID       uuid.UUID `json:"id"`
	ClientID string    `json:"client_id"`
	Name     string    `json:"name"`
	Enabled  bool      `json:"enabled"`
}

func (r originAppsRow) view() Origin {
	o := Origin{Origin: r.Origin, AppCount: r.Count, Apps: make([]OriginApp, len(r.Apps))}
	for i, a := range r.Apps {
		o.Apps[i] = OriginApp{ClientID: a.ClientID, Name: a.Name, Enabled: a.Enabled}
		identify(&o.Apps[i].ID, a.ID)
	}
	return o
}

// identify fills in an identifier that came in a document of the database's, where it has no prefix.
func identify[K ids.Kind](id *ids.ID[K], value uuid.UUID) { *id = ids.From[K](value) }

// listOrigins returns the browser origins that the apps of an organization allow, those of disabled ones too, each with its first apps.
func listOrigins(ctx context.Context, tx db.Tx, org ids.Org, after string, limit int) ([]originAppsRow, error) {
	return db.Collect[originAppsRow](ctx, tx, `
		SELECT o.origin, o.count, (SELECT jsonb_agg(jsonb_build_object('id', f.id, 'client_id', f.client_id, 'name', f.name, 'enabled', f.enabled) ORDER BY f.name_key, f.id)
		    FROM (SELECT a.id, a.client_id, a.name, a.name_key, a.enabled FROM apps a WHERE a.tenant_id = $1 AND a.org_id = $2 AND o.origin = ANY (a.allowed_origins)
		          ORDER BY a.name_key, a.id LIMIT $5) f) AS apps
		FROM (SELECT u.origin, count(*) AS count FROM apps a CROSS JOIN LATERAL unnest(a.allowed_origins) AS u (origin)
		      WHERE a.tenant_id = $1 AND a.org_id = $2 AND u.origin COLLATE "C" > $3 GROUP BY u.origin ORDER BY u.origin COLLATE "C" LIMIT $4) o
		ORDER BY o.origin COLLATE "C"`, tx.Tenant(), org, after, limit, appsOfOrigin)
}

type secretRow struct {
	ID        ids.Secret `db:"id"`
	Hint      string     `db:"hint"`
	CreatedAt time.Time  `db:"created_at"`
	ExpiresAt *time.Time `db:"expires_at"`
}

func listSecrets(ctx context.Context, tx db.Tx, app ids.App, after uuid.UUID, limit int) ([]secretRow, error) {
	return db.Collect[secretRow](ctx, tx, `
		SELECT id, hint, created_at, expires_at FROM app_secrets WHERE tenant_id = $1 AND app_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
		tx.Tenant(), app, after, limit)
}

func countSecrets(ctx context.Context, tx db.Tx, app ids.App) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM app_secrets WHERE tenant_id = $1 AND app_id = $2`, tx.Tenant(), app).Scan(&n)
	return n, err
}

func insertSecret(ctx context.Context, tx db.Tx, a appRow, secret secretRow, hash, sealed []byte) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO app_secrets (tenant_id, id, org_id, app_id, hash, hint, created_at, expires_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.Tenant(), secret.ID, a.Org, a.ID, hash, secret.Hint, tx.Now(), secret.ExpiresAt, sealed)
	return err
}

// forgetSealed leaves an app's secrets as hashes only.
func forgetSealed(ctx context.Context, tx db.Tx, app ids.App) error {
	_, err := tx.Exec(ctx, `UPDATE app_secrets SET sealed = NULL WHERE tenant_id = $1 AND app_id = $2`, tx.Tenant(), app)
	return err
}

func deleteSecret(ctx context.Context, tx db.Tx, app ids.App, id ids.Secret) (secretRow, error) {
	return db.CollectOne[secretRow](ctx, tx, `
		DELETE FROM app_secrets WHERE tenant_id = $1 AND id = $2 AND app_id = $3 RETURNING id, hint, created_at, expires_at`, tx.Tenant(), id, app)
}

type apiRow struct {
	ID         uuid.UUID       `db:"id"`
	Resource   ids.APIResource `db:"resource_id"`
	Identifier string          `db:"identifier"`
	Name       string          `db:"name"`
	Management bool            `db:"management"`
	Policy     string          `db:"policy"`
	Scopes     []string        `db:"scopes"`
	Types      []string        `db:"authorization_details_types"`
}

const sqlAPIColumns = `
	SELECT aa.id, aa.resource_id, ar.identifier, ar.name, ar.builtin AS management, aa.policy, aa.scopes, aa.authorization_details_types
	FROM app_apis aa JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = aa.resource_id `

func listAPIs(ctx context.Context, tx db.Tx, app ids.App, after uuid.UUID, limit int) ([]apiRow, error) {
	return db.Collect[apiRow](ctx, tx, sqlAPIColumns+`
		WHERE aa.tenant_id = $1 AND aa.app_id = $2 AND aa.id > $3 ORDER BY aa.id LIMIT $4`, tx.Tenant(), app, after, limit)
}

func findAPI(ctx context.Context, tx db.Tx, app ids.App, resource ids.APIResource) (apiRow, error) {
	return db.CollectOne[apiRow](ctx, tx, sqlAPIColumns+`
		WHERE aa.tenant_id = $1 AND aa.app_id = $2 AND aa.resource_id = $3`, tx.Tenant(), app, resource)
}

func putAPI(ctx context.Context, tx db.Tx, a appRow, resource ids.APIResource, policy string, scopes, types []string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO app_apis (tenant_id, id, org_id, app_id, resource_id, policy, scopes, created_at, authorization_details_types)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant_id, app_id, resource_id) DO UPDATE SET policy = excluded.policy, scopes = excluded.scopes,
		    authorization_details_types = excluded.authorization_details_types`,
		tx.Tenant(), uuid.Must(uuid.NewV7()), a.Org, a.ID, resource, policy, scopes, tx.Now(), types)
	return err
}

func deleteAPI(ctx context.Context, tx db.Tx, app ids.App, resource ids.APIResource) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM app_apis WHERE tenant_id = $1 AND app_id = $2 AND resource_id = $3`, tx.Tenant(), app, resource)
}

type resourceRow struct {
	ID         ids.APIResource `db:"id"`
	Management bool            `db:"management"`
	Requires   bool            `db:"requires_authorization"`
	Scopes     []string        `db:"scopes"`
	Types      []string        `db:"types"`
}

// findResource returns an API resource that org sees, with its scopes and authorization details types, and keeps both until the
// transaction ends.
func findResource(ctx context.Context, tx db.Tx, org ids.Org, id ids.APIResource) (resourceRow, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM api_resources WHERE tenant_id = $1 AND id = $2 FOR SHARE`, tx.Tenant(), id); err != nil {
		return resourceRow{}, err
	}
	return db.CollectOne[resourceRow](ctx, tx, `
		SELECT ar.id, ar.builtin AS management, ar.requires_authorization,
		       coalesce((SELECT array_agg(s.name ORDER BY s.name) FROM api_scopes s WHERE s.tenant_id = $1 AND s.resource_id = ar.id), '{}') AS scopes,
		       ARRAY(SELECT d.type FROM authorization_details_types d WHERE d.tenant_id = $1 AND d.resource_id = ar.id) AS types
		FROM api_resources ar
		JOIN org_closure c ON c.tenant_id = $1 AND c.descendant_id = $2 AND c.ancestor_id = ar.org_id
		WHERE ar.tenant_id = $1 AND ar.id = $3`, tx.Tenant(), org, id)
}

// definedResources counts those of the identifiers that are API resources of org itself, the built-in one aside.
func definedResources(ctx context.Context, tx db.Tx, org ids.Org, identifiers []string) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM api_resources WHERE tenant_id = $1 AND org_id = $2 AND identifier = ANY ($3) AND NOT builtin`,
		tx.Tenant(), org, identifiers).Scan(&n)
	return n, err
}

// strangeAudiences returns those of the names that are no app's and no API resource's of an organization, or are another's app as well.
func strangeAudiences(ctx context.Context, tx db.Tx, org ids.Org, names []string) ([]string, error) {
	return db.Scalars[string](ctx, tx, `SELECT n FROM unnest($3::text[]) AS n WHERE NOT (`+ownAudience("$2")+`)`, tx.Tenant(), org, names)
}

// ownAudience is the condition that the name n is an app's, or an API's, of an organization: others would take for theirs what is not.
func ownAudience(org string) string {
	return `NOT EXISTS (SELECT FROM apps o WHERE o.tenant_id = $1 AND o.client_id = n AND (o.org_id <> ` + org + ` OR o.builtin))
		  AND (EXISTS (SELECT FROM apps o WHERE o.tenant_id = $1 AND o.client_id = n)
		       OR EXISTS (SELECT FROM api_resources r WHERE r.tenant_id = $1 AND r.identifier = n AND r.org_id = ` + org + ` AND NOT r.builtin))`
}

// knownClaims returns those of the names that are claims of an organization's: its own, and those of organizations above.
func knownClaims(ctx context.Context, tx db.Tx, org ids.Org, names []string) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT c.name FROM org_closure o JOIN oidc_claims c ON c.tenant_id = o.tenant_id AND c.org_id = o.ancestor_id
		WHERE o.tenant_id = $1 AND o.descendant_id = $2 AND c.name = ANY ($3)`, tx.Tenant(), org, names)
}

// managementResource returns the built-in API resource.
func managementResource(ctx context.Context, tx db.Tx) (id ids.APIResource, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM api_resources WHERE tenant_id = $1 AND builtin`, tx.Tenant()).Scan(&id)
	return id, err
}

// handedOut returns the scopes of all APIs that an app is authorized for, the alias written out.
func handedOut(ctx context.Context, tx db.Tx, app ids.App) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT s.name FROM app_apis aa
		JOIN api_scopes s ON s.tenant_id = $1 AND s.resource_id = aa.resource_id AND (s.name = ANY (aa.scopes) OR $3 = ANY (aa.scopes))
		WHERE aa.tenant_id = $1 AND aa.app_id = $2`, tx.Tenant(), app, authz.AllScopes)
}

// handedTypes returns the API resources of which an app may ask for authorization details.
func handedTypes(ctx context.Context, tx db.Tx, app ids.App) ([]ids.APIResource, error) {
	return db.Scalars[ids.APIResource](ctx, tx, `
		SELECT resource_id FROM app_apis WHERE tenant_id = $1 AND app_id = $2 AND authorization_details_types <> '{}'`, tx.Tenant(), app)
}

// loadClient reads all that the protocols need to know of a client, in one query. An app that nobody here set up may ask for
// the scopes of the APIs that are open to such apps as well, as far as its owner sees them.
func loadClient(ctx context.Context, tx db.Tx, clientID string) (clientRow, error) {
	return db.CollectOne[clientRow](ctx, tx, `
		SELECT a.id, a.org_id, a.client_id, a.name, a.template, a.logo_uri, a.access_url, a.client_type, a.enabled, a.builtin, a.source,
		       a.role_audience, a.grant_types, a.allowed_origins, a.oidc,
		       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'hash', encode(k.hash, 'base64'), 'sealed', encode(k.sealed, 'base64'), 'expires_at', k.expires_at) ORDER BY k.id), '[]')
		        FROM app_secrets k WHERE k.tenant_id = $1 AND k.app_id = a.id) AS secrets,
		       (SELECT coalesce(jsonb_agg(jsonb_build_object('identifier', ar.identifier, 'open', g.open, 'policy', g.policy, 'scopes',
		                (SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') FROM api_scopes s
		                 WHERE s.tenant_id = $1 AND s.resource_id = ar.id AND (s.name = ANY (g.scopes) OR $3 = ANY (g.scopes))),
		                'types', (SELECT coalesce(jsonb_agg(d.type ORDER BY d.type), '[]') FROM authorization_details_types d
		                 WHERE d.tenant_id = $1 AND d.resource_id = ar.id AND d.type = ANY (g.types)),
		                'roles', (SELECT coalesce(jsonb_agg(s.name), '[]') FROM api_scopes s
		                 WHERE s.tenant_id = $1 AND s.resource_id = ar.id AND g.types <> '{}')) ORDER BY g.id), '[]')
		        FROM (SELECT aa.id, aa.resource_id, false AS open, aa.policy, aa.scopes, aa.authorization_details_types AS types FROM app_apis aa WHERE aa.tenant_id = $1 AND aa.app_id = a.id
		              UNION ALL
		              SELECT o.id, o.id, true, CASE WHEN o.requires_authorization THEN 'rbac' ELSE 'none' END, ARRAY[$3], '{}'
		              FROM org_closure c JOIN api_resources o ON o.tenant_id = $1 AND o.org_id = c.ancestor_id AND o.registered_clients
		              WHERE a.source <> 'managed' AND c.tenant_id = $1 AND c.descendant_id = a.org_id
		                AND NOT EXISTS (SELECT FROM app_apis aa WHERE aa.tenant_id = $1 AND aa.app_id = a.id AND aa.resource_id = o.id)) g
		        JOIN api_resources ar ON ar.tenant_id = $1 AND ar.id = g.resource_id) AS apis,
		       ARRAY(SELECT ar.identifier FROM api_resources ar WHERE ar.tenant_id = $1 AND ar.org_id = a.org_id AND NOT ar.builtin
		             AND a.oidc->'token_exchange_audiences' ? ar.identifier) AS serves,
		       ARRAY(SELECT n FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(a.oidc->'id_token_audiences') = 'array' THEN a.oidc->'id_token_audiences' END) WITH ORDINALITY AS l (n, at)
		             WHERE `+ownAudience("a.org_id")+` ORDER BY l.at) AS audiences
		FROM apps a WHERE a.tenant_id = $1 AND a.client_id = $2`, tx.Tenant(), clientID, authz.AllScopes)
}
