package members

import (
	"context"
	"embed"
	"io/fs"

	"github.com/google/uuid"

	"grove/iam/groups"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("members.read", "See who belongs to an organization.")
	permWrite = perm.Declare("members.write", "Add people to an organization and remove them from it.")
)

// Permissions of iam/users that finer rules ask for.
const (
	usersRead  = "users.read"
	usersWrite = "users.write"
)

type memberData struct {
	Kind string `json:"kind" audit:"public"`
}

var (
	eventAdded   = events.Declare[memberData]("member.added", "A person began to belong to an organization.")
	eventRemoved = events.Declare[memberData]("member.removed", "A person ceased to belong to an organization.")
)

// Orgs finds organizations by id or handle. orgs/directory.
type Orgs interface {
	Resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error)
}

// Roles knows what people may do in an organization. iam/authz.
type Roles interface {
	// CheckUserTx refuses when the person holds in one of the organizations what the actor of ctx lacks there.
	CheckUserTx(ctx context.Context, tx db.Tx, orgs []ids.Org, user ids.User) error
	UnassignAllTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) error
}

// Seats counts who may belong. billing/metering.
type Seats interface {
	Release(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error
	Take(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error
}

// Sessions ends single sign-on sessions. iam/sessions.
type Sessions interface {
	EndForUserInOrgTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error
}

// Ports are what the capability asks of others.
type Ports struct {
	Authorizer httpapi.Authorizer
	Groups     *groups.Service
	Orgs       Orgs
	Roles      Roles
	Seats      Seats
	Sessions   Sessions
	Users      *users.Service
}

// Service holds the rules.
type Service struct {
	Ports
	db     *db.DB
	events *events.Log
}

// New makes the service. It registers itself with users: a new person becomes a resident member, and a deleted one leaves
// every organization.
func New(d *db.DB, log *events.Log, p Ports) *Service {
	s := &Service{Ports: p, db: d, events: log}
	p.Users.OnCreate(s.settle)
	p.Users.OnDelete(s.leaveAll)
	return s
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "orgs.members",
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "guest_words", Class: module.Identity, Owner: "user_id", Why: "Derived from memberships and the names and addresses of people."},
			{Name: "memberships", Class: module.Identity, Owner: "user_id", Export: true},
		},
	}
}
