package users

import (
	"context"
	"net/http"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Users"

// UserBody is a person as the API shows him.
type UserBody struct {
	ID                 ids.User          `json:"id" doc:"The user's id."`
	OrgID              ids.Org           `json:"org_id" doc:"The resident organization, which holds the user's record."`
	Username           string            `json:"username" doc:"Unique in the resident organization; never changes." example:"jo@example.com"`
	Email              string            `json:"email,omitempty" doc:"E-mail address." example:"jo@example.com"`
	EmailVerified      bool              `json:"email_verified" doc:"Whether the user has proved that the address is his." example:"true"`
	GivenName          string            `json:"given_name,omitempty" doc:"Given name." example:"Jo"`
	FamilyName         string            `json:"family_name,omitempty" doc:"Family name." example:"Doe"`
	DisplayName        string            `json:"display_name" doc:"What to call the user: the names, or the username." example:"Jo Doe"`
	Locale             string            `json:"locale,omitempty" doc:"Preferred language, BCP 47." example:"en"`
	Status             string            `json:"status" enum:"active,disabled,locked" doc:"Whether the user may sign in; locked is by an administrator." example:"active"`
	LockReason         string            `json:"lock_reason,omitempty" doc:"Why an administrator locked the user." example:"Lost the laptop"`
	Attributes         map[string]string `json:"attributes" doc:"Values of your own, by name."`
	HasPassword        bool              `json:"has_password" doc:"Whether a password is set." example:"true"`
	MustChangePassword bool              `json:"must_change_password" doc:"Whether the password must be replaced at the next sign-in." example:"false"`
	LockedUntil        *time.Time        `json:"locked_until,omitempty" doc:"Until when sign-in is refused after failed attempts; absent when it is not." example:"2026-11-23T10:00:00Z"`
	CreatedAt          time.Time         `json:"created_at" doc:"When the user was created." example:"2026-11-23T09:00:00Z"`
	UpdatedAt          time.Time         `json:"updated_at" doc:"When the user was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions     []string          `json:"allowed_actions,omitzero" doc:"What the caller may do with this user; on single users only." example:"[\"update\"]"`
}

// CreateUserRequest is the body of createUser.
type CreateUserRequest struct {
	Username           string            `json:"username,omitempty" maxLength:"254" doc:"Unique in the organization, and never changes. The e-mail address when absent." example:"jo@example.com"`
	Email              string            `json:"email,omitempty" maxLength:"254" doc:"E-mail address; the username where that is an address." example:"jo@example.com"`
	GivenName          string            `json:"given_name,omitempty" maxLength:"128" doc:"Given name." example:"Jo"`
	FamilyName         string            `json:"family_name,omitempty" maxLength:"128" doc:"Family name." example:"Doe"`
	Locale             string            `json:"locale,omitempty" maxLength:"35" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" patternDescription:"a language tag, such as en or pt-BR" doc:"Preferred language, BCP 47." example:"en"`
	Attributes         map[string]string `json:"attributes,omitempty" doc:"Values of your own: at most 64, names of 1 to 64 ASCII characters, values of at most 1024 bytes."`
	Password           string            `json:"password,omitempty" minLength:"8" maxLength:"1024" doc:"A first password, of 8 to 1024 bytes. Without it the user cannot sign in with a password yet." example:"correct horse battery"`
	MustChangePassword *bool             `json:"must_change_password,omitempty" doc:"Whether that password must be replaced at the first sign-in; true when absent." example:"true"`
}

// UpdateUserRequest is the body of updateUser, a JSON merge patch.
type UpdateUserRequest struct {
	Email      httpapi.Field[string] `json:"email,omitempty" maxLength:"254" doc:"Another address, which is not verified; null removes it." example:"jo@example.com"`
	GivenName  httpapi.Field[string] `json:"given_name,omitempty" maxLength:"128" doc:"Given name; null removes it." example:"Jo"`
	FamilyName httpapi.Field[string] `json:"family_name,omitempty" maxLength:"128" doc:"Family name; null removes it." example:"Doe"`
	Locale     httpapi.Field[string] `json:"locale,omitempty" maxLength:"35" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" patternDescription:"a language tag, such as en or pt-BR" doc:"Preferred language, BCP 47; null removes it." example:"en"`
	Attributes map[string]*string    `json:"attributes,omitempty" doc:"Attributes to set; null removes one. Those not named stay."`
}

// ResetPasswordRequest is the body of resetUserPassword.
type ResetPasswordRequest struct {
	Password           string `json:"password,omitempty" minLength:"8" maxLength:"1024" doc:"The new password, of 8 to 1024 bytes. Absent: the password is removed." example:"correct horse battery"`
	MustChangePassword *bool  `json:"must_change_password,omitempty" doc:"Whether it must be replaced at the next sign-in; true when absent." example:"true"`
}

// LockUserRequest is the body of lockUser.
type LockUserRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"256" doc:"Why, for those who look after the account." example:"Lost the laptop"`
}

// UserPath is embedded by inputs of operations on one user.
type UserPath struct {
	User ids.User `path:"user" doc:"The user's id."`
}

type (
	createInput struct {
		httpapi.OrgPath
		Body CreateUserRequest
	}
	userInput struct {
		httpapi.OrgPath
		UserPath
	}
	changeInput struct {
		httpapi.OrgPath
		UserPath
		httpapi.Match
	}
	updateInput struct {
		httpapi.OrgPath
		UserPath
		httpapi.Match
		Body UpdateUserRequest
	}
	resetInput struct {
		httpapi.OrgPath
		UserPath
		httpapi.Match
		Body ResetPasswordRequest
	}
	abandonInput struct {
		httpapi.OrgPath
		UserPath
		httpapi.Match
		httpapi.Abandon
	}
	lockInput struct {
		httpapi.OrgPath
		UserPath
		httpapi.Match
		httpapi.Abandon
		Body LockUserRequest
	}
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
		Q      string `query:"q" maxLength:"254" doc:"Only users whose username or e-mail address begins with this, or whose name does, from any of its words on. Of addresses and of names the first 1,000 are looked at." example:"jo"`
		Status string `query:"status" enum:"active,disabled,locked" doc:"Only users of this status." example:"active"`
		Filter string `query:"filter" maxLength:"512" doc:"SCIM filter (RFC 7644 section 3.4.2.2) over userName and emails.value with eq and sw, joined by and. An sw over addresses finds the first 1,000." example:"userName sw \"jo\""`
	}
)

var actions = map[string]perm.Permission{"delete": PermWrite, "disable": PermWrite, "enable": PermWrite, "lock": PermWrite,
	"reset_password": PermWrite, "unlock": PermWrite, "update": PermWrite}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[UserBody]]]{ID: "listUsers", Method: http.MethodGet, Path: "/v1/orgs/{org}/users", Tag: tag,
		Summary: "List users", Description: "The organization's residents, by username. Members from other organizations are in the list of members.",
		Status: 200, Needs: PermRead, Errors: []fault.Code{errFilter}}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "createUser", Method: http.MethodPost, Path: "/v1/orgs/{org}/users", Tag: tag,
		Summary: "Create a user", Description: "Makes a person resident in the organization, and a member of it. To let people join by e-mail, invite them instead.",
		Status: 201, Needs: PermWrite, Errors: []fault.Code{ErrPassword, errUsernameTaken, fault.CodeSeatsExhausted}, Replay: s.replay}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "getUser", Method: http.MethodGet, Path: "/v1/orgs/{org}/users/{user}", Tag: tag,
		Summary: "Get a user", Description: "One resident of the organization.", Status: 200, Needs: PermRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "updateUser", Method: http.MethodPatch, Path: "/v1/orgs/{org}/users/{user}", Tag: tag,
		Summary: "Change a user", Description: "Changes the profile by a JSON merge patch. The username never changes; another e-mail address is not verified.",
		Status: 200, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor}}, s.update)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteUser", Method: http.MethodDelete, Path: "/v1/orgs/{org}/users/{user}", Tag: tag,
		Summary: "Delete a user", Description: "Deletes the person with all memberships, roles and sessions. This cannot be undone, and the id is never used again. The last Administrator of an organization stays.",
		Status: 204, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor, ErrLastAdministrator}}, s.remove)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "disableUser", Method: http.MethodPost, Path: "/v1/orgs/{org}/users/{user}:disable", Tag: tag,
		Summary: "Disable a user", Description: "The user may not sign in, and every session and token ends at once. The last Administrator of an organization stays.",
		Status: 200, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor, ErrLastAdministrator}, Replay: s.replay}, s.disable)
	s.verb(a, "enableUser", ":enable", "Enable a user", "A disabled user may sign in again. What was ended stays ended.", s.EnableTx)
	s.verb(a, "unlockUser", ":unlock", "Unlock a user", "Ends the lock that an administrator made or failed sign-ins led to, and forgets these. What was ended stays ended.", s.UnlockTx)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "lockUser", Method: http.MethodPost, Path: "/v1/orgs/{org}/users/{user}:lock", Tag: tag,
		Summary: "Lock a user", Description: "The user may not sign in until somebody unlocks the account, and every session and token ends at once. The user is told no reason. The last Administrator of an organization stays.",
		Status: 200, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor, errDisabled, ErrLastAdministrator}, Replay: s.replay}, s.lockUser)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: "resetUserPassword", Method: http.MethodPost, Path: "/v1/orgs/{org}/users/{user}:reset-password", Tag: tag,
		Summary: "Reset a user's password", Description: "Sets or removes the password, ends every session and token of the user, and ends a lock.",
		Status: 200, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor, ErrPassword}, Replay: s.replay}, s.reset)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[UserBody]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	search, err := newSearch(in.Q, in.Status, in.Filter)
	if err != nil {
		return nil, err
	}
	var result page.Result[User]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := queryList(ctx, tx.Tx, c.Org.ID, search, req)
		result = page.Cut(req, rows, func(u User) []string { return []string{u.UsernameKey, u.ID.UUID().String()} })
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, s.body)), nil
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *createInput) (*httpapi.Entity[UserBody], error) {
	b := in.Body
	n := NewUser{Org: c.Org.ID, Username: b.Username, Email: b.Email, GivenName: b.GivenName, FamilyName: b.FamilyName,
		Locale: b.Locale, MustChange: b.MustChangePassword == nil || *b.MustChangePassword}
	patch := make(map[string]*string, len(b.Attributes))
	for name, value := range b.Attributes {
		patch[name] = &value
	}
	var err error
	if n.Attributes, err = mergeAttributes(nil, patch); err != nil {
		return nil, err
	}
	if b.Password != "" {
		if n.PasswordHash, err = s.HashPassword(ctx, c.Tenant.ID, c.Org.ID, b.Password, b.Username, b.Email); err != nil {
			return nil, err
		}
	}
	var u User
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		u, err = s.CreateTx(ctx, tx.Tx, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.one(c, u), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *userInput) (*httpapi.Entity[UserBody], error) {
	return s.show(ctx, c, in.User)
}

func (s *Service) show(ctx context.Context, c *httpapi.Call, id ids.User) (*httpapi.Entity[UserBody], error) {
	var u User
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		u, err = found(queryLoadIn(ctx, tx.Tx, c.Org.ID, id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.one(c, u), nil
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[UserBody], error) {
	var id ids.User
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.show(ctx, c, id)
}

func (s *Service) update(ctx context.Context, c *httpapi.Call, in *updateInput) (*httpapi.Entity[UserBody], error) {
	b := in.Body
	ch := Changes{Email: b.Email.Patch(), GivenName: b.GivenName.Patch(), FamilyName: b.FamilyName.Patch(), Locale: b.Locale.Patch(), Attributes: b.Attributes}
	return s.change(ctx, c, in.User, in.Match, func(ctx context.Context, tx db.Tx, u User) (User, error) {
		return s.UpdateTx(ctx, tx, c.Org.ID, u.ID, u.Version, ch)
	})
}

// change runs f on a resident of the call's organization whom the caller may change, in the tenant's door: who the
// person is elsewhere matters.
func (s *Service) change(ctx context.Context, c *httpapi.Call, id ids.User, m httpapi.Match,
	f func(context.Context, db.Tx, User) (User, error)) (*httpapi.Entity[UserBody], error) {
	expect, err := m.Version()
	if err != nil {
		return nil, err
	}
	var u User
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if u, err = s.lock(ctx, tx, c.Org.ID, id, expect); err != nil {
			return err
		}
		if err = s.CheckRank(ctx, tx, u); err != nil {
			return err
		}
		u, err = f(ctx, tx, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.one(c, u), nil
}

func (s *Service) verb(a *httpapi.API, id, verb, summary, description string, f func(context.Context, db.Tx, User) (User, error)) {
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[UserBody]]{ID: id, Method: http.MethodPost, Path: "/v1/orgs/{org}/users/{user}" + verb, Tag: tag,
		Summary: summary, Description: description, Status: 200, Needs: PermWrite, Errors: []fault.Code{ErrAboveActor}, Replay: s.replay},
		func(ctx context.Context, c *httpapi.Call, in *changeInput) (*httpapi.Entity[UserBody], error) {
			return s.change(ctx, c, in.User, in.Match, f)
		})
}

func (s *Service) disable(ctx context.Context, c *httpapi.Call, in *abandonInput) (*httpapi.Entity[UserBody], error) {
	return s.change(ctx, c, in.User, in.Match, func(ctx context.Context, tx db.Tx, u User) (User, error) {
		return s.DisableTx(ctx, tx, u, in.WithoutAdministrator)
	})
}

func (s *Service) lockUser(ctx context.Context, c *httpapi.Call, in *lockInput) (*httpapi.Entity[UserBody], error) {
	return s.change(ctx, c, in.User, in.Match, func(ctx context.Context, tx db.Tx, u User) (User, error) {
		return s.LockTx(ctx, tx, u, in.Body.Reason, in.WithoutAdministrator)
	})
}

func (s *Service) remove(ctx context.Context, c *httpapi.Call, in *abandonInput) (*httpapi.None, error) {
	_, err := s.change(ctx, c, in.User, in.Match, func(ctx context.Context, tx db.Tx, u User) (User, error) {
		return u, s.DeleteTx(ctx, tx, u.ID, in.WithoutAdministrator)
	})
	return &httpapi.None{}, err
}

func (s *Service) reset(ctx context.Context, c *httpapi.Call, in *resetInput) (*httpapi.Entity[UserBody], error) {
	phc := ""
	if in.Body.Password != "" {
		var u User
		err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
			u, err = found(queryLoadIn(ctx, tx.Tx, c.Org.ID, in.User))
			return err
		})
		if err != nil {
			return nil, err
		}
		if phc, err = s.HashPassword(ctx, c.Tenant.ID, c.Org.ID, in.Body.Password, u.Username, u.Email); err != nil {
			return nil, err
		}
	}
	return s.change(ctx, c, in.User, in.Match, func(ctx context.Context, tx db.Tx, u User) (User, error) {
		var err error
		switch {
		case phc == "":
			err = s.ClearPasswordTx(ctx, tx, u)
		case in.Body.MustChangePassword == nil || *in.Body.MustChangePassword:
			err = s.SetTemporaryPasswordTx(ctx, tx, u, phc)
		default:
			err = s.SetPasswordTx(ctx, tx, u, phc)
		}
		if err != nil {
			return User{}, err
		}
		return s.Load(ctx, tx, u.ID)
	})
}

func (s *Service) one(c *httpapi.Call, u User) *httpapi.Entity[UserBody] {
	b := s.body(u)
	b.AllowedActions = c.Allowed(actions)
	return httpapi.Versioned(b, u.Version)
}

func (s *Service) body(u User) UserBody {
	b := UserBody{ID: u.ID, OrgID: u.Org, Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified, GivenName: u.GivenName,
		FamilyName: u.FamilyName, DisplayName: u.DisplayName(), Locale: u.Locale, Status: u.Status, LockReason: u.LockReason, Attributes: u.Attributes,
		HasPassword: u.HasPassword, MustChangePassword: u.MustChangePassword, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
	if u.LockedUntil != nil && u.LockedUntil.After(s.db.Clock().Now()) {
		b.LockedUntil = u.LockedUntil
	}
	return b
}
