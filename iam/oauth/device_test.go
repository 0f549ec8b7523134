package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

const grantDevice = "urn:ietf:params:oauth:grant-type:device_code"

// device is a device that waits.
type device struct {
	w                  *world
	client             string
	code, shown, where string
}

func (w *world) device(client string, more ...string) device {
	w.t.Helper()
	w.change(w.a, client, func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, grantDevice) })
	form := w.as(w.a, client, url.Values{"scope": {"openid orders.read offline_access"}})
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	got := w.send(w.a, "POST", "/oauth2/device_authorization", form)
	d := device{w, client, got.text("device_code"), got.text("user_code"), got.text("verification_uri")}
	if got.StatusCode != http.StatusOK || d.code == "" || !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(d.shown) || d.where != w.a.Base+"/device" ||
		got.text("verification_uri_complete") != d.where+"?user_code="+d.shown || got.body["expires_in"] != 600.0 || got.body["interval"] != 5.0 || got.Header.Get("Cache-Control") != "no-store" {
		w.t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	return d
}

// poll asks for the token once the interval is over.
func (d device) poll() answer {
	d.w.t.Helper()
	d.w.Clock.Advance(6 * time.Second)
	return d.ask()
}

func (d device) ask() answer {
	d.w.t.Helper()
	return d.w.send(d.w.a, "POST", "/oauth2/token", d.form(d.client))
}

func (d device) form(client string) url.Values {
	return d.w.as(d.w.a, client, url.Values{"grant_type": {grantDevice}, "device_code": {d.code}})
}

// begin enters a code, and returns the request that the sign-in engine was given.
func (w *world) begin(code string) (authn.Request, error) {
	w.t.Helper()
	return w.beginFrom(w.a, "203.0.113.7", code)
}

func (w *world) beginFrom(a *tenant, address, code string) (authn.Request, error) {
	w.t.Helper()
	var asked authn.Request
	before := w.person
	w.person = func(req authn.Request) authn.Outcome {
		asked = req
		return authn.Outcome{RedirectTo: a.Base + "/login?flow=x"}
	}
	defer func() { w.person = before }()
	ctx := httpapi.InTenant(context.Background(), a.Tenant, httpapi.Issuer{URL: a.Base})
	_, err := w.oauth.BeginDevice(ctx, code, authn.Browser{Address: address})
	return asked, err
}

// finish is the end of a sign-in that was begun so.
func (w *world) finish(req authn.Request, change func(*authn.Done)) answer {
	w.t.Helper()
	done := *w.signedIn(w.a, w.a.north).Done
	done.App, done.Issuer, done.Return = req.App.ID, req.Issuer, req.Return
	if change != nil {
		change(&done)
	}
	flow := ids.NewFlow()
	w.mu.Lock()
	w.done[flow] = done
	w.mu.Unlock()
	return w.send(w.a, "GET", "/oauth2/authorize/resume?flow="+flow.String(), nil)
}

func TestDeviceGrant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, client := range []string{"spa", "web"} {
		d := w.device(client)
		if got := d.poll(); got.StatusCode != http.StatusBadRequest || got.text("error") != "authorization_pending" {
			t.Fatalf("%s: %d %s", client, got.StatusCode, got.raw)
		}
		// People type as they like.
		req, err := w.begin(" " + strings.ToLower(strings.ReplaceAll(d.shown, "-", " ")))
		if err != nil || req.App.ClientID != client || len(req.Prompt) != 1 || req.Prompt[0] != authn.PromptConsent || !slices.Contains(req.Scopes, "orders.read") {
			t.Fatalf("%s: %+v %v", client, req, err)
		}
		if end := w.finish(req, nil); end.StatusCode != http.StatusSeeOther || end.Header.Get("Location") != w.a.Base+"/device?done=approved" {
			t.Fatalf("%s: %d %s", client, end.StatusCode, end.raw)
		}
		got := d.poll()
		if got.StatusCode != http.StatusOK || got.text("id_token") == "" || got.text("scope") != "openid orders.read offline_access" || w.claimsOf(got.text("access_token")).Subject != w.a.user.String() {
			t.Fatalf("%s: %d %s", client, got.StatusCode, got.raw)
		}
		if again := w.refresh(w.a, client, got.text("refresh_token")); again.StatusCode != http.StatusOK {
			t.Errorf("%s: refresh %d %s", client, again.StatusCode, again.raw)
		}
		if again := d.poll(); again.text("error") != "invalid_grant" {
			t.Errorf("%s: a device code is good twice: %s", client, again.raw)
		}
	}
	w.events("grant.created", 2)
	d := w.device("spa")
	proved := w.prover()
	req, _ := w.begin(d.shown)
	w.finish(req, nil)
	if got := proved.token(d.form("spa")); got.text("token_type") != "DPoP" || w.refresh(w.a, "spa", got.text("refresh_token")).text("error") != "invalid_grant" {
		t.Errorf("with a key: %s", got.raw)
	}
}

func TestDeviceRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if got := w.send(w.a, "POST", "/oauth2/device_authorization", w.as(w.a, "other", url.Values{})); got.text("error") != "unauthorized_client" {
		t.Errorf("a client without the grant: %d %s", got.StatusCode, got.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/device_authorization", url.Values{"client_id": {"web"}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a confidential client that proves nothing: %d %s", got.StatusCode, got.raw)
	}
	d := w.device("web")
	w.device("other")
	if got := w.send(w.a, "POST", "/oauth2/device_authorization", w.as(w.a, "web", url.Values{"scope": {"users.read account"}})); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_scope" {
		t.Errorf("no scope that the client has: %d %s", got.StatusCode, got.raw)
	}
	d.poll()
	for want := range 3 { // each early poll makes the interval five seconds longer
		if got := d.ask(); got.text("error") != "slow_down" {
			t.Errorf("%d: %s", want, got.raw)
		}
	}
	if got := d.poll(); got.text("error") != "slow_down" {
		t.Errorf("six seconds after three polls in a row: %s", got.raw)
	}
	w.Clock.Advance(30 * time.Second)
	if got := d.ask(); got.text("error") != "authorization_pending" {
		t.Errorf("patient: %s", got.raw)
	}
	for name, form := range map[string]url.Values{"another client": d.form("other"), "another code": w.as(w.a, "web", url.Values{"grant_type": {grantDevice}, "device_code": {d.code[:len(d.code)-1] + "x"}}),
		"the person's code": w.as(w.a, "web", url.Values{"grant_type": {grantDevice}, "device_code": {d.shown}})} {
		if got := w.send(w.a, "POST", "/oauth2/token", form); got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.send(w.b, "POST", "/oauth2/token", w.as(w.b, "web", url.Values{"grant_type": {grantDevice}, "device_code": {d.code}})); got.StatusCode != http.StatusBadRequest {
		t.Errorf("another tenant: %d %s", got.StatusCode, got.raw)
	}
	for _, code := range []string{"", "BCDF-GHJK", d.code, strings.Repeat("B", 1000), d.shown + "B"} {
		if _, err := w.begin(code); !oauth.CodeDevice.Is(err) {
			t.Errorf("%.20q: %v", code, err)
		}
	}
	req, err := w.begin(d.shown)
	if err != nil {
		t.Fatal(err)
	}
	if end := w.finish(req, func(done *authn.Done) { done.Error, done.User = authn.ErrorAccessDenied, ids.User{} }); end.Header.Get("Location") != w.a.Base+"/device?done=denied" {
		t.Errorf("%d %s", end.StatusCode, end.raw)
	}
	if _, err := w.begin(d.shown); !oauth.CodeDevice.Is(err) {
		t.Errorf("an answered code is asked again: %v", err)
	}
	if end := w.finish(req, nil); end.StatusCode != http.StatusBadRequest {
		t.Errorf("a no becomes a yes: %d %s", end.StatusCode, end.raw)
	}
	w.Clock.Advance(time.Minute)
	if got := d.ask(); got.text("error") != "access_denied" {
		t.Errorf("denied: %s", got.raw)
	}
	if got := d.poll(); got.text("error") != "invalid_grant" {
		t.Errorf("denied, again: %s", got.raw)
	}
}

// TestDeviceAtAnotherIssuer: a device, the code that a person enters, his answer and the token are of one issuer.
func TestDeviceAtAnotherIssuer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d := w.device("web")
	north := httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base + "/o/north"})
	if _, err := w.oauth.BeginDevice(north, d.shown, authn.Browser{Address: "203.0.113.7"}); !oauth.CodeDevice.Is(err) {
		t.Errorf("the code at another issuer: %v", err)
	}
	req, err := w.begin(d.shown)
	if err != nil {
		t.Fatal(err)
	}
	done := *w.signedIn(w.a, w.a.north).Done
	done.App, done.Issuer, done.Return = req.App.ID, req.Issuer, req.Return
	flow := ids.NewFlow()
	w.mu.Lock()
	w.done[flow] = done
	w.mu.Unlock()
	if end := w.send(w.a, "GET", "/o/north/oauth2/authorize/resume?flow="+flow.String(), nil); end.StatusCode != http.StatusBadRequest {
		t.Errorf("the answer at another issuer: %d %s", end.StatusCode, end.Header.Get("Location"))
	}
	if got := d.poll(); got.text("error") != "authorization_pending" {
		t.Errorf("it was taken: %s", got.raw)
	}
	if end := w.finish(req, nil); end.Header.Get("Location") != w.a.Base+"/device?done=approved" {
		t.Fatalf("%d %s", end.StatusCode, end.raw)
	}
	d.w.Clock.Advance(6 * time.Second)
	if got := w.send(w.a, "POST", "/o/north/oauth2/token", d.form("web")); got.text("error") != "invalid_grant" {
		t.Errorf("the token at another issuer: %s", got.raw)
	}
	if got := d.poll(); got.StatusCode != http.StatusOK {
		t.Errorf("at its own: %d %s", got.StatusCode, got.raw)
	}
}

