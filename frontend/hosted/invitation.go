package hosted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
	"grove/orgs/invitations"
)

// visit is one look at an invitation.
type visit struct {
	browser authn.Browser
	invited invitations.Peeked
	person  *users.User // signed in, and the one who was invited
	refusal error       // why it cannot be accepted; nil
	token   string
}

const statePending = "pending"

// look reads the invitation that a request names. ok is false when there is none that can be accepted.
func (p *Pages) look(w http.ResponseWriter, r *http.Request, token string) (v visit, ok bool, err error) {
	ctx, t := r.Context(), httpapi.TenantOf(r.Context())
	v = visit{browser: authn.BrowserOf(w, r), token: token}
	v.invited, err = p.Invitations.Peek(ctx, t.ID, token)
	if isSpent(err) || (err == nil && v.invited.State != statePending) {
		v.refusal = err
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	session, found, err := p.Engine.Session(ctx, t, v.browser)
	if err != nil || !found {
		return v, true, err
	}
	person, err := p.person(ctx, t, session.User)
	if _, key, bad := text.Email(v.invited.Email); err == nil && bad == nil && person.Has(key, v.invited.DomainOrg) {
		v.person = &person
	}
	return v, true, err
}

func (p *Pages) person(ctx context.Context, t httpapi.Tenant, id ids.User) (u users.User, err error) {
	err = p.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		u, err = p.Users.Load(ctx, tx, id)
		return err
	})
	return u, err
}

// isSpent reports whether err says that an invitation cannot be accepted, now or ever: unknown, expired, revoked and
// used are one to the person.
func isSpent(err error) bool {
	var f *fault.Error
	if !errors.As(err, &f) {
		return false
	}
	switch f.Code.Kind {
	case fault.Conflict, fault.Forbidden, fault.Gone, fault.NotFound:
		return true
	}
	return false
}

// showInvitation shows an invitation and consumes nothing: mail scanners open links.
func (p *Pages) showInvitation(w http.ResponseWriter, r *http.Request) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v, ok, err := p.look(w, r, in["token"])
	switch {
	case err != nil:
		p.fail(w, r, err)
	case !ok:
		p.spent(w, r, v)
	case in["sign_in"] != "" && (v.invited.ExistingUser || v.invited.HandedOver):
		p.renderSignIn(w, r, v, "")
	default:
		p.renderInvitation(w, r, v, login.InvitationPage{})
	}
}

func (p *Pages) spent(w http.ResponseWriter, r *http.Request, v visit) {
	if fault.CodeSuspended.Is(v.refusal) {
		login.Render(w, r, login.PageSuspended, login.SuspendedPage{Common: login.Common{OrgName: v.invited.OrgName, Status: http.StatusForbidden}})
		return
	}
	login.Render(w, r, login.PageInvitationInvalid, login.InvitationInvalidPage{Common: login.Common{OrgName: p.host(r), Status: http.StatusGone},
		Refused: invitations.CodeRefused.Is(v.refusal), SignInURL: address(r, "/login/")})
}

func (v visit) purpose() string { return purposeOf("invitation", v.token) }

// purposeOf binds a form to the link that it belongs to.
func purposeOf(kind, token string) string {
	sum := sha256.Sum256([]byte(token))
	return kind + " " + hex.EncodeToString(sum[:])
}

// common fills what both pages of an invitation carry. mode tells the POST which of them it answers.
func (p *Pages) common(r *http.Request, v visit, mode, problem string) (login.Common, error) {
	token, err := p.token(r, v.browser, v.purpose())
	c := login.Common{CSRF: token, OrgName: v.invited.OrgName, Problem: problem, Action: address(r, "/login/invitation", "mode", mode, "token", v.token)}
	if problem != "" {
		c.Status = http.StatusUnprocessableEntity
	}
	return c, err
}

// The ways to accept.
const (
	modeJoin     = "join"     // somebody new
	modePassword = "password" // a person of the tenant, who proves himself
	modeSession  = "session"  // a person of the tenant, who is signed in
)

func (p *Pages) renderInvitation(w http.ResponseWriter, r *http.Request, v visit, page login.InvitationPage) {
	mode := modeJoin
	page.Email, page.InviterName = v.invited.Email, v.invited.Inviter
	page.PasswordKinds, page.PasswordMin = v.invited.Passwords.MinKinds, v.invited.Passwords.MinLength
	switch {
	case v.person != nil:
		mode, page.SignedInAs = modeSession, v.person.Username
	case v.invited.ExistingUser || v.invited.HandedOver:
		page.SignInURL = address(r, "/login/invitation", "sign_in", "1", "token", v.token)
		page.Either = v.invited.HandedOver
		page.Elsewhere = v.invited.ExistingUser && !v.invited.DomainOrg.IsZero()
	}
	var err error
	if page.Common, err = p.common(r, v, mode, page.Problem); err != nil {
		p.fail(w, r, err)
		return
	}
	login.Render(w, r, login.PageInvitation, page)
}

