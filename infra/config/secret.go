package config

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is all that a secret prints.
const mask = "(hidden)"

// Secret is a text that prints, logs and marshals as a mask.
type Secret string

// Format writes the mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.shown()) }

// IsZero says that the secret is not set.
func (s Secret) IsZero() bool { return s == "" }

// LogValue is the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText is the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) shown() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// KeySize is the size of a Key in bytes.
const KeySize = 32

// Key is a 32-byte key that prints, logs and marshals as a mask. All zeroes means not set.
type Key [KeySize]byte

// Bytes returns a copy of the key itself.
func (k Key) Bytes() []byte { return k[:] }

// Format writes the mask for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.shown()) }

// IsZero says that the key is not set.
func (k Key) IsZero() bool { return k == Key{} }

// LogValue is the mask.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.shown()) }

// MarshalText is the mask.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.shown()), nil }

func (k Key) shown() string {
	if k.IsZero() {
		return ""
	}
	return mask
}
