package text_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"grove/infra/kernel/text"
)

func TestKeyIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if k := text.Key(s); text.Key(k) != k {
			t.Fatalf("Key(%q) = %q, and its key is %q", s, k, text.Key(k))
		}
	})
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{"Émil  Costa-Lee": "émil costa lee", "O'Neill, Jo": "o neill jo", " ": "", "%_": "", "李 小龙": "李 小龙", "a‐b": "a b"} {
		if got := text.Words(in); got != want {
			t.Errorf("Words(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if w := text.Words(s); text.Words(w) != w {
			t.Fatalf("Words(%q) = %q, and its words are %q", s, w, text.Words(w))
		}
	})
}

func TestPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, s := rapid.String().Draw(t, "key"), rapid.String().Draw(t, "s")
		from, to := text.Prefix(key)
		for _, s := range []string{s, key + s} {
			if in := from <= s && s <= to; in != strings.HasPrefix(s, key) && !strings.Contains(s, "\U0010FFFF") {
				t.Fatalf("%q of %q: %v", s, key, in)
			}
		}
	})
}

func TestDistance(t *testing.T) {
	for pair, want := range map[[2]string]int{{"", ""}: 0, {"", "abc"}: 3, {"kitten", "sitting"}: 3, {"GROVE_ADR", "GROVE_ADDR"}: 1, {"ab", "ba"}: 2} {
		if got, back := text.Distance(pair[0], pair[1]), text.Distance(pair[1], pair[0]); got != want || back != want {
			t.Errorf("%q: %d and %d, want %d", pair, got, back, want)
		}
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"Jo@Example.COM":      "jo@example.com",
		"jo+tag@example.com":  "jo+tag@example.com",
		" jo@bücher.example ": "jo@xn--bcher-kva.example",
	} {
		if _, key, err := text.Email(in); err != nil || key != want {
			t.Errorf("Email(%q): %q, %v; want %q", in, key, err, want)
		}
	}
	for _, in := range []string{"", "jo", "jo@", "@example.com", "a@b@example.com", "Jo <jo@example.com>", "jo@example.com\r\nBcc: x@y.z",
		"jo@localhost", "a@example.com,b@example.com", "jo@exa mple.com", "jo\x00@example.com"} {
		if _, key, err := text.Email(in); err == nil {
			t.Errorf("Email(%q) was accepted as %q", in, key)
		}
	}
}

func TestDomainRefuses(t *testing.T) {
	for _, in := range []string{"", "com", "acme..com", ".acme.com", "127.0.0.1", "acme.42", "a b.com", "acme.com:25", "jo@acme.com", "acme.com/x", "acme.com\x00",
		"0123456789012345678901234567890123456789012345678901234567890123.com"} {
		if d, err := text.Domain(in); err == nil {
			t.Errorf("Domain(%q) was accepted as %q", in, d)
		}
	}
}

// TestAttack24_LookAlikeSigns: what normalises to an @, or to what no address holds, makes no address.
func TestAttack24_LookAlikeSigns(t *testing.T) {
	for _, in := range []string{"jo\uff20rival.example@evil.example", "jo\ufe6brival.example@evil.example", "jo\uff20rival.example", "a\uff1cb@example.com",
		"a\uff0cb@example.com", "a\u2024\uff1ab@example.com", "a\u00a0b@example.com"} {
		if _, key, err := text.Email(in); err == nil {
			t.Errorf("Email(%q) was accepted as %q", in, key)
		}
	}
}
