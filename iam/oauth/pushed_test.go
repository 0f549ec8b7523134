package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// push pushes a good request of a client, with changes, and returns its reference.
func (w *world) push(a *tenant, client string, changes ...string) answer {
	w.t.Helper()
	return w.send(a, "POST", "/oauth2/par", w.as(a, client, request(client, changes...)))
}

// bring is the browser that brings a reference.
func (w *world) bring(a *tenant, client, uri string, more ...string) answer {
	w.t.Helper()
	q := url.Values{"client_id": {client}, "request_uri": {uri}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return w.send(a, "GET", "/oauth2/authorize?"+q.Encode(), nil)
}

func TestPushedRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, client := range []string{"web", "spa"} {
		pushed := w.push(w.a, client)
		uri := pushed.text("request_uri")
		if pushed.StatusCode != http.StatusCreated || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") || pushed.body["expires_in"] != 60.0 ||
			pushed.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %s", client, pushed.StatusCode, pushed.raw)
		}
		// What else the browser brings is ignored.
		got := w.redirected(w.bring(w.a, client, uri, "state", "another", "redirect_uri", "https://evil.example/", "scope", "orders.write"))
		if got.Get("code") == "" || got.Get("state") != "s t&a=t#e" || got.Get("iss") != w.a.Base {
			t.Fatalf("%s: %v", client, got)
		}
		tokens := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, client, got.Get("code")))
		if tokens.StatusCode != http.StatusOK || !strings.Contains(tokens.text("scope"), "openid") {
			t.Errorf("%s: %d %s", client, tokens.StatusCode, tokens.raw)
		}
	}
	c := w.asserting(w.a, "other", jose.ES256)
	form := request("other")
	form.Set("client_assertion", c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/par"}))
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	if got := w.send(w.a, "POST", "/oauth2/par", form); got.StatusCode != http.StatusCreated {
		t.Errorf("by private_key_jwt: %d %s", got.StatusCode, got.raw)
	}
	// A client that has to push cannot do without.
	w.change(w.a, "web", func(c *apps.Client) { c.RequirePushed = true })
	if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web").Encode(), nil)); got.Get("error") != "invalid_request" || got.Get("code") != "" {
		t.Errorf("not pushed: %v", got)
	}
	if got := w.redirected(w.bring(w.a, "web", w.push(w.a, "web").text("request_uri"))); got.Get("code") == "" {
		t.Errorf("pushed: %v", got)
	}
}

// TestAttack16_PushedRequests: a reference is good for its client, at its issuer, for a minute, for one answer; and nothing is pushed that
// could not be asked for (RFC 9126; RFC 9700, section 4.1).
func TestAttack16_PushedRequests(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct {
		form url.Values
		code string
	}{
		"a wrong secret":       {with(w.as(w.a, "web", request("web")), "client_secret", "wrong"), "invalid_client"},
		"no secret":            {request("web"), "invalid_client"},
		"a reference within":   {with(w.as(w.a, "web", request("web")), "request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"},
		"another redirect URI": {w.as(w.a, "web", request("web", "redirect_uri", "https://evil.example/")), "invalid_request"},
		"no challenge":         {w.as(w.a, "web", request("web", "code_challenge", "")), "invalid_request"},
		"another response":     {w.as(w.a, "web", request("web", "response_type", "token")), "unauthorized_client"},
		"a request object":     {w.as(w.a, "web", request("web", "request", "e30.e30.")), "invalid_request_object"},
	} {
		if got := w.send(w.a, "POST", "/oauth2/par", c.form); got.text("error") != c.code || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.send(w.a, "GET", "/oauth2/par", nil); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got.StatusCode)
	}

	fresh := func() string { return w.push(w.a, "web").text("request_uri") }
	uri := fresh()
	for name, got := range map[string]answer{
		"another client's":  w.bring(w.a, "spa", uri),
		"no client":         w.send(w.a, "GET", "/oauth2/authorize?request_uri="+url.QueryEscape(uri), nil),
		"the other tenant":  w.bring(w.b, "web", uri),
		"an organization's": w.send(w.a, "GET", "/o/north/oauth2/authorize?client_id=web&request_uri="+url.QueryEscape(uri), nil),
		"another reference": w.bring(w.a, "web", uri[:len(uri)-1]+"x"),
		"of no form":        w.bring(w.a, "web", "urn:ietf:params:oauth:request_uri:x"),
		"another URN":       w.bring(w.a, "web", "urn:x"),
	} {
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	// One that would have to be fetched is not: the error goes to the client.
	if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "request_uri", "https://127.0.0.1/x").Encode(), nil)); got.Get("error") != "request_uri_not_supported" {
		t.Errorf("one to be fetched: %v", got)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if w.bring(w.a, "web", uri).StatusCode == http.StatusSeeOther {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 12 used one reference", won.Load())
	}
	old := fresh()
	w.Clock.Advance(time.Minute)
	if got := w.bring(w.a, "web", old); got.StatusCode != http.StatusBadRequest {
		t.Errorf("after a minute: %d", got.StatusCode)
	}
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	// What was good when it was pushed is asked again.
	gone := fresh()
	w.change(w.a, "web", func(c *apps.Client) { c.RedirectURIs = []string{"https://web.example/new"} })
	if got := w.bring(w.a, "web", gone); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
		t.Errorf("a redirect URI that is not registered any more: %d", got.StatusCode)
	}
}

