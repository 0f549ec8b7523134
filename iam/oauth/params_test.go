package oauth

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseParams(t *testing.T) {
	t.Parallel()
	p, err := parseParams("a=1&b=&c=%C3%A9+x&&d", 100)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "1", "b": "", "c": "é x", "d": "", "e": ""} {
		if got := p.get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if p.has("b", "d", "e") || !p.has("e", "a") {
		t.Error("has looks at values")
	}
}

func TestAttack16_Parameters(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"repeated":            "state=1&state=1",
		"repeated, other way": "state=1&%73tate=2",
		"repeated, empty":     "state=&state=1",
		"repeated, unknown":   "x=1&x=2",
		"broken escape":       "a=%zz",
		"broken name":         "%=1",
		"not UTF-8":           "a=%ff",
		"NUL":                 "a=%00",
		"semicolon":           "a=1;b=2",
		"too many":            strings.Repeat("a=1&", 1) + many(70),
		"too long":            "a=" + strings.Repeat("x", 1000),
	} {
		p, err := parseParams(raw, 900)
		var refused *protocolError
		if !errors.As(err, &refused) || refused.code != codeInvalidRequest {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("p" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=1&")
	}
	return b.String()
}

func TestReadForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target, contentType, body string
		ok                        bool
	}{
		"plain":              {"/x", formType, "a=1", true},
		"charset":            {"/x", formType + "; charset=UTF-8", "a=1", true},
		"empty":              {"/x", formType, "", true},
		"JSON":               {"/x", "application/json", `{"a":1}`, false},
		"no type":            {"/x", "", "a=1", false},
		"other charset":      {"/x", formType + "; charset=utf-16", "a=1", false},
		"multipart":          {"/x", "multipart/form-data; boundary=x", "--x--", false},
		"in the address":     {"/x?client_secret=s", formType, "a=1", false},
		"anything there too": {"/x?", formType, "a=1", true},
		"too large":          {"/x", formType, "a=" + strings.Repeat("x", maxFormBytes), false},
	} {
		r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		if _, err := readForm(r); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScopeList(t *testing.T) {
	t.Parallel()
	got, err := scopeList("openid  a:b openid https://x/y")
	if err != nil || strings.Join(got, ",") != "openid,a:b,https://x/y" {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"a\"b", `a\b`, "a\tb", "é", strings.Repeat("x", 5000)} {
		if _, err := scopeList(s); err == nil {
			t.Errorf("%.20q: accepted", s)
		}
	}
}

// FuzzParams looks for a text that is read in another way than the standard library reads it.
func FuzzParams(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=1&a=2", "%61=1&a=2", "a=%ff", "a=1;b=2", "=&=", "a", "a=b=c", "+=+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parseParams(raw, maxFormBytes)
		if err != nil {
			return
		}
		want, errStandard := url.ParseQuery(raw)
		if errStandard != nil {
			t.Fatalf("accepted what the standard library refuses: %v", errStandard)
		}
		if len(p) != len(want) {
			t.Fatalf("%d parameters, want %d", len(p), len(want))
		}
		for name, values := range want {
			if len(values) != 1 || p.get(name) != values[0] || !utf8.ValidString(values[0]) {
				t.Fatalf("%q = %q, want %q", name, p.get(name), values)
			}
		}
	})
}
