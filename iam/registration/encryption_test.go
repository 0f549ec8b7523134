package registration_test

import "testing"

// TestRegisterEncryption: an app says by what it is told things, and reads it again.
func TestRegisterEncryption(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	made := v.register("", agent(map[string]any{"jwks_uri": "https://agent.example/keys", "id_token_encrypted_response_alg": "RSA-OAEP-256",
		"userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM"}))
	for name, want := range map[string]string{"id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A128CBC-HS256",
		"userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "A256GCM", "introspection_encrypted_response_enc": ""} {
		if got := made.Text(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, has := made.JSON["introspection_encrypted_response_alg"]; made.StatusCode != 201 || has {
		t.Errorf("%d %s", made.StatusCode, made.Raw)
	}
}
