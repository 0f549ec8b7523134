package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

const (
	paying  = `{"actions":["initiate","status"],"amount":"12.50","type":"payment"}`
	looking = `{"actions":["status"],"amount":"12.50","type":"payment"}`
	riding  = `{"to":"Oslo","type":"ride"}`
)

// define gives both tenants a type of an API.
func (w *world) define(kind, api, schema string) {
	w.t.Helper()
	compiled, err := details.Compile(kind, []byte(schema))
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.types[kind] = details.Type{Kind: kind, Name: "Name of " + kind, API: api, Schema: compiled}
}

// DetailsType is the directory of authorization details types.
func (w *world) DetailsType(_ context.Context, _ ids.Tenant, kind string) (details.Type, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of, ok := w.types[kind]
	if !ok {
		return of, fault.ErrNotFound
	}
	return of, nil
}

// DetailsTypeNames tells the root of its types, and north of one more.
func (w *world) DetailsTypeNames(_ context.Context, t ids.Tenant, org ids.Org, _ int) (names []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for kind := range w.types {
		names = append(names, kind)
	}
	if t == w.a.ID && org == w.a.north {
		names = append(names, "north.only")
	}
	slices.Sort(names)
	return names, nil
}

// detailed lets the clients ask for payments at the orders API, which wants roles, and for rides at the trips API, which does not.
func detailed(t *testing.T, clients ...string) *world {
	w := setup(t)
	w.define("payment", orders, `{"required":["amount"],"properties":{"actions":{"items":{"type":"string"}},"amount":{"type":"string"},"locations":true}}`)
	w.define("ride", trips, `{"properties":{"to":{"type":"string"},"locations":true}}`)
	w.define("secret", "https://secret.example", `{}`)
	for _, client := range append(clients, "web") {
		w.twoAPIs(client)
		w.change(w.a, client, func(c *apps.Client) {
			c.APIs[0].Types, c.APIs[0].RoleScopes = []string{"payment"}, c.APIs[0].Scopes
			c.APIs[1].Types = []string{"ride"}
		})
	}
	return w
}

func list(of ...string) string { return "[" + strings.Join(of, ",") + "]" }

// told is authorization_details of a response, in the normal form.
func (a answer) told(t *testing.T) string {
	t.Helper()
	value, ok := a.body["authorization_details"]
	if !ok {
		return ""
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// carries are the details and the audience of an access token.
func (w *world) carries(token string) (list string, audience []string) {
	w.t.Helper()
	c := w.claimsOf(token)
	raw, _ := c.Get("authorization_details")
	return string(raw), c.Audience
}

func (w *world) introspected(token string) answer {
	w.t.Helper()
	return w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {token}}))
}

