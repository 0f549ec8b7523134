package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"grove/iam/issuers"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Global token revocation (draft-parecki-oauth-global-token-revocation-06): somebody who watches over people, such as their identity
// provider or a security console, says that everything that was issued to one of them ends. Nothing new is issued before he has
// signed in again.
//
// Whoever holds the permission may do so of everybody who lives where he holds it, also of those who may do more than he: nobody gains
// anything by it, and it is those whose tokens are worth most ([ADR 0029]).
//
// [ADR 0029]: docs/adr/0029-global-token-revocation.md

const (
	maxRevocationBytes = 8 << 10 // of a request: a subject identifier

	reasonRevokedGlobally = "user.tokens_revoked"
)

var (
	permRevoke = perm.Declare("tokens.revoke", "End all tokens and sessions of the people who live in an organization, whatever they may do (global token revocation).")

	eventTokensRevoked = events.Declare[revokedData]("user.tokens_revoked", "Everything that was issued to a person was ended, because an identity provider or a security console asked for it.")

	errSubjectID = refuse(codeInvalidRequest, "sub_id is required: a subject identifier (RFC 9493) of the format account, email, iss_sub or opaque.").
			told("RFC 9493, section 3.2", "", "Send application/json: {\"sub_id\": {\"format\": \"email\", \"email\": \"…\"}}.")
	errNobodyRevoked = refuse(codeUserNotFound, "The subject identifier names nobody whose tokens this client may end.").
				told("draft-parecki-oauth-global-token-revocation-06", "The person lives in the app's organization or below it.", "See the spelling, and whether the person is at home in another organization. An issuer in iss_sub is ours, or a token issuer that the app's organization trusts.")
	errMayNotRevoke = lacking(permRevoke).
			told("RFC 6750, section 3.1", "", "Authorize the app for tokens.revoke of the management API (tab APIs), and ask for that scope.")
)

type revokedData struct {
	Format string `json:"format" audit:"public"`
}

// subjectID is a subject identifier (RFC 9493, section 3.2), with the members of the formats that mean something here.
type subjectID struct {
	Format  string `json:"format"`
	Email   string `json:"email"`
	ID      string `json:"id"`
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	URI     string `json:"uri"`
}

// revokeGlobally is the global token revocation endpoint. It answers 204 when everything has ended, and 404 for whoever is not there or
// lives where the caller may not do this.
func (s *Service) revokeGlobally(w http.ResponseWriter, r *http.Request) {
	given, err := presentedToken(r)
	if err == nil {
		err = s.globalRevocation(r, given)
	}
	if err != nil {
		s.writeBearerError(w, r, s.noted(r, atGlobal, params{{"access_token", given.Token}}, err))
		return
	}
	noStore(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) globalRevocation(r *http.Request, given httpapi.Credentials) error {
	ctx := r.Context()
	t := httpapi.TenantOf(ctx)
	who, client, err := s.admit(ctx, t, given)
	if errors.Is(err, errToken) {
		err = errBearer.because(err)
	}
	if err != nil {
		return err
	}
	if !who.Impersonator.IsZero() {
		return errBearer
	}
	if !who.Scopes[permRevoke.Name()] {
		return errMayNotRevoke
	}
	subject, err := readSubjectID(r)
	if err != nil {
		return err
	}
	known, err := s.namingFor(ctx, t.ID, client)
	if err != nil {
		return err
	}
	ctx = actor.Into(ctx, who)
	var named []users.User
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		named, err = s.identified(ctx, tx, known, who.Org, subject)
		return err
	})
	if err != nil {
		return err
	}
	var theirs []users.User
	for _, person := range named {
		may, err := s.mayRevoke(ctx, who, person)
		if err != nil {
			return err
		}
		if may {
			theirs = append(theirs, person)
		}
	}
	if len(theirs) == 0 {
		return errNobodyRevoked
	}
	// What was issued ends first, by itself: however many sessions there are to close, and whoever hangs up meanwhile, it stays ended.
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		for _, person := range theirs {
			if err := tx.Raise(ctx, db.KindUser, person.ID.UUID(), reasonRevokedGlobally); err != nil {
				return err
			}
			if err := s.Events.Write(ctx, tx, eventTokensRevoked.Of(person.Org, person.ID, revokedData{Format: subject.Format})); err != nil {
				return err
			}
		}
		return nil
	})
	for _, person := range theirs {
		if err == nil {
			err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
				return s.Sessions.EndForUserTx(ctx, tx, person.ID, ids.Session{}, reasonRevokedGlobally)
			})
		}
	}
	return err
}

