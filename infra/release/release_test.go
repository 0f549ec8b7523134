package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const tree = "../.."

// built is one binary of this machine's architecture, made once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "grove-release-")
	if err != nil {
		return "", err
	}
	return dir, release{root: tree, out: dir, version: "v1.2.3-test", commit: strings.Repeat("c0ffee", 6)}.build("amd64")
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func released(t *testing.T) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyTree copies the source with the built pages, without what a build does not read.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", ".tools", "bin", "node_modules"}, e.Name()) || strings.HasPrefix(e.Name(), ".grove") {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), raw, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBuildsAreEqual builds the same source in another folder, whose path and version control must not show.
func TestBuildsAreEqual(t *testing.T) {
	first := released(t)
	elsewhere, again := t.TempDir(), t.TempDir()
	copyTree(t, elsewhere)
	if err := (release{root: elsewhere, out: again, version: "v1.2.3-test", commit: strings.Repeat("c0ffee", 6)}).build("amd64"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"grove-linux-amd64", "grove-linux-amd64.cdx.json"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: %x and %x", name, sha256.Sum256(a), sha256.Sum256(b))
		}
		if bytes.Contains(a, []byte(elsewhere)) {
			t.Errorf("%s has a path of the machine in it", name)
		}
	}
}

func TestBinaryIsStatic(t *testing.T) {
	file, err := elf.Open(filepath.Join(released(t), "grove-linux-amd64"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("needs a loader: %v", p.Type)
		}
	}
}

func TestBill(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(released(t), "grove-linux-amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join(released(t), "grove-linux-amd64"))
	if err != nil {
		t.Fatal(err)
	}
	if main := b.Metadata.Component; b.Format != "CycloneDX" || b.SpecVersion != "1.6" || main.Version != "v1.2.3-test" ||
		main.Hashes[0].Content != fmt.Sprintf("%x", sha256.Sum256(program)) || !strings.HasPrefix(b.SerialNumber, "urn:uuid:") {
		t.Errorf("%+v", b.Metadata)
	}
	seen := map[string]bool{}
	for _, c := range b.Components {
		if seen[c.Ref] || c.Ref != c.PURL || c.Name == "" || c.Version == "" || !strings.HasSuffix(c.PURL, "@"+c.Version) {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
	for _, name := range []string{"std", "github.com/jackc/pgx/v5", "github.com/riverqueue/river", "react", "@mantine/core"} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	for _, name := range []string{"vitest", "playwright-core", "github.com/danielgtaylor/nothing"} {
		if seen[name] {
			t.Errorf("%s is listed, and is no part of the program", name)
		}
	}
}

func TestPackageURLs(t *testing.T) {
	for want, c := range map[string]component{
		"pkg:npm/%40mantine/core@9.7.3":                     library("npm", "@mantine/core", "9.7.3", "MIT"),
		"pkg:golang/github.com/jackc/pgx/v5@v5.9.1":         library("golang", "github.com/jackc/pgx/v5", "v5.9.1", ""),
		"pkg:golang/example.com/x@v2.0.0+incompatible":      library("golang", "example.com/x", "v2.0.0+incompatible", ""),
		"pkg:golang/example.com/a%20b@v0.0.0-2026-c0ffee00": library("golang", "example.com/a b", "v0.0.0-2026-c0ffee00", ""),
	} {
		if c.PURL != want {
			t.Errorf("%s, want %s", c.PURL, want)
		}
	}
}

// TestSignedSums goes the way of who downloads: the signature, then the checksums; and whoever tampers is found out.
func TestSignedSums(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not on this machine")
	}
	dir, keys := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"grove-linux-amd64": "program", "grove-linux-arm64": "another"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(dir); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(keys, "key")
	if _, err := output(keys, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
		t.Fatal(err)
	}
	if err := (release{out: dir, key: key}).sign(); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "allowed_signers"), append([]byte(`releases@grove namespaces="`+namespace+`" `), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func() error {
		cmd := exec.Command("bash", "-ec", downloadCheck(t))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"another program": "grove-linux-amd64", "other sums": sumsFile} {
		path := filepath.Join(dir, file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append([]byte("x"), good...), 0o600); err != nil {
			t.Fatal(err)
		}
		if verify() == nil {
			t.Errorf("%s: not noticed", name)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stranger := filepath.Join(keys, "stranger")
	if _, err := output(keys, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, sumsFile+".sig")), release{out: dir, key: stranger}.sign()); err != nil {
		t.Fatal(err)
	}
	if verify() == nil {
		t.Error("a stranger's signature: not noticed")
	}
}

// downloadCheck is what docs/operations.md tells to run.
func downloadCheck(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(tree, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, line := range regexp.MustCompile(`(?m)^\$ ((?:ssh-keygen -Y verify|sha256sum) .*)$`).FindAllStringSubmatch(string(page), -1) {
		commands = append(commands, line[1])
	}
	if len(commands) != 2 {
		t.Fatalf("docs/operations.md says %q", commands)
	}
	return strings.Join(commands, "\n")
}

// TestImage puts together by hand what the Dockerfile describes, and starts the program in it as the image's user: there is
// nothing else in that world.
func TestImage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(tree, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "${TARGETARCH}", "amd64")
	for _, want := range []string{"\nFROM scratch\n", "\nUSER 65532:65532\n", "\nENTRYPOINT [\"/grove\"]\n", "\nCMD [\"serve\"]\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile lacks %q", strings.TrimSpace(want))
		}
	}
	image, files := t.TempDir(), released(t)
	if err := (release{out: files}).trust(); err != nil {
		t.Fatal(err)
	}
	copies := regexp.MustCompile(`(?m)^COPY --chmod=(0\d+) (\S+) (/\S+)$`).FindAllStringSubmatch(text, -1)
	if len(copies) != 2 || strings.Count(text, "\nCOPY ")+strings.Count(text, "\nADD ") != 2 {
		t.Fatalf("copies %q", copies)
	}
	for _, c := range copies {
		raw, err := os.ReadFile(filepath.Join(files, c[2]))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(image, c[3])
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, raw, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("only root may start a program in another root folder")
	}
	if err := os.Chmod(image, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/grove", "version")
	cmd.Dir, cmd.Env = "/", []string{"GROVE_ADDR=:8080"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	cmd.Err = nil // the program is in the other root, where it was not looked for
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "grove v1.2.3-test (commit c0ffee") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestVersionsThatCannotBeStamped(t *testing.T) {
	for _, version := range []string{"v1 -X main.evil=1", "'v1'", "-v", "v1\n", "v/1"} {
		if err := (release{root: tree, out: t.TempDir(), version: version}).run(); err == nil {
			t.Errorf("%q is stamped", version)
		}
	}
}
