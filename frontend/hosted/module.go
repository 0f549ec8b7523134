package hosted

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/iam/oauth"
	"grove/iam/recovery"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/orgs/invitations"
)

// Invitations reads and accepts invitations. orgs/invitations.
type Invitations interface {
	Accept(ctx context.Context, tenant ids.Tenant, token string, in invitations.Accept) (invitations.Accepted, error)
	Peek(ctx context.Context, tenant ids.Tenant, token string) (invitations.Peeked, error)
}

// Keys gives a tenant's data key, from a cache. tenants/keys.
type Keys interface {
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
}

// Protocol is what the pages ask of the authorization server. iam/oauth.
type Protocol interface {
	// BeginCIBA starts the sign-in of a person whom an app asks from elsewhere, by the link that he was mailed.
	BeginCIBA(ctx context.Context, token string, b authn.Browser) (address string, err error)
	// BeginDevice starts the sign-in for a device by the code that it shows.
	BeginDevice(ctx context.Context, userCode string, b authn.Browser) (address string, err error)
	// DescribeDetails says to a person what authorization details ask for, in the order of list.
	DescribeDetails(ctx context.Context, list details.List, locale string) ([]details.Description, error)
	// FrontchannelLogouts are the addresses to open in frames when a session ended.
	FrontchannelLogouts(ctx context.Context, tenant ids.Tenant, session ids.Session) ([]string, error)
	// OpenLogout reads the sign-out that a client asked for.
	OpenLogout(ctx context.Context, sealed string) (oauth.LogoutRequest, error)
}

// Orgs finds organizations by id or handle, from a cache. orgs/directory.
type Orgs interface {
	Resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error)
}

// PasswordLinks reads and uses the links by which people choose a password. iam/recovery.
type PasswordLinks interface {
	Peek(ctx context.Context, tenant ids.Tenant, token string) (recovery.Peeked, error)
	Use(ctx context.Context, tenant ids.Tenant, token, password string) error
}

// Roles says what people may do, and what scopes mean. iam/authz.
type Roles interface {
	ScopesNamed(ctx context.Context, tx db.Tx, names []string) ([]authz.APIScope, error)
	ScopesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) (map[string]bool, error)
}

// Users reads people. iam/users.
type Users interface {
	Load(ctx context.Context, tx db.Tx, id ids.User) (users.User, error)
}

// Options of New.
type Options struct {
	DB          *db.DB
	Engine      *authn.Service
	Events      *events.Log
	Invitations Invitations
	Keys        Keys
	Log         *slog.Logger
	Orgs        Orgs
	Passwords   PasswordLinks
	Roles       Roles
	Users       Users
}

// Pages serves the hosted pages.
type Pages struct {
	Options
	protocol Protocol
	refused  refusals
}

// New makes the pages.
func New(o Options) *Pages { return &Pages{Options: o} }

// For sets the authorization server. It is called while the program is put together, because that one shows its errors on these
// pages.
func (p *Pages) For(protocol Protocol) { p.protocol = protocol }

// Module is the manifest.
func (p *Pages) Module() module.Manifest {
	return module.Manifest{Name: "frontend.hosted", Protocols: p.routes}
}

func (p *Pages) routes(r chi.Router) {
	for path, page := range map[string]struct{ get, post http.HandlerFunc }{
		"/device":             {p.showDevice, p.enterDevice},
		"/login":              {p.showFlow, p.answerFlow},
		"/login/":             {p.home, nil},
		"/login/error":        {p.showError, nil},
		"/login/invitation":   {p.showInvitation, p.acceptInvitation},
		"/login/logout":       {p.showLogout, p.confirmLogout},
		"/login/request":      {p.showRequest, nil},
		"/login/set-password": {p.showPasswordLink, p.usePasswordLink},
		"/login/signed-out":   {p.SignedOutPage, nil},
	} {
		r.Get(path, page.get)
		r.Head(path, page.get)
		if page.post != nil {
			r.Post(path, page.post)
		}
	}
}

// home is where somebody goes who came without a flow: the account, which begins one.
func (p *Pages) home(w http.ResponseWriter, r *http.Request) {
	seeOther(w, httpapi.TenantOf(r.Context()).Base+"/account/")
}

// seeOther sends the browser on with GET, whatever it came with (RFC 9700, section 4.12). The address is made of
// configured bases only.
func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
