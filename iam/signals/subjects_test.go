package signals

import (
	"strings"
	"testing"
)

// FuzzSubject: whatever a receiver sends as a subject, what is read of it can be looked up and stored.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{
		`{"format":"email","email":"eva@north.example"}`,
		`{"format":"account","uri":"acct:eva@north.example"}`,
		`{"format":"iss_sub","iss":"https://id.example","sub":"usr_1"}`,
		`{"format":"opaque","id":"1"}`,
		`{"format":"complex","user":{"format":"email","email":"e"},"tenant":{"format":"opaque","id":"org_1"},"session":{"format":"opaque","id":"s"}}`,
		`{"format":"complex","user":{"format":"complex","user":{"format":"opaque","id":"1"}}}`,
		`{"format":"complex","format":"email","email":"a\u0000b"}`,
		`{"format":{"format":"email"}}`, `[]`, `null`, `"complex"`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		of, err := parseSubject(raw)
		if err != nil {
			if of != (subject{}) {
				t.Errorf("refused, and read as %+v", of)
			}
			return
		}
		if of.person == nil && of.org == nil && !of.other {
			t.Error("a subject that names nobody")
		}
		for _, one := range []*simple{of.person, of.org} {
			if one == nil {
				continue
			}
			if one.value == "" || strings.ContainsRune(one.value+one.issuer, 0) || (one.format == "iss_sub") != (one.issuer != "") {
				t.Errorf("read %+v", *one)
			}
		}
	})
}
