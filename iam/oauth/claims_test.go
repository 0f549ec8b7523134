package oauth

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"grove/iam/attributes"
	"grove/iam/registration"
	"grove/infra/jose"
)

func FuzzClaims(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `\`, "\x00\x1f\x7f", "é\u2028\U0001F600", "\xff\xfe", `","admin":"true`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := newClaims().text("a", s).list("b", []string{s, "x"}).words("c", []string{s}).number("d", -1).flag("e", true).end()
		var back struct {
			A string
			B []string
			C string
			D int
			E bool
		}
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		want := strings.ToValidUTF8(s, "\ufffd")
		if utf8.ValidString(s) && (back.A != s || back.B[0] != s || back.C != s) || back.D != -1 || !back.E || len(back.B) != 2 {
			t.Fatalf("%q came back as %q, want %q", s, back.A, want)
		}
		if utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError) {
			if _, err := jose.ParseClaims(raw); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
		}
	})
}

func TestClaimsEmpty(t *testing.T) {
	t.Parallel()
	if got := string(newClaims().text("a", "").list("b", nil).words("c", nil).end()); got != `{"b":[],"c":""}` {
		t.Error(got)
	}
	if got := string(newClaims().end()); got != "{}" {
		t.Error(got)
	}
}

func TestLeftHash(t *testing.T) {
	t.Parallel()
	// OpenID Connect Core 1.0, appendix A.3.
	if got := leftHash(jose.RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Error(got)
	}
	if got := leftHash(jose.EdDSA, "x"); len(got) != 43 {
		t.Errorf("EdDSA: %d characters", len(got))
	}
}

// TestAttack21_Confirmation: what a token is bound to is known whole, or the token is not taken.
func TestAttack21_Confirmation(t *testing.T) {
	t.Parallel()
	for cnf, want := range map[string]binding{
		`{"jkt":"a"}`:                          {jkt: "a"},
		`{"x5t#S256":"b"}`:                     {x5t: "b"},
		`{"jkt":"a","x5t#S256":"b"}`:           {jkt: "a", x5t: "b"},
		`{"jkt":"a","kid":"c"}`:                {},
		`{"x5t#S256":"b","jwk":"c"}`:           {},
		`{"jkt":"a","x5t#S256":""}`:            {},
		`{"jkt":""}`:                           {},
		`{}`:                                   {},
		`{"x5t":"b"}`:                          {},
		`{"jkt":["a"]}`:                        {},
		`"jkt"`:                                {},
		`{"jkt":"a","x5t#S256":"b","jku":"c"}`: {},
	} {
		if got := confirmed([]byte(cnf)); got != want {
			t.Errorf("%s: %+v", cnf, got)
		}
	}
	if got := string(newClaims().confirmation(binding{jkt: "a", x5t: "b"}).end()); got != `{"cnf":{"jkt":"a","x5t#S256":"b"}}` {
		t.Error(got)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example/t/acme/o/north"
	var m map[string]any
	if err := json.Unmarshal(documentOf(Options{}.describe(registration.Offers{})).render(nil, issuer, "", &attributes.Dialect{ClaimNames: `"email","name"`, ScopeNames: `"openid"`}, nil), &m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"issuer": issuer, "authorization_endpoint": issuer + "/oauth2/authorize", "jwks_uri": issuer + "/oauth2/jwks",
		"end_session_endpoint": issuer + "/oauth2/logout", "token_endpoint": issuer + "/oauth2/token",
	} {
		if m[name] != want {
			t.Errorf("%s = %v, want %s", name, m[name], want)
		}
	}
	if got := m["scopes_supported"]; !slices.Equal(got.([]any), []any{"offline_access", "openid"}) || !slices.Contains(m["claims_supported"].([]any), any("name")) {
		t.Errorf("scopes %v, claims %v", got, m["claims_supported"])
	}
	if m["authorization_response_iss_parameter_supported"] != true || m["request_parameter_supported"] != true || m["request_uri_parameter_supported"] != false {
		t.Error("RFC 9207 and request objects are not advertised, or addresses of request objects are")
	}
	if strings.Contains(string(documentOf(Options{}.describe(registration.Offers{})).render(nil, issuer, "", &attributes.Dialect{ClaimNames: `"email","name"`, ScopeNames: `"openid"`}, nil)), "invalid") {
		t.Error("the mark is still there")
	}
}
