package oauth

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParseClaimsRequest(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][2]askedClaims{
		`{}`:                        {},
		`{"other":{"a":{"b":"c"}}}`: {},
		`{"id_token":{},"userinfo":{"name":null}}`:                            {{}, {"name": {}}},
		`{"userinfo":{"email":{"essential":true,"purpose":"ask"}}}`:           {nil, {"email": {essential: true}}},
		`{"id_token":{"sub":{"value":"usr_1"}}}`:                              {{"sub": {values: []json.RawMessage{[]byte(`"usr_1"`)}}}, nil},
		` { "id_token" : { "acr" : { "values" : [ "a" , { "b" : 1 } ] } } } `: {{"acr": {values: []json.RawMessage{[]byte(`"a"`), []byte(`{"b":1}`)}}}, nil},
		`{"id_token":{"a":{"essential":false,"value":null}}}`:                 {{"a": {values: []json.RawMessage{[]byte(`null`)}}}, nil},
	} {
		idToken, userinfo, err := parseClaimsRequest(raw)
		if err != nil || !reflect.DeepEqual(idToken, want[0]) || !reflect.DeepEqual(userinfo, want[1]) {
			t.Errorf("%s: %v %v %v", raw, idToken, userinfo, err)
		}
	}
	many := strings.Repeat(`"x":null,`, 0)
	for i := range 101 {
		many += `"c` + strings.Repeat("i", i) + `":null,`
	}
	for _, raw := range []string{"", "null", "[]", `"a"`, `{`, `{} x`, `{"id_token":null}`, `{"id_token":[]}`, `{"id_token":{"a":1}}`, `{"id_token":{"a":"b"}}`, `{"id_token":{"a":[]}}`,
		`{"id_token":{"a":{"essential":"true"}}}`, `{"id_token":{"a":{"values":"b"}}}`, `{"id_token":{"a":{"values":[]}}}`, `{"id_token":{"a":{"values":[` + strings.Repeat("1,", 20) + `1]}}}`,
		`{"id_token":{"a":null,"a":null}}`, `{"id_token":{},"id_token":{}}`, `{"userinfo":{"a":{"essential":true,"essential":false}}}`, "{\"a\":\"\xff\"}",
		`{"userinfo":{` + strings.TrimSuffix(many, ",") + `}}`, `{"a":"` + strings.Repeat("b", maxClaimsBytes) + `"}`, `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`} {
		if _, _, err := parseClaimsRequest(raw); err == nil {
			t.Errorf("taken: %.100s", raw)
		}
	}
}

// FuzzClaimsRequest: what is accepted is an object within the limits, and what is stored of it reads back the same.
func FuzzClaimsRequest(f *testing.F) {
	for _, raw := range []string{`{}`, `{"userinfo":{"name":null,"email":{"essential":true}},"id_token":{"acr":{"values":["a"]},"sub":{"value":"b"}}}`, `{"id_token":{"a":{"value":{"b":[1.50,null]}}}}`, `[`, `{"id_token":{"a":1}}`} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		idToken, userinfo, err := parseClaimsRequest(raw)
		if err != nil {
			return
		}
		stored := byName{IDToken: map[string][]json.RawMessage{}, Userinfo: map[string][]json.RawMessage{}}
		for name, one := range idToken {
			stored.IDToken[name] = one.values
		}
		for name, one := range userinfo {
			stored.Userinfo[name] = one.values
		}
		if len(raw) > maxClaimsBytes || !json.Valid([]byte(raw)) || len(idToken) > maxClaimsAsked || len(userinfo) > maxClaimsAsked {
			t.Fatalf("taken: %q", raw)
		}
		back, err := grant{Claims: stored.String()}.claims()
		if err != nil || back.String() != stored.String() {
			t.Fatalf("%q: %s and %s, %v", raw, stored, back, err)
		}
	})
}

func TestOneOfValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rendered, values string
		want             bool
	}{
		{`{"a":"x"}`, `["y","x"]`, true},
		{`{"a":"x"}`, `["y"]`, false},
		{`{"a":1}`, `[1.0]`, true},
		{`{"a":1}`, `["1"]`, false},
		{`{"a":true}`, `[true]`, true},
		{`{"a":["x","y"]}`, `[["x","y"]]`, true},
		{`{"a":["x","y"]}`, `["x"]`, false},
		{`{}`, `[null]`, false},
	} {
		var values []json.RawMessage
		if err := json.Unmarshal([]byte(c.values), &values); err != nil {
			t.Fatal(err)
		}
		if oneOfValues([]byte(c.rendered), "a", values) != c.want {
			t.Errorf("%s of %s: want %v", c.rendered, c.values, c.want)
		}
	}
}
