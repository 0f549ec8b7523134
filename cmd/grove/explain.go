package main

import (
	"errors"
	"fmt"
	"strings"

	"grove/infra/kernel/fault"
)

// explained says a fault's public text too, which its Error leaves to whoever answers.
func explained(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	text := f.Code.Title + ". " + f.Detail
	for _, field := range f.Fields {
		text += " " + field.Pointer + ": " + field.Detail + "."
	}
	return fmt.Errorf("%s (%s)", strings.TrimSpace(text), f.Code.Name)
}

// without leaves a variable that is not a setting out of an environment.
func without(environ []string, name string) []string {
	kept := make([]string, 0, len(environ))
	for _, e := range environ {
		if !strings.HasPrefix(e, name+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}
