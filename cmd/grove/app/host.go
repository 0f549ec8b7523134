package app

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
	"riverqueue.com/riverui"

	"grove/frontend"
	"grove/infra/httpapi"
)

// host adds what belongs to no tenant: health, metrics, the API's description, the operator's job page.
func (a *App) host(r chi.Router) error {
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	r.Get("/readyz", a.ready)
	r.With(a.operator).Get("/health", a.health)
	r.With(a.operator).Handle("/metrics", a.metrics.Handler())
	r.Get(setupPath, a.showSetup)
	r.Post(setupPath, a.takeSetup)
	r.Handle(frontend.AssetsPath+"*", http.HandlerFunc(frontend.Assets))
	r.Get("/docs", frontend.Reference)
	r.Get("/docs/errors", errorsPage)
	r.Get("/openapi.json", a.document(a.API.OpenAPI().MarshalJSON))
	r.Get("/openapi-3.0.json", a.document(a.API.OpenAPI().Downgrade))
	jobs, err := riverui.NewHandler(&riverui.HandlerOpts{Endpoints: riverui.NewEndpoints(a.Jobs.River(), nil),
		Logger: a.Log, Prefix: "/platform/jobs"})
	if err != nil {
		return err
	}
	if err := jobs.Start(context.Background()); err != nil {
		return err
	}
	r.With(a.operator, relaxForJobs).Handle("/platform/jobs", jobs)
	r.With(a.operator, relaxForJobs).Handle("/platform/jobs/*", jobs)
	return nil
}

// document serves the API's description, rendered once, at the first request.
func (a *App) document(render func() ([]byte, error)) http.HandlerFunc {
	render = sync.OnceValues(render)
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := render()
		if err != nil {
			a.Log.ErrorContext(r.Context(), "the API's description cannot be rendered", "error", err)
			writeText(w, http.StatusInternalServerError, "the description cannot be rendered")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		httpapi.Cacheable(w.Header(), "public, max-age=300")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(raw)
	}
}

// operator lets in who knows the platform key: as a bearer token, or as the password of Basic for a browser.
func (a *App) operator(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := a.Config.PlatformKey.Reveal()
		_, got, ok := r.BasicAuth()
		if !ok {
			const scheme = "Bearer "
			if h := r.Header.Get("Authorization"); len(h) > len(scheme) && h[:len(scheme)] == scheme {
				got = h[len(scheme):]
			}
		}
		x, y := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(got))
		if want == "" || subtle.ConstantTimeCompare(x[:], y[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="grove operator", charset="UTF-8"`)
			writeText(w, http.StatusUnauthorized, "the operator's key is needed")
			return
		}
		// A browser that has the key cached must not act for another site.
		if site := r.Header.Get("Sec-Fetch-Site"); r.Method != http.MethodGet && site != "" && site != "same-origin" {
			writeText(w, http.StatusForbidden, "cross-site request refused")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// relaxForJobs lets the job page's own scripts and styles run; everything is served from here.
func relaxForJobs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
		next.ServeHTTP(w, r)
	})
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// MountInbox shows the caught mail at /dev/inbox, which has no authentication, and leads from the bare host to the seeded
// tenant's console: the development mode only.
func (a *App) MountInbox(h http.Handler) {
	h = a.ownHosts(h)
	r := a.API.Host()
	r.Handle("/dev/inbox", h)
	r.Handle("/dev/inbox.json", h)
	r.Handle("/dev/inbox/*", h)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/t/"+devTenant+"/console", http.StatusSeeOther)
	})
}

// ownHosts lets in requests that name the program by its own host or by an address. A page of a stranger whose name is
// made to point here (DNS rebinding) would otherwise read, as its own, what needs no authentication.
func (a *App) ownHosts(next http.Handler) http.Handler {
	own := ""
	if base, err := url.Parse(a.Config.BaseURL); err == nil {
		own = base.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && (own == "" || !strings.EqualFold(host, own)) {
			writeText(w, http.StatusMisdirectedRequest, "there is nothing here under this name")
			return
		}
		next.ServeHTTP(w, r)
	})
}
