//go:build unix

package embedded

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// socketPort is only part of the socket's file name: no TCP port is opened.
	socketPort = "5432"
	socketFile = ".s.PGSQL." + socketPort
	// socketPrefix starts the name of every socket folder.
	socketPrefix = "grove-pg-"
	// maxSocketPath is the longest path of a Unix socket on Linux, in bytes; other systems take 103.
	maxSocketPath = 103
	// randomDigits is the most that os.MkdirTemp adds to a name.
	randomDigits = 10
)

// plainPath is a path that means itself in a PostgreSQL list, in a URL and in a DSN of several hosts.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._+@-]+$`)

// makeSocketDir makes the private folder of the socket.
func makeSocketDir(acc account) (string, error) {
	dir, err := os.MkdirTemp(openParent(os.TempDir(), acc), socketPrefix)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := acc.own(dir); err != nil {
		_ = os.Remove(dir)
		return "", fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return dir, nil
}

// openParent is the temporary folder, or /tmp when that one is too long a path for a socket, has
// characters with a meaning elsewhere, or is closed to the account.
func openParent(tmp string, acc account) string {
	longest := filepath.Join(tmp, socketPrefix+strings.Repeat("0", randomDigits), socketFile)
	if len(longest) > maxSocketPath || !plainPath.MatchString(tmp) || acc.switched && acc.blockedAt(tmp) != "" {
		return "/tmp"
	}
	return tmp
}

// removeSocketDir removes a socket folder with what PostgreSQL puts into one, and nothing else.
func removeSocketDir(dir string) {
	if !filepath.IsAbs(dir) || !strings.HasPrefix(filepath.Base(dir), socketPrefix) {
		return
	}
	for _, name := range []string{socketFile, socketFile + ".lock"} {
		_ = os.Remove(filepath.Join(dir, name))
	}
	_ = os.Remove(dir)
}

// socketURL is the DSN of the superuser and its database.
func socketURL(dir string) string {
	query := url.Values{"host": {dir}, "port": {socketPort}}
	return (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: query.Encode(),
	}).String()
}
