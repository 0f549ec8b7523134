package invitations

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/orgs/members"
	"grove/tenants/settings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	permRead  = perm.Declare("invitations.read", "See who is invited to an organization.")
	permWrite = perm.Declare("invitations.write", "Invite people to an organization, send invitations again and revoke them.")
)

// CodeRefused is an invitation whose promise is not kept: who invited is gone, or may not give any more what it promises.
var CodeRefused = fault.Declare(fault.Gone, "org.invite.refused", "Whoever invited can let nobody in",
	"Whoever invited may not give any more what was promised. Ask for a new invitation.")

var (
	errAlreadyMember = fault.Declare(fault.Conflict, "org.invite.already_member", "Already a member",
		"Somebody with this address belongs to the organization. Nothing is left to do.")
	errDuplicate = fault.Declare(fault.Conflict, "org.invite.duplicate", "Already invited",
		"The address has an invitation that waits. Send that one again, or take it back first.")
	errInvalid = fault.Declare(fault.Gone, "org.invite.invalid", "This invitation cannot be used",
		"It was used, taken back, sent again or is too old. Ask for a new one.")
	errNotPending = fault.Declare(fault.Conflict, "org.invite.not_pending", "The invitation is not pending any more",
		"It was accepted or taken back. Invite the person again.")
	errOtherPerson = fault.Declare(fault.Forbidden, "org.invite.other_person", "The invitation is for somebody else",
		"Whoever is signed in is not the one who was invited. Sign in as that person.")
	errTooMany = fault.Declare(fault.TooMany, "org.invite.too_many", "Too many invitations to this address",
		"Wait an hour, or use the invitation that was sent last.")
	errSignIn = fault.Declare(fault.Conflict, "org.invite.sign_in", "Sign in to accept",
		"There is an account with this address. Sign in to it, then accept.")
)

type (
	invitedData struct {
		Delivery string      `json:"delivery" audit:"public"` // email or link
		Email    string      `json:"email" audit:"personal"`
		Groups   []ids.Group `json:"groups" audit:"public"`
		Roles    []ids.Role  `json:"roles" audit:"public"`
	}
	acceptedData struct {
		User ids.User `json:"user_id" audit:"public"`
	}
	noData      struct{}
	refusedData struct {
		Reason string `json:"reason" audit:"public"` // beyond_inviter or inviter_gone
	}
)

var (
	eventAccepted = events.Declare[acceptedData]("invitation.accepted", "An invitation was accepted, and the person is a member.")
	eventCreated  = events.Declare[invitedData]("invitation.created", "Somebody was invited to an organization.")
	eventExpired  = events.Declare[noData]("invitation.expired", "Nobody accepted an invitation in time.")
	eventRefused  = events.Declare[refusedData]("invitation.refused", "An invitation was not accepted when it was opened, because who invited is gone or may not give any more what it promises.")
	eventResent   = events.Declare[invitedData]("invitation.resent", "An invitation is sent again with a new link.")
	eventWithheld = events.Declare[noData]("invitation.withheld", "The mail of an invitation is not sent, because so many were sent to the address within an hour. Hand a link over, or send it again later.")
	eventRevoked  = events.Declare[noData]("invitation.revoked", "An invitation was taken back.")
)

// Domains says which organization an e-mail domain belongs to. orgs/domains.
type Domains interface {
	OwnerOf(ctx context.Context, tx db.Tx, emailDomain string) (ids.Org, bool, error)
}

// Groups checks and fills groups. iam/groups.
type Groups interface {
	CheckTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group) error
	JoinTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, user ids.User) error
}

// Keys gives a tenant's data key, from a cache. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
}

// Roles checks and gives roles. iam/authz.
type Roles interface {
	AssignTx(ctx context.Context, tx db.Tx, a authz.Assignment) error
	CheckGrantable(ctx context.Context, tx db.Tx, held map[string]bool, org ids.Org, roles []ids.Role) ([]authz.Role, error)
	CheckScopesTx(ctx context.Context, tx db.Tx, org ids.Org, names []string, below bool) error
	HeldTx(ctx context.Context, tx db.Tx, org ids.Org) (map[string]bool, error)
}

// Seats counts who may belong. billing/metering.
type Seats interface {
	Commit(ctx context.Context, tx db.Tx, org ids.Org, holder, user uuid.UUID, reason string) error
	Release(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error
	Reserve(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error
}

// Sessions says whether what something stands on still stands. iam/sessions.
type Sessions interface {
	Standing(ctx context.Context, tx db.Tx, of sessions.Subjects) (sessions.Standing, error)
}

// Tenants finds tenants by id, from a cache. tenants/directory.
type Tenants interface {
	ByID(ctx context.Context, id ids.Tenant) (httpapi.Tenant, error)
}

// Ports are what the capability asks of others.
type Ports struct {
	Domains  Domains
	Groups   Groups
	Jobs     *jobs.Client
	Keys     Keys
	Members  *members.Service
	Roles    Roles
	Seats    Seats
	Sessions Sessions
	Tenants  Tenants
	Users    *users.Service
}

// Service holds the rules.
type Service struct {
	Ports
	lifetime time.Duration
	db       *db.DB
	events   *events.Log
	policy   settings.Reader[Policy]
}

// New makes the service.
func New(d *db.DB, log *events.Log, lifetime time.Duration, p Ports) *Service {
	return &Service{Ports: p, db: d, events: log, lifetime: lifetime, policy: settings.Fixed(policyOf(lifetime))}
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:        "orgs.invitations",
		Errors:      []fault.Code{errAlreadyMember, errDuplicate, errInvalid, errNotPending, errOtherPerson, CodeRefused, errSignIn, errTooMany},
		Jobs:        s.jobs,
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permRead, permWrite},
		Routes:      s.routes,
		Tables:      []module.Table{{Name: "invitations", Class: module.Identity, Owner: "org_id", Export: true, Kind: "inv", Title: "email"}},
	}
}
