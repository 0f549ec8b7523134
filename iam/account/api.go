package account

import (
	"context"
	"net/http"
	"slices"
	"time"

	"grove/iam/consents"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

const tag = "Account"

// AccountProfile is what the person sees of his own record.
type AccountProfile struct {
	ID            ids.User  `json:"id" doc:"The person."`
	OrgID         ids.Org   `json:"org_id" doc:"The organization that holds the person's record and credentials."`
	Username      string    `json:"username" doc:"The name that the person signs in with. It never changes." example:"ada@north.example"`
	Email         string    `json:"email,omitempty" doc:"The e-mail address." example:"ada@north.example"`
	EmailVerified bool      `json:"email_verified" doc:"Whether the person has proved that the address is theirs." example:"true"`
	GivenName     string    `json:"given_name,omitempty" doc:"Given name." example:"Ada"`
	FamilyName    string    `json:"family_name,omitempty" doc:"Family name." example:"Lovelace"`
	DisplayName   string    `json:"display_name" doc:"What to call the person: the names, or the username." example:"Ada Lovelace"`
	Locale        string    `json:"locale,omitempty" doc:"The language that pages and mails are in, as a BCP 47 tag." example:"en-GB"`
	HasPassword   bool      `json:"has_password" doc:"Whether the account has a password." example:"true"`
	MayUseConsole bool      `json:"may_use_console" doc:"Whether the person holds a permission of the management API in the organization of the token that asks." example:"false"`
	CreatedAt     time.Time `json:"created_at" doc:"When the person was added." example:"2026-11-02T08:00:00Z"`
	UpdatedAt     time.Time `json:"updated_at" doc:"When the profile last changed." example:"2026-11-20T08:00:00Z"`
}

// UpdateAccountProfileRequest is a merge patch of what a person may change about himself.
type UpdateAccountProfileRequest struct {
	GivenName  *string `json:"given_name,omitempty" maxLength:"128" doc:"Given name; an empty text clears it." example:"Ada"`
	FamilyName *string `json:"family_name,omitempty" maxLength:"128" doc:"Family name; an empty text clears it." example:"King"`
	Locale     *string `json:"locale,omitempty" maxLength:"35" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" patternDescription:"a language tag, such as en or pt-BR" doc:"A BCP 47 language tag; an empty text clears it." example:"en-GB"`
}

// ChangePasswordRequest proves the old password and names the new one.
type ChangePasswordRequest struct {
	CurrentPassword string `json:"current_password" minLength:"1" maxLength:"1024" doc:"The password that the account has now." example:"correct horse battery staple"`
	NewPassword     string `json:"new_password" minLength:"8" maxLength:"1024" doc:"The password that it is to have." example:"purple monkey dishwasher 9"`
}

// AccountSession is one of the person's own sessions.
type AccountSession struct {
	ID         ids.Session `json:"id" doc:"The session."`
	OrgID      ids.Org     `json:"org_id" doc:"The organization that the person signed in to."`
	Current    bool        `json:"current" doc:"Whether it is the session of the token that asks." example:"true"`
	Methods    []string    `json:"methods" doc:"How the person signed in (RFC 8176)." example:"[\"pwd\"]"`
	UserAgent  string      `json:"user_agent" doc:"The browser, as it named itself." example:"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"`
	Address    string      `json:"address" doc:"The network address from which the person signed in." example:"203.0.113.7"`
	SignedInAt time.Time   `json:"signed_in_at" doc:"When the person last proved who they are." example:"2026-11-23T09:15:00Z"`
	LastSeenAt time.Time   `json:"last_seen_at" doc:"When the session was last used, to the minute." example:"2026-11-23T09:47:00Z"`
	ExpiresAt  time.Time   `json:"expires_at" doc:"When the session ends at the latest." example:"2026-11-24T09:15:00Z"`
}

// AccountOrganization is an organization that the person belongs to.
type AccountOrganization struct {
	ID      ids.Org `json:"id" doc:"The organization."`
	Handle  string  `json:"handle" doc:"Its handle." example:"north"`
	Name    string  `json:"name" doc:"Its name." example:"North Ltd"`
	Status  string  `json:"status" doc:"active or suspended." example:"active"`
	Current bool    `json:"current" doc:"Whether it is the organization of the token that asks." example:"true"`
}

// AccountConsent is what the person lets an app have in an organization.
type AccountConsent struct {
	ID         ids.Consent        `json:"id" doc:"The consent."`
	AppID      ids.App            `json:"app_id" doc:"The app."`
	AppName    string             `json:"app_name" doc:"Its name." example:"Orders"`
	OrgID      ids.Org            `json:"org_id" doc:"The organization in which the app may act."`
	Scopes     []string           `json:"scopes" doc:"What it may have." example:"[\"openid\",\"orders.read\"]"`
	Titles     []AccountScope     `json:"scope_titles" doc:"What the page that asked said of those scopes that an API of the tenant has. Of the others, which are OpenID Connect's, it said its own sentences."`
	Details    []map[string]any   `json:"authorization_details" doc:"What else it may have, exactly (RFC 9396); the newest that are remembered." example:"[{\"type\":\"payment_initiation\",\"amount\":\"12.50\"}]"`
	Attributes []AccountAttribute `json:"attributes" doc:"What it is told of the person, where he was asked for each. Of others, the scopes say it."`
	Declined   []AccountAttribute `json:"declined_attributes" doc:"What the person said no to."`
	CreatedAt  time.Time          `json:"created_at" doc:"When the person first agreed." example:"2026-11-23T09:15:00Z"`
	UpdatedAt  time.Time          `json:"updated_at" doc:"When it last changed." example:"2026-11-23T09:15:00Z"`
}

// AccountAttribute is something about the person, as the page that asks for it calls it.
type AccountAttribute struct {
	Claim string `json:"claim" doc:"The claim." example:"given_name"`
	Title string `json:"title" doc:"What people call it; the claim's name where it is gone." example:"Given name"`
}

// AccountScope is what an API says of one of its scopes to people.
type AccountScope struct {
	Name        string `json:"name" doc:"The scope." example:"orders.read"`
	Title       string `json:"title" doc:"What it lets an app do." example:"See your orders"`
	Description string `json:"description" doc:"What that comes to; may be empty." example:"Those of the last year."`
}

// AccountApp is an app that the person may open.
type AccountApp struct {
	ID        ids.App `json:"id" doc:"The app."`
	Name      string  `json:"name" doc:"Its name." example:"Orders"`
	LogoURI   string  `json:"logo_uri,omitempty" doc:"Its logo." example:"https://orders.example/logo.svg"`
	AccessURL string  `json:"access_url" doc:"Where it is opened." example:"https://orders.example/"`
}

// AccountExport is everything that is kept about the person's account.
type AccountExport struct {
	ExportedAt    time.Time             `json:"exported_at" doc:"When the export was made." example:"2026-11-23T09:15:00Z"`
	Profile       AccountProfile        `json:"profile" doc:"The person's record."`
	Organizations []AccountOrganization `json:"organizations" doc:"Where the person belongs."`
	Sessions      []AccountSession      `json:"sessions" doc:"Where the person is signed in."`
	Consents      []AccountConsent      `json:"consents" doc:"What the person lets apps have."`
}

type (
	noInput   struct{}
	listInput struct{ httpapi.PageQuery }

	organizationsInput struct {
		httpapi.PageQuery
		Q string `query:"q" maxLength:"100" doc:"Only organizations with this somewhere in the name or the handle." example:"north"`
	}

	profileInput struct {
		httpapi.Match
		Body UpdateAccountProfileRequest
	}
	passwordInput struct {
		Body ChangePasswordRequest
	}
	sessionInput struct {
		Session ids.Session `path:"session" doc:"One of the person's own sessions."`
	}
	consentInput struct {
		Consent ids.Consent `path:"consent" doc:"One of the person's own consents."`
	}
)

const portalOnly = " Only with a token of the console or the account portal."

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AccountProfile]]{ID: "getMyProfile", Method: http.MethodGet, Path: "/v1/me", Tag: tag, Access: httpapi.Self,
		Summary: "Get one's own profile", Description: "The record of the person whose token it is.", Status: http.StatusOK}, s.getProfile)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AccountProfile]]{ID: "updateMyProfile", Method: http.MethodPatch, Path: "/v1/me", Tag: tag, Access: httpapi.Self,
		Summary: "Change one's own profile", Description: "A JSON merge patch of names and language. Username, e-mail address, organization and status are not the person's to change here." + portalOnly,
		Status: http.StatusOK}, s.updateProfile)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "changeMyPassword", Method: http.MethodPost, Path: "/v1/me/password", Tag: tag, Access: httpapi.Self,
		Summary: "Change one's own password", Description: "The session of the token goes on, with a fresh access token from its refresh token; all the person's other sessions end. A wrong current password counts as a failed sign-in." + portalOnly,
		Status: http.StatusNoContent, Errors: []fault.Code{errCurrentPassword, users.ErrPassword}, Replay: replayNone}, s.postPassword)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AccountSession]]]{ID: "listMySessions", Method: http.MethodGet, Path: "/v1/me/sessions", Tag: tag, Access: httpapi.Self,
		Summary: "List one's own sessions", Description: "Where the person is signed in, the newest sign-in first." + portalOnly, Status: http.StatusOK}, s.listSessions)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "endMySession", Method: http.MethodDelete, Path: "/v1/me/sessions/{session}", Tag: tag, Access: httpapi.Self,
		Summary: "End one of one's own sessions", Description: "Signs the person out there. Tokens that were issued through the session stop working." + portalOnly,
		Status: http.StatusNoContent, Errors: []fault.Code{fault.CodeNotFound}}, s.endSession)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "endMyOtherSessions", Method: http.MethodPost, Path: "/v1/me/sessions:end-others", Tag: tag, Access: httpapi.Self,
		Summary: "End all one's other sessions", Description: "Signs the person out everywhere but here." + portalOnly, Status: http.StatusNoContent, Replay: replayNone}, s.endOthers)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AccountOrganization]]]{ID: "listMyOrganizations", Method: http.MethodGet, Path: "/v1/me/organizations", Tag: tag, Access: httpapi.Self,
		Summary: "List one's own organizations", Description: "Where the person belongs, by name. A token for another of them comes from the grant organization_switch.", Status: http.StatusOK}, s.listOrganizations)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AccountConsent]]]{ID: "listMyConsents", Method: http.MethodGet, Path: "/v1/me/consents", Tag: tag, Access: httpapi.Self,
		Summary: "List one's own consents", Description: "What the person lets apps have, the oldest first." + portalOnly, Status: http.StatusOK}, s.listConsents)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokeMyConsent", Method: http.MethodDelete, Path: "/v1/me/consents/{consent}", Tag: tag, Access: httpapi.Self,
		Summary: "Take a consent back", Description: "Ends what the app was issued for the person in that organization. It has to ask again." + portalOnly,
		Status: http.StatusNoContent, Errors: []fault.Code{fault.CodeNotFound}}, s.revokeConsent)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AccountApp]]]{ID: "listMyApps", Method: http.MethodGet, Path: "/v1/me/apps", Tag: tag, Access: httpapi.Self,
		Summary: "List the apps that one may open", Description: "Enabled apps with an address to open, of or shared with the token's organization, by name. The console only for those who may use it.", Status: http.StatusOK}, s.listApps)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[AccountExport]]{ID: "exportMyAccount", Method: http.MethodGet, Path: "/v1/me/export", Tag: tag, Access: httpapi.Self,
		Summary: "Export one's own data", Description: "Profile, organizations, sessions and consents in one document." + portalOnly, Status: http.StatusOK}, s.getExport)
}

