//go:build !linux

package main

import "runtime/debug"

// giveBack returns the memory that only the start has needed.
func giveBack() { debug.FreeOSMemory() }
