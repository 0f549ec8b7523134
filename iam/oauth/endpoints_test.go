package oauth_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/keys"
)

// TestAuthorizeErrorPage: until client and redirect URI belong together, nothing redirects.
func TestAttack16_AuthorizeErrorPage(t *testing.T) {
	w := setup(t)
	w.change(w.a, "spa", func(c *apps.Client) { c.Enabled = false })
	for name, query := range map[string]string{
		"no client":             request("web", "client_id", "").Encode(),
		"unknown client":        request("nobody").Encode(),
		"disabled client":       request("spa").Encode(),
		"no redirect URI":       request("web", "redirect_uri", "").Encode(),
		"unregistered":          request("web", "redirect_uri", "https://evil.example/").Encode(),
		"with another query":    request("web", "redirect_uri", callback+"&x=1").Encode(),
		"none, unregistered":    request("web", "redirect_uri", "https://evil.example/", "prompt", "none").Encode(),
		"two redirect URIs":     request("web").Encode() + "&redirect_uri=https%3A%2F%2Fevil.example",
		"two states":            request("web").Encode() + "&state=x",
		"two unknowns":          request("web").Encode() + "&x=1&x=1",
		"broken escape":         request("web").Encode() + "&x=%zz",
		"NUL":                   request("web").Encode() + "&x=%00",
		"a state of 5 KiB":      request("web", "state", strings.Repeat("s", 5000)).Encode(),
		"everything of 20 KiB":  request("web", "x", strings.Repeat("s", 20000)).Encode(),
		"another tenant's":      request("web", "client_id", w.b.user.String()).Encode(),
		"a client of 300 bytes": request(strings.Repeat("c", 300)).Encode(),
	} {
		got := w.send(w.a, "GET", "/oauth2/authorize?"+query, nil)
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" || strings.Contains(got.raw, "evil") {
			t.Errorf("%s: %d %s %s", name, got.StatusCode, got.Header.Get("Location"), got.raw)
		}
	}
	if got := w.send(w.a, "POST", "/oauth2/authorize?x=1", request("web")); got.StatusCode != http.StatusBadRequest {
		t.Errorf("query and form: %d", got.StatusCode)
	}
	if got := w.redirected(w.send(w.a, "POST", "/oauth2/authorize", request("web", "unknown", "ignored"))); got.Get("code") == "" {
		t.Errorf("a POST: %v", got)
	}
}

