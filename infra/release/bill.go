package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// bill is a bill of materials in CycloneDX 1.6 (ECMA-424), as much of it as is known here. It has no time in it, so that equal
// programs have equal bills.
type bill struct {
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licenses []license `json:"licenses,omitempty"`
	PURL     string    `json:"purl,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type license struct {
	Expression string `json:"expression"` // SPDX
}

// billOf lists what a binary consists of: the Go modules that it names itself, Go's standard library, and the packages that the
// pages may have in them, as the lock file has them.
func billOf(program, lock, version string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(program) // #nosec G304 -- what was just built
	if err != nil {
		return nil, err
	}
	components, err := npmPackages(lock)
	if err != nil {
		return nil, err
	}
	components = append(components, library("golang", "std", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause"))
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, library("golang", m.Path, m.Version, ""))
	}
	slices.SortFunc(components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	sum := fmt.Sprintf("%x", sha256.Sum256(raw))
	b := bill{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, SerialNumber: "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("grove:"+sum)).String(),
		Metadata: metadata{component{Type: "application", Ref: filepath.Base(program), Name: "grove", Version: version,
			Hashes: []hash{{"SHA-256", sum}}, Licenses: []license{{"Apache-2.0"}}}},
		Components: slices.CompactFunc(components, func(a, b component) bool { return a.Ref == b.Ref })}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(b)
	return out.Bytes(), err
}

// npmPackages are those that building the pages needs beyond tools. What the bundler leaves out is named all the same.
func npmPackages(lock string) ([]component, error) {
	raw, err := os.ReadFile(lock) // #nosec G304 -- the project's own
	if err != nil {
		return nil, err
	}
	var file struct {
		Packages map[string]struct {
			Dev     bool   `json:"dev"`
			License string `json:"license"`
			Version string `json:"version"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", lock, err)
	}
	const folder = "node_modules/"
	var out []component
	for path, p := range file.Packages {
		if at := strings.LastIndex(path, folder); at >= 0 && !p.Dev {
			out = append(out, library("npm", path[at+len(folder):], p.Version, p.License))
		}
	}
	return out, nil
}

// library is one component, named by its package URL (ECMA-427).
func library(kind, name, version, spdx string) component {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(parts[i]), "@", "%40")
	}
	purl := "pkg:" + kind + "/" + strings.Join(parts, "/") + "@" + url.PathEscape(version)
	c := component{Type: "library", Ref: purl, Name: name, Version: version, PURL: purl}
	if spdx != "" {
		c.Licenses = []license{{spdx}}
	}
	return c
}
