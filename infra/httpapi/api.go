package httpapi

import (
	"cmp"
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/perm"
)

// Sealer makes opaque, authenticated strings: page tokens are bound to their call.
type Sealer interface {
	Seal(purpose string, binding, payload []byte) string
	Open(purpose string, binding []byte, sealed string) ([]byte, error)
}

// Limits of requests per minute in this process; 0 is no limit.
type Limits struct {
	PerAddress int
	PerClient  int // below /v1, of what one app does for one person or for itself
	PerTenant  int
}

// Options of New.
type Options struct {
	Authenticator     Authenticator
	BaseURL           string // the installation's origin, for the document
	Authorizer        Authorizer
	CertificateHeader string // in which trusted proxies pass on client certificates; "" for none: see CertificatesOf
	DB                *db.DB
	Directory         Directory
	Limits            Limits
	Log               *slog.Logger
	Observe           func(method, route string, status int, took time.Duration)     // nil for none
	Origins           func(ctx context.Context, t Tenant, origin string) CrossOrigin // what pages of this browser origin may do
	Page              func(w http.ResponseWriter, r *http.Request, status int)       // shows a person what a status says; nil: programs only
	PlatformKey       string                                                         // the operator's bearer key; "" closes the platform API
	Sealer            Sealer
	TrustedProxies    []netip.Prefix
	Version           string
}

// API is the management API of one program.
type API struct {
	Options
	directory Directory
	log       *slog.Logger
	huma      huma.API
	inner     *chi.Mux // below a base
	outer     *chi.Mux // below the host
	routes    []RouteInfo

	addresses, clients, tenants *httprate.RateLimiter // each nil without a limit
	reads                       map[string]bool       // paths below which each thing is read by its id
}

// RouteInfo is what laws and generated tests read about a route.
type RouteInfo struct {
	ID, Method, Path string
	Access           Access
	In               Place
	Permission       string
	Status           int
	Errors           []string // the codes of all problems that it may answer with
}

const maxBody = 1 << 20

// bodyTime bounds the reading of a body, and with it the request: net/http watches the connection under the same deadline
// and cancels the request's context when it passes. It is that of the server; huma's own would end slow writes after 5 s.
const bodyTime = 30 * time.Second

// about is the introduction of the description.
//
//go:embed about.md
var about string

// New makes an API without operations.
func New(o Options) *API {
	a := &API{Options: o, directory: o.Directory, log: o.Log, inner: chi.NewMux(), outer: chi.NewMux(), reads: map[string]bool{},
		addresses: newLimiter(o.Limits.PerAddress), clients: newLimiter(o.Limits.PerClient), tenants: newLimiter(o.Limits.PerTenant)}
	a.inner.Use(routed)
	a.outer.Use(routed)
	cfg := huma.DefaultConfig("Grove", o.Version)
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	cfg.Servers = []*huma.Server{{URL: "{origin}/t/{tenant}", Description: "A tenant's base; a custom host serves the same at its root.",
		Variables: map[string]*huma.ServerVariable{
			"origin": {Default: cmp.Or(o.BaseURL, "http://127.0.0.1:8080"), Description: "Where the installation is."},
			"tenant": {Default: "acme", Description: "The tenant's handle."}}}}
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema links in bodies
	cfg.Formats = jsonFormats()
	cfg.RejectUnknownQueryParameters = true
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer":   {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token of the tenant, from {base}/oauth2/token."},
		"platform": {Type: "http", Scheme: "bearer", Description: "The platform operator's key."},
	}
	a.huma = humachi.New(a.inner, cfg)
	a.inner.NotFound(a.notFound)
	a.inner.MethodNotAllowed(methodNotAllowed(a, a.inner))
	a.outer.NotFound(a.notFound)
	a.outer.MethodNotAllowed(methodNotAllowed(a, a.outer))
	return a
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, fault.ErrNotFound)
}

