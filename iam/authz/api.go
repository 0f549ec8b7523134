package authz

import (
	"time"

	"github.com/google/uuid"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// The audiences of roles.
const (
	AudienceApplication  = "application"
	AudienceOrganization = "organization"
)

// How far down the tree an assignment holds.
const (
	ReachOrg     = "org"
	ReachSubtree = "subtree"
)

// The kinds of principals.
const (
	PrincipalGroup = "group"
	PrincipalUser  = "user"
)

// RoleAudience says what a role is for.
type RoleAudience struct {
	Type string `json:"type" enum:"application,organization" doc:"What the role is for: application, one app; organization, the organization that defines it. Never changes." example:"application"`
	ID   string `json:"id,omitempty" maxLength:"64" doc:"The app, or the organization. May be left out of a request for the organization itself." example:"app_01j4x5t00070008000000000g4"`
}

// Role is a role as callers see it.
type Role struct {
	ID             ids.Role     `json:"id" doc:"The role."`
	OrgID          ids.Org      `json:"org_id" doc:"The organization that defines the role."`
	Name           string       `json:"name" doc:"Name, unique within the audience." example:"Billing clerk"`
	Description    string       `json:"description" doc:"What the role is for." example:"May see and pay invoices."`
	Audience       RoleAudience `json:"audience" doc:"What the role is for."`
	Builtin        bool         `json:"builtin" doc:"Comes with every tenant and cannot be changed." example:"false"`
	Inherited      bool         `json:"inherited" doc:"Defined elsewhere: it can be assigned here, not changed." example:"false"`
	Permissions    []string     `json:"permissions" doc:"Names of the scopes that the role gives." example:"[\"invoices.read\"]"`
	CreatedAt      time.Time    `json:"created_at" doc:"When the role was made." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time    `json:"updated_at" doc:"When the role was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string     `json:"allowed_actions,omitzero" doc:"What the caller may do with the role; on single roles only." example:"[\"update\"]"`
}

func (r roleRow) view(org ids.Org) Role {
	return Role{ID: r.ID, OrgID: r.Org, Name: r.Name, Description: r.Description, Audience: audienceView(r.AudienceType, r.AudienceID),
		Builtin: r.Builtin, Inherited: r.Org != org, Permissions: r.Permissions, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

func audienceView(kind string, id uuid.UUID) RoleAudience {
	var app ids.App
	var org ids.Org
	if kind == AudienceApplication {
		_ = app.ScanUUID(pgUUID(id)) // never fails
		return RoleAudience{Type: kind, ID: app.String()}
	}
	_ = org.ScanUUID(pgUUID(id)) // never fails
	return RoleAudience{Type: kind, ID: org.String()}
}

// Principal is who is given a role.
type Principal struct {
	Type string `json:"type" enum:"group,user" doc:"A person or a group." example:"user"`
	ID   string `json:"id" minLength:"1" maxLength:"64" doc:"The person, who belongs to the organization, or the organization's group." example:"usr_01j4x5t00070008000000000g4"`
	id   uuid.UUID
}

// parse reads the identifier of the kind that Type says.
func (p Principal) parse() (Principal, error) {
	var user ids.User
	var group ids.Group
	var err error
	switch p.Type {
	case PrincipalGroup:
		err = group.UnmarshalText([]byte(p.ID))
		p.id = group.UUID()
	default:
		err = user.UnmarshalText([]byte(p.ID))
		p.id = user.UUID()
	}
	if err != nil || p.id == uuid.Nil {
		return p, fault.CodeInvalid.At("/principal/id", "Must be an identifier of the kind that type says: usr_… or grp_….")
	}
	return p, nil
}

func principalView(kind string, id uuid.UUID) Principal {
	var user ids.User
	var group ids.Group
	if kind == PrincipalGroup {
		_ = group.ScanUUID(pgUUID(id)) // never fails
		return Principal{Type: kind, ID: group.String(), id: id}
	}
	_ = user.ScanUUID(pgUUID(id)) // never fails
	return Principal{Type: kind, ID: user.String(), id: id}
}