func TestAuthorizeErrors(t *testing.T) {
	w := setup(t)
	hint := w.signIn(w.a, "web").text("id_token")
	access := w.signIn(w.a, "web").text("access_token")
	w.change(w.a, "other", func(c *apps.Client) { c.GrantTypes = []string{"client_credentials"} })
	for name, c := range map[string]struct {
		changes []string
		code    string
	}{
		"no response type":        {[]string{"response_type", ""}, "invalid_request"},
		"another type":            {[]string{"response_type", "code device"}, "unsupported_response_type"},
		"a type twice":            {[]string{"response_type", "code code"}, "unsupported_response_type"},
		"another mode":            {[]string{"response_mode", "web_message"}, "invalid_request"},
		"request":                 {[]string{"request", "e30.e30."}, "invalid_request_object"},
		"request_uri":             {[]string{"request_uri", "http://169.254.169.254/"}, "request_uri_not_supported"},
		"registration":            {[]string{"registration", "{}"}, "registration_not_supported"},
		"a scope with a quote":    {[]string{"scope", `open"id`}, "invalid_scope"},
		"no scope that it has":    {[]string{"scope", "users.read grove account"}, "invalid_scope"},
		"none and login":          {[]string{"prompt", "none login"}, "invalid_request"},
		"another prompt":          {[]string{"prompt", "create"}, "invalid_request"},
		"max_age of words":        {[]string{"max_age", "soon"}, "invalid_request"},
		"max_age below zero":      {[]string{"max_age", "-1"}, "invalid_request"},
		"max_age too large":       {[]string{"max_age", "99999999999"}, "invalid_request"},
		"nonce too long":          {[]string{"nonce", strings.Repeat("n", 600)}, "invalid_request"},
		"hint too long":           {[]string{"login_hint", strings.Repeat("n", 600)}, "invalid_request"},
		"hint that is no token":   {[]string{"id_token_hint", "x.y.z"}, "invalid_request"},
		"hint: access token":      {[]string{"id_token_hint", access}, "invalid_request"},
		"hint: cut":               {[]string{"id_token_hint", hint[:len(hint)-2]}, "invalid_request"},
		"hint: of another":        {[]string{"client_id", "spa", "id_token_hint", hint}, "invalid_request"},
		"two organizations":       {[]string{"org", "north", "orgId", "south"}, "invalid_request"},
		"not allowed to use code": {[]string{"client_id", "other"}, "unauthorized_client"},
	} {
		got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", c.changes...).Encode(), nil))
		if got.Get("error") != c.code || got.Get("iss") != w.a.Base || got.Get("state") != "s t&a=t#e" || got.Get("code") != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	elsewhere := w.redirected(w.send(w.a, "GET", "/o/north/oauth2/authorize?"+request("web", "org", "south").Encode(), nil))
	if elsewhere.Get("error") != "invalid_request" {
		t.Errorf("org against the base: %v", elsewhere)
	}
}

func TestAuthorizeAsksFor(t *testing.T) {
	w := setup(t)
	hint := w.signIn(w.a, "web").text("id_token")
	w.Clock.Advance(20 * time.Minute) // an expired hint is a hint
	var asked authn.Request
	w.person = func(req authn.Request) authn.Outcome {
		asked = req
		return authn.Outcome{Error: authn.ErrorLoginRequired}
	}
	got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "prompt", "none", "max_age", "0", "login_hint", "ada", "ui_locales", "de en",
		"org", "north", "id_token_hint", hint, "acr_values", "x", "display", "popup").Encode(), nil))
	if got.Get("error") != "login_required" {
		t.Errorf("%v", got)
	}
	if asked.App.ClientID != "web" || asked.HintUser != w.a.user || asked.MaxAge == nil || *asked.MaxAge != 0 || asked.LoginHint != "ada" || len(asked.UILocales) != 2 ||
		asked.OrgRequested != "north" || len(asked.Prompt) != 1 || asked.Issuer != w.a.Base || asked.RedirectURI != callback {
		t.Errorf("%+v", asked)
	}
	if strings.Join(asked.Scopes, " ") != "openid profile email orders.read orders.write" {
		t.Errorf("scopes to consent to: %v", asked.Scopes)
	}
}

func TestResume(t *testing.T) {
	w := setup(t)
	begin := func(client string, changes ...string) ids.Flow {
		flow := ids.NewFlow()
		w.person = func(req authn.Request) authn.Outcome {
			done := *w.signedIn(w.a, w.a.north).Done
			done.App, done.Issuer, done.Return = req.App.ID, req.Issuer, req.Return
			w.done[flow] = done
			return authn.Outcome{RedirectTo: req.Issuer + "/login?flow=" + flow.String()}
		}
		got := w.send(w.a, "GET", "/oauth2/authorize?"+request(client, changes...).Encode(), nil)
		if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), w.a.Base+"/login?flow=") {
			t.Fatalf("%d %s", got.StatusCode, got.Header.Get("Location"))
		}
		return flow
	}
	resume := func(flow ids.Flow) answer {
		return w.send(w.a, "GET", "/oauth2/authorize/resume?flow="+flow.String(), nil)
	}
	flow := begin("web", "response_mode", "fragment")
	to, _ := url.Parse(resume(flow).Header.Get("Location"))
	if got, _ := url.ParseQuery(to.Fragment); got.Get("code") == "" || got.Get("iss") != w.a.Base {
		t.Errorf("%s", to)
	}
	for name, got := range map[string]answer{
		"finished twice": resume(flow),
		"unknown":        resume(ids.NewFlow()),
		"none":           w.send(w.a, "GET", "/oauth2/authorize/resume", nil),
		"not an id":      w.send(w.a, "GET", "/oauth2/authorize/resume?flow=x", nil),
		"repeated":       w.send(w.a, "GET", "/oauth2/authorize/resume?flow="+flow.String()+"&flow="+flow.String(), nil),
	} {
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	for name, change := range map[string]func(*apps.Client){
		"disabled":                 func(c *apps.Client) { c.Enabled = false },
		"redirect URI taken away":  func(c *apps.Client) { c.RedirectURIs = nil },
		"response type taken away": func(c *apps.Client) { c.ResponseTypes = []string{"code id_token"} },
		"another app of that name": func(c *apps.Client) { c.ID = ids.NewApp() },
	} {
		flow := begin("web")
		before, _ := w.Client(context.Background(), w.a.ID, "web")
		w.change(w.a, "web", change)
		if got := resume(flow); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s while the person typed: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
		w.change(w.a, "web", func(c *apps.Client) { *c = before })
	}
	posted := resume(begin("web", "response_mode", "form_post"))
	if posted.StatusCode != http.StatusOK || !strings.Contains(posted.raw, `name="code"`) || !strings.Contains(posted.raw, `name="iss"`) {
		t.Errorf("form_post: %d %s", posted.StatusCode, posted.raw)
	}
}

