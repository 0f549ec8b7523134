package login

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"grove/iam/authz/details"
)

// samples fills every page, some in several states.
func samples() map[string]struct {
	page string
	data Page
} {
	c := Common{
		Action: "/t/northwind/login/step", AppName: "Fleet Planner", CancelURL: "/t/northwind/login/cancel",
		CSRF: "c5rf-token", OrgName: "Northwind Logistics",
	}
	cancels := c
	cancels.Cancel, cancels.CancelURL = true, ""
	framed := c
	framed.Frames = []string{"https://fleet.example/logout?iss=x&sid=y", "https://wiki.example/logout"}
	with := func(problem string) Common { c := c; c.Problem = problem; return c }
	type sample = struct {
		page string
		data Page
	}
	return map[string]sample{
		"change_password":         {PageChangePassword, ChangePasswordPage{Common: c, Username: "ada@northwind.example"}},
		"change_password-problem": {PageChangePassword, ChangePasswordPage{Common: with(ProblemPasswordPolicy), PasswordMin: 12, Username: "ada@northwind.example"}},
		"change_password-link":    {PageChangePassword, ChangePasswordPage{Common: c, ByLink: true, Username: "ada@northwind.example"}},
		"consent": {PageConsent, ConsentPage{Common: c, PrivacyURL: "https://fleet.example/privacy", TermsURL: "https://fleet.example/terms",
			Scopes:   []Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "trips:read", Title: "See planned trips", Description: "Routes, vehicles and drivers"}},
			Username: "ada@northwind.example"}},
		"consent-attributes": {PageConsent, ConsentPage{Common: c, Scopes: []Scope{{Name: "openid"}}, Username: "ada@northwind.example", Attributes: []Attribute{
			{Mandatory: true, Name: "email", Title: "E-mail address", Value: "ada@northwind.example"}, {Checked: true, Name: "given_name", Title: "Given name", Value: "Ada <b>شركة</b>"},
			{Name: "birthdate", Title: "Birthday"}, {Checked: true, Name: "https://northwind.example/desk", Title: "Desk in the office", Value: strings.Repeat("north", 30)}}}},
		"consent-unknown": {PageConsent, ConsentPage{Common: c, ReturnHost: "127.0.0.1:33418", Scopes: []Scope{{Name: "openid"}}, UnknownHost: "agent.example", Username: "ada@northwind.example"}},
		"consent-details": {PageConsent, ConsentPage{Common: c, Username: "ada@northwind.example", Scopes: []Scope{{Name: "openid"}}, Details: []details.Description{
			{Title: "Payment", Text: "Money leaves your account.", Fields: []details.Field{
				{Label: "Amount · Currency", Values: []details.Value{{Text: "EUR"}}}, {Label: "Amount · Value", Values: []details.Value{{Text: "123.50"}}},
				{Label: "Payee", Values: []details.Value{{Text: "شركة الشمال  <b>GmbH</b>"}}}, {Label: "Steps", Values: []details.Value{{Text: "initiate"}, {Text: "status"}}},
				{Label: "Urgent", Values: []details.Value{{Text: "true", Truth: true}}}}},
			{Title: "Accounts", Fields: []details.Field{{Label: "IBAN", Values: []details.Value{{Text: "DE02100100109307118603"}}}}}}}},
		"consent-later":       {PageConsent, ConsentPage{Common: c, Later: []Scope{{Name: "trips:write", Title: "Plan trips"}}, Scopes: []Scope{{Name: "openid"}}, Username: "ada@northwind.example"}},
		"consent-elsewhere":   {PageConsent, ConsentPage{Common: c, Elsewhere: true, Message: "Pay 120 EUR to شركة <b>North</b>", Scopes: []Scope{{Name: "openid"}}, Username: "ada@northwind.example"}},
		"request_done":        {PageRequestDone, RequestDonePage{Common: c, Answer: AnswerApproved}},
		"request_done-denied": {PageRequestDone, RequestDonePage{Common: c, Answer: AnswerDenied}},
		"request_done-gone":   {PageRequestDone, RequestDonePage{Common: c, Answer: AnswerGone}},
		"request_done-none":   {PageRequestDone, RequestDonePage{Common: c, Answer: AnswerUnanswered}},
		"device":              {PageDevice, DevicePage{Common: c, UserCode: "BCDF-GHJK"}},
		"device-problem":      {PageDevice, DevicePage{Common: with(ProblemDeviceCode), UserCode: "BCDF"}},
		"device_done":         {PageDeviceDone, DeviceDonePage{Common: c}},
		"device_done-denied":  {PageDeviceDone, DeviceDonePage{Common: c, Denied: true}},
		"error":               {PageError, ErrorPage{Common: with(ProblemClient), Code: "invalid_request", Reason: "The address to return to is missing or is not one that the application has <b>registered</b>.", RequestID: "req_01JDB3N5Z8", ReturnURL: "https://fleet.example/"}},
		"identifier":          {PageIdentifier, IdentifierPage{Common: c, Options: []Option{{"Northwind single sign-on", "/t/northwind/login/sso"}}}},
		"identifier-problem":  {PageIdentifier, IdentifierPage{Common: with(ProblemUsernameRequired)}},
		"invitation":          {PageInvitation, InvitationPage{Common: c, Email: "grace@northwind.example", InviterName: "Ada Lindqvist", PasswordMin: 12}},
		"invitation-existing": {PageInvitation, InvitationPage{Common: c, Email: "grace@northwind.example", SignInURL: "/t/northwind/login"}},
		"invitation-problem":  {PageInvitation, InvitationPage{Common: with(ProblemPasswordPolicy), Email: "grace@northwind.example", GivenName: "Grace", FamilyName: "Okafor"}},
		"invitation-signed":   {PageInvitation, InvitationPage{Common: c, Email: "grace@northwind.example", SignedInAs: "grace@northwind.example"}},
		"invitation_refused":  {PageInvitationInvalid, InvitationInvalidPage{Common: c, Refused: true}},
		"invitation_invalid":  {PageInvitationInvalid, InvitationInvalidPage{Common: c, SignInURL: "/t/northwind/login"}},
		"link_invalid":        {PageLinkInvalid, LinkInvalidPage{Common: c, SignInURL: "/t/northwind/login"}},
		"logout":              {PageLogout, LogoutPage{Common: c, Username: "ada@northwind.example"}},
		"organization": {PageOrganization, OrganizationPage{Common: c, Username: "ada@northwind.example", Organizations: []Organization{
			{ID: "org_1", Name: "Northwind Logistics"}, {ID: "org_2", Name: "Northwind Iberia", Detail: "Northwind Logistics"}, {ID: "org_3", Name: "شركة الشمال"}}}},
		"organization-more": {PageOrganization, OrganizationPage{Common: c, FindAction: "/t/northwind/login", Flow: "flw_1", More: true, Username: "ada@northwind.example",
			Organizations: []Organization{{ID: "org_1", Name: "Northwind Logistics"}, {ID: "org_2", Name: "Northwind Iberia"}}}},
		"organization-none": {PageOrganization, OrganizationPage{Common: c, Find: "southwind", FindAction: "/t/northwind/login", Flow: "flw_1", Username: "ada@northwind.example"}},
		"account":           {PageAccount, AccountPage{Common: cancels, Username: "ada@northwind.example"}},
		"account-long":      {PageAccount, AccountPage{Common: cancels, Username: "ada.magdalena.lindqvist-okafor@logistics.northwind.example"}},
		"organization-account": {PageOrganization, OrganizationPage{Common: cancels, OtherAccount: true, Username: "ada@northwind.example",
			Organizations: []Organization{{ID: "org_1", Name: "Northwind Logistics"}, {ID: "org_2", Name: "Northwind Iberia"}}}},
		"password":         {PagePassword, PasswordPage{Common: c, Username: "ada@northwind.example", ChangeURL: "/t/northwind/login", ForgotURL: "/t/northwind/login/recover"}},
		"password-problem": {PagePassword, PasswordPage{Common: with(ProblemCredentials), Username: "ada@northwind.example", ChangeURL: "/t/northwind/login"}},
		"signed_out":       {PageSignedOut, SignedOutPage{Common: c, ReturnURL: "https://fleet.example/"}},
		"signing_out":      {PageSigningOut, SigningOutPage{Common: framed, ReturnURL: "https://fleet.example/"}},
		"profile": {PageProfile, ProfilePage{Common: cancels, Username: "ada@northwind.example", Values: []Value{
			{Attribute: Attribute{Name: "given_name", Title: "Given name"}, Kind: "text"}, {Attribute: Attribute{Name: "birthdate", Title: "Birthday"}, Kind: "date"},
			{Attribute: Attribute{Name: "phone_number", Title: "Phone number"}, Kind: "phone"}, {Attribute: Attribute{Name: "driver", Title: "Drives <b>شركة</b>"}, Kind: "boolean"}}}},
		"profile-problem": {PageProfile, ProfilePage{Common: with(ProblemValues), Username: "ada@northwind.example", Values: []Value{
			{Attribute: Attribute{Name: "given_name", Title: "Given name", Value: `Ada"><b>`}, Kind: "text"}, {Attribute: Attribute{Name: "website", Title: "Website", Value: "javascript:alert(1)"}, Kind: "url", Problem: "form"},
			{Attribute: Attribute{Name: "zoneinfo", Title: "Time zone"}, Kind: "zone", Problem: "missing"}, {Attribute: Attribute{Name: "locale", Title: "Language", Value: "en"}, Kind: "language"},
			{Attribute: Attribute{Name: "desks", Title: strings.Repeat("north", 20), Value: "1,5"}, Kind: "number", Problem: "form"}, {Attribute: Attribute{Name: "driver", Title: "Drives"}, Kind: "boolean", Problem: "missing"}}}},
		"incomplete": {PageIncomplete, IncompletePage{Common: cancels, Holder: "Northwind Iberia", OtherAccount: true, Username: "ada@northwind.example", Attributes: []Attribute{
			{Name: "email", Title: "E-mail address"}, {Name: "desk", Title: "Desk <b>شركة</b>"}}}},
		"incomplete-nobody": {PageIncomplete, IncompletePage{Common: cancels, OtherAccount: true, Username: "ada@northwind.example", Attributes: []Attribute{{Name: "email", Title: "E-mail address"}}}},
		"refused-app":       {PageRefused, RefusedPage{Common: cancels, OtherAccount: true, Reason: "app", Username: "ada@northwind.example"}},
		"refused-member":    {PageRefused, RefusedPage{Common: cancels, OtherAccount: true, OtherOrganization: true, Reason: "not_member", Username: "ada@northwind.example"}},
		"refused-nowhere":   {PageRefused, RefusedPage{Common: cancels, OtherAccount: true, Reason: "no_organization", Username: "ada@northwind.example"}},
		"refused-unknown":   {PageRefused, RefusedPage{Common: cancels, Named: "nosuchorg", OtherOrganization: true, Reason: "unknown"}},
		"refused-text":      {PageRefused, RefusedPage{Common: cancels, OtherOrganization: true, Reason: "unknown"}},
		"suspended":         {PageSuspended, SuspendedPage{Common: c}},
		"suspended-admin":   {PageSuspended, SuspendedPage{Common: cancels, AskHost: "Acme", OtherAccount: true, OtherOrganization: true, Username: "ada@northwind.example"}},
		"organization-stopped": {PageOrganization, OrganizationPage{Common: cancels, Suspended: "Northwind Iberia", Username: "ada@northwind.example",
			Organizations: []Organization{{ID: "org_1", Name: "Northwind Logistics"}}}},
		"password-cancel":      {PagePassword, PasswordPage{Common: cancels, Username: "ada@northwind.example"}},
		"invitation-elsewhere": {PageInvitation, InvitationPage{Common: c, Elsewhere: true, Email: "grace@northwind.example", SignInURL: "/t/northwind/login"}},
		"error-unknown":        {PageError, ErrorPage{Common: with(ProblemClientUnknown), Code: "invalid_client", RequestID: "req_01JDB3N5Z8"}},
	}
}

