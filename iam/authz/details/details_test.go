package details

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func nested(open, closing string, n int) string {
	return `[{"type":"a","x":` + strings.Repeat(open, n) + "1" + strings.Repeat(closing, n) + `}]`
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                  "",
		"[]":                                "",
		" [ ] ":                             "",
		`[{"type":"a"}]`:                    `[{"type":"a"}]`,
		`[{"z":1.50,"type":"a","b":[1e2]}]`: `[{"b":[1e2],"type":"a","z":1.50}]`,
		`[{"type":"a"},{ "type" : "a" }]`:   `[{"type":"a"}]`,
		`[{"type":"a"},{"type":"b"}]`:       `[{"type":"a"},{"type":"b"}]`,
		`[{"type":"\u0061","x":"<&> \/ü"}]`: `[{"type":"a","x":"<&> /ü"}]`,
		`[{"type":"a","x":null,"y":true}]`:  `[{"type":"a","x":null,"y":true}]`,
		`[{"type":"a","x":"two\nlines"}]`:   `[{"type":"a","x":"two\nlines"}]`,
		nested("[", "]", MaxDepth):          nested("[", "]", MaxDepth),
		nested(`{"x":`, "}", MaxDepth):      nested(`{"x":`, "}", MaxDepth),
		`[{"type":"a","x":"👩‍👩‍👧 שלום نص"}]`: `[{"type":"a","x":"👩‍👩‍👧 שלום نص"}]`,
	} {
		list, err := Parse(raw)
		if err != nil || list.String() != want {
			t.Errorf("%s: %s, %v", raw, list, err)
		}
	}
	for raw, want := range map[string]Problem{
		`{"type":"a"}`:                          ProblemForm,
		`"[]"`:                                  ProblemForm,
		`[{"type":"a"}`:                         ProblemForm,
		`[{"type":"a"}] x`:                      ProblemForm,
		`[{"type":"a"}][]`:                      ProblemForm,
		`["a"]`:                                 ProblemForm,
		`[[{"type":"a"}]]`:                      ProblemForm,
		`[{"type":"a",}]`:                       ProblemForm,
		`[{"type":"a","x":01}]`:                 ProblemForm,
		`[{"type":"a","x":NaN}]`:                ProblemForm,
		"[{\"type\":\"a\",\"x\":\"\xff\"}]":     ProblemForm,
		`[{}]`:                                  ProblemType,
		`[{"type":""}]`:                         ProblemType,
		`[{"type":["a"]}]`:                      ProblemType,
		`[{"Type":"a"}]`:                        ProblemType,
		`[{"type":"a","type":"b"}]`:             ProblemRepeated,
		`[{"type":"a","x":{"y":1,"\u0079":2}}]`: ProblemRepeated,
		`[{"type":"a","x":"\ud800"}]`:           ProblemCharacter,
		`[{"type":"a","x":"\u0000"}]`:           ProblemCharacter,
		`[{"type":"a","x":"1\u202e00"}]`:        ProblemCharacter,
		`[{"type":"a","x\u200f":1}]`:            ProblemCharacter,
		`[{"type":"a","x":1e1000000000}]`:       ProblemNumber,
		`[{"type":"a","x":1e-31}]`:              ProblemNumber,
		`[{"type":"a","x":` + strings.Repeat("1", 33) + `}]`:            ProblemNumber,
		nested("[", "]", MaxDepth+1):                                    ProblemDepth,
		nested(`{"x":`, "}", MaxDepth+1):                                ProblemDepth,
		strings.Repeat("[", 4000):                                       ProblemDepth,
		`[` + strings.Repeat(`{"type":"a"},`, 20) + `{"type":"b"}]`:     ProblemCount,
		`[{"type":"a","x":[` + strings.Repeat(`1,`, MaxValues) + `1]}]`: ProblemCount,
		`[{"type":"a","x":"` + strings.Repeat("x", MaxBytes) + `"}]`:    ProblemSize,
		`[{"type":"a","x":"` + strings.Repeat("\u2028", 1000) + `"}]`:   ProblemSize, // longer in its normal form
		strings.Repeat(" ", MaxBytes) + `[]`:                            ProblemSize,
	} {
		if list, err := Parse(raw); err != want {
			t.Errorf("%.80s: %v, %v", raw, list, err)
		}
	}
}

// FuzzParse: whatever comes, what is accepted is within the limits, reads the same anywhere, and is the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "[]", `[{"type":"a","locations":["https://a.example"],"x":{"y":[1.50,true,null]}}]`, `[{"type":"a","type":"b"}]`,
		`[{"type":"a","x":1e999}]`, `[{"type":"a","x":"\ud83d\ude00\u202e"}]`, nested("[", "]", 9), `[{"type":"a"},{"type":"a"}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		list, err := Parse(raw)
		if err != nil {
			var p Problem
			if !errors.As(err, &p) || list != nil {
				t.Fatalf("%q: %v, %v", raw, list, err)
			}
			return
		}
		text := list.String()
		if len(text) > MaxBytes || len(list) > MaxCount || !utf8.ValidString(text) || strings.ContainsRune(text, '\u202e') {
			t.Fatalf("%q became %q", raw, text)
		}
		again, err := Parse(text)
		if err != nil || again.String() != text {
			t.Fatalf("%q became %q and then %q, %v", raw, text, again, err)
		}
		var loose []map[string]any
		if raw != "" && json.Unmarshal([]byte(raw), &loose) != nil {
			t.Fatalf("accepted %q", raw)
		}
		for _, d := range list {
			if d.Type() == "" || d.Member("type") != d.Type() {
				t.Fatalf("%q has no type", d)
			}
		}
	})
}

func TestDetailIsKept(t *testing.T) {
	list, err := Parse(`[{"type":"a","amount":10.10}]`)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(list)
	var read List
	if err != nil || string(raw) != list.String() || json.Unmarshal(raw, &read) != nil || read.String() != list.String() {
		t.Errorf("%s, %v, %v", raw, err, read)
	}
	for _, bad := range []string{`[{"type":"a","type":"b"}]`, `[1]`, `[{}]`} {
		if json.Unmarshal([]byte(bad), &read) == nil {
			t.Errorf("read %s", bad)
		}
	}
	if d, err := New(map[string]any{"type": "a", "n": 1}); err != nil || d.String() != `{"n":1,"type":"a"}` {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := New(map[string]any{"n": 1}); err != ProblemType {
		t.Error(err)
	}
	two, _ := Parse(`[{"type":"b"},{"type":"a","x":1},{"type":"a"}]`)
	if got := strings.Join(two.Types(), " "); got != "a b" {
		t.Error(got)
	}
}
