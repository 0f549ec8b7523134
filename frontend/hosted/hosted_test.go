package hosted_test

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
)

const session = "__Host-grove-acme-session"

// TestChoosingAmongMany: who belongs to more organizations than the page shows is told so, and finds the others.
func TestChoosingAmongMany(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@partner.example", b.A.Partner)
	var last string
	for range 120 {
		last = ids.NewOrg().String()
		b.members[jo.ID.String()+last] = true
	}
	w := b.browser(t)
	page := w.follow(w.submit(w.get(w.begin(authn.Request{})), "username", "jo@partner.example"))
	choice := w.follow(w.submit(page, "password", secret))
	if n := strings.Count(choice.body, `name="organization"`); n != 100 || !strings.Contains(choice.body, "more organizations than are listed") {
		t.Fatalf("%d to choose from: %s", n, choice.body)
	}
	find := hiddenOf(choice.body, "flow")
	found := w.get("https://id.example/t/acme/login?flow=" + find + "&find=" + last)
	if n := strings.Count(found.body, `name="organization"`); n != 1 || !strings.Contains(found.body, `value="`+last+`"`) || strings.Contains(found.body, "more organizations") {
		t.Fatalf("%d found: %s", n, found.body)
	}
	if nobody := w.get("https://id.example/t/acme/login?flow=" + find + "&find=%3Cscript%3E"); !strings.Contains(nobody.body, "None of your organizations") || strings.Contains(nobody.body, "<script>") {
		t.Errorf("nothing found: %s", nobody.body)
	}
	if done := w.submit(found, "organization", last); done.Code != http.StatusSeeOther {
		t.Errorf("chosen: %d %s", done.Code, done.body)
	}
}

