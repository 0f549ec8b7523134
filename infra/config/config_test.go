package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"grove/infra/config"
)

const (
	rootKey     = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	platformKey = "0123456789abcdef0123456789abcdef"
)

func TestDefault(t *testing.T) {
	t.Parallel()
	c := config.Default()
	want := map[string]any{
		"AccessTokenTTL": 15 * time.Minute, "Addr": "127.0.0.1:8080", "Argon2Iterations": 2,
		"Argon2MemoryKiB": 19456, "Argon2Parallelism": 1, "BaseURL": "http://127.0.0.1:8080",
		"CodeTTL": time.Minute, "DatabaseConnectionIdleTTL": 5 * time.Minute,
		"DatabaseConnectionTTL": time.Hour, "DatabasePoolSize": 16, "DatabaseStatementTimeout": 15 * time.Second, "FlowTTL": 15 * time.Minute,
		"InvitationTTL": 72 * time.Hour, "LogFormat": "json", "LogLevel": slog.LevelInfo,
		"RefreshGrace": 10 * time.Second,
	}
	for field, value := range want {
		if got := reflect.ValueOf(c).FieldByName(field).Interface(); got != value {
			t.Errorf("%s = %v, want %v", field, got, value)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{
		"GROVE_ACCESS_TOKEN_TTL=5s",
		"GROVE_ADDR=:0",
		"GROVE_ADDR=:9443", // the last one counts
		"GROVE_BASE_URL=https://id.example.com/",
		"GROVE_DATABASE_URL=postgres://grove@/grove?host=/run/postgresql",
		"GROVE_LOG_FORMAT=", // empty is not set
		"GROVE_LOG_LEVEL=warn",
		"GROVE_MAIL_FROM=Grove <no-reply@example.com>",
		"GROVE_PLATFORM_KEY=" + platformKey,
		"GROVE_ROOT_KEY=" + rootKey,
		"GROVE_SMTP_URL=smtp://u:p%40ss@mail.example.com:587?starttls=required",
		"GROVE_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1,::ffff:192.0.2.2",
		"PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RequireServing(); err != nil {
		t.Error(err)
	}
	if c.Addr != ":9443" || c.BaseURL != "https://id.example.com" || c.LogFormat != "json" ||
		c.LogLevel != slog.LevelWarn || c.AccessTokenTTL != 5*time.Second {
		t.Errorf("Load = %+v", c)
	}
	if c.PlatformKey.Reveal() != platformKey || c.RootKey.Bytes()[31] != 31 {
		t.Error("a secret was not loaded")
	}
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32"),
	}
	if !reflect.DeepEqual(c.TrustedProxies, want) {
		t.Errorf("TrustedProxies = %v", c.TrustedProxies)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	// The marker stands in every bad value, and may stand in no message.
	const marker = "hunter2"
	for name, test := range map[string]struct {
		environ []string
		name    string
		text    string
	}{
		"address without port":                  {[]string{"GROVE_ADDR=hunter2"}, "GROVE_ADDR", "host:port"},
		"address with bad port":                 {[]string{"GROVE_ADDR=hunter2:70000"}, "GROVE_ADDR", "host:port"},
		"argon2 too weak":                       {[]string{"GROVE_ARGON2_MEMORY_KIB=64"}, "GROVE_ARGON2_MEMORY_KIB", "from 7168"},
		"base URL not absolute":                 {[]string{"GROVE_BASE_URL=hunter2"}, "GROVE_BASE_URL", "must be a URL"},
		"base URL over http":                    {[]string{"GROVE_BASE_URL=http://hunter2.example.com"}, "GROVE_BASE_URL", "loopback"},
		"base URL with a path":                  {[]string{"GROVE_BASE_URL=https://id.example.com/hunter2"}, "GROVE_BASE_URL", "origin"},
		"base URL with credentials":             {[]string{"GROVE_BASE_URL=https://hunter2@id.example.com"}, "GROVE_BASE_URL", "origin"},
		"base URL with a query":                 {[]string{"GROVE_BASE_URL=https://id.example.com?hunter2"}, "GROVE_BASE_URL", "origin"},
		"base URL that cannot parse":            {[]string{"GROVE_BASE_URL=https://hunter2:%zz/"}, "GROVE_BASE_URL", "must be a URL"},
		"CAs in a file that is missing":         {[]string{"GROVE_CLIENT_CA_FILE=/nowhere/hunter2"}, "GROVE_CLIENT_CA_FILE", "no such file"},
		"CAs in a file of another kind":         {[]string{"GROVE_CLIENT_CA_FILE=" + write(t, "hunter2")}, "GROVE_CLIENT_CA_FILE", "something else"},
		"CAs in an empty file":                  {[]string{"GROVE_CLIENT_CA_FILE=" + write(t, "\n")}, "GROVE_CLIENT_CA_FILE", "without a certificate"},
		"a certificate of no CA":                {[]string{"GROVE_CLIENT_CA_FILE=" + write(t, certificate(t, false))}, "GROVE_CLIENT_CA_FILE", "not an authority's"},
		"a key among the CAs":                   {[]string{"GROVE_CLIENT_CA_FILE=" + write(t, certificate(t, true)+"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, "GROVE_CLIENT_CA_FILE", "something else"},
		"certificates from nobody":              {[]string{"GROVE_CLIENT_CERT_HEADER=X-Hunter2"}, "GROVE_CLIENT_CERT_HEADER", "GROVE_TRUSTED_PROXIES"},
		"certificates in no header":             {[]string{"GROVE_TRUSTED_PROXIES=::1", "GROVE_CLIENT_CERT_HEADER=hunter2:"}, "GROVE_CLIENT_CERT_HEADER", "letters"},
		"certificates in another's header":      {[]string{"GROVE_TRUSTED_PROXIES=::1", "GROVE_CLIENT_CERT_HEADER=authorization"}, "GROVE_CLIENT_CERT_HEADER", "something else"},
		"certificates over http":                {[]string{"GROVE_MTLS_BASE_URL=http://hunter2.localhost"}, "GROVE_MTLS_BASE_URL", "https"},
		"code lives too long":                   {[]string{"GROVE_CODE_TTL=11m"}, "GROVE_CODE_TTL", "10m"},
		"database of another kind":              {[]string{"GROVE_DATABASE_URL=mysql://u:hunter2@h/d"}, "GROVE_DATABASE_URL", "postgres://"},
		"database as keywords":                  {[]string{"GROVE_DATABASE_URL=host=h password=hunter2"}, "GROVE_DATABASE_URL", "postgres://"},
		"database without host":                 {[]string{"GROVE_DATABASE_URL=postgres:///hunter2"}, "GROVE_DATABASE_URL", "host"},
		"duration without unit":                 {[]string{"GROVE_FLOW_TTL=15"}, "GROVE_FLOW_TTL", "duration"},
		"duration of zero":                      {[]string{"GROVE_SESSION_TTL=0s"}, "GROVE_SESSION_TTL", "1s"},
		"duration below zero":                   {[]string{"GROVE_REFRESH_GRACE=-1s"}, "GROVE_REFRESH_GRACE", "0s"},
		"endpoint without scheme":               {[]string{"GROVE_OTLP_ENDPOINT=hunter2:4318"}, "GROVE_OTLP_ENDPOINT", "URL"},
		"endpoint with credentials":             {[]string{"GROVE_OTLP_ENDPOINT=http://u:hunter2@h:4318"}, "GROVE_OTLP_ENDPOINT", "without credentials"},
		"file that is missing":                  {[]string{"GROVE_CONFIG_FILE=/nowhere/hunter2"}, "GROVE_CONFIG_FILE", "no such file"},
		"idle longer than session":              {[]string{"GROVE_SESSION_TTL=1h", "GROVE_SESSION_IDLE_TTL=2h"}, "GROVE_SESSION_IDLE_TTL", "GROVE_SESSION_TTL"},
		"a tenant without a handle":             {[]string{"GROVE_WARM_TENANTS=hunter2,,acme"}, "GROVE_WARM_TENANTS", "separated by commas"},
		"a cookie for every site without https": {[]string{"GROVE_BASE_URL=http://127.0.0.1:8080", "GROVE_SESSION_COOKIE_SAMESITE=none"}, "GROVE_SESSION_COOKIE_SAMESITE", "https"},
		"a cookie for every site, base derived": {[]string{"GROVE_SESSION_COOKIE_SAMESITE=none"}, "GROVE_SESSION_COOKIE_SAMESITE", "https"},
		"a cookie of no known kind":             {[]string{"GROVE_SESSION_COOKIE_SAMESITE=Lax"}, "GROVE_SESSION_COOKIE_SAMESITE", "lax, strict, none"},
		"idle longer than the refresh":          {[]string{"GROVE_REFRESH_TOKEN_TTL=1h", "GROVE_REFRESH_TOKEN_IDLE_TTL=2h"}, "GROVE_REFRESH_TOKEN_IDLE_TTL", "GROVE_REFRESH_TOKEN_TTL"},
		"log format":                            {[]string{"GROVE_LOG_FORMAT=hunter2"}, "GROVE_LOG_FORMAT", "json, text"},
		"log level":                             {[]string{"GROVE_LOG_LEVEL=hunter2"}, "GROVE_LOG_LEVEL", "debug, info, warn, error"},
		"mail without sender":                   {[]string{"GROVE_SMTP_URL=smtps://u:hunter2@h"}, "GROVE_MAIL_FROM", "is needed"},
		"mailbox":                               {[]string{"GROVE_MAIL_FROM=hunter2"}, "GROVE_MAIL_FROM", "e-mail address"},
		"number":                                {[]string{"GROVE_DATABASE_POOL_SIZE=hunter2"}, "GROVE_DATABASE_POOL_SIZE", "from 2 to 1000"},
		"number too small":                      {[]string{"GROVE_DATABASE_POOL_SIZE=1"}, "GROVE_DATABASE_POOL_SIZE", "from 2 to 1000"},
		"platform key with a space":             {[]string{"GROVE_PLATFORM_KEY=hunter2 " + platformKey}, "GROVE_PLATFORM_KEY", "letters"},
		"platform key too short":                {[]string{"GROVE_PLATFORM_KEY=hunter2"}, "GROVE_PLATFORM_KEY", "32 characters"},
		"proxy host bits":                       {[]string{"GROVE_TRUSTED_PROXIES=10.0.0.1/8"}, "GROVE_TRUSTED_PROXIES", "host bits"},
		"proxy not an address":                  {[]string{"GROVE_TRUSTED_PROXIES=10.0.0.0/8,hunter2"}, "GROVE_TRUSTED_PROXIES", "CIDRs"},
		"proxy of everybody":                    {[]string{"GROVE_TRUSTED_PROXIES=0.0.0.0/0"}, "GROVE_TRUSTED_PROXIES", "every address"},
		"root key not base64":                   {[]string{"GROVE_ROOT_KEY=hunter2!"}, "GROVE_ROOT_KEY", "32 bytes"},
		"root key of zeroes":                    {[]string{"GROVE_ROOT_KEY=" + strings.Repeat("A", 43) + "="}, "GROVE_ROOT_KEY", "zeroes"},
		"root key too short":                    {[]string{"GROVE_ROOT_KEY=aHVudGVyMg=="}, "GROVE_ROOT_KEY", "32 bytes"},
		"root key twice":                        {[]string{"GROVE_ROOT_KEY=" + rootKey, "GROVE_ROOT_KEY_FILE=/hunter2"}, "GROVE_ROOT_KEY_FILE", "both"},
		"SMTP in clear with credentials": {[]string{"GROVE_SMTP_URL=smtp://u:hunter2@h?starttls=off", "GROVE_MAIL_FROM=a@example.com"},
			"GROVE_SMTP_URL", "credentials"},
		"SMTP with another scheme":  {[]string{"GROVE_SMTP_URL=http://u:hunter2@h"}, "GROVE_SMTP_URL", "smtp://"},
		"SMTP with a parameter":     {[]string{"GROVE_SMTP_URL=smtp://h?tls=hunter2"}, "GROVE_SMTP_URL", "starttls"},
		"SMTP with a STARTTLS mode": {[]string{"GROVE_SMTP_URL=smtp://h?starttls=hunter2"}, "GROVE_SMTP_URL", "starttls"},
		"SMTPS with STARTTLS":       {[]string{"GROVE_SMTP_URL=smtps://h?starttls=required"}, "GROVE_SMTP_URL", "smtps"},
		"unknown, far from any":     {[]string{"GROVE_QQQQQQQQQQQQQQQQQQQQ=hunter2"}, "GROVE_QQQQQQQQQQQQQQQQQQQQ", "docs/configuration.md"},
		"unknown, like a link":      {[]string{"GROVE_PORT=8080"}, "GROVE_PORT", "is not a setting"},
		"unknown, near one":         {[]string{"GROVE_DATABSE_URL=postgres://u:hunter2@h/d"}, "GROVE_DATABSE_URL", "did you mean GROVE_DATABASE_URL?"},
		"unknown, in lower case":    {[]string{"GROVE_addr=hunter2"}, "GROVE_addr", "is not a setting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(test.environ)
			problem, ok := find(err, test.name)
			if !ok || !strings.Contains(problem.Text, test.text) {
				t.Errorf("Load = %v; want %s … %s", err, test.name, test.text)
			}
			if err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
}

func TestLoadAcceptsServerURLs(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"GROVE_BASE_URL=http://[::1]:8080",
		"GROVE_BASE_URL=http://acme.localhost:8080",
		"GROVE_DATABASE_URL=postgresql://u:p@[::1]:5432/d?sslmode=require",
		"GROVE_DATABASE_URL=postgres://u:p@a.example:5432,b.example:5433/d?sslmode=verify-full&connect_timeout=2",
		"GROVE_OTLP_ENDPOINT=https://collector.example.com/otlp",
		"GROVE_SMTP_URL=smtp://127.0.0.1:2525?starttls=off",
		"GROVE_SMTP_URL=smtp://u:p@h?starttls=opportunistic",
		"GROVE_SMTP_URL=smtps://u:p@h",
		"GROVE_CLIENT_CA_FILE=" + write(t, "# ours\n"+certificate(t, true)+certificate(t, true)),
		"GROVE_MTLS_BASE_URL=https://mtls.id.example.com",
	} {
		if _, err := config.Load([]string{entry, "GROVE_MAIL_FROM=a@example.com"}); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

func TestLoadLowersDefaultIdleTimes(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"GROVE_REFRESH_TOKEN_TTL=3s", "GROVE_SESSION_TTL=2s"})
	if err != nil {
		t.Fatal(err)
	}
	if c.RefreshTokenIdleTTL != 3*time.Second || c.SessionIdleTTL != 2*time.Second {
		t.Errorf("idle times = %v, %v; want those of the whole lives", c.RefreshTokenIdleTTL, c.SessionIdleTTL)
	}
}

func TestLoadReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"GROVE_ADDR=x", "GROVE_AUDR=x", "GROVE_CODE_TTL=x", "GROVE_ROOT_KEY=x", "GROVE_SESSION_IDLE_TTL=100h",
	})
	for _, name := range []string{"GROVE_ADDR", "GROVE_AUDR", "GROVE_CODE_TTL", "GROVE_ROOT_KEY", "GROVE_SESSION_IDLE_TTL"} {
		if _, ok := find(err, name); !ok {
			t.Errorf("no problem names %s in: %v", name, err)
		}
	}
}

func TestLoadPassesOverServiceLinks(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"GROVE_PORT=tcp://10.0.0.7:8080",
		"GROVE_PORT_8080_TCP=tcp://10.0.0.7:8080",
		"GROVE_PORT_8080_TCP_ADDR=10.0.0.7",
		"GROVE_SERVICE_HOST=10.0.0.7",
		"GROVE_WEB_SERVICE_PORT_HTTP=8080",
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLoadFile(t *testing.T) {
	t.Parallel()
	path := write(t, strings.Join([]string{
		"# the production server",
		"",
		"GROVE_ADDR=:8443",
		"export GROVE_BASE_URL = 'https://id.example.com'",
		`GROVE_DATABASE_URL="postgres://grove:a=b@db/grove"`,
		"GROVE_LOG_LEVEL=debug\r",
		"GROVE_SMTP_URL=",
	}, "\n"))
	c, err := config.Load([]string{"GROVE_CONFIG_FILE=" + path, "GROVE_ADDR=:9443"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != ":9443" {
		t.Errorf("Addr = %s: the environment has to win", c.Addr)
	}
	if c.BaseURL != "https://id.example.com" || c.LogLevel != slog.LevelDebug ||
		c.DatabaseURL.Reveal() != "postgres://grove:a=b@db/grove" {
		t.Errorf("Load = %+v", c)
	}
}

func TestLoadFileRefuses(t *testing.T) {
	t.Parallel()
	path := write(t, strings.Join([]string{
		"hunter2",
		"hunter2 hunter2=x",
		"GROVE_ADRR=hunter2",
		"GROVE_ADDR='hunter2",
		"GROVE_LOG_LEVEL=info",
		"GROVE_LOG_LEVEL=warn",
		"GROVE_CONFIG_FILE=hunter2",
		"GROVE_CODE_TTL=hunter2",
	}, "\n"))
	_, err := config.Load([]string{"GROVE_CONFIG_FILE=" + path})
	for name, text := range map[string]string{
		"grove.env:1": "KEY=VALUE", "grove.env:2": "KEY=VALUE", "grove.env:3": "did you mean GROVE_ADDR?",
		"grove.env:4": "quote", "grove.env:6": "second time", "grove.env:7": "only the environment",
		"GROVE_CODE_TTL": "duration",
	} {
		if problem, ok := find(err, name); !ok || !strings.Contains(problem.Text, text) {
			t.Errorf("no problem %s … %s in: %v", name, text, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats a value: %v", err)
	}
}

func TestLoadRootKeyFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"GROVE_ROOT_KEY_FILE=" + write(t, rootKey+"\n")})
	if err != nil {
		t.Fatal(err)
	}
	if c.RootKey.Bytes()[1] != 1 {
		t.Error("the key was not loaded")
	}
	for _, path := range []string{write(t, "hunter2"), write(t, ""), "/nowhere/hunter2"} {
		_, err := config.Load([]string{"GROVE_ROOT_KEY_FILE=" + path})
		if _, ok := find(err, "GROVE_ROOT_KEY_FILE"); !ok || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Load = %v", err)
		}
	}
}

func TestRequireServing(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"GROVE_ADDR=:8080"})
	if err != nil {
		t.Fatal(err)
	}
	err = c.RequireServing()
	for _, name := range []string{"GROVE_BASE_URL", "GROVE_DATABASE_URL", "GROVE_ROOT_KEY"} {
		if _, ok := find(err, name); !ok {
			t.Errorf("no problem names %s in: %v", name, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := secretConfig(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "config", c, "key", c.RootKey, "smtp", c.SMTPURL)
	slog.New(slog.NewTextHandler(&log, nil)).Info("started", "config", c, "key", c.RootKey, "smtp", c.SMTPURL)
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(marshalled)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&log, verb, c)
		fmt.Fprintf(&log, verb, c.RootKey)
		fmt.Fprintf(&log, verb, &c.PlatformKey)
	}
	if err := config.Explain(&log, c); err != nil {
		t.Fatal(err)
	}
	noSecretIn(t, log.String())
}

func TestExplain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := config.Explain(&out, secretConfig(t)); err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, rest, _ := strings.Cut(line, " ")
		rows[name] = strings.Join(strings.Fields(rest), " ")
	}
	for name, want := range map[string]string{
		"GROVE_ADDR":            "127.0.0.1:8080 default",
		"GROVE_BASE_URL":        "http://127.0.0.1:8080 derived from GROVE_ADDR",
		"GROVE_DATABASE_URL":    "postgres://db:5432 (hidden) grove.env:1",
		"GROVE_INVITATION_TTL":  "72h default",
		"GROVE_LOG_LEVEL":       "info default",
		"GROVE_OTLP_ENDPOINT":   "- not set",
		"GROVE_PLATFORM_KEY":    "(hidden) environment",
		"GROVE_ROOT_KEY":        "(hidden) environment",
		"GROVE_SMTP_URL":        "smtp://mail.example.com (hidden) environment",
		"GROVE_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128 environment",
	} {
		if rows[name] != want {
			t.Errorf("%s: %q, want %q", name, rows[name], want)
		}
	}
}

// secretConfig has every secret set; noSecretIn knows them.
func secretConfig(t *testing.T) config.Config {
	t.Helper()
	c, err := config.Load([]string{
		"GROVE_CONFIG_FILE=" + write(t, "GROVE_DATABASE_URL=postgres://grove:hunter2@db:5432/grove?password=hunter2"),
		"GROVE_MAIL_FROM=no-reply@example.com",
		"GROVE_PLATFORM_KEY=" + platformKey,
		"GROVE_ROOT_KEY=" + rootKey,
		"GROVE_SMTP_URL=smtp://u:hunter2@mail.example.com",
		"GROVE_TRUSTED_PROXIES=10.0.0.0/8,::1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noSecretIn(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{
		"hunter2", fmt.Sprintf("%x", "hunter2"), platformKey, fmt.Sprintf("%x", platformKey),
		rootKey, "000102030405", "0 1 2 3 4 5", "0,1,2,3,4,5", "0x1, 0x2",
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was printed:\n%s", secret, text)
		}
	}
}

// certificate is one in PEM, of an authority or not.
func certificate(t *testing.T, authority bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), BasicConstraintsValid: true, IsCA: authority}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// write makes a file named grove.env.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grove.env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// find returns the problem with a name.
func find(err error, name string) (config.Problem, bool) {
	var all *config.Error
	if errors.As(err, &all) {
		for _, problem := range all.Problems {
			if problem.Name == name {
				return problem, true
			}
		}
	}
	return config.Problem{}, false
}