func TestDetails(t *testing.T) {
	w := detailed(t)
	var asked authn.Request
	w.person = func(req authn.Request) authn.Outcome { asked = req; return w.signedIn(w.a, w.a.north) }
	all := list(paying, riding)
	tokens := w.signIn(w.a, "web", "scope", "openid", "authorization_details", `[{"type":"payment", "amount":"12.50", "actions":["initiate","status"]}, `+riding+`]`)
	if asked.Details.String() != all {
		t.Errorf("the person is asked for %s", asked.Details)
	}
	if tokens.told(t) != all || tokens.text("scope") != "openid" {
		t.Errorf("answer %s", tokens.raw)
	}
	if got, audience := w.carries(tokens.text("access_token")); got != all || !slices.Equal(audience, []string{orders, trips}) {
		t.Errorf("token: %s for %v", got, audience)
	}
	if got := w.introspected(tokens.text("access_token")); got.told(t) != all {
		t.Errorf("introspection: %s", got.raw)
	}
	if got := w.introspected(tokens.text("refresh_token")); got.told(t) != all {
		t.Errorf("introspection of the refresh token: %s", got.raw)
	}
	if strings.Contains(string(mustPayload(t, tokens.text("id_token"))), "authorization_details") {
		t.Error("the ID token carries them")
	}
	// A token may be for less; the next one is for everything again (section 6).
	again := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", tokens), "authorization_details", list(looking)))
	if got, audience := w.carries(again.text("access_token")); got != list(looking) || again.told(t) != got || !slices.Equal(audience, []string{orders}) {
		t.Errorf("less: %s for %v", again.raw, audience)
	}
	none := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", again), "authorization_details", "[]"))
	if got, _ := w.carries(none.text("access_token")); none.StatusCode != http.StatusOK || got != "" || none.told(t) != "" {
		t.Errorf("none: %s", none.raw)
	}
	aimed := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", none), "resource", trips))
	if got, audience := w.carries(aimed.text("access_token")); got != list(riding) || !slices.Equal(audience, []string{trips}) {
		t.Errorf("for one API: %s for %v", aimed.raw, audience)
	}
	if whole := w.refresh(w.a, "web", aimed.text("refresh_token")); whole.told(t) != all {
		t.Errorf("everything again: %s", whole.raw)
	}
	// So may the first one.
	code := w.code(w.a, "web", "scope", "openid", "authorization_details", all)
	first := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code, "authorization_details", list(looking)))
	if first.told(t) != list(looking) || w.refresh(w.a, "web", first.text("refresh_token")).told(t) != all {
		t.Errorf("at the code: %s", first.raw)
	}
	// Details alone mean nothing else besides.
	alone := w.signIn(w.a, "web", "scope", "", "resource", orders, "authorization_details", list(paying))
	if alone.text("scope") != "" || alone.told(t) != list(paying) {
		t.Errorf("alone: %s", alone.raw)
	}
	var created struct {
		Types []string `json:"authorization_details_types"`
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		var raw []byte
		err := tx.QueryRow(ctx, `SELECT data FROM events WHERE tenant_id = $1 AND type = 'grant.created' ORDER BY id LIMIT 1`, w.a.ID).Scan(&raw)
		return errors.Join(err, json.Unmarshal(raw, &created))
	})
	if !slices.Equal(created.Types, []string{"payment", "ride"}) {
		t.Errorf("the log says %v", created.Types)
	}
}

func mustPayload(t *testing.T, token string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// refreshForm is the form that refreshes what a response has brought.
func (w *world) refreshForm(client string, tokens answer) url.Values {
	return w.as(w.a, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.text("refresh_token")}})
}

func TestDetailsPushedAndSigned(t *testing.T) {
	w := detailed(t)
	uri := w.push(w.a, "web", "authorization_details", list(paying)).text("request_uri")
	// What the browser brings beside the reference counts for nothing.
	got := w.redirected(w.bring(w.a, "web", uri, "authorization_details", list(riding)))
	if tokens := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", got.Get("code"))); tokens.told(t) != list(paying) {
		t.Errorf("pushed: %s", tokens.raw)
	}
	if got := w.push(w.a, "web", "authorization_details", `[{"type":"payment"}]`); got.text("error") != "invalid_authorization_details" {
		t.Errorf("pushed, no good: %s", got.raw)
	}
	c := w.asserting(w.a, "web", jose.ES256)
	var member any
	if err := json.Unmarshal([]byte(list(paying)), &member); err != nil {
		t.Fatal(err)
	}
	got = w.redirected(c.by(c.object("oauth-authz-req+jwt", c.key, map[string]any{"authorization_details": member}), "authorization_details", list(riding)))
	if tokens := w.send(w.a, "POST", "/oauth2/token", with(c.form(c.assertion(c.key, nil)), "grant_type", "authorization_code", "code", got.Get("code"), "redirect_uri", callback,
		"code_verifier", verifier)); tokens.told(t) != list(paying) {
		t.Errorf("signed: %v, %s", got, tokens.raw)
	}
	for name, value := range map[string]any{"a text": list(paying), "one": map[string]any{"type": "payment", "amount": "1"}} {
		if got := w.redirected(c.by(c.object("oauth-authz-req+jwt", c.key, map[string]any{"authorization_details": value}), "redirect_uri", callback)); got.Get("error") != "invalid_request_object" {
			t.Errorf("%s in a request object: %v", name, got)
		}
	}
}

