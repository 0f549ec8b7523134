package directory

import (
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/google/uuid"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
	"grove/infra/module"
)

// topic is the cache topic of tenants: the kind of their epochs, so that a suspension announces itself.
const topic = string(db.KindTenant)

type createdData struct {
	Handle string `json:"handle" audit:"public"`
	Name   string `json:"name" audit:"public"`
}

type updatedData struct {
	Name string `json:"name" audit:"public"`
	Plan string `json:"plan" audit:"public"`
}

type deletedData struct {
	EraseAt time.Time `json:"erase_at" audit:"public"`
}

type hostData struct {
	Host string `json:"host" audit:"public"`
}

type noData struct{}

var (
	eventCreated     = events.Declare[createdData]("tenant.created", "The operator created the tenant.")
	eventDeleted     = events.Declare[deletedData]("tenant.deleted", "The operator deleted the tenant. It can be restored until it is erased.")
	eventHostAdded   = events.Declare[hostData]("tenant.host_added", "The tenant is found under a host of its own.")
	eventHostRemoved = events.Declare[hostData]("tenant.host_removed", "The tenant is no longer found under a host.")
	eventRestored    = events.Declare[noData]("tenant.restored", "The operator restored the deleted tenant.")
	eventResumed     = events.Declare[noData]("tenant.resumed", "The operator let the tenant work again.")
	eventSuspended   = events.Declare[noData]("tenant.suspended", "The operator stopped everything of the tenant.")
	eventUpdated     = events.Declare[updatedData]("tenant.updated", "The operator changed the tenant's name or plan.")
)

// Founder does a capability's part of founding a tenant; it is module.Manifest's Found.
type Founder func(ctx context.Context, tx db.Tx, f module.Founding) error

// Passwords holds the rules for passwords. iam/users.
type Passwords interface {
	// HashPassword returns what to store, or an error of kind Invalid about a password that the rules refuse. own are the
	// person's username and address.
	HashPassword(ctx context.Context, tenant ids.Tenant, org ids.Org, plain string, own ...string) (string, error)
}

// Service is the directory.
type Service struct {
	db        *db.DB
	events    *events.Log
	base      string // of the installation, without a slash at the end
	founders  func() []Founder
	passwords Passwords
	removal   Removal
	found     *cache.Cache[found]
	wake      func(ctx context.Context, tx db.Tx) error

	mu     sync.Mutex
	invite Founder
}

// New makes the directory. baseURL is the installation's origin; founders is asked when a tenant is created, and its
// founders run in order.
func New(d *db.DB, log *events.Log, hub *cache.Hub, baseURL string, founders func() []Founder, passwords Passwords, r Removal) *Service {
	return &Service{db: d, events: log, base: strings.TrimSuffix(baseURL, "/"), founders: founders, passwords: passwords, removal: r,
		found: cache.NewFor(hub, 20_000, found.life, topic)}
}

// OnResume registers what else happens in the transaction that lets a tenant work again. It is called once, before the program
// starts, and panics when called again.
func (s *Service) OnResume(wake func(ctx context.Context, tx db.Tx) error) {
	if s.wake != nil {
		panic("directory: OnResume is set already")
	}
	s.wake = wake
}

// InviteWith sets how an administrator without a password is asked to choose one. It runs last in the founding
// transaction. Without it, an administrator needs a password. It may be set once.
func (s *Service) InviteWith(invite Founder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.invite != nil {
		panic("directory: InviteWith called twice")
	}
	s.invite = invite
}

// found is the answer of a look-up; without a status there is nothing.
type found struct {
	tenant httpapi.Tenant
	status Status
}

// life is how long an answer is kept. That there is nothing is kept for as long as it takes to ask for it again and again.
func (f found) life() time.Duration {
	if f.status == "" {
		return 10 * time.Second
	}
	return 10 * time.Minute
}

func (f found) answer() (httpapi.Tenant, error) {
	switch f.status {
	case Active:
		return f.tenant, nil
	case Suspended:
		return httpapi.Tenant{}, CodeSuspended.With("The operator has suspended this tenant.", nil)
	default:
		return httpapi.Tenant{}, errNotFound
	}
}

var errRestore = CodeDeleted.With("Restore the tenant first.", nil)

var errNotFound = fault.CodeTenantNotFound.With("There is no such tenant.", nil)

func (s *Service) resolved(t Tenant, base string) found {
	return found{tenant: httpapi.Tenant{ID: t.ID, Handle: t.Handle, Root: t.Root, Base: base}, status: t.Status}
}

// Base returns the base, and issuer, of the tenant with this handle.
func (s *Service) Base(handle string) string { return s.base + "/t/" + handle }

