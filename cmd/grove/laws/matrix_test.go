package laws_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// ways are the paths of the disabled-thing matrix that go through a grant type or a route.
var ways = map[string][]string{
	"authorization_code":  {"code"},
	"client_credentials":  {"client_credentials"},
	"organization_switch": {"switch_in", "switch_out"},
	"password":            {"password"},
	"refresh_token":       {"refresh", "offline_refresh"},
	assertionGrant:        {"assertion"},
	samlGrant:             {"assertion_saml"},
	cibaGrant:             {"ciba"},
	deviceGrant:           {"device"},
	exchangeGrant:         {"exchange"},

	"GET /oauth2/authorize":             {"sso", "hybrid"},
	"GET /oauth2/authorize/resume":      {"sign_in", "halfway"},
	"GET /login/request":                {"ciba"},
	"GET /oauth2/userinfo":              {"opaque_userinfo", "userinfo"},
	"POST /device":                      {"device"},
	"POST /login":                       {"sign_in", "halfway"},
	"POST /login/invitation":            {"invitation"},
	"POST /oauth2/bc-authorize":         {"ciba_begin"},
	"POST /oauth2/device_authorization": {"device_begin"},
	"POST /oauth2/introspect":           {"introspect_access", "introspect_machine", "introspect_refresh", "opaque_introspect", "opaque_introspect_machine"},
	"POST /oauth2/par":                  {"par"},
	"POST /oauth2/register":             {"register"},
	"POST /oauth2/token":                {"assertion", "ciba", "code", "client_credentials", "device", "exchange", "password", "refresh", "switch_in"},
	"GET /login/set-password":           {"password_link"},
}

// likewise are the routes that are another one's in all that matters here, or that take nothing which could have ended.
var likewise = map[string]string{
	"DELETE /oauth2/register/{client_id}": "takes away only",
	"DELETE /ssf/streams":                 "takes away only",
	"GET /device":                         "a form",
	"GET /login":                          "the page of POST /login",
	"GET /login/":                         "sends on to the account",
	"GET /login/error":                    "words",
	"GET /login/invitation":               "the page of POST /login/invitation",
	"GET /login/logout":                   "ends only",
	"GET /login/signed-out":               "words",
	"GET /oauth2/check_session":           "a page that reads a cookie's hash",
	"GET /oauth2/check_session.js":        "a script",
	"GET /oauth2/form_post.js":            "a script",
	"GET /oauth2/jwks":                    "public keys",
	"GET /oauth2/logout":                  "ends only",
	"GET /oauth2/logout/done":             "ends only",
	"GET /oauth2/register/{client_id}":    "iam/oauth tests who may read a registration",
	"GET /ssf/status":                     "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"GET /ssf/streams":                    "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"implicit":                            "no grant of the token endpoint: GET /oauth2/authorize gives the same",
	"PATCH /ssf/streams":                  "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /login/logout":                  "ends only",
	"POST /login/set-password":            "asks for the same link as GET /login/set-password",
	"POST /oauth2/authorize":              "the same handler as GET /oauth2/authorize",
	"POST /oauth2/global-revocation":      "ends only",
	"POST /oauth2/logout":                 "ends only",
	"POST /oauth2/revoke":                 "ends only",
	"POST /oauth2/userinfo":               "the same handler as GET /oauth2/userinfo",
	"POST /ssf/poll/{stream}":             "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /ssf/status":                    "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /ssf/streams":                   "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /ssf/subjects:add":              "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /ssf/subjects:remove":           "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"POST /ssf/verification":              "iam/signals tests that an app that is disabled, or may not, is told nothing",
	"PUT /oauth2/register/{client_id}":    "iam/oauth tests who may replace a registration",
	"PUT /ssf/streams":                    "iam/signals tests that an app that is disabled, or may not, is told nothing",
}

// outside are the beginnings of addresses that the matrix leaves to others: files and public words, and the operations of the API,
// which all take their token through one door (paths "api", "machine_api", "me" and their opaque ones; [TestEveryOperation] asks them all).
var outside = regexp.MustCompile(`^(/v1/|/platform/|/\.well-known/|/console(/\*)?$|/account(/\*)?$)`)

// TestAttack01_MatrixIsWhole fails for a grant type or a route that the matrix of disabled things does not know.
func TestAttack01_MatrixIsWhole(t *testing.T) {
	known := map[string]bool{}
	for _, p := range paths {
		known[p.name] = true
	}
	need := func(what string) {
		t.Helper()
		if likewise[what] == "" && len(ways[what]) == 0 {
			t.Errorf("no path of the matrix goes through %s", what)
		}
	}
	seen := map[string]bool{}
	for _, grant := range grantTypes(t) {
		seen[grant] = true
		need(grant)
	}
	err := chi.Walk(described.Base(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method != http.MethodHead && method != http.MethodOptions && !outside.MatchString(route) {
			seen[method+" "+route] = true
			need(method + " " + route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, by := range ways {
		if !seen[what] {
			t.Errorf("%s is not there any more", what)
		}
		for _, name := range by {
			if !known[name] {
				t.Errorf("%s: there is no path %s", what, name)
			}
		}
	}
	for what := range likewise {
		if !seen[what] {
			t.Errorf("%s is not there any more", what)
		}
	}
}

// grantTypes are those that apps can be given, and those that the token endpoint knows.
func grantTypes(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range described.OpenAPI().Components.Schemas.Map()["UpdateAppOIDCRequest"].Properties["grant_types"].Items.Enum {
		all = append(all, name.(string))
	}
	source, err := os.ReadFile("../../../iam/oauth/grants.go")
	if err != nil {
		t.Fatal(err)
	}
	inCode := regexp.MustCompile(`(?m)^\tgrant[A-Z]\w* += "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	for _, found := range inCode {
		if !slices.Contains(all, found[1]) {
			all = append(all, found[1])
		}
	}
	if len(inCode) < 6 || !strings.Contains(strings.Join(all, " "), exchangeGrant) {
		t.Fatalf("the grant types are not found: %v", all)
	}
	return all
}