// hiddenOf is the value of a hidden field of a page.
func hiddenOf(body, name string) string {
	_, rest, _ := strings.Cut(body, `name="`+name+`" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestSigningIn(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@partner.example", b.A.Partner, b.A.Branch)
	w := b.browser(t)
	page := w.get(w.begin(authn.Request{LoginHint: "jo@partner.example", UILocales: []string{"de-CH"}, RedirectURI: "https://app.example/cb"}))
	if page.Code != http.StatusOK || !strings.Contains(page.body, `value="jo@partner.example"`) || !strings.Contains(page.body, `lang="de"`) {
		t.Fatalf("first page: %d %s", page.Code, page.body)
	}
	if csp := page.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %q", csp)
	}
	second := w.follow(w.submit(page, "username", "jo@partner.example"))
	if back := w.get(hrefOf(t, second, "step=identifier")); !strings.Contains(back.body, `id="username"`) {
		t.Errorf("back to who signs in: %s", back.body)
	}
	wrong := w.submit(second, "password", "wrong")
	if wrong.Code != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `role="alert"`) || w.cookies[session] != "" {
		t.Fatalf("wrong password: %d", wrong.Code)
	}
	choice := w.follow(w.submit(second, "password", secret))
	done := w.submit(choice, "organization", b.A.Branch.ID.String())
	end := done.Header().Get("Location")
	if done.Code != http.StatusSeeOther || !strings.HasPrefix(end, b.A.Tenant.Base+"/oauth2/authorize/resume?flow=flw_") {
		t.Fatalf("end: %d %s", done.Code, end)
	}
	found, good, err := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, w.cookies[session])
	if err != nil || !good || found.User != jo.ID || found.Org != b.A.Branch.ID {
		t.Errorf("session %+v %v %v", found, good, err)
	}
	// The back button, and the same form again: nothing is done twice.
	for _, again := range []answer{w.submit(second, "password", "wrong"), w.submit(second, "password", secret)} {
		if again.Code != http.StatusSeeOther || again.Header().Get("Location") != end {
			t.Errorf("again: %d %s", again.Code, again.Header().Get("Location"))
		}
	}
	if same, _, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, w.cookies[session]); same.ID != found.ID {
		t.Error("another session was made")
	}
}

func hrefOf(t *testing.T, a answer, part string) string {
	t.Helper()
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		if strings.Contains(m[1], part) {
			return strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	t.Fatalf("no link with %s: %s", part, a.body)
	return ""
}

// TestWhatIsLackingIsAskedFor: with labels, in the person's language, without a script; and what is not his to fill in names whom to ask.
func TestWhatIsLackingIsAskedFor(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo", b.A.Partner, b.A.Branch)
	needs := func(claim, attribute, kind, title string) authn.Attribute {
		return authn.Attribute{Told: attributes.Told{Name: claim, Attribute: attribute, Type: kind, DisplayName: title, Builtin: true}, Mandatory: true, Needed: true}
	}
	w := b.browser(t)
	req := authn.Request{Org: b.A.Branch.ID, UILocales: []string{"de"}, Attributes: []authn.Attribute{needs("given_name", "given_name", "text", "Given name"), needs("website", "attributes.website", "text", "Website"),
		needs("https://x.example/drives", "attributes.drives", "boolean", "Drives <b>trucks</b>")}}
	ask := w.follow(w.submit(w.follow(w.submit(w.get(w.begin(req)), "username", "jo")), "password", secret))
	for _, text := range []string{`<html lang="de"`, `<label for="value-0"><bdi>Vorname</bdi></label>`, `<input id="value-0" name="value:given_name" type="text" value="" autocomplete="given-name"`,
		`name="value:website" type="url"`, `name="value:https://x.example/drives" value="true"`, "Drives &lt;b&gt;trucks&lt;/b&gt;", "<bdi>Portal</bdi>"} {
		if !strings.Contains(ask.body, text) {
			t.Errorf("the page does not say %q: %s", text, ask.body)
		}
	}
	wrong := w.submit(ask, "value:given_name", `Jo"><i>`, "value:website", "x")
	for _, text := range []string{`value="Jo&#34;&gt;&lt;i&gt;"`, `aria-describedby="value-1-problem value-1-hint" aria-invalid="true"`, `id="problem" role="alert"`, `aria-describedby="value-2-problem"`} {
		if !strings.Contains(wrong.body, text) {
			t.Errorf("the page does not say %q: %s", text, wrong.body)
		}
	}
	if wrong.Code != http.StatusUnprocessableEntity || strings.Contains(wrong.body, "<script") {
		t.Errorf("wrong: %d", wrong.Code)
	}
	end := w.submit(wrong, "value:given_name", "Jo", "value:website", "https://jo.example", "value:https://x.example/drives", "false", "value:email", "x@y.example")
	if !strings.Contains(end.Header().Get("Location"), "/oauth2/authorize/resume?flow=") || w.cookies[session] == "" {
		t.Errorf("end: %d %s", end.Code, end.body)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		got, err := b.users.Load(ctx, tx, jo.ID)
		if got.GivenName != "Jo" || got.Email != "" || got.Attributes["drives"] != "false" || got.Attributes["website"] != "https://jo.example" {
			t.Errorf("kept: %+v", got)
		}
		return err
	})
	req.Attributes = append(req.Attributes, needs("department", "attributes.department", "text", "Department"))
	stop := w.get(w.begin(req))
	for _, text := range []string{"<li><bdi>Department</bdi></li>", "<bdi>partner</bdi>", `value="account"`} {
		if !strings.Contains(stop.body, text) {
			t.Errorf("the page does not say %q: %s", text, stop.body)
		}
	}
	if stop.Code != http.StatusForbidden || strings.Contains(stop.body, "value:") {
		t.Errorf("for others: %d", stop.Code)
	}
}

