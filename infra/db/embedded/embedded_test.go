//go:build unix

package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownerVariable makes this test binary a process that owns a server on the folder it names.
const ownerVariable = "EMBEDDED_TEST_OWNER_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		server, err := Start(context.Background(), Config{DataDir: dir, Ephemeral: true})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(server.URL())
		<-server.Done()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestStartKeepsDataOverRestarts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := dataDir(t)

	server := start(t, Config{DataDir: dir})
	exec1(t, server, "CREATE TABLE kept (n int)")
	exec1(t, server, "INSERT INTO kept VALUES (42)")
	if err := server.Stop(ctx); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	if err := server.Stop(ctx); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if exists(server.socketDir) {
		t.Error("the socket folder is still there after Stop")
	}

	begun := time.Now()
	server = start(t, Config{DataDir: dir})
	t.Logf("second start: %v", time.Since(begun))
	if got := query(t, server, "SELECT n::text FROM kept"); got != "42" {
		t.Errorf("kept row = %q, want 42", got)
	}
}

func TestStartSettings(t *testing.T) {
	t.Parallel()
	durable := map[string]string{
		"fsync": "on", "full_page_writes": "on", "listen_addresses": "", "max_connections": "100",
		"server_encoding": "UTF8", "shared_buffers": "128MB", "synchronous_commit": "on", "TimeZone": "UTC",
	}
	ephemeral := map[string]string{
		"fsync": "off", "full_page_writes": "off", "listen_addresses": "", "max_connections": "100",
		"server_encoding": "UTF8", "shared_buffers": "64MB", "synchronous_commit": "on", "TimeZone": "UTC",
	}
	for name, test := range map[string]struct {
		config Config
		want   map[string]string
	}{
		"durable":   {Config{DataDir: dataDir(t)}, durable},
		"ephemeral": {Config{Ephemeral: true}, ephemeral},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, test.config)
			for setting, want := range test.want {
				if got := query(t, server, "SELECT current_setting('"+setting+"')"); got != want {
					t.Errorf("%s = %q, want %q", setting, got, want)
				}
			}
			// By code point, not by the alphabet of some language.
			if got := query(t, server, "SELECT ('a' > 'B')::text"); got != "true" {
				t.Errorf("'a' > 'B' = %s, want the order of code points", got)
			}
		})
	}
}

func TestStartIsPrivate(t *testing.T) {
	t.Parallel()
	server := start(t, Config{DataDir: dataDir(t), Ephemeral: true})
	for _, dir := range []string{server.socketDir, filepath.Join(server.dataDir, clusterName)} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %o, want 700", dir, info.Mode().Perm())
		}
		if uid, _, _ := ownerOf(dir); uid == 0 {
			t.Errorf("%s belongs to root", dir)
		}
	}
	if socket := filepath.Join(server.socketDir, socketFile); len(socket) > 107 {
		t.Errorf("the socket's path has %d bytes", len(socket))
	}
}

func TestTemporaryDataIsRemoved(t *testing.T) {
	t.Parallel()
	server := start(t, Config{Ephemeral: true})
	exec1(t, server, "CREATE TABLE gone (n int)")
	if err := server.Stop(t.Context()); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	if exists(server.dataDir) {
		t.Error("the temporary data folder is still there after Stop")
	}
}

func TestStartAfterServerWasKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Config{DataDir: dir})
	exec1(t, server, "CREATE TABLE kept AS SELECT 7 AS n")
	if err := server.process.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if err := server.Stop(t.Context()); !errors.Is(err, ErrExited) {
		t.Errorf("Stop = %v, want ErrExited", err)
	}

	server = start(t, Config{DataDir: dir})
	if got := query(t, server, "SELECT n::text FROM kept"); got != "7" {
		t.Errorf("kept row = %q, want 7", got)
	}
}

func TestStartAfterOwnerWasKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	owner, url := startOwner(t, dir)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 9 AS n"); err != nil {
		t.Fatal(err)
	}
	found, ok := readPostmaster(filepath.Join(dir, clusterName))
	if !ok {
		t.Fatal("no postmaster.pid")
	}
	socketDir := found.socketDir

	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it was killed, so there is an error to ignore
	if runtime.GOOS == "linux" {
		// The server goes by itself, with no next start to stop it.
		if !waitFor(t.Context(), 20*time.Second, func() bool { return !alive(found.pid) }) {
			t.Error("the server outlived its owner")
		}
	}

	server := start(t, Config{DataDir: dir, Ephemeral: true})
	if got := query(t, server, "SELECT n::text FROM kept"); got != "9" {
		t.Errorf("kept row = %q, want 9", got)
	}
	if exists(socketDir) {
		t.Error("the socket folder of the killed owner is still there")
	}
}

