package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"grove/iam/apps"
)

// TestIDTokenAudiences: an ID token may be for others of the app's organization, and says to whom it was issued; as a hint it stays
// that app's own.
func TestIDTokenAudiences(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const api = "https://orders.example"
	w.change(w.a, "web", func(c *apps.Client) { c.IDTokenAudiences = []string{"other", api} })
	id := w.signIn(w.a, "web").text("id_token")
	c := w.claimsOf(id)
	if azp, _ := c.Text("azp"); azp != "web" || !slices.Equal(c.Audience, []string{"web", "other", api}) {
		t.Fatalf("azp %q, aud %v", azp, c.Audience)
	}
	for client, good := range map[string]bool{"web": true, "other": false} {
		q := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request(client, "prompt", "none", "id_token_hint", id).Encode(), nil))
		if (q.Get("code") != "") != good {
			t.Errorf("a hint for %s: %v", client, q)
		}
		out := w.send(w.a, "GET", "/oauth2/logout?"+url.Values{"client_id": {client}, "id_token_hint": {id}}.Encode(), nil)
		if (out.StatusCode == http.StatusSeeOther) != good {
			t.Errorf("signed out by %s: %d %s", client, out.StatusCode, out.raw)
		}
	}
	if out := w.send(w.a, "GET", "/oauth2/logout?"+url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {signedOut}}.Encode(), nil); out.StatusCode != http.StatusSeeOther {
		t.Errorf("%d %s", out.StatusCode, out.raw)
	}
	// To everybody else nothing has changed.
	if c := w.claimsOf(w.signIn(w.a, "other").text("id_token")); !slices.Equal(c.Audience, []string{"other"}) {
		t.Errorf("aud %v", c.Audience)
	}
}