// mayRevoke reports whether a person lives where the actor holds the permission now and, at an organization's own endpoint, there.
func (s *Service) mayRevoke(ctx context.Context, who actor.Actor, person users.User) (bool, error) {
	if !atBase(ctx, person.Org) {
		return false, nil
	}
	home, err := s.Orgs.Resolve(ctx, httpapi.TenantOf(ctx), person.Org.String())
	if fault.CodeNotFound.Is(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	held, err := s.Roles.Permissions(ctx, who, home)
	return held.Names[permRevoke.Name()], err
}

func readSubjectID(r *http.Request) (subjectID, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return subjectID{}, refuse(codeInvalidRequest, "Send application/json.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRevocationBytes+1))
	if err != nil || len(raw) > maxRevocationBytes {
		return subjectID{}, refuseBecause(codeInvalidRequest, "The body is longer than 8 KiB, or cannot be read.", err)
	}
	var body struct {
		Subject subjectID `json:"sub_id"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return subjectID{}, errSubjectID.because(err)
	}
	of := body.Subject
	if strings.ContainsRune(of.Email+of.ID+of.Issuer+of.Subject+of.URI, 0) { // which no column holds
		return of, errSubjectID
	}
	good := map[string]bool{"account": strings.HasPrefix(of.URI, "acct:"), "email": of.Email != "", "iss_sub": of.Issuer != "" && of.Subject != "", "opaque": of.ID != ""}
	if !good[of.Format] {
		return of, errSubjectID
	}
	return of, nil
}

// identified finds whom a subject identifier means: by an address, all whom it means at a sign-in and who live where the caller reaches,
// for it may be those of several organizations; by an identifier, the one who has it. An issuer is the tenant's own, or one that the caller's organization trusts.
func (s *Service) identified(ctx context.Context, tx db.Tx, known naming, org ids.Org, of subjectID) ([]users.User, error) {
	switch of.Format {
	case "account":
		return s.Users.FindBelow(ctx, tx, strings.TrimPrefix(of.URI, "acct:"), org)
	case "email":
		return s.Users.FindBelow(ctx, tx, of.Email, org)
	case "opaque":
		return s.bySub(ctx, tx, known, of.ID)
	}
	t := httpapi.TenantOf(ctx)
	if of.Issuer == t.Base || strings.HasPrefix(of.Issuer, t.Base+"/o/") {
		return s.bySub(ctx, tx, known, of.Subject)
	}
	for _, format := range []string{issuers.FormatJWT, issuers.FormatSAML} {
		trusted, err := s.Issuers.Find(ctx, tx, org, format, of.Issuer)
		if err == nil {
			var person users.User
			if person, err = s.Issuers.Person(ctx, tx, trusted, of.Subject, true); err == nil {
				return []users.User{person}, nil
			}
		}
		if !fault.CodeNotFound.Is(err) {
			return nil, err
		}
	}
	return nil, nil
}

// bySub is the person whom a client knows by a sub.
func (s *Service) bySub(ctx context.Context, tx db.Tx, known naming, sub string) ([]users.User, error) {
	id, err := known.person(sub)
	if err != nil {
		return nil, nil
	}
	person, err := s.Users.Load(ctx, tx, id)
	if fault.CodeNotFound.Is(err) {
		return nil, nil
	}
	return []users.User{person}, err
}
