package hosted_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

const verifier = "a-verifier-of-at-least-forty-three-characters-long"

// visitor walks through the whole program's pages as a browser does.
type visitor struct {
	*apptest.World
	client *http.Client
	t      *testing.T
}

func visit(t *testing.T, w *apptest.World) *visitor {
	return &visitor{World: w, client: w.Client(), t: t}
}

func (v *visitor) get(target string) apptest.Response {
	v.t.Helper()
	return v.Do(v.client, http.MethodGet, target, nil)
}

// to follows redirects until a page, or an address outside of the program.
func (v *visitor) to(r apptest.Response) apptest.Response {
	v.t.Helper()
	for r.StatusCode == http.StatusSeeOther || r.StatusCode == http.StatusFound {
		next, err := r.Location()
		if err != nil {
			v.t.Fatal(err)
		}
		if next.Query().Has("code") || next.Query().Has("error") {
			return r
		}
		r = v.get(next.String())
	}
	return r
}

var actionIn = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

func (v *visitor) submit(r apptest.Response, pairs ...string) apptest.Response {
	v.t.Helper()
	action, csrf := actionIn.FindSubmatch(r.Raw), csrfOf.FindSubmatch(r.Raw)
	if action == nil || csrf == nil {
		v.t.Fatalf("no form (status %d): %s", r.StatusCode, r.Raw)
	}
	form := url.Values{"csrf": {html.UnescapeString(string(csrf[1]))}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return v.to(v.Do(v.client, http.MethodPost, apptest.Origin+html.UnescapeString(string(action[1])), form, "Origin", "null", "Sec-Fetch-Site", "same-origin"))
}

func authorizeURL(base string, more ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"console"}, "redirect_uri": {base + "/console/callback"}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return base + "/oauth2/authorize?" + q.Encode()
}

// end reads where the protocol sent the browser.
func (v *visitor) end(r apptest.Response) url.Values {
	v.t.Helper()
	at, err := r.Location()
	if err != nil {
		v.t.Fatalf("status %d: %s", r.StatusCode, r.Raw)
	}
	return at.Query()
}

func (v *visitor) redeem(base, code string) map[string]any {
	v.t.Helper()
	r := v.Do(v.client, http.MethodPost, base+"/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"console"}, "code": {code},
		"redirect_uri": {base + "/console/callback"}, "code_verifier": {verifier}})
	if r.StatusCode != http.StatusOK {
		v.t.Fatalf("token: %d %s", r.StatusCode, r.Raw)
	}
	return r.JSON
}

func TestWholeWayThroughTheProgram(t *testing.T) {
	w := apptest.New(t)
	base := w.A.Base
	v := visit(t, w)
	if got := v.end(v.to(v.get(authorizeURL(base, "prompt", "none")))); got.Get("error") != "login_required" {
		t.Fatalf("prompt=none: %v", got)
	}
	page := v.to(v.get(authorizeURL(base)))
	page = v.submit(page, "username", "admin@"+w.A.Handle+".example")
	if wrong := v.submit(page, "password", "wrong"); wrong.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("wrong password: %d", wrong.StatusCode)
	}
	got := v.end(v.submit(page, "password", apptest.Password))
	if got.Get("code") == "" || got.Get("state") != "s" {
		t.Fatalf("no code: %v", got)
	}
	tokens := v.redeem(base, got.Get("code"))
	if tokens["access_token"] == nil || tokens["id_token"] == nil {
		t.Fatalf("tokens: %v", tokens)
	}
	if again := v.end(v.to(v.get(authorizeURL(base, "prompt", "none")))); again.Get("code") == "" {
		t.Errorf("single sign-on: %v", again)
	}

	// The session is the organization's to see and to end, and with it goes what it gave.
	token := w.Token(w.A)
	var listed struct{ Items []struct{ ID string } }
	into(t, w.API(w.A, token, http.MethodGet, "/orgs/root/sessions", nil), &listed)
	if len(listed.Items) != 1 {
		t.Fatalf("sessions: %+v", listed)
	}
	userinfo := func() int {
		return v.Do(v.client, http.MethodGet, base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).StatusCode
	}
	if got := userinfo(); got != http.StatusOK {
		t.Errorf("userinfo: %d", got)
	}

	// Signing out asks first, unless the client shows the ID token of this session.
	logout := v.to(v.get(base + "/oauth2/logout?client_id=console"))
	if logout.StatusCode != http.StatusOK || userinfo() != http.StatusOK {
		t.Fatalf("logout: %d %s", logout.StatusCode, logout.Raw)
	}
	if done := v.submit(logout); done.StatusCode != http.StatusOK {
		t.Errorf("signed out: %d %s", done.StatusCode, done.Raw)
	}
	if got := v.end(v.to(v.get(authorizeURL(base, "prompt", "none")))); got.Get("error") != "login_required" {
		t.Errorf("signed out: %v", got)
	}
	if got := userinfo(); got != http.StatusUnauthorized {
		t.Errorf("userinfo after signing out: %d", got)
	}
}

