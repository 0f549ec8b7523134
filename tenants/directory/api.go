package directory

import (
	"context"
	"strings"
	"time"
	"unicode"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

// PlatformTenant is a tenant as the operator sees it.
type PlatformTenant struct {
	ID        ids.Tenant `json:"id" doc:"The tenant."`
	Handle    string     `json:"handle" doc:"The tenant's name in addresses; never changes." example:"acme"`
	Name      string     `json:"name" doc:"The tenant's name for people." example:"Acme Inc."`
	Base      string     `json:"base" doc:"The tenant's base address and issuer." format:"uri" example:"https://id.example.com/t/acme"`
	RootOrgID ids.Org    `json:"root_org_id" doc:"The tenant's root organization."`
	Status    Status     `json:"status" enum:"active,suspended,deleted" doc:"Whether the tenant works. A deleted one answers as if it were gone, and can be restored until erase_at." example:"active"`
	Plan      string     `json:"plan,omitempty" doc:"A word of yours, such as the plan that the tenant pays for." example:"business"`
	Region    string     `json:"region,omitempty" doc:"Where the tenant's data is said to be; set at its creation." example:"eu-central"`
	EraseAt   *time.Time `json:"erase_at,omitempty" doc:"When a deleted tenant is erased." example:"2026-12-23T09:00:00Z"`
	CreatedAt time.Time  `json:"created_at" doc:"When the tenant was created." example:"2026-11-23T09:00:00Z"`
	UpdatedAt time.Time  `json:"updated_at" doc:"When the tenant was last changed." example:"2026-11-23T09:00:00Z"`
}

// TenantHost is a host under which a tenant is found.
type TenantHost struct {
	Host      string    `json:"host" doc:"The host: lower case, punycode, with the port where it is not the usual one." example:"id.acme.com"`
	CreatedAt time.Time `json:"created_at" doc:"When the host was added." example:"2026-11-23T09:00:00Z"`
}

// CreateTenantAdmin is the first administrator of a tenant to create.
type CreateTenantAdmin struct {
	Email      string `json:"email" format:"email" maxLength:"254" doc:"The administrator's e-mail address." example:"jo@acme.com"`
	Username   string `json:"username,omitempty" maxLength:"254" doc:"The administrator's username; the e-mail address where absent." example:"jo"`
	Password   string `json:"password,omitempty" minLength:"8" maxLength:"1024" doc:"The administrator's first password; the rules are those for everybody's. Required where the installation does not invite first administrators." example:"correct horse battery staple"`
	MustChange *bool  `json:"must_change_password,omitempty" doc:"Whether the password is for the first sign-in only; true when absent. Say false only of a password that the administrator has chosen himself." example:"true"`
	GivenName  string `json:"given_name,omitempty" maxLength:"100" doc:"The administrator's given name." example:"Jo"`
	FamilyName string `json:"family_name,omitempty" maxLength:"100" doc:"The administrator's family name." example:"Doe"`
}

// CreateTenantRequest says what tenant to create.
type CreateTenantRequest struct {
	Handle string            `json:"handle" minLength:"2" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"lower-case letters, digits and inner hyphens" doc:"The tenant's name in addresses: unique in the installation, and never changed." example:"acme"`
	Name   string            `json:"name" minLength:"1" maxLength:"100" doc:"The tenant's name for people; also its root organization's." example:"Acme Inc."`
	Plan   string            `json:"plan,omitempty" maxLength:"50" doc:"A word of yours, such as the plan that the tenant pays for." example:"business"`
	Region string            `json:"region,omitempty" maxLength:"50" doc:"Where the tenant's data is said to be. It never changes: data does not move by a word." example:"eu-central"`
	Admin  CreateTenantAdmin `json:"admin" doc:"The tenant's first administrator."`
}

// CreateTenantInput asks for a new tenant.
type CreateTenantInput struct{ Body CreateTenantRequest }

// ListTenantsInput asks for tenants.
type ListTenantsInput struct {
	httpapi.PageQuery
	Q      string `query:"q" maxLength:"100" doc:"Only tenants with this in their handle or name, at the place that match says; case does not matter." example:"ac"`
	Match  string `query:"match" enum:"start,end,contains,equal" default:"start" doc:"Where in the handle or name q has to be." example:"contains"`
	Status string `query:"status" enum:"active,suspended,deleted" doc:"Only tenants with this status; those that are not deleted when absent." example:"active"`
}

// TenantInput names a tenant.
type TenantInput struct {
	Tenant string `path:"tenant" minLength:"1" maxLength:"63" doc:"The tenant: id or handle." example:"acme"`
}

// UpdateTenantRequest is a merge patch of a tenant.
type UpdateTenantRequest struct {
	Name *string `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"The tenant's name for people." example:"Acme Inc."`
	Plan *string `json:"plan,omitempty" maxLength:"50" doc:"A word of yours; empty for none." example:"business"`
}

// DeleteTenantInput names a tenant twice.
type DeleteTenantInput struct {
	TenantInput
	Handle string `query:"handle" required:"true" maxLength:"63" doc:"The tenant's handle, repeated so that nobody deletes another by mistake." example:"acme"`
}

// UpdateTenantInput asks for a change of a tenant.
type UpdateTenantInput struct {
	TenantInput
	httpapi.Match
	Body UpdateTenantRequest
}

// ListTenantHostsInput asks for a tenant's hosts.
type ListTenantHostsInput struct {
	TenantInput
	httpapi.PageQuery
}

// AddTenantHostRequest names a host.
type AddTenantHostRequest struct {
	Host string `json:"host" minLength:"3" maxLength:"260" doc:"A domain name that points to this installation, with the port where it is not the usual one." example:"id.acme.com"`
}

// AddTenantHostInput asks for a host.
type AddTenantHostInput struct {
	TenantInput
	Body AddTenantHostRequest
}

// RemoveTenantHostInput names a host of a tenant.
type RemoveTenantHostInput struct {
	TenantInput
	Host string `path:"host" maxLength:"260" doc:"The host." example:"id.acme.com"`
}

func (s *Service) routes(a *httpapi.API) {
	const tag, base = "Tenants", "/platform/v1/tenants"
	notFound := fault.CodeTenantNotFound
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[PlatformTenant]]]{ID: "listTenants", Method: "GET", Path: base, Tag: tag,
		Summary: "List tenants", Description: "Lists the installation's tenants by handle.", Status: 200, Access: httpapi.Operator}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "createTenant", Method: "POST", Path: base, Tag: tag,
		Summary:     "Create a tenant",
		Description: "Creates a tenant with its root organization, keys, built-in roles and apps, and first administrator. A repetition without an Idempotency-Key is refused, because the handle is taken then.",
		Status:      201, Access: httpapi.Operator, Replay: s.replay, Errors: []fault.Code{errHandleReserved, errHandleTaken}}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "getTenant", Method: "GET", Path: base + "/{tenant}", Tag: tag,
		Summary: "Read a tenant", Description: "Reads one tenant.", Status: 200, Access: httpapi.Operator, Errors: []fault.Code{notFound}}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "updateTenant", Method: "PATCH", Path: base + "/{tenant}", Tag: tag,
		Summary: "Change a tenant", Description: "Changes the tenant's name or plan by a JSON merge patch. The root organization's name is its own.",
		Status: 200, Access: httpapi.Operator, Errors: []fault.Code{CodeDeleted, notFound}}, s.update)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "deleteTenant", Method: "DELETE", Path: base + "/{tenant}", Tag: tag,
		Summary: "Delete a tenant", Description: "Stops everything of the tenant at once, and erases it at erase_at. Until then it can be restored, and its handle and hosts stay taken. Deleting twice changes nothing.",
		Status: 200, Access: httpapi.Operator, Errors: []fault.Code{errHandleMismatch, notFound}}, s.remove)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "restoreTenant", Method: "POST", Path: base + "/{tenant}:restore", Tag: tag,
		Summary: "Restore a tenant", Description: "Brings a deleted tenant back as it was. People sign in anew: sessions and tokens from before stay dead.",
		Status: 200, Access: httpapi.Operator, Replay: s.replay, Errors: []fault.Code{notFound}}, s.restore)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "suspendTenant", Method: "POST", Path: base + "/{tenant}:suspend", Tag: tag,
		Summary: "Suspend a tenant", Description: "Stops every sign-in, session, token, API call and job of the tenant at once. Suspending twice changes nothing.",
		Status: 200, Access: httpapi.Operator, Replay: s.replay, Errors: []fault.Code{CodeDeleted, notFound}}, s.suspend)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[PlatformTenant]]{ID: "resumeTenant", Method: "POST", Path: base + "/{tenant}:resume", Tag: tag,
		Summary: "Resume a tenant", Description: "Lets a suspended tenant work again. People sign in anew: sessions and tokens from before stay dead.",
		Status: 200, Access: httpapi.Operator, Replay: s.replay, Errors: []fault.Code{CodeDeleted, notFound}}, s.resume)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[TenantHost]]]{ID: "listTenantHosts", Method: "GET", Path: base + "/{tenant}/hosts", Tag: tag,
		Summary: "List a tenant's hosts", Description: "Lists the hosts under which the tenant is found, besides its handle.",
		Status: 200, Access: httpapi.Operator, Errors: []fault.Code{CodeDeleted, notFound}}, s.hosts)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[TenantHost]]{ID: "addTenantHost", Method: "POST", Path: base + "/{tenant}/hosts", Tag: tag,
		Summary:     "Add a host to a tenant",
		Description: "Lets the tenant be found under a host of its own, which is then base and issuer of what is asked for there. Host names are unique in the installation.",
		Status:      201, Access: httpapi.Operator, Replay: s.replayHost, Errors: []fault.Code{CodeDeleted, notFound, errHostLimit, errHostTaken}}, s.addHost)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "removeTenantHost", Method: "DELETE", Path: base + "/{tenant}/hosts/{host}", Tag: tag,
		Summary: "Remove a host from a tenant", Description: "The tenant is no longer found under the host, and tokens with the host as issuer are no longer accepted.",
		Status: 204, Access: httpapi.Operator, Errors: []fault.Code{CodeDeleted, notFound, fault.CodeNotFound}}, s.removeHost)
}

