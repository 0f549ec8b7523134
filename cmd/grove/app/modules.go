package app

import (
	"io/fs"
	"slices"

	"grove/billing/metering"
	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/consents"
	"grove/iam/groups"
	"grove/iam/oauth"
	"grove/iam/recovery"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/audit"
	"grove/infra/cache"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/module"
	"grove/infra/upkeep"
	orgdir "grove/orgs/directory"
	"grove/orgs/domains"
	"grove/orgs/invitations"
	"grove/orgs/members"
	"grove/orgs/sharing"
	tenantdir "grove/tenants/directory"
	"grove/tenants/keys"
	"grove/tenants/settings"
)

// capability is anything with a manifest.
type capability interface{ Module() module.Manifest }

// modules are the manifests of the foundation and of all capabilities, in order. Founding a tenant runs in this order.
func modules(d *db.DB, capabilities ...capability) []module.Manifest {
	all := []module.Manifest{audit.New(d).Module(), upkeep.Module(d)}
	for _, c := range capabilities {
		all = append(all, c.Module())
	}
	return all
}

// Folders are the migrations of all modules, to be merged into one timeline.
func Folders() []fs.FS {
	return []fs.FS{db.Migrations(), events.Migrations(), tenantdir.Migrations(), keys.Migrations(), orgdir.Migrations(), settings.Migrations(),
		users.Migrations(), groups.Migrations(), authz.Migrations(), apps.Migrations(), sessions.Migrations(), consents.Migrations(),
		metering.Migrations(), sharing.Migrations(), domains.Migrations(), members.Migrations(), invitations.Migrations(), recovery.Migrations(), authn.Migrations(), oauth.Migrations()}
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
		all = append(all, "DELETE FROM "+t.Name+" WHERE tenant_id = $1 AND org_id = $2")
		if slices.Contains(withHistory, t.Name) {
			all = append(all, "DELETE FROM "+t.Name+"_history WHERE tenant_id = $1 AND org_id = $2")
		}
	}
	return all
}

// withHistory are the tables that have a twin with what they were; the schema's tests compare the list.
var withHistory = []string{"group_members", "groups", "memberships", "role_assignments", "role_permissions", "roles", "settings"}

// keptAtDeletion are the tables whose rows outlive their organization: what happened stays told until the tenant goes.
var keptAtDeletion = []string{"event_chain", "events", "organizations", "seat_entries"}
