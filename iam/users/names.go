package users

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/text"
)

const maxUsername = 254

// usernameKey is the comparable form of a username: of an e-mail address its own, else the text's.
func usernameKey(s string) string {
	if _, key, err := text.Email(s); err == nil {
		return key
	}
	return text.Key(s)
}

// cleanUsername returns the form to show and the comparable form. A username is printable, and where it has an @, or
// what compares like one, it is one plain e-mail address.
func cleanUsername(s string) (show, key string, err error) {
	if strings.Contains(s, "@") {
		if show, key, err = text.Email(s); err != nil {
			return "", "", fault.CodeInvalid.At("/username", "A username with @ must be one plain e-mail address.")
		}
		return show, key, nil
	}
	show = strings.TrimSpace(s)
	key = text.Key(show)
	if key == "" || strings.Contains(key, "@") || len(show) > maxUsername || strings.ContainsFunc(show, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", "", fault.CodeInvalid.At("/username", "Must be 1 to 254 bytes of printable characters.")
	}
	return show, key, nil
}

// cleanEmail returns the form to show and the comparable form; "" stays "".
func cleanEmail(s string) (show, key string, err error) {
	if s == "" {
		return "", "", nil
	}
	if show, key, err = text.Email(s); err != nil {
		return "", "", fault.CodeInvalid.At("/email", "Must be one plain e-mail address.")
	}
	return show, key, nil
}

// cleanName refuses control characters in what is shown to others, in mails too, and what is no text: a form, unlike
// JSON, can hold any bytes.
func cleanName(pointer, s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > 512 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", fault.CodeInvalid.At(pointer, "Must be printable characters, at most 512 bytes.")
	}
	return s, nil
}

// maxWords is how many characters of a name are compared, from each of its words on.
const maxWords = 100

// NameWords is the comparable form of what is looked for in the names of people. What has no letter or digit is found in none.
func NameWords(s string) string {
	words := text.Words(s)
	if words == "" {
		words = text.Key(s)
	}
	if runes := []rune(words); len(runes) > maxWords {
		return string(runes[:maxWords])
	}
	return words
}

// cleanReason refuses what no administrator would type.
func cleanReason(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > 1024 || strings.ContainsFunc(s, unicode.IsControl) {
		return "", fault.CodeInvalid.At("/reason", "Must be printable characters, at most 1024 bytes.")
	}
	return s, nil
}

const (
	maxAttributes     = 64
	maxAttributeBytes = 1024
)

// mergeAttributes applies a merge patch to attributes: nil removes.
func mergeAttributes(have map[string]string, patch map[string]*string) (map[string]string, error) {
	merged := make(map[string]string, len(have)+len(patch))
	for name, value := range have {
		merged[name] = value
	}
	for name, value := range patch {
		if value == nil {
			delete(merged, name)
			continue
		}
		if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || r > unicode.MaxASCII }) {
			return nil, fault.CodeInvalid.At("/attributes", "Must have names of 1 to 64 printable ASCII characters.")
		}
		if len(*value) > maxAttributeBytes || strings.ContainsRune(*value, 0) {
			return nil, fault.CodeInvalid.At("/attributes", "Must have values of at most 1024 bytes without NUL.")
		}
		merged[name] = *value
	}
	if len(merged) > maxAttributes {
		return nil, fault.CodeInvalid.At("/attributes", "Must have at most 64 attributes.")
	}
	return merged, nil
}
