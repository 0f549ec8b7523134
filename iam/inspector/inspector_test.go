package inspector_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
	"grove/infra/db"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestFailedRequests: what the whole program refuses is listed for the app's organization, and swept after a week.
func TestFailedRequests(t *testing.T) {
	t.Parallel()
	w := apptest.New(t)
	manage := w.Token(w.A)
	app := w.Must(w.A, manage, "POST", "/orgs/root/apps", map[string]any{"name": "Shop", "template": "web", "redirect_uris": []string{"https://shop.example/cb"}})
	north := w.Must(w.A, manage, "POST", "/orgs", map[string]any{"name": "North", "handle": "north"})["id"].(string)
	list := "/apps/" + app["id"].(string) + "/failed-requests"
	items := func() []any { return w.Must(w.A, manage, "GET", "/orgs/root"+list, nil)["items"].([]any) }
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app["client_id"].(string)}, "client_secret": {"hunter2"}}
	for range 3 {
		answer := w.Do(w.Client(), "POST", w.A.Base+"/oauth2/token", form)
		if answer.StatusCode != 401 {
			t.Fatalf("%d %s", answer.StatusCode, answer.Raw)
		}
	}
	testkit.Eventually(t, "the entries are listed", func() bool { return len(items()) == 3 })
	entry := items()[0].(map[string]any)
	if entry["endpoint"] != "token" || entry["error"] != "invalid_client" || entry["rule"] != "RFC 6749, section 2.3.1" || entry["request_id"] == "" {
		t.Errorf("entry: %v", entry)
	}
	page := w.Must(w.A, manage, "GET", "/orgs/root"+list+"?page_size=2", nil)
	if rest := w.Must(w.A, manage, "GET", "/orgs/root"+list+"?page_size=2&page_token="+page["next_page_token"].(string), nil)["items"].([]any); len(rest) != 1 {
		t.Errorf("second page: %v", rest)
	}
	if got := w.Do(w.Client(), "GET", w.A.Base+"/v1/orgs/"+north+list, nil, "Authorization", "Bearer "+manage); got.StatusCode != 404 {
		t.Errorf("another organization: %d %s", got.StatusCode, got.Raw)
	}
	for _, after := range []struct{ days, left int }{{6, 3}, {2, 0}} {
		w.Clock.Advance(time.Duration(after.days) * 24 * time.Hour)
		if err := w.Parts.Inspector.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		err := w.DB.InSystem(context.Background(), "count", func(ctx context.Context, tx db.SystemTx) error {
			var n int
			err := tx.QueryRow(ctx, `SELECT count(*) FROM failed_requests`).Scan(&n)
			if err == nil && n != after.left {
				t.Errorf("%d entries after %d days more, want %d", n, after.days, after.left)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
