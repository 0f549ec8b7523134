package administrators

import (
	"context"
	"net/http"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/tenants/directory"
)

// TenantAdministrator is a tenant's first administrator as the operator sees him.
type TenantAdministrator struct {
	UserID             ids.User `json:"user_id" doc:"The user's id."`
	Username           string   `json:"username" doc:"What he signs in with; never changes." example:"jo@acme.com"`
	Email              string   `json:"email,omitempty" doc:"E-mail address." example:"jo@acme.com"`
	EmailVerified      bool     `json:"email_verified" doc:"Whether the address was proved to be his." example:"true"`
	GivenName          string   `json:"given_name,omitempty" doc:"Given name." example:"Jo"`
	FamilyName         string   `json:"family_name,omitempty" doc:"Family name." example:"Doe"`
	Status             string   `json:"status" enum:"active,disabled,locked" doc:"Whether he may sign in." example:"active"`
	MustChangePassword bool     `json:"must_change_password" doc:"Whether he has to choose a new password at his next sign-in." example:"false"`
}

// UpdateTenantAdministratorRequest is a merge patch of a tenant's first administrator.
type UpdateTenantAdministratorRequest struct {
	Email              httpapi.Field[string] `json:"email,omitempty" maxLength:"254" doc:"Another address, which is not verified; null removes it." example:"jo@acme.com"`
	GivenName          httpapi.Field[string] `json:"given_name,omitempty" maxLength:"128" doc:"Given name; null removes it." example:"Jo"`
	FamilyName         httpapi.Field[string] `json:"family_name,omitempty" maxLength:"128" doc:"Family name; null removes it." example:"Doe"`
	Password           string                `json:"password,omitempty" minLength:"8" maxLength:"1024" doc:"A new password, of 8 to 1024 bytes. It ends everything that was issued to him." example:"correct horse battery"`
	MustChangePassword *bool                 `json:"must_change_password,omitempty" doc:"Whether that password must be replaced at the next sign-in; true when absent." example:"true"`
}

type (
	administratorInput struct {
		directory.TenantInput
	}
	updateInput struct {
		directory.TenantInput
		httpapi.Match
		Body UpdateTenantAdministratorRequest
	}
)

func (s *Service) routes(a *httpapi.API) {
	const tag, path = "Tenants", "/platform/v1/tenants/{tenant}/administrator"
	errs := []fault.Code{directory.CodeDeleted, fault.CodeNotFound, fault.CodeTenantNotFound}
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[TenantAdministrator]]{ID: "getTenantAdministrator", Method: http.MethodGet, Path: path, Tag: tag,
		Summary: "Read a tenant's first administrator", Description: "The person whom the tenant was created for. Not found once he was deleted.",
		Status: 200, Access: httpapi.Operator, Errors: errs}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[TenantAdministrator]]{ID: "updateTenantAdministrator", Method: http.MethodPatch, Path: path, Tag: tag,
		Summary: "Change a tenant's first administrator", Description: "Changes his names, his address or his password. The tenant's event log tells of it.",
		Status: 200, Access: httpapi.Operator, Errors: append(errs, users.ErrPassword)}, s.update)
}

func (s *Service) get(ctx context.Context, _ *httpapi.Call, in *administratorInput) (*httpapi.Entity[TenantAdministrator], error) {
	t, err := s.tenants.Present(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return shown(s.load(ctx, t))
}

func (s *Service) update(ctx context.Context, _ *httpapi.Call, in *updateInput) (*httpapi.Entity[TenantAdministrator], error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	t, err := s.tenants.Present(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	u, err := s.load(ctx, t)
	if err != nil {
		return nil, err
	}
	b, phc := in.Body, ""
	if b.Password != "" {
		if phc, err = s.users.HashPassword(ctx, t.ID, u.Org, b.Password, u.Username, u.Email); err != nil {
			return nil, err
		}
	}
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = s.users.UpdateTx(ctx, tx, t.Root, t.Administrator, expect,
			users.Changes{Email: b.Email.Patch(), GivenName: b.GivenName.Patch(), FamilyName: b.FamilyName.Patch()})
		if err != nil || phc == "" {
			return err
		}
		set := s.users.SetTemporaryPasswordTx
		if b.MustChangePassword != nil && !*b.MustChangePassword {
			set = s.users.SetPasswordTx
		}
		if err := set(ctx, tx, u, phc); err != nil {
			return err
		}
		u, err = s.users.Load(ctx, tx, u.ID)
		return err
	})
	return shown(u, err)
}

func (s *Service) load(ctx context.Context, t directory.Tenant) (u users.User, err error) {
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = s.users.Load(ctx, tx, t.Administrator)
		return err
	})
	return u, err
}

func shown(u users.User, err error) (*httpapi.Entity[TenantAdministrator], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(TenantAdministrator{UserID: u.ID, Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified,
		GivenName: u.GivenName, FamilyName: u.FamilyName, Status: u.Status, MustChangePassword: u.MustChangePassword}, u.Version), nil
}
