package apps

import (
	"encoding/json"
	"slices"
	"strings"

	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// Encryption is what of that which an app is told is encrypted for it, and how (OpenID Connect Dynamic Client Registration 1.0, section 2;
// RFC 9701, section 6; JARM, section 3). An alg of "" is not at all, and its enc is "" then.
type Encryption struct {
	IDTokenEncryptionAlg       string `json:"id_token_encrypted_response_alg" doc:"How the keys of encrypted ID tokens are made; empty: they are not encrypted." example:"ECDH-ES"`
	IDTokenEncryptionEnc       string `json:"id_token_encrypted_response_enc" doc:"How ID tokens are encrypted." example:"A128CBC-HS256"`
	IntrospectionEncryptionAlg string `json:"introspection_encrypted_response_alg" doc:"How the keys of encrypted answers about tokens are made (RFC 9701); empty: they are not encrypted." example:"ECDH-ES"`
	IntrospectionEncryptionEnc string `json:"introspection_encrypted_response_enc" doc:"How answers about tokens are encrypted." example:"A128CBC-HS256"`
	ResponseEncryptionAlg      string `json:"authorization_encrypted_response_alg" doc:"How the keys of encrypted authorization responses are made (JARM); empty: they are not encrypted." example:"ECDH-ES"`
	ResponseEncryptionEnc      string `json:"authorization_encrypted_response_enc" doc:"How authorization responses are encrypted." example:"A128CBC-HS256"`
	UserinfoEncryptionAlg      string `json:"userinfo_encrypted_response_alg" doc:"How the keys of encrypted userinfo are made; empty: it is not encrypted." example:"ECDH-ES"`
	UserinfoEncryptionEnc      string `json:"userinfo_encrypted_response_enc" doc:"How userinfo is encrypted." example:"A128CBC-HS256"`
}

// EncryptionPatch changes an app's [Encryption].
type EncryptionPatch struct {
	IDTokenEncryptionAlg       *string `json:"id_token_encrypted_response_alg,omitempty" enum:",ECDH-ES,ECDH-ES+A128KW,ECDH-ES+A256KW,RSA-OAEP,RSA-OAEP-256" doc:"How ID tokens, and logout tokens, are encrypted for the app after they are signed: how the key of each is agreed on or wrapped, with a key of jwks or jwks_uri (RFC 7518, section 4). Empty for not at all. For apps whose tokens pass through others' hands, as in the addresses of a browser." example:"ECDH-ES"`
	IDTokenEncryptionEnc       *string `json:"id_token_encrypted_response_enc,omitempty" enum:",A128CBC-HS256,A128GCM,A256CBC-HS512,A256GCM" doc:"How the token itself is encrypted (RFC 7518, section 5); A128CBC-HS256 where it is left out." example:"A128CBC-HS256"`
	IntrospectionEncryptionAlg *string `json:"introspection_encrypted_response_alg,omitempty" enum:",ECDH-ES,ECDH-ES+A128KW,ECDH-ES+A256KW,RSA-OAEP,RSA-OAEP-256" doc:"How signed answers about tokens are encrypted for the app (RFC 9701); empty for not at all." example:"ECDH-ES"`
	IntrospectionEncryptionEnc *string `json:"introspection_encrypted_response_enc,omitempty" enum:",A128CBC-HS256,A128GCM,A256CBC-HS512,A256GCM" doc:"See id_token_encrypted_response_enc." example:"A128CBC-HS256"`
	ResponseEncryptionAlg      *string `json:"authorization_encrypted_response_alg,omitempty" enum:",ECDH-ES,ECDH-ES+A128KW,ECDH-ES+A256KW,RSA-OAEP,RSA-OAEP-256" doc:"How signed authorization responses are encrypted for the app (JARM); empty for not at all." example:"ECDH-ES"`
	ResponseEncryptionEnc      *string `json:"authorization_encrypted_response_enc,omitempty" enum:",A128CBC-HS256,A128GCM,A256CBC-HS512,A256GCM" doc:"See id_token_encrypted_response_enc." example:"A128CBC-HS256"`
	UserinfoEncryptionAlg      *string `json:"userinfo_encrypted_response_alg,omitempty" enum:",ECDH-ES,ECDH-ES+A128KW,ECDH-ES+A256KW,RSA-OAEP,RSA-OAEP-256" doc:"How answers of the userinfo endpoint are encrypted for the app, whether they are signed or not; empty for not at all." example:"ECDH-ES"`
	UserinfoEncryptionEnc      *string `json:"userinfo_encrypted_response_enc,omitempty" enum:",A128CBC-HS256,A128GCM,A256CBC-HS512,A256GCM" doc:"See id_token_encrypted_response_enc." example:"A128CBC-HS256"`
}

// encryption is one thing that can be encrypted.
type encryption struct {
	name     string // of its alg; that of its enc differs in the last letters
	alg, enc *string
}

func (e *Encryption) all() []encryption {
	return []encryption{
		{"authorization_encrypted_response_", &e.ResponseEncryptionAlg, &e.ResponseEncryptionEnc},
		{"id_token_encrypted_response_", &e.IDTokenEncryptionAlg, &e.IDTokenEncryptionEnc},
		{"introspection_encrypted_response_", &e.IntrospectionEncryptionAlg, &e.IntrospectionEncryptionEnc},
		{"userinfo_encrypted_response_", &e.UserinfoEncryptionAlg, &e.UserinfoEncryptionEnc},
	}
}

// Complete says how what is to be encrypted is encrypted where nothing is said (OpenID Connect Dynamic Client Registration 1.0, section 2).
func (e *Encryption) Complete() {
	for _, one := range e.all() {
		if *one.alg != "" && *one.enc == "" {
			*one.enc = jose.DefaultEnc
		}
	}
}

// over lays a change over what there is. Without its alg, an enc goes.
func (p EncryptionPatch) over(fields []string, e *Encryption) []string {
	to := e.all()
	for i, one := range []struct{ alg, enc *string }{{p.ResponseEncryptionAlg, p.ResponseEncryptionEnc}, {p.IDTokenEncryptionAlg, p.IDTokenEncryptionEnc}, {p.IntrospectionEncryptionAlg, p.IntrospectionEncryptionEnc}, {p.UserinfoEncryptionAlg, p.UserinfoEncryptionEnc}} {
		fields = set(set(fields, to[i].name+"alg", to[i].alg, one.alg), to[i].name+"enc", to[i].enc, one.enc)
		if one.alg != nil && *one.alg == "" && one.enc == nil {
			*to[i].enc = ""
		}
	}
	e.Complete()
	return fields
}

// checkEncryption says why what an app is told cannot be encrypted for it. The keys of jwks_uri are not looked at: they come and go.
func checkEncryption(s Settings) error {
	for _, one := range s.Encryption.all() {
		alg, enc := *one.alg, *one.enc
		switch {
		case alg == "" && enc == "":
			continue
		case !slices.Contains(jose.EncryptionAlgs(), alg):
			return fault.CodeInvalid.At("/"+one.name+"alg", "Must be one of the algorithms that the server's metadata lists, where something is to be encrypted.")
		case !slices.Contains(jose.Encs(), enc):
			return fault.CodeInvalid.At("/"+one.name+"enc", "Must be one of the algorithms that the server's metadata lists.")
		case s.JWKSURI == "" && s.JWKS.encryptionKey(alg) == nil:
			return fault.CodeInvalid.At("/jwks", "Must hold a key to which "+alg+" can encrypt ("+kind(alg)+"), unless the address of keys is given.")
		}
	}
	return nil
}

// kind says for which keys an algorithm of [jose.EncryptionAlgs] is (RFC 7518, section 4.1).
func kind(alg string) string {
	if strings.HasPrefix(alg, "ECDH-ES") {
		return "EC on P-256"
	}
	return "RSA of 2048 bits and more"
}

// encryptionKey is the key of the set to which an algorithm encrypts; nil: there is none.
func (s *JWKSet) encryptionKey(alg string) *jose.EncryptionKey {
	if s == nil {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	key, _ := jose.FindEncryptionKey(raw, alg)
	return key
}

// encryptionKeys are the keys of jwks that an app's settings need, by algorithm.
func (s Settings) encryptionKeys() map[string]*jose.EncryptionKey {
	keys := map[string]*jose.EncryptionKey{}
	for _, one := range s.Encryption.all() {
		if *one.alg != "" && keys[*one.alg] == nil {
			keys[*one.alg] = s.JWKS.encryptionKey(*one.alg)
		}
	}
	return keys
}
