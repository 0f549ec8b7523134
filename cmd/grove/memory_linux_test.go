package main

import (
	"strings"
	"testing"
)

func TestCleanPartsOfTheProgram(t *testing.T) {
	t.Parallel()
	const program = "/usr/bin/grove"
	for line, want := range map[string]uintptr{
		"00400000-01538000 r-xp 00000000 fe:00 42 /usr/bin/grove":           0x1138000,
		"01538000-031f5000 r--p 01138000 fe:00 42 /usr/bin/grove":           0x1cbd000,
		"031f5000-0334d000 rw-p 02df5000 fe:00 42 /usr/bin/grove":           0,
		"00400000-01538000 r-xp 00000000 fe:00 42 /usr/bin/other":           0,
		"7f00000000-7f00021000 rw-p 00000000 00:00 0":                       0,
		"nonsense-01538000 r-xp 00000000 fe:00 42 /usr/bin/grove":           0,
		"01538000-00400000 r-xp 00000000 fe:00 42 /usr/bin/grove":           0,
		"00400000-01538000 r-xp 00000000 fe:00 42 /usr/bin/grove (deleted)": 0,
	} {
		if _, length, ok := clean(strings.Fields(line), program); ok != (want > 0) || ok && length != want {
			t.Errorf("%s: %x %t", line, length, ok)
		}
	}
	giveBack() // and goes on
}
