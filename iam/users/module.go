package users

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/secrets/password"
	"grove/tenants/settings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// The permissions over people, which other capabilities that look after accounts ask for too.
var (
	PermRead  = perm.Declare("users.read", "See the people of an organization.")
	PermWrite = perm.Declare("users.write", "Create, change, disable and delete the people of an organization.")
)

var (
	ErrAboveActor = fault.Declare(fault.Forbidden, "user.above_actor", "This person may do more than you",
		"Ask somebody who holds every permission that this person holds.")
	errCredentials = fault.Declare(fault.Unauthenticated, "user.credentials", "The username or the password is wrong",
		"Nobody has this username with this password, or the account is locked for a while.")
	errDisabled = fault.Declare(fault.Conflict, "user.disabled", "The user is disabled",
		"Enable the user first.")
	errFilter = fault.Declare(fault.Malformed, "user.filter", "This filter cannot be used",
		"The filter is not one that users take; the detail says where it goes wrong.")
	ErrLastAdministrator = fault.Declare(fault.Conflict, "user.last_administrator", "The last administrator stays",
		"Without this person the organization would have no Administrator. Appoint another one first.")
	ErrPassword = fault.Declare(fault.Invalid, "user.password", "This password cannot be used",
		"It breaks a rule for passwords, is a common one, or the account has none; the detail says which.")
	errUsernameTaken = fault.Declare(fault.Conflict, "user.username_taken", "This username is taken",
		"Usernames are unique in the organization. Choose another one.")
)

type (
	noData      struct{}
	createdData struct {
		Email    string `json:"email" audit:"personal"`
		Name     string `json:"name" audit:"personal"`
		Username string `json:"username" audit:"personal"`
	}
	deletedData struct {
		Username string `json:"username" audit:"personal"`
	}
	failedData struct {
		Count int `json:"count" audit:"public"`
	}
	lockedData struct {
		Reason  string `json:"reason,omitempty" audit:"personal"`
		Seconds int    `json:"seconds,omitempty" audit:"public"`
	}
	passwordData struct {
		MustChange bool `json:"must_change" audit:"public"`
		Removed    bool `json:"removed" audit:"public"`
	}
	updatedData struct {
		Fields []string `json:"fields" audit:"public"`
	}
)

var (
	eventCreated         = events.Declare[createdData]("user.created", "A person was added to an organization.")
	eventDeleted         = events.Declare[deletedData]("user.deleted", "A person was deleted.")
	eventDisabled        = events.Declare[noData]("user.disabled", "A person was disabled and may not sign in.")
	eventEnabled         = events.Declare[noData]("user.enabled", "A disabled person may sign in again.")
	eventLocked          = events.Declare[lockedData]("user.locked", "An account was locked: for some time after failed sign-ins, or by an administrator until he unlocks it.")
	eventPasswordChanged = events.Declare[passwordData]("user.password_changed", "A person's password was set, replaced or removed.")
	eventSignInFailed    = events.Declare[failedData]("sign_in.failed", "Sign-ins to an account failed, as many as count says, since the event before: one event a minute at the most, and none of attempts while the account is locked.")
	eventUnlocked        = events.Declare[noData]("user.unlocked", "An administrator ended an account's lock.")
	eventUpdated         = events.Declare[updatedData]("user.updated", "A person's profile changed.")
)

// Ranks compares people. CheckUserTx answers with a fault of kind Forbidden when the person holds a permission in one of the
// organizations that the actor of ctx lacks there.
type Ranks interface {
	CheckUserTx(ctx context.Context, tx db.Tx, orgs []ids.Org, user ids.User) error
	// LastAdministrator reports whether an organization, org or any if that is zero, would lose its only active Administrator
	// with the person. anyway says that the actor of ctx wants that, which is heard below his own organization.
	LastAdministrator(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, anyway bool) (bool, error)
}

// Hook does another capability's part of a change to a person, in the transaction of the change.
type Hook func(ctx context.Context, tx db.Tx, u User) error

// DeleteHook is a Hook for the deletion of a person. It keeps the last Administrator of an organization unless anyway, as
// [Ranks] has it.
type DeleteHook func(ctx context.Context, tx db.Tx, u User, anyway bool) error

// Service holds the rules.
type Service struct {
	db        *db.DB
	events    *events.Log
	hasher    *password.Hasher
	lockout   settings.Reader[LockoutPolicy]
	onCreate  Hook
	onDelete  DeleteHook
	passwords settings.Reader[PasswordPolicy]
	ranks     Ranks
}

// New makes the service. The hasher is the program's only one.
func New(d *db.DB, log *events.Log, hasher *password.Hasher, ranks Ranks) *Service {
	return &Service{db: d, events: log, hasher: hasher, lockout: settings.Fixed(DefaultLockout), passwords: settings.Fixed(DefaultPasswords), ranks: ranks}
}

// OnCreate registers what else happens in the transaction that makes a person. It is called once, before the program
// starts, and panics when called again.
func (s *Service) OnCreate(h Hook) {
	if s.onCreate != nil {
		panic("users: OnCreate is set already")
	}
	s.onCreate = h
}

// OnDelete registers what else happens in the transaction that deletes a person, before his row goes. It is called
// once, before the program starts, and panics when called again.
func (s *Service) OnDelete(h DeleteHook) {
	if s.onDelete != nil {
		panic("users: OnDelete is set already")
	}
	s.onDelete = h
}

// Module is the capability's manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.users",
		Errors: []fault.Code{ErrAboveActor, errCredentials, errDisabled, errFilter, ErrLastAdministrator, ErrPassword, errUsernameTaken},
		Found:  s.found,
		Jobs: func(r *jobs.Registry) {
			jobs.Register(r, func(ctx context.Context, _ tellArgs) error { return s.TellFailures(ctx) })
			jobs.Every(r, time.Minute, tellArgs{})
		},
		Migrations:  Migrations(),
		Permissions: []perm.Permission{PermRead, PermWrite},
		Routes:      s.routes,
		Tables: []module.Table{
			{Name: "users", Class: module.Identity, Owner: "org_id", Export: true, Kind: "usr",
				Title: "coalesce(nullif(btrim(given_name || ' ' || family_name), ''), username)"}, // as DisplayName
			{Name: "passwords", Class: module.Identity, Owner: "user_id", Export: true},
			{Name: "user_words", Class: module.Identity, Owner: "user_id", Why: "Derived from the names of people."},
			{Name: "sign_in_failures", Class: module.Transient, Owner: "user_id", Why: "counters of guesses; they start anew elsewhere"},
		},
	}
}

// found creates the tenant's first administrator, resident in its root.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	a := f.Admin
	if a.User.IsZero() {
		return nil
	}
	_, err := s.CreateTx(ctx, tx, NewUser{ID: a.User, Org: f.Root, Username: a.Username, Email: a.Email,
		GivenName: a.GivenName, FamilyName: a.FamilyName, PasswordHash: a.PasswordHash, MustChange: a.MustChange})
	return err
}