func into(t *testing.T, r apptest.Response, out any) {
	t.Helper()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, r.Raw)
	}
	if err := json.Unmarshal(r.Raw, out); err != nil {
		t.Fatal(err)
	}
}

func roleNamed(t *testing.T, list map[string]any, name string) string {
	t.Helper()
	items, _ := list["items"].([]any)
	for _, item := range items {
		if role, _ := item.(map[string]any); role["name"] == name {
			return role["id"].(string)
		}
	}
	t.Fatalf("no role %s in %v", name, list)
	return ""
}

var linkIn = regexp.MustCompile(`https?://\S*/login/invitation\?token=[A-Za-z0-9_%-]+`)

var passwordLinkIn = regexp.MustCompile(`https?://\S*/login/set-password\?token=[A-Za-z0-9_%-]+`)

// TestAttack06_PasswordLinksAreConsumedByPostOnly: an administrator makes an account and has its person choose the password.
func TestAttack06_PasswordLinksAreConsumedByPostOnly(t *testing.T) {
	w := apptest.New(t)
	token := w.Token(w.A)
	made := w.Must(w.A, token, http.MethodPost, "/orgs/root/users", map[string]any{"username": "grace", "email": "grace@acme.example"})
	w.Must(w.A, token, http.MethodPost, "/orgs/root/users/"+made["id"].(string)+"/password-link", map[string]any{})
	var link string
	testkit.Eventually(t, "the mail", func() bool {
		for _, m := range w.Mail.Entries() {
			if found := passwordLinkIn.FindString(m.Text); found != "" {
				link = found
			}
		}
		return link != ""
	})
	v := visit(t, w)
	for range 2 { // a scanner
		v.Do(v.client, http.MethodHead, link, nil)
		v.get(link)
	}
	page := v.to(v.get(link))
	if !strings.Contains(string(page.Raw), "grace") || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%d %v %s", page.StatusCode, page.Header, page.Raw)
	}
	if weak := v.submit(page, "password", "password"); weak.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a weak password: %d", weak.StatusCode)
	}
	if forged := v.Do(v.client, http.MethodPost, link, url.Values{"password": {"a secret of some length"}}, "Origin", "null", "Sec-Fetch-Site", "same-origin"); forged.StatusCode != http.StatusForbidden {
		t.Errorf("a form without its token: %d", forged.StatusCode)
	}
	v.submit(page, "password", "a secret of some length")
	if again := v.get(link); again.StatusCode != http.StatusGone {
		t.Errorf("the link again: %d", again.StatusCode)
	}
	if got := v.end(v.to(v.get(authorizeURL(w.A.Base, "prompt", "none")))); got.Get("error") != "login_required" {
		t.Errorf("who holds a link is signed in: %v", got)
	}
	signIn := v.submit(v.to(v.get(authorizeURL(w.A.Base))), "username", "grace@acme.example")
	if got := v.end(v.submit(signIn, "password", "a secret of some length")); got.Get("code") == "" {
		t.Errorf("the new password: %v", got)
	}
}

// TestAttack01_PasswordLinkOfASuspendedOrganization: its page says what keeps the link from working, and sets no password.
func TestAttack01_PasswordLinkOfASuspendedOrganization(t *testing.T) {
	w := apptest.New(t)
	token := w.Token(w.A)
	w.Must(w.A, token, http.MethodPost, "/orgs", map[string]any{"name": "Partner Ltd", "handle": "partner-x"})
	made := w.Must(w.A, token, http.MethodPost, "/orgs/partner-x/users", map[string]any{"username": "grace"})
	link := w.Must(w.A, token, http.MethodPost, "/orgs/partner-x/users/"+made["id"].(string)+"/password-link", map[string]any{"delivery": "link"})["link"].(string)
	v := visit(t, w)
	page := v.get(link)
	w.Must(w.A, token, http.MethodPost, "/orgs/partner-x:suspend", nil)
	for _, r := range []apptest.Response{v.get(link), v.submit(page, "password", "a secret of some length")} {
		if r.StatusCode != http.StatusForbidden || !strings.Contains(string(r.Raw), "Partner Ltd</bdi> is suspended") {
			t.Errorf("suspended: %d %s", r.StatusCode, r.Raw)
		}
	}
	w.Must(w.A, token, http.MethodPost, "/orgs/partner-x:resume", nil)
	if r := v.submit(page, "password", "a secret of some length"); r.StatusCode != http.StatusOK || !strings.HasSuffix(r.Request.URL.Path, "/account/") {
		t.Errorf("resumed: %d %s", r.StatusCode, r.Request.URL)
	}
}