// TestPushedRequestIsLoadedAgain: a page that is loaded twice before anybody has signed in works twice, and of all the sign-ins that
// began with a reference one is answered (RFC 9126, section 4; FAPI 2.0 Security Profile, section 5.3.2.2).
func TestPushedRequestIsLoadedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var begun []ids.Flow
	failed := ""
	w.person = func(req authn.Request) authn.Outcome {
		done := *w.signedIn(w.a, w.a.north).Done
		done.App, done.Issuer, done.Return, done.Error = req.App.ID, req.Issuer, req.Return, failed
		begun = append(begun, ids.NewFlow())
		w.done[begun[len(begun)-1]] = done
		return authn.Outcome{RedirectTo: req.Issuer + "/login?flow=" + begun[len(begun)-1].String()}
	}
	resume := func(n int) answer {
		return w.send(w.a, "GET", "/oauth2/authorize/resume?flow="+begun[n].String(), nil)
	}
	visit := func(uri string) {
		t.Helper()
		if got := w.bring(w.a, "web", uri); got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), w.a.Base+"/login?flow=") {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
	}
	used := func(name string, got answer) {
		t.Helper()
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.Contains(got.raw, "invalid_request_uri") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	uri := w.push(w.a, "web").text("request_uri")
	visit(uri)
	visit(uri)
	visit(uri)
	if got := w.redirected(resume(1)); got.Get("code") == "" || got.Get("state") != "s t&a=t#e" {
		t.Errorf("%v", got)
	}
	used("a sign-in that ends later", resume(0))
	used("a visit after the answer", w.bring(w.a, "web", uri))
	// The minute is over and the request is swept: a sign-in that began with it goes on, and still one of two is answered.
	w.Clock.Advance(2 * time.Minute)
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	used("a sign-in that ends much later", resume(2))
	begun = nil
	uri = w.push(w.a, "web").text("request_uri")
	visit(uri)
	visit(uri)
	w.Clock.Advance(2 * time.Minute)
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.redirected(resume(0)); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	w.Clock.Advance(12 * time.Minute) // the second has a minute left
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	used("the second of two after the minute", resume(1))
	// A person who says no has answered, too; one who does nothing has not.
	begun, failed = nil, authn.ErrorAccessDenied
	uri = w.push(w.a, "web").text("request_uri")
	visit(uri)
	if got := w.redirected(resume(0)); got.Get("error") != "access_denied" {
		t.Errorf("%v", got)
	}
	used("after a refusal", w.bring(w.a, "web", uri))
	// So has a program that must not show a page.
	uri = w.push(w.a, "web", "prompt", "none").text("request_uri")
	w.person = func(authn.Request) authn.Outcome { return authn.Outcome{Error: authn.ErrorLoginRequired} }
	if got := w.redirected(w.bring(w.a, "web", uri)); got.Get("error") != "login_required" {
		t.Errorf("%v", got)
	}
	used("after login_required", w.bring(w.a, "web", uri))
}

func with(form url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}
