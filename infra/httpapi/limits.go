package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/httprate"

	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

var errTooMany = fault.CodeTooMany.With("Wait as long as Retry-After says.", nil)

// newLimiter counts requests in this process; nil without a limit.
func newLimiter(perMinute int) *httprate.RateLimiter {
	if perMinute == 0 {
		return nil
	}
	return httprate.NewRateLimiter(perMinute, time.Minute, httprate.WithResponseHeaders(httprate.ResponseHeaders{
		Limit: "RateLimit-Limit", Remaining: "RateLimit-Remaining", Reset: "RateLimit-Reset", RetryAfter: "Retry-After"}))
}

// limited counts a request and refuses one that is too many.
func limited(l *httprate.RateLimiter, w http.ResponseWriter, r *http.Request, key string) error {
	if l != nil && l.OnLimit(w, r, key) {
		return errTooMany
	}
	return nil
}

// limitAddress counts requests by where they come from. One for introspection is counted when it is known whose it was: see ByClient.
func (a *API) limitAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := addressKey(Address(r.Context()))
		if belowBase(r.URL.Path) == introspectionPath && !a.isSpent(key) {
			of := &asker{api: a}
			defer func() {
				if !of.isClient {
					_ = limited(a.addresses, w, r, key)
				}
			}()
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askerKey{}, of)))
			return
		}
		if err := limited(a.addresses, w, r, key); err != nil {
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isSpent reports whether an address may send nothing more for now.
func (a *API) isSpent(key string) bool {
	if a.addresses == nil {
		return false
	}
	_, rate, err := a.addresses.Status(key)
	return err != nil || int(math.Round(rate)) >= a.Limits.PerAddress
}

// introspectionPath is the one OAuth endpoint whose requests are counted by client: an API asks about whatever strangers send it.
const introspectionPath = "/oauth2/introspect"

type askerKey struct{}

// asker is who sends a request for introspection.
type asker struct {
	api      *API
	isClient bool
}

// ByClient counts a request for introspection by the client that has proved itself, and not by the address that it comes from. It refuses one
// that is too many. Whoever did not get so far is counted by his address.
func ByClient(w http.ResponseWriter, r *http.Request, app ids.App) error {
	of, ok := r.Context().Value(askerKey{}).(*asker)
	if !ok {
		return nil
	}
	of.isClient = true
	return limited(of.api.clients, w, r, "introspection "+TenantOf(r.Context()).ID.String()+app.String())
}

// limitClient counts what one app does for one person, or for itself: people at one app do not take each other's requests.
func (a *API) limitClient(hc huma.Context, who actor.Actor) error {
	r, w := humachi.Unwrap(hc)
	return limited(a.clients, w, r, who.Tenant.String()+who.App.String()+who.Key())
}
