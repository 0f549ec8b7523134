package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxNesting bounds how deep a body may nest; no operation takes more than a few levels.
const maxNesting = 64

var (
	errJSONName    = errors.New("httpapi: a member of an object is given twice")
	errJSONNesting = errors.New("httpapi: nested too deep")
	errJSONText    = errors.New("httpapi: not UTF-8")
)

// jsonFormats read and write the bodies of operations.
func jsonFormats() map[string]huma.Format {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	return map[string]huma.Format{"application/json": format, "json": format}
}

// unmarshal reads a body so that what the schema is asked about is what the rule gets. huma reads every body twice, into
// any for the schema and then into the operation's input, and encoding/json makes different things of a repeated member:
// objects are merged into an input and replaced in any. So a repetition is refused. That names are told apart by case
// too is for huma.ValidateStrictCasing to see to.
func unmarshal(data []byte, v any) error {
	if _, first := v.(*any); first {
		if err := checkJSON(data); err != nil {
			return err
		}
	}
	return json.Unmarshal(data, v)
}

// checkJSON refuses what encoding/json forgives: text that is not UTF-8 (RFC 8259, section 8.1), repeated names, and deep
// nesting. Errors of syntax are for the reading proper.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errJSONText
	}
	type level struct {
		names map[string]bool // nil for an array
		value bool            // an object's name was read, and its value is next
	}
	var open []*level
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // the end, or what json.Unmarshal says better
		}
		var at *level
		if len(open) > 0 {
			at = open[len(open)-1]
		}
		switch token {
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			continue
		}
		if at != nil && at.names != nil {
			if name, ok := token.(string); ok && !at.value {
				if at.names[name] {
					return errJSONName
				}
				at.names[name], at.value = true, true
				continue
			}
			at.value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &level{})
		}
		if len(open) > maxNesting {
			return errJSONNesting
		}
	}
}
