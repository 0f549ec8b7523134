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
	w := apptest.New(t)
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./...")
	cmd.Dir = "../../../sdk/go"
	cmd.Env = append(os.Environ(), "GROVE_ADDR="+w.Server.Listener.Addr().String(), "GROVE_BASE="+w.A.Base,
		"GROVE_CLIENT_ID="+w.A.ClientID, "GROVE_CLIENT_SECRET="+w.A.ClientSecret)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