func TestTokenBadInput(t *testing.T) {
	w := setup(t)
	basic := func(s string) []string {
		return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(s))}
	}
	good := url.Values{"grant_type": {"client_credentials"}}
	for name, c := range map[string]struct {
		form    url.Values
		headers []string
		status  int
		code    string
	}{
		"nobody":                {url.Values{"grant_type": {"client_credentials"}}, nil, 401, "invalid_client"},
		"no grant type":         {w.as(w.a, "m2m", url.Values{}), nil, 400, "invalid_request"},
		"password":              {w.as(w.a, "m2m", url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {"x"}}), nil, 400, "unauthorized_client"},
		"implicit":              {w.as(w.a, "m2m", url.Values{"grant_type": {"implicit"}}), nil, 400, "unsupported_grant_type"},
		"not among the app's":   {w.as(w.a, "web", url.Values{"grant_type": {"client_credentials"}}), nil, 400, "unauthorized_client"},
		"a wrong secret":        {good, basic("m2m:wrong"), 401, "invalid_client"},
		"an unknown client":     {good, basic("nobody:" + w.a.secret), 401, "invalid_client"},
		"the other tenant's":    {good, basic("m2m:" + w.b.secret), 401, "invalid_client"},
		"header and body":       {w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}}), basic("m2m:" + w.a.secret), 400, "invalid_request"},
		"a public one's secret": {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"spa"}, "client_secret": {w.a.secret}}, nil, 401, "invalid_client"},
		"a scope it has not":    {w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"nosuch openid"}}), nil, 400, "invalid_scope"},
		"a scope of characters": {w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"a\\b"}}), nil, 400, "invalid_scope"},
		"a repeated grant type": {url.Values{"grant_type": {"client_credentials", "client_credentials"}, "client_id": {"m2m"}, "client_secret": {w.a.secret}}, nil, 400, "invalid_request"},
		"switch without token":  {w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "switching_organization": {"south"}}), nil, 400, "invalid_request"},
		"switch to nowhere":     {w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {"x"}}), nil, 400, "invalid_request"},
		"refresh with nothing":  {w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}}), nil, 400, "invalid_request"},
	} {
		got := w.send(w.a, "POST", "/oauth2/token", c.form, c.headers...)
		if got.StatusCode != c.status || got.text("error") != c.code || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if c.status == 401 && got.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", name)
		}
	}
	if got := w.send(w.a, "POST", "/oauth2/token", good, basic("m2m:"+w.a.secret)...); got.StatusCode != 200 {
		t.Errorf("basic: %d %s", got.StatusCode, got.raw)
	}
	w.change(w.a, "m2m", func(c *apps.Client) { c.Enabled = false })
	if got := w.send(w.a, "POST", "/oauth2/token", good, basic("m2m:"+w.a.secret)...); got.StatusCode != 401 {
		t.Errorf("disabled: %d %s", got.StatusCode, got.raw)
	}
}

