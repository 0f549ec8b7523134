// Package actor says who acts. No actor is all-powerful: each carries the permissions it may use.
package actor

import (
	"context"

	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Kind is the kind of an actor as events and problems name it.
type Kind string

// The kinds of actor.
const (
	Anonymous Kind = "anonymous" // nobody has proved anything yet
	Client    Kind = "client"    // an application with its own token
	Operator  Kind = "operator"  // the platform's operator
	System    Kind = "system"    // a job or the program itself
	User      Kind = "user"      // a person
)

// Actor is who acts, where, and with which upper bound of permissions.
type Actor struct {
	Kind    Kind
	Tenant  ids.Tenant
	Org     ids.Org // the organization that the token names
	User    ids.User
	App     ids.App // the application through which a user acts, or the client itself
	Session ids.Session
	Grant   ids.Grant
	Name    string // of a system actor: what it does, such as invitations.send
	Scopes  map[string]bool

	Impersonator    ids.User          // who acts as User; zero: he himself
	ImpersonatorOrg ids.Org           // in which he may
	Support         ids.SupportAccess // by which he may; zero: nobody had to allow it
	ReadOnly        bool              // nothing may be changed
}

// ID returns the identifier that events record: the user's, the app's, or the system actor's name.
func (a Actor) ID() string {
	switch a.Kind {
	case User:
		return a.User.String()
	case Client:
		return a.App.String()
	default:
		return a.Name
	}
}

// Key is who acts, apart from all others: a person, and another who acts as him, are two.
func (a Actor) Key() string {
	key := string(a.Kind) + ":" + a.ID()
	if !a.Impersonator.IsZero() {
		key += ":" + a.Impersonator.String()
	}
	return key
}

// Can reports whether the token or the job carries permission p. Whether the person still holds it in an
// organization is asked of the authorizer.
func (a Actor) Can(p perm.Permission) bool { return a.Scopes[p.Name()] }

// ForJob is the actor of background work named name in tenant, limited to the permissions given.
func ForJob(tenant ids.Tenant, name string, permissions ...perm.Permission) Actor {
	scopes := make(map[string]bool, len(permissions))
	for _, p := range permissions {
		scopes[p.Name()] = true
	}
	return Actor{Kind: System, Tenant: tenant, Name: name, Scopes: scopes}
}

type contextKey struct{}

// Into returns a context that carries a.
func Into(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// From returns the actor of ctx; Anonymous when nobody is known.
func From(ctx context.Context) Actor {
	if a, ok := ctx.Value(contextKey{}).(Actor); ok {
		return a
	}
	return Actor{Kind: Anonymous}
}
