package apps_test

import (
	"strings"
	"testing"

	"grove/iam/apps"
)

// TestAttack15_RedirectURIsAreComparedExactly holds what peers have let through (CVE-2026-3872, -7504, -28512,
// CVE-2024-52289, -12141), and what browsers read as another address than we do.
func TestAttack15_RedirectURIsAreComparedExactly(t *testing.T) {
	registered := []string{"https://app.example.com/cb", "https://app.example.com/cb?x=1", "http://127.0.0.1/cb", "http://127.0.0.1:4000/fixed", "http://[::1]/cb",
		"http://localhost/cb", "com.example.app:/cb"}
	for _, uri := range registered {
		for _, native := range []bool{true, false} {
			if !apps.MatchRedirect(registered, uri, native) {
				t.Errorf("%s itself does not match", uri)
			}
		}
	}
	for name, uri := range map[string]string{
		"nothing":                      "",
		"traversal":                    "https://app.example.com/cb/../evil",
		"traversal with parameter":     "https://app.example.com/cb/..;/evil",
		"encoded traversal":            "https://app.example.com/cb/%2e%2e/evil",
		"encoded slash":                "https://app.example.com%2fcb",
		"encoded letter":               "https://app.example.com/%63b",
		"back slash":                   `https://app.example.com\cb`,
		"user info":                    "https://app.example.com@evil.example/cb",
		"user info of the host":        "https://evil.example:x@app.example.com/cb",
		"suffix of the host":           "https://app.example.com.evil.example/cb",
		"prefix of the host":           "https://evilapp.example.com/cb",
		"regular expression":           "https://appxexample.com/cb",
		"capitals in the host":         "https://APP.example.com/cb",
		"capitals in the scheme":       "HTTPS://app.example.com/cb",
		"capitals in the path":         "https://app.example.com/CB",
		"scheme":                       "http://app.example.com/cb",
		"port":                         "https://app.example.com:8443/cb",
		"the scheme's own port":        "https://app.example.com:443/cb",
		"dot after the host":           "https://app.example.com./cb",
		"fragment":                     "https://app.example.com/cb#x",
		"empty fragment":               "https://app.example.com/cb#",
		"query":                        "https://app.example.com/cb?",
		"other query":                  "https://app.example.com/cb?x=1&y=2",
		"slash at the end":             "https://app.example.com/cb/",
		"prefix":                       "https://app.example.com/c",
		"space before":                 " https://app.example.com/cb",
		"line feed after":              "https://app.example.com/cb\n",
		"null byte":                    "https://app.example.com/cb\x00",
		"homograph":                    "https://аpp.example.com/cb",
		"full-width dot":               "https://app。example.com/cb",
		"list of two":                  "https://app.example.com/cb https://evil.example",
		"script":                       "javascript:alert(1)//https://app.example.com/cb",
		"private scheme, another path": "com.example.app:/cb2",
		"private scheme, authority":    "com.example.app://cb",
		"too long":                     "https://app.example.com/cb?" + strings.Repeat("x", 2100),
	} {
		for _, native := range []bool{true, false} {
			if apps.MatchRedirect(registered, uri, native) {
				t.Errorf("%s: %q matches", name, uri)
			}
		}
	}
	// RFC 8252, section 7.3: any port, but of a loopback IP literal, and only for a native app.
	for _, uri := range []string{"http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:51004/cb", "http://127.0.0.1:5000/fixed", "http://127.0.0.1/fixed"} {
		if !apps.MatchRedirect(registered, uri, true) {
			t.Errorf("%s does not match for a native app", uri)
		}
		if apps.MatchRedirect(registered, uri, false) {
			t.Errorf("%s matches for a web app", uri)
		}
	}
	for name, uri := range map[string]string{
		"port 0":               "http://127.0.0.1:0/cb",
		"leading zero":         "http://127.0.0.1:0080/cb",
		"port too great":       "http://127.0.0.1:65536/cb",
		"no port":              "http://127.0.0.1:/cb",
		"signed port":          "http://127.0.0.1:+80/cb",
		"user info":            "http://127.0.0.1:80@evil.example/cb",
		"user info, no port":   "http://127.0.0.1@evil.example/cb",
		"longer host":          "http://127.0.0.1.evil.example/cb",
		"longer host and port": "http://127.0.0.1:80.evil.example/cb",
		"another loopback":     "http://127.0.0.2:80/cb",
		"short form":           "http://127.1:80/cb",
		"decimal form":         "http://2130706433:80/cb",
		"localhost":            "http://localhost:80/cb",
		"long IPv6":            "http://[0:0:0:0:0:0:0:1]:80/cb",
		"mapped IPv6":          "http://[::ffff:127.0.0.1]:80/cb",
		"https":                "https://127.0.0.1:80/cb",
		"other path":           "http://127.0.0.1:80/cb2",
		"query":                "http://127.0.0.1:80/cb?x",
		"fragment":             "http://127.0.0.1:80#/cb",
		"back slash":           `http://127.0.0.1:80\cb`,
	} {
		if apps.MatchRedirect(registered, uri, true) {
			t.Errorf("%s: %q matches", name, uri)
		}
	}
}

