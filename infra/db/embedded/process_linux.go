package embedded

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// dieWithParent makes the kernel ask the child for a fast shutdown when this process dies.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// isPostmaster says whether the live process pid serves this cluster. The postmaster's working
// folder is its cluster; a process that took over the number of a dead one has another.
func isPostmaster(pid int, cluster string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		// Where we may not look, assume the worse.
		return !errors.Is(err, fs.ErrNotExist)
	}
	return cwd == cluster
}
