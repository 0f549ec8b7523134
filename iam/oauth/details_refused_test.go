package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
)

// TestDetailsRefused: what is no good is refused at every endpoint, in the words of section 5, and names nothing of what came.
func TestDetailsRefused(t *testing.T) {
	w := detailed(t, "m2m", "spa")
	for name, value := range map[string]string{
		"an unknown type":        `[{"type":"nothing"}]`,
		"another API's type":     `[{"type":"secret"}]`,
		"an extra field":         `[{"type":"payment","amount":"1","to":"evil"}]`,
		"a missing field":        `[{"type":"payment"}]`,
		"a wrong field":          `[{"type":"payment","amount":1}]`,
		"another API's location": `[{"type":"payment","amount":"1","locations":["` + trips + `"]}]`,
		"a location below":       `[{"type":"payment","amount":"1","locations":["` + orders + `/evil"]}]`,
		"no array":               `{"type":"payment","amount":"1"}`,
		"no type":                `[{"amount":"1"}]`,
		"a type twice":           `[{"type":"ride","type":"payment","amount":"1"}]`,
		"one good, one not":      list(paying, `{"type":"secret"}`),
		"no JSON":                `payment`,
	} {
		for at, got := range map[string]url.Values{
			"authorize": w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "authorization_details", value).Encode(), nil)),
			"par":       fields(w.push(w.a, "web", "authorization_details", value)),
			"token":     fields(w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "authorization_details": {value}}))),
			"device": fields(w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"authorization_code"}, "code": {w.code(w.a, "web")}, "redirect_uri": {callback},
				"code_verifier": {verifier}, "authorization_details": {value}}))),
		} {
			if got.Get("error") != "invalid_authorization_details" || strings.Contains(got.Get("error_description"), "evil") {
				t.Errorf("%s at %s: %v", name, at, got)
			}
		}
	}
	for name, q := range map[string]url.Values{
		"another resource": request("web", "authorization_details", list(paying), "resource", trips),
		"not asked before": request("spa", "authorization_details", `[{"type":"secret"}]`),
	} {
		if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+q.Encode(), nil)); got.Get("error") != "invalid_authorization_details" || got.Get("code") != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := w.send(w.a, "GET", "/oauth2/authorize?"+request("web").Encode()+"&authorization_details=[]&authorization_details=[]", nil); got.StatusCode != http.StatusBadRequest {
		t.Errorf("twice: %d", got.StatusCode)
	}
}

// fields are the members of a JSON answer that are texts.
func fields(a answer) url.Values {
	out := url.Values{}
	for name := range a.body {
		out.Set(name, a.text(name))
	}
	return out
}

// TestAttack11_Details: what is too large, too deep, or costly to read is refused before a type is looked at.
func TestAttack11_Details(t *testing.T) {
	w := detailed(t)
	w.define("open", orders, `{"additionalProperties":true}`)
	w.change(w.a, "web", func(c *apps.Client) { c.APIs[0].Types = append(c.APIs[0].Types, "open") })
	for name, value := range map[string]string{
		"long":           `[{"type":"open","x":"` + strings.Repeat("x", 5000) + `"}]`,
		"long by spaces": strings.Repeat(" ", 5000) + `[{"type":"open"}]`,
		"deep":           `[{"type":"open","x":` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + `}]`,
		"wide":           `[{"type":"open","x":[` + strings.Repeat("1,", 1000) + `1]}]`,
		"many":           `[` + strings.Repeat(`{"type":"open"},`, 200) + `{"type":"open"}]`,
		"a huge number":  `[{"type":"open","x":1e1000000000}]`,
		"a long number":  `[{"type":"open","x":` + strings.Repeat("9", 4000) + `}]`,
		"hidden text":    `[{"type":"open","x":"pay 1\u202e00"}]`,
		"a NUL":          `[{"type":"open","x":"\u0000"}]`,
	} {
		if got := w.push(w.a, "web", "authorization_details", value); got.text("error") != "invalid_authorization_details" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.push(w.a, "web", "authorization_details", `[{"type":"open","x":"`+strings.Repeat("x", 4000)+`"}]`); got.StatusCode != http.StatusCreated {
		t.Errorf("the largest: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack19_DetailsWiden: no request by which a grant goes on gets more than was agreed to; one that tries changes nothing.
func TestAttack19_DetailsWiden(t *testing.T) {
	w := detailed(t)
	tokens := w.signIn(w.a, "web", "scope", "openid", "authorization_details", list(looking))
	for name, value := range map[string]string{
		"an action more": list(paying),
		"another amount": `[{"actions":["status"],"amount":"99.00","type":"payment"}]`,
		"no actions":     `[{"amount":"12.50","type":"payment"}]`,
		"empty actions":  `[{"actions":[],"amount":"12.50","type":"payment"}]`,
		"another type":   list(riding),
		"one more":       list(looking, riding),
	} {
		if got := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", tokens), "authorization_details", value)); got.text("error") != "invalid_authorization_details" {
			t.Errorf("%s at refresh: %s", name, got.raw)
		}
		code := w.code(w.a, "web", "scope", "openid", "authorization_details", list(looking))
		if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code, "authorization_details", value)); got.text("error") != "invalid_authorization_details" {
			t.Errorf("%s at the code: %s", name, got.raw)
		}
		// The code is as good as before: it was no use of it.
		if got := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)); got.told(t) != list(looking) {
			t.Errorf("%s: the code after it: %s", name, got.raw)
		}
	}
	if got := w.refresh(w.a, "web", tokens.text("refresh_token")); got.told(t) != list(looking) {
		t.Errorf("the refresh token was used up: %s", got.raw)
	}
	plain := w.signIn(w.a, "web", "scope", "openid")
	if got := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", plain), "authorization_details", list(looking))); got.text("error") != "invalid_authorization_details" {
		t.Errorf("a grant without details: %s", got.raw)
	}
}

