package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to start or to end.
const patience = 2 * time.Minute

// child is a server that this program started.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	log  string // the file that has its output
}

// spawn starts a program with its output in a file. It is told to stop when ctx ends.
func spawn(ctx context.Context, log string, env []string, program string, args ...string) (*child, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, done: make(chan struct{}), log: log}
	go func() { _ = cmd.Wait(); close(c.done) }()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop tells the server to end and waits until it has.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// failure says why a server is not there, with the end of its output.
func (c *child) failure(what string) error {
	text, _ := os.ReadFile(c.log)
	return fmt.Errorf("%s; its output ends: %s", what, text[max(0, len(text)-2000):])
}

// waitReady asks every few milliseconds until a GET answers 200.
func (c *child) waitReady(ctx context.Context, address string) error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	limit := time.After(patience)
	pause := time.NewTicker(2 * time.Millisecond)
	defer pause.Stop()
	for {
		resp, err := client.Get(address)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return c.failure("the server ended")
		case <-limit:
			return c.failure("the server did not get ready")
		case <-pause.C:
		}
	}
}

// environment is ours without any setting of Grove, and with the given ones.
func environment(settings ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "GROVE_") {
			env = append(env, entry)
		}
	}
	return append(env, settings...)
}

// withoutLimits are the settings of a measured server: no rate limits, tokens that outlive the run, few log lines.
var withoutLimits = []string{"GROVE_RATE_LIMIT_PER_ADDRESS=0", "GROVE_RATE_LIMIT_PER_CLIENT=0", "GROVE_RATE_LIMIT_PER_TENANT=0", "GROVE_DRAIN_DELAY=0s",
	"GROVE_LOG_LEVEL=warn"}

// poolSize is what Grove has in connections, a quarter of the most clients.
const poolSize = 16

// freeAddress finds a port of the loopback interface that nobody has.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// grove is a running `grove dev` and what its dev.json says.
type grove struct {
	*child
	addr string

	BaseURL      string `json:"base_url"`
	Tenant       string `json:"tenant"`
	AdminUser    string `json:"admin_username"`
	AdminSecret  string `json:"admin_password"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	DatabaseURL  string `json:"database_url"`
}

// path is the path of an address below the tenant's base.
func (g *grove) path(rest string) string { return "/t/" + g.Tenant + rest }

// startGrove starts the development mode on a data folder.
func startGrove(ctx context.Context, program, folder string) (*grove, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "grove")
	env := environment(append(withoutLimits, fmt.Sprintf("GROVE_DATABASE_POOL_SIZE=%d", poolSize))...)
	c, err := spawn(ctx, filepath.Join(folder, "grove.log"), env, program, "dev", "--addr", addr, "--data", data)
	if err != nil {
		return nil, fmt.Errorf("start grove dev: %w", err)
	}
	g := &grove{child: c, addr: addr}
	if err := c.waitReady(ctx, "http://"+addr+"/readyz"); err != nil {
		c.stop()
		return nil, err
	}
	// The file is written once the tenant is seeded, which is after the first readiness.
	limit := time.Now().Add(patience)
	for {
		raw, err := os.ReadFile(filepath.Join(data, "dev.json"))
		if err == nil {
			err = json.Unmarshal(raw, g)
		}
		if err == nil && g.BaseURL == "http://"+addr {
			return g, nil
		}
		if time.Now().After(limit) {
			c.stop()
			return nil, c.failure("dev.json was not written")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// limitServer is the running limit handlers.
type limitServer struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  string
}

// startLimit runs the limit handlers in a process of their own, so that both sides share the machine with the load alike.
func startLimit(ctx context.Context, databaseURL string) (*limitServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "limit", databaseURL)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = stdin.Close()
		return nil, errors.Join(errors.New("the limit handlers did not start"), err, cmd.Wait())
	}
	return &limitServer{cmd: cmd, stdin: stdin, addr: strings.TrimSpace(line)}, nil
}

func (l *limitServer) stop() {
	_ = l.stdin.Close()
	_ = l.cmd.Wait()
}

// as returns a database's URL for another login and database of the same server.
func as(databaseURL, login, database string) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", err
	}
	u.User, u.Path = url.User(login), "/"+database
	return u.String(), nil
}