func TestIntrospectAndRevoke(t *testing.T) {
	w := setup(t)
	got := w.signIn(w.a, "web")
	access, refresh := got.text("access_token"), got.text("refresh_token")
	seen := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "other", url.Values{"token": {access}, "token_type_hint": {"refresh_token"}}))
	if seen.body["active"] != true || seen.text("username") != "ada" || seen.text("client_id") != "web" || seen.text("aut") != "APPLICATION_USER" || seen.text("token_type") != "Bearer" {
		t.Errorf("%s", seen.raw)
	}
	for name, c := range map[string]struct {
		client, token string
	}{"another client's refresh token": {"other", refresh}, "rubbish": {"web", "x"}, "an ID token": {"web", got.text("id_token")}, "a code": {"web", w.code(w.a, "web")}} {
		if r := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, c.client, url.Values{"token": {c.token}})); strings.TrimSpace(r.raw) != `{"active":false}` {
			t.Errorf("%s: %s", name, r.raw)
		}
	}
	if r := w.send(w.b, "POST", "/oauth2/introspect", w.as(w.b, "web", url.Values{"token": {access}})); r.raw != `{"active":false}` {
		t.Errorf("the other tenant: %s", r.raw)
	}
	for name, f := range map[string]url.Values{"nobody": {"token": {access}}, "a public client": {"token": {access}, "client_id": {"spa"}}} {
		if r := w.send(w.a, "POST", "/oauth2/introspect", f); r.StatusCode != 401 {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	if r := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{})); r.text("error") != "invalid_request" {
		t.Errorf("no token: %s", r.raw)
	}
	for _, token := range []string{access, refresh, "unknown"} {
		if r := w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "other", url.Values{"token": {token}})); r.StatusCode != 200 {
			t.Errorf("another client: %d", r.StatusCode)
		}
	}
	if !w.active(w.a, access) || !w.active(w.a, refresh) {
		t.Fatal("another client revoked")
	}
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {access}}))
	if w.active(w.a, access) || !w.active(w.a, refresh) {
		t.Error("an access token alone was to be revoked")
	}
	fresh := w.refresh(w.a, "web", refresh)
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {fresh.text("refresh_token")}, "token_type_hint": {"access_token"}}))
	if w.active(w.a, fresh.text("access_token")) || w.active(w.a, fresh.text("refresh_token")) || w.refresh(w.a, "web", fresh.text("refresh_token")).StatusCode == 200 {
		t.Error("the family lives on")
	}
	w.events("token.revoked", 1)
	spa := w.signIn(w.a, "spa")
	if r := w.send(w.a, "POST", "/oauth2/revoke", url.Values{"client_id": {"spa"}, "token": {spa.text("refresh_token")}}); r.StatusCode != 200 {
		t.Errorf("a public client: %d", r.StatusCode)
	}
	if w.active(w.a, spa.text("access_token")) {
		t.Error("a public client could not revoke")
	}
}

func TestUserinfoRefuses(t *testing.T) {
	w := setup(t)
	got := w.signIn(w.a, "web")
	access := got.text("access_token")
	plain := w.signIn(w.a, "web", "scope", "orders.read").text("access_token")
	if r := w.send(w.a, "POST", "/oauth2/userinfo", url.Values{"access_token": {access}}); r.StatusCode != 200 {
		t.Errorf("in the form: %d %s", r.StatusCode, r.raw)
	}
	for name, c := range map[string]struct {
		answer answer
		status int
		code   string
	}{
		"nothing":         {w.send(w.a, "GET", "/oauth2/userinfo", nil), 401, ""},
		"in the address":  {w.send(w.a, "GET", "/oauth2/userinfo?access_token="+access, nil), 400, "invalid_request"},
		"twice":           {w.send(w.a, "POST", "/oauth2/userinfo", url.Values{"access_token": {access}}, "Authorization", "Bearer "+access), 400, "invalid_request"},
		"two headers":     {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+access, "Authorization", "Bearer "+access), 400, "invalid_request"},
		"Basic":           {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Basic "+access), 401, "invalid_token"},
		"two spaces":      {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer  "+access), 401, "invalid_token"},
		"an ID token":     {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("id_token")), 401, "invalid_token"},
		"a refresh token": {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+got.text("refresh_token")), 401, "invalid_token"},
		"without openid":  {w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+plain), 403, "insufficient_scope"},
		"another tenant":  {w.send(w.b, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+access), 401, "invalid_token"},
	} {
		if c.answer.StatusCode != c.status || c.answer.text("error") != c.code || !strings.HasPrefix(c.answer.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %s %s", name, c.answer.StatusCode, c.answer.raw, c.answer.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestAttack21_Authenticate(t *testing.T) {
	w := setup(t)
	ctx := context.Background()
	console := w.signIn(w.a, "console", "redirect_uri", w.a.Base+"/console/callback", "scope", "openid grove")
	who, err := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: console.text("access_token")})
	if err != nil || who.Kind != actor.User || who.User != w.a.user || who.Org != w.a.north || who.Session != w.a.session || !who.Scopes["users.read"] || who.Scopes["users.write"] || !who.Scopes["account"] {
		t.Errorf("%+v, %v", who, err)
	}
	machine := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"}})).text("access_token")
	who, err = w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: machine})
	if err != nil || who.Kind != actor.Client || !who.User.IsZero() || who.Org != w.a.Root || !who.Scopes["users.write"] || who.Scopes["account"] {
		t.Errorf("%+v, %v", who, err)
	}
	web := w.signIn(w.a, "web")
	parts := strings.Split(console.text("access_token"), ".")
	for name, token := range map[string]string{
		"another audience": web.text("access_token"),
		"an ID token":      console.text("id_token"),
		"a refresh token":  console.text("refresh_token"),
		"no signature":     parts[0] + "." + parts[1] + ".",
		"alg none":         base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"another payload":  parts[0] + "." + strings.Split(machine, ".")[1] + "." + parts[2],
		"empty":            "",
		"long":             strings.Repeat("a.", 40000),
	} {
		if _, err := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: token}); !fault.CodeUnauthorized.Is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.oauth.Authenticate(ctx, w.b.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: machine}); !fault.CodeUnauthorized.Is(err) {
		t.Errorf("another tenant: %v", err)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Raise(ctx, db.KindUser, w.a.user.UUID(), "test") })
	if _, err := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: console.text("access_token")}); !fault.CodeUnauthorized.Is(err) {
		t.Errorf("revoked: %v", err)
	}
	w.Clock.Advance(15 * time.Minute)
	if _, err := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Scheme: "Bearer", Token: machine}); !fault.CodeUnauthorized.Is(err) {
		t.Errorf("expired: %v", err)
	}
}

