package embedded

import (
	"errors"
	"log/slog"
)

// Errors that Start and FindBinaries return, wrapped with one line that names the folder or process.
var (
	// ErrBroken means that the data folder holds no usable cluster: it has other files in it, or a
	// cluster without the files that every cluster has.
	ErrBroken = errors.New("the data folder is not a usable PostgreSQL cluster")
	// ErrExited means that the server had stopped by itself before Stop was called.
	ErrExited = errors.New("PostgreSQL stopped unexpectedly")
	// ErrInUse means that a live process is using the data folder.
	ErrInUse = errors.New("the data folder is in use")
	// ErrNoBinaries means that no PostgreSQL 15 or newer was found on this machine.
	ErrNoBinaries = errors.New("no PostgreSQL 15 or newer found")
	// ErrNotWritable means that this process may not write the data folder.
	ErrNotWritable = errors.New("the data folder is not writable")
	// ErrStart means that PostgreSQL refused to start; the wrapping text has its last words.
	ErrStart = errors.New("PostgreSQL did not start")
	// ErrUnreachable means that the user the server would run as cannot enter a folder on the path to
	// the data or to the binaries. It happens only when this process is root.
	ErrUnreachable = errors.New("a folder cannot be entered by the PostgreSQL user")
	// ErrUnsupported means that this operating system has no embedded server.
	ErrUnsupported = errors.New("the embedded PostgreSQL is not supported on this system")
	// ErrVersion means that the cluster was made by a major version that is not installed.
	ErrVersion = errors.New("the data folder belongs to another PostgreSQL version")
)

// Config says where and how a server runs.
type Config struct {
	// DataDir is where the data, the lock and the log live. It is made when it is missing. It may be
	// empty only when Ephemeral is set: then a temporary folder is used, and removed by Stop.
	DataDir string

	// Ephemeral trades durability for speed: no fsync, no full-page writes, a smaller buffer. A crash
	// of the machine may lose or break the data, so it is for tests only.
	Ephemeral bool

	// Log receives starts, stops and unexpected ends. Nil means no log. PostgreSQL's own log goes to
	// DataDir/postgres.log.
	Log *slog.Logger
}
