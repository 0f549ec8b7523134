//go:build unix

package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestFindBinaries(t *testing.T) {
	t.Parallel()
	dir, version, err := FindBinaries()
	if err != nil {
		t.Fatal(err)
	}
	if version < minVersion || !exists(filepath.Join(dir, "initdb")) {
		t.Errorf("FindBinaries = %s, %d", dir, version)
	}
}

func TestChooseBinaries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	old, v15, v17, none := fakeServer(t, root, 13), fakeServer(t, root, 15), fakeServer(t, root, 17), filepath.Join(root, "none")
	for name, test := range map[string]struct {
		dirs    []string
		want    int
		version int
		err     error
	}{
		"first wins":                       {[]string{v15, v17}, 0, 15, nil},
		"missing and too old are passed":   {[]string{none, old, v17}, 0, 17, nil},
		"the cluster's version is found":   {[]string{v17, v15}, 15, 15, nil},
		"the cluster's version is missing": {[]string{v17}, 15, 0, ErrVersion},
		"nothing":                          {[]string{none}, 0, 0, ErrNoBinaries},
		"only too old":                     {[]string{old}, 0, 0, ErrNoBinaries},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chooseBinaries(test.dirs, test.want)
			if got.version != test.version || !errors.Is(err, test.err) {
				t.Errorf("chooseBinaries = %v, %v; want version %d, %v", got, err, test.version, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func TestInstalledDirsNewestFirst(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, version := range []string{"9.6", "15", "18", "16"} {
		if err := os.MkdirAll(filepath.Join(root, version, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, dir := range installedDirs([]string{filepath.Join(root, "*", "bin")}) {
		got = append(got, filepath.Base(filepath.Dir(dir)))
	}
	if want := []string{"18", "16", "15"}; !slices.Equal(got[:3], want) {
		t.Errorf("order = %v, want %v first", got, want)
	}
}

func TestNpmDirsStayInTheProject(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	project := filepath.Join(root, "project")
	inner := filepath.Join(project, "infra", "db")
	if err := os.MkdirAll(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := npmDirs(inner); len(got) != 2 {
		t.Errorf("outside a project = %v, want the folder's own two", got)
	}
	if err := os.WriteFile(filepath.Join(project, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := npmDirs(inner)
	want := filepath.Join(project, "frontend", "node_modules", filepath.FromSlash(npmPackage()), "native", "bin")
	if !slices.Contains(got, want) {
		t.Errorf("inside a project = %v, want also %s", got, want)
	}
	for _, dir := range got {
		if !strings.HasPrefix(dir, project) {
			t.Errorf("%s is outside the project", dir)
		}
	}
}

// fakeServer makes a folder with a program that tells a version, which is all that choosing needs.
func fakeServer(t *testing.T, root string, version int) string {
	t.Helper()
	dir := filepath.Join(root, strconv.Itoa(version), "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + strconv.Itoa(version) + ".1'\n"
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return dir
}