func TestLogout(t *testing.T) {
	w := setup(t)
	hint := w.signIn(w.a, "web").text("id_token")
	w.Clock.Advance(time.Hour)
	q := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {signedOut}, "state": {"s&t"}, "client_id": {"web"}}
	got := w.send(w.a, "GET", "/oauth2/logout?"+q.Encode(), nil)
	page, sealed, ok := strings.Cut(got.Header.Get("Location"), "?request=")
	if got.StatusCode != http.StatusSeeOther || !ok || page != w.a.Base+"/login/logout" || strings.Contains(sealed, "web.example") {
		t.Fatalf("%d %s", got.StatusCode, got.Header.Get("Location"))
	}
	done := w.send(w.a, "GET", "/oauth2/logout/done?request="+sealed, nil)
	if done.StatusCode != http.StatusSeeOther || done.Header.Get("Location") != signedOut+"?state=s%26t" {
		t.Errorf("%d %s", done.StatusCode, done.Header.Get("Location"))
	}
	for name, got := range map[string]answer{
		"another tenant": w.send(w.b, "GET", "/oauth2/logout/done?request="+sealed, nil),
		"another base":   w.send(w.a, "GET", "/o/north/oauth2/logout/done?request="+sealed, nil),
		"cut short":      w.send(w.a, "GET", "/oauth2/logout/done?request="+sealed[:len(sealed)-1], nil),
		"nothing":        w.send(w.a, "GET", "/oauth2/logout/done", nil),
	} {
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	w.Clock.Advance(10 * time.Minute)
	if got := w.send(w.a, "GET", "/oauth2/logout/done?request="+sealed, nil); got.StatusCode != http.StatusBadRequest {
		t.Errorf("after ten minutes: %d", got.StatusCode)
	}
	for name, changes := range map[string][]string{
		"unregistered":           {"post_logout_redirect_uri", "https://evil.example/"},
		"with a query":           {"post_logout_redirect_uri", signedOut + "?x=1"},
		"the sign-in's callback": {"post_logout_redirect_uri", callback},
		"another client":         {"client_id", "other"},
		"a broken hint":          {"id_token_hint", hint[:len(hint)-3]},
		"no client at all":       {"id_token_hint", "", "client_id", ""},
	} {
		v := url.Values{}
		for name := range q {
			v.Set(name, q.Get(name))
		}
		for i := 0; i < len(changes); i += 2 {
			if v.Set(changes[i], changes[i+1]); changes[i+1] == "" {
				v.Del(changes[i])
			}
		}
		if got := w.send(w.a, "POST", "/oauth2/logout", v); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("TestAttack16, %s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if got := w.send(w.a, "GET", "/oauth2/logout", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("no parameters: %d", got.StatusCode)
	}
}

func TestEndGrants(t *testing.T) {
	w := setup(t)
	got := w.signIn(w.a, "web")
	other := w.signIn(w.a, "other")
	web, _ := w.Client(context.Background(), w.a.ID, "web")
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return w.oauth.EndGrantsTx(ctx, tx, w.a.user, w.a.north, web.ID, "consent_revoked")
	})
	if w.active(w.a, got.text("access_token")) {
		t.Error("the app's token lives on")
	}
	if w.refresh(w.a, "other", other.text("refresh_token")).StatusCode != 200 {
		t.Error("another app's grant ended")
	}
}

