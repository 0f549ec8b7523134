package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"grove/infra/httpapi"
)

// discard is a response that costs nothing itself.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// BenchmarkProtocol is what the middleware adds to a protocol's handler: everything but the handler itself.
func BenchmarkProtocol(b *testing.B) {
	w := newWorld()
	a := httpapi.New(httpapi.Options{Authenticator: w, Authorizer: w, Directory: w})
	a.Base().Post("/oauth2/token", func(http.ResponseWriter, *http.Request) {})
	h := a.Handler()
	r := httptest.NewRequest(http.MethodPost, "/t/acme/oauth2/token", http.NoBody)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, r)
	}
}