func TestConsentAndNewPassword(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo", b.A.Partner)
	b.client.SkipConsent, b.client.Pages = false, apps.Pages{PolicyURI: "https://portal.example/privacy", TosURI: "https://portal.example/terms"}
	b.client.APIs = []apps.ClientAPI{{Policy: apps.APIPolicyRBAC, Scopes: []string{"invoices.pay", "invoices.read"}}}
	b.held = map[string]bool{"invoices.read": true}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		phc, err := b.users.HashPassword(context.Background(), b.A.Tenant.ID, ids.Org{}, secret)
		if err != nil {
			return err
		}
		return b.users.SetTemporaryPasswordTx(ctx, tx, jo, phc)
	})
	w := b.browser(t)
	b.client.APIs[0].Types, b.client.APIs[0].RoleScopes = []string{"payment"}, []string{"invoices.read"}
	asked, err := details.Parse(`[{"type":"payment","amount":"12.50 <b>EUR</b>"}]`)
	if err != nil {
		t.Fatal(err)
	}
	page := w.follow(w.submit(w.get(w.begin(authn.Request{Details: asked, Attributes: []authn.Attribute{
		{Told: attributes.Told{Name: "preferred_username", Attribute: "username", DisplayName: "Username"}, Mandatory: true},
		{Told: attributes.Told{Name: "https://x.example/desk", Attribute: "attributes.desk", DisplayName: "Desk <b>of</b> yours"}}, {Told: attributes.Told{Name: "gender", Attribute: "attributes.gender", DisplayName: "Gender"}}}, Scopes: []string{"openid", "invoices.pay", "email", "invoices.read"}})), "username", "jo"))
	change := w.follow(w.submit(page, "password", secret))
	if short := w.submit(change, "password", "short"); short.Code != http.StatusUnprocessableEntity {
		t.Errorf("too short: %d", short.Code)
	}
	ask := w.follow(w.submit(change, "password", "one of my very own"))
	if !strings.Contains(ask.body, `value="allow"`) {
		t.Fatalf("no question: %s", ask.body)
	}
	for _, text := range []string{"See your email address", "See your invoices", "And their state.", "agree to exactly this", "Payment in en", "12.50 &lt;b&gt;EUR&lt;/b&gt;", "<bdi>Yes</bdi>",
		`<a href="https://portal.example/privacy" rel="noopener noreferrer" target="_blank">Privacy policy</a>`, `<a href="https://portal.example/terms"`} {
		if !strings.Contains(ask.body, text) {
			t.Errorf("the consent page does not say %q", text)
		}
	}
	if _, later, ok := strings.Cut(ask.body, "Once your roles allow it"); !ok || !strings.Contains(later, "<li>invoices.pay</li>") || strings.Contains(later, "invoices.read") {
		t.Errorf("the consent page does not tell what roles give from what they do not: %s", ask.body)
	}
	for _, text := range []string{`name="attribute:preferred_username" value="yes" checked disabled`, `name="attribute:https://x.example/desk" value="yes" checked>`, "Desk &lt;b&gt;of&lt;/b&gt; yours", "<bdi>jo</bdi>", "Required"} {
		if !strings.Contains(ask.body, text) {
			t.Errorf("the consent page does not ask for attributes: %q: %s", text, ask.body)
		}
	}
	if end := w.submit(ask, "decision", "allow", "attribute:gender", "yes", "attribute:email", "yes"); !strings.Contains(end.Header().Get("Location"), "/oauth2/authorize/resume?flow=") || w.cookies[session] == "" {
		t.Errorf("end: %d %v", end.Code, w.cookies)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var allowed, declined []string
		err := tx.QueryRow(ctx, `SELECT attributes, declined FROM consents WHERE tenant_id = $1`, tx.Tenant()).Scan(&allowed, &declined)
		if !slices.Equal(allowed, []string{"gender", "preferred_username"}) || !slices.Equal(declined, []string{"https://x.example/desk"}) {
			t.Errorf("chosen: %v %v", allowed, declined)
		}
		return err
	})
}

// TestDevice: a code that is typed begins a sign-in that asks for consent; one that comes by a link begins nothing.
func TestDevice(t *testing.T) {
	b := setup(t)
	b.person(t, "jo", b.A.Partner)
	w := b.browser(t)
	page := w.get(b.A.Tenant.Base + "/device?user_code=BCDF-GHJK")
	if page.Code != http.StatusOK || !strings.Contains(page.body, `value="BCDF-GHJK"`) || !strings.Contains(page.body, "a device of your own") || page.Header().Get("Location") != "" {
		t.Fatalf("%d %s", page.Code, page.body)
	}
	for _, wrong := range []string{"", "XXXX-XXXX"} {
		if again := w.submit(page, "user_code", wrong); again.Code != http.StatusUnprocessableEntity || !strings.Contains(again.body, "not valid, or it has run out") {
			t.Errorf("%q: %d %s", wrong, again.Code, again.body)
		}
	}
	ask := w.follow(w.submit(w.follow(w.submit(w.follow(w.submit(page, "user_code", "BCDF-GHJK")), "username", "jo")), "password", secret))
	if !strings.Contains(ask.body, `value="allow"`) {
		t.Errorf("an app that needs no consent lets a device in unseen: %s", ask.body)
	}
	for query, want := range map[string]string{"approved": "Your device is connected", "denied": "The device was not let in"} {
		if end := w.get(b.A.Tenant.Base + "/device?done=" + query); !strings.Contains(end.body, want) {
			t.Errorf("%s: %s", query, end.body)
		}
	}
}

