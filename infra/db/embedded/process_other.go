//go:build unix && !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing: only Linux can do it. The next Start stops what was left.
func dieWithParent(*syscall.SysProcAttr) {}

// isPostmaster says whether the live process pid may serve the cluster: whether it is a PostgreSQL.
func isPostmaster(pid int, _ string) bool {
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres")
}
