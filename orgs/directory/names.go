package directory

import (
	"crypto/rand"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

var handleForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Bounds, in characters where a text is meant.
const (
	maxName           = 100
	maxWords          = 100  // of what an organization is found by
	maxNameKey        = 1000 // bytes: normalising can make a name much longer, and the index takes no more than 2700
	maxDescription    = 1000
	maxAttributes     = 50
	maxAttributeKey   = 64
	maxAttributeValue = 1000
)

// check refuses an organization that breaks a rule and returns the comparable form of its name.
func check(o Org) (nameKey string, err error) {
	nameKey = text.Key(o.Name)
	switch {
	case nameKey == "" || utf8.RuneCountInString(o.Name) > maxName || len(nameKey) > maxNameKey || strings.ContainsFunc(o.Name, unicode.IsControl):
		return "", fault.CodeInvalid.At("/name", "Must have 1 to 100 characters, not only spaces and none of them a control character.")
	case o.Handle == "root" || o.Handle != "" && !handleForm.MatchString(o.Handle):
		return "", fault.CodeInvalid.At("/handle", "Must be 1 to 63 lower-case letters, digits and inner hyphens, and not root.")
	case utf8.RuneCountInString(o.Description) > maxDescription || !storable(o.Description):
		return "", fault.CodeInvalid.At("/description", "Must have at most 1000 characters, none of them NUL.")
	case len(o.Attributes) > maxAttributes:
		return "", fault.CodeInvalid.At("/attributes", "Must have at most 50 attributes.")
	}
	for key, value := range o.Attributes {
		if key == "" || utf8.RuneCountInString(key) > maxAttributeKey || strings.ContainsFunc(key, unicode.IsControl) ||
			utf8.RuneCountInString(value) > maxAttributeValue || !storable(value) {
			return "", fault.CodeInvalid.At("/attributes", "Must have keys of 1 to 64 characters and values of at most 1000, without NUL.")
		}
	}
	return nameKey, nil
}

// storable reports whether Postgres keeps the text: it refuses NUL.
func storable(s string) bool { return !strings.ContainsRune(s, 0) }

const (
	slugLen   = 48
	suffixLen = 6
)

// slug makes a handle of a name: ASCII letters and digits without their marks, the rest hyphens. Later attempts, and
// names with nothing to use, end in random characters.
func slug(name string, attempt int) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case b.Len() >= slugLen:
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	if s == "" {
		s, attempt = "org", max(attempt, 1)
	}
	if s == "root" {
		attempt = max(attempt, 1)
	}
	if attempt > 0 {
		s += "-" + strings.ToLower(rand.Text()[:suffixLen])
	}
	return s
}

// startingWith is the range of what starts with some words, from the first letter or digit on; "" for no words.
func startingWith(words string) (from, to string) {
	key := text.Key(words)
	if from = strings.TrimLeft(key, " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"); from == "" {
		from = key
	}
	if runes := []rune(from); len(runes) > maxWords {
		from = string(runes[:maxWords])
	}
	return text.Prefix(from)
}

func afterID(s string) (ids.Org, error) {
	var id ids.Org
	if err := id.UnmarshalText([]byte(s)); err != nil {
		return id, fault.CodePageToken.With("Start again without a page token.", err)
	}
	return id, nil
}
