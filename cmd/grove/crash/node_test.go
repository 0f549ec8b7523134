package crash_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"grove/infra/testkit"
)

const (
	origin      = "http://grove.localhost"
	platformKey = "platform-key-of-crash-tests-0123456789"
)

// settings are a process's environment: cheap hashes, no limits.
func settings(databaseURL, addr string) []string {
	return []string{"GROVE_ADDR=" + addr, "GROVE_BASE_URL=" + origin, "GROVE_DATABASE_URL=" + databaseURL, "GROVE_PLATFORM_KEY=" + platformKey,
		"GROVE_ROOT_KEY=" + base64.StdEncoding.EncodeToString([]byte("root key of tests, 32 bytes long")),
		"GROVE_ARGON2_MEMORY_KIB=7168", "GROVE_ARGON2_ITERATIONS=1", "GROVE_DRAIN_DELAY=0s", "GROVE_LOG_LEVEL=warn", "GROVE_LOG_FORMAT=text",
		"GROVE_RATE_LIMIT_PER_ADDRESS=0", "GROVE_RATE_LIMIT_PER_CLIENT=0", "GROVE_RATE_LIMIT_PER_TENANT=0"}
}

// node is one process of the program. It keeps its address over restarts.
type node struct {
	addr string
	env  []string
	http *http.Client
	log  string
	t    *testing.T

	cmd    *exec.Cmd
	done   chan struct{} // closed once the process has ended
	failed error         // why it ended, when done is closed
	down   atomic.Bool   // a balancer has noticed
}

func newNode(t *testing.T, databaseURL string, env ...string) *node {
	t.Helper()
	n := &node{addr: testkit.FreeAddr(t), log: filepath.Join(t.TempDir(), "log"), t: t}
	n.env = append(settings(databaseURL, n.addr), env...)
	n.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return n.dial(ctx)
	}, MaxIdleConnsPerHost: 64}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		n.http.CloseIdleConnections()
		if n.running() {
			n.kill()
		}
		if t.Failed() {
			raw, _ := os.ReadFile(n.log)
			t.Logf("the log of %s ends:\n%s", n.addr, raw[max(0, len(raw)-3000):])
		}
	})
	n.start()
	return n
}

func (n *node) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", n.addr)
}

// start runs the program; it may not be ready yet.
func (n *node) start() {
	n.t.Helper()
	out, err := os.OpenFile(n.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer out.Close()
	cmd, done := exec.Command(binary, "serve"), make(chan struct{})
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = n.env, out, out, attributes()
	started := make(chan error, 1)
	go func() {
		// The death signal follows the thread that started the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			n.failed = cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		n.t.Fatal(err)
	}
	n.cmd, n.done = cmd, done
}

func (n *node) running() bool {
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// kill ends the process as a crash does.
func (n *node) kill() {
	_ = n.cmd.Process.Kill() // fails only when it has just ended
	<-n.done
}

// stop tells the process to end and waits until it has, without an error.
func (n *node) stop() {
	n.t.Helper()
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	<-n.done
	if n.failed != nil {
		n.t.Errorf("%s stopped: %v", n.addr, n.failed)
	}
}

// readiness is the status of /readyz, 0 without an answer.
func (n *node) readiness() int {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/readyz", nil)
	if err != nil {
		return 0
	}
	resp, err := n.http.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// wait waits until readiness is the given status.
func (n *node) wait(status int) {
	n.t.Helper()
	eventually(n.t, n.addr+" answers "+http.StatusText(status), func() bool {
		if !n.running() {
			n.t.Fatalf("%s has ended: %v", n.addr, n.failed)
		}
		return n.readiness() == status
	})
}

// eventually waits longer than a busy machine could need.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(40 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}
