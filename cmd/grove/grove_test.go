package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/db/embedded"
	"grove/infra/testkit"
)

// built is the program under test, made once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "grove-cli-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "grove")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// grove prepares a run in a folder of its own, with nothing of this process's settings.
func grove(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "GROVE_") })
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// run runs to the end and returns both outputs together and the exit status.
func run(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := grove(t, env, args...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// server is a run that goes on.
type server struct {
	*exec.Cmd
	output *lockedBuffer
	took   time.Duration // until it was ready
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// start waits until a server is ready.
func start(t *testing.T, cmd *exec.Cmd, addr string) *server {
	t.Helper()
	s := &server{Cmd: cmd, output: &lockedBuffer{}}
	s.Stdout, s.Stderr = s.output, s.output
	began := time.Now()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	defer func() {
		if t.Failed() {
			t.Log(s.output)
		}
	}()
	// The first start makes a database.
	testkit.Within(t, 3*time.Minute, "the server is ready", func() bool {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK && strings.Contains(s.output.String(), "ready")
	})
	s.took = time.Since(began)
	return s
}

// stop asks the server to end, as a service manager does, and checks that it ends well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if s.ProcessState != nil {
		return
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the server ended with %v:\n%s", err, s.output)
	}
}

// folder is an empty one that the database's user, another than root, can get to.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "grove-cli-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

func TestVersion(t *testing.T) {
	if out, code := run(t, nil, "version"); code != 0 || !regexp.MustCompile(`^grove \S+ \(commit \S+, go1\.`).MatchString(out) {
		t.Errorf("%d %s", code, out)
	}
	if out, code := run(t, nil, "serf"); code == 0 || !strings.Contains(out, "Usage: grove") {
		t.Errorf("an unknown command: %d %s", code, out)
	}
}

// TestHelp: who asks in the usual ways gets the usage, and no error beside it.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"help", "dev"}} {
		out, code := run(t, nil, args...)
		if want := "Usage: grove " + strings.Join(args[min(1, len(args)):], ""); code != 0 || !strings.HasPrefix(out, want) || strings.Contains(out, "error") {
			t.Errorf("grove %v: %d %s", args, code, out)
		}
	}
}

func TestDevKeepsItsData(t *testing.T) {
	data, addr := folder(t), testkit.FreeAddr(t)
	made := start(t, grove(t, nil, "dev", "--addr", addr, "--data", data), addr)
	made.stop(t)
	first := devFile(t, data)
	for _, name := range []string{"base_url", "tenant", "root_org_id", "admin_username", "admin_password", "client_id", "client_secret", "database_url", "inbox_url"} {
		if first[name] == "" {
			t.Errorf("dev.json has no %s", name)
		}
	}
	if info, err := os.Stat(filepath.Join(data, "dev.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("dev.json: %v %v", info, err)
	}

	again := start(t, grove(t, nil, "dev", "--addr", addr, "--data", data), addr)
	if again.took > max(made.took, 5*time.Second) { // it makes nothing
		t.Errorf("the second start took %s, the first %s", again.took, made.took)
	}
	second := devFile(t, data)
	delete(first, "database_url") // names a socket that each start makes anew
	for name, want := range first {
		if second[name] != want {
			t.Errorf("%s is another after a restart", name)
		}
	}
	resp, err := http.PostForm(second["tenant_base"]+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"},
		"client_id": {second["client_id"]}, "client_secret": {second["client_secret"]}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the kept secret: %d", resp.StatusCode)
	}

	out, code := run(t, nil, "dev", "--addr", addr, "--data", folder(t))
	if code != 1 || !strings.Contains(out, "cannot listen on "+addr) || strings.Contains(out, "PostgreSQL started") {
		t.Errorf("a busy port: %d %s", code, out)
	}
	if out, code := run(t, nil, "dev", "--addr", testkit.FreeAddr(t), "--data", data); code != 1 || !strings.Contains(out, data) {
		t.Errorf("a data folder in use: %d %s", code, out)
	}
}

// TestOneProcessServesAll: nothing but grove dev is started, and there is all of it: API, protocols, the pages people sign in at,
// console and portal, jobs that run, and the mail that they send.
func TestOneProcessServesAll(t *testing.T) {
	data, addr := folder(t), testkit.FreeAddr(t)
	start(t, grove(t, nil, "dev", "--addr", addr, "--data", data), addr)
	dev := devFile(t, data)
	base := dev["tenant_base"]
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	do := func(method, address, token, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
		}
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(raw)
	}
	resp, err := http.PostForm(base+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"},
		"client_id": {dev["client_id"]}, "client_secret": {dev["client_secret"]}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var grant struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&grant); err != nil || grant.Token == "" {
		t.Fatalf("no token: %d %v", resp.StatusCode, err)
	}
	sought := url.Values{"client_id": {"account"}, "redirect_uri": {base + "/account/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
	for address, want := range map[string]string{
		base + "/v1/orgs/root":                        dev["root_org_id"],
		base + "/.well-known/openid-configuration":    `"issuer":"` + base + `"`,
		base + "/oauth2/authorize?" + sought.Encode(): `name="username"`,
		base + "/console/":                            `<div id="root"`,
		base + "/account/":                            `<div id="root"`,
		dev["base_url"] + "/openapi.json":             `"openapi":"3.1`,
		dev["base_url"] + "/docs":                     "Grove API",
		dev["inbox_url"]:                              "<html",
	} {
		token := ""
		if strings.Contains(address, "/v1/") {
			token = grant.Token
		}
		if status, body := do("GET", address, token, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %s: %.300s", address, status, want, body)
		}
	}
	if status, body := do("POST", base+"/v1/orgs/root/invitations", grant.Token, `{"email":"jo@guest.example"}`); status != http.StatusCreated {
		t.Fatalf("an invitation: %d %s", status, body)
	}
	testkit.Eventually(t, "the invitation is in the inbox", func() bool {
		status, body := do("GET", dev["inbox_url"], "", "")
		return status == http.StatusOK && strings.Contains(body, "jo@guest.example")
	})
}

func TestDevIsForThisMachineOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "grove.example:0"} {
		if out, code := run(t, nil, "dev", "--addr", addr, "--data", folder(t)); code != 1 || !strings.Contains(out, "loopback only") {
			t.Errorf("%s: %d %s", addr, code, out)
		}
	}
}

