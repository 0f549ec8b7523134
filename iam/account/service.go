package account

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/iam/consents"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/orgs/members"
	"grove/orgs/sharing"
)

// scopeAccount is carried by the tokens of built-in apps and of no others; see iam/oauth.
const scopeAccount = "account"

// Why sessions end, as events record it.
const (
	reasonPassword = "password_changed"
	reasonPerson   = "ended_by_person"
)

// maxSessions bounds how many of a person's sessions are looked at.
const maxSessions = 500

var errCurrentPassword = fault.Declare(fault.Invalid, "account.current_password", "The current password is wrong",
	"The value given for the current password is not it. Ask the person again; it counts as a failed sign-in.")

// Apps lists the applications that people of an organization may open. orgs/sharing.
type Apps interface {
	OpenableTx(ctx context.Context, tx db.Tx, org ids.Org, console bool, req page.Request) (page.Result[sharing.AvailableApp], error)
}

// Authz knows what the roles of people give. iam/authz.
type Authz interface {
	ScopesNamed(ctx context.Context, tx db.Tx, names []string) ([]authz.APIScope, error)
	ScopesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) (map[string]bool, error)
}

// Claims knows what people call what apps are told of them. iam/attributes.
type Claims interface {
	Titles(ctx context.Context, tx db.Tx, names []string) (map[string]string, error)
}

// Consents keeps what people allow. iam/consents.
type Consents interface {
	List(ctx context.Context, tx db.Tx, user ids.User, req page.Request) (page.Result[consents.Consent], error)
	RevokeTx(ctx context.Context, tx db.Tx, user ids.User, id ids.Consent) error
}

// Grants lets what was issued through the acting session live through a new password. iam/oauth.
type Grants interface {
	RestampTx(ctx context.Context, tx db.Tx, session ids.Session, change func(context.Context) error) error
}

// Members knows where a person belongs. orgs/members.
type Members interface {
	OrgsOf(ctx context.Context, tx db.Tx, user ids.User, part string, req page.Request) (page.Result[members.MemberOrg], error)
}

// Sessions keeps who is signed in. iam/sessions.
type Sessions interface {
	EndForUserTx(ctx context.Context, tx db.Tx, user ids.User, except ids.Session, reason string) error
	EndTx(ctx context.Context, tx db.Tx, id ids.Session, reason string) error
	FindTx(ctx context.Context, tx db.Tx, id ids.Session) (sessions.Session, bool, error)
	OfUser(ctx context.Context, tx db.Tx, user ids.User, limit int) ([]sessions.Session, error)
	RestampTx(ctx context.Context, tx db.Tx, id ids.Session, change func(context.Context) error) error
}

// Users keeps people. iam/users.
type Users interface {
	CheckPassword(ctx context.Context, tenant ids.Tenant, candidates []users.User, plain string) (users.User, error)
	HashPassword(ctx context.Context, tenant ids.Tenant, org ids.Org, plain string, own ...string) (string, error)
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
	SetPasswordTx(ctx context.Context, tx db.Tx, u users.User, phc string) error
	UpdateTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.User, expect int64, ch users.Changes) (users.User, error)
}

// Dependencies of New. All are needed.
type Dependencies struct {
	Apps     Apps
	Authz    Authz
	Claims   Claims
	Consents Consents
	DB       *db.DB
	Grants   Grants
	Members  Members
	Sessions Sessions
	Users    Users
}

// Service is the account API.
type Service struct{ Dependencies }

// New makes the service.
func New(d Dependencies) *Service { return &Service{d} }

// portal refuses a token that was not issued to one of the built-in apps: another app may act for the person, but not on
// his account.
func portal(a actor.Actor) error {
	if !a.Scopes[scopeAccount] {
		return fault.CodeForbidden.With("This operation is for the account portal's own tokens.", nil)
	}
	return nil
}

func (s *Service) inTenant(ctx context.Context, c *httpapi.Call, f func(context.Context, db.Tx) error) error {
	return s.DB.InTenant(ctx, c.Tenant.ID, f)
}

// changePassword sets a new password. The acting session goes on, all others end. A wrong current password counts as a
// failed sign-in of the account.
func (s *Service) changePassword(ctx context.Context, c *httpapi.Call, current, next string) error {
	var u users.User
	err := s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = s.Users.Load(ctx, tx, c.Actor.User)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.Users.CheckPassword(ctx, c.Tenant.ID, []users.User{u}, current); err != nil {
		var f *fault.Error
		if errors.As(err, &f) && f.Code.Kind == fault.Unauthenticated {
			// Not a 401: the token is good, and a client must not throw it away.
			return errCurrentPassword.At("/current_password", "Must be the password that the account has now.")
		}
		return err
	}
	phc, err := s.Users.HashPassword(ctx, c.Tenant.ID, u.Org, next, u.Username, u.Email)
	if err != nil {
		return at(err, "/new_password")
	}
	return s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		set := func(ctx context.Context) error { return s.Users.SetPasswordTx(ctx, tx, u, phc) }
		if c.Actor.Session.IsZero() {
			if err := set(ctx); err != nil {
				return err
			}
		} else if err := s.setKeeping(ctx, tx, c.Actor.Session, set); err != nil {
			return err
		}
		return s.Sessions.EndForUserTx(ctx, tx, u.ID, c.Actor.Session, reasonPassword)
	})
}

// setKeeping runs a change that ends everything of the person but the acting session and its grants.
func (s *Service) setKeeping(ctx context.Context, tx db.Tx, session ids.Session, change func(context.Context) error) error {
	err := s.Sessions.RestampTx(ctx, tx, session, func(ctx context.Context) error {
		return s.Grants.RestampTx(ctx, tx, session, change)
	})
	if errors.Is(err, sessions.ErrNotGood) {
		return fault.CodeUnauthorized.With("The session has ended. Sign in again.", err)
	}
	return err
}

