package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeySize is the length of every key in bytes (256 bits).
const KeySize = 32

// The envelope: version, key id, then nonce, ciphertext and tag as AES-256-GCM with a random nonce
// (NIST SP 800-38D) gives them. The first two are authenticated together with the caller's data.
// A random nonce of 96 bits bounds a data key to 2^32 messages.
const (
	envelopeVersion = 1
	keyIDSize       = 4
	headerSize      = 1 + keyIDSize
	overhead        = headerSize + 12 + 16
)

// ErrOpen is the one failure to open anything: altered, for another place, or under an unknown key.
var ErrOpen = errors.New("secrets: cannot be opened")

type keyID [keyIDSize]byte

// envelope is one key in use.
type envelope struct {
	aead cipher.AEAD
	id   keyID
}

func newEnvelope(key [KeySize]byte) envelope {
	var e envelope
	id := derive(key, "key id")
	copy(e.id[:], id[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a wrong key length, which the type excludes
	}
	if e.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		panic(err) // only for a block size that AES does not have
	}
	return e
}

func (e envelope) seal(plaintext, aad []byte) []byte {
	out := make([]byte, headerSize, overhead+len(plaintext))
	out[0] = envelopeVersion
	copy(out[1:], e.id[:])
	return e.aead.Seal(out, nil, plaintext, bind(out[:headerSize], aad))
}

func (e envelope) open(sealed, aad []byte) ([]byte, error) {
	id, err := sealedBy(sealed)
	if err != nil || id != e.id {
		return nil, ErrOpen
	}
	plaintext, err := e.aead.Open(nil, nil, sealed[headerSize:], bind(sealed[:headerSize], aad))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

func bind(header, aad []byte) []byte {
	return append(append(make([]byte, 0, headerSize+len(aad)), header...), aad...)
}

func sealedBy(sealed []byte) (keyID, error) {
	if len(sealed) < overhead || sealed[0] != envelopeVersion {
		return keyID{}, ErrOpen
	}
	return keyID(sealed[1:headerSize]), nil
}

// derive is HKDF-SHA256 (RFC 5869) of key for a purpose. Each part of info goes with its length, so
// that no two lists of parts read the same.
func derive(key [KeySize]byte, purpose string, context ...[]byte) [KeySize]byte {
	info := []byte("grove/v1")
	info = binary.BigEndian.AppendUint32(info, uint32(len(purpose)))
	info = append(info, purpose...)
	for _, part := range context {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	out, err := hkdf.Key(sha256.New, key[:], nil, string(info), KeySize)
	if err != nil {
		panic(err) // only for more output than HKDF has
	}
	return [KeySize]byte(out)
}

// KeyID returns the id of the key that sealed, in hex, as [DataKey.ID] gives it.
func KeyID(sealed []byte) (string, error) {
	id, err := sealedBy(sealed)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(id[:]), nil
}

// redacted stands for a key wherever it is formatted.
func redacted(f fmt.State, kind string) { _, _ = f.Write([]byte("secrets." + kind + "(redacted)")) }