// Issuers returns the addresses at which tokens of a tenant, or of another one of this installation, are issued: what lies
// below them is an issuer as well, or an address of the program.
func (s *Service) Issuers(ctx context.Context, tx db.Tx) ([]string, error) {
	hosts, err := selectHosts(ctx, tx, "", maxHosts)
	scheme, _, _ := strings.Cut(s.base, "://")
	issuers := []string{s.base + "/t"}
	for _, host := range hosts {
		issuers = append(issuers, scheme+"://"+host.Name)
	}
	return issuers, err
}

// TenantByHandle finds an active tenant. The answer is tenant.not_found or tenant.suspended otherwise.
func (s *Service) TenantByHandle(ctx context.Context, handle string) (httpapi.Tenant, error) {
	if !handleForm.MatchString(handle) {
		return httpapi.Tenant{}, errNotFound
	}
	return s.lookUp(ctx, uuid.Nil, "handle:"+handle, func(ctx context.Context, tx db.SystemTx) (found, error) {
		t, err := selectByHandle(ctx, tx, handle)
		return s.resolved(t, s.Base(t.Handle)), err
	})
}

// TenantByHost finds an active tenant by a host of its own, which is then its base. A host with the request's port wins
// over one without a port.
func (s *Service) TenantByHost(ctx context.Context, host string) (httpapi.Tenant, error) {
	names := requestHosts(host)
	if len(names) == 0 {
		return httpapi.Tenant{}, errNotFound
	}
	return s.lookUp(ctx, uuid.Nil, "host:"+names[0], func(ctx context.Context, tx db.SystemTx) (found, error) {
		t, err := selectByHost(ctx, tx, names)
		scheme, _, _ := strings.Cut(s.base, "://")
		return s.resolved(t.Tenant, scheme+"://"+t.Host), err
	})
}

// ByID finds an active tenant, as jobs and sessions know it.
func (s *Service) ByID(ctx context.Context, id ids.Tenant) (httpapi.Tenant, error) {
	return s.lookUp(ctx, id.UUID(), "", func(ctx context.Context, tx db.SystemTx) (found, error) {
		t, err := selectByID(ctx, tx, id)
		return s.resolved(t, s.Base(t.Handle)), err
	})
}

func (s *Service) lookUp(ctx context.Context, tenant uuid.UUID, name string, read func(context.Context, db.SystemTx) (found, error)) (httpapi.Tenant, error) {
	f, err := s.found.Get(ctx, tenant, name, func(ctx context.Context) (f found, err error) {
		err = s.db.InSystem(ctx, "find a tenant", func(ctx context.Context, tx db.SystemTx) (err error) {
			if f, err = read(ctx, tx); db.IsNoRows(err) {
				f, err = found{}, nil
			}
			return err
		})
		return f, err
	})
	if err != nil {
		return httpapi.Tenant{}, err
	}
	return f.answer()
}

// ActiveTenants lists the ids of active tenants in their order, at most limit that follow after, for platform jobs.
func (s *Service) ActiveTenants(ctx context.Context, after ids.Tenant, limit int) (tenants []ids.Tenant, err error) {
	err = s.db.InSystem(ctx, "list tenants for a job", func(ctx context.Context, tx db.SystemTx) (err error) {
		tenants, err = selectActive(ctx, tx, after, limit)
		return err
	})
	return tenants, err
}

// CreateTenant says what tenant to found.
type CreateTenant struct {
	Handle string
	Name   string
	Plan   string
	Region string
	Admin  Admin
}

// Admin is a tenant's first administrator. Username is the e-mail address where it is empty. An empty password asks for
// an invitation.
type Admin struct {
	Email         string
	Username      string
	Password      string
	KeepsPassword bool // it is not for the first sign-in only
	GivenName     string
	FamilyName    string
}

// Create founds a tenant with its root organization, keys and first administrator, in one transaction.
func (s *Service) Create(ctx context.Context, in CreateTenant) (Tenant, error) {
	return s.foundIf(ctx, in, nil)
}

