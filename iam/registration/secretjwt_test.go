package registration_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestRegisterForClientSecretJWT: a client that registers itself signs with the secret that it gets, and does not sign with it after
// that in another way.
func TestRegisterForClientSecretJWT(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	made := v.register("", agent(map[string]any{"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS256"}))
	id, secret := made.Text("client_id"), made.Text("client_secret")
	if made.StatusCode != http.StatusCreated || secret == "" {
		t.Fatalf("%d %s", made.StatusCode, made.Raw)
	}
	push := func(secret string) int {
		b64 := base64.RawURLEncoding.EncodeToString
		now := v.Clock.Now().Unix()
		input := b64([]byte(`{"alg":"HS256"}`)) + "." + b64([]byte(fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":%q}`, id, id, v.A.Base, now+60, secret)))
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(input))
		form := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {input + "." + b64(mac.Sum(nil))},
			"response_type": {"code"}, "redirect_uri": {callback}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"}}
		r, err := http.NewRequestWithContext(t.Context(), "POST", v.A.Base+"/oauth2/par", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := v.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if got := push(secret); got != http.StatusCreated {
		t.Errorf("its secret: %d", got)
	}
	if got := push(strings.Repeat("x", 43)); got != http.StatusUnauthorized {
		t.Errorf("another secret: %d", got)
	}
	again := agent(map[string]any{"client_id": id, "token_endpoint_auth_method": "client_secret_basic"})
	if got := v.manageAt("PUT", v.A.Base+"/oauth2/register/"+id, made.Text("registration_access_token"), again); got.StatusCode != http.StatusBadRequest || got.Code() != "invalid_client_metadata" {
		t.Errorf("another method: %d %s", got.StatusCode, got.Raw)
	}
	if got := v.register("", agent(map[string]any{"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256"})); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a key's algorithm: %d %s", got.StatusCode, got.Raw)
	}
}
