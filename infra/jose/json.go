package jose

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a header or a payload.
const maxDepth = 32

// object is a JSON object whose names are unique, in the order of the text.
type object []member

type member struct {
	name string
	raw  json.RawMessage // the value as written, without surrounding space
}

func (o object) get(name string) (json.RawMessage, bool) {
	for i := range o {
		if o[i].name == name {
			return o[i].raw, true
		}
	}
	return nil, false
}

func (o object) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// str returns the member as a string; absent is "" and true, another JSON type is false.
func (o object) str(name string) (string, bool) {
	raw, ok := o.get(name)
	if !ok {
		return "", true
	}
	return unquote(raw)
}

// parseObject reads data as one JSON object. It refuses what encoding/json forgives: duplicate
// names at any depth, invalid UTF-8 and deep nesting. The result refers to data.
func parseObject(data []byte) (object, error) {
	// Valid settles the grammar, including trailing data, so the walk below need not.
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errJSON
	}
	w := walker{data: data}
	w.space()
	if w.peek() != '{' {
		return nil, errJSON
	}
	return w.object(1)
}

// ParseObject reads one JSON object as strictly as tokens are read: each name once at any depth, valid UTF-8, and no deep nesting. Values
// are as written. Error: [ErrMalformed] or one that wraps it.
func ParseObject(data []byte) (map[string]json.RawMessage, error) {
	o, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	members := make(map[string]json.RawMessage, len(o))
	for _, m := range o {
		members[m.name] = m.raw
	}
	return members, nil
}

// walker steps over text that json.Valid has accepted.
type walker struct {
	data []byte
	at   int
}

func (w *walker) peek() byte { return w.data[w.at] }

func (w *walker) space() {
	for w.at < len(w.data) {
		switch w.data[w.at] {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return
		}
	}
}

func (w *walker) object(depth int) (object, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	var members object
	var seen map[string]struct{} // only for objects too wide for comparing each with each
	w.at++                       // {
	for {
		w.space()
		switch w.peek() {
		case '}':
			w.at++
			return members, nil
		case ',':
			w.at++
			continue
		}
		name, ok := unquote(w.text())
		if !ok {
			return nil, errJSON
		}
		if len(members) == 16 {
			seen = make(map[string]struct{}, 64)
			for i := range members {
				seen[members[i].name] = struct{}{}
			}
		}
		duplicate := false
		if seen != nil {
			_, duplicate = seen[name]
			seen[name] = struct{}{}
		} else {
			duplicate = members.has(name)
		}
		if duplicate {
			return nil, ErrDuplicate
		}
		w.space()
		w.at++ // :
		w.space()
		start := w.at
		if err := w.value(depth); err != nil {
			return nil, err
		}
		members = append(members, member{name, w.data[start:w.at:w.at]})
	}
}

func (w *walker) array(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	w.at++ // [
	for {
		w.space()
		switch w.peek() {
		case ']':
			w.at++
			return nil
		case ',':
			w.at++
			continue
		}
		if err := w.value(depth); err != nil {
			return err
		}
	}
}

func (w *walker) value(depth int) error {
	switch w.peek() {
	case '{':
		_, err := w.object(depth + 1)
		return err
	case '[':
		return w.array(depth + 1)
	case '"':
		w.text()
		return nil
	}
	for w.at < len(w.data) && strings.IndexByte(",]} \t\r\n", w.data[w.at]) < 0 {
		w.at++
	}
	return nil
}

// text steps over a string and returns it with its quotes.
func (w *walker) text() []byte {
	start := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.data[start:w.at]
}

// unquote decodes a JSON string; false if raw is another type or names a lone surrogate, which
// would decode to the same replacement character as any other.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	escaped := false
	for _, c := range raw {
		if c == '\\' {
			escaped = true
			break
		}
	}
	if !escaped {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, !strings.ContainsRune(s, utf8.RuneError)
}
