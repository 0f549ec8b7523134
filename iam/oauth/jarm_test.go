package oauth_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/jose"
)

var formField = regexp.MustCompile(`name="response" value="([^"]+)"`)

// signed takes the signed response out of an answer, wherever it travels, and checks it as a client would.
func (w *world) signed(got answer, alg string) *jose.Claims {
	w.t.Helper()
	to, err := url.Parse(got.Header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	values := to.Query()
	if to.Fragment != "" {
		values, _ = url.ParseQuery(to.Fragment)
	}
	if found := formField.FindStringSubmatch(got.raw); found != nil {
		values.Set("response", found[1])
	}
	for name := range values {
		if name != "response" && name != "from" {
			w.t.Errorf("%s travels beside the signed response", name)
		}
	}
	c := w.read(values.Get("response"), alg, "JWT")
	left := c.Expiry.Sub(w.Clock.Now())
	if err := c.Validate(w.Clock.Now(), 0, w.a.Base, "web"); err != nil || left > 10*time.Minute || left < 9*time.Minute {
		w.t.Errorf("%s left, %v", left, err)
	}
	return c
}

func text(c *jose.Claims, name string) string { s, _ := c.Text(name); return s }

func TestJARM(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask := func(changes ...string) answer {
		return w.send(w.a, "GET", "/oauth2/authorize?"+request("web", changes...).Encode(), nil)
	}
	for mode, at := range map[string]string{"jwt": callback + "&response=", "query.jwt": callback + "&response=", "fragment.jwt": callback + "#response=", "form_post.jwt": ""} {
		got := ask("response_mode", mode)
		c := w.signed(got, jose.ES256)
		if !strings.HasPrefix(got.Header.Get("Location"), at) || text(c, "state") != request("web").Get("state") {
			t.Errorf("%s: %s", mode, got.Header.Get("Location"))
		}
		if tokens := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", text(c, "code"))); tokens.text("access_token") == "" {
			t.Errorf("%s: %s", mode, tokens.raw)
		}
		c = w.signed(ask("response_mode", mode, "scope", "\"bad"), jose.ES256)
		if text(c, "error") != "invalid_scope" || text(c, "error_description") == "" || text(c, "code") != "" || text(c, "state") != request("web").Get("state") {
			t.Errorf("%s: error %q", mode, text(c, "error"))
		}
	}
	// What is refused before its parameters are read is answered in the mode that it names, too.
	w.change(w.a, "web", func(c *apps.Client) { c.RequireSignedRequest = true })
	if c := w.signed(ask("response_mode", "jwt"), jose.ES256); text(c, "error") != "invalid_request" || text(c, "state") == "" {
		t.Errorf("an unsigned request: %q", text(c, "error"))
	}
	w.change(w.a, "web", func(c *apps.Client) { c.RequireSignedRequest = false })
	w.change(w.a, "web", func(c *apps.Client) { c.IDTokenAlg = jose.PS256 })
	w.signed(ask("response_mode", "jwt"), jose.PS256)
	w.change(w.a, "web", func(c *apps.Client) { c.ResponseAlg = jose.EdDSA })
	w.signed(ask("response_mode", "jwt"), jose.EdDSA)
	for _, mode := range []string{".jwt", "web_message.jwt", "jwt.jwt", "JWT"} {
		if got := w.redirected(ask("response_mode", mode)); got.Get("error") != "invalid_request" || got.Get("response") != "" {
			t.Errorf("%s: %v", mode, got)
		}
	}
}