// methodNotAllowed answers with the methods that the address takes (RFC 9110, section 15.5.6).
func methodNotAllowed(a *API, mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path := cmp.Or(r.URL.RawPath, r.URL.Path)
		var allowed []string
		for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut} {
			if mux.Match(chi.NewRouteContext(), method, path) {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			a.notFound(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.fail(w, r, fault.CodeMethod.With("This address does not take this method; Allow names those that it takes.", nil))
	}
}

// Base is the router below a tenant's or an organization's base, for protocols and pages.
func (a *API) Base() chi.Router { return a.inner }

// Host is the router below the host, for what belongs to no tenant.
func (a *API) Host() chi.Router { return a.outer }

// OpenAPI is the description of all operations registered so far.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Routes lists all operations registered so far.
func (a *API) Routes() []RouteInfo { return slices.Clone(a.routes) }

// schemaName names a body after the thing that it shows, where the thing's own type is the stored row: users.UserBody is
// User, and a page of them is UserList.
func schemaName(t reflect.Type, hint string) string {
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Body")
	if rest, ok := strings.CutPrefix(name, "Of"); ok && t.Kind() == reflect.Struct && strings.HasSuffix(t.PkgPath(), "kernel/page") {
		return rest + "List"
	}
	return name
}

// Access says who may call an operation besides, or instead of, holders of a permission.
type Access string

// The kinds of access.
const (
	ByPermission Access = "permission" // the default: Needs must be set
	Operator     Access = "operator"   // the platform operator's key
	Public       Access = "public"     // anyone; say why in the description
	Self         Access = "self"       // the signed-in person, about himself
)

// Place says where the permission of an operation must be held.
type Place string

// The places of a permission.
const (
	InPath     Place = ""      // in the organization that {org} names: the default
	InTokenOrg Place = "token" // in the organization that the token names, which is then the call's; for paths without {org}
)

// Route describes an operation whose response is O.
type Route[O any] struct {
	ID          string // lowerCamel verb and noun: inviteUser
	Method      string
	Path        string // below the base: /v1/orgs/{org}/invitations
	Tag         string // the capability's name in the documentation
	Summary     string
	Description string
	Status      int // of success; 200, or 201 for a POST that says so
	Access      Access
	Needs       perm.Permission
	In          Place
	Errors      []fault.Code
	// MatchRequired refuses a request without If-Match (428).
	MatchRequired bool
	// Replay answers the repetition of a POST by the subject of its event. Without it a repetition is answered with
	// idempotency.secret_already_shown, because the response held a secret.
	Replay func(ctx context.Context, c *Call, subject string) (*O, error)
}

// Handle registers an operation. It panics on a route that is not complete, so that the program does not start with it.
func Handle[I, O any](a *API, r Route[O], h func(context.Context, *Call, *I) (*O, error)) {
	if r.Access == "" {
		r.Access = ByPermission
	}
	if r.Access == ByPermission && r.Needs.IsZero() {
		panic("httpapi: route " + r.ID + " needs a permission")
	}
	if named := strings.Contains(r.Path, "{org}"); r.Access == ByPermission && named == (r.In == InTokenOrg) {
		panic("httpapi: route " + r.ID + " has a permission and no one organization to hold it in")
	}
	if r.ID == "" || r.Tag == "" || r.Summary == "" || r.Description == "" || r.Status == 0 {
		panic("httpapi: route " + r.Method + " " + r.Path + " lacks an id, tag, summary, description or status")
	}
	if r.Access == Operator && !strings.HasPrefix(r.Path, "/platform/v1/") {
		panic("httpapi: operator's route " + r.ID + " must be below /platform/v1")
	}
	codes := append(sharedCodes(r, reflect.TypeFor[I]()), r.Errors...)
	info := RouteInfo{ID: r.ID, Method: r.Method, Path: r.Path, Access: r.Access, In: r.In, Permission: r.Needs.Name(), Status: r.Status}
	for _, c := range codes {
		info.Errors = append(info.Errors, c.Name)
	}
	a.routes = append(a.routes, info)

	op := describe(r.ID, r.Method, r.Path, r.Tag, r.Summary, r.Description, r.Status, r.Access, r.Needs, codes)
	a.tag(r.Tag)
	op.BodyReadTimeout, op.MaxBodyBytes = bodyTime, maxBody
	op.Middlewares = huma.Middlewares{a.admit(r.ID, r.Access, r.Needs, r.In, r.MatchRequired), a.once(reflect.TypeFor[I]())}
	var body *huma.Schema
	switch _, takes := reflect.TypeFor[I]().FieldByName("Body"); {
	case !takes:
		op.Middlewares = append(op.Middlewares, a.noBody)
	default:
		op.Middlewares = append(op.Middlewares, func(hc huma.Context, next func(huma.Context)) { a.noNulls(hc, next, body) })
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		c := ctx.Value(callKey{}).(*Call)
		out, err := replayOr(ctx, a, r, c, func(ctx context.Context) (*O, error) { return h(ctx, c, in) })
		if err != nil {
			return nil, toProblem(ctx, a.log, err)
		}
		if r.Status == http.StatusCreated && a.reads[r.Path] {
			c.located(idOf(out))
		}
		return out, nil
	})
	body = a.bodyOf(r.Method, r.Path)
	a.describeLocation(r.Method, r.Path)
}

