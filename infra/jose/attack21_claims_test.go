package jose

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAttack21_ClaimTimes(t *testing.T) {
	for _, value := range []string{
		`"1795608000"`, `1795608000.0`, `1795608000.5`, `1e400`, `1e9`, `-1`, `null`, `true`, `[1]`, `{}`, `99999999999999999999`, `9223372036854775807`, `253402300800`,
	} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			if _, err := ParseClaims([]byte(`{"` + name + `":` + value + `}`)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s %s: %v", name, value, err)
			}
		}
	}
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	for name, c := range map[string]struct {
		claims string
		want   error
	}{
		"good":              {fmt.Sprintf(`{"exp":%d,"nbf":%d,"iat":%d}`, at(time.Minute), at(0), at(0)), nil},
		"no exp":            {`{}`, ErrExpired},
		"exp zero":          {`{"exp":0}`, ErrExpired},
		"EXP is not exp":    {fmt.Sprintf(`{"EXP":%d}`, at(time.Minute)), ErrExpired},
		"last second":       {fmt.Sprintf(`{"exp":%d}`, at(-4*time.Second)), nil},
		"at exp and leeway": {fmt.Sprintf(`{"exp":%d}`, at(-5*time.Second)), ErrExpired},
		"nbf in leeway":     {fmt.Sprintf(`{"exp":%d,"nbf":%d}`, at(time.Minute), at(5*time.Second)), nil},
		"nbf far":           {fmt.Sprintf(`{"exp":%d,"nbf":%d}`, at(240*time.Hour), at(24*time.Hour)), ErrNotYetValid},
		"iat future":        {fmt.Sprintf(`{"exp":%d,"iat":%d}`, at(240*time.Hour), at(6*time.Second)), ErrNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := ParseClaims([]byte(c.claims))
			if err != nil {
				t.Fatal(err)
			}
			if err := parsed.ValidateTimes(now, 5*time.Second); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAttack21_IssuerAndAudience(t *testing.T) {
	const issuer, aud = "https://id.example", "client_é" // é as one code point
	exp := now.Add(time.Minute).Unix()
	for name, c := range map[string]struct {
		iss, aud string // aud as JSON
		want     error
	}{
		"good":                {issuer, `"client_\u00e9"`, nil},
		"array":               {issuer, `["other","client_\u00e9"]`, nil},
		"array in a string":   {issuer, `"[\"client_\u00e9\"]"`, ErrAudience},
		"decomposed":          {issuer, `"client_e\u0301"`, ErrAudience},
		"substring":           {issuer, `"client_\u00e9x"`, ErrAudience},
		"prefix":              {issuer, `"client_"`, ErrAudience},
		"other case":          {issuer, `"CLIENT_\u00e9"`, ErrAudience},
		"joined by space":     {issuer, `"other client_\u00e9"`, ErrAudience},
		"empty":               {issuer, `""`, ErrAudience},
		"issuer with a slash": {issuer + "/", `"client_\u00e9"`, ErrIssuer},
		"issuer upper case":   {"HTTPS://id.example", `"client_\u00e9"`, ErrIssuer},
		"issuer with a path":  {issuer + "/t/b", `"client_\u00e9"`, ErrIssuer},
		"issuer over http":    {"http://id.example", `"client_\u00e9"`, ErrIssuer},
		"no issuer":           {"", `"client_\u00e9"`, ErrIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := ParseClaims([]byte(fmt.Sprintf(`{"iss":%s,"aud":%s,"exp":%d}`, mustJSON(t, c.iss), c.aud, exp)))
			if err != nil {
				t.Fatal(err)
			}
			if err := parsed.Validate(now, 0, issuer, aud); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if parsed.Validate(now, 0, "", aud) == nil || parsed.Validate(now, 0, c.iss, "") == nil {
				t.Fatal("an empty expectation accepted a token")
			}
		})
	}
	many := `["a"` + strings.Repeat(`,"a"`, 64) + `]`
	for _, value := range []string{`[]`, `[1]`, `[["a"]]`, `1`, `null`, `{}`, `["a",null]`, many} {
		if _, err := ParseClaims([]byte(`{"aud":` + value + `}`)); !errors.Is(err, ErrMalformed) {
			t.Errorf("aud %s: %v", value, err)
		}
	}
	for _, member := range []string{`"iss":1`, `"sub":null`, `"jti":["a"]`, `"sub":"\ud800"`} {
		if _, err := ParseClaims([]byte(`{` + member + `}`)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", member, err)
		}
	}
}