// TestRequestFromElsewhere: the link of a request begins a sign-in, at whose end the person reads what the app says and that it asked from
// elsewhere, and answers by a form; a link that is no good, and each answer, have a page of their own.
func TestRequestFromElsewhere(t *testing.T) {
	b := setup(t)
	b.person(t, "jo", b.A.Partner)
	w := b.browser(t)
	at := b.A.Tenant.Base + "/login/request"
	ask := w.follow(w.submit(w.follow(w.submit(w.follow(w.get(at+"?token=good")), "username", "jo")), "password", secret))
	for _, want := range []string{`value="allow"`, `value="deny"`, "Pay &lt;b&gt;7&lt;/b&gt;", "not in this browser", `name="csrf"`} {
		if !strings.Contains(ask.body, want) {
			t.Errorf("the page lacks %s: %s", want, ask.body)
		}
	}
	if end := w.get(at + "?token=spent"); end.Code != http.StatusGone || !strings.Contains(end.body, "cannot be answered") {
		t.Errorf("%d %s", end.Code, end.body)
	}
	for answer, want := range map[string]string{"approved": "You have allowed it", "denied": "You have not allowed it", "unanswered": "Nothing was answered yet"} {
		if end := w.get(at + "?done=" + answer); end.Code != http.StatusOK || !strings.Contains(end.body, want) {
			t.Errorf("%s: %d %s", answer, end.Code, end.body)
		}
	}
}

// TestPagesNameTheTenant: where no organization is chosen yet, and where something is wrong, people see whose pages they are on.
func TestPagesNameTheTenant(t *testing.T) {
	b := setup(t)
	w := b.browser(t)
	for name, target := range map[string]string{"sign-in": w.begin(authn.Request{}), "error": b.A.Tenant.Base + "/login/error?error=invalid_request",
		"spent invitation": b.A.Tenant.Base + "/login/invitation?token=spent", "signed out": b.A.Tenant.Base + "/login/signed-out"} {
		if page := w.get(target); !strings.Contains(page.body, "<bdi>root</bdi>") {
			t.Errorf("%s: %s", name, page.body)
		}
	}
}

// TestAttack33_ForgedForms sends every form as a stranger's page would have it sent.
func TestAttack33_ForgedForms(t *testing.T) {
	b := setup(t)
	b.person(t, "jo@partner.example", b.A.Partner)
	b.invited["inv"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: "new@partner.example", State: "pending"}
	w := b.browser(t)
	w.signIn("jo@partner.example")
	base := b.A.Tenant.Base
	for name, target := range map[string]string{"flow": w.begin(authn.Request{Prompt: []string{"login"}}), "logout": base + "/login/logout", "device": base + "/device", "invitation": base + "/login/invitation?token=inv"} {
		page := w.get(target)
		action, good := page.form(t, "username", "jo", "given_name", "A", "family_name", "B", "password", secret)
		other := b.browser(t)
		_, foreign := other.get(base + "/login/invitation?token=inv").form(t)
		without := func(f func(url.Values)) url.Values {
			c := url.Values{}
			for k, v := range good {
				c[k] = v
			}
			f(c)
			return c
		}
		cookies := map[string]string{}
		for k, v := range w.cookies {
			cookies[k] = v
		}
		for attack, c := range map[string]struct {
			form    url.Values
			headers []string
			status  int
		}{
			"no token":          {without(func(f url.Values) { f.Del("csrf") }), nil, 403},
			"empty token":       {without(func(f url.Values) { f.Set("csrf", "") }), nil, 403},
			"another browser's": {without(func(f url.Values) { f.Set("csrf", foreign.Get("csrf")) }), nil, 403},
			"other site":        {good, []string{"Sec-Fetch-Site", "cross-site"}, 403},
			"sibling site":      {good, []string{"Sec-Fetch-Site", "same-site"}, 403},
			"foreign origin":    {good, []string{"Origin", "https://evil.example"}, 403},
			"http origin":       {good, []string{"Origin", "http://id.example"}, 403},
			"doubled field":     {without(func(f url.Values) { f.Add("username", "ann") }), nil, 400},
			"doubled token":     {without(func(f url.Values) { f.Add("csrf", f.Get("csrf")) }), nil, 400},
			"json":              {good, []string{"Content-Type", "application/json"}, 400},
			"multipart":         {good, []string{"Content-Type", "multipart/form-data; boundary=x"}, 400},
			"no type":           {good, []string{"Content-Type", ""}, 400},
			"huge":              {without(func(f url.Values) { f.Set("x", strings.Repeat("x", 1<<16)) }), nil, 400},
		} {
			got := w.do(http.MethodPost, action, c.form, c.headers...)
			if got.Code != c.status || got.Header().Get("Location") != "" {
				t.Errorf("%s, %s: %d", name, attack, got.Code)
			}
		}
		if _, good, _ := b.sessions.FindBySecret(context.Background(), b.A.Tenant.ID, cookies[session]); !good {
			t.Errorf("%s: a forged form signed the person out", name)
		}
		// No cookies at all, as from a form on another site.
		if got := b.browser(t).do(http.MethodPost, action, good); got.Code != 403 && got.Code != 410 {
			t.Errorf("%s, no cookies: %d", name, got.Code)
		}
	}
	if len(b.accepted) != 0 {
		t.Errorf("accepted by forgery: %+v", b.accepted)
	}
}

