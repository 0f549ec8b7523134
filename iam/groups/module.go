package groups

import (
	"context"
	"embed"
	"io/fs"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("groups.read", "See the groups of an organization and who is in them.")
	permWrite = perm.Declare("groups.write", "Create, change and delete groups, and say who is in them.")
)

var (
	errFilter = fault.Declare(fault.Malformed, "group.filter", "This filter cannot be used",
		"The filter is not one that groups take; the detail says where it goes wrong.")
	errLast = fault.Declare(fault.Conflict, "group.last_administrator", "Somebody must stay Administrator",
		"Without this the organization would have no Administrator. Appoint another one first.")
	errNameTaken = fault.Declare(fault.Conflict, "group.name_taken", "This name is taken",
		"Another group of the organization has this name. Choose another one.")
	errNotMember = fault.Declare(fault.Conflict, "group.not_a_member", "This person does not belong to the organization",
		"Only people of the organization join its groups. Add the person to the organization first.")
)

type (
	groupData struct {
		Name string `json:"name" audit:"public"`
	}
	memberData struct {
		User ids.User `json:"user_id" audit:"public"`
	}
)

var (
	eventCreated       = events.Declare[groupData]("group.created", "A group was made.")
	eventDeleted       = events.Declare[groupData]("group.deleted", "A group was deleted.")
	eventMemberAdded   = events.Declare[memberData]("group.member_added", "A person was put into a group.")
	eventMemberRemoved = events.Declare[memberData]("group.member_removed", "A person was taken out of a group.")
	eventUpdated       = events.Declare[groupData]("group.updated", "A group's name or description changed.")
)

// Roles guards what comes with a group.
type Roles interface {
	// CheckGroupTx refuses to let the actor of ctx put somebody into a group whose roles he could not assign.
	CheckGroupTx(ctx context.Context, tx db.Tx, group ids.Group) error
	// TakeFromGroupTx runs take, by which members of a group lose what it gives them, unless the actor of ctx could not give
	// it. last says that nobody administers the organization any more: the transaction must not commit. anyway says that the
	// actor of ctx wants that, which is heard below his own organization.
	TakeFromGroupTx(ctx context.Context, tx db.Tx, group ids.Group, anyway bool, take func() error) (last bool, err error)
}

// Hook does another capability's part of the deletion of a group, in its transaction.
type Hook func(ctx context.Context, tx db.Tx, org ids.Org, group ids.Group) error

// Service holds the rules.
type Service struct {
	db       *db.DB
	events   *events.Log
	roles    Roles
	onDelete Hook
}

// New makes the service.
func New(d *db.DB, log *events.Log, roles Roles) *Service {
	return &Service{db: d, events: log, roles: roles}
}

// OnDelete registers what else happens in the transaction that deletes a group, before its row goes. It is called once,
// before the program starts, and panics when called again.
func (s *Service) OnDelete(h Hook) {
	if s.onDelete != nil {
		panic("groups: OnDelete is set already")
	}
	s.onDelete = h
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "iam.groups",
		Errors:      []fault.Code{errFilter, errLast, errNameTaken, errNotMember},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "groups", Class: module.Configuration, Owner: "org_id", Export: true, Kind: "grp", Title: "name"},
			{Name: "group_members", Class: module.Identity, Owner: "user_id", Export: true},
		},
	}
}
