package oauth_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// block is what the guide says to type, and what comes of it.
var block = regexp.MustCompile("(?s)```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?")

// TestGuide types every command of the pages for developers into one shell each, and compares with what the page says: each line of
// a text is there, in order, and so is each part of a line that … divides.
func TestGuide(t *testing.T) {
	for name, least := range map[string]int{"oauth.md": 10, "mcp.md": 3} {
		t.Run(name, func(t *testing.T) { typePage(t, "../../docs/"+name, least) })
	}
}

func typePage(t *testing.T, path string, least int) {
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := apptest.New(t)
	home := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".grove/dev.json", fmt.Sprintf(`{"tenant_base":%q,"client_id":%q,"client_secret":%q}`, w.A.Base, w.A.ClientID, w.A.ClientSecret))
	write(".curlrc", "connect-to = \"::"+w.Server.Listener.Addr().String()+"\"\n")
	const mark = "==== "
	var script strings.Builder
	blocks := block.FindAllStringSubmatch(string(page), -1)
	for i, b := range blocks {
		fmt.Fprintf(&script, "echo '%s%d'\n%s", mark, i, b[1])
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "CURL_HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	parts := strings.Split(string(out), mark)[1:]
	if len(parts) != len(blocks) || len(blocks) < least {
		t.Fatalf("%d answers to %d blocks", len(parts), len(blocks))
	}
	for i, b := range blocks {
		rest := parts[i]
		for _, want := range strings.FieldsFunc(b[2], func(r rune) bool { return r == '\n' || r == '…' }) {
			_, after, found := strings.Cut(rest, strings.TrimSpace(want))
			if !found {
				t.Errorf("%q does not come of\n%s\nbut\n%s", want, b[1], parts[i])
				break
			}
			rest = after
		}
	}
}