// TestAttack33_ForgedFormsAreTold: whoever watches an organization's log sees that its people are attacked, and a flood does
// not drown the rest of it.
func TestAttack33_ForgedFormsAreTold(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@partner.example", b.A.Partner)
	w := b.browser(t)
	w.signIn("jo@partner.example")
	action, good := w.get(b.A.Tenant.Base + "/login/logout").form(t)
	type told struct {
		Actor string         `db:"actor_kind"`
		Org   ids.Org        `db:"org_id"`
		Data  map[string]any `db:"data"`
	}
	log := func() (out []told) {
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
			out, err = db.Collect[told](ctx, tx, `SELECT actor_kind, org_id, data FROM events WHERE tenant_id = $1 AND type = 'form.refused' ORDER BY id`, tx.Tenant())
			return err
		})
		return out
	}
	w.do(http.MethodPost, action, good, "Origin", "https://evil.example")
	w.do(http.MethodPost, action, url.Values{"csrf": {"guess"}})
	b.browser(t).do(http.MethodPost, action, good)
	got := log()
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []told{
		{"anonymous", b.A.Partner.ID, map[string]any{"page": "logout", "reason": "origin", "user_id": jo.ID.String()}},
		{"anonymous", b.A.Partner.ID, map[string]any{"page": "logout", "reason": "token", "user_id": jo.ID.String()}},
		{"anonymous", b.A.Root.ID, map[string]any{"page": "logout", "reason": "token"}},
	} {
		want.Data["address"] = "192.0.2.1"
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("event %d: %+v, want %+v", i, got[i], want)
		}
	}
	for range 100 {
		if a := b.browser(t).do(http.MethodPost, action, good); a.Code != http.StatusForbidden {
			t.Fatalf("in a flood: %d", a.Code)
		}
	}
	if got = log(); len(got) > 20 {
		t.Errorf("a flood made %d events", len(got))
	}
	b.Clock.Advance(time.Minute)
	b.browser(t).do(http.MethodPost, action, good)
	counted := 0
	for _, e := range log() {
		more, _ := e.Data["more"].(float64)
		counted += 1 + int(more)
	}
	if counted != 104 {
		t.Errorf("the log accounts for %d of 104", counted)
	}
}

// TestAttack16_RepeatedParametersAndForeignAddresses: no parameter is an address, and none may come twice.
func TestAttack16_RepeatedParametersAndForeignAddresses(t *testing.T) {
	b := setup(t)
	b.person(t, "jo", b.A.Partner)
	w := b.browser(t)
	base := b.A.Tenant.Base
	flow := w.begin(authn.Request{})
	for _, target := range []string{flow + "&flow=" + ids.NewFlow().String(), base + "/login/invitation?token=a&token=b", base + "/login/logout?request=sealed&request=sealed",
		base + "/login/error?error=a&error=b", base + "/login?flow=%zz", base + "/login?flow=flw_x", base + "/login/logout?request=forged"} {
		if got := w.get(target); got.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", target, got.Code)
		}
	}
	if got := w.get(base + "/login?flow=" + ids.NewFlow().String()); got.Code != http.StatusGone {
		t.Errorf("unknown flow: %d", got.Code)
	}
	for _, target := range []string{base + "/login", base + "/login/", base + "/login?return_to=https://evil.example", base + "/login/logout?post_logout_redirect_uri=https://evil.example"} {
		got := w.get(target)
		if to := got.Header().Get("Location"); got.Code == http.StatusSeeOther && !strings.HasPrefix(to, base+"/") {
			t.Errorf("%s leads to %s", target, to)
		}
	}
	page := w.get(base + "/login/error?error=%3Cscript%3Ealert(1)%3C/script%3E")
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, "alert") {
		t.Errorf("echoed: %s", page.body)
	}
}

