package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"grove/infra/kernel/fault"
	"grove/infra/telemetry"
)

// Handler is the whole server: limits and headers, then the host's own addresses, then the bases.
func (a *API) Handler() http.Handler {
	scoped := a.scoped(a.inner)
	a.outer.Handle("/.well-known/*", a.wellKnown(a.inner))
	a.outer.Handle("/platform/v1/*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.inner.ServeHTTP(w, r.WithContext(fresh(r.Context())))
	}))
	a.outer.Handle("/*", scoped)
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The host has nothing below /t/ of its own: its router would only hand on.
		if strings.HasPrefix(r.URL.Path, "/t/") {
			scoped.ServeHTTP(w, r)
			return
		}
		a.outer.ServeHTTP(w, r)
	})
	h = a.claim(h)
	h = a.cors(h)
	unlimited := h
	if a.addresses != nil || a.clients != nil {
		h = a.limitAddress(h)
	}
	return a.measure(a.enter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isCounted(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		unlimited.ServeHTTP(w, r)
	})))
}

// isCounted leaves probes and the pages' own files out of the limits: a flood from one address must not look like a dead
// process, and a page brings many files.
func isCounted(path string) bool {
	switch path {
	case "/healthz", "/livez", "/readyz":
		return false
	}
	return !strings.HasPrefix(path, "/_app/")
}

type addressCtxKey struct{}

// Address is the caller's, seen through trusted proxies only.
func Address(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(addressCtxKey{}).(netip.Addr)
	return addr
}

// header is a header of every response; the list is shared by all responses: Set and Add replace it, and nobody writes into one.
type header struct {
	name   string // in canonical form
	values []string
}

// unkept keeps an answer out of every cache, old ones included.
var unkept = []header{
	{"Cache-Control", []string{"no-store"}},
	{"Expires", []string{"0"}},
	{"Pragma", []string{"no-cache"}},
}

// Cacheable lets an answer be kept as Cache-Control says, for what is the same for everybody. No other answer is kept.
func Cacheable(h http.Header, control string) {
	for _, u := range unkept {
		h.Del(u.name)
	}
	h.Set("Cache-Control", control)
}