// foundIf is Create with a condition, which is asked first in the transaction; nil for none.
func (s *Service) foundIf(ctx context.Context, in CreateTenant, condition func(context.Context, db.Tx) error) (Tenant, error) {
	f, err := s.plan(ctx, in)
	if err != nil {
		return Tenant{}, err
	}
	s.mu.Lock()
	invite := s.invite
	s.mu.Unlock()
	if f.Admin.PasswordHash == "" && invite == nil {
		return Tenant{}, fault.CodeInvalid.At("/admin/password", "Required: this installation sends no invitations to first administrators.")
	}
	var t Tenant
	err = s.db.InTenant(ctx, f.Tenant, func(ctx context.Context, tx db.Tx) error {
		if condition != nil {
			if err := condition(ctx, tx); err != nil {
				return err
			}
		}
		ok, err := insertTenant(ctx, tx, Tenant{Handle: f.Handle, Name: f.Name, Plan: in.Plan, Region: in.Region, Root: f.Root, Administrator: f.Admin.User}, text.Key(f.Name))
		if err != nil {
			return err
		}
		if !ok {
			return errHandleTaken.At("/handle", "Choose another handle.")
		}
		if err := s.announce(ctx, tx, eventCreated.Of(f.Root, f.Tenant, createdData{Handle: f.Handle, Name: f.Name})); err != nil {
			return err
		}
		steps := s.founders()
		if f.Admin.PasswordHash == "" {
			steps = append(steps[:len(steps):len(steps)], invite)
		}
		for _, found := range steps {
			if err := found(ctx, tx, f); err != nil {
				return err
			}
		}
		t, err = lockOwn(ctx, tx)
		return err
	})
	return t, err
}

// plan checks the input, hashes the password and gives everything its id, before the transaction.
func (s *Service) plan(ctx context.Context, in CreateTenant) (module.Founding, error) {
	f := module.Founding{Tenant: ids.NewTenant(), Root: ids.NewOrg(), Handle: in.Handle, Name: strings.TrimSpace(in.Name),
		Base: s.Base(in.Handle), AdminRole: ids.NewRole(), Admin: module.FoundingAdmin{User: ids.NewUser(),
			Username: strings.TrimSpace(in.Admin.Username), GivenName: strings.TrimSpace(in.Admin.GivenName), FamilyName: strings.TrimSpace(in.Admin.FamilyName)}}
	if err := checkHandle(f.Handle); err != nil {
		return f, err
	}
	if err := checkName(f.Name); err != nil {
		return f, err
	}
	if err := errors.Join(checkWord("/plan", in.Plan), checkWord("/region", in.Region)); err != nil {
		return f, err
	}
	var err error
	if f.Admin.Email, _, err = text.Email(in.Admin.Email); err != nil {
		return f, fault.CodeInvalid.At("/admin/email", "Must be one e-mail address.")
	}
	for pointer, value := range map[string]string{"/admin/username": f.Admin.Username, "/admin/given_name": f.Admin.GivenName, "/admin/family_name": f.Admin.FamilyName} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return f, fault.CodeInvalid.At(pointer, "Must have no control characters.")
		}
	}
	if f.Admin.Username == "" {
		f.Admin.Username = f.Admin.Email
	}
	if in.Admin.Password == "" {
		return f, nil
	}
	f.Admin.MustChange = !in.Admin.KeepsPassword
	f.Admin.PasswordHash, err = s.passwords.HashPassword(ctx, f.Tenant, ids.Org{}, in.Admin.Password, f.Admin.Username, f.Admin.Email)
	if refused := (*fault.Error)(nil); errors.As(err, &refused) && refused.Code.Kind == fault.Invalid {
		err = fault.CodeInvalid.At("/admin/password", refused.Detail)
	}
	return f, err
}

// checkWord refuses what is not one word of the operator's, such as a plan's name.
func checkWord(pointer, s string) error {
	if len(s) > 50 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.CodeInvalid.At(pointer, "Must have at most 50 printable ASCII characters, none of them a space.")
	}
	return nil
}

func checkName(name string) error {
	// Normalising can make a name much longer, and its index takes no more than 2700 bytes.
	key := text.Key(name)
	if key == "" || len(name) > 400 || len(key) > 1000 || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.CodeInvalid.At("/name", "Must have 1 to 100 characters, not only spaces and none of them a control character.")
	}
	return nil
}

// maxHosts bounds the hosts of one tenant.
const maxHosts = 50

// Load reads a tenant's line whatever its status; tenant.not_found where there is none.
func (s *Service) Load(ctx context.Context, id ids.Tenant) (t Tenant, err error) {
	err = s.db.InSystem(ctx, "show a tenant", func(ctx context.Context, tx db.SystemTx) (err error) {
		t, err = selectByID(ctx, tx, id)
		return err
	})
	if db.IsNoRows(err) || err == nil && t.Status == Erasing {
		return Tenant{}, errNotFound
	}
	return t, err
}

// Present is Load of a tenant that is not deleted; tenant.deleted otherwise.
func (s *Service) Present(ctx context.Context, ref string) (Tenant, error) {
	t, err := s.Find(ctx, ref)
	if err == nil && t.Status == Deleted {
		err = errRestore
	}
	return t, err
}

