//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// The contents of a data folder.
const (
	clusterName    = "cluster"
	newClusterName = "cluster.new"
	lockName       = "lock"
	logName        = "postgres.log"
	oldLogName     = "postgres.log.1"
)

// besideCluster are the names that may stand in a data folder without a cluster.
var besideCluster = []string{".DS_Store", lockName, logName, "lost+found", newClusterName, oldLogName}

// openDataDir makes the data folder when it is missing, refuses one that holds something else, and
// returns its real path.
func openDataDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	// Root keeps the folder and lets the server's user pass through; the cluster in it is closed.
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(abs, mode); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	named := func(name string) func(fs.DirEntry) bool {
		return func(entry fs.DirEntry) bool { return entry.Name() == name }
	}
	if !slices.ContainsFunc(entries, named(clusterName)) {
		for _, entry := range entries {
			if !slices.Contains(besideCluster, entry.Name()) {
				return "", fmt.Errorf("%w: %s holds other files; choose an empty folder", ErrBroken, abs)
			}
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(abs, mode); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
	}
	return filepath.EvalSymlinks(abs)
}

// clusterVersion returns the major version of the cluster, or 0 when there is none yet.
func clusterVersion(cluster string) (int, error) {
	if _, err := os.Lstat(cluster); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return 0, fmt.Errorf("%w: %s belongs to another user", ErrNotWritable, cluster)
	case err != nil:
		return 0, fmt.Errorf("%w: %s has no PG_VERSION; restore it from a backup, or remove the folder to begin anew", ErrBroken, cluster)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || version <= 0 {
		return 0, fmt.Errorf("%w: %s/PG_VERSION is not a version number", ErrBroken, cluster)
	}
	if !exists(filepath.Join(cluster, "global", "pg_control")) {
		return 0, fmt.Errorf("%w: %s has no global/pg_control; restore it from a backup, or remove the folder to begin anew", ErrBroken, cluster)
	}
	return version, nil
}

// claimCluster makes sure that the account owns an existing cluster: PostgreSQL accepts no other.
func claimCluster(cluster string, acc account) error {
	uid, _, err := ownerOf(cluster)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if uid == acc.uid {
		return nil
	}
	if !acc.switched {
		return fmt.Errorf("%w: %s belongs to another user", ErrNotWritable, cluster)
	}
	if err := acc.ownTree(cluster); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// createCluster runs initdb beside the final place and renames the result into it.
func createCluster(ctx context.Context, bins binaries, acc account, dataDir string, ephemeral bool) error {
	fresh := filepath.Join(dataDir, newClusterName)
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	err := runInitdb(ctx, bins, acc, fresh, "C.UTF-8", ephemeral)
	if errors.Is(err, errLocale) {
		// Older systems have no C.UTF-8.
		err = runInitdb(ctx, bins, acc, fresh, "C", ephemeral)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(dataDir, clusterName)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// errLocale means that the system does not know the locale.
var errLocale = errors.New("unknown locale")

// runInitdb makes a UTF-8 cluster that compares text by code point, so that an index means the same
// on every system.
func runInitdb(ctx context.Context, bins binaries, acc account, dir, locale string, ephemeral bool) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := acc.own(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}

	args := []string{
		"--auth-host=reject", "--auth-local=trust", "--encoding=UTF8", "--no-instructions",
		"--pgdata=" + dir, "--username=postgres",
	}
	if bins.version >= 17 {
		// The built-in provider knows C.UTF-8 whatever the system has.
		args = append(args, "--builtin-locale=C.UTF-8", "--locale-provider=builtin", "--locale=C")
	} else {
		args = append(args, "--locale="+locale)
	}
	if ephemeral {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bins.dir, "initdb"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = filepath.Dir(dir), childEnv(), acc.sysProcAttr()
	dieWithParent(cmd.SysProcAttr)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr

	// The death signal follows the thread that started the child, so this thread has to last.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrStart, ctx.Err())
	case strings.Contains(stderr.String(), "invalid locale name"):
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
		return errLocale
	default:
		return fmt.Errorf("%w: initdb: %w: %s", ErrStart, err, oneLine(stderr.String()))
	}
}

// oneLine joins the lines of a program's complaint.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
