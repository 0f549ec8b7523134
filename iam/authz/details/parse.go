package details

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the details of one request or token, which travels in a header.
const (
	MaxBytes  = 4 << 10 // of the JSON as it comes, and of its normal form
	MaxCount  = 20
	MaxDepth  = 8   // of objects and arrays in each other within a detail
	MaxValues = 200 // of all kinds, in all details together

	maxNumber   = 32 // characters
	maxExponent = 30
)

// Problem says why details are refused, in words that name nothing of what came. It is fit to be told.
type Problem string

func (p Problem) Error() string { return string(p) }

// The problems of Parse.
const (
	ProblemCharacter Problem = "authorization_details holds a control character, or one that changes how text is read."
	ProblemCount     Problem = "authorization_details has too many elements or values."
	ProblemDepth     Problem = "authorization_details is nested too deeply."
	ProblemForm      Problem = "authorization_details is not a JSON array of objects (RFC 9396, section 2)."
	ProblemNumber    Problem = "authorization_details holds a number that is too long or too large."
	ProblemRepeated  Problem = "authorization_details holds a member twice."
	ProblemSize      Problem = "authorization_details is longer than 4096 bytes."
	ProblemType      Problem = "Each element of authorization_details needs a type (RFC 9396, section 2)."
)

// Detail is one authorization detail. It does not change; the zero value is none.
type Detail struct {
	kind    string
	members map[string]any
	text    string
}

// Type names what the detail is about: the member type.
func (d Detail) Type() string { return d.kind }

// String is the detail's normal form: JSON with members in order, without spaces, numbers as they came.
func (d Detail) String() string { return d.text }

// Members are a copy of the detail's members, type among them, as encoding/json reads them; numbers are json.Number.
func (d Detail) Members() map[string]any { return maps.Clone(d.members) }

// Member returns one member; nil where there is none.
func (d Detail) Member(name string) any { return d.members[name] }

// MarshalJSON writes the normal form.
func (d Detail) MarshalJSON() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalJSON reads one detail within the limits of Parse.
func (d *Detail) UnmarshalJSON(raw []byte) error {
	list, err := Parse("[" + string(raw) + "]")
	if err == nil && len(list) != 1 {
		err = ProblemForm
	}
	if err == nil {
		*d = list[0]
	}
	return err
}

// New makes a detail of members, which are what encoding/json knows. Error: a Problem.
func New(members map[string]any) (Detail, error) {
	raw, err := encode(members)
	if err != nil {
		return Detail{}, ProblemForm
	}
	var d Detail
	err = d.UnmarshalJSON([]byte(raw))
	return d, err
}

// List is the details of a request, a grant or a token.
type List []Detail

// String is the list in its normal form; "" where there is none.
func (l List) String() string {
	if len(l) == 0 {
		return ""
	}
	texts := make([]string, len(l))
	for i, d := range l {
		texts[i] = d.text
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// Types are the types of the details, each once, in order.
func (l List) Types() (types []string) {
	for _, d := range l {
		types = append(types, d.kind)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Parse reads the value of authorization_details (RFC 9396, section 2). "" is no details, and so is an empty array. What is said twice
// is kept once. Error: a Problem.
func Parse(raw string) (List, error) {
	switch {
	case raw == "":
		return nil, nil
	case len(raw) > MaxBytes:
		return nil, ProblemSize
	case !utf8.ValidString(raw):
		return nil, ProblemForm
	}
	r := reader{json.NewDecoder(strings.NewReader(raw)), 0}
	r.UseNumber()
	value, err := r.value(0)
	if err != nil {
		return nil, problemOf(err)
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return nil, ProblemForm
	}
	elements, ok := value.([]any)
	switch {
	case !ok:
		return nil, ProblemForm
	case len(elements) > MaxCount:
		return nil, ProblemCount
	}
	var list List
	for _, element := range elements {
		members, ok := element.(map[string]any)
		if !ok {
			return nil, ProblemForm
		}
		kind, _ := members["type"].(string)
		if kind == "" {
			return nil, ProblemType
		}
		text, err := encode(members)
		if err != nil {
			return nil, ProblemForm
		}
		if !slices.ContainsFunc(list, func(d Detail) bool { return d.text == text }) {
			list = append(list, Detail{kind, members, text})
		}
	}
	if len(list.String()) > MaxBytes {
		return nil, ProblemSize
	}
	return list, nil
}

func problemOf(err error) error {
	var p Problem
	if errors.As(err, &p) {
		return p
	}
	return ProblemForm
}

// encode writes the normal form: encoding/json orders members by name.
func encode(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// reader reads JSON more strictly than encoding/json: within limits, and no member twice, of which two programs could each take another.
type reader struct {
	*json.Decoder
	values int
}

func (r *reader) value(depth int) (any, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	if r.values++; r.values > MaxValues {
		return nil, ProblemCount
	}
	switch t := token.(type) {
	case json.Delim:
		if depth > MaxDepth+1 { // the list and the detail are two
			return nil, ProblemDepth
		}
		if t == '[' {
			return r.array(depth)
		}
		return r.object(depth)
	case string:
		return t, checkText(t)
	case json.Number:
		return t, checkNumber(string(t))
	}
	return token, nil // true, false, null
}

func (r *reader) array(depth int) (any, error) {
	list := []any{}
	for r.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.Token()
	return list, err
}

func (r *reader) object(depth int) (any, error) {
	members := map[string]any{}
	for r.More() {
		token, err := r.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if err := checkText(name); err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, ProblemRepeated
		}
		if members[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := r.Token()
	return members, err
}

// checkText refuses what a person who is asked would not see, or would see in another order (Unicode UAX 9). U+FFFD is what
// encoding/json makes of half a surrogate pair.
func checkText(s string) error {
	if strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\t' || c == utf8.RuneError || unicode.Is(unicode.Bidi_Control, c)
	}) {
		return ProblemCharacter
	}
	return nil
}

// checkNumber refuses numbers that cost more to compute with than to write.
func checkNumber(s string) error {
	if len(s) > maxNumber {
		return ProblemNumber
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > maxExponent || n < -maxExponent {
			return ProblemNumber
		}
	}
	return nil
}
