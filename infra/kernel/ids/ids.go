// Package ids holds the typed identifiers of everything that Grove stores.
//
// In the database an identifier is a UUIDv7 (RFC 9562, section 5.7); outside it is a prefixed string such as
// org_01jd8w…: the kind's prefix, an underscore and 26 characters of lower-case Crockford base32, which sort
// as the UUIDs do. Two kinds are two Go types, so that a user's id cannot be passed where an organization's is meant.
package ids

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Kind names the prefix of an identifier. Only this package declares kinds.
type Kind interface{ prefix() string }

// ErrMalformed is returned for a string that is not an identifier of the wanted kind.
var ErrMalformed = errors.New("must be an identifier")

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const encodedLen = 26

// ID is one identifier of kind K. The zero value means "none" and is never stored.
type ID[K Kind] struct{ value uuid.UUID }

// New makes a fresh identifier.
func New[K Kind]() ID[K] { return ID[K]{uuid.Must(uuid.NewV7())} }

// From wraps a UUID that was read from the database.
func From[K Kind](u uuid.UUID) ID[K] { return ID[K]{u} }

// Parse reads the outside form. It accepts exactly what String writes.
func Parse[K Kind](s string) (ID[K], error) {
	var k K
	rest, ok := strings.CutPrefix(s, k.prefix()+"_")
	if !ok {
		return ID[K]{}, fmt.Errorf("%w: %s_ and %d characters", ErrMalformed, k.prefix(), encodedLen)
	}
	if len(rest) != encodedLen {
		return ID[K]{}, fmt.Errorf("%w: %s_ and %d characters", ErrMalformed, k.prefix(), encodedLen)
	}
	raw, err := encoding.DecodeString(rest)
	// The last character carries three bits; a second spelling of the same id is refused.
	if err != nil || len(raw) != 16 || encoding.EncodeToString(raw) != rest {
		return ID[K]{}, fmt.Errorf("%w: %s_ and %d characters of base32", ErrMalformed, k.prefix(), encodedLen)
	}
	return ID[K]{uuid.UUID(raw)}, nil
}

// Any is the outside form of an identifier whose kind is known when it is read: a person's or a group's, say.
type Any string

var outside = regexp.MustCompile(`^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$`)

// AnyOf is the outside form of an identifier of the kind that has a prefix.
func AnyOf(prefix string, id uuid.UUID) Any {
	return Any(prefix + "_" + encoding.EncodeToString(id[:]))
}

// UUID returns the database form; false where this is no identifier of any kind.
func (id Any) UUID() (u uuid.UUID, ok bool) {
	if !outside.MatchString(string(id)) {
		return u, false
	}
	raw, err := encoding.DecodeString(string(id[4:]))
	if err != nil || len(raw) != len(u) || encoding.EncodeToString(raw) != string(id[4:]) {
		return u, false
	}
	return uuid.UUID(raw), true
}

// UUID returns the database form.
func (id ID[K]) UUID() uuid.UUID { return id.value }

// IsZero reports whether the identifier is "none".
func (id ID[K]) IsZero() bool { return id.value == uuid.Nil }

// Prefix returns the kind's prefix without the underscore.
func (id ID[K]) Prefix() string { var k K; return k.prefix() }

// String returns the outside form; "" for the zero value.
func (id ID[K]) String() string {
	if id.IsZero() {
		return ""
	}
	return id.Prefix() + "_" + encoding.EncodeToString(id.value[:])
}

// MarshalText writes the outside form.
func (id ID[K]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the outside form; an empty text is the zero value.
func (id *ID[K]) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID[K]{}
		return nil
	}
	parsed, err := Parse[K](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// ScanUUID reads a Postgres uuid; NULL is the zero value.
func (id *ID[K]) ScanUUID(v pgtype.UUID) error {
	id.value = v.Bytes
	if !v.Valid {
		id.value = uuid.Nil
	}
	return nil
}

// UUIDValue writes a Postgres uuid; the zero value is NULL.
func (id ID[K]) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: id.value, Valid: !id.IsZero()}, nil
}

// Value is for database/sql users; pgx takes UUIDValue.
func (id ID[K]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.value.String(), nil
}

// Schema describes the outside form in the OpenAPI document.
func (id ID[K]) Schema(huma.Registry) *huma.Schema {
	example := ID[K]{uuid.MustParse("01931e5a-7c00-7000-8000-000000000001")}
	return &huma.Schema{
		Type:               huma.TypeString,
		Pattern:            "^" + id.Prefix() + "_[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$", // the last one's two low bits are none of the id's
		PatternDescription: fmt.Sprintf("an identifier: %s_ and %d letters and digits", id.Prefix(), encodedLen),
		Description:        "Identifier with the prefix " + id.Prefix() + "_.",
		Examples:           []any{example.String()},
	}
}

var _ huma.SchemaProvider = ID[tenantKind]{}

// Pair derives the stable UUID of a relation between two things that has no row of its own once it is gone,
// such as a removed membership, so that its revocation can still be named. It is a UUIDv8 over SHA-256.
func Pair(a, b uuid.UUID) uuid.UUID {
	sum := sha256.Sum256(append(a[:], b[:]...))
	var u uuid.UUID
	copy(u[:], sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return u
}