func devFile(t *testing.T, data string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(data, "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDevSaysWhatIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(data string) error
		want  string
	}{
		"a file in the folder's place": {func(data string) error { return os.WriteFile(data, nil, 0o600) }, "the data folder cannot be made"},
		"secrets": {func(data string) error {
			return errors.Join(os.Mkdir(data, 0o755), os.WriteFile(filepath.Join(data, "secrets.json"), []byte("{"), 0o600))
		}, "secrets.json is broken; move the data folder away to start anew"},
		"a cluster of nothing": {func(data string) error {
			return errors.Join(os.MkdirAll(filepath.Join(data, "postgres", "cluster"), 0o755),
				os.WriteFile(filepath.Join(data, "postgres", "cluster", "PG_VERSION"), []byte("15\n"), 0o600))
		}, "postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			data := folder(t)
			if err := c.spoil(data); err != nil {
				t.Fatal(err)
			}
			out, code := run(t, nil, "dev", "--addr", testkit.FreeAddr(t), "--data", data)
			if code != 1 || !strings.Contains(out, c.want) || !strings.Contains(out, data) || strings.Contains(out, "goroutine ") {
				t.Errorf("%d %s", code, out)
			}
		})
	}
}

// emptyDatabase starts a server with an empty database and a login as docs/operations.md describes it. It returns the
// database's URL for a login.
func emptyDatabase(t *testing.T) func(login *url.Userinfo) string {
	t.Helper()
	postgres, err := embedded.Start(t.Context(), embedded.Config{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := postgres.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{`CREATE ROLE operator LOGIN CREATEROLE PASSWORD 'hunter2hunter2'`, `CREATE DATABASE grove OWNER operator`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return func(login *url.Userinfo) string {
		u, err := url.Parse(postgres.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Path = login, "/grove"
		return u.String()
	}
}

var operatorLogin = url.UserPassword("operator", "hunter2hunter2")

// TestOperating runs the commands of docs/operations.md in their order.
func TestOperating(t *testing.T) {
	as := emptyDatabase(t)
	env, commands := operations(t)
	addr := testkit.FreeAddr(t)
	env = append(env, "GROVE_ADDR="+addr, "GROVE_DRAIN_DELAY=0s", "GROVE_DATABASE_URL="+as(operatorLogin))

	if out, code := run(t, env, "serve"); code != 1 || !strings.Contains(out, "grove migrate") {
		t.Errorf("serving before the migration: %d %s", code, out)
	}
	served := false
	for _, c := range commands {
		if c.args[0] == "serve" {
			start(t, grove(t, env, c.args...), addr)
			served = true
			continue
		}
		out, code := run(t, append(slices.Clone(env), c.env...), c.args...)
		if code != 0 {
			t.Fatalf("grove %s: %d %s", strings.Join(c.args, " "), code, out)
		}
		if c.args[0] == "doctor" {
			hides(t, out, env)
		}
	}
	if !served {
		t.Fatal("the page serves nothing")
	}
	if out, code := run(t, env, "migrate"); code != 0 || !strings.Contains(out, "nothing to do") {
		t.Errorf("a second migration: %d %s", code, out)
	}
	issuer := struct{ Issuer string }{}
	resp, err := http.Get("http://" + addr + "/t/acme/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&issuer); err != nil || issuer.Issuer != "https://id.example.com/t/acme" {
		t.Errorf("the tenant of the page: %d %+v %v", resp.StatusCode, issuer, err)
	}

	super := append(slices.Clone(env), "GROVE_DATABASE_URL="+as(url.User("postgres")))
	for _, command := range []string{"serve", "work", "doctor"} {
		if out, code := run(t, super, command); code != 1 || !strings.Contains(out, "superuser") {
			t.Errorf("grove %s as superuser: %d %s", command, code, out)
		}
	}
	if out, code := run(t, append(slices.Clone(env), "GROVE_BASE_URL=http://127.0.0.1:8080", "GROVE_SESSION_COOKIE_SAMESITE=none"), "doctor"); code != 1 || !strings.Contains(out, "GROVE_SESSION_COOKIE_SAMESITE must not be none") {
		t.Errorf("a cookie that browsers refuse: %d %s", code, out)
	}
	if out, code := run(t, append(slices.Clone(env), "GROVE_ADRESS=x"), "doctor"); code != 1 || !strings.Contains(out, "GROVE_ADDR") {
		t.Errorf("a misspelt setting: %d %s", code, out)
	}
}

// TestServeOffersSetUp: without an operator's key the first start prints how to go on, outside of the log.
func TestServeOffersSetUp(t *testing.T) {
	addr := testkit.FreeAddr(t)
	env := []string{"GROVE_ADDR=" + addr, "GROVE_DRAIN_DELAY=0s", "GROVE_DATABASE_URL=" + emptyDatabase(t)(operatorLogin),
		"GROVE_ROOT_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))}
	if out, code := run(t, env, "migrate"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	first := start(t, grove(t, env, "serve"), addr)
	token := regexp.MustCompile(`(?m)^ +(grv_setup_\S+)$`).FindStringSubmatch(first.output.String())
	if token == nil || strings.Count(first.output.String(), token[1]) != 1 {
		t.Fatalf("no token, or more than one:\n%s", first.output)
	}
	resp, err := http.PostForm("http://"+addr+"/setup", url.Values{"token": {token[1]}, "name": {"Acme"}, "handle": {"acme"},
		"email": {"jo@acme.example"}, "password": {"seven quiet lamps"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("the set-up: %d", resp.StatusCode)
	}
	first.stop(t)
	if second := start(t, grove(t, env, "serve"), addr); strings.Contains(second.output.String(), "grv_setup") {
		t.Errorf("a second start offers it again:\n%s", second.output)
	}
}

// hides checks that no secret value of the environment shows.
func hides(t *testing.T, out string, env []string) {
	t.Helper()
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case "GROVE_DATABASE_URL":
			value = "hunter2hunter2"
		case "GROVE_PLATFORM_KEY", "GROVE_ROOT_KEY":
		default:
			continue
		}
		if value == "" || strings.Contains(out, value) {
			t.Errorf("the doctor shows %s", name)
		}
		if !strings.Contains(out, name) {
			t.Errorf("the doctor is silent about %s", name)
		}
	}
}

// command is one line of the page that runs the program, with what it sets for that run alone.
type command struct{ args, env []string }

// operations reads docs/operations.md: the settings that its blocks export, as a shell expands them, and the commands.
func operations(t *testing.T) (env []string, commands []command) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for _, line := range strings.Split(strings.TrimSpace(block[1]), "\n") {
			if strings.HasPrefix(line, "export ") {
				env = append(env, expand(t, line+"\nprintf '%s\\0' \"$name=${!name}\"", line)...)
				continue
			}
			// The shell splits the words; the name of the program becomes a function that shows them.
			words := expand(t, `grove() { env | grep ^GROVE_ADMIN_ | tr '\n' '\0'; printf '\0'; printf '%s\0' "$@"; }; `+line, line)
			at := slices.Index(words, "")
			commands = append(commands, command{args: words[at+1:], env: words[:at]})
		}
	}
	if len(env) == 0 || len(commands) == 0 {
		t.Fatal("docs/operations.md has no commands")
	}
	return env, commands
}

func expand(t *testing.T, script, line string) []string {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
	cmd := exec.Command("bash", "-ec", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "name=" + name}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}
