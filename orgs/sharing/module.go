package sharing

import (
	"embed"
	"io/fs"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

var (
	errPolicy = fault.Declare(fault.Invalid, "app.share_policy", "The policy and the organizations do not go together",
		"Only the policies for chosen organizations take a list of them; give one there and none elsewhere.")
	errTarget = fault.Declare(fault.Invalid, "app.share_target", "Not an organization below the app's owner",
		"An app is shared downwards only. Name organizations below the one that owns it.")
)

type (
	sharedData struct {
		Organizations int    `json:"organizations" audit:"public"` // how many are named
		Policy        string `json:"policy" audit:"public"`
		Roles         string `json:"roles" audit:"public"`
		RolesEnded    int64  `json:"roles_ended" audit:"public"` // assignments of the app's roles that ended
	}
)

var (
	eventShared   = events.Declare[sharedData]("app.shared", "An app was shared with organizations, or its share was changed.")
	eventUnshared = events.Declare[sharedData]("app.unshared", "An app is not shared any more.")
)

// Service holds the rules of sharing.
type Service struct {
	db     *db.DB
	events *events.Log
	authz  *authz.Service
}

// New makes the service.
func New(d *db.DB, log *events.Log, roles *authz.Service) *Service {
	return &Service{db: d, events: log, authz: roles}
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:       "orgs.sharing",
		Errors:     []fault.Code{errPolicy, errTarget},
		Found:      s.found,
		Migrations: Migrations(),
		Routes: func(a *httpapi.API) {
			s.shareRoutes(a)
			httpapi.Handle(a, availableRoute, s.listAvailable)
		},
		Tables: []module.Table{
			{Name: "app_share_targets", Class: module.Configuration, Owner: "tenant_id", Export: true},
			{Name: "app_shares", Class: module.Configuration, Owner: "org_id", Export: true},
		},
	}
}

var _ apps.Grants = (*authz.Service)(nil)
