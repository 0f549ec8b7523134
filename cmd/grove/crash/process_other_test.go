//go:build unix && !linux

package crash_test

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