func TestStartWaitsForOrphan(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Config{DataDir: dir, Ephemeral: true})
	exec1(t, server, "CREATE TABLE kept AS SELECT 3 AS n")
	// Giving the lock back makes the folder look as after the death of its owner on a system where
	// the server lives on.
	server.process.stopping.Store(true)
	if err := server.lock.release(); err != nil {
		t.Fatal(err)
	}

	next := start(t, Config{DataDir: dir, Ephemeral: true})
	select {
	case <-server.Done():
	default:
		t.Error("two servers run on one folder")
	}
	if got := query(t, next, "SELECT n::text FROM kept"); got != "3" {
		t.Errorf("kept row = %q, want 3", got)
	}
}

func TestStartRefusesStrangersServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Config{DataDir: dir, Ephemeral: true})
	// A lock that is free and names no socket: whoever runs this server, it was not Grove.
	if err := server.lock.record(""); err != nil {
		t.Fatal(err)
	}
	if err := server.lock.release(); err != nil {
		t.Fatal(err)
	}
	refuse(t, Config{DataDir: dir}, ErrInUse)
	if got := query(t, server, "SELECT '1'"); got != "1" {
		t.Error("the stranger's server was disturbed")
	}
}

func TestStartWithReusedProcessNumber(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Config{DataDir: dir, Ephemeral: true})
	if err := server.process.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	_ = server.Stop(t.Context()) // reports the kill

	// After a restart of a container, a low number is soon another program's: here, of a program that
	// runs as the server's own user, which is the case that PostgreSQL cannot tell from its own.
	acc, err := accountFor(filepath.Join(dir, clusterName))
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("cat")
	other.Dir, other.SysProcAttr = "/", acc.sysProcAttr()
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = other.Wait()
	})
	path := filepath.Join(dir, clusterName, "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(path, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir, Ephemeral: true})
}

// TestReleasedLockIsFree: a program that is started at the moment of the release shares the open file until it runs, as a copy of
// the descriptor does.
func TestReleasedLockIsFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := lockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := syscall.Dup(int(lock.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(shared) }()
	if _, err := lockDataDir(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a folder that is in use: %v", err)
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDataDir(dir)
	if err != nil {
		t.Fatalf("a folder that was given back: %v", err)
	}
	_ = again.release()
}

func TestStartTwice(t *testing.T) {
	t.Parallel()
	t.Run("in one process", func(t *testing.T) {
		t.Parallel()
		dir := dataDir(t)
		server := start(t, Config{DataDir: dir, Ephemeral: true})
		refuse(t, Config{DataDir: dir, Ephemeral: true}, ErrInUse)
		if got := query(t, server, "SELECT '1'"); got != "1" {
			t.Error("the refused start disturbed the first")
		}
	})
	t.Run("in two processes", func(t *testing.T) {
		t.Parallel()
		dir := dataDir(t)
		owner, _ := startOwner(t, dir)
		err := refuse(t, Config{DataDir: dir, Ephemeral: true}, ErrInUse)
		if want := strconv.Itoa(owner.Process.Pid); !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name process %s", err, want)
		}
	})
}

func TestStartRefusesBadFolders(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  error
	}{
		"cluster without PG_VERSION": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, clusterName, "base", "1", "112"), "")
		}, ErrBroken},
		"cluster without pg_control": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, clusterName, "PG_VERSION"), "15\n")
		}, ErrBroken},
		"file in place of the cluster": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, clusterName), "")
		}, ErrBroken},
		"files of something else": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "thesis.txt"), "")
		}, ErrBroken},
		"version of the future": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, clusterName, "PG_VERSION"), "99\n")
			write(t, filepath.Join(dir, clusterName, "global", "pg_control"), "")
		}, ErrVersion},
		"version that is no number": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, clusterName, "PG_VERSION"), "new\n")
		}, ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			test.spoil(t, dir)
			refuse(t, Config{DataDir: dir}, test.want)
		})
	}
	t.Run("damaged pg_control", func(t *testing.T) {
		t.Parallel()
		dir := dataDir(t)
		server := start(t, Config{DataDir: dir, Ephemeral: true})
		if err := server.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		control := filepath.Join(dir, clusterName, "global", "pg_control")
		if err := os.Truncate(control, 0); err != nil {
			t.Fatal(err)
		}
		refuse(t, Config{DataDir: dir}, ErrStart)
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		refuse(t, Config{}, ErrNotWritable)
	})
	t.Run("path through a file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, "")
		refuse(t, Config{DataDir: filepath.Join(file, "data")}, ErrNotWritable)
	})
	t.Run("folder closed to the server's user", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root runs the server as another user")
		}
		closed := filepath.Join(dataDir(t), "closed")
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		err := refuse(t, Config{DataDir: filepath.Join(closed, "data")}, ErrUnreachable)
		if !strings.Contains(err.Error(), closed+",") {
			t.Errorf("error %q does not name %s", err, closed)
		}
	})
}