// Find is Load by what an address names a tenant by: its id or its handle.
func (s *Service) Find(ctx context.Context, ref string) (Tenant, error) {
	var id ids.Tenant
	if err := id.UnmarshalText([]byte(ref)); err == nil {
		return s.Load(ctx, id)
	}
	return s.LoadByHandle(ctx, ref)
}

// LoadByHandle is Load by the tenant's name in addresses.
func (s *Service) LoadByHandle(ctx context.Context, handle string) (t Tenant, err error) {
	err = s.db.InSystem(ctx, "show a tenant", func(ctx context.Context, tx db.SystemTx) (err error) {
		t, err = selectByHandle(ctx, tx, handle)
		return err
	})
	if db.IsNoRows(err) || err == nil && t.Status == Erasing {
		return Tenant{}, errNotFound
	}
	return t, err
}

func (s *Service) announce(ctx context.Context, tx db.Tx, fact events.Fact) error {
	if err := tx.Changed(ctx, topic, ""); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, fact)
}

// AddHost lets the tenant be found under a host: a name, and a port where it is not the scheme's own.
func (s *Service) AddHost(ctx context.Context, id ids.Tenant, host string) (Host, error) {
	name, ok := parseHost(host)
	if !ok || s.ownHost(name) {
		return Host{}, fault.CodeInvalid.At("/host", "Must be a domain name that is not the installation's own, with a port only where it is not the usual one.")
	}
	h := Host{Name: name}
	_, err := s.change(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		h.CreatedAt = tx.Now()
		hosts, err := selectHosts(ctx, tx, "", maxHosts)
		if err != nil {
			return t, err
		}
		if len(hosts) >= maxHosts {
			return t, errHostLimit.With("A tenant has at most 50 hosts; remove one first.", nil)
		}
		if ok, err := insertHost(ctx, tx, name); err != nil {
			return t, err
		} else if !ok {
			return t, errHostTaken.At("/host", "The host belongs to a tenant of this installation already.")
		}
		if err := tx.RecordClaim(ctx, name); err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventHostAdded.Of(t.Root, t.ID, hostData{Host: name}))
	})
	return h, err
}

// RemoveHost ends that the tenant is found under a host.
func (s *Service) RemoveHost(ctx context.Context, id ids.Tenant, host string) error {
	name, ok := parseHost(host)
	if !ok {
		return fault.ErrNotFound
	}
	_, err := s.change(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if ok, err := deleteHost(ctx, tx, name); err != nil {
			return t, err
		} else if !ok {
			return t, fault.ErrNotFound
		}
		return t, s.announce(ctx, tx, eventHostRemoved.Of(t.Root, t.ID, hostData{Host: name}))
	})
	return err
}

// ownHost reports whether a host is the installation's, with or without its port.
func (s *Service) ownHost(name string) bool {
	_, own, _ := strings.Cut(s.base, "://")
	return slices.Contains(requestHosts(own), name)
}

var handleForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// reserved handles could be taken for a part of the platform, in an address or by a person.
var reserved = []string{
	"abuse", "account", "admin", "administrator", "api", "app", "assets", "auth", "billing", "blog", "console", "default",
	"demo-admin", "dev", "docs", "grove", "health", "healthz", "help", "host", "hostmaster", "login", "logout", "mail", "me",
	"metrics", "new", "null", "oauth", "oauth2", "oidc", "operator", "platform", "portal", "postmaster", "public", "readyz",
	"root", "saml", "scim", "security", "signin", "signup", "sso", "static", "status", "super", "support", "system", "t",
	"tenant", "tenants", "undefined", "v1", "webmaster", "well-known", "wsfed", "www",
}

// checkHandle refuses a handle that breaks the form or is reserved.
func checkHandle(handle string) error {
	switch {
	case len(handle) < 2 || !handleForm.MatchString(handle):
		return fault.CodeInvalid.At("/handle", "Must be 2 to 63 lower-case letters, digits and inner hyphens.")
	case strings.HasPrefix(handle, "xn--") || slices.Contains(reserved, handle):
		return errHandleReserved.At("/handle", "Choose another handle.")
	}
	return nil
}

// parseHost returns a host in its comparable form: lower-case punycode, and the port where there is one.
func parseHost(s string) (string, bool) {
	name, port, hasPort := strings.Cut(s, ":")
	domain, err := text.Domain(name)
	if err != nil || net.ParseIP(domain) != nil {
		return "", false
	}
	if !hasPort {
		return domain, true
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", false
	}
	return domain + ":" + port, true
}

// requestHosts are the names under which a request's Host may be stored: as sent, then without the port.
func requestHosts(host string) []string {
	host = strings.ToLower(host)
	if len(host) > 260 {
		return nil
	}
	if name, port, err := net.SplitHostPort(host); err == nil && port != "" {
		return []string{host, name}
	}
	return []string{host}
}