func (p *Pages) renderSignIn(w http.ResponseWriter, r *http.Request, v visit, problem string) {
	c, err := p.common(r, v, modePassword, problem)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	login.Render(w, r, login.PagePassword, login.PasswordPage{Common: c, Username: v.invited.Email})
}

// acceptInvitation accepts, as the person who is signed in, as one who proves himself now, or as a new one.
func (p *Pages) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	query, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v, ok, err := p.look(w, r, query["token"])
	if err != nil {
		p.fail(w, r, err)
		return
	}
	in, err := p.form(w, r, v.browser, v.purpose())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if !ok {
		p.spent(w, r, v)
		return
	}
	switch query["mode"] {
	case modeSession:
		if v.person == nil {
			p.renderInvitation(w, r, v, login.InvitationPage{}) // signed out meanwhile
			return
		}
		p.accept(w, r, v, invitations.Accept{User: v.person.ID}, login.InvitationPage{})
	case modePassword:
		p.acceptWithPassword(w, r, v, in[login.FieldPassword])
	case modeJoin:
		p.join(w, r, v, in)
	default:
		p.fail(w, r, errParameters)
	}
}

func (p *Pages) acceptWithPassword(w http.ResponseWriter, r *http.Request, v visit, plain string) {
	if plain == "" {
		p.renderSignIn(w, r, v, login.ProblemPasswordRequired)
		return
	}
	person, ok, err := p.Engine.CheckEmailPassword(r.Context(), httpapi.TenantOf(r.Context()), v.invited.Email, plain)
	switch {
	case err != nil:
		p.fail(w, r, err)
	case !ok:
		p.renderSignIn(w, r, v, login.ProblemCredentials)
	default:
		p.accept(w, r, v, invitations.Accept{User: person.ID}, login.InvitationPage{})
	}
}

func (p *Pages) join(w http.ResponseWriter, r *http.Request, v visit, in values) {
	page := login.InvitationPage{GivenName: in[login.FieldGivenName], FamilyName: in[login.FieldFamilyName]}
	accept := invitations.Accept{GivenName: strings.TrimSpace(page.GivenName), FamilyName: strings.TrimSpace(page.FamilyName), Password: in[login.FieldPassword]}
	switch {
	case v.invited.ExistingUser:
		p.renderInvitation(w, r, v, login.InvitationPage{})
		return
	case accept.GivenName == "" || accept.FamilyName == "":
		page.Problem = login.ProblemNameRequired
	case accept.Password == "":
		page.Problem = login.ProblemPasswordRequired
	case v.invited.Passwords.Check(accept.Password, v.invited.Email) != nil:
		page.Problem = login.ProblemPasswordPolicy
	}
	if page.Problem != "" {
		p.renderInvitation(w, r, v, page)
		return
	}
	p.accept(w, r, v, accept, page)
}

// accept takes the invitation and goes to the organization's console, or to the account of who may see nothing there, which say that
// the person has joined. Who proved himself here, or is new, gets a session.
func (p *Pages) accept(w http.ResponseWriter, r *http.Request, v visit, accept invitations.Accept, page login.InvitationPage) {
	ctx, t := r.Context(), httpapi.TenantOf(r.Context())
	accepted, err := p.Invitations.Accept(ctx, t.ID, v.token, accept)
	if isSpent(err) {
		v.refusal = err
		p.spent(w, r, v)
		return
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind == fault.Invalid {
		page.Problem = login.ProblemNameRequired
		if f.Code.Name == "user.password" {
			page.Problem = login.ProblemPasswordPolicy
		}
		p.renderInvitation(w, r, v, page)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if v.person == nil {
		secret, err := p.Engine.SignIn(ctx, t, v.browser, accepted.Org, accepted.User.ID, []string{"pwd"})
		if err != nil {
			p.fail(w, r, err)
			return
		}
		p.Engine.SetSession(w, r, secret)
	}
	org, err := p.Orgs.Resolve(ctx, t, accepted.Org.String())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	joined := "?" + url.Values{"joined": {"1"}, "org": {org.Handle}}.Encode()
	var held map[string]bool
	err = p.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		held, err = p.Roles.ScopesOf(ctx, tx, accepted.User.ID, org.ID)
		return err
	})
	switch {
	case err != nil:
		p.fail(w, r, err)
	case held[consoleScope]:
		seeOther(w, t.Base+"/console/"+joined)
	default:
		seeOther(w, t.Base+"/account/"+joined)
	}
}

// consoleScope is what the first page of the console needs.
const consoleScope = "orgs.read"