func TestDetailsOfMachines(t *testing.T) {
	w := detailed(t, "m2m")
	ask := func(changes ...string) answer {
		return w.send(w.a, "POST", "/oauth2/token", with(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}}), changes...))
	}
	for name, c := range map[string]struct {
		changes  []string
		told     string
		scope    string
		audience []string
	}{
		"none":                 {nil, "", "orders.read orders.write trips.read trips.write", []string{orders, trips}},
		"alone":                {[]string{"authorization_details", list(paying)}, list(paying), "", []string{orders}},
		"beside a scope":       {[]string{"authorization_details", list(paying), "scope", "trips.read"}, list(paying), "trips.read", []string{trips, orders}},
		"for the API named":    {[]string{"authorization_details", list(riding), "resource", trips}, list(riding), "", []string{trips}},
		"with its location":    {[]string{"authorization_details", `[{"locations":["` + trips + `"],"type":"ride"}]`}, `[{"locations":["` + trips + `"],"type":"ride"}]`, "", []string{trips}},
		"an empty list":        {[]string{"authorization_details", "[]", "scope", "trips.read"}, "", "trips.read", []string{trips}},
		"switched, by request": {[]string{"authorization_details", list(riding), "scope", "trips.read"}, list(riding), "trips.read", []string{trips}},
	} {
		got := ask(c.changes...)
		carried, audience := w.carries(got.text("access_token"))
		if got.told(t) != c.told || carried != c.told || got.text("scope") != c.scope || !slices.Equal(audience, c.audience) {
			t.Errorf("%s: %s for %v", name, got.raw, audience)
		}
	}
	token := ask("authorization_details", list(paying)).text("access_token")
	form := w.as(w.a, "m2m", url.Values{"grant_type": {"organization_switch"}, "token": {token}, "switching_organization": {"north"}, "scope": {"trips.read"}})
	if got := w.send(w.a, "POST", "/oauth2/token", form); got.StatusCode != http.StatusOK || got.told(t) != "" {
		t.Errorf("switched: %s", got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/token", with(form, "authorization_details", list(riding))); got.told(t) != list(riding) {
		t.Errorf("switched, and asked anew: %s", got.raw)
	}
}

func TestDetailsOfDevices(t *testing.T) {
	w := detailed(t)
	d := w.device("web", "authorization_details", list(paying, riding))
	req, err := w.begin(d.shown)
	if err != nil || req.Details.String() != list(paying, riding) {
		t.Fatalf("%+v, %v", req.Details, err)
	}
	w.finish(req, nil)
	got := w.send(w.a, "POST", "/oauth2/token", with(d.form("web"), "authorization_details", list(riding)))
	if got.told(t) != list(riding) || w.refresh(w.a, "web", got.text("refresh_token")).told(t) != list(paying, riding) {
		t.Errorf("%s", got.raw)
	}
	form := w.as(w.a, "web", url.Values{"authorization_details": {`[{"type":"secret"}]`}})
	if got := w.send(w.a, "POST", "/oauth2/device_authorization", form); got.text("error") != "invalid_authorization_details" {
		t.Errorf("another API's type: %s", got.raw)
	}
}

func TestDetailsInTheBrowser(t *testing.T) {
	w := detailed(t)
	w.allowTypes("web", "code token", "token")
	for _, types := range []string{"token", "code token"} {
		got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", types, "authorization_details", list(paying)).Encode(), nil))
		if carried, _ := w.carries(got.Get("access_token")); got.Get("authorization_details") != list(paying) || carried != list(paying) {
			t.Errorf("%s: %v", types, got)
		}
	}
}

