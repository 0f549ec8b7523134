package authz

import (
	"context"
	"embed"
	"io/fs"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/module"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// ManagementAPI is the identifier of the built-in API resource whose scopes are the program's permissions.
const ManagementAPI = "urn:grove:api"

// AllScopes is the scope alias that stands for every scope of the management API, present and future.
const AllScopes = "grove"

const (
	administratorKey  = "administrator"
	administratorName = "Administrator"
	viewerName        = "Viewer"
)

var (
	permResourcesRead  = perm.Declare("api_resources.read", "See API resources, their scopes and authorization details types.")
	permResourcesWrite = perm.Declare("api_resources.write", "Create, change and delete API resources, their scopes and authorization details types.")
	permRolesRead      = perm.Declare("roles.read", "See roles and who holds them.")
	permRolesWrite     = perm.Declare("roles.write", "Create, change and delete roles, and give them to people and groups, within what you hold.")
)

// CodeRoleUnknown is the code of roles that cannot be assigned where somebody wants to.
var CodeRoleUnknown = fault.Declare(fault.Invalid, "role.unknown", "No such role here",
	"The organization has no such role. List those that can be assigned here.")

var (
	errAssigned = fault.Declare(fault.Conflict, "role.already_assigned", "Already assigned",
		"The person or group has the role. Nothing is left to do.")
	errAudience = fault.Declare(fault.Invalid, "role.audience", "This audience cannot be used here",
		"The app takes roles of the other audience, or the audience cannot change. Make a role of the right one.")
	errDetailsSchema = fault.Declare(fault.Invalid, "authorization_details_type.schema", "This schema cannot be used",
		"The JSON Schema is not valid, or uses what is not supported; the detail says what.")
	errDetailsTaken = fault.Declare(fault.Conflict, "authorization_details_type.type_taken", "This type is taken",
		"An API resource of the tenant has this type. Choose another one.")
	errDetailsTooMany = fault.Declare(fault.Conflict, "authorization_details_type.too_many", "An API resource has too many authorization details types",
		"Delete types that nobody uses.")
	errDetailsUsed = fault.Declare(fault.Conflict, "authorization_details_type.in_use", "Apps may ask for this type",
		"Apps are authorized for it. Take those authorizations away first.")
	errIdentifierTaken = fault.Declare(fault.Conflict, "api_resource.identifier_taken", "This identifier is taken",
		"Another API resource of the tenant has it. Choose another identifier, or use that resource.")
	errLastAdministrator = fault.Declare(fault.Conflict, "role.last_administrator", "The last administrator stays",
		"The tenant's root keeps an Administrator. Appoint another one first.")
	errPrincipal = fault.Declare(fault.Invalid, "role.principal_unknown", "No such person or group here",
		"No member or group of the organization has this identifier. Add the person first.")
	errResourceBuiltin = fault.Declare(fault.Conflict, "api_resource.builtin", "Built-in API resources cannot be changed",
		"The management API and the like come with Grove. Define an API resource of your own.")
	errResourceInherited = fault.Declare(fault.Conflict, "api_resource.inherited", "Another organization defines this API resource",
		"It is defined above. Change it in the organization that owns it.")
	errResourceUsed = fault.Declare(fault.Conflict, "api_resource.in_use", "Apps are authorized for this API resource",
		"Apps still have scopes of it. Take those authorizations away first.")
	errRoleBuiltin = fault.Declare(fault.Conflict, "role.builtin", "Built-in roles cannot be changed",
		"Make a role of your own with the permissions that you want.")
	errRoleInherited = fault.Declare(fault.Conflict, "role.inherited", "Another organization defines this role",
		"It is defined above. Change it in the organization that owns it.")
	errRoleNameTaken = fault.Declare(fault.Conflict, "role.name_taken", "This name is taken",
		"Names are unique within an audience. Choose another one.")
	errScopeNotForApp = fault.Declare(fault.Invalid, "role.scope_not_authorized", "The app is not authorized for this scope",
		"A role of an app has scopes of the APIs that the app may use. Authorize the app for it first.")
	errScopeReserved = fault.Declare(fault.Invalid, "api_scope.reserved", "This scope name is reserved",
		"Grove or a protocol uses this name. Choose another one, such as one with a prefix.")
	errScopeTaken = fault.Declare(fault.Conflict, "api_scope.name_taken", "This scope name is taken",
		"A scope of the tenant has this name. Choose another one.")
	errScopeTooMany = fault.Declare(fault.Conflict, "api_scope.too_many", "An API resource has too many scopes",
		"Delete scopes that nobody uses, or divide the API resource.")
	errScopeUnknown = fault.Declare(fault.Invalid, "api_scope.unknown", "No such scope here",
		"The scope is not one of this API resource. List its scopes.")
	errScopeUsed = fault.Declare(fault.Conflict, "api_scope.in_use", "Apps are authorized for this scope",
		"Apps are authorized for it. Take those authorizations away first.")
)

type (
	assignmentData struct {
		App           *ids.App       `json:"app_id,omitempty" audit:"public"` // whose role it is, of an app's
		AppName       string         `json:"app_name,omitempty" audit:"public"`
		Assignment    ids.Assignment `json:"assignment_id" audit:"public"`
		PrincipalID   ids.Any        `json:"principal_id" audit:"public"`
		PrincipalType string         `json:"principal_type" audit:"public"`
		Reach         string         `json:"reach" audit:"public"`
		Role          ids.Role       `json:"role_id" audit:"public"`
		RoleName      string         `json:"role_name" audit:"public"`
	}
	detailsTypeData struct {
		Resource ids.APIResource `json:"resource_id" audit:"public"`
		Type     string          `json:"type" audit:"public"`
	}
	resourceData struct {
		Identifier string   `json:"identifier" audit:"public"`
		Name       string   `json:"name" audit:"public"`
		Scopes     []string `json:"scopes,omitempty" audit:"public"` // the first ones, of a new resource
	}
	scopeData struct {
		Name     string          `json:"name" audit:"public"`
		Resource ids.APIResource `json:"resource_id" audit:"public"`
	}
	roleData struct {
		App         *ids.App `json:"app_id,omitempty" audit:"public"` // whose role it is, of an app's
		AppName     string   `json:"app_name,omitempty" audit:"public"`
		Name        string   `json:"name" audit:"public"`
		Permissions []string `json:"permissions" audit:"public"`
	}
)

var (
	eventAssigned        = events.Declare[assignmentData]("role.assigned", "A role was given to a person or a group.")
	eventDetailsAdded    = events.Declare[detailsTypeData]("api_resource.details_type_added", "An authorization details type was added to an API resource.")
	eventDetailsRemoved  = events.Declare[detailsTypeData]("api_resource.details_type_removed", "An authorization details type was removed from an API resource.")
	eventDetailsUpdated  = events.Declare[detailsTypeData]("api_resource.details_type_updated", "The texts or the schema of an authorization details type were changed.")
	eventResourceCreated = events.Declare[resourceData]("api_resource.created", "An API resource was registered.")
	eventResourceDeleted = events.Declare[resourceData]("api_resource.deleted", "An API resource was deleted.")
	eventResourceUpdated = events.Declare[resourceData]("api_resource.updated", "An API resource was changed.")
	eventRoleCreated     = events.Declare[roleData]("role.created", "A role was made.")
	eventRoleDeleted     = events.Declare[roleData]("role.deleted", "A role was deleted.")
	eventRoleUpdated     = events.Declare[roleData]("role.updated", "A role was changed.")
	eventScopeAdded      = events.Declare[scopeData]("api_resource.scope_added", "A scope was added to an API resource.")
	eventScopeRemoved    = events.Declare[scopeData]("api_resource.scope_removed", "A scope was removed from an API resource.")
	eventScopeUpdated    = events.Declare[scopeData]("api_resource.scope_updated", "The texts of a scope were changed.")
	eventUnassigned      = events.Declare[assignmentData]("role.unassigned", "A role was taken from a person or a group.")
)

// Service holds the rules of roles, API resources and decisions.
type Service struct {
	db          *db.DB
	events      *events.Log
	issuers     Issuers
	onScopes    func(ctx context.Context, tx db.Tx, names []string) error             // see OnScopesDeleted
	scopesTaken func(ctx context.Context, tx db.Tx, names []string) ([]string, error) // see KeepScopesClearOf
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

// OnScopesDeleted sets what forgets scopes that are gone, in the same transaction: one that is made anew under a name is another scope, of
// which people are asked. It is called while the program is put together.
func (s *Service) OnScopesDeleted(f func(ctx context.Context, tx db.Tx, names []string) error) {
	s.onScopes = f
}

func (s *Service) scopesDeleted(ctx context.Context, tx db.Tx, names []string) error {
	if s.onScopes == nil || len(names) == 0 {
		return nil
	}
	return s.onScopes(ctx, tx, names)
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	table := func(name string) module.Table {
		return module.Table{Name: name, Class: module.Configuration, Owner: "org_id", Export: true}
	}
	named := func(name, kind string) module.Table {
		t := table(name)
		t.Kind, t.Title = kind, "name"
		return t
	}
	return module.Manifest{
		Name: "iam.authz",
		Errors: []fault.Code{errAssigned, errAudience, errDetailsSchema, errDetailsTaken, errDetailsTooMany,
			errDetailsUsed, errIdentifierTaken, errLastAdministrator, errPrincipal, errResourceBuiltin,
			errResourceInherited, errResourceUsed, errRoleBuiltin, errRoleInherited, errRoleNameTaken, CodeRoleUnknown, errScopeNotForApp,
			errScopeReserved, errScopeTaken, errScopeTooMany, errScopeUnknown, errScopeUsed},
		Found:       s.found,
		Migrations:  Migrations(),
		Permissions: []perm.Permission{permResourcesRead, permResourcesWrite, permRolesRead, permRolesWrite},
		Routes: func(a *httpapi.API) {
			s.resourceRoutes(a)
			s.detailsRoutes(a)
			s.roleRoutes(a)
			s.assignmentRoutes(a)
		},
		Tables: []module.Table{named("api_resources", "api"), table("api_scopes"), table("authorization_details_types"), table("role_assignments"), table("role_assignments_history"),
			table("role_permissions"), table("role_permissions_history"), named("roles", "rol"), table("roles_history")},
	}
}
