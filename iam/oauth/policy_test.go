package oauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/tenants/settings"
)

// set changes an organization's settings.
func (w *world) set(org ids.Org, module string, values map[string]any) error {
	w.t.Helper()
	patch := map[string]json.RawMessage{}
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			w.t.Fatal(err)
		}
		patch[name] = raw
	}
	return w.InTenant(context.Background(), w.a.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := settings.New(w.DB, events.NewLog(nil), w.hub).ChangeTx(ctx, tx, org, module, settings.AnyVersion, patch)
		return err
	})
}

// TestDeviceSettings: length, alphabet and times of codes are the organization's, at its base and below, and never such that codes
// are guessed.
func TestDeviceSettings(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop()
	w.device("web") // lets the app use the grant, and looks at what there is without settings
	ask := func(base string) answer {
		return w.send(w.a, "POST", base+"/oauth2/device_authorization", w.as(w.a, "web", url.Values{"scope": {"openid"}}))
	}
	for i, c := range []struct {
		alphabet string
		length   int
		form     string
	}{
		{"digits", 9, `^[0-9]{3}-[0-9]{3}-[0-9]{3}$`}, {"digits", 10, `^[0-9]{4}-[0-9]{3}-[0-9]{3}$`}, {"consonants", 7, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{3}$`},
		{"consonants_digits", 16, `^([CDFHJKLMNPQRTVWX2345679]{4}-){3}[CDFHJKLMNPQRTVWX2345679]{4}$`},
	} {
		if err := w.set(w.a.north, "devices", map[string]any{"code_alphabet": c.alphabet, "code_length": c.length, "code_seconds": 120 + i, "interval_seconds": 20 + i}); err != nil {
			t.Fatal(err)
		}
		got := ask("/o/north")
		code := got.text("user_code")
		if !regexp.MustCompile(c.form).MatchString(code) || got.body["expires_in"] != float64(120+i) || got.body["interval"] != float64(20+i) {
			t.Errorf("%s of %d: %s", c.alphabet, c.length, got.raw)
		}
	}
	for name, bad := range map[string]map[string]any{
		"eight digits": {"code_alphabet": "digits", "code_length": 8}, "six letters": {"code_length": 6}, "a century": {"code_seconds": 1801}, "no time": {"code_seconds": 60},
		"all the time": {"interval_seconds": 4}, "an alphabet of theirs": {"code_alphabet": "ab"}, "any number of guesses": {"guesses": 10001}, "many from one": {"guesses_by_address": 21},
	} {
		if err := w.set(w.a.north, "devices", bad); !fault.CodeInvalid.Is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What has digits is found, and lives as long as it says; so long a device waits between polls.
	if err := w.set(w.a.Root, "devices", map[string]any{"code_alphabet": "digits", "code_length": 9, "code_seconds": 120, "interval_seconds": 30}); err != nil {
		t.Fatal(err)
	}
	got := ask("")
	d := device{w, "web", got.text("device_code"), got.text("user_code"), got.text("verification_uri")}
	if e := d.ask().text("error"); e != "authorization_pending" {
		t.Error(e)
	}
	w.Clock.Advance(29 * time.Second)
	if e := d.ask().text("error"); e != "slow_down" {
		t.Error(e)
	}
	req, err := w.begin(" " + d.shown[:3] + d.shown[4:])
	if err != nil {
		t.Fatal(err)
	}
	w.finish(req, nil)
	w.Clock.Advance(time.Minute)
	if got := d.ask(); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	got = ask("")
	w.Clock.Advance(2 * time.Minute)
	if _, err := w.begin(got.text("user_code")); !oauth.CodeDevice.Is(err) {
		t.Errorf("it lives on: %v", err)
	}
}

// TestAttack29_UserCodesFromEverywhere: who tries user codes from many addresses is stopped by how many there were together; another
// organization's people are not.
func TestAttack29_UserCodesFromEverywhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop()
	d := w.device("web")
	if err := w.set(w.a.Root, "devices", map[string]any{"guesses": 100, "guesses_by_address": 5}); err != nil {
		t.Fatal(err)
	}
	from := func(i int, code string) error {
		_, err := w.beginFrom(w.a, fmt.Sprintf("198.51.100.%d", i), code)
		return err
	}
	for i := range 20 {
		for range 5 {
			if err := from(i, "BCDF-GHJK"); !oauth.CodeDevice.Is(err) {
				t.Fatalf("%d: %v", i, err)
			}
			if i == 0 { // right ones do not count
				if err := from(200, d.shown); err != nil {
					t.Fatal(err)
				}
			}
		}
		if i < 19 {
			if err := from(i, "BCDF-GHJK"); !oauth.CodeDeviceTooMany.Is(err) {
				t.Fatalf("%d: %v", i, err)
			}
		}
	}
	if err := from(100, d.shown); !oauth.CodeDeviceTooMany.Is(err) {
		t.Errorf("after a hundred from twenty addresses: %v", err)
	}
	if _, err := w.beginFrom(w.b, "198.51.100.100", "BCDF-GHJK"); !oauth.CodeDevice.Is(err) {
		t.Errorf("at another tenant: %v", err)
	}
	w.Clock.Advance(10*time.Minute - time.Second)
	d = w.device("web")
	w.Clock.Advance(time.Second)
	if err := from(100, d.shown); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSignedResponseLife: a signed response is good for as long as the organization says, ten minutes at the most.
func TestSignedResponseLife(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop()
	if err := w.set(w.a.Root, "authorizations", map[string]any{"signed_response_seconds": 90}); err != nil {
		t.Fatal(err)
	}
	q := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_mode", "jwt").Encode(), nil))
	if c := w.read(q.Get("response"), "ES256", "JWT"); c.Expiry.Unix() != w.Clock.Now().Unix()+90 {
		t.Errorf("%s", c.Expiry.Sub(w.Clock.Now()))
	}
	for _, bad := range []int{59, 601, 0} {
		if err := w.set(w.a.Root, "authorizations", map[string]any{"signed_response_seconds": bad}); !fault.CodeInvalid.Is(err) {
			t.Errorf("%d: %v", bad, err)
		}
	}
}

// TestSweepKeepsAsLongAsSaid: what ran out is kept as long as its organization says.
func TestSweepKeepsAsLongAsSaid(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop()
	const day = 24 * time.Hour
	south := w.signIn(w.a, "web")
	w.send(w.a, "POST", "/oauth2/token", w.switching("web", south.text("access_token"), "south"))
	for org, days := range map[ids.Org]int{w.a.north: 60, w.a.south: 2} {
		if err := w.set(org, "authorizations", map[string]any{"kept_seconds": days * 24 * 3600}); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []int{0, 3600, 800 * 24 * 3600} {
		if err := w.set(w.a.north, "authorizations", map[string]any{"kept_seconds": bad}); !fault.CodeInvalid.Is(err) {
			t.Errorf("%d: %v", bad, err)
		}
	}
	var ended time.Time // grants end with their session, as long as nobody asks for offline access
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT max(expires_at) FROM grants WHERE tenant_id = $1`, tx.Tenant()).Scan(&ended)
	})
	left := func(at time.Duration) (north, south int) {
		w.Clock.Advance(ended.Add(at).Sub(w.Clock.Now()))
		if err := w.oauth.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.in(w.a, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE org_id = $2), count(*) FILTER (WHERE org_id = $3) FROM grants WHERE tenant_id = $1`, tx.Tenant(), w.a.north, w.a.south).Scan(&north, &south)
		})
		return north, south
	}
	for _, c := range []struct {
		at           time.Duration
		north, south int
	}{{2*day - time.Minute, 1, 1}, {2*day + time.Minute, 1, 0}, {60*day - time.Minute, 1, 0}, {60*day + time.Minute, 0, 0}} {
		if north, south := left(c.at); north != c.north || south != c.south {
			t.Errorf("after %s: %d and %d", c.at, north, south)
		}
	}
}
