// Package text makes the comparable forms under which names and addresses are stored and found, so that every
// capability agrees on when two of them are the same.
package text

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Key is the comparable form of a name: NFKC, case-folded, outer spaces removed, inner runs of spaces made one.
func Key(s string) string {
	// Folding swaps the two cases of Cherokee letters, so lower-casing comes after it. Normalisation can make spaces of
	// other characters, so spaces come last.
	folded := norm.NFKC.String(strings.ToLower(cases.Fold().String(norm.NFKC.String(s))))
	return norm.NFKC.String(strings.Join(strings.Fields(folded), " "))
}

// Words is the comparable form of a name without its punctuation: the words of [Key] with one space between them.
func Words(s string) string {
	return strings.Join(strings.FieldsFunc(Key(s), func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) || unicode.IsSpace(r) }), " ")
}

// Prefix is the range of the comparable texts that begin with key, in byte order; both ends are in it. No text has the
// greatest code point.
func Prefix(key string) (from, to string) { return key, key + "\U0010FFFF" }

// Distance counts the bytes to insert, remove or replace to get from a to b (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// ErrEmail is returned for what is not one plain e-mail address.
var ErrEmail = errors.New("text: not an e-mail address")

// notInEmail never stands in a plain address.
const notInEmail = " \t\r\n\x00<>,;:\"()[]\\"

// Email splits an address into the form to show and the comparable form: the domain in lower-case punycode, the local part
// case-folded. It refuses display names, several addresses, several @, and anything with a control character.
func Email(s string) (show, key string, err error) {
	s = strings.TrimSpace(s)
	if len(s) > 254 || strings.Count(s, "@") != 1 || strings.ContainsAny(s, notInEmail) {
		return "", "", ErrEmail
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Name != "" || parsed.Address != s {
		return "", "", ErrEmail
	}
	local, domain, _ := strings.Cut(s, "@")
	domain, err = Domain(domain)
	if err != nil || local == "" || len(local) > 64 {
		return "", "", ErrEmail
	}
	// Normalising can make an @ or a bracket of a character that looks like one.
	if local = Key(local); strings.ContainsAny(local, "@"+notInEmail) {
		return "", "", ErrEmail
	}
	return s, local + "@" + domain, nil
}

// ErrDomain is returned for what is not a domain name of at least two labels.
var ErrDomain = errors.New("text: not a domain name")

// Domain returns a domain name in lower-case punycode.
func Domain(s string) (string, error) {
	d, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if err != nil || len(d) > 253 || strings.ContainsAny(d, " /:@") {
		return "", ErrDomain
	}
	labels := strings.Split(d, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return "", ErrDomain
		}
	}
	// No top-level domain is a number, so that an IPv4 address is never taken for a name (RFC 3696, section 2).
	if len(labels) < 2 || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", ErrDomain
	}
	return strings.ToLower(d), nil
}
