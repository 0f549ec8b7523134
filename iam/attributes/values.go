package attributes

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Kind says how a person is asked for a value.
type Kind string

// The kinds.
const (
	KindBoolean  Kind = "boolean"
	KindDate     Kind = "date"
	KindLanguage Kind = "language"
	KindNumber   Kind = "number"
	KindPhone    Kind = "phone"
	KindText     Kind = "text"
	KindURL      Kind = "url"
	KindZone     Kind = "zone"
)

// standard are the claims of OpenID Connect Core 1.0, section 5.1, whose values have a form.
var standard = map[string]Kind{"birthdate": KindDate, "locale": KindLanguage, "phone_number": KindPhone, "picture": KindURL, "profile": KindURL, "website": KindURL, "zoneinfo": KindZone}

// Limits of a value: those of the profile, and of an attribute of the tenant's own.
const (
	maxNameLength = 128 // characters
	maxOwnBytes   = 1024
)

var (
	languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	phoneForm    = regexp.MustCompile(`^\+[0-9][0-9 ().-]{3,30}$`)
	zoneForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
)

// Kind is how a person is asked for the claim's value.
func (t Told) Kind() Kind {
	switch {
	case t.Attribute == Locale:
		return KindLanguage
	case t.Type == TypeBoolean:
		return KindBoolean
	case t.Type == TypeNumber:
		return KindNumber
	case t.Builtin && standard[t.Name] != "":
		return standard[t.Name]
	}
	return KindText
}

// Fits reports whether a text can be told as what the claim's type says.
func (t Told) Fits(value string) bool {
	switch t.Type {
	case TypeBoolean:
		return value == "true" || value == "false"
	case TypeNumber:
		_, err := strconv.ParseFloat(value, 64)
		return err == nil && json.Valid([]byte(value))
	}
	return value != ""
}

// Has reports whether there is something of a person that the claim tells.
func (t Told) Has(u users.User) bool {
	switch t.Attribute {
	case Address:
		for _, part := range AddressParts {
			if u.Attributes[part] != "" {
				return true
			}
		}
		return false
	case EmailVerified:
		return u.Email != ""
	case Groups, Roles, UpdatedAt: // of which everybody has some, or none, and that is said
		return true
	case PhoneNumberVerified:
		return u.Attributes["phone_number"] != ""
	}
	return t.Fits(t.Value(u))
}

// AddressParts are the tenant's own attributes that [Address] is made of, in the order in which an address is written.
var AddressParts = []string{"street_address", "locality", "region", "postal_code", "country"}

// Clean is what a person has typed for the claim's attribute, as it is kept. ok is false where it is nothing, or not in the claim's form.
func (t Told) Clean(typed string) (value string, ok bool) {
	value = strings.TrimSpace(typed)
	most := maxOwnBytes
	if !strings.HasPrefix(t.Attribute, OwnPrefix) {
		most = maxNameLength
	}
	if len(value) > maxOwnBytes || utf8.RuneCountInString(value) > most || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	switch t.Kind() {
	case KindDate:
		at, err := time.Parse(time.DateOnly, value)
		ok = err == nil && at.Year() > 0
	case KindLanguage:
		ok = len(value) <= 35 && languageForm.MatchString(value)
	case KindPhone:
		ok = phoneForm.MatchString(value)
	case KindURL: // which apps show as a link, or load
		u, err := url.Parse(value)
		ok = err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
	case KindZone:
		ok = zoneForm.MatchString(value)
	default:
		ok = t.Fits(value)
	}
	return value, ok
}

// SelfServed returns those of the attributes which people fill in themselves by what every one of the organizations says: each has a
// claim that tells the attribute and says so, of its own or from above.
func (s *Service) SelfServed(ctx context.Context, tx db.Tx, orgs []ids.Org, attributes []string) ([]string, error) {
	return db.Scalars[string](ctx, tx, sqlSelfServed, tx.Tenant(), orgs, attributes)
}

const sqlSelfServed = `
	SELECT c.attribute FROM org_closure o JOIN oidc_claims c ON c.tenant_id = o.tenant_id AND c.org_id = o.ancestor_id
	WHERE o.tenant_id = $1 AND o.descendant_id = ANY ($2) AND c.attribute = ANY ($3)
	GROUP BY c.attribute
	HAVING bool_and(c.self_service) AND count(DISTINCT o.descendant_id) = (SELECT count(DISTINCT d) FROM unnest($2::uuid[]) d)
	ORDER BY c.attribute`