// TestDeviceEnds: what the approval stands on has to hold when the device asks, and a code runs out.
func TestDeviceEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	approved := func() device {
		d := w.device("web")
		req, err := w.begin(d.shown)
		if err != nil {
			t.Fatal(err)
		}
		w.finish(req, nil)
		return d
	}
	for name, revoke := range w.revocations() {
		d := approved()
		undo := revoke()
		if got := d.poll(); got.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", name, got.raw)
		}
		undo()
		w.newSession(w.a)
	}
	d := w.device("web")
	req, _ := w.begin(d.shown)
	w.Clock.Advance(10 * time.Minute)
	if got := d.ask(); got.text("error") != "expired_token" {
		t.Errorf("run out: %s", got.raw)
	}
	if _, err := w.begin(d.shown); !oauth.CodeDevice.Is(err) {
		t.Errorf("run out: %v", err)
	}
	w.newSession(w.a)
	if end := w.finish(req, nil); end.StatusCode != http.StatusBadRequest || end.Header.Get("Location") != "" {
		t.Errorf("an answer that came too late: %d %s", end.StatusCode, end.raw)
	}
}

func TestDeviceParallel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d := w.device("web")
	req, _ := w.begin(d.shown)
	w.finish(req, nil)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if d.ask().StatusCode == http.StatusOK {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 polls got tokens", won.Load())
	}
	var sealed map[string]any
	if err := json.Unmarshal(req.Return, &sealed); err != nil || strings.Contains(string(req.Return), d.code) {
		t.Errorf("the device's code travels through the browser: %s", req.Return)
	}
}

// TestAttack29_UserCodes: who tries user codes is stopped after ten, also for the right one and for all that come at once, at
// his address and at every other one of his network; nobody else is, and right codes are not counted.
func TestAttack29_UserCodes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d := w.device("web")
	guess := func(address, code string) error { _, err := w.beginFrom(w.a, address, code); return err }
	for range 12 {
		if err := guess("198.51.100.1", d.shown); err != nil {
			t.Fatal(err)
		}
	}
	ctx := httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base})
	for address, others := range map[string][]string{"203.0.113.9": {"203.0.113.9"}, "2001:db8:1:2::3": {"2001:db8:1:2::3", "2001:db8:1:2:ffff::1"}} {
		var answered, refused atomic.Int32
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				switch _, err := w.oauth.BeginDevice(ctx, "BCDF-GHJK", authn.Browser{Address: address}); {
				case oauth.CodeDevice.Is(err):
					answered.Add(1)
				case oauth.CodeDeviceTooMany.Is(err):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if answered.Load() != 10 || refused.Load() != 30 {
			t.Errorf("%s: %d answered, %d refused", address, answered.Load(), refused.Load())
		}
		for _, other := range others {
			if err := guess(other, d.shown); !oauth.CodeDeviceTooMany.Is(err) {
				t.Errorf("%s: the right code after too many: %v", other, err)
			}
		}
	}
	if _, err := w.beginFrom(w.b, "203.0.113.9", "BCDF-GHJK"); !oauth.CodeDevice.Is(err) {
		t.Errorf("at another tenant: %v", err)
	}
	for _, address := range []string{"203.0.113.10", "2001:db8:1:3::3"} {
		if err := guess(address, d.shown); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	w.Clock.Advance(11 * time.Minute)
	if err := guess("203.0.113.9", "BCDF-GHJK"); !oauth.CodeDevice.Is(err) {
		t.Errorf("later: %v", err)
	}
	if err := w.oauth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		left, err := db.Scalars[string](ctx, tx, `SELECT address FROM device_attempts WHERE tenant_id = $1 ORDER BY address`, tx.Tenant())
		if !slices.Equal(left, []string{"203.0.113.9", w.a.Root.String()}) { // and of all addresses together
			t.Errorf("the sweep leaves %v", left)
		}
		return err
	})
}