// sharedCodes are those that are not of the operation's own rules, but of its form.
func sharedCodes[O any](r Route[O], input reflect.Type) []fault.Code {
	codes := []fault.Code{fault.CodeInvalid, fault.CodeMalformed, fault.CodeTooMany, fault.CodeInternal, fault.CodeUnavailable}
	if r.Access != Public {
		codes = append(codes, fault.CodeUnauthorized)
	}
	if r.Access != Operator {
		codes = append(codes, fault.CodeTenantNotFound, fault.CodeTenantStopped)
	}
	switch r.Access {
	case ByPermission:
		codes = append(codes, fault.CodeForbidden, fault.CodeNotFound)
	case Self:
		codes = append(codes, fault.CodeForbidden)
	}
	if _, ok := input.FieldByName("Body"); ok {
		codes = append(codes, fault.CodeLate, fault.CodeMediaType, fault.CodeTooLarge)
	}
	if _, ok := input.FieldByName("PageToken"); ok {
		codes = append(codes, fault.CodePageToken)
	}
	if _, ok := input.FieldByName("IfMatch"); ok {
		codes = append(codes, fault.CodeStale)
	}
	if r.MatchRequired {
		codes = append(codes, fault.CodeMatchRequired)
	}
	if r.Method == http.MethodPost {
		codes = append(codes, fault.CodeIdemMismatch, fault.CodeIdemRunning)
		if r.Replay == nil {
			codes = append(codes, fault.CodeIdemSecret)
		}
	}
	return codes
}

func describe(id, method, path, tag, summary, description string, status int, access Access, needs perm.Permission, codes []fault.Code) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary,
		Description: description, DefaultStatus: status, Extensions: map[string]any{}}
	switch access {
	case ByPermission:
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Extensions["x-permission"] = needs.Name()
	case Self:
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Extensions["x-permission"] = "self"
	case Operator:
		op.Security = []map[string][]string{{"platform": {}}}
		op.Extensions["x-permission"] = "operator"
		op.Servers = []*huma.Server{{URL: "/", Description: "The host."}}
	case Public:
		op.Security = []map[string][]string{}
		op.Extensions["x-permission"] = "public"
	}
	if method == http.MethodPost {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header",
			Description: "Repeat a request with the same key and it takes effect once. Kept 24 hours.",
			Schema:      &huma.Schema{Type: "string", MinLength: ptr(1), MaxLength: ptr(255)}, Example: "5f0c1a6e-invite-jo"})
	}
	if method == http.MethodPatch {
		op.Description += " The body is a JSON merge patch (RFC 7396): what is absent stays as it is. application/merge-patch+json is taken too."
	}
	byStatus := map[int][]string{}
	for _, c := range codes {
		s := c.Kind.Status()
		if !slices.Contains(byStatus[s], c.Name) {
			byStatus[s] = append(byStatus[s], c.Name)
		}
	}
	op.Responses = map[string]*huma.Response{}
	for s, names := range byStatus {
		slices.Sort(names)
		op.Responses[itoa(s)] = &huma.Response{Description: "Codes: " + strings.Join(names, ", ") + ".",
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}}
	}
	return op
}

// tag notes a capability's name in the document, once, in order.
func (a *API) tag(name string) {
	tags := a.huma.OpenAPI().Tags
	i, known := slices.BinarySearchFunc(tags, name, func(t *huma.Tag, name string) int { return strings.Compare(t.Name, name) })
	if !known {
		a.huma.OpenAPI().Tags = slices.Insert(tags, i, &huma.Tag{Name: name})
	}
}

type callKey struct{}

