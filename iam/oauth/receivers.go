package oauth

import (
	"context"
	"errors"
	"net/http"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// What a protocol that is not OAuth's own needs of it: who calls by an access token of the management API, and by what names an app
// knows people. iam/signals.

var errForPeople = refuse(codeInvalidToken, "The token is a person's. Send one that the app has for itself, by the grant type client_credentials.")

// Receiver is the app that calls by an access token of its own with one of the scopes, which are named by the one that is asked for
// where none is there. What goes wrong is answered by [Service.RefuseBearer].
func (s *Service) Receiver(r *http.Request, scopes ...perm.Permission) (actor.Actor, apps.Client, error) {
	no := func(err error) (actor.Actor, apps.Client, error) { return actor.Actor{}, apps.Client{}, err }
	given, err := presentedToken(r)
	if err != nil {
		return no(err)
	}
	who, client, err := s.admit(r.Context(), httpapi.TenantOf(r.Context()), given)
	if errors.Is(err, errToken) {
		err = errBearer.because(err)
	}
	if err != nil {
		return no(err)
	}
	if who.Kind != actor.Client || !who.Impersonator.IsZero() {
		return no(errForPeople)
	}
	for _, scope := range scopes {
		if who.Can(scope) {
			return who, client, nil
		}
	}
	return no(lacking(scopes[0]))
}

// lacking refuses a token without the scope of a permission.
func lacking(p perm.Permission) *protocolError {
	return &protocolError{code: codeInsufficientScope, description: "The token lacks the scope " + p.Name() + ".", scope: p.Name()}
}

// RefuseBearer answers a request whose token is not good for it (RFC 6750, section 3.1).
func (s *Service) RefuseBearer(w http.ResponseWriter, r *http.Request, err error) {
	noStore(w.Header())
	s.writeBearerError(w, r, err)
}

// Names are what a client calls people and their sessions: as everybody does, or by names of its own sector.
type Names struct{ known naming }

// NamesFor are those of a client. Call it before a transaction, not within.
func (s *Service) NamesFor(ctx context.Context, tenant ids.Tenant, client apps.Client) (Names, error) {
	known, err := s.namingFor(ctx, tenant, client)
	return Names{known}, err
}

// Subject is a person's sub.
func (n Names) Subject(user ids.User) string { return n.known.subject(user) }

// Session is a session's sid.
func (n Names) Session(session ids.Session) string { return n.known.session(session) }

// Person takes a sub back. It may be of nobody.
func (n Names) Person(sub string) (ids.User, error) { return n.known.person(sub) }