func (s *Service) shown(t Tenant) PlatformTenant {
	return PlatformTenant{ID: t.ID, Handle: t.Handle, Name: t.Name, Base: s.Base(t.Handle), RootOrgID: t.Root, Status: t.Status, Plan: t.Plan, Region: t.Region, EraseAt: t.EraseAt,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt}
}

func (s *Service) out(t Tenant, err error) (*httpapi.Entity[PlatformTenant], error) {
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(s.shown(t), t.Version), nil
}

// replay shows the tenant that a request with the same Idempotency-Key acted on.
func (s *Service) replay(ctx context.Context, _ *httpapi.Call, subject string) (*httpapi.Entity[PlatformTenant], error) {
	var id ids.Tenant
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.out(s.Load(ctx, id))
}

func (s *Service) replayHost(ctx context.Context, _ *httpapi.Call, subject string) (*httpapi.Out[TenantHost], error) {
	var t hostTenant
	err := s.db.InSystem(ctx, "show a host again", func(ctx context.Context, tx db.SystemTx) (err error) {
		t, err = selectByHost(ctx, tx, []string{subject})
		return err
	})
	if db.IsNoRows(err) {
		return nil, fault.ErrNotFound
	}
	return httpapi.Reply(TenantHost{Host: t.Host, CreatedAt: t.HostCreatedAt}), err
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListTenantsInput) (*httpapi.Out[page.Of[PlatformTenant]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(in.Q, unicode.IsControl) {
		return nil, fault.CodeInvalid.At("query:q", "Must have no control characters.")
	}
	var rows []Tenant
	err = s.db.InSystem(ctx, "list tenants", func(ctx context.Context, tx db.SystemTx) (err error) {
		rows, err = selectPage(ctx, tx, text.Key(in.Q), in.Match, in.Status, req.Part(0), req.Limit())
		return err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(t Tenant) []string { return []string{t.Handle} })
	return httpapi.List(c, page.Map(result, s.shown)), nil
}

func (s *Service) create(ctx context.Context, _ *httpapi.Call, in *CreateTenantInput) (*httpapi.Entity[PlatformTenant], error) {
	b := in.Body
	return s.out(s.Create(ctx, CreateTenant{Handle: b.Handle, Name: b.Name, Plan: b.Plan, Region: b.Region, Admin: Admin{Email: b.Admin.Email, KeepsPassword: b.Admin.MustChange != nil && !*b.Admin.MustChange, Username: b.Admin.Username,
		Password: b.Admin.Password, GivenName: b.Admin.GivenName, FamilyName: b.Admin.FamilyName}}))
}

func (s *Service) get(ctx context.Context, _ *httpapi.Call, in *TenantInput) (*httpapi.Entity[PlatformTenant], error) {
	return s.out(s.Find(ctx, in.Tenant))
}

func (s *Service) update(ctx context.Context, _ *httpapi.Call, in *UpdateTenantInput) (*httpapi.Entity[PlatformTenant], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	if in.Body.Name == nil && in.Body.Plan == nil {
		if version != 0 && version != t.Version {
			err = fault.CodeStale.With("Read the tenant again and repeat the change.", nil)
		}
		return s.out(t, err)
	}
	ch := Changes{Plan: in.Body.Plan}
	if in.Body.Name != nil {
		name := strings.TrimSpace(*in.Body.Name)
		ch.Name = &name
	}
	return s.out(s.Update(ctx, t.ID, version, ch))
}

func (s *Service) remove(ctx context.Context, _ *httpapi.Call, in *DeleteTenantInput) (*httpapi.Entity[PlatformTenant], error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return s.out(s.Delete(ctx, t.ID, in.Handle))
}

func (s *Service) restore(ctx context.Context, _ *httpapi.Call, in *TenantInput) (*httpapi.Entity[PlatformTenant], error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return s.out(s.Restore(ctx, t.ID))
}

func (s *Service) suspend(ctx context.Context, _ *httpapi.Call, in *TenantInput) (*httpapi.Entity[PlatformTenant], error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return s.out(s.Suspend(ctx, t.ID))
}

func (s *Service) resume(ctx context.Context, _ *httpapi.Call, in *TenantInput) (*httpapi.Entity[PlatformTenant], error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return s.out(s.Resume(ctx, t.ID))
}

func (s *Service) hosts(ctx context.Context, c *httpapi.Call, in *ListTenantHostsInput) (*httpapi.Out[page.Of[TenantHost]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	var rows []Host
	_, err = s.change(ctx, t.ID, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		rows, err = selectHosts(ctx, tx, req.Part(0), req.Limit())
		return t, err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(h Host) []string { return []string{h.Name} })
	return httpapi.List(c, page.Map(result, func(h Host) TenantHost { return TenantHost{Host: h.Name, CreatedAt: h.CreatedAt} })), nil
}

func (s *Service) addHost(ctx context.Context, _ *httpapi.Call, in *AddTenantHostInput) (*httpapi.Out[TenantHost], error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	h, err := s.AddHost(ctx, t.ID, in.Body.Host)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(TenantHost{Host: h.Name, CreatedAt: h.CreatedAt}), nil
}

func (s *Service) removeHost(ctx context.Context, _ *httpapi.Call, in *RemoveTenantHostInput) (*httpapi.None, error) {
	t, err := s.Find(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.RemoveHost(ctx, t.ID, in.Host)
}
