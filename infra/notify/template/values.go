package template

import (
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Bounds of values.
const (
	maxLink = 2048 // bytes; a longer one is an error, since a cut link is a broken one
	maxName = 100  // characters; a longer one is cut
)

const (
	isolateStart = "\u2068" // FIRST STRONG ISOLATE
	isolateEnd   = "\u2069" // POP DIRECTIONAL ISOLATE
	nonJoiner    = "\u200c" // ZERO WIDTH NON-JOINER
)

// plain makes one line of bounded length without characters that act: controls,
// line and paragraph separators, and everything of category Cf that reorders or
// hides, except the joiners that some scripts need.
func plain(value string) string {
	value = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200c' || r == '\u200d':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, value[:min(len(value), 16*maxName)])
	value = strings.Join(strings.Fields(value), " ")
	if runes := []rune(value); len(runes) > maxName {
		value = strings.TrimSpace(string(runes[:maxName-1])) + "…"
	}
	return value
}

var (
	// address is a name that is an e-mail address, as people without another
	// name have. It leads to a mailbox at most, and readers want to copy it.
	address = regexp.MustCompile(`^[\p{L}\p{N}._+-]+@[\p{L}\p{N}.-]+$`)
	// dotted is a dot that mail programs may take for one inside a host name.
	dotted = regexp.MustCompile(`([\p{L}\p{N}])\.([\p{L}\p{N}])`)
)

// unlink keeps mail programs from turning a name such as "Win at evil.example"
// into a link, by an invisible character where an address would need none. It
// looks the same.
func unlink(value string) string {
	if address.MatchString(value) {
		return value
	}
	value = strings.ReplaceAll(value, "://", ":"+nonJoiner+"//")
	value = strings.ReplaceAll(value, "@", nonJoiner+"@"+nonJoiner)
	for {
		next := dotted.ReplaceAllString(value, "$1."+nonJoiner+"$2")
		if next == value {
			return value
		}
		value = next
	}
}

// isolate keeps a left-to-right name from reordering right-to-left text around
// it.
func isolate(language, value string) string {
	if value == "" || direction(language) != "rtl" {
		return value
	}
	return isolateStart + value + isolateEnd
}

// checkLink accepts an absolute http or https URL in ASCII without white space.
func checkLink(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	for _, r := range value {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) {
			return "", ErrLink
		}
	}
	u, err := url.Parse(value)
	if err != nil || len(value) > maxLink || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return "", ErrLink
	}
	return value, nil
}

// inUTC shows an RFC 3339 time to the minute, and anything else as it is.
func inUTC(value string) string {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return value
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}