// TestAttack15_RedirectURIsAreRefusedAtRegistration: what is ambiguous never comes to be compared.
func TestAttack15_RedirectURIsAreRefusedAtRegistration(t *testing.T) {
	b := setup(t)
	create := func(template, uri string) error {
		_, _, err := b.apps.Create(all(b.A), b.A.Tenant.ID, b.A.Root.ID, apps.CreateAppRequest{Name: template + uri[:min(len(uri), 60)], Template: template, RedirectURIs: []string{uri}})
		return err
	}
	for name, uri := range map[string]string{
		"relative":                  "/cb",
		"no scheme":                 "app.example.com/cb",
		"no host":                   "https:///cb",
		"opaque":                    "https:app.example.com/cb",
		"fragment":                  "https://app.example.com/cb#x",
		"empty fragment":            "https://app.example.com/cb#",
		"user":                      "https://u@app.example.com/cb",
		"user and password":         "https://u:p@app.example.com/cb",
		"empty user":                "https://@app.example.com/cb",
		"wildcard host":             "https://*.example.com/cb",
		"wildcard path":             "https://app.example.com/*",
		"http":                      "http://app.example.com/cb",
		"http on another loopback":  "http://127.0.0.2/cb",
		"http on every address":     "http://0.0.0.0/cb",
		"localhost as a prefix":     "http://localhost.evil.example/cb",
		"script":                    "javascript:alert(1)",
		"script with a path":        "javascript:/cb",
		"data":                      "data:text/html,x",
		"file":                      "file:///etc/passwd",
		"ftp":                       "ftp://app.example.com/cb",
		"private scheme, no dot":    "myapp:/cb",
		"capitals in the scheme":    "HTTPS://app.example.com/cb",
		"capitals in the host":      "https://App.example.com/cb",
		"traversal":                 "https://app.example.com/a/../cb",
		"encoded traversal":         "https://app.example.com/a/%2e%2E/cb",
		"traversal with parameter":  "https://app.example.com/a/..;x/cb",
		"dot":                       "https://app.example.com/./cb",
		"encoded slash":             "https://app.example.com/a%2Fcb",
		"encoded back slash":        "https://app.example.com/a%5ccb",
		"encoded per cent":          "https://app.example.com/a%252fcb",
		"encoded null":              "https://app.example.com/a%00cb",
		"broken encoding":           "https://app.example.com/%zz",
		"back slash":                `https://app.example.com\cb`,
		"space":                     "https://app.example.com/a b",
		"tab":                       "https://app.example.com/a\tb",
		"null byte":                 "https://app.example.com/\x00",
		"another script":            "https://аpp.example.com/cb",
		"port 0":                    "https://app.example.com:0/cb",
		"port too great":            "https://app.example.com:65536/cb",
		"no port":                   "https://app.example.com:/cb",
		"zone":                      "https://[fe80::1%25eth0]/cb",
		"long form of IPv6":         "https://[0:0:0:0:0:0:0:1]/cb",
		"underscore in the host":    "https://app_x.example.com/cb",
		"dot after the host":        "https://app.example.com./cb",
		"two dots in the host":      "https://app..example.com/cb",
		"too long":                  "https://app.example.com/" + strings.Repeat("x", 2048),
		"quote":                     `https://app.example.com/"cb`,
		"angle bracket":             "https://app.example.com/<cb",
		"private scheme of a web 1": "com.example.app:cb",
	} {
		for _, template := range []string{"web", "mobile"} {
			t.Log(name, template)
			wantCode(t, create(template, uri), "request.invalid")
		}
	}
	for _, template := range []string{"spa", "web", "standard"} {
		wantCode(t, create(template, "com.example.app:/cb"), "request.invalid")
	}
	for _, uri := range []string{"https://app.example.com", "https://app.example.com/", "https://app.example.com:8443/cb?x=1&y=%20", "https://xn--bcher-kva.example/cb",
		"http://127.0.0.1:3000/cb", "http://[::1]/cb", "http://localhost:3000/cb", "https://192.0.2.1/cb", "https://[2001:db8::1]/cb"} {
		t.Log(uri)
		wantCode(t, create("web", uri), "")
	}
	wantCode(t, create("mobile", "com.example.app:/cb"), "")
}