func replayNone(context.Context, *httpapi.Call, string) (*httpapi.None, error) {
	return &httpapi.None{}, nil
}

func profile(u users.User, console bool) AccountProfile {
	return AccountProfile{ID: u.ID, OrgID: u.Org, Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified, GivenName: u.GivenName,
		FamilyName: u.FamilyName, DisplayName: u.DisplayName(), Locale: u.Locale, HasPassword: u.HasPassword, MayUseConsole: console, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}

func session(a actor.Actor, row sessions.Session) AccountSession {
	return AccountSession{ID: row.ID, OrgID: row.Org, Current: row.ID == a.Session, Methods: row.AMR, UserAgent: row.UserAgent, Address: row.Address,
		SignedInAt: row.AuthTime, LastSeenAt: row.LastSeenAt, ExpiresAt: row.ExpiresAt}
}

func (s *Service) getProfile(ctx context.Context, c *httpapi.Call, _ *noInput) (out *httpapi.Entity[AccountProfile], err error) {
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		u, err := s.Users.Load(ctx, tx, c.Actor.User)
		if err != nil {
			return err
		}
		out, err = s.profileOf(ctx, tx, c.Actor, u)
		return err
	})
	return out, err
}

func (s *Service) profileOf(ctx context.Context, tx db.Tx, a actor.Actor, u users.User) (*httpapi.Entity[AccountProfile], error) {
	console, err := s.mayUseConsole(ctx, tx, a)
	return httpapi.Versioned(profile(u, console), u.Version), err
}

