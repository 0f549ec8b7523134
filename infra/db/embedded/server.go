//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// leftoverPatience is how long the backends of a killed server may take to notice.
	leftoverPatience = 10 * time.Second
	// maxLog is the size in bytes from which the log is set aside at the next start.
	maxLog = 16 << 20
	// pollEvery is how often a start looks for news. PostgreSQL has no other way to tell.
	pollEvery = 10 * time.Millisecond
)

// Server is one running PostgreSQL.
type Server struct {
	log       *slog.Logger
	dataDir   string
	socketDir string
	temporary bool // dataDir is removed by Stop
	lock      *dirLock
	process   *process

	stopOnce sync.Once
	stopErr  error
}

// Start starts a server on the data folder, makes the cluster first when there is none, and returns
// once the server takes connections. The context bounds the start only; the server runs until Stop.
// The errors are those of this package, told apart with errors.Is.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	s := &Server{log: config.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()

	if config.DataDir == "" {
		if !config.Ephemeral {
			return nil, fmt.Errorf("%w: no data folder was given", ErrNotWritable)
		}
		if config.DataDir, err = makeTemporary(); err != nil {
			return nil, err
		}
		s.temporary, s.dataDir = true, config.DataDir
	}
	dir, err := openDataDir(config.DataDir)
	if err != nil {
		return nil, err
	}
	s.dataDir = dir
	if s.lock, err = lockDataDir(s.dataDir); err != nil {
		return nil, err
	}

	cluster := filepath.Join(s.dataDir, clusterName)
	version, err := clusterVersion(cluster)
	if err != nil {
		return nil, err
	}
	bins, err := chooseBinaries(candidates(), version)
	if err != nil {
		return nil, err
	}
	acc, err := accountFor(cluster)
	if err != nil {
		return nil, err
	}
	if err := acc.probe(bins, s.dataDir); err != nil {
		return nil, err
	}
	if version == 0 {
		err = createCluster(ctx, bins, acc, s.dataDir, config.Ephemeral)
	} else {
		err = claimCluster(cluster, acc)
	}
	if err != nil {
		return nil, err
	}
	if err := s.lock.clearOrphan(ctx, cluster); err != nil {
		return nil, err
	}
	removeSocketDir(s.lock.lastSocket)
	if s.socketDir, err = makeSocketDir(acc); err != nil {
		return nil, err
	}
	if err := s.lock.record(s.socketDir); err != nil {
		return nil, err
	}
	if err := s.launch(ctx, bins, acc, cluster, config.Ephemeral); err != nil {
		return nil, err
	}
	s.log.Info("PostgreSQL started", "version", bins.version, "data", s.dataDir, "socket", s.socketDir)
	return s, nil
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// URL is the superuser's DSN, over the private socket: postgres://postgres@/postgres?host=…&port=….
// It has no password: who can enter the socket's folder may be any role.
func (s *Server) URL() string { return socketURL(s.socketDir) }

// Stop ends the server with a fast shutdown: open transactions are rolled back, the data is written.
// It waits for the end. When the context ends first, the server is stopped at once, which costs no
// committed data but makes the next start recover; Stop then returns the context's error. It returns
// ErrExited when the server had already ended by itself. Further calls return the first one's error.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = s.process.stop(ctx)
		s.release()
		s.log.Info("PostgreSQL stopped", "data", s.dataDir)
	})
	return s.stopErr
}

// release gives back what a start took, in reverse; the server is not running any more.
func (s *Server) release() {
	removeSocketDir(s.socketDir)
	if s.lock != nil {
		if s.socketDir != "" {
			_ = s.lock.record("")
		}
		_ = s.lock.release()
	}
	if s.temporary {
		if err := os.RemoveAll(s.dataDir); err != nil {
			s.log.Warn("The temporary data folder stays", "data", s.dataDir, "error", err)
		}
	}
}

// launch runs the server and waits until it is ready. After a killed server, its backends may still
// hold the shared memory for a moment; then it tries again.
func (s *Server) launch(ctx context.Context, bins binaries, acc account, cluster string, ephemeral bool) error {
	logFile, err := openLog(s.dataDir)
	if err != nil {
		return err
	}
	defer logFile.Close() // the child has its own

	var lastErr error
	attempt := func() bool {
		from, err := logFile.Seek(0, io.SeekEnd)
		if err != nil {
			lastErr = fmt.Errorf("%w: %w", ErrNotWritable, err)
			return true
		}
		cmd := exec.Command(filepath.Join(bins.dir, "postgres"), serverArgs(cluster, s.socketDir, ephemeral)...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = cluster, childEnv(), acc.sysProcAttr()
		cmd.Stdout, cmd.Stderr = logFile, logFile
		if s.process, lastErr = runProcess(cmd, s.log); lastErr != nil {
			return true
		}
		if lastErr = s.process.waitReady(ctx, cluster); lastErr == nil {
			return true
		}
		said := readFrom(logFile, from)
		if words := lastWords(said); words != "" && ctx.Err() == nil {
			lastErr = fmt.Errorf("%w: %s (see %s)", ErrStart, words, logFile.Name())
		}
		return ctx.Err() != nil || !strings.Contains(said, "pre-existing shared memory block")
	}
	if !waitFor(ctx, leftoverPatience, attempt) && lastErr == nil {
		return fmt.Errorf("%w: %w", ErrStart, ctx.Err())
	}
	return lastErr
}

// serverArgs are given at each start, so that a cluster made by an older Grove follows the newer.
func serverArgs(cluster, socketDir string, ephemeral bool) []string {
	durable, buffers := "on", "128MB"
	if ephemeral {
		durable, buffers = "off", "64MB"
	}
	args := []string{"-D", cluster}
	for _, setting := range []string{
		"fsync=" + durable,
		"full_page_writes=" + durable,
		"listen_addresses=",
		"log_destination=stderr",
		"log_line_prefix=%m [%p] %q%u@%d ",
		"log_timezone=UTC",
		"logging_collector=off",
		"max_connections=100",
		"port=" + socketPort,
		"shared_buffers=" + buffers,
		"synchronous_commit=on",
		"timezone=UTC",
		"unix_socket_directories=" + socketDir,
		"unix_socket_permissions=0700",
	} {
		args = append(args, "-c", setting)
	}
	return args
}

// openLog opens the log for appending, and sets a large one aside.
func openLog(dataDir string) (*os.File, error) {
	path := filepath.Join(dataDir, logName)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, filepath.Join(dataDir, oldLogName)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return file, nil
}

// readFrom returns what the log got since an offset, up to a bound.
func readFrom(file *os.File, offset int64) string {
	text, err := io.ReadAll(io.NewSectionReader(file, offset, 1<<20))
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return ""
	}
	return string(text)
}

// lastWords returns the last reason that PostgreSQL gave for ending.
func lastWords(log string) string {
	words := ""
	for line := range strings.Lines(log) {
		for _, level := range []string{"FATAL:", "PANIC:"} {
			if _, reason, ok := strings.Cut(line, level); ok {
				words = strings.TrimSpace(reason)
			}
		}
	}
	return words
}
