package httpapi_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"grove/infra/httpapi"
)

// TestMethods: the answer to a wrong method names the right ones, in the words of whoever asks.
func TestMethods(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	for _, c := range []struct{ method, path, allow, code string }{
		{"PUT", things, "GET, POST", "request.method_not_allowed"},
		{"PUT", things + "/x", "DELETE, GET, PATCH", "request.method_not_allowed"},
		{"OPTIONS", "/platform/v1/things", "GET", "request.method_not_allowed"},
		{"BREW", things, "GET, POST", "request.method_not_allowed"},
		{"GET", "/t/acme/oauth2/token", "POST", ""},
		{"GET", "/t/acme/o/north/oauth2/token", "POST", ""},
	} {
		got := call(h, c.method, c.path, "")
		if got.Code != 405 || got.Header().Get("Allow") != c.allow || got.Problem.Code != c.code {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, got.Code, got.Header(), got.Body)
		}
		if c.code == "" && (got.Header().Get("Content-Type") != "application/json" || !strings.Contains(got.Body.String(), `"error":"invalid_request"`)) {
			t.Errorf("%s %s: %v %s", c.method, c.path, got.Header(), got.Body)
		}
	}
	if got := call(h, "BREW", "/t/acme/v1/nothing", ""); got.Code != 404 {
		t.Errorf("an unknown method where nothing is: %d", got.Code)
	}
}

func TestCORSIsForKnownOrigins(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "", "null": ""} {
		got := call(h, "OPTIONS", things, "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if v := got.Header().Get("Access-Control-Allow-Origin"); v != want {
			t.Errorf("%s: allowed %q", origin, v)
		}
		if got.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials are allowed across origins")
		}
	}
	// Cookies count for apps that are bound to them, at the token endpoint alone.
	for _, c := range []struct{ origin, path, want string }{
		{"https://bound.example", "/t/acme/oauth2/token", "true"}, {"https://bound.example", "/t/acme/o/x/oauth2/token", "true"}, {"https://app.example", "/t/acme/oauth2/token", ""},
		{"https://evil.example", "/t/acme/oauth2/token", ""}, {"https://bound.example", "/t/acme/oauth2/userinfo", ""}, {"https://bound.example", "/t/acme/oauth2/register", ""},
		{"https://bound.example", things, ""}, {"https://bound.example", "/t/acme/oauth2/authorize", ""}, {"https://bound.example", "/t/acme/o/oauth2/token/login", ""},
	} {
		for _, method := range []string{"OPTIONS", "POST"} {
			got := call(h, method, c.path, "", "Origin", c.origin, "Access-Control-Request-Method", "POST")
			if v := got.Header().Get("Access-Control-Allow-Credentials"); v != c.want || v != "" && got.Header().Get("Access-Control-Allow-Origin") != c.origin {
				t.Errorf("%s %s of %s: credentials %q for %q", method, c.path, c.origin, v, got.Header().Get("Access-Control-Allow-Origin"))
			}
		}
	}
	// Handles are any word: what the path means is what comes after them.
	for _, path := range []string{"/t/acme/oauth2/authorize", "/t/acme/o/v1/oauth2/authorize", "/t/v1/oauth2/authorize", "/o/v1/login", "/t/acme/o/v1/login", "/t/acme/login/v1/x",
		"/t/acme/o/.well-known/login", "/t/acme/o/x/o/v1/v1/login"} {
		if got := call(h, "GET", path, "", "Origin", "https://app.example"); got.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is open across origins", path)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server/t/acme", "/t/acme/.well-known/openid-configuration", "/t/acme/o/x/oauth2/jwks", "/o/x/oauth2/register/k3v5"} {
		got := call(h, "OPTIONS", path, "", "Origin", "https://inspector.example", "Access-Control-Request-Method", "GET")
		if got.Header().Get("Access-Control-Allow-Origin") != "*" || got.Code != 204 {
			t.Errorf("%s is not for everybody: %d %q", path, got.Code, got.Header().Get("Access-Control-Allow-Origin"))
		}
	}
}

// TestAttack34_Forwarding: a forwarding header is believed from a trusted proxy only, and never changes the origin.
func TestAttack34_Forwarding(t *testing.T) {
	limit := func(trusted ...netip.Prefix) http.Handler {
		return serve(t, newWorld(), nil, nil, func(o *httpapi.Options) {
			o.Limits.PerAddress, o.TrustedProxies = 3, trusted
		})
	}
	count := func(h http.Handler) (ok int) {
		for i := range 6 {
			if call(h, "GET", things, "", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)).Code == 200 {
				ok++
			}
		}
		return ok
	}
	if n := count(limit()); n != 3 {
		t.Errorf("a stranger's X-Forwarded-For lifted the limit: %d of 6", n)
	}
	if n := count(limit(netip.MustParsePrefix("192.0.2.0/24"))); n != 6 {
		t.Errorf("a trusted proxy's X-Forwarded-For is not believed: %d of 6", n)
	}
	got := call(limit(), "GET", things, "")
	for range 5 {
		got = call(limit(), "GET", things, "")
	}
	if got.Header().Get("RateLimit-Limit") == "" {
		t.Error("no RateLimit headers")
	}
}