// TestDetailsEnd: each token carries what is allowed when it is made.
func TestDetailsEnd(t *testing.T) {
	w := detailed(t)
	all := list(paying, riding)
	tokens := w.signIn(w.a, "web", "scope", "openid", "authorization_details", all)
	next := func(name, want string, audience ...string) {
		t.Helper()
		tokens = w.refresh(w.a, "web", tokens.text("refresh_token"))
		carried, of := w.carries(tokens.text("access_token"))
		if tokens.StatusCode != http.StatusOK || tokens.told(t) != want || carried != want || !slices.Equal(of, audience) {
			t.Errorf("%s: %s for %v", name, tokens.raw, of)
		}
	}
	held := w.roles[w.a.north]
	w.roles[w.a.north] = nil
	next("without a role", list(riding), trips)
	w.roles[w.a.north] = held
	next("with a role", all, orders, trips)
	w.change(w.a, "web", func(c *apps.Client) { c.APIs[1].Types = nil })
	next("the app may not any more", list(paying), orders)
	w.change(w.a, "web", func(c *apps.Client) { c.APIs[1].Types = []string{"ride"} })
	w.define("payment", orders, `{"properties":{"amount":{"type":"string","maxLength":4},"actions":true}}`)
	next("the schema is narrower", list(riding), trips)
	w.mu.Lock()
	delete(w.types, "ride")
	w.mu.Unlock()
	next("the type is gone", "", w.a.Base)
}

func TestDetailsExchange(t *testing.T) {
	w := exchanging(t)
	w.define("payment", orders, `{"required":["amount"],"properties":{"actions":true,"amount":true}}`)
	w.define("ride", trips, `{"properties":{"to":true}}`)
	w.twoAPIs("web")
	w.change(w.a, "web", func(c *apps.Client) {
		c.APIs[0].Types, c.APIs[0].RoleScopes = []string{"payment"}, c.APIs[0].Scopes
		c.APIs[1].Types = []string{"ride"}
	})
	from := w.signIn(w.a, "web", "scope", "openid orders.read", "authorization_details", list(paying, riding)).text("access_token")
	check := func(name string, got answer, want string, audience ...string) {
		t.Helper()
		carried, of := w.carries(got.text("access_token"))
		if got.StatusCode != http.StatusOK || got.told(t) != want || carried != want || len(audience) > 0 && !slices.Equal(of, audience) {
			t.Errorf("%s: %s for %v", name, got.raw, of)
		}
	}
	check("own, as it is", w.exchange("web", from), list(paying, riding), orders, trips)
	check("own, for less", w.exchange("web", from, "authorization_details", list(looking)), list(looking), orders)
	check("own, for one API", w.exchange("web", from, "resource", trips), list(riding), trips)
	check("served, by who may ask for none", w.exchange("other", from, "audience", trips), "")
	w.change(w.a, "other", func(c *apps.Client) { c.APIs[1].Types = []string{"ride"} })
	check("served, by who may ask for them", w.exchange("other", from, "audience", trips), list(riding), trips)
	check("all that he may ask for", w.exchange("other", from), list(riding))
	less := w.exchange("web", from, "authorization_details", list(looking)).text("access_token")
	check("a second time", w.exchange("web", less), list(looking))

	for name, got := range map[string]answer{
		"an action more":           w.exchange("web", less, "authorization_details", list(paying)),
		"what was left out":        w.exchange("web", less, "authorization_details", list(riding)),
		"what nobody agreed to":    w.exchange("other", from, "audience", trips, "authorization_details", `[{"to":"Rome","type":"ride"}]`),
		"a type of another API":    w.exchange("other", from, "audience", trips, "authorization_details", list(paying)),
		"of another than is named": w.exchange("web", from, "resource", orders, "authorization_details", list(riding)),
	} {
		if got.text("error") != "invalid_authorization_details" {
			t.Errorf("TestAttack20, %s: %s", name, got.raw)
		}
	}
}

// ledger is a plug-in that knows more than a schema.
type ledger struct {
	details.Default
	refuse, fail bool
}

func (l *ledger) Validate(_ context.Context, of details.Request, _ details.Type, d details.Detail) error {
	switch {
	case l.fail:
		return errors.New("the ledger is away")
	case l.refuse, of.Tenant.IsZero() || of.ClientID == "":
		return details.Problem("The account is closed.")
	}
	return nil
}

func (l *ledger) Enrich(_ context.Context, _ details.Request, _ details.Type, d details.Detail) (details.Detail, error) {
	members := d.Members()
	members["account"] = "main"
	return details.New(members)
}

