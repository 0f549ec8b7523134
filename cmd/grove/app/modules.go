package app

import (
	"context"
	"io/fs"
	"slices"

	"grove/billing/metering"
	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/consents"
	"grove/iam/groups"
	"grove/iam/inspector"
	"grove/iam/issuers"
	"grove/iam/oauth"
	"grove/iam/recovery"
	"grove/iam/registration"
	"grove/iam/sessions"
	"grove/iam/signals"
	"grove/iam/users"
	"grove/infra/audit"
	"grove/infra/cache"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/upkeep"
	orgdir "grove/orgs/directory"
	"grove/orgs/domains"
	"grove/orgs/invitations"
	"grove/orgs/members"
	"grove/orgs/sharing"
	"grove/orgs/support"
	tenantdir "grove/tenants/directory"
	"grove/tenants/keys"
	"grove/tenants/mails"
	"grove/tenants/settings"
)

// capability is anything with a manifest.
type capability interface{ Module() module.Manifest }

// modules are the manifests of the foundation and of all capabilities, in order. Founding a tenant runs in this order.
func modules(d *db.DB, c config.Config, capabilities ...capability) []module.Manifest {
	auditor := audit.New(d)
	all := []module.Manifest{auditor.Module(), upkeep.Module(d, c.NameRetention)}
	for _, one := range capabilities {
		all = append(all, one.Module())
	}
	auditor.Name(all)
	return all
}

// Folders are the migrations of all modules, to be merged into one timeline.
func Folders() []fs.FS {
	return []fs.FS{db.Migrations(), events.Migrations(), tenantdir.Migrations(), keys.Migrations(), mails.Migrations(), orgdir.Migrations(), settings.Migrations(),
		users.Migrations(), groups.Migrations(), authz.Migrations(), apps.Migrations(), attributes.Migrations(), sessions.Migrations(), consents.Migrations(),
		metering.Migrations(), sharing.Migrations(), domains.Migrations(), support.Migrations(), members.Migrations(), invitations.Migrations(), issuers.Migrations(), registration.Migrations(), inspector.Migrations(), recovery.Migrations(), authn.Migrations(), oauth.Migrations(), signals.Migrations()}
}

// Describe puts the program together without a database, to read what it offers.
func Describe(version string) *httpapi.API { return described(version).API }

// Manifests are those of all modules, in order.
func Manifests() []module.Manifest { return described("").Modules }

func described(version string) *App {
	c := config.Default()
	c.RootKey[0] = 1
	a := &App{Config: c, Hub: cache.NewHub(nil), options: Options{Version: version}}
	if err := a.wire(); err != nil {
		panic(err)
	}
	return a
}

// eraseStatements delete an organization's rows from the tables of a module: those that its inventory says belong to an
// organization, or to a person who lives in one, histories too.
func eraseStatements(m module.Manifest) []string {
	var all []string
	for _, t := range slices.Backward(m.Tables) {
		if t.Owner != "org_id" && t.Owner != "user_id" || slices.Contains(keptAtDeletion, t.Name) {
			continue
		}
		const ofOrg = " WHERE tenant_id = $1 AND org_id = $2"
		where := ofOrg
		if p, is := partOf[t.Name]; is {
			where = " WHERE tenant_id = $1 AND " + p.key + " IN (SELECT id FROM " + p.table + ofOrg + ")"
		}
		all = append(all, "/* whole organization: it goes */ DELETE FROM "+t.Name+where)
		if slices.Contains(withHistory, t.Name) {
			all = append(all, "/* whole organization: it goes */ DELETE FROM "+t.Name+"_history"+ofOrg)
		}
	}
	return all
}

// partOf are the tables whose rows are found by what they are part of: an index by organization would cost every token and
// every sign-in something, for the day on which an organization is deleted.
var partOf = map[string]struct{ key, table string }{
	"api_scopes":           {"resource_id", "api_resources"},
	"app_apis":             {"app_id", "apps"},
	"app_secrets":          {"app_id", "apps"},
	"authorization_codes":  {"grant_id", "grants"},
	"client_documents":     {"app_id", "apps"},
	"client_registrations": {"app_id", "apps"},
	"failed_requests":      {"app_id", "apps"},
	"password_links":       {"user_id", "users"},
	"passwords":            {"user_id", "users"},
	"refresh_tokens":       {"grant_id", "grants"},
	"role_permissions":     {"role_id", "roles"},
	"sign_in_failures":     {"user_id", "users"},
	"signal_exclusions":    {"stream_id", "signal_streams"},
	"signal_queue":         {"stream_id", "signal_streams"},
}

// erasure is how the rows of a tenant go from one table.
type erasure struct {
	table  string
	sql    string // of a batch
	system bool   // nobody but the system may delete there, and it only for tenants that are being erased
}

func (e erasure) batch(ctx context.Context, d *db.DB, tenant ids.Tenant) (n int64, err error) {
	if e.system {
		err = d.InSystem(ctx, "erase a tenant", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, e.sql, tenant, eraseBatch)
			return err
		})
		return n, err
	}
	err = d.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		n, err = tx.Exec(ctx, e.sql, tenant, eraseBatch)
		return err
	})
	return n, err
}

const eraseBatch = 2000

// tenantErasures delete a tenant's rows from the tables of a module, all that its inventory lists, histories too; but for the
// directory's, where the tenant's own line goes last and takes its hosts along.
func tenantErasures(m module.Manifest) []erasure {
	var all []erasure
	for _, t := range slices.Backward(m.Tables) {
		if t.Name == "tenants" || t.Name == "tenant_hosts" {
			continue
		}
		all = append(all, erasureOf(t.Name))
		if slices.Contains(withHistory, t.Name) {
			all = append(all, erasureOf(t.Name+"_history"))
		}
	}
	return all
}

func erasureOf(table string) erasure {
	e := erasure{table: table, system: slices.Contains(onlyAddedTo, table)}
	key, where := "ctid", ""
	switch table {
	case "events": // in parts, in each of which places count anew
		key = "id"
	case "event_concerns": // in parts too, and many are of one event
		e.sql = "DELETE FROM event_concerns c USING (SELECT org_id, thing, event_id FROM event_concerns WHERE tenant_id = $1 LIMIT $2) d" +
			" WHERE c.tenant_id = $1 AND c.org_id = d.org_id AND c.thing = d.thing AND c.event_id = d.event_id"
		return e
	case "organizations":
		where = " AND NOT EXISTS (SELECT FROM organizations c WHERE c.tenant_id = $1 AND c.parent_id = t.id)" // leaves first
	}
	e.sql = "DELETE FROM " + table + " WHERE tenant_id = $1 AND " + key + " = ANY (ARRAY(SELECT t." + key + " FROM " + table +
		" t WHERE t.tenant_id = $1" + where + " LIMIT $2))"
	return e
}

// onlyAddedTo are the tables that nobody deletes from, except the rows of a tenant that is being erased.
var onlyAddedTo = []string{"event_chain", "event_concerns", "events", "seat_entries"}

// withHistory are the tables that have a twin with what they were; the schema's tests compare the list.
var withHistory = []string{"group_members", "groups", "memberships", "role_assignments", "role_permissions", "roles", "settings"}

// keptAtDeletion are the tables whose rows outlive their organization: what happened stays told until the tenant goes.
var keptAtDeletion = []string{"event_chain", "event_concerns", "events", "organizations", "seat_entries"}