func (s *Service) updateProfile(ctx context.Context, c *httpapi.Call, in *profileInput) (out *httpapi.Entity[AccountProfile], err error) {
	version, err := in.Version()
	if err == nil {
		err = portal(c.Actor)
	}
	if err != nil {
		return nil, err
	}
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		u, err := s.Users.Load(ctx, tx, c.Actor.User)
		if err != nil {
			return err
		}
		u, err = s.Users.UpdateTx(ctx, tx, u.Org, u.ID, version,
			users.Changes{GivenName: in.Body.GivenName, FamilyName: in.Body.FamilyName, Locale: in.Body.Locale})
		if err != nil {
			return err
		}
		out, err = s.profileOf(ctx, tx, c.Actor, u)
		return err
	})
	return out, err
}

func (s *Service) postPassword(ctx context.Context, c *httpapi.Call, in *passwordInput) (*httpapi.None, error) {
	if err := portal(c.Actor); err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.changePassword(ctx, c, in.Body.CurrentPassword, in.Body.NewPassword)
}

func (s *Service) listSessions(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[AccountSession]], error) {
	return list(ctx, s, c, in, portal, func(ctx context.Context, tx db.Tx) ([]AccountSession, error) {
		rows, err := s.Sessions.OfUser(ctx, tx, c.Actor.User, maxSessions)
		out := make([]AccountSession, len(rows))
		for i, row := range rows {
			out[i] = session(c.Actor, row)
		}
		return out, err
	}, func(a AccountSession) string { return a.ID.String() })
}

