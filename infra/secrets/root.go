package secrets

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
)

// Root holds the root keys, the newest first. It is immutable and safe for concurrent use.
type Root struct {
	keys  [][KeySize]byte
	wraps []envelope // of keys, in the same order
}

// NewRoot takes the root keys from configuration, each of 32 random bytes: the newest, which seals,
// and after it those that still have to open. Keep an old key until everything is wrapped anew;
// see [Root.NeedsRewrap].
func NewRoot(newest []byte, older ...[]byte) (*Root, error) {
	r := &Root{}
	for _, key := range append([][]byte{newest}, older...) {
		if len(key) != KeySize {
			return nil, errors.New("secrets: a root key is not 32 bytes long")
		}
		if [KeySize]byte(key) == ([KeySize]byte{}) {
			return nil, errors.New("secrets: a root key is all zero")
		}
		k := [KeySize]byte(key)
		e := newEnvelope(derive(k, "wrap"))
		for _, other := range r.wraps {
			if other.id == e.id {
				return nil, errors.New("secrets: two root keys have one id")
			}
		}
		r.keys, r.wraps = append(r.keys, k), append(r.wraps, e)
	}
	return r, nil
}

// Derive returns a key bound to purpose and context, of the newest root key: it changes when the root
// key rotates, so nothing that lasts may depend on it. What lasts belongs under a [DataKey].
func (r *Root) Derive(purpose string, context ...[]byte) [KeySize]byte {
	return deriveFor(r.keys[0], purpose, context...)
}

// DeriveAll returns what [Root.Derive] gives under each root key, the newest first.
func (r *Root) DeriveAll(purpose string, context ...[]byte) [][KeySize]byte {
	all := make([][KeySize]byte, len(r.keys))
	for i, key := range r.keys {
		all[i] = deriveFor(key, purpose, context...)
	}
	return all
}

// deriveFor keeps callers' purposes apart from those that this package uses itself.
func deriveFor(key [KeySize]byte, purpose string, context ...[]byte) [KeySize]byte {
	return derive(key, "derive/"+purpose, context...)
}

// NewDataKey makes a random data key and wraps it; store the wrapped form. See [Root.WrapKey].
func (r *Root) NewDataKey(context string) (key *DataKey, wrapped []byte) {
	var raw [KeySize]byte
	_, _ = rand.Read(raw[:]) // never fails, by its documentation
	key = newDataKey(raw)
	return key, r.WrapKey(context, key)
}

// WrapKey seals a data key under the newest root key, for the place that context names, such as
// the id of its tenant. It unwraps under the same context only.
func (r *Root) WrapKey(context string, key *DataKey) []byte {
	return r.wraps[0].seal(key.raw[:], []byte(context))
}

// UnwrapKey opens what [Root.WrapKey] sealed under any of the root keys, or gives [ErrOpen].
func (r *Root) UnwrapKey(context string, wrapped []byte) (*DataKey, error) {
	id, err := sealedBy(wrapped)
	if err != nil {
		return nil, err
	}
	for _, e := range r.wraps {
		if e.id != id {
			continue
		}
		raw, err := e.open(wrapped, []byte(context))
		if err != nil || len(raw) != KeySize {
			return nil, ErrOpen
		}
		return newDataKey([KeySize]byte(raw)), nil
	}
	return nil, ErrOpen
}

// NeedsRewrap reports whether wrapped is under another key than the newest root key.
func (r *Root) NeedsRewrap(wrapped []byte) bool {
	id, err := sealedBy(wrapped)
	return err != nil || id != r.wraps[0].id
}

// Format keeps the keys out of every verb.
func (r *Root) Format(f fmt.State, _ rune) { redacted(f, "Root") }

// LogValue keeps the keys out of logs.
func (r *Root) LogValue() slog.Value { return slog.StringValue("redacted") }

// DataKey encrypts data of one owner. It is immutable and safe for concurrent use.
type DataKey struct {
	envelope envelope
	raw      [KeySize]byte
}

func newDataKey(raw [KeySize]byte) *DataKey {
	return &DataKey{envelope: newEnvelope(derive(raw, "seal")), raw: raw}
}

// ID names the key in hex, and in each ciphertext; see [KeyID]. It reveals nothing of the key.
func (k *DataKey) ID() string { return fmt.Sprintf("%x", k.envelope.id[:]) }

// Derive returns a key bound to purpose and context, stable for the life of the data key.
func (k *DataKey) Derive(purpose string, context ...[]byte) [KeySize]byte {
	return deriveFor(k.raw, purpose, context...)
}

// Sub returns the data key that [DataKey.Derive] gives, for what is sealed too often for one key.
func (k *DataKey) Sub(purpose string, context ...[]byte) *DataKey {
	return newDataKey(k.Derive(purpose, context...))
}

// Seal encrypts plaintext for the place that aad names, such as table, column and row id, and adds 33
// bytes. A value moved to another place does not open.
func (k *DataKey) Seal(plaintext, aad []byte) []byte { return k.envelope.seal(plaintext, aad) }

// Open decrypts what [DataKey.Seal] sealed with the same aad, or gives [ErrOpen].
func (k *DataKey) Open(sealed, aad []byte) ([]byte, error) { return k.envelope.open(sealed, aad) }

// Format keeps the key out of every verb.
func (k *DataKey) Format(f fmt.State, _ rune) { redacted(f, "DataKey") }

// LogValue keeps the key out of logs.
func (k *DataKey) LogValue() slog.Value { return slog.StringValue("redacted") }