func (l *ledger) Subset(asked, granted details.Detail) bool { return asked.Member("amount") == "0" }

// TestDetailsProcessor: a plug-in refuses, completes before the person is asked, and compares; where it fails nothing is given.
func TestDetailsProcessor(t *testing.T) {
	w := detailed(t, "m2m")
	plugin := &ledger{}
	w.plugins["payment"] = plugin
	w.define("payment", orders, `{"properties":{"actions":true,"amount":true,"account":{"const":"main"}}}`)
	var asked authn.Request
	w.person = func(req authn.Request) authn.Outcome { asked = req; return w.signedIn(w.a, w.a.north) }
	const completed = `[{"account":"main","actions":["initiate","status"],"amount":"12.50","type":"payment"}]`
	tokens := w.signIn(w.a, "web", "scope", "openid", "authorization_details", list(paying))
	if asked.Details.String() != completed || tokens.told(t) != completed {
		t.Errorf("asked for %s, got %s", asked.Details, tokens.raw)
	}
	machine := w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "authorization_details": {list(paying)}})
	if got := w.send(w.a, "POST", "/oauth2/token", machine); got.told(t) != completed {
		t.Errorf("a machine: %s", got.raw)
	}
	nothing := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", tokens), "authorization_details", `[{"amount":"0","type":"payment"}]`))
	if nothing.told(t) != `[{"amount":"0","type":"payment"}]` {
		t.Errorf("compared by the plug-in: %s", nothing.raw)
	}
	plugin.refuse = true
	if got := w.send(w.a, "POST", "/oauth2/token", machine); got.text("error") != "invalid_authorization_details" || got.text("error_description") != "The account is closed." {
		t.Errorf("refused: %s", got.raw)
	}
	if got := w.refresh(w.a, "web", nothing.text("refresh_token")); got.StatusCode != http.StatusOK || got.told(t) != "" {
		t.Errorf("refused later: %s", got.raw)
	}
	plugin.fail = true
	if got := w.send(w.a, "POST", "/oauth2/token", machine); got.text("error") != "server_error" || strings.Contains(got.raw, "away") {
		t.Errorf("failed: %s", got.raw)
	}
	// A description that cannot be had is no page.
	ctx := httpapi.InTenant(t.Context(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base})
	list, err := details.Parse(list(riding))
	if err != nil {
		t.Fatal(err)
	}
	said, err := w.oauth.DescribeDetails(ctx, list, "en")
	if err != nil || len(said) != 1 || said[0].Title != "Name of ride" || said[0].Fields[0].Values[0].Text != "Oslo" {
		t.Errorf("%+v, %v", said, err)
	}
	w.mu.Lock()
	delete(w.types, "ride")
	w.mu.Unlock()
	if said, err := w.oauth.DescribeDetails(ctx, list, "en"); err == nil {
		t.Errorf("%+v", said)
	}
}

func TestDetailsInMetadata(t *testing.T) {
	w := setup(t, true)
	types := func(at string) any {
		t.Helper()
		got := w.send(w.a, "GET", at+"/.well-known/openid-configuration", nil)
		if got.StatusCode != http.StatusOK || got.body["iss"] != nil || got.text("issuer") == "" || got.body["authorization_response_iss_parameter_supported"] != true {
			t.Fatalf("%d %s", got.StatusCode, got.raw)
		}
		return got.body["authorization_details_types_supported"]
	}
	if got := types(""); got != nil {
		t.Errorf("none: %v", got)
	}
	w.define("ride", trips, `{}`)
	w.define(`we"ird`, trips, `{}`)
	if got := types(""); got != nil {
		t.Errorf("not from memory: %v", got)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Changed(ctx, "authz", "x") })
	w.hub.Changed("authz", w.a.ID.UUID())
	if got := types("").([]any); len(got) != 2 || got[0] != "ride" || got[1] != `we"ird` {
		t.Errorf("%v", got)
	}
	if got := types("/o/north").([]any); len(got) != 3 {
		t.Errorf("an organization's own: %v", got)
	}
}