// admit settles who calls, for which organization, and whether he may, before the input is read.
func (a *API) admit(id string, access Access, needs perm.Permission, in Place, matchRequired bool) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		ctx := hc.Context()
		u := hc.URL()
		c := &Call{Operation: id, Tenant: TenantOf(ctx), sealer: a.Sealer, query: u.Query(), api: a}
		err := a.authorize(hc, c, access, needs, in)
		if err == nil && matchRequired && hc.Header("If-Match") == "" {
			err = fault.CodeMatchRequired.With("Send If-Match with the ETag of the representation that you changed.", nil)
		}
		if err != nil {
			a.refuse(hc, err)
			return
		}
		if claim := claimOf(ctx); claim != nil {
			claim.Actor, claim.Operation, claim.Operator = c.Actor.Key(), id, access == Operator
			hc = huma.WithContext(hc, db.WithClaim(hc.Context(), claim))
		}
		c.located = func(id string) { hc.SetHeader("Location", cmp.Or(IssuerOf(ctx).URL, a.BaseURL)+u.EscapedPath()+"/"+id) }
		ctx = context.WithValue(actor.Into(hc.Context(), c.Actor), callKey{}, c)
		next(huma.WithContext(hc, ctx))
	}
}

// authorization is the header of a request, "" where it has several: whoever stands in between may have looked at another.
func authorization(hc huma.Context) string {
	r, _ := humachi.Unwrap(hc)
	if values := r.Header.Values("Authorization"); len(values) == 1 {
		return values[0]
	}
	return ""
}

func (a *API) authorize(hc huma.Context, c *Call, access Access, needs perm.Permission, in Place) error {
	ctx := hc.Context()
	switch access {
	case Public:
		c.Actor = actor.Actor{Kind: actor.Anonymous, Tenant: c.Tenant.ID}
	case Operator:
		token, ok := bearer(authorization(hc))
		if !ok || a.PlatformKey == "" || !sameSecret(token, a.PlatformKey) {
			return errNoKey
		}
		c.Actor = actor.Actor{Kind: actor.Operator, Name: "operator"}
		return nil
	default:
		scheme, token, ok := ParseAuthorization(authorization(hc))
		if !ok {
			return errNoToken
		}
		r, _ := humachi.Unwrap(hc)
		var err error
		c.Actor, err = a.Authenticator.Authenticate(ctx, c.Tenant, Credentials{Method: r.Method, Proofs: r.Header.Values("DPoP"), Scheme: scheme, Token: token,
			URL: IssuerOf(ctx).URL + r.URL.EscapedPath()})
		if err != nil {
			return err
		}
		if err := a.limitClient(hc, c.Actor); err != nil {
			return err
		}
	}
	if c.Actor.ReadOnly && hc.Method() != http.MethodGet {
		return fault.CodeForbidden.With("This token is for reading: who impersonates this person was allowed no more.", nil)
	}
	if access == Self && (c.Actor.Kind != actor.User || !c.Actor.Impersonator.IsZero()) {
		return fault.CodeForbidden.With("This operation is for a person's own token.", nil)
	}
	ref := hc.Param("org")
	if in == InTokenOrg {
		ref = c.Actor.Org.String()
	}
	if ref == "" && access != ByPermission {
		return nil
	}
	var err error
	if access != ByPermission {
		c.Org, err = a.directory.Org(ctx, c.Tenant, ref)
		return err
	}
	c.Org, c.held, err = a.require(ctx, c, ref, needs)
	return err
}

// require finds an organization and checks that the actor holds needs in it.
func (a *API) require(ctx context.Context, c *Call, ref string, needs perm.Permission) (Org, Held, error) {
	org, err := a.directory.Org(ctx, c.Tenant, ref)
	if err != nil {
		return Org{}, Held{}, err
	}
	held, err := a.Authorizer.Permissions(ctx, c.Actor, org)
	switch {
	case err != nil:
		return Org{}, Held{}, err
	case !held.Visible:
		return Org{}, Held{}, fault.ErrNotFound
	case !held.Names[needs.Name()]:
		return Org{}, Held{}, fault.CodeForbidden.With("The token's holder lacks the permission "+needs.Name()+" in this organization.", nil)
	}
	return org, held, nil
}

func (a *API) refuse(hc huma.Context, err error) {
	p := toProblem(hc.Context(), a.log, err)
	for name, values := range p.GetHeaders() {
		for _, value := range values {
			hc.AppendHeader(name, value)
		}
	}
	hc.SetHeader("Content-Type", "application/problem+json")
	hc.SetStatus(p.Status)
	writeJSON(hc.BodyWriter(), p)
}
