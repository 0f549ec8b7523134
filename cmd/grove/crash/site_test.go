package crash_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/notify/inbox"
	"grove/infra/testkit"
)

// site is an installation: a database, a mail server, and processes of the program.
type site struct {
	*apptest.World // reaches the first process
	apptest.Tenant
	app   map[string]any // with which people sign in
	mail  *inbox.Inbox
	name  string // of the database
	nodes []*node
	org   string // a customer
	t     *testing.T
	token string // of the management client
}

// newSite starts count processes on a database of its own.
func newSite(t *testing.T, count int, env ...string) *site {
	t.Helper()
	ctx := context.Background()
	s := &site{name: strings.ToLower(t.Name()), t: t, Tenant: database.tenant}
	if err := database.exec(ctx, "postgres", `CREATE DATABASE `+s.name+` TEMPLATE `+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.exec(ctx, "postgres", `DROP DATABASE `+s.name+` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	})
	var err error
	if s.mail, err = inbox.Open(inbox.Options{Limit: 100_000, Logger: testkit.Quiet()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.mail.Close() })
	env = append([]string{"GROVE_SMTP_URL=" + s.mail.SMTPURL(), "GROVE_MAIL_FROM=no-reply@grove.test", "SSL_CERT_FILE=" + certificate(t, s.mail)}, env...)
	for range count {
		s.nodes = append(s.nodes, newNode(t, database.url("grove", s.name), env...))
	}
	for _, n := range s.nodes {
		n.wait(http.StatusOK)
	}
	s.World = apptest.Remote(t, origin, s.nodes[0].dial)
	s.token = s.Token(s.Tenant)
	s.org = s.make("/orgs", m{"name": "Customer", "handle": "customer"})["id"].(string)
	s.app = s.make("/orgs/root/apps", m{"name": "Notes", "template": "web", "redirect_uris": []string{callback}})
	id := s.app["id"].(string)
	s.Must(s.Tenant, s.token, "PATCH", "/orgs/root/apps/"+id+"/oidc", m{"grant_types": []string{"authorization_code", "refresh_token"}})
	s.Must(s.Tenant, s.token, "PUT", "/orgs/root/apps/"+id+"/shares", m{"policy": "all", "roles": "all"})
	return s
}

type m = map[string]any

const callback = "https://notes.example/cb"

// certificate writes the mail server's certificate to a file that the program can trust.
func certificate(t *testing.T, mail *inbox.Inbox) string {
	t.Helper()
	c, err := smtp.Dial(mail.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(mail.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StartTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: mail.Roots(), ServerName: host}); err != nil {
		t.Fatal(err)
	}
	state, _ := c.TLSConnectionState()
	name := filepath.Join(t.TempDir(), "mail.pem")
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: state.PeerCertificates[0].Raw})
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// make creates something at the first process.
func (s *site) make(path string, body m) m {
	s.t.Helper()
	return s.Must(s.Tenant, s.token, "POST", path, body)
}

// person creates a user of the customer, who can sign in.
func (s *site) person(name string) (id string) {
	s.t.Helper()
	return s.make("/orgs/customer/users", m{"username": name + "@customer.example", "email": name + "@customer.example",
		"password": apptest.Password, "must_change_password": false})["id"].(string)
}

// signIn returns a person's tokens.
func (s *site) signIn(name string, scope string) apptest.Response {
	s.t.Helper()
	return s.Tokens(s.Tenant, apptest.SignIn{ClientID: s.app["client_id"].(string), ClientSecret: s.app["client_secret"].(string), Org: "customer",
		RedirectURI: callback, Scope: scope, Username: name + "@customer.example", Password: apptest.Password})
}

// request is one that can be sent again.
type request struct {
	method, path string // below the tenant's base
	form         url.Values
	json         m
	key          string // Idempotency-Key
	token        string
}

// answer is what came back.
type answer struct {
	status int
	body   m
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

func (a answer) String() string { return fmt.Sprint(a.status, " ", a.body) }

// send sends a request to one process. The error says that no whole answer came.
func (s *site) send(ctx context.Context, n *node, q request) (answer, error) {
	var body io.Reader
	contentType := ""
	switch {
	case q.form != nil:
		body, contentType = strings.NewReader(q.form.Encode()), "application/x-www-form-urlencoded"
	case q.json != nil:
		raw, err := json.Marshal(q.json)
		if err != nil {
			return answer{}, err
		}
		body, contentType = bytes.NewReader(raw), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, q.method, s.Base+q.path, body)
	if err != nil {
		return answer{}, err
	}
	for name, value := range map[string]string{"Content-Type": contentType, "Idempotency-Key": q.key, "Authorization": "Bearer " + q.token} {
		if strings.TrimPrefix(value, "Bearer ") != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := n.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode}
	if len(raw) > 0 && json.Unmarshal(raw, &a.body) != nil {
		return a, fmt.Errorf("no JSON: %d %.200s", resp.StatusCode, raw)
	}
	return a, nil
}

func (s *site) manage(method, path string, body m) request {
	return request{method: method, path: "/v1" + path, json: body, token: s.token}
}

// refreshing is a refresh of the app's.
func (s *site) refreshing(token string) request {
	return request{method: http.MethodPost, path: "/oauth2/token", form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token},
		"client_id": {s.app["client_id"].(string)}, "client_secret": {s.app["client_secret"].(string)}}}
}
