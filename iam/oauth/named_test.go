package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// info is what the userinfo endpoint says.
func (w *world) info(a *tenant, access string) answer {
	w.t.Helper()
	got := w.send(a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+access)
	if got.StatusCode != http.StatusOK {
		w.t.Fatalf("userinfo: %d %s", got.StatusCode, got.raw)
	}
	return got
}

// lacks fails where one of the claims is there.
func (w *world) lacks(where string, has func(string) bool, names ...string) {
	w.t.Helper()
	for _, name := range names {
		if has(name) {
			w.t.Errorf("%s has %s", where, name)
		}
	}
}

func inToken(c *jose.Claims) func(string) bool {
	return func(name string) bool { _, has := c.Get(name); return has }
}

func inInfo(a answer) func(string) bool {
	return func(name string) bool { _, has := a.body[name]; return has }
}

// TestClaimsRequest: claims that a request names are told where it says, and nothing else of their scopes is.
func TestClaimsRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var asked []string
	w.person = func(req authn.Request) authn.Outcome { asked = req.Scopes; return w.signedIn(w.a, w.a.north) }
	got := w.signIn(w.a, "web", "scope", "openid", "claims",
		`{"userinfo":{"given_name":{"essential":true},"email":null,"no_such":null,"iss":null},"id_token":{"email":{"essential":true},"auth_time":{"essential":true},"name":{"values":["Ada","Ada \"Lovelace\""]},"locale":{"value":"xx"},"family_name":{"value":"Byron"}}}`)
	if !slices.Equal(asked, []string{"openid", "email", "profile"}) || got.text("scope") != "openid" {
		t.Errorf("the person is asked for %v, the token is for %q", asked, got.text("scope"))
	}
	check := func(got answer) {
		t.Helper()
		id, info := w.read(got.text("id_token"), jose.ES256, "JWT"), w.info(w.a, got.text("access_token"))
		for name, want := range map[string]string{"email": "ada@north.example", "name": `Ada "Lovelace"`} {
			if text, _ := id.Text(name); text != want {
				t.Errorf("ID token: %s is %q", name, text)
			}
		}
		w.lacks("the ID token", inToken(id), "given_name", "family_name", "locale", "preferred_username", "email_verified", "no_such")
		if info.text("given_name") != "Ada" || info.text("email") != "ada@north.example" {
			t.Errorf("userinfo: %s", info.raw)
		}
		w.lacks("userinfo", inInfo(info), "name", "family_name", "preferred_username", "email_verified", "iss", "no_such")
	}
	check(got)
	check(w.refresh(w.a, "web", got.text("refresh_token")))
	switched := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {got.text("access_token")}, "switching_organization": {w.a.south.String()}}))
	check(switched)

	// Pushed or signed it is the same; without openid it means nothing.
	c := w.asserting(w.a, "other", jose.ES256)
	code := w.redirected(c.by(c.object("JWT", c.key, map[string]any{"scope": "openid", "claims": map[string]any{"userinfo": map[string]any{"email": nil}}})))
	form := c.form(c.assertion(c.key, nil))
	for name, value := range map[string]string{"grant_type": "authorization_code", "code": code.Get("code"), "redirect_uri": callback, "code_verifier": verifier} {
		form.Set(name, value)
	}
	tokens := c.send(form)
	if w.info(w.a, tokens.text("access_token")).text("email") != "ada@north.example" {
		t.Errorf("from a request object: %s", tokens.raw)
	}
	if none := w.signIn(w.a, "web", "scope", "orders.read", "claims", `{"userinfo":{"email":null}}`); none.body["id_token"] != nil || !slices.Equal(asked, []string{"orders.read"}) {
		t.Errorf("without openid: %v %s", asked, none.raw)
	}
	if d := w.send(w.a, "GET", "/.well-known/openid-configuration", nil); d.body["claims_parameter_supported"] != true {
		t.Error("the parameter is not in the metadata")
	}
}

func TestClaimsRequestRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	send := func(changes ...string) url.Values {
		return w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", changes...).Encode(), nil))
	}
	other := ids.NewUser().String()
	for raw, want := range map[string]string{
		`{"id_token":`:                                                                                            "invalid_request",
		`{"id_token":{"email":"yes"}}`:                                                                            "invalid_request",
		`{"id_token":{"email":null,"email":null}}`:                                                                "invalid_request",
		`{"id_token":{"acr":{"essential":true,"values":["urn:other"]}}}`:                                          "unmet_authentication_requirements",
		`{"id_token":{"acr":{"essential":true,"value":"urn:other"}}}`:                                             "unmet_authentication_requirements",
		`{"id_token":{"acr":{"essential":true,"values":["urn:other","urn:grove:acr:1"]}}}`:                        "",
		`{"id_token":{"acr":{"essential":true}}}`:                                                                 "",
		`{"id_token":{"acr":{"values":["urn:other"]}}}`:                                                           "",
		`{"id_token":{"sub":{"value":"` + w.a.user.String() + `"}}}`:                                              "",
		`{"userinfo":{"sub":{"values":["` + other + `","` + w.a.user.String() + `"]}}}`:                           "",
		`{"id_token":{"sub":null},"userinfo":{"sub":{"essential":true}}}`:                                         "",
		`{"id_token":{"sub":{"value":"somebody"}}}`:                                                               "login_required",
		`{"id_token":{"sub":{"value":7}}}`:                                                                        "login_required",
		`{"id_token":{"sub":{"values":["` + other + `","` + ids.NewUser().String() + `"]}}}`:                      "login_required",
		`{"id_token":{"sub":{"value":"` + other + `"}},"userinfo":{"sub":{"value":"` + w.a.user.String() + `"}}}`: "login_required",
	} {
		if got := send("claims", raw); got.Get("error") != want || (want == "") != got.Has("code") {
			t.Errorf("%s: %v", raw, got)
		}
	}
	// One sub is the hint of who has to sign in; it and a hint have to agree.
	hint := w.signIn(w.a, "web").text("id_token")
	var hinted ids.User
	w.person = func(req authn.Request) authn.Outcome { hinted = req.HintUser; return w.signedIn(w.a, w.a.north) }
	if got := send("claims", `{"id_token":{"sub":{"value":"`+w.a.user.String()+`"}}}`); !got.Has("code") || hinted != w.a.user {
		t.Errorf("hint %v: %v", hinted, got)
	}
	if got := send("claims", `{"id_token":{"sub":{"value":"`+other+`"}}}`); got.Get("error") != "login_required" || hinted.String() != other {
		t.Errorf("another person's sub: %v", got)
	}
	if got := send("id_token_hint", hint, "claims", `{"id_token":{"sub":{"value":"`+other+`"}}}`); got.Get("error") != "login_required" {
		t.Errorf("two people: %v", got)
	}
	// What was done counts, not what could be.
	w.person = func(authn.Request) authn.Outcome {
		out := w.signedIn(w.a, w.a.north)
		out.Done.AMR = nil
		return out
	}
	if got := send("claims", `{"id_token":{"acr":{"essential":true,"values":["urn:grove:acr:1"]}}}`); got.Get("error") != "unmet_authentication_requirements" {
		t.Errorf("nothing is known of the sign-in: %v", got)
	}
}

// TestACRValues: acr_values is a wish (OpenID Connect Core 1.0, section 3.1.2.1); acr says what was done, to introspection too.
func TestACRValues(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.signIn(w.a, "web", "acr_values", "urn:other urn:grove:acr:1")
	id := w.read(got.text("id_token"), jose.ES256, "JWT")
	if acr, _ := id.Text("acr"); acr != "urn:grove:acr:1" {
		t.Errorf("acr is %q", acr)
	}
	raw, _ := id.Get("auth_time")
	told := w.introspected(got.text("access_token"))
	if told.text("acr") != "urn:grove:acr:1" || told.body["auth_time"] == nil || string(raw) == "" {
		t.Errorf("introspection: %s", told.raw)
	}
	long := make([]byte, 400)
	for i := range long {
		long[i] = 'a'
	}
	if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "acr_values", string(long)).Encode(), nil)); got.Get("error") != "invalid_request" {
		t.Errorf("long acr_values: %v", got)
	}
}

// TestAttack03_ClaimsExchanged: what a person let one app know by name is not told to another that exchanges its token.
func TestAttack03_ClaimsExchanged(t *testing.T) {
	w := exchanging(t)
	from := w.signIn(w.a, "web", "scope", "openid orders.read", "claims", `{"userinfo":{"email":null}}`).text("access_token")
	if w.info(w.a, from).text("email") == "" {
		t.Fatal("the claim is not told to the app itself")
	}
	w.change(w.a, "other", func(c *apps.Client) { c.SkipConsent = true })
	other := w.exchange("other", from, "scope", "openid")
	if other.StatusCode != http.StatusOK {
		t.Fatalf("exchange: %s", other.raw)
	}
	if info := w.info(w.a, other.text("access_token")); info.body["email"] != nil {
		t.Errorf("another app is told: %s", info.raw)
	}
	if own := w.exchange("web", from, "scope", "openid"); w.info(w.a, own.text("access_token")).text("email") == "" {
		t.Errorf("the app's own exchange loses it: %s", own.raw)
	}
}
