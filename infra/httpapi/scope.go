package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// Tenant is what the host or the path says about whose request this is.
type Tenant struct {
	ID     ids.Tenant
	Handle string
	Root   ids.Org
	Base   string // the tenant's base and issuer, without a slash at the end
}

// Org is an organization that a path names.
type Org struct {
	ID     ids.Org
	Handle string
	Name   string
	Path   []ids.Org // from the root to the organization itself
	Status string    // active or suspended; suspended also where an ancestor is
}

// IsWithin reports whether o is ancestor or lies below it.
func (o Org) IsWithin(ancestor ids.Org) bool {
	for _, id := range o.Path {
		if id == ancestor {
			return true
		}
	}
	return false
}

// Directory finds tenants and organizations. It answers with fault.ErrNotFound for what does not exist.
type Directory interface {
	TenantByHandle(ctx context.Context, handle string) (Tenant, error)
	TenantByHost(ctx context.Context, host string) (Tenant, error)
	Org(ctx context.Context, t Tenant, ref string) (Org, error) // ref: id, handle or root
}

// Credentials are an access token as it came along, with what proves that the sender may use it.
type Credentials struct {
	Method string   // of the request
	Proofs []string // of the header DPoP (RFC 9449)
	Scheme string   // Bearer or DPoP, in any case
	Token  string
	URL    string // of the request as the sender sees it, without query
}

// ChallengeDPoP is the second challenge of a 401: the algorithms of proofs (RFC 9449, section 7.1).
var ChallengeDPoP = `DPoP algs="` + strings.Join(jose.Algs(), " ") + `"`

// Authenticator turns an access token into an actor, or answers with a fault of kind Unauthenticated. It checks that
// nothing the token stands on has been revoked.
type Authenticator interface {
	Authenticate(ctx context.Context, t Tenant, c Credentials) (actor.Actor, error)
}

// Authorizer says which permissions an actor holds in an organization now.
type Authorizer interface {
	Permissions(ctx context.Context, a actor.Actor, o Org) (Held, error)
}

// Held is a set of permissions. Visible says whether the actor may know that the organization exists.
type Held struct {
	Names   map[string]bool
	Visible bool
}

// Call is what an operation knows about its request besides the input.
type Call struct {
	Actor     actor.Actor
	Operation string
	Org       Org // the organization that the path names, or the token where Route.In says so; else zero
	Tenant    Tenant
	api       *API
	held      Held
	located   func(id string) // tells where what was made is read
	sealer    Sealer
	query     url.Values
}

// Can reports whether the actor holds p in the call's organization, for allowed_actions and finer rules.
func (c *Call) Can(p perm.Permission) bool { return c.held.Names[p.Name()] }

// Require finds a second organization that the request names in its body, and answers as for one in the path: 404 where
// the actor may not know of it, 403 where he lacks p there.
func (c *Call) Require(ctx context.Context, ref string, p perm.Permission) (Org, error) {
	org, _, err := c.api.require(ctx, c, ref, p)
	return org, err
}

// Held returns the names of all permissions that the actor holds in the call's organization.
func (c *Call) Held() map[string]bool { return c.held.Names }

// VisiblePath is the part of the call's organization's path that the token may know of: from the token's own organization
// down. It always ends with the call's organization.
func (c *Call) VisiblePath() []ids.Org {
	if i := slices.Index(c.Org.Path, c.Actor.Org); i >= 0 {
		return c.Org.Path[i:]
	}
	return []ids.Org{c.Org.ID}
}

// Allowed lists the actions whose permission the actor holds.
func (c *Call) Allowed(actions map[string]perm.Permission) []string {
	allowed := []string{}
	for _, name := range sortedKeys(actions) {
		if c.Can(actions[name]) && !c.Actor.ReadOnly {
			allowed = append(allowed, name)
		}
	}
	return allowed
}

type scopeKey struct{}

// scope is what a path said, in one value: it is looked up several times in every request.
type scope struct {
	tenant Tenant
	issuer Issuer
}

// TenantOf returns the request's tenant; a raw handler below the base always has one.
func TenantOf(ctx context.Context) Tenant {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.tenant
	}
	return Tenant{}
}

// Issuer is the base that a request came in by: the tenant's, or one organization's below /o/.
type Issuer struct {
	URL string // the issuer identifier
	Org Org    // zero for the tenant's own base
}

// IssuerOf returns the base that the request came in by.
func IssuerOf(ctx context.Context) Issuer {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.issuer
	}
	return Issuer{}
}

// InTenant returns a context for work on behalf of a tenant outside a request, such as a test's or a job's.
func InTenant(ctx context.Context, t Tenant, i Issuer) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{tenant: t, issuer: i})
}

// scoped strips /t/{tenant} and /o/{org} from the path and hands the rest to inner. The origin is the configured one,
// whatever Host or a forwarding header says, unless the host is a tenant's own.
func (a *API) scoped(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if rest, ok := strings.CutPrefix(path, "/t/"); ok {
			_, tail, _ := strings.Cut(rest, "/")
			path = "/" + tail
		}
		t, err := a.tenantOf(r)
		if err == nil {
			err = limited(a.tenants, w, r, t.ID.String())
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		issuer := Issuer{URL: t.Base}
		if rest, ok := strings.CutPrefix(path, "/o/"); ok {
			ref, tail, _ := strings.Cut(rest, "/")
			path = "/" + tail
			org, err := a.directory.Org(r.Context(), t, ref)
			if err != nil {
				a.fail(w, r, err)
				return
			}
			issuer = Issuer{URL: t.Base + "/o/" + ref, Org: org}
		}
		r2 := r.WithContext(InTenant(fresh(r.Context()), t, issuer))
		u := *r.URL
		u.Path, u.RawPath = path, ""
		r2.URL = &u
		inner.ServeHTTP(w, r2)
	})
}

// fresh forgets the outer router's match, if it had one, so that the inner router starts its own.
func fresh(ctx context.Context) context.Context {
	if ctx.Value(chi.RouteCtxKey) == nil {
		return ctx
	}
	return context.WithValue(ctx, chi.RouteCtxKey, (*chi.Context)(nil))
}

// wellKnown resolves the issuer that an RFC 8414 path-insertion address names: /.well-known/X/t/{tenant}[/o/{org}].
// It returns the request as it would look below the base.
func (a *API) wellKnown(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, _ := strings.CutPrefix(r.URL.Path, "/.well-known/")
		name, suffix, inserted := strings.Cut(rest, "/")
		if !inserted {
			a.scoped(inner).ServeHTTP(w, r)
			return
		}
		u := *r.URL
		u.Path, u.RawPath = "/"+suffix+"/.well-known/"+name, ""
		r2 := r.WithContext(r.Context())
		r2.URL = &u
		a.scoped(inner).ServeHTTP(w, r2)
	})
}

// ParseAuthorization splits an Authorization header that brings an access token: Bearer (RFC 6750) or DPoP (RFC 9449).
func ParseAuthorization(header string) (scheme, token string, ok bool) {
	scheme, token, ok = strings.Cut(header, " ")
	known := strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP")
	return scheme, token, ok && known && token != "" && !strings.ContainsAny(token, " ,\t")
}

func bearer(header string) (string, bool) {
	scheme, token, ok := ParseAuthorization(header)
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

var errNoToken = fault.CodeUnauthorized.With("Send Authorization: Bearer, or DPoP, with an access token.", nil)

var errNoKey = fault.CodeUnauthorized.With("Send Authorization: Bearer with the platform operator's key; access tokens are for tenants' addresses.", nil)
