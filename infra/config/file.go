package config

import (
	"strconv"
	"strings"
)

// parseFile reads KEY=VALUE lines. Empty lines and lines that begin with # are passed over, "export "
// before a key is allowed, and a value may stand in single or double quotes, which are removed;
// nothing in it is replaced. A value that is empty counts as not set.
func parseFile(file, text string) (map[string]given, []Problem) {
	values, seen := map[string]given{}, map[string]bool{}
	var problems []Problem
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		number++
		at := file + ":" + strconv.Itoa(number)
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		value, quoted := unquote(strings.TrimSpace(value))
		switch {
		case !ok || !validName(name):
			problems = append(problems, Problem{at, "is not a KEY=VALUE line"})
		case !quoted:
			problems = append(problems, Problem{at, "has a quote that does not end"})
		case name == configFileName:
			problems = append(problems, Problem{at, "sets GROVE_CONFIG_FILE, which only the environment can"})
		case !known(name):
			problems = append(problems, Problem{at, "sets " + name + ", which " + unknownText(name)})
		case seen[name]:
			problems = append(problems, Problem{at, "sets " + name + " a second time"})
		default:
			seen[name] = true
			if value != "" {
				values[name] = given{value, at}
			}
		}
	}
	return values, problems
}

// validName keeps what is not a name, and may be a secret that lost its key, out of messages.
func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// unquote removes a pair of quotes. It returns false when there is only the first of them.
func unquote(value string) (string, bool) {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return value, true
	}
	if len(value) < 2 || value[len(value)-1] != value[0] {
		return "", false
	}
	return value[1 : len(value)-1], true
}
