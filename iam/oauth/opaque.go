package oauth

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// Opaque access tokens: the same claims as those of a JWT, sealed, so that nobody but this server reads them. To the app and to APIs they are
// handles, which APIs ask introspection about. Nothing is stored: what a token stands on is looked up as for any other, so that it is
// revoked in the same ways and at the same time, and making one costs no write.
const prefixAccess = "grv_at"

// opaqueKeyLife is how long tokens are sealed under one key. The key is the tenant's and the day's: a random nonce bounds each to 2^32.
const opaqueKeyLife = 24 * time.Hour

const opaqueHeader = 4 // bytes: the day

var opaqueText = base64.RawURLEncoding.Strict() // a token has one spelling

// sealAccess makes an opaque token of claims.
func (s *Service) sealAccess(ctx context.Context, tenant ids.Tenant, claims []byte) (string, error) {
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return "", err
	}
	day := binary.BigEndian.AppendUint32(nil, uint32(s.DB.Clock().Now().Unix()/int64(opaqueKeyLife/time.Second)))
	return prefixAccess + "_" + opaqueText.EncodeToString(append(day, opaqueKey(key, day).Seal(claims, []byte(prefixAccess))...)), nil
}

func opaqueKey(key *secrets.DataKey, day []byte) *secrets.DataKey {
	return key.Sub("opaque access token", day)
}

// openAccess reads the claims of an opaque token of the tenant's, or gives errToken.
func (s *Service) openAccess(ctx context.Context, t httpapi.Tenant, token string) (*jose.Claims, error) {
	if len(token) > jose.DefaultMaxBytes {
		return nil, errToken
	}
	text, ok := strings.CutPrefix(token, prefixAccess+"_")
	raw, err := opaqueText.DecodeString(text)
	if !ok || err != nil || len(raw) < opaqueHeader || strings.ContainsAny(token, "\r\n") {
		return nil, errToken
	}
	key, err := s.Keys.DataKey(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	claims, err := opaqueKey(key, raw[:opaqueHeader]).Open(raw[opaqueHeader:], []byte(prefixAccess))
	if err != nil {
		return nil, errors.Join(errToken, err)
	}
	return ourClaims(t, claims)
}

func isOpaque(token string) bool { return strings.HasPrefix(token, prefixAccess+"_") }
