//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the system user that the server runs as.
type account struct {
	uid, gid uint32
	switched bool // the user is not the one that this process runs as
}

// accountFor picks the user for a cluster. Who is not root runs the server as itself. Root runs it
// as the owner of an existing cluster, so that the data never changes hands, else as a system user.
func accountFor(cluster string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	if uid, gid, err := ownerOf(cluster); err == nil && uid != 0 {
		return account{uid: uid, gid: gid, switched: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), switched: true}, nil
		}
	}
	return account{}, fmt.Errorf("%w: PostgreSQL refuses to run as root, and there is no user postgres or nobody", ErrUnreachable)
}

// sysProcAttr gives the child the account, and a process group of its own so that a Ctrl-C at the
// terminal reaches only us: the server must outlast our own shutdown.
func (a account) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{a.gid}}
	}
	return attr
}

// own gives a file to the account.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// ownTree gives a folder and all in it to the account.
func (a account) ownTree(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return a.own(path)
	})
}

// probe checks that the account can run the server with the data folder as its working folder.
func (a account) probe(bins binaries, dataDir string) error {
	cmd := exec.Command(filepath.Join(bins.dir, "postgres"), "--version")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dataDir, childEnv(), a.sysProcAttr()
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		for _, path := range []string{dataDir, bins.dir} {
			if blocked := a.blockedAt(path); blocked != "" {
				return fmt.Errorf("%w: user id %d may not enter %s, on the way to %s; choose a place outside it",
					ErrUnreachable, a.uid, blocked, path)
			}
		}
		return fmt.Errorf("%w: user id %d may not run PostgreSQL in %s", ErrUnreachable, a.uid, dataDir)
	default:
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
}

// blockedAt returns the first folder on the way to path that the account may not enter, or "".
func (a account) blockedAt(path string) string {
	var chain []string
	for dir := path; ; dir = filepath.Dir(dir) {
		chain = append(chain, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		if !a.mayEnter(chain[i]) {
			return chain[i]
		}
	}
	return ""
}

// mayEnter reads the mode bits alone; it is asked only to name a folder after a real refusal, or to
// choose between temporary folders.
func (a account) mayEnter(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	uid, gid, err := ownerOf(dir)
	if err != nil {
		return false
	}
	bit := fs.FileMode(0o001)
	switch {
	case uid == a.uid:
		bit = 0o100
	case gid == a.gid:
		bit = 0o010
	}
	return info.Mode().Perm()&bit != 0
}

// ownerOf returns the user and group of a file.
func ownerOf(path string) (uid, gid uint32, err error) {
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		return 0, 0, err
	}
	return stat.Uid, stat.Gid, nil
}
