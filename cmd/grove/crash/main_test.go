package crash_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program, and database the one Postgres that all tests use, one after the other.
var (
	binary   string
	database *postgres
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	// Below t.TempDir the server's own user could not enter.
	dir, err := os.MkdirTemp("", "grove-crash-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user passes through
		return 0, err
	}
	binary = filepath.Join(dir, "grove")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "grove/cmd/grove").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w: %s", err, out)
	}
	database = &postgres{dir: dir}
	if err := database.start(ctx); err != nil {
		return 0, err
	}
	defer func() { _ = database.server.Stop(ctx) }()
	if err := database.prepare(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
