// Package module is what the program may know about a capability.
//
// A capability is one folder and one line in cmd/grove/app/modules.go; its manifest names everything that it adds. What is
// left out of a manifest fails at start or in the laws, not in review.
package module

import (
	"context"
	"io/fs"

	"github.com/go-chi/chi/v5"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Class says what kind of data a table holds, which decides how it is exported and erased.
type Class string

// The classes of tables.
const (
	Configuration Class = "configuration" // what administrators set up
	EventLog      Class = "event"         // what happened
	Identity      Class = "identity"      // who people are; personal data
	Job           Class = "job"           // work under way
	Transient     Class = "transient"     // short-lived protocol state: never exported
)

// Table is one line of the inventory.
type Table struct {
	Name   string // without the schema
	Class  Class
	Owner  string // the column that names whose rows these are: tenant_id, org_id, user_id
	Export bool   // part of a tenant's export
	Why    string // needed where Export is false
	Kind   string // the prefix of its rows' ids, where they have a name that readers of the log know them by
	Title  string // that name, as SQL over the table's columns; the same that infra.keep_names keeps
}

// Founding is a tenant about to be: every capability adds its part in the one transaction that makes it.
type Founding struct {
	Tenant    ids.Tenant
	Root      ids.Org
	Handle    string
	Name      string
	Base      string // the tenant's base and issuer
	Admin     FoundingAdmin
	AdminRole ids.Role // the built-in role Administrator
}

// FoundingAdmin is the tenant's first administrator.
type FoundingAdmin struct {
	User         ids.User
	Email        string
	Username     string
	PasswordHash string // PHC string; "" where he is invited instead
	MustChange   bool   // the password is for the first sign-in only
	GivenName    string
	FamilyName   string
}

// Manifest is a capability's declaration.
type Manifest struct {
	Name          string // folder with dots: orgs.invitations
	Errors        []fault.Code
	Found         func(ctx context.Context, tx db.Tx, f Founding) error // its part of a new tenant
	Jobs          func(*jobs.Registry)
	Migrations    fs.FS
	Permissions   []perm.Permission
	Platform      func(*httpapi.API) // operations of the platform operator, below /platform/v1
	Protocols     func(chi.Router)   // raw handlers below the tenant's or the organization's base
	Routes        func(*httpapi.API) // operations of the management API, below /v1
	Subscriptions []events.Subscription
	Tables        []Table
}