func TestSweep(t *testing.T) {
	w := setup(t)
	w.signIn(w.a, "web")
	w.Clock.Advance(61 * 24 * time.Hour)
	w.newSession(w.a)
	w.signIn(w.a, "web")
	if err := w.oauth.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		for _, sql := range []string{`SELECT count(*) FROM grants WHERE tenant_id = $1`, `SELECT count(*) FROM authorization_codes WHERE tenant_id = $1`, `SELECT count(*) FROM refresh_tokens WHERE tenant_id = $1`} {
			n := 0
			if err := tx.QueryRow(ctx, sql, tx.Tenant()).Scan(&n); err != nil || n != 1 {
				t.Errorf("%s: %d, %v", sql, n, err)
			}
		}
		return nil
	})
}

func TestDiscoveryAndKeys(t *testing.T) {
	w := setup(t)
	for _, name := range []string{"openid-configuration", "oauth-authorization-server"} {
		got := w.send(w.a, "GET", "/o/north/.well-known/"+name, nil)
		if got.text("issuer") != w.a.Base+"/o/north" || got.text("token_endpoint") != w.a.Base+"/o/north/oauth2/token" || !strings.Contains(got.Header.Get("Cache-Control"), "max-age") {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	keys := w.send(w.a, "GET", "/oauth2/jwks", nil)
	if keys.StatusCode != 200 || strings.Contains(keys.raw, `"d"`) || len(keys.body["keys"].([]any)) < 2 {
		t.Errorf("%s", keys.raw)
	}
	if other := w.send(w.b, "GET", "/oauth2/jwks", nil); other.raw == keys.raw {
		t.Error("two tenants share keys")
	}
}

// TestRestamp: a new password ends everything but the session that set it, and what that session's grants bring.
func TestRestamp(t *testing.T) {
	w := setup(t)
	elsewhere := w.signIn(w.a, "web")
	w.newSession(w.a)
	here := w.signIn(w.a, "web")
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return w.sessions.RestampTx(ctx, tx, w.a.session, func(ctx context.Context) error {
			return w.oauth.RestampTx(ctx, tx, w.a.session, func(ctx context.Context) error {
				return tx.Raise(ctx, db.KindUser, w.a.user.UUID(), "test")
			})
		})
	})
	if w.active(w.a, here.text("access_token")) || w.active(w.a, elsewhere.text("access_token")) {
		t.Error("an access token of before is good")
	}
	if got := w.refresh(w.a, "web", here.text("refresh_token")); got.StatusCode != 200 || !w.active(w.a, got.text("access_token")) {
		t.Errorf("the acting session's grant ended: %s", got.raw)
	}
	if w.refresh(w.a, "web", elsewhere.text("refresh_token")).StatusCode == 200 {
		t.Error("another session's grant lives on")
	}
	w.signIn(w.a, "web")
}

// TestZPlans runs last and looks at every statement that the others have sent.
func TestZPlans(t *testing.T) {
	w := setup(t)
	testkit.CheckPlans(t, w.Database)
}

// TestAttack21_RememberedSignatures: that a token was once found to be ours is no word for another one, nor for longer than its key.
func TestAttack21_RememberedSignatures(t *testing.T) {
	w := setup(t, true)
	token := w.signIn(w.a, "web", "scope", "openid orders.read").text("access_token")
	for range 2 {
		if !w.active(w.a, token) {
			t.Fatal("a good token is not active")
		}
	}
	head, signature := token[:strings.LastIndexByte(token, '.')+1], token[strings.LastIndexByte(token, '.')+1:]
	other := w.signIn(w.a, "web", "scope", "openid").text("access_token")
	for name, changed := range map[string]string{"another's signature": head + other[strings.LastIndexByte(other, '.')+1:], "a shorter signature": head + signature[:len(signature)-4], "nothing signed": head} {
		if w.active(w.a, changed) {
			t.Error(name)
		}
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM signing_keys WHERE tenant_id = $1`, tx.Tenant()); err != nil {
			return err
		}
		return tx.Changed(ctx, keys.Topic, "")
	})
	testkit.Heard(t, w.DB, w.hub)
	if w.active(w.a, token) {
		t.Error("a token outlives its key")
	}
}
