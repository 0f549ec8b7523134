package oauth_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/oauth"
)

// TestTokenLog: each token that is issued, asked about and taken back has its line, and so has each request that is refused; who
// reads them can present nothing. Without the option there are none.
func TestTokenLog(t *testing.T) {
	w := setup(t)
	var written bytes.Buffer
	listen := func(on bool) {
		d := w.oauth.Dependencies
		d.Log = slog.New(slog.NewJSONHandler(&written, nil))
		w.serve(d, func(o *oauth.Options) { o.TokenLog = on })
	}
	listen(true)
	var secrets []string
	form := func(client string, pairs ...string) url.Values {
		f := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return w.as(w.a, client, f)
	}
	code := w.code(w.a, "web")
	first := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code))
	second := w.refresh(w.a, "web", first.text("refresh_token"))
	access, refresh := second.text("access_token"), second.text("refresh_token")
	machine := w.send(w.a, "POST", "/oauth2/token", form("m2m", "grant_type", "client_credentials", "scope", "orders.read"))
	w.active(w.a, access)
	w.active(w.a, "nonsense")
	w.send(w.a, "POST", "/oauth2/introspect", form("web", "token", refresh))
	w.send(w.a, "POST", "/oauth2/revoke", form("web", "token", access))
	w.send(w.a, "POST", "/oauth2/revoke", form("web", "token", refresh))
	w.send(w.a, "POST", "/oauth2/revoke", form("web", "token", "nonsense"))
	w.refresh(w.a, "web", "grv_rt_a-guess")
	bad := form("web", "grant_type", "authorization_code", "code", code)
	bad.Set("client_secret", "another-guess")
	w.send(w.a, "POST", "/oauth2/token", bad)
	w.send(w.a, "POST", "/oauth2/token", url.Values{"client_id": {"not-a-client"}, "grant_type": {"a-strange-grant"}})
	w.change(w.a, "web", func(c *apps.Client) {
		c.ResponseTypes = append(c.ResponseTypes, "id_token token")
	})
	w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "id_token token", "response_mode", "form_post", "nonce", "n-1").Encode(), nil)
	secrets = append(secrets, code, first.text("access_token"), first.text("refresh_token"), access, refresh, machine.text("access_token"), first.text("id_token"), w.a.secret,
		"nonsense", "a-guess", "another-guess", verifier, "not-a-client", "a-strange-grant")

	var got []string
	for line := range strings.Lines(written.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l["msg"] != "token request" {
			continue
		}
		if _, took := l["duration_us"].(float64); !took || l["tenant"] != "acme" {
			t.Errorf("%s", line)
		}
		var parts []string
		for _, name := range []string{"endpoint", "grant_type", "client_id", "result", "error", "user_id", "org_id", "scope"} {
			if text, _ := l[name].(string); text != "" {
				parts = append(parts, strings.NewReplacer(w.a.user.String(), "ada", w.a.north.String(), "north", w.a.Root.String(), "root").Replace(text))
			}
		}
		for _, name := range []string{"token_id", "grant_id"} {
			if text, _ := l[name].(string); text != "" {
				parts = append(parts, name)
			}
		}
		got = append(got, strings.Join(parts, " "))
	}
	const person = "ada north openid profile email orders.read"
	const family = person + " orders.write" // what was granted; her roles hold less
	want := []string{
		"token authorization_code web issued " + person + " token_id grant_id",
		"token refresh_token web issued " + person + " token_id grant_id",
		"token client_credentials m2m issued root orders.read token_id",
		"introspect web active " + person + " token_id grant_id",
		"introspect web inactive",
		"introspect web active " + family + " grant_id",
		"revoke web revoked " + person + " token_id grant_id",
		"revoke web revoked " + family + " grant_id",
		"revoke web inactive",
		"token refresh_token web refused invalid_grant",
		"token web refused invalid_client",
		"token refused invalid_client",
		"authorize web issued " + person + " token_id grant_id",
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(written.String(), secret) {
			t.Errorf("%q is empty, or in the log", secret)
		}
	}
	listen(false)
	before := written.Len()
	w.signIn(w.a, "web")
	if written.Len() != before {
		t.Errorf("logged although it is off: %s", written.String()[before:])
	}
}