func (s *Service) endSession(ctx context.Context, c *httpapi.Call, in *sessionInput) (*httpapi.None, error) {
	if err := portal(c.Actor); err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		found, good, err := s.Sessions.FindTx(ctx, tx, in.Session)
		if err != nil {
			return err
		}
		if !good || found.User != c.Actor.User {
			return fault.ErrNotFound
		}
		return s.Sessions.EndTx(ctx, tx, found.ID, reasonPerson)
	})
}

func (s *Service) endOthers(ctx context.Context, c *httpapi.Call, _ *noInput) (*httpapi.None, error) {
	if err := portal(c.Actor); err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		return s.Sessions.EndForUserTx(ctx, tx, c.Actor.User, c.Actor.Session, reasonPerson)
	})
}

func (s *Service) listOrganizations(ctx context.Context, c *httpapi.Call, in *organizationsInput) (*httpapi.Out[page.Of[AccountOrganization]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var result page.Result[AccountOrganization]
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		result, err = s.organizations(ctx, tx, c.Actor, in.Q, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) listConsents(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[AccountConsent]], error) {
	req, err := c.Page(in.PageQuery)
	if err == nil {
		err = portal(c.Actor)
	}
	if err != nil {
		return nil, err
	}
	var result page.Result[AccountConsent]
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		var found page.Result[consents.Consent]
		if found, err = s.Consents.List(ctx, tx, c.Actor.User, req); err != nil {
			return err
		}
		result.Next = found.Next
		result.Items, err = s.named(ctx, tx, found.Items)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) revokeConsent(ctx context.Context, c *httpapi.Call, in *consentInput) (*httpapi.None, error) {
	if err := portal(c.Actor); err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		return s.Consents.RevokeTx(ctx, tx, c.Actor.User, in.Consent)
	})
}

func (s *Service) listApps(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[AccountApp]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var found page.Result[AccountApp]
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		found, err = s.appsIn(ctx, tx, c.Actor, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, found), nil
}

func (s *Service) getExport(ctx context.Context, c *httpapi.Call, _ *noInput) (*httpapi.Out[AccountExport], error) {
	if err := portal(c.Actor); err != nil {
		return nil, err
	}
	out, err := s.export(ctx, c)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(out), nil
}

// list pages through a short list that is read whole: one person's. The position is the id of the last item; where that
// is gone the list starts again.
func list[T any](ctx context.Context, s *Service, c *httpapi.Call, in *listInput, allow func(actor.Actor) error,
	read func(context.Context, db.Tx) ([]T, error), id func(T) string) (*httpapi.Out[page.Of[T]], error) {
	req, err := c.Page(in.PageQuery)
	if err == nil && allow != nil {
		err = allow(c.Actor)
	}
	if err != nil {
		return nil, err
	}
	var all []T
	err = s.inTenant(ctx, c, func(ctx context.Context, tx db.Tx) error {
		all, err = read(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !req.First() {
		at := slices.IndexFunc(all, func(item T) bool { return id(item) == req.Part(0) })
		all = all[at+1:]
	}
	return httpapi.List(c, page.Cut(req, all, func(item T) []string { return []string{id(item)} })), nil
}