// forbidden is what the policy would block, or what html/template writes when a value does not fit.
var forbidden = regexp.MustCompile(`<script|<style|\sstyle=|\son[a-z]+=|ZgotmplZ|<no value>`)

func get(t *testing.T, page string, data any) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Render(w, httptest.NewRequest(http.MethodGet, "/t/northwind/login", nil), page, data)
	return w
}

// TestEveryPageInEveryLocale renders all; with GROVE_LOGIN_PREVIEW set to a folder it leaves the pages there to look at.
func TestEveryPageInEveryLocale(t *testing.T) {
	preview := os.Getenv("GROVE_LOGIN_PREVIEW")
	if preview != "" {
		if err := os.WriteFile(filepath.Join(preview, "login.css"), stylesheet, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range samples() {
		for _, locale := range Locales {
			r := httptest.NewRequest(http.MethodGet, "/login?ui_locales="+locale, nil)
			w := httptest.NewRecorder()
			Render(w, r, s.page, s.data)
			body := w.Body.String()
			if w.Code != http.StatusOK {
				t.Fatalf("%s in %s: status %d", name, locale, w.Code)
			}
			if !strings.Contains(body, `lang="`+locale+`" dir="`+DirOf(locale)+`"`) {
				t.Errorf("%s in %s: wrong language", name, locale)
			}
			if s.page == PageSigningOut {
				body = strings.Replace(body, `<script src="`+ScriptPath+`"></script>`, "", 1)
			}
			if found := forbidden.FindString(body); found != "" {
				t.Errorf("%s in %s contains %q", name, locale, found)
			}
			if strings.Contains(body, `method="post"`) && !strings.Contains(body, `name="csrf" value="c5rf-token"`) {
				t.Errorf("%s in %s: a form without its token", name, locale)
			}
			if preview != "" {
				local := strings.ReplaceAll(body, StylesheetPath, "login.css")
				if err := os.WriteFile(filepath.Join(preview, name+"."+locale+".html"), []byte(local), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	w := get(t, PageIdentifier, IdentifierPage{Common: Common{
		Status: http.StatusForbidden,
		FormActionOrigins: []string{
			"https://fleet.example/callback?x=1", "https://fleet.example/other", "com.example.fleet:/done",
			"javascript:alert(1)", "https://a.example;script-src *", "/relative", "",
		},
	}})
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
			"form-action 'self' https://fleet.example com.example.fleet:; frame-ancestors 'none'; base-uri 'none'",
		"Content-Type":           "text/html; charset=utf-8",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
	}
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
}

// TestFrames: what a page may put into frames is what it was given, and nothing else runs there.
func TestFrames(t *testing.T) {
	w := get(t, PageSigningOut, SigningOutPage{ReturnURL: "https://fleet.example/", Common: Common{
		Frames: []string{"https://fleet.example/logout?sid=1", "https://fleet.example/other", "https://a.example;script-src *", "javascript:alert(1)"}}})
	want := "form-action 'self'; script-src 'self'; frame-src https://fleet.example; frame-ancestors 'none'; base-uri 'none'"
	if got := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, want) {
		t.Errorf("policy %q", got)
	}
	if body := w.Body.String(); strings.Contains(body, "javascript:") || strings.Count(body, `sandbox="allow-same-origin allow-scripts"`) != 4 {
		t.Errorf("%s", body)
	}
}

func TestValuesAreEscaped(t *testing.T) {
	evil := `<img src=x onerror=alert(1)>{org}"'`
	body := get(t, PageInvitation, InvitationPage{
		Common: Common{OrgName: evil, AppName: evil, Action: "javascript:alert(1)", LogoURL: "javascript:alert(1)"},
		Email:  evil, InviterName: evil,
	}).Body.String()
	if strings.Contains(body, "<img src=x") || strings.Contains(body, "javascript:") {
		t.Errorf("a value reached the page unescaped:\n%s", body)
	}
}

func TestMistakesOfTheCaller(t *testing.T) {
	for page, data := range map[string]any{"nope": IdentifierPage{}, PagePassword: struct{}{}, PageConsent: IdentifierPage{}} {
		if w := get(t, page, data); w.Code != http.StatusInternalServerError {
			t.Errorf("%s with %T: status %d", page, data, w.Code)
		}
	}
}

func TestUnknownProblemHasAText(t *testing.T) {
	body := get(t, PagePassword, PasswordPage{Common: Common{Problem: "sso.not_there"}}).Body.String()
	if !strings.Contains(body, catalogue["en"]["problem.unknown"]) {
		t.Error("no text for an unknown problem")
	}
}

func TestNegotiate(t *testing.T) {
	for _, c := range []struct{ ui, accept, want string }{
		{"", "", "en"},
		{"", "de-AT,de;q=0.9,en;q=0.5", "de"},
		{"fr-CA", "de", "fr"},
		{"xx zz", "pt-BR", "pt"},
		{"", "sw", "en"},
		{"", "ar-EG", "ar"},
		{"", "zh-Hant-TW", "zh"},
		{"", ";;;=,q", "en"},
		{strings.Repeat("sw ", 500) + "fr", "", "en"},
	} {
		if got := Negotiate(c.ui, c.accept); got != c.want {
			t.Errorf("Negotiate(%.20q, %q) = %q, want %q", c.ui, c.accept, got, c.want)
		}
	}
}

// TestCatalogue holds the locales together: the same keys, the same placeholders, and every key used.
func TestCatalogue(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	var sources strings.Builder
	for _, pattern := range []string{"templates/*.html", "*.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(raw)
		}
	}
	for key, text := range catalogue["en"] {
		want := placeholder.FindAllString(text, -1)
		slices.Sort(want)
		for _, locale := range Locales {
			other, ok := catalogue[locale][key]
			got := placeholder.FindAllString(other, -1)
			slices.Sort(got)
			if !ok || !slices.Equal(got, want) {
				t.Errorf("%s: %s: placeholders %v, want %v", locale, key, got, want)
			}
		}
		used := strings.Contains(sources.String(), `"`+key+`"`)
		for _, prefix := range []string{"claim.", "problem.", "profile.hint.", "scope."} {
			used = used || strings.HasPrefix(key, prefix)
		}
		if !used && !strings.HasSuffix(key, ".title") {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for _, locale := range Locales {
		if len(catalogue[locale]) != len(catalogue["en"]) {
			t.Errorf("%s has %d messages, want %d", locale, len(catalogue[locale]), len(catalogue["en"]))
		}
	}
}

func TestStylesheet(t *testing.T) {
	w := httptest.NewRecorder()
	Stylesheet(w, httptest.NewRequest(http.MethodGet, StylesheetPath, nil))
	if w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers: %v", w.Header())
	}
	if w.Body.Len() > 12_000 {
		t.Errorf("the style sheet has %d bytes, limit 12000", w.Body.Len())
	}
}
