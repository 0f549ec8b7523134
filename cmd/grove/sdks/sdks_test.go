// Package sdks runs the SDKs' own tests against a running program.
package sdks

import (
	"os"
	"os/exec"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestGo: the SDK is a module of its own, which knows nothing of the program.
func TestGo(t *testing.T) {
	run(t, "../../../sdk/go", "go", "test", "-count=1", "./...")
}

// TestTypeScript: so is that one, a package.
func TestTypeScript(t *testing.T) {
	if _, err := os.Stat("../../../sdk/typescript/node_modules"); err != nil {
		t.Fatal("its tools are not there: run scripts/setup")
	}
	run(t, "../../../sdk/typescript", "npm", "run", "--silent", "test")
}

func run(t *testing.T, folder, program string, arguments ...string) {
	t.Helper()
	w := apptest.New(t)
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GROVE_ADDR="+w.Server.Listener.Addr().String(), "GROVE_BASE="+w.A.Base,
		"GROVE_CLIENT_ID="+w.A.ClientID, "GROVE_CLIENT_SECRET="+w.A.ClientSecret)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
