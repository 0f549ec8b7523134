package settings

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// extensionStricter is the member of a field's schema that says what is stricter.
const extensionStricter = "x-stricter"

// The stricter tags.
const (
	StricterLess  = "less"  // of numbers, the smaller
	StricterMore  = "more"  // of numbers, the greater
	StricterTrue  = "true"  // true
	StricterFalse = "false" // false
	StricterFirst = "first" // of an enum's values, which begin with the strictest, the earlier
	StricterFewer = "fewer" // of lists, one without members that the other lacks
	StricterFixed = "fixed" // none, where the boolean field that the by tag names is true above
)

// order says which of a field's values are stricter than others. Where a field has one, an organization and those below it
// cannot have a looser value than one that an organization above sets. The default binds in the same way, with one
// exception: a default that is the strictest value there is would leave nothing to set, so it binds nobody until somebody
// sets it.
type order struct {
	how    string
	schema *huma.Schema
	by     string // the field of StricterFixed
}

// fits reports whether a field of the schema can be ordered so.
func (o order) fits() bool {
	switch o.how {
	case StricterLess:
		return o.schema.Type == huma.TypeInteger && o.schema.Minimum != nil
	case StricterMore:
		return o.schema.Type == huma.TypeInteger && o.schema.Maximum != nil
	case StricterTrue, StricterFalse:
		return o.schema.Type == huma.TypeBoolean
	case StricterFirst:
		return len(o.schema.Enum) > 0
	case StricterFixed:
		return o.by != ""
	case StricterFewer:
		return o.schema.Type == huma.TypeArray && o.schema.Items != nil && o.schema.Items.Type == huma.TypeString
	}
	return false
}

// allows reports whether value is as strict as bound, or stricter. What cannot be read is not.
func (o order) allows(bound, value json.RawMessage) bool {
	switch o.how {
	case StricterLess, StricterMore:
		var a, b int64
		if json.Unmarshal(bound, &a) != nil || json.Unmarshal(value, &b) != nil {
			return false
		}
		return b <= a && o.how == StricterLess || b >= a && o.how == StricterMore
	case StricterTrue, StricterFalse:
		return bytes.Equal(bound, value) || string(value) == o.how
	case StricterFirst:
		a, b := o.rank(bound), o.rank(value)
		return b >= 0 && b <= a
	case StricterFewer:
		var a, b []string
		if json.Unmarshal(bound, &a) != nil || json.Unmarshal(value, &b) != nil {
			return false
		}
		return !slices.ContainsFunc(b, func(member string) bool { return !slices.Contains(a, member) })
	case StricterFixed:
		return bytes.Equal(normal(bound), normal(value))
	}
	return false
}

// held reports whether an override is left out. above are the values that hold above, and set says which of them some organization set.
func (o order) held(field string, above map[string]json.RawMessage, set Sources, raw json.RawMessage) bool {
	binds := string(above[o.by]) == "true"
	if o.how != StricterFixed {
		_, binds = set[field]
		binds = binds || o.binds(above[field])
	}
	return binds && !o.allows(above[field], raw)
}

// binds reports whether a default stands for a value set above all organizations.
func (o order) binds(value json.RawMessage) bool {
	switch o.how {
	case StricterLess:
		return !o.allows(number(*o.schema.Minimum), value)
	case StricterMore:
		return !o.allows(number(*o.schema.Maximum), value)
	case StricterTrue, StricterFalse:
		return string(value) != o.how
	case StricterFirst:
		return o.rank(value) > 0
	}
	return string(value) != "[]"
}

func (o order) rank(value json.RawMessage) int {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return -1
	}
	return slices.Index(o.schema.Enum, any(text))
}

func number(n float64) json.RawMessage {
	raw, _ := json.Marshal(n) // no limit is infinite
	return raw
}