// TestAttack35_SameBytes compares whole pages for people who are there and people who are not.
func TestAttack35_SameBytes(t *testing.T) {
	b := setup(t)
	b.person(t, "jo@one.example", b.A.Partner)
	changing := regexp.MustCompile(`flw_[0-9a-z]{26}|name="csrf" value="[^"]*"`)
	var first []string
	for _, login := range []string{"jo@one.example", "xx@one.example"} {
		w := b.browser(t)
		named := w.submit(w.get(w.begin(authn.Request{})), "username", login)
		page := w.follow(named)
		wrong := w.submit(page, "password", "wrong")
		var seen []string
		for _, a := range []answer{named, page, wrong} {
			a.Header().Del("X-Request-Id")
			text := http.StatusText(a.Code) + changing.ReplaceAllString(a.body+a.Header().Get("Location"), "") + strings.Join(a.Header().Values("Set-Cookie"), "")
			seen = append(seen, strings.ReplaceAll(text, login, ""))
		}
		if first == nil {
			first = seen
		}
		for i := range seen {
			if seen[i] != first[i] {
				t.Errorf("answer %d differs:\n%s\n%s", i, seen[i], first[i])
			}
		}
	}
}

// TestAttack34_ForeignHosts: links, redirects and cookies follow the configured base, whatever the request claims.
func TestAttack34_ForeignHosts(t *testing.T) {
	b := setup(t)
	w := b.browser(t)
	w.host = "http://evil.example"
	target := strings.TrimPrefix(w.begin(authn.Request{}), "https://id.example")
	page := w.do(http.MethodGet, target, nil, "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example", "X-Forwarded-Proto", "http")
	if strings.Contains(page.body, "evil.example") {
		t.Errorf("the host is on the page: %s", page.body)
	}
	sent := w.submit(page, "username", "jo")
	if to := sent.Header().Get("Location"); !strings.HasPrefix(to, b.A.Tenant.Base+"/login?flow=") {
		t.Errorf("redirected to %s", to)
	}
	for name := range w.cookies {
		if !strings.HasPrefix(name, "__Host-grove-acme-") {
			t.Errorf("cookie %s", name)
		}
	}
}

func TestAttack06_InvitationsAreConsumedByPostOnly(t *testing.T) {
	b := setup(t)
	base := b.A.Tenant.Base
	b.invited["new"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: "new@partner.example", State: "pending"}
	b.invited["old"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: "new@partner.example", State: "expired"}
	w := b.browser(t)
	for range 2 {
		w.do(http.MethodHead, base+"/login/invitation?token=new", nil)
		w.get(base + "/login/invitation?token=new")
	}
	page := w.get(base + "/login/invitation?token=new")
	if len(b.accepted) != 0 || page.Code != http.StatusOK || w.cookies[session] != "" {
		t.Fatalf("a look was taken for more: %d", page.Code)
	}
	bodies := map[string]bool{}
	for _, target := range []string{"?token=old", "?token=unknown", "", "?token=%00"} {
		got := w.get(base + "/login/invitation" + target)
		bodies[got.body] = true
		if got.Code != http.StatusGone {
			t.Errorf("%s: %d", target, got.Code)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d ways to say that it cannot be used", len(bodies))
	}
	for name, c := range map[string][]string{"no name": {"password", "a fine long secret"}, "no password": {"given_name", "A", "family_name", "B"},
		"weak": {"given_name", "A", "family_name", "B", "password", "password"}} {
		if got := w.submit(page, c...); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
	got := w.submit(page, "given_name", " Ada ", "family_name", "Okafor", "password", "a fine long secret")
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != base+"/console/?joined=1&org=partner" || w.cookies[session] == "" {
		t.Fatalf("accepted: %d %s", got.Code, got.Header().Get("Location"))
	}
	if len(b.accepted) != 1 || b.accepted[0].GivenName != "Ada" {
		t.Errorf("%+v", b.accepted)
	}
	b.held = nil
	b.invited["colleague"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: "colleague@partner.example", State: "pending"}
	other := b.browser(t)
	got = other.submit(other.get(base+"/login/invitation?token=colleague"), "given_name", "Bo", "family_name", "Lind", "password", "a fine long secret")
	if got.Header().Get("Location") != base+"/account/?joined=1&org=partner" {
		t.Errorf("who may see nothing of the console is sent to %s", got.Header().Get("Location"))
	}
	if again := w.submit(page, "given_name", "Ada", "family_name", "Okafor", "password", "a fine long secret"); again.Code != http.StatusGone {
		t.Errorf("twice: %d", again.Code)
	}
}
