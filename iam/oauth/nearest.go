package oauth

import (
	"net/url"
	"strings"

	"grove/infra/kernel/text"
)

// nearestAddress is the registered address that shares most with another at beginning and end; "" where none shares its host or
// half of it.
func nearestAddress(given string, registered []string) (nearest string) {
	best := 0
	for _, r := range registered {
		if shared := commonPrefix(given, r) + commonSuffix(given, r); shared > best && shared*2 >= len(r) {
			nearest, best = r, shared
		}
	}
	return nearest
}

func commonPrefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// differs says in which part two addresses differ.
func differs(given, registered string) string {
	a, errA := url.Parse(given)
	b, errB := url.Parse(registered)
	switch {
	case errA != nil || errB != nil:
		return "is not well-formed"
	case a.Scheme != b.Scheme:
		return "has another scheme than the registered one, " + b.Scheme
	case a.User != nil:
		return "names a user"
	case a.Hostname() != b.Hostname():
		return "has another host than " + b.Hostname()
	case a.Port() != b.Port():
		return "has another port than the registered one"
	case strings.TrimSuffix(a.Path, "/") == strings.TrimSuffix(b.Path, "/") && a.Path != b.Path:
		return "differs from the registered one in the slash at the end of its path"
	case strings.EqualFold(a.Path, b.Path) && a.Path != b.Path:
		return "differs from the registered one in upper and lower case"
	case a.Path != b.Path:
		return "has another path than the registered one, " + b.Path
	case a.RawQuery != b.RawQuery:
		return "has another query than the registered one"
	case a.Fragment != "" || strings.Contains(given, "#"):
		return "has a fragment, which no redirect URI has"
	}
	return "is written otherwise than the registered one"
}

// closest is the known word of which another may be a misspelling; "" for none. At most two letters may differ, and of a short
// word fewer.
func closest(word string, known []string) (meant string) {
	best := min(2, len(word)/5) + 1
	if len(word) > 64 {
		return ""
	}
	for _, k := range known {
		if d := text.Distance(word, k); d < best {
			meant, best = k, d
		}
	}
	return meant
}