// at moves a fault's fields to where the caller's body has the value.
func at(err error, pointer string) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Fields) == 0 {
		return err
	}
	moved := *f
	moved.Fields = make([]fault.Field, len(f.Fields))
	for i, field := range f.Fields {
		field.Pointer = pointer
		moved.Fields[i] = field
	}
	return &moved
}

// export gathers what is known about the person.
func (s *Service) export(ctx context.Context, c *httpapi.Call) (AccountExport, error) {
	out := AccountExport{Organizations: []AccountOrganization{}, Sessions: []AccountSession{}, Consents: []AccountConsent{}}
	err := s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		out.ExportedAt = tx.Now().UTC().Truncate(time.Second)
		u, err := s.Users.Load(ctx, tx, c.Actor.User)
		if err != nil {
			return err
		}
		console, err := s.mayUseConsole(ctx, tx, c.Actor)
		if err != nil {
			return err
		}
		out.Profile = profile(u, console)
		for req := (page.Request{Size: page.MaxSize}); ; {
			found, err := s.organizations(ctx, tx, c.Actor, "", req)
			if err != nil {
				return err
			}
			if out.Organizations = append(out.Organizations, found.Items...); found.Next == nil {
				break
			}
			req.After = found.Next
		}
		live, err := s.Sessions.OfUser(ctx, tx, u.ID, maxSessions)
		if err != nil {
			return err
		}
		for _, row := range live {
			out.Sessions = append(out.Sessions, session(c.Actor, row))
		}
		for req := (page.Request{Size: page.MaxSize}); ; {
			found, err := s.Consents.List(ctx, tx, u.ID, req)
			if err != nil {
				return err
			}
			named, err := s.named(ctx, tx, found.Items)
			if err != nil {
				return err
			}
			out.Consents = append(out.Consents, named...)
			if found.Next == nil {
				return nil
			}
			req.After = found.Next
		}
	})
	return out, err
}

// organizations returns a page of those that the actor belongs to, by name: those with part in the name or the handle.
func (s *Service) organizations(ctx context.Context, tx db.Tx, a actor.Actor, part string, req page.Request) (page.Result[AccountOrganization], error) {
	found, err := s.Members.OrgsOf(ctx, tx, a.User, part, req)
	return page.Map(found, func(o members.MemberOrg) AccountOrganization {
		return AccountOrganization{ID: o.ID, Handle: o.Handle, Name: o.Name, Status: o.Status, Current: o.ID == a.Org}
	}), err
}

// mayUseConsole reports whether the console has anything for the person in the token's organization: a permission of the
// management API.
func (s *Service) mayUseConsole(ctx context.Context, tx db.Tx, a actor.Actor) (bool, error) {
	held, err := s.Authz.ScopesOf(ctx, tx, a.User, a.Org)
	return slices.ContainsFunc(perm.All(), func(p perm.Permission) bool { return held[p.Name()] }), err
}

// appsIn returns a page of the apps that the person may open in the token's organization, by name.
func (s *Service) appsIn(ctx context.Context, tx db.Tx, a actor.Actor, req page.Request) (page.Result[AccountApp], error) {
	console, err := s.mayUseConsole(ctx, tx, a)
	if err != nil {
		return page.Result[AccountApp]{}, err
	}
	found, err := s.Apps.OpenableTx(ctx, tx, a.Org, console, req)
	return page.Map(found, func(app sharing.AvailableApp) AccountApp {
		return AccountApp{ID: app.ID, Name: app.Name, LogoURI: app.LogoURI, AccessURL: app.AccessURL}
	}), err
}

// named adds the names of the apps, and what their scopes are called.
func (s *Service) named(ctx context.Context, tx db.Tx, found []consents.Consent) ([]AccountConsent, error) {
	wanted := make([]ids.App, len(found))
	var claims, scopes []string
	for i, c := range found {
		wanted[i] = c.App
		claims = append(append(claims, c.Attributes...), c.Declined...)
		scopes = append(scopes, c.Scopes...)
	}
	titles, err := s.Claims.Titles(ctx, tx, claims)
	if err != nil {
		return nil, err
	}
	called := func(names []string) []AccountAttribute {
		all := make([]AccountAttribute, len(names))
		for i, name := range names {
			all[i] = AccountAttribute{Claim: name, Title: cmp.Or(titles[name], name)}
		}
		return all
	}
	names, err := queryAppNames(ctx, tx, wanted)
	if err != nil {
		return nil, err
	}
	known, err := s.Authz.ScopesNamed(ctx, tx, scopes)
	if err != nil {
		return nil, err
	}
	out := make([]AccountConsent, len(found))
	for i, c := range found {
		out[i] = AccountConsent{ID: c.ID, AppID: c.App, AppName: names[c.App], OrgID: c.Org, Details: []map[string]any{}, Scopes: c.Scopes, Titles: []AccountScope{}, Attributes: called(c.Attributes), Declined: called(c.Declined), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
		for _, scope := range known {
			if slices.Contains(c.Scopes, scope.Name) {
				out[i].Titles = append(out[i].Titles, AccountScope{Name: scope.Name, Title: scope.DisplayName, Description: scope.Description})
			}
		}
		for _, text := range c.Details {
			var d details.Detail
			if err := d.UnmarshalJSON([]byte(text)); err != nil {
				return nil, err
			}
			out[i].Details = append(out[i].Details, d.Members())
		}
	}
	return out, nil
}
