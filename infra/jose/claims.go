package jose

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const (
	maxAudiences   = 64
	maxNumericDate = 253402300799 // the last second of the year 9999
)

// Refusals by [Claims.Validate] and [Claims.ValidateTimes]; each is an [ErrInvalid].
var (
	ErrAudience    = fmt.Errorf("%w: audience", ErrInvalid)
	ErrExpired     = fmt.Errorf("%w: expired", ErrInvalid)
	ErrIssuer      = fmt.Errorf("%w: issuer", ErrInvalid)
	ErrNotYetValid = fmt.Errorf("%w: not yet valid", ErrInvalid)
)

// Claims are the registered claims of a JWT (RFC 7519 section 4.1). An absent text is "", an absent
// time is zero. Comparisons are of bytes: no claim is trimmed, folded or normalised.
type Claims struct {
	Audience  []string // aud
	Expiry    time.Time
	ID        string // jti
	IssuedAt  time.Time
	Issuer    string
	NotBefore time.Time
	Subject   string

	members object
}

// ParseClaims reads a payload strictly: texts are strings, times are whole seconds since 1970 without
// fraction or exponent, aud is a string or a non-empty array of strings, and no name comes twice.
func ParseClaims(payload []byte) (*Claims, error) {
	o, err := parseObject(payload)
	if err != nil {
		return nil, err
	}
	c := &Claims{members: o}
	for name, into := range map[string]*string{"iss": &c.Issuer, "jti": &c.ID, "sub": &c.Subject} {
		s, ok := o.str(name)
		if !ok {
			return nil, ErrMalformed
		}
		*into = s
	}
	for name, into := range map[string]*time.Time{"exp": &c.Expiry, "iat": &c.IssuedAt, "nbf": &c.NotBefore} {
		raw, ok := o.get(name)
		if !ok {
			continue
		}
		if *into, err = numericDate(raw); err != nil {
			return nil, err
		}
	}
	c.Audience, err = audience(o)
	return c, err
}

// Get returns any claim as written; names are compared exactly.
func (c *Claims) Get(name string) (json.RawMessage, bool) { return c.members.get(name) }

// Text returns a claim that is a string, or false.
func (c *Claims) Text(name string) (string, bool) {
	raw, ok := c.members.get(name)
	if !ok {
		return "", false
	}
	return unquote(raw)
}

// Time returns a claim that is a NumericDate in whole seconds, such as auth_time, or false.
func (c *Claims) Time(name string) (time.Time, bool) {
	raw, ok := c.members.get(name)
	if !ok {
		return time.Time{}, false
	}
	t, err := numericDate(raw)
	return t, err == nil
}

// HasAudience reports whether aud names audience exactly.
func (c *Claims) HasAudience(audience string) bool {
	return audience != "" && slices.Contains(c.Audience, audience)
}

// Validate checks the times as [Claims.ValidateTimes] does, that iss is issuer, and that aud names
// audience. An empty issuer or audience refuses everything.
func (c *Claims) Validate(now time.Time, leeway time.Duration, issuer, audience string) error {
	if issuer == "" || c.Issuer != issuer {
		return ErrIssuer
	}
	if !c.HasAudience(audience) {
		return ErrAudience
	}
	return c.ValidateTimes(now, leeway)
}

// ValidateTimes checks that exp is there and after now, and that nbf and iat, where given, are not in
// the future; leeway bends each of them. A token dies in the second that exp names (RFC 7519 section 4.1.4).
func (c *Claims) ValidateTimes(now time.Time, leeway time.Duration) error {
	leeway = max(leeway, 0)
	if c.Expiry.IsZero() || !now.Before(c.Expiry.Add(leeway)) {
		return ErrExpired
	}
	horizon := now.Add(leeway)
	if c.NotBefore.After(horizon) || c.IssuedAt.After(horizon) {
		return ErrNotYetValid
	}
	return nil
}

func audience(o object) ([]string, error) {
	raw, ok := o.get("aud")
	if !ok {
		return nil, nil
	}
	if s, ok := unquote(raw); ok {
		return []string{s}, nil
	}
	var items []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil || len(items) == 0 || len(items) > maxAudiences {
		return nil, ErrMalformed
	}
	list := make([]string, len(items))
	for i, item := range items {
		s, ok := unquote(item)
		if !ok {
			return nil, ErrMalformed
		}
		list[i] = s
	}
	return list, nil
}

// numericDate accepts digits only, which shuts out strings, fractions, exponents and signs.
func numericDate(raw []byte) (time.Time, error) {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return time.Time{}, ErrMalformed
		}
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n > maxNumericDate {
		return time.Time{}, ErrMalformed
	}
	return time.Unix(n, 0), nil
}
