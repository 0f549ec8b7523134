package details

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// none stands for a value that holds nothing.
const none = "–"

// fields adds the lines that show the members of an object. at are the schemas that say what they are.
func (s *Schema) fields(lines []Field, label string, at []map[string]any, members map[string]any) []Field {
	for _, name := range ordered(at, members) {
		child, title := s.member(at, name)
		if label != "" {
			title = label + " · " + title
		}
		lines = s.value(lines, title, child, members[name])
	}
	return lines
}

// value adds the lines that show one value.
func (s *Schema) value(lines []Field, label string, at []map[string]any, v any) []Field {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			return s.fields(lines, label, at, v)
		}
		return append(lines, Field{label, []Value{{Text: none}}})
	case []any:
		return s.list(lines, label, at, v)
	}
	return append(lines, Field{label, []Value{shown(v)}})
}

// list shows plain values in one line, each on its own; what holds more is numbered.
func (s *Schema) list(lines []Field, label string, at []map[string]any, list []any) []Field {
	line := Field{Label: label}
	for _, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			line.Values = nil
		default:
			line.Values = append(line.Values, shown(v))
		}
	}
	if len(list) == 0 {
		line.Values = []Value{{Text: none}}
	}
	if len(line.Values) == max(len(list), 1) {
		return append(lines, line)
	}
	of := s.children(at, func(schema map[string]any) any { return schema["items"] })
	for i, v := range list {
		lines = s.value(lines, label+" "+strconv.Itoa(i+1), of, v)
	}
	return lines
}

func shown(v any) Value {
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return Value{Text: `"` + v + `"`}
		}
		return Value{Text: v}
	case json.Number:
		return Value{Text: string(v)}
	case bool:
		return Value{Text: strconv.FormatBool(v), Truth: true}
	}
	return Value{Text: none} // null
}

// ordered are the names of members: those first that a schema requires, in its order.
func ordered(at []map[string]any, members map[string]any) (names []string) {
	rest := maps.Clone(members)
	for _, schema := range at {
		required, _ := texts(schema["required"])
		for _, name := range required {
			if _, there := rest[name]; there {
				names = append(names, name)
				delete(rest, name)
			}
		}
	}
	return append(names, slices.Sorted(maps.Keys(rest))...)
}

// member finds the schemas of a member, and what people call it.
func (s *Schema) member(at []map[string]any, name string) (child []map[string]any, title string) {
	child = s.children(at, func(schema map[string]any) any {
		properties, _ := schema["properties"].(map[string]any)
		return properties[name]
	})
	for _, schema := range child {
		if title, _ = schema["title"].(string); title != "" {
			return child, title
		}
	}
	return child, name
}

func (s *Schema) children(at []map[string]any, of func(map[string]any) any) (found []map[string]any) {
	for _, schema := range at {
		if child, ok := of(schema).(map[string]any); ok {
			found = append(found, child)
		}
	}
	return s.resolved(found)
}

// resolved adds the schemas that others name or are made of, for the same value. Compile has seen to it that there is an end.
func (s *Schema) resolved(at []map[string]any) (all []map[string]any) {
	for _, schema := range at {
		all = append(all, schema)
		to, _ := schema["$ref"].(string)
		defs, _ := s.root["$defs"].(map[string]any)
		if definition, ok := defs[strings.TrimPrefix(to, "#/$defs/")].(map[string]any); ok && to != "" {
			all = append(all, s.resolved([]map[string]any{definition})...)
		}
		for _, name := range inPlaceLists {
			list, _ := schema[name].([]any)
			for _, one := range list {
				if part, ok := one.(map[string]any); ok {
					all = append(all, s.resolved([]map[string]any{part})...)
				}
			}
		}
	}
	return all
}
