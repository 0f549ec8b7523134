//go:build unix

package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// temporaryPrefix starts the name of every data folder that Stop removes.
const temporaryPrefix = "grove-pgdata-"

// makeTemporary makes a data folder that the server's user can enter. It first removes those that
// killed processes left behind: a killed test run cannot clean up, the next one can.
func makeTemporary() (string, error) {
	acc, err := accountFor("")
	if err != nil {
		return "", err
	}
	parent := openParent(os.TempDir(), acc)
	sweepTemporary(parent)
	dir, err := os.MkdirTemp(parent, temporaryPrefix)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return dir, nil
}

// sweepTemporary removes the temporary data folders of this user that no process holds.
func sweepTemporary(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, temporaryPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		uid, _, err := ownerOf(dir)
		if err != nil || int(uid) != os.Geteuid() {
			continue
		}
		// A lock that was never written to may belong to a start that is about to take it.
		text, err := os.ReadFile(filepath.Join(dir, lockName))
		if err != nil || strings.TrimSpace(string(text)) == "" {
			continue
		}
		lock, err := lockDataDir(dir)
		if err != nil {
			continue
		}
		cluster := filepath.Join(dir, clusterName)
		if found, ok := readPostmaster(cluster); !ok || !alive(found.pid) || !isPostmaster(found.pid, cluster) {
			removeSocketDir(lock.lastSocket)
			_ = os.RemoveAll(dir) // what cannot be removed now is tried again by the next start
		}
		_ = lock.release()
	}
}
