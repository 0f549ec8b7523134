package hosted_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grove/frontend/hosted"
	"grove/infra/testkit"
)

// TestErrorPage: whoever looks after the app reads on the page what is wrong with its request, as text; of failures that are not the
// request's the page says what its own words say.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	pages := hosted.New(hosted.Options{Log: testkit.Quiet()})
	for code, want := range map[string]struct {
		status int
		reason bool
	}{
		"invalid_request": {400, true}, "invalid_request_uri": {400, true}, "invalid_request_object": {400, true},
		"invalid_client": {400, false}, "access_denied": {403, false}, "server_error": {500, false}, "temporarily_unavailable": {503, false},
	} {
		w := httptest.NewRecorder()
		pages.ErrorPage(w, httptest.NewRequest(http.MethodGet, "/t/acme/oauth2/authorize", nil), code, "The address <b>is</b> wrong.")
		body := w.Body.String()
		if w.Code != want.status || strings.Contains(body, `<dd lang="en" dir="ltr">The address &lt;b&gt;is&lt;/b&gt; wrong.</dd>`) != want.reason || strings.Contains(body, "<b>is") ||
			!want.reason && strings.Contains(body, "The address") || !strings.Contains(body, code) {
			t.Errorf("%s: %d %s", code, w.Code, body)
		}
	}
}
