// Command release builds what a release consists of, in one folder: static binaries, the list of what each contains, the trust
// store for the image, checksums and, given a key, their signature. Whoever builds the same commit with the same toolchain gets
// the same binaries, byte for byte; docs/operations.md says how to check a download.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// architectures of Linux that a release has a binary for.
var architectures = []string{"amd64", "arm64"}

const (
	sumsFile  = "SHA256SUMS"
	trustFile = "ca-certificates.crt"

	// namespace binds a signature to this use (ssh-keygen(1), -Y sign).
	namespace = "grove-release"
)

// trustStores are where distributions keep the certificates of public authorities.
var trustStores = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

type release struct {
	root    string // of the source tree
	out     string // the folder to fill
	version string
	commit  string
	key     string // path of an SSH private key; "" does not sign
}

func main() {
	r := release{root: "."}
	flag.StringVar(&r.out, "out", "bin/release", "folder to fill; what is in it goes")
	flag.StringVar(&r.version, "version", "", "version; as git describes the commit where empty")
	flag.StringVar(&r.key, "key", "", "SSH private key to sign with")
	flag.Parse()
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "release: "+err.Error())
		os.Exit(1)
	}
}

// versionForm keeps what is stamped into the program free of blanks and quotes.
var versionForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]*$`)

func (r release) run() error {
	var err error
	if r.commit, err = output(r.root, "git", "rev-parse", "HEAD"); err != nil {
		return err
	}
	if r.version == "" {
		if r.version, err = output(r.root, "git", "describe", "--tags", "--always", "--dirty"); err != nil {
			return err
		}
	}
	if !versionForm.MatchString(r.version) {
		return errors.New("the version may have letters, digits, dots, plus and hyphens")
	}
	if _, err := os.Stat(filepath.Join(r.root, "frontend/dist/console/index.html")); err != nil {
		return errors.New("the pages are not built: make release does that")
	}
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil { // #nosec G301 -- is published
		return err
	}
	for _, arch := range architectures {
		if err := r.build(arch); err != nil {
			return err
		}
	}
	if err := r.trust(); err != nil {
		return err
	}
	if err := writeSums(r.out); err != nil {
		return err
	}
	return r.sign()
}

func binary(arch string) string { return "grove-linux-" + arch }

// build makes one binary and its bill of materials. Nothing of the machine gets in: no paths, no cgo, no build id, no state of
// the work tree.
func (r release) build(arch string) error {
	out, err := filepath.Abs(filepath.Join(r.out, binary(arch)))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", out, // #nosec G204 -- its own arguments
		"-ldflags", "-s -w -buildid= -X main.version="+r.version+" -X main.commit="+r.commit, "./cmd/grove")
	cmd.Dir, cmd.Stderr = r.root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", arch, err)
	}
	bom, err := billOf(out, filepath.Join(r.root, "frontend/package-lock.json"), r.version)
	if err != nil {
		return err
	}
	return os.WriteFile(out+".cdx.json", bom, 0o644) // #nosec G306 -- is published
}

// trust copies the machine's trust store, without which the image could not tell whom it talks to.
func (r release) trust() error {
	for _, path := range trustStores {
		raw, err := os.ReadFile(path) // #nosec G304 -- from the list above
		if err == nil {
			return os.WriteFile(filepath.Join(r.out, trustFile), raw, 0o644) // #nosec G306 -- is published
		}
	}
	return errors.New("this machine has no trust store: install ca-certificates")
}

// writeSums writes the checksums of all files in a folder, as sha256sum does.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name())) // #nosec G304 -- a file that it has just written
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(raw), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, sumsFile), sums.Bytes(), 0o644) // #nosec G306 -- is published
}

// sign leaves SHA256SUMS.sig beside the checksums.
func (r release) sign() error {
	if r.key == "" {
		return nil
	}
	key, err := filepath.Abs(r.key)
	if err != nil {
		return err
	}
	if _, err := output(r.out, "ssh-keygen", "-Y", "sign", "-n", namespace, "-f", key, sumsFile); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return nil
}

// output runs a program in a folder and returns the line that it prints.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...) // #nosec G204 -- its own arguments
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(slices.Concat([]string{name}, args[:1]), " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
