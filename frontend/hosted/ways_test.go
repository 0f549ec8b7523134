package hosted_test

import (
	"net/http"
	"strings"
	"testing"

	"grove/iam/authn"
)

// TestCancelAndOtherWays: what the buttons beside the answers do.
func TestCancelAndOtherWays(t *testing.T) {
	b := setup(t)
	b.person(t, "jo@one.example", b.A.Partner)
	b.person(t, "ann@one.example", b.A.Rivals)
	w := b.browser(t)
	page := w.get(w.begin(authn.Request{}))
	if !strings.Contains(page.body, `name="decision" value="cancel" formnovalidate`) {
		t.Errorf("no way back: %s", page.body)
	}
	if got := w.submit(page, "decision", "cancel"); got.Code != http.StatusSeeOther || !strings.Contains(got.Header().Get("Location"), "/oauth2/authorize/resume?flow=") {
		t.Errorf("cancelled: %d %s", got.Code, got.Header().Get("Location"))
	}
	w.signIn("jo@one.example")
	page = w.get(w.begin(authn.Request{OrgRequested: "rivals"}))
	if page.Code != http.StatusForbidden || !strings.Contains(page.body, "You do not belong to <bdi>rivals</bdi>") || !strings.Contains(page.body, "jo@one.example") {
		t.Errorf("%d %s", page.Code, page.body)
	}
	page = w.follow(w.submit(page, "decision", "account"))
	page = w.follow(w.submit(page, "username", "ann@one.example"))
	if got := w.submit(page, "password", secret); got.Code != http.StatusSeeOther || !strings.Contains(got.Header().Get("Location"), "/resume?") {
		t.Errorf("as another one: %d %s", got.Code, got.body)
	}
	ida := b.browser(t)
	ida.signIn("jo@one.example")
	page = ida.get(ida.begin(authn.Request{Prompt: []string{"select_account"}}))
	if page.Code != http.StatusOK || !strings.Contains(page.body, "Continue as <bdi>jo@one.example</bdi>") || !strings.Contains(page.body, `value="account"`) {
		t.Errorf("%d %s", page.Code, page.body)
	}
	if got := ida.submit(page, "decision", "allow"); got.Code != http.StatusSeeOther || !strings.Contains(got.Header().Get("Location"), "/resume?") {
		t.Errorf("as who is signed in: %d %s", got.Code, got.body)
	}
	page = ida.follow(ida.submit(ida.get(ida.begin(authn.Request{Prompt: []string{"select_account"}})), "decision", "account"))
	if !strings.Contains(page.body, `id="username"`) {
		t.Errorf("as another one: %s", page.body)
	}
	page = w.get(w.begin(authn.Request{OrgRequested: "<b>nosuchorg"}))
	if strings.Contains(page.body, "nosuchorg") {
		t.Errorf("what no organization can be called is quoted: %s", page.body)
	}
	page = w.get(w.begin(authn.Request{OrgRequested: "nosuchorg"}))
	if !strings.Contains(page.body, "nosuchorg") || !strings.Contains(page.body, `value="organization"`) {
		t.Errorf("%s", page.body)
	}
	if got := w.submit(page, "decision", "organization"); got.Code != http.StatusSeeOther || !strings.Contains(got.Header().Get("Location"), "/resume?") {
		t.Errorf("her own: %d %s", got.Code, got.body)
	}
}
