package actor

import (
	"maps"
	"slices"

	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Remembered is an actor as he is stored with what he promised, so that it can be asked when the promise is kept whether he
// may still give it. The zero value is nobody.
type Remembered struct {
	Kind Kind     `json:"kind,omitempty"`
	Org  ids.Org  `json:"org,omitzero"`
	User ids.User `json:"user,omitzero"`
	App  ids.App  `json:"app,omitzero"`

	Impersonator    ids.User          `json:"impersonator,omitzero"`
	ImpersonatorOrg ids.Org           `json:"impersonator_org,omitzero"`
	Support         ids.SupportAccess `json:"support,omitzero"`

	Name   string   `json:"name,omitempty"`
	Scopes []string `json:"scopes,omitempty"` // that his token carried: what he promises later is no more than what he could then
}

// Remember returns what is stored of an actor. Session and grant are left out: a promise outlasts them.
func (a Actor) Remember() Remembered {
	var scopes []string
	for _, name := range slices.Sorted(maps.Keys(a.Scopes)) {
		if a.Scopes[name] {
			scopes = append(scopes, name)
		}
	}
	return Remembered{Kind: a.Kind, Org: a.Org, User: a.User, App: a.App, Name: a.Name, Scopes: scopes, Impersonator: a.Impersonator, ImpersonatorOrg: a.ImpersonatorOrg, Support: a.Support}
}

// In returns the actor again. What the program or the operator promised, the program may always give.
func (r Remembered) In(tenant ids.Tenant) Actor {
	if r.Kind == System || r.Kind == Operator {
		return ForJob(tenant, r.Name, perm.All()...)
	}
	a := Actor{Kind: r.Kind, Tenant: tenant, Org: r.Org, User: r.User, App: r.App, Name: r.Name, Scopes: map[string]bool{}, Impersonator: r.Impersonator, ImpersonatorOrg: r.ImpersonatorOrg, Support: r.Support}
	for _, name := range r.Scopes {
		a.Scopes[name] = true
	}
	return a
}
