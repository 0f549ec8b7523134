package list_test

import (
	"slices"
	"testing"

	"grove/infra/kernel/list"
)

func TestDistinct(t *testing.T) {
	if got := list.Distinct([]string{"b", "a", "b", "c", "a"}); !slices.Equal(got, []string{"b", "a", "c"}) {
		t.Error(got)
	}
	if got := list.Distinct[string](nil); got == nil || len(got) != 0 {
		t.Error("nothing is an empty list, not nil")
	}
}