// TestAttack06_AnInvitationByAClientThatIsGone: its page says so, and nobody comes in by it.
func TestAttack06_AnInvitationByAClientThatIsGone(t *testing.T) {
	w := apptest.New(t)
	token := w.Token(w.A)
	resource := ""
	for _, item := range w.Must(w.A, token, http.MethodGet, "/orgs/root/api-resources", nil)["items"].([]any) {
		if r := item.(map[string]any); r["identifier"] == "urn:grove:api" {
			resource = r["id"].(string)
		}
	}
	made := w.Must(w.A, token, http.MethodPost, "/orgs/root/apps", map[string]any{"name": "Inviter", "template": "m2m"})
	one := "/orgs/root/apps/" + made["id"].(string)
	w.Must(w.A, token, http.MethodPut, one+"/authorized-apis", map[string]any{"resource": resource, "scopes": []string{"grove"}, "policy": "none"})
	client := w.A
	client.ClientID, client.ClientSecret = made["client_id"].(string), made["client_secret"].(string)
	invited := w.Must(w.A, w.Token(client), http.MethodPost, "/orgs/root/invitations", map[string]any{"email": "ada@acme.example", "delivery": "link",
		"roles": []string{roleNamed(t, w.Must(w.A, token, http.MethodGet, "/orgs/root/roles", nil), "Administrator")}})
	link := invited["link"].(string)
	v := visit(t, w)
	page := v.get(link)
	w.Must(w.A, token, http.MethodPatch, one, map[string]any{"enabled": false})
	for _, r := range []apptest.Response{v.submit(page, "given_name", "Ada", "family_name", "Okafor", "password", "a secret of some length"), v.get(link)} {
		if r.StatusCode != http.StatusGone || !strings.Contains(string(r.Raw), "can no longer let anybody in") {
			t.Errorf("%d %s", r.StatusCode, r.Raw)
		}
	}
	if got := w.Must(w.A, token, http.MethodGet, "/orgs/root/invitations/"+invited["id"].(string), nil); got["state"] != "pending" || got["refused"] != "inviter_gone" {
		t.Errorf("%v", got)
	}
	w.Must(w.A, token, http.MethodPatch, one, map[string]any{"enabled": true})
	if r := v.submit(page, "given_name", "Ada", "family_name", "Okafor", "password", "a secret of some length"); !strings.HasSuffix(r.Request.URL.Path, "/console/") {
		t.Errorf("%d %s", r.StatusCode, r.Request.URL)
	}
}

func TestAnInvitedPersonGetsIn(t *testing.T) {
	w := apptest.New(t)
	token := w.Token(w.A)
	org := w.Must(w.A, token, http.MethodPost, "/orgs", map[string]any{"name": "Partner", "handle": "partner-x"})
	w.Must(w.A, token, http.MethodPost, "/orgs/partner-x/invitations", map[string]any{"email": "ada@partner-x.example",
		"roles": []string{roleNamed(t, w.Must(w.A, token, http.MethodGet, "/orgs/partner-x/roles", nil), "Administrator")}})
	var link string
	testkit.Eventually(t, "the invitation's mail", func() bool {
		for _, m := range w.Mail.Entries() {
			if found := linkIn.FindString(m.Text); found != "" {
				link = found
			}
		}
		return link != ""
	})
	v := visit(t, w)
	v.Do(v.client, http.MethodHead, link, nil)
	page := v.to(v.get(link))
	joined := v.submit(page, "given_name", "Ada", "family_name", "Okafor", "password", "a secret of some length")
	if at := joined.Request.URL; !strings.HasSuffix(at.Path, "/console/") || at.Query().Get("org") != "partner-x" {
		t.Fatalf("led to %s: %d", at, joined.StatusCode)
	}
	if again := v.to(v.get(link)); again.StatusCode != http.StatusGone {
		t.Errorf("the link again: %d", again.StatusCode)
	}
	got := v.end(v.to(v.get(authorizeURL(w.A.Base, "prompt", "none", "org", "partner-x"))))
	if got.Get("code") == "" {
		t.Fatalf("signed in by the invitation: %v", got)
	}
	if root := v.end(v.to(v.get(authorizeURL(w.A.Base, "org", "root")))); root.Get("error") != "access_denied" {
		t.Errorf("into another organization: %v", root)
	}

	// Suspending the organization ends the session, and nobody signs in.
	w.Must(w.A, token, http.MethodPost, "/orgs/"+org["id"].(string)+":suspend", nil)
	if got := v.end(v.to(v.get(authorizeURL(w.A.Base, "prompt", "none", "org", "partner-x")))); got.Get("error") == "" {
		t.Errorf("suspended: %v", got)
	}
	page = v.to(v.get(authorizeURL(w.A.Base, "org", "partner-x")))
	if page.StatusCode != http.StatusOK || strings.Contains(string(page.Raw), "suspended") {
		t.Errorf("suspended, to a stranger: %d %s", page.StatusCode, page.Raw)
	}
	page = v.submit(v.submit(page, "username", "ada@partner-x.example"), "password", "a secret of some length")
	if page.StatusCode != http.StatusForbidden || !strings.Contains(string(page.Raw), "can let it work again") {
		t.Errorf("suspended, to its administrator: %d %s", page.StatusCode, page.Raw)
	}
}
