package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/kernel/fault"
)

// TestErrorsPage: every code is explained at the address that problems name, in a style that the page's policy lets it have.
func TestErrorsPage(t *testing.T) {
	w := apptest.New(t)
	r := w.Do(w.Client(), "GET", apptest.Origin+"/docs/errors", nil)
	page := html.UnescapeString(string(r.Raw))
	for _, c := range fault.Catalogue() {
		if !strings.HasSuffix(c.Hint, ".") {
			t.Errorf("%s: no sentence says what to do: %q", c.Name, c.Hint)
		}
		if !strings.Contains(page, `id="`+c.Name+`"`) || !strings.Contains(page, c.Hint) {
			t.Errorf("%s is not there", c.Name)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindSubmatch(r.Raw)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256(style[1])
	if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}
