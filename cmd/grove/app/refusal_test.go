package app_test

import (
	"net/http"
	"strings"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
)

// TestRefusalsInTheWordsOfWhoAsks: a person gets a page, a program a problem, and a client of an OAuth endpoint that asks too
// often the error of its protocol.
func TestRefusalsInTheWordsOfWhoAsks(t *testing.T) {
	w := apptest.New(t, apptest.WithoutWorkers(), apptest.Configure(func(o *app.Options) { o.Config.RateLimitPerAddress = 40 }))
	const person, program = "text/html,application/xhtml+xml", "application/json"
	get := func(path, accept string) apptest.Response {
		return w.Do(w.Client(), http.MethodGet, apptest.Origin+path, nil, "Accept", accept)
	}
	isPage := func(r apptest.Response, status int) bool {
		return r.StatusCode == status && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") && strings.Contains(string(r.Raw), r.Header.Get("X-Request-Id")) &&
			strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") && r.Header.Get("Cache-Control") == "no-store"
	}
	isProblem := func(r apptest.Response, status int, code string) bool {
		return r.StatusCode == status && r.Header.Get("Content-Type") == "application/problem+json" && r.Code() == code
	}
	for _, path := range []string{"/nothing", "/t/nobody/console/", "/t/acme/nothing<script>", "/t/acme/o/nobody/login"} {
		if r := get(path, person); !isPage(r, http.StatusNotFound) || strings.Contains(string(r.Raw), "<script") {
			t.Errorf("%s: %d %v %s", path, r.StatusCode, r.Header, r.Raw)
		}
		if r := get(path, program); r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s to a program: %d %s", path, r.StatusCode, r.Raw)
		}
	}
	if r := get("/t/acme/v1/nothing", person); !isProblem(r, http.StatusNotFound, "resource.not_found") {
		t.Errorf("the API to a browser: %d %s", r.StatusCode, r.Raw)
	}
	if r := w.Do(w.Client(), http.MethodDelete, w.A.Base+"/login", nil, "Accept", person); !isPage(r, http.StatusMethodNotAllowed) {
		t.Errorf("another method: %d %s", r.StatusCode, r.Raw)
	}
	for i := 0; get("/t/acme/.well-known/openid-configuration", program).StatusCode == http.StatusOK; i++ {
		if i > 100 {
			t.Fatal("there is no limit")
		}
	}
	if r := get("/t/acme/login", person); !isPage(r, http.StatusTooManyRequests) || r.Header.Get("Retry-After") == "" {
		t.Errorf("a person who asks too often: %d %s", r.StatusCode, r.Raw)
	}
	if r := get("/t/acme/v1/me", program); !isProblem(r, http.StatusTooManyRequests, "request.rate_limited") {
		t.Errorf("a program: %d %s", r.StatusCode, r.Raw)
	}
	for _, path := range []string{"introspect", "revoke", "token", "userinfo"} {
		r := w.Do(w.Client(), http.MethodPost, w.A.Base+"/oauth2/"+path, nil)
		if r.StatusCode != http.StatusTooManyRequests || r.JSON["error"] != "temporarily_unavailable" || r.Header.Get("Retry-After") == "" ||
			r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", path, r.StatusCode, r.Header, r.Raw)
		}
	}
}
