package oauth

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// FuzzAuthorizeQuery: whatever the query, what is accepted keeps the rules.
func FuzzAuthorizeQuery(f *testing.F) {
	const good = "client_id=web&response_type=code&scope=openid&code_challenge=" + rfcChallenge + "&code_challenge_method=S256"
	for _, s := range []string{good, good + "&prompt=none&max_age=1", good + "&response_mode=form_post&state=%22", good + "&code_challenge=x", "response_type=token", "&&=;"} {
		f.Add(s)
	}
	s := &Service{}
	client := apps.Client{GrantTypes: []string{grantAuthorizationCode}}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parseParams(raw, maxQueryBytes)
		if err != nil || p.has("id_token_hint") {
			return
		}
		var a authorization
		req, err := s.readAuthorization(context.Background(), client, p, &a)
		if err != nil {
			return
		}
		if p.get("response_type") != "code" || len(a.Challenge) != len(rfcChallenge) || p.get("code_challenge_method") != methodS256 || p.has("request", "request_uri") {
			t.Fatalf("accepted %q", raw)
		}
		if contains(req.Prompt, "none") && len(req.Prompt) > 1 || req.MaxAge != nil && *req.MaxAge < 0 || len(a.Nonce) > maxNonce {
			t.Fatalf("accepted %q: %+v", raw, req)
		}
	})
}

// FuzzTokenForm: a form names one client by one method, or none.
func FuzzTokenForm(f *testing.F) {
	f.Add("", "client_id=a&client_secret=b")
	f.Add("Basic YTpi", "grant_type=client_credentials")
	f.Add("Basic YTpi", "client_id=a&client_secret=b")
	f.Add("Bearer x", "client_id=a")
	f.Add("", "client_assertion=e30.eyJzdWIiOiJhIn0.x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer")
	f.Fuzz(func(t *testing.T, header, body string) {
		r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		form, err := readForm(r)
		if err != nil {
			return
		}
		c, err := readCredentials(r, form)
		if err != nil {
			return
		}
		secret := c.method == apps.AuthBasic || c.method == apps.AuthPost
		if secret != (c.secret != "") || (c.method == apps.AuthPrivateKeyJWT) != (c.assertion != "") || c.clientID == "" && c.assertion == "" ||
			header != "" && (c.method != apps.AuthBasic || form.has("client_secret", "client_assertion")) {
			t.Fatalf("%q %q: %+v", header, body, c)
		}
	})
}

// FuzzOpaqueToken: no text is a token but those that were made.
func FuzzOpaqueToken(f *testing.F) {
	root, err := secrets.NewRoot(bytes.Repeat([]byte{7}, secrets.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	key, _ := root.NewDataKey("test")
	day := []byte{0, 0, 1, 2}
	good := prefixAccess + "_" + opaqueText.EncodeToString(append(day, opaqueKey(key, day).Seal([]byte(`{"iss":"https://id.example"}`), []byte(prefixAccess))...))
	s := &Service{Dependencies: Dependencies{Keys: oneKey{data: key}}}
	for _, seed := range []string{good, good[:len(good)-1], good + "A", prefixAccess + "_", "a.b.c", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := s.openAccess(context.Background(), httpapi.Tenant{Base: "https://id.example"}, token)
		if (err == nil) != (token == good) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

type oneKey struct {
	Keys
	data *secrets.DataKey
}

func (k oneKey) DataKey(context.Context, ids.Tenant) (*secrets.DataKey, error) { return k.data, nil }
