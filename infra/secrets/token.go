package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// A token reads prefix_bodychecksum: 43 characters of base64url for 256 random bits, then 6 for the
// CRC-32 of all before. The prefix lets secret scanners find a leaked one; the checksum lets them, and
// us, tell a token from a look-alike without a look-up. It is no protection: the hash is.
const (
	tokenBytes     = 32
	bodyLen        = 43
	checksumLen    = 6
	maxPrefixBytes = 32
)

// NewToken makes a random secret of 256 bits with a readable prefix such as "grv_rt". It returns the
// text, to be shown once, and its hash, to be stored. The prefix is lower-case letters and digits in
// parts joined by "_"; any other is a programming error and panics.
func NewToken(prefix string) (plain string, hash []byte) {
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails, by its documentation
	return TokenOf(prefix, random)
}

// TokenOf makes the token of 256 bits that [DataKey.Derive] gave, for a secret that has to be shown again, such as in a
// mail that is sent later: it is derived anew and never stored.
func TokenOf(prefix string, bits [tokenBytes]byte) (plain string, hash []byte) {
	if !validPrefix(prefix) {
		panic("secrets: token prefix " + prefix)
	}
	plain = prefix + "_" + base64.RawURLEncoding.EncodeToString(bits[:])
	plain += checksum(plain)
	return plain, HashToken(plain)
}

// HashToken returns the SHA-256 of the whole text. A fast hash is right here: 256 random bits cannot be
// searched, unlike a password.
func HashToken(plain string) []byte {
	sum := sha256.Sum256([]byte(plain))
	return sum[:]
}

// MatchToken reports, in constant time, whether hash is that of plain. A truncated or altered token
// never matches.
func MatchToken(plain string, hash []byte) bool { return EqualHash(HashToken(plain), hash) }

// EqualHash compares two hashes in constant time; an empty one equals nothing.
func EqualHash(a, b []byte) bool {
	return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}

// LooksLike reports whether s has the form of a token that [NewToken] made with prefix.
// It says nothing about whether such a token was ever issued.
func LooksLike(prefix, s string) bool {
	if !validPrefix(prefix) || len(s) != len(prefix)+1+bodyLen+checksumLen || !strings.HasPrefix(s, prefix+"_") {
		return false
	}
	split := len(s) - checksumLen
	body := s[len(prefix)+1 : split]
	if strings.ContainsAny(body, "\r\n") {
		return false
	}
	if _, err := encoding.DecodeString(body); err != nil {
		return false
	}
	return checksum(s[:split]) == s[split:]
}

func checksum(s string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(s)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func validPrefix(prefix string) bool {
	if prefix == "" || len(prefix) > maxPrefixBytes {
		return false
	}
	for _, part := range strings.Split(prefix, "_") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}