func TestInterruptedInitdbIsForgotten(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, newClusterName)
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, Config{DataDir: dir, Ephemeral: true})
	if got := query(t, server, "SELECT '1'"); got != "1" {
		t.Errorf("SELECT '1' = %q", got)
	}
}

func TestStopWithEndedContext(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Config{DataDir: dir})
	exec1(t, server, "CREATE TABLE kept AS SELECT 5 AS n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Stop = %v, want the context's error", err)
	}
	<-server.Done()
	server = start(t, Config{DataDir: dir})
	if got := query(t, server, "SELECT n::text FROM kept"); got != "5" {
		t.Errorf("kept row = %q, want 5", got)
	}
}

func TestStartWithEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := dataDir(t)
	if _, err := Start(ctx, Config{DataDir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Start = %v, want the context's error", err)
	}
	start(t, Config{DataDir: dir, Ephemeral: true})
}

func TestSweepTemporary(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	left := filepath.Join(parent, temporaryPrefix+"left")
	held := filepath.Join(parent, temporaryPrefix+"held")
	fresh := filepath.Join(parent, temporaryPrefix+"fresh")
	for _, dir := range []string{left, held, fresh} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if dir == fresh {
			continue
		}
		lock, err := lockDataDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.record(""); err != nil {
			t.Fatal(err)
		}
		if dir == left {
			_ = lock.release()
		} else {
			t.Cleanup(func() { _ = lock.release() })
		}
	}
	sweepTemporary(parent)
	for dir, want := range map[string]bool{left: false, held: true, fresh: true} {
		if exists(dir) != want {
			t.Errorf("%s exists = %v, want %v", filepath.Base(dir), !want, want)
		}
	}
}

func TestOpenParent(t *testing.T) {
	t.Parallel()
	acc := account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	for tmp, want := range map[string]string{
		"/tmp":                        "/tmp",
		"/var/tmp":                    "/var/tmp",
		"/var/a,b":                    "/tmp",
		"/" + strings.Repeat("x", 90): "/tmp",
	} {
		if got := openParent(tmp, acc); got != want {
			t.Errorf("openParent(%q) = %q, want %q", tmp, got, want)
		}
	}
}

// dataDir makes a folder that the server's user can enter, unlike t.TempDir when root runs the test.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the server's user has to pass through
		t.Fatal(err)
	}
	return dir
}

// start starts a server that ends with the test.
func start(t *testing.T, config Config) *Server {
	t.Helper()
	server, err := Start(t.Context(), config)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// refuse expects that a start fails with the error, in one line.
func refuse(t *testing.T, config Config, want error) error {
	t.Helper()
	server, err := Start(t.Context(), config)
	if err == nil {
		_ = server.Stop(context.Background())
	}
	if !errors.Is(err, want) {
		t.Fatalf("Start = %v, want %v", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
	t.Log(err)
	return err
}

// startOwner starts a server in a process of its own and returns the process and the server's DSN.
func startOwner(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(self)
	owner.Env = append(os.Environ(), ownerVariable+"="+dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := owner.Process.Kill(); err == nil {
			_ = owner.Wait()
		}
		found, ok := readPostmaster(filepath.Join(dir, clusterName))
		if ok && alive(found.pid) {
			_ = syscall.Kill(found.pid, syscall.SIGQUIT)
			waitFor(context.Background(), 20*time.Second, func() bool { return !alive(found.pid) })
		}
		removeSocketDir(found.socketDir)
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres://") {
		t.Fatalf("the owner said %q: %v", line, err)
	}
	return owner, strings.TrimSpace(line)
}

// query returns the one text value of a query.
func query(t *testing.T, server *Server, sql string) string {
	t.Helper()
	conn := connect(t, server)
	defer conn.Close(context.Background())
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// exec1 runs one statement.
func exec1(t *testing.T, server *Server, sql string) {
	t.Helper()
	conn := connect(t, server)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func connect(t *testing.T, server *Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	return conn
}
