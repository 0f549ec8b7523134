package apikit

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"grove/infra/httpapi"
)

// CheckCode fails t where an operation of the API has answered with a problem whose code its description does not list:
// clients branch on codes, and write their branches from the description. path is that of the request.
func CheckCode(t testing.TB, api *httpapi.API, method, path string, raw []byte) {
	t.Helper()
	code := Response{Raw: raw}.Code()
	at := strings.Index(path, "/v1/")
	if code == "" || at < 0 {
		return
	}
	if !strings.HasPrefix(path, "/platform/v1/") {
		path = path[at:]
	}
	path, _, _ = strings.Cut(path, "?")
	pattern := api.Base().Find(chi.NewRouteContext(), method, path)
	for _, r := range api.Routes() {
		if r.Method == method && r.Path == pattern && !slices.Contains(r.Errors, code) {
			t.Errorf("%s answers with %s, which its Errors do not name", r.ID, code)
		}
	}
}
