package laws_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// poison is how a request may lie about where it went.
var poison = map[string]http.Header{
	"forwarded":     {"Forwarded": {"host=evil.example;proto=https;for=203.0.113.9"}},
	"forwarded for": {"X-Forwarded-For": {"203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"}, "True-Client-Ip": {"203.0.113.9"}},
	"host":          {"Host": {"evil.example"}},
	"host and port": {"Host": {"id.grove.test:1337"}},
	"user info":     {"Host": {"id.grove.test@evil.example"}},
	"rewritten":     {"X-Original-Url": {"/platform/v1/tenants"}, "X-Rewrite-Url": {"/platform/v1/tenants"}, "X-Original-Host": {"evil.example"}},
	"x-forwarded":   {"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"1337"}, "X-Forwarded-Prefix": {"/evil"}, "X-Host": {"evil.example"}},
}

func (p *pair) lie(c *http.Client, method, target string, body url.Values, lies http.Header, more ...string) apptest.Response {
	r, err := http.NewRequest(method, target, strings.NewReader(body.Encode()))
	if err != nil {
		shared.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range lies {
		if name == "Host" {
			r.Host = values[0]
		} else {
			r.Header[name] = values
		}
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		shared.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		shared.Fatal(err)
	}
	return apptest.Response{Response: resp, Raw: raw}
}

// changing are the parts of an answer that differ each time.
var changing = regexp.MustCompile(`(grv_[a-z]+_[\w-]+|flw_\w{26}|name="csrf" value="[^"]*"|nonce[-=]"?[\w+/=-]+|"request_id":"[^"]*"|request=[\w.-]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`)

// visible is everything of an answer that a browser or a client acts on.
func visible(r apptest.Response) string {
	var b bytes.Buffer
	b.WriteString(http.StatusText(r.StatusCode) + "\n")
	for _, name := range []string{"Location", "Set-Cookie", "Content-Security-Policy", "Access-Control-Allow-Origin", "Link", "WWW-Authenticate", "Content-Type", "Cache-Control"} {
		b.WriteString(name + ": " + strings.Join(r.Header.Values(name), ", ") + "\n")
	}
	b.Write(r.Raw)
	return changing.ReplaceAllString(b.String(), "-")
}

// TestAttack34_HostHeader sends each request once as it should be and then with every lie about its host: the answer is
// the same, in links, redirects, cookies and issuers, and so is the mail.
func TestAttack34_HostHeader(t *testing.T) {
	p := world(t)
	base, north := p.A.Base, p.a.north
	fresh := func() *http.Client { return p.Client() }
	for _, request := range []struct {
		method, target string
		form           url.Values
		more           []string
	}{
		{"GET", base + "/.well-known/openid-configuration", nil, nil},
		{"GET", base + "/o/north/.well-known/openid-configuration", nil, nil},
		{"GET", apptest.Origin + "/.well-known/oauth-authorization-server/t/acme", nil, nil},
		{"GET", north.account(), nil, nil},
		{"GET", north.account("prompt", "none"), nil, nil},
		{"GET", base + "/login/", nil, nil},
		{"GET", base + "/login/invitation?token=x", nil, nil},
		{"GET", base + "/login/error", nil, nil},
		{"GET", base + "/oauth2/logout?client_id=account", nil, nil},
		{"GET", base + "/console", nil, nil},
		{"GET", base + "/nothing", nil, nil},
		{"GET", base + "/v1/orgs/north", nil, bearer(p.a.root.manage)},
		{"GET", base + "/v1/orgs/north", nil, nil},
		{"POST", base + "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {"x"}}, nil},
		{"OPTIONS", base + "/oauth2/token", nil, []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}},
	} {
		want := visible(p.lie(fresh(), request.method, request.target, request.form, nil, request.more...))
		for name, lies := range poison {
			got := p.lie(fresh(), request.method, request.target, request.form, lies, request.more...)
			if name == "user info" && got.StatusCode == http.StatusBadRequest {
				continue // no host at all
			}
			if visible(got) != want {
				t.Errorf("%s, %s %s:\n%.700s\nnot\n%.700s", name, request.method, request.target, visible(got), want)
			}
		}
	}
	for name, lies := range poison {
		address := unique("guest") + "@guest.example"
		r, err := http.NewRequest("POST", base+"/v1"+north.at("/invitations"), strings.NewReader(`{"email":"`+address+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = lies.Clone()
		if host := lies.Get("Host"); host != "" {
			r.Host = host
		}
		r.Header.Set("Authorization", "Bearer "+p.a.root.manage)
		r.Header.Set("Content-Type", "application/json")
		resp, err := p.plain().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusBadRequest {
			continue
		}
		if link := linkTo(p.World, address); !strings.HasPrefix(link, base+"/login/invitation?") {
			t.Errorf("%s: the mail links to %s", name, link)
		}
	}
	// Without a tenant in the path the host decides, and evil.example is nobody's.
	for _, path := range []string{"/v1/orgs/root", "/.well-known/openid-configuration", "/login/", "/oauth2/authorize"} {
		if got := p.lie(fresh(), "GET", apptest.Origin+path, nil, poison["host"]); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s at evil.example: %d", path, got.StatusCode)
		}
	}
}