// TestAttack03_Details: what a person has agreed to in one organization is of no use in another.
func TestAttack03_Details(t *testing.T) {
	w := detailed(t)
	tokens := w.signIn(w.a, "web", "scope", "openid trips.read", "authorization_details", list(paying, riding))
	form := w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {tokens.text("access_token")}, "switching_organization": {"south"}})
	got := w.send(w.a, "POST", "/oauth2/token", form)
	carried, audience := w.carries(got.text("access_token"))
	if got.StatusCode != http.StatusOK || carried != "" || got.told(t) != "" || slices.Contains(audience, orders) {
		t.Errorf("switched: %s for %v", got.raw, audience)
	}
	if again := w.refresh(w.a, "web", got.text("refresh_token")); again.StatusCode != http.StatusOK || again.told(t) != "" {
		t.Errorf("refreshed there: %s", again.raw)
	}
	if more := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("web", got), "authorization_details", list(riding))); more.text("error") != "invalid_authorization_details" {
		t.Errorf("asked for there: %s", more.raw)
	}
	if more := w.send(w.a, "POST", "/oauth2/token", with(form, "authorization_details", list(riding))); more.text("error") != "invalid_authorization_details" {
		t.Errorf("asked for on the way: %s", more.raw)
	}
}

// TestAttack19_NarrowedDetailsSwitch: a token with fewer details than were granted is none to get everything with in another
// organization.
func TestAttack19_NarrowedDetailsSwitch(t *testing.T) {
	w := detailed(t, "spa")
	tokens := w.signIn(w.a, "spa", "scope", "openid", "authorization_details", list(looking, riding))
	less := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("spa", tokens), "authorization_details", list(riding)))
	if less.told(t) != list(riding) {
		t.Fatal(less.raw)
	}
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("spa", less.text("access_token"), "south")); got.text("error") != "invalid_grant" {
		t.Errorf("narrowed: %s", got.raw)
	}
	full := w.send(w.a, "POST", "/oauth2/token", with(w.refreshForm("spa", less), "authorization_details", list(riding, looking)))
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("spa", full.text("access_token"), "south")); got.StatusCode != 200 || got.text("authorization_details") != "" {
		t.Errorf("all of them: %s, of %s", got.raw, full.raw)
	}
}

// TestDetailsOfAssertions: by an assertion nobody has agreed to anything.
func TestDetailsOfAssertions(t *testing.T) {
	w := detailed(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	said := o.says(nil)
	if got := o.bring("web", said, "authorization_details", list(looking)); got.text("error") != "invalid_authorization_details" {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	if got := o.bring("web", said); got.StatusCode != 200 || got.body["authorization_details"] != nil {
		t.Errorf("the assertion after it: %d %s", got.StatusCode, got.raw)
	}
}
