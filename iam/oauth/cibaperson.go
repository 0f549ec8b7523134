package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// How a person is asked by a backchannel request, and what becomes of his answer.

// cibaAge is how long ago, in seconds, the person may have proved who he is when he opens the link. Nothing at the app's side binds the
// answer to him, so a session that was left open somewhere does not do.
const cibaAge = 15 * 60

const (
	cibaPending    = "pending"
	cibaApproved   = "approved"
	cibaDenied     = "denied"
	cibaUnanswered = "unanswered" // no state: the person went away, or was not the one who is asked
)

// CodeCIBA is a request that waits for nobody's answer here: unknown, answered, or run out, which is not told apart.
var CodeCIBA = fault.Declare(fault.Gone, "ciba.gone", "No request waits for an answer here",
	"It was answered, has run out, or never was. Begin again from the application.")

var errCIBAGone = CodeCIBA.With("It was answered, has run out, or never was. Begin again from the application.", nil)

// cibaLink derives what the link of a request holds. It is stored nowhere.
func cibaLink(key *secrets.DataKey, tenant ids.Tenant, id ids.CIBARequest) (plain string, hash []byte) {
	t, of := tenant.UUID(), id.UUID()
	return secrets.TokenOf(prefixCIBALink, key.Derive("ciba-links", t[:], of[:]))
}

// CIBAMail is what a person is told of a request.
type CIBAMail struct {
	AppName   string
	Email     string
	ExpiresIn time.Duration
	Link      string
	Locale    string
	Message   string // the app's; "" for none
	OrgName   string
}

// CIBAMail says whom to mail what. Error: [CodeCIBA], where there is nobody to tell any more, or never was.
func (s *Service) CIBAMail(ctx context.Context, tenant ids.Tenant, id ids.CIBARequest) (mail CIBAMail, err error) {
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return mail, err
	}
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		c, err := findCIBA(ctx, tx, id)
		if db.IsNoRows(err) || err == nil && (c.User.IsZero() || c.State != cibaPending || !tx.Now().Before(c.ExpiresAt)) {
			return errCIBAGone
		}
		if err != nil {
			return err
		}
		standing, err := s.Sessions.Standing(ctx, tx, sessions.Subjects{App: c.App, Org: c.Org, User: c.User})
		if err != nil {
			return err
		}
		user, err := s.Users.Load(ctx, tx, c.User)
		if fault.CodeNotFound.Is(err) || err == nil && (standing.Blocked || user.Email == "") {
			return errCIBAGone
		}
		if err != nil {
			return err
		}
		org := c.Org
		if org.IsZero() {
			org = user.Org
		}
		plain, _ := cibaLink(key, tenant, id)
		mail = CIBAMail{AppName: c.AppName, Email: user.Email, ExpiresIn: c.ExpiresAt.Sub(tx.Now()), Link: cibaAnswerURL(c.Issuer, plain), Locale: user.Locale, Message: c.Message}
		return tx.QueryRow(ctx, sqlCIBAOrgName, tx.Tenant(), org).Scan(&mail.OrgName)
	})
	return mail, err
}

// BeginCIBA starts the sign-in of a person who has opened the link of a request, and returns the address of its first page. He is always
// asked for his consent. Error: [CodeCIBA].
func (s *Service) BeginCIBA(ctx context.Context, token string, b authn.Browser) (address string, err error) {
	if !secrets.LooksLike(prefixCIBALink, token) {
		return "", errCIBAGone
	}
	t, issuer := httpapi.TenantOf(ctx), httpapi.IssuerOf(ctx)
	var c cibaRequest
	var username string
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		if c, err = findCIBALink(ctx, tx, secrets.HashToken(token), issuer.URL); err != nil {
			return err
		}
		user, err := s.Users.Load(ctx, tx, c.User)
		username = user.Username
		return err
	})
	if db.IsNoRows(err) || fault.CodeNotFound.Is(err) {
		return "", errCIBAGone
	}
	if err != nil {
		return "", err
	}
	client, err := s.client(ctx, t, c.ClientID)
	if errors.Is(err, errClient) || err == nil && !slices.Contains(client.GrantTypes, grantCIBA) {
		return "", errCIBAGone
	}
	if err != nil {
		return "", err
	}
	age := cibaAge
	req := authn.Request{App: client, Elsewhere: true, HintUser: c.User, Issuer: issuer.URL, LoginHint: username, MaxAge: &age, Message: c.Message, Org: c.Org, Prompt: []string{authn.PromptConsent},
		RedirectURI: issuer.URL + "/login/request", Scopes: authorizedScopes(client, c.Scopes)}
	req.Attributes, req.Instead = asked(client, req.Scopes, byName{})
	if req.Details, err = details.Parse(c.Details); err != nil {
		return "", err
	}
	req.Return, err = json.Marshal(authorization{CIBA: &c.ID, ClientID: client.ClientID, Details: req.Details, Issuer: issuer.URL, Scopes: req.Scopes})
	if err != nil {
		return "", err
	}
	outcome, err := s.SignIn.Begin(ctx, t, req, b)
	if err == nil && outcome.RedirectTo == "" {
		err = errCIBAGone // nobody can be asked: the person may not use the app, say
	}
	return outcome.RedirectTo, err
}

// settleCIBA writes down what the person has answered, and shows him. Only the person who is asked can say no: anybody else who came by
// the link has answered nothing.
func (s *Service) settleCIBA(w http.ResponseWriter, r *http.Request, a authorization, done authn.Done) {
	answer := cibaUnanswered
	var err error
	if done.Error == "" || done.Denied {
		answer, err = s.answerCIBA(r.Context(), a, done)
	}
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	noStore(w.Header())
	w.Header().Set("Location", a.Issuer+"/login/request?done="+answer)
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Service) answerCIBA(ctx context.Context, a authorization, done authn.Done) (answer string, err error) {
	t := httpapi.TenantOf(ctx)
	client, err := s.client(ctx, t, a.ClientID)
	if err == nil && (client.ID != done.App || a.Issuer != httpapi.IssuerOf(ctx).URL) {
		err = errGrant
	}
	if err != nil {
		return "", err
	}
	answer = cibaApproved
	if done.Denied {
		answer = cibaDenied
	}
	g := newGrant(client, a, done)
	if answer == cibaApproved {
		ctx = asPerson(ctx, g)
	}
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		c, err := findCIBA(ctx, tx, *a.CIBA)
		if db.IsNoRows(err) || err == nil && (c.App != client.ID || c.User != done.User || answer == cibaApproved && !c.Org.IsZero() && c.Org != done.Org) {
			return errGrant
		}
		if err != nil {
			return err
		}
		var granted ids.Grant
		if answer == cibaApproved {
			if err := s.createTx(ctx, tx, client, &g); err != nil {
				return err
			}
			granted = g.ID
		}
		if err := orGrant(decideCIBA(ctx, tx, c.ID, done.User, answer, granted)); err != nil || c.Sealed == nil {
			return err
		}
		return s.Jobs.Insert(ctx, tx, pingArgs{Tenant: t.ID, Org: client.Org, ClientID: client.ClientID, Request: c.ID})
	})
	if errors.Is(err, errGrant) {
		err = refuse(codeExpiredToken, "The request has run out or was answered, or the account, the organization or the application is not active.")
	}
	return answer, err
}