// bounds are the other headers of every response; a page relaxes what it must by setting its own.
var bounds = []header{
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Permissions-Policy", []string{"camera=(), microphone=(), geolocation=()"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Strict-Transport-Security", []string{"max-age=63072000; includeSubDomains"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
}

// enter gives the request its id and address, its bounds and headers, and survives a panic.
func (a *API) enter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		ctx := telemetry.WithRequestID(r.Context(), id)
		ctx = context.WithValue(ctx, addressCtxKey{}, a.address(r))
		if s := a.shown(r); s != nil {
			ctx = context.WithValue(ctx, shownKey{}, s)
		}
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
		h := w.Header()
		h.Set("X-Request-Id", id)
		setAll(h, unkept)
		setAll(h, bounds)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				setAll(h, unkept)
				a.log.ErrorContext(ctx, "a handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				a.fail(w, r, fault.CodeInternal.With("The failure has been recorded under this request id.", nil))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func setAll(h http.Header, all []header) {
	for i := range all {
		h[all[i].name] = all[i].values
	}
}

// address walks X-Forwarded-For from the right while the peer is a trusted proxy.
func (a *API) address(r *http.Request) netip.Addr {
	peer := parseAddr(r.RemoteAddr)
	if !a.trusted(peer) {
		return peer
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && a.trusted(peer); i-- {
		next := parseAddr(strings.TrimSpace(forwarded[i]))
		if !next.IsValid() {
			break
		}
		peer = next
	}
	return peer
}

func (a *API) trusted(addr netip.Addr) bool {
	for _, p := range a.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func parseAddr(s string) netip.Addr {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, _ := netip.ParseAddr(s)
	return addr.Unmap()
}

// addressKey counts an IPv6 customer as his /64.
func addressKey(addr netip.Addr) string {
	if addr.Is6() {
		p, _ := addr.Prefix(64)
		return p.String()
	}
	return addr.String()
}

// CrossOrigin is what the pages of a browser origin may do at a tenant's endpoints.
type CrossOrigin struct {
	Allowed bool // call them, and read the answers
	Cookies bool // also read those of the token endpoint where the browser has sent cookies
}

// tokenPath is the one endpoint whose answers a page may read that go by a cookie: to whom, it judges by itself.
const tokenPath = "/oauth2/token"

// cors lets the browser origins of a tenant's apps call the management API and the token endpoints, never the pages
// or the authorization endpoint (RFC 9700, section 2.6).
func (a *API) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || !crossOriginPath(r.URL.Path) || a.Origins == nil {
			next.ServeHTTP(w, r)
			return
		}
		if publicPath(r.URL.Path) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			if !preflight(r) {
				next.ServeHTTP(w, r)
				return
			}
			allowed(w)
			return
		}
		w.Header().Add("Vary", "Origin")
		t, err := a.tenantOf(r)
		var may CrossOrigin
		if err == nil {
			may = a.Origins(r.Context(), t, origin)
		}
		if may.Allowed {
			h := w.Header()
			if may.Cookies && belowBase(r.URL.Path) == tokenPath {
				h.Set("Access-Control-Allow-Credentials", "true")
			}
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "DPoP-Nonce, ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate, X-Request-Id")
			if preflight(r) {
				allowed(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowed answers a preflight request whose origin may go on.
func allowed(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, Idempotency-Key, If-Match")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// belowBase is what of a path comes after the base of a tenant or an organization, whose handles may be any word.
func belowBase(path string) string {
	for _, kind := range []string{"/t/", "/o/"} {
		if rest, ok := strings.CutPrefix(path, kind); ok {
			_, below, _ := strings.Cut(rest, "/")
			path = "/" + below
		}
	}
	return path
}

// publicPath reports whether an address is for scripts of every origin: what everybody may read, and the place to register,
// where nothing hangs on who the browser is.
func publicPath(path string) bool {
	below := belowBase(path)
	return strings.HasPrefix(below, "/.well-known/") || below == "/oauth2/jwks" || below == "/oauth2/register" || strings.HasPrefix(below, "/oauth2/register/")
}

func (a *API) tenantOf(r *http.Request) (Tenant, error) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/t/"); ok {
		handle, _, _ := strings.Cut(rest, "/")
		return a.directory.TenantByHandle(r.Context(), handle)
	}
	return a.directory.TenantByHost(r.Context(), r.Host)
}

func crossOriginPath(path string) bool {
	below := belowBase(path)
	switch below {
	case "/oauth2/device_authorization", "/oauth2/par", "/oauth2/revoke", tokenPath, "/oauth2/userinfo":
		return true
	}
	return strings.HasPrefix(below, "/v1/") || publicPath(path)
}

// measured is what is known of a request when it has been answered.
type measured struct{ route string }

type measuredKey struct{}

// measure tells Observe of each request, under its route's pattern: the number of labels is bounded. What came to no route,
// because there is no such tenant or too much was asked, is unmatched.
func (a *API) measure(next http.Handler) http.Handler {
	if a.Observe == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		m := &measured{route: "unmatched"}
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r.WithContext(context.WithValue(r.Context(), measuredKey{}, m)))
		a.Observe(r.Method, m.route, cmp.Or(ww.Status(), http.StatusOK), time.Since(start))
	})
}

// routed notes which route a router found. The host's hands on what it does not know, to one that knows better.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			m, _ := r.Context().Value(measuredKey{}).(*measured)
			if rc := chi.RouteContext(r.Context()); m != nil && rc != nil && m.route == "unmatched" {
				if pattern := rc.RoutePattern(); pattern != "" && pattern != "/*" {
					m.route = pattern
				}
			}
		}()
		next.ServeHTTP(w, r)
	})
}
