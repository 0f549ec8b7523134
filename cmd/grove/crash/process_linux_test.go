package crash_test

import "syscall"

// attributes let the kernel kill the child when the tests are killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
