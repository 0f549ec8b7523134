//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// orphanPatience is how long a server whose owner was killed may take for its own shutdown.
const orphanPatience = 20 * time.Second

// dirLock is the claim of this process on a data folder. The file says who holds it and where the
// socket is; the lock on it ends with the process.
type dirLock struct {
	file       *os.File
	lastSocket string // the socket folder of the run before, when that run did not end cleanly
}

// lockDataDir takes the claim, or returns ErrInUse.
func lockDataDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	lockErr := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	text, readErr := io.ReadAll(io.LimitReader(file, 4096))
	pid, socket, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	switch {
	case errors.Is(lockErr, syscall.EWOULDBLOCK):
		_ = file.Close()
		return nil, fmt.Errorf("%w: process %s uses %s", ErrInUse, pid, dir)
	case lockErr != nil || readErr != nil:
		_ = file.Close()
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, errors.Join(lockErr, readErr))
	}
	return &dirLock{file: file, lastSocket: socket}, nil
}

// record writes who holds the lock, and the socket folder that a next run has to remove if this one
// cannot.
func (l *dirLock) record(socketDir string) error {
	text := strconv.Itoa(os.Getpid()) + "\n" + socketDir + "\n"
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// release gives the claim back. The file stays: removing a lock file lets two processes lock two
// files of one name. Closing alone would leave the lock to a child that is being started at this moment, which has the file
// open until it runs its own program.
func (l *dirLock) release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// postmasterFile is what PostgreSQL writes into postmaster.pid.
type postmasterFile struct {
	pid       int
	socketDir string
	ready     bool
}

// readPostmaster returns ok false when there is no such file, or it is not yet complete.
func readPostmaster(cluster string) (postmasterFile, bool) {
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return postmasterFile{}, false
	}
	// Lines: pid, data folder, start time, port, socket folder, listen address, shared memory, status.
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return postmasterFile{}, false
	}
	found := postmasterFile{pid: pid}
	if len(lines) > 4 {
		found.socketDir = lines[4]
	}
	if len(lines) > 7 {
		found.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return found, true
}

// clearOrphan deals with the postmaster.pid of a run that did not end cleanly. It is called with the
// lock held, so no live process of ours owns a server here.
func (l *dirLock) clearOrphan(ctx context.Context, cluster string) error {
	found, ok := readPostmaster(cluster)
	if !ok || !alive(found.pid) {
		return nil // PostgreSQL itself checks and replaces the file of a dead process
	}
	if !isPostmaster(found.pid, cluster) {
		// The number was given to another program since. PostgreSQL cannot tell and would refuse.
		err := os.Remove(filepath.Join(cluster, "postmaster.pid"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
		return nil
	}
	if l.lastSocket == "" || found.socketDir != l.lastSocket {
		return fmt.Errorf("%w: PostgreSQL process %d, which was not started by Grove, uses %s", ErrInUse, found.pid, cluster)
	}

	// Our own server, whose owner was killed. On Linux it is already shutting down.
	_ = syscall.Kill(found.pid, syscall.SIGINT)
	gone := func() bool { return !alive(found.pid) || !isPostmaster(found.pid, cluster) }
	if !waitFor(ctx, orphanPatience, gone) {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrStart, ctx.Err())
		}
		return fmt.Errorf("%w: PostgreSQL process %d of an earlier run does not stop", ErrInUse, found.pid)
	}
	return nil
}

// alive says whether a process with this number exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// waitFor polls until done holds. It returns false when the time or the context ran out first.
func waitFor(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
