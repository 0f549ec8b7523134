package jose

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
)

const (
	maxTypBytes   = 64
	maxTypHeaders = 32 // per key; more than the kinds of token there are
)

// b64 refuses padding and trailing bits. It skips line breaks, so callers check the alphabet first.
var b64 = base64.RawURLEncoding.Strict()

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// SignJSON signs the JSON encoding of claims, which must be an object.
func (k *Key) SignJSON(typ string, claims any) (string, error) {
	data, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("jose: claims: %w", err)
	}
	return k.Sign(typ, data)
}

// Sign returns the compact JWS of claims, the text of a JSON object, under the header
// {"alg","kid","typ"}. The caller vouches for the claims' syntax; Sign looks only at the braces.
func (k *Key) Sign(typ string, claims []byte) (string, error) {
	if len(claims) < 2 || claims[0] != '{' || claims[len(claims)-1] != '}' {
		return "", errors.New("jose: claims are not a JSON object")
	}
	header, err := k.header(typ)
	if err != nil {
		return "", err
	}
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	out := append((*pooled)[:0], header...)
	out = b64.AppendEncode(out, claims)
	sig, err := k.signature(out)
	if err != nil {
		return "", err
	}
	out = append(out, '.')
	out = b64.AppendEncode(out, sig)
	*pooled = out
	return string(out), nil
}

// signature signs input in the form that JWS wants.
func (k *Key) signature(input []byte) ([]byte, error) {
	var sig []byte
	var err error
	switch k.public.alg {
	case EdDSA:
		sig, err = k.private.Sign(rand.Reader, input, crypto.Hash(0))
	case PS256:
		digest := sha256.Sum256(input)
		sig, err = k.private.Sign(rand.Reader, digest[:], pssOptions)
	default:
		digest := sha256.Sum256(input)
		sig, err = k.private.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("jose: sign: %w", err)
	}
	if k.public.alg == ES256 {
		return rawES256(sig)
	}
	return sig, nil
}

// rawES256 turns the ASN.1 form of a P-256 signature (SEQUENCE of two INTEGERs, each shorter than
// 128 bytes) into r and s of 32 bytes each (RFC 7518 section 3.4).
func rawES256(der []byte) ([]byte, error) {
	errForm := errors.New("jose: signer returned no ASN.1 signature")
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return nil, errForm
	}
	rest := der[2:]
	raw := make([]byte, es256Size)
	for half := range 2 {
		if len(rest) < 2 || rest[0] != 0x02 || len(rest)-2 < int(rest[1]) {
			return nil, errForm
		}
		number := rest[2 : 2+int(rest[1])]
		rest = rest[2+int(rest[1]):]
		for len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		if len(number) > 32 {
			return nil, errForm
		}
		copy(raw[32*half+32-len(number):], number)
	}
	if len(rest) != 0 {
		return nil, errForm
	}
	return raw, nil
}

// header returns the encoded protected header for typ and the dot behind it.
func (k *Key) header(typ string) (string, error) {
	if known := k.headers.Load(); known != nil {
		if h, ok := (*known)[typ]; ok {
			return h, nil
		}
	}
	if !validTyp(typ) {
		return "", errors.New("jose: typ is not a media type name")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	encoded := b64.EncodeToString([]byte(`{"alg":"`+k.public.alg+`","kid":"`+k.public.kid+`","typ":"`+typ+`"}`)) + "."
	next := map[string]string{}
	if known := k.headers.Load(); known != nil {
		next = maps.Clone(*known)
	}
	if len(next) < maxTypHeaders {
		next[typ] = encoded
		k.headers.Store(&next)
	}
	return encoded, nil
}

// validTyp accepts a media type name (RFC 6838 section 4.2), with or without its first part.
func validTyp(typ string) bool {
	if typ == "" || len(typ) > maxTypBytes {
		return false
	}
	for _, c := range []byte(typ) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '+', c == '-', c == '.', c == '/', c == '_':
		default:
			return false
		}
	}
	return true
}
