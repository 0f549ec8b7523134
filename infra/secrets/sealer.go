package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	sealerVersion = 1
	// maxSealedBytes is far above any cookie or cursor; it bounds the work for a stranger's text.
	maxSealedBytes = 64 << 10
)

// encoding refuses trailing bits. It skips line breaks, so readers check for them first.
var encoding = base64.RawURLEncoding.Strict()

// Sealer seals small texts that leave the server and come back: cookies, cursors, state. They are
// confidential and cannot be altered, but they can be replayed: put an expiry into the payload.
//
// Each (purpose, binding) has its own key, so a text opens only where it was meant: the purpose names
// the use, and the binding whom it is for, such as tenant and operation. The cipher is
// XChaCha20-Poly1305, whose nonces of 192 random bits never run out, however many cursors are made.
//
// A text carries no key id: opening tries each root key, and there are few.
type Sealer struct{ root *Root }

// NewSealer makes a sealer of the root keys. Texts live as long as the root key that sealed them.
func NewSealer(root *Root) *Sealer { return &Sealer{root: root} }

// Seal returns payload as URL-safe text without padding, 4/3 × (41 + its length) characters long.
func (s *Sealer) Seal(purpose string, binding, payload []byte) string {
	nonce := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(payload)+chacha20poly1305.Overhead)
	nonce[0] = sealerVersion
	_, _ = rand.Read(nonce[1:]) // never fails, by its documentation
	key := sealerKey(s.root.keys[0], purpose, binding)
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // only for a wrong key length, which the type excludes
	}
	return encoding.EncodeToString(aead.Seal(nonce, nonce[1:], payload, nonce[:1]))
}

// Open returns the payload of a text sealed for the same purpose and binding, or [ErrOpen].
func (s *Sealer) Open(purpose string, binding []byte, text string) ([]byte, error) {
	if len(text) > maxSealedBytes || strings.ContainsAny(text, "\r\n") {
		return nil, ErrOpen
	}
	sealed, err := encoding.DecodeString(text)
	if err != nil || len(sealed) < 1+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || sealed[0] != sealerVersion {
		return nil, ErrOpen
	}
	nonce, ciphertext := sealed[1:1+chacha20poly1305.NonceSizeX], sealed[1+chacha20poly1305.NonceSizeX:]
	for _, root := range s.root.keys {
		key := sealerKey(root, purpose, binding)
		aead, err := chacha20poly1305.NewX(key[:])
		if err != nil {
			return nil, ErrOpen
		}
		if payload, err := aead.Open(nil, nonce, ciphertext, sealed[:1]); err == nil {
			return payload, nil
		}
	}
	return nil, ErrOpen
}

func sealerKey(root [KeySize]byte, purpose string, binding []byte) [KeySize]byte {
	return derive(root, "sealer", []byte(purpose), binding)
}

// Format keeps the keys out of every verb.
func (s *Sealer) Format(f fmt.State, _ rune) { redacted(f, "Sealer") }

// LogValue keeps the keys out of logs.
func (s *Sealer) LogValue() slog.Value { return slog.StringValue("redacted") }
