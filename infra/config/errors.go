package config

import (
	"fmt"
	"strings"
)

// Problem is one reason why a configuration is refused. Neither part contains a given value.
type Problem struct {
	Name string // the variable, or the file and line when there is no variable to name
	Text string // what is wrong or wanted, to be read after the name
}

// Error is all that is wrong with a configuration: names and files first, then values, then settings
// that do not fit together.
type Error struct{ Problems []Problem }

// Error has one line for each problem, after a heading.
func (e *Error) Error() string {
	var b strings.Builder
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	fmt.Fprintf(&b, "the configuration has %d %s:", len(e.Problems), noun)
	for _, problem := range e.Problems {
		fmt.Fprintf(&b, "\n  %s %s", problem.Name, problem.Text)
	}
	return b.String()
}

// asError keeps an empty list from becoming an error that is not nil.
func asError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return &Error{problems}
}
