package config

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

const (
	configFileName  = "GROVE_CONFIG_FILE"
	rootKeyFileName = "GROVE_ROOT_KEY_FILE"
	rootKeyName     = "GROVE_ROOT_KEY"
	prefix          = "GROVE_"
)

// Where a value came from, when it was not a line of the file.
const (
	derivedFrom     = "derived from " // and the other variable
	fromDefault     = "default"
	fromEnvironment = "environment"
	fromNowhere     = "not set"
)

// setting is one field of Config, as its tags describe it.
type setting struct {
	index  int
	env    string
	preset string // the default; empty for none
	tag    reflect.StructTag
}

// settings lists the fields of Config in their order.
var settings = func() []setting {
	t := reflect.TypeFor[Config]()
	var all []setting
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if env := tag.Get("env"); env != "" {
			all = append(all, setting{index: i, env: env, preset: tag.Get("default"), tag: tag})
		}
	}
	return all
}()

// given is a value and where it came from.
type given struct{ value, source string }

// Load reads the configuration from an environment, as os.Environ returns it; of a variable that is
// there twice the last one counts, so a caller may append what its flags say. It returns an *Error
// with every problem. It does not ask for what only some commands need: see RequireServing.
func Load(environ []string) (Config, error) {
	values, problems := gather(environ)
	c := Config{sources: map[string]string{}}
	target := reflect.ValueOf(&c).Elem()
	wrong := map[string]bool{}
	fail := func(name, text string) {
		wrong[name] = true
		problems = append(problems, Problem{name, text})
	}

	readRootKey(values, fail)
	for _, s := range settings {
		got, ok := values[s.env]
		if !ok {
			got = given{s.preset, fromDefault}
		}
		if got.value == "" {
			c.sources[s.env] = fromNowhere
			continue
		}
		c.sources[s.env] = got.source
		if text := s.parse(target.Field(s.index), got.value); text != "" {
			fail(s.env, text)
		}
	}
	c.derive(wrong)
	c.crossCheck(wrong, fail)
	if err := asError(problems); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Default is the configuration of an empty environment.
func Default() Config {
	c, err := Load(nil)
	if err != nil {
		panic("config: a default is invalid: " + err.Error()) // a mistake in a tag, which a test finds
	}
	return c
}

// gather collects what the environment and the file say, by variable.
func gather(environ []string) (map[string]given, []Problem) {
	var problems []Problem
	env := map[string]given{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		switch {
		case known(name):
			delete(env, name)
			if value != "" {
				env[name] = given{value, fromEnvironment}
			}
		case !serviceLink(name, value):
			problems = append(problems, Problem{name, unknownText(name)})
		}
	}
	file, ok := env[configFileName]
	if !ok {
		return env, problems
	}
	text, err := os.ReadFile(file.value)
	if err != nil {
		return env, append(problems, Problem{configFileName, "names a file that cannot be read: " + reason(err)})
	}
	lines, found := parseFile(filepath.Base(file.value), string(text))
	for name, line := range lines {
		if _, ok := env[name]; !ok {
			env[name] = line
		}
	}
	return env, append(problems, found...)
}

// readRootKey replaces the name of the key's file by its content.
func readRootKey(values map[string]given, fail func(name, text string)) {
	file, ok := values[rootKeyFileName]
	if !ok {
		return
	}
	if _, both := values[rootKeyName]; both {
		fail(rootKeyFileName, "and GROVE_ROOT_KEY are both set; keep one")
		return
	}
	text, err := os.ReadFile(file.value)
	if err != nil {
		fail(rootKeyFileName, "names a file that cannot be read: "+reason(err))
		return
	}
	var key Key
	if text := parseKey(&key, strings.TrimSpace(string(text))); text != "" {
		fail(rootKeyFileName, "names a file whose content "+text)
		return
	}
	values[rootKeyName] = given{strings.TrimSpace(string(text)), rootKeyFileName}
}

// reason is the cause of a file's error without its path, which is a given value.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return "unknown error"
}

// derive fills in what follows from other settings.
func (c *Config) derive(wrong map[string]bool) {
	// Who shortens a whole life alone means the idle time to follow.
	c.capIdle(&c.RefreshTokenIdleTTL, c.RefreshTokenTTL, "GROVE_REFRESH_TOKEN_IDLE_TTL", "GROVE_REFRESH_TOKEN_TTL")
	c.capIdle(&c.SessionIdleTTL, c.SessionTTL, "GROVE_SESSION_IDLE_TTL", "GROVE_SESSION_TTL")
	if c.BaseURL != "" || wrong["GROVE_ADDR"] || wrong["GROVE_BASE_URL"] {
		return
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err == nil && port != "0" && loopback(host) {
		c.BaseURL = "http://" + net.JoinHostPort(host, port)
		c.sources["GROVE_BASE_URL"] = derivedFrom + "GROVE_ADDR"
	}
}

// capIdle lowers an idle time that is a default to the whole life that was given.
func (c *Config) capIdle(idle *time.Duration, whole time.Duration, idleName, wholeName string) {
	if c.sources[idleName] == fromDefault && *idle > whole {
		*idle = whole
		c.sources[idleName] = derivedFrom + wholeName
	}
}

// crossCheck checks settings against each other, where each alone is valid.
func (c *Config) crossCheck(wrong map[string]bool, fail func(name, text string)) {
	check := func(bad bool, name, other, text string) {
		if bad && !wrong[name] && !wrong[other] {
			fail(name, text)
		}
	}
	check(!c.SMTPURL.IsZero() && c.MailFrom == "", "GROVE_MAIL_FROM", "GROVE_SMTP_URL",
		"is needed, because GROVE_SMTP_URL is set")
	check(c.SessionCookieSameSite == "none" && strings.HasPrefix(c.BaseURL, "http://"), "GROVE_SESSION_COOKIE_SAMESITE", "GROVE_BASE_URL",
		"must not be none with an http base: browsers take such a cookie over https only")
	check(c.ClientCertHeader != "" && len(c.TrustedProxies) == 0, "GROVE_CLIENT_CERT_HEADER", "GROVE_TRUSTED_PROXIES",
		"is read from the proxies of GROVE_TRUSTED_PROXIES only, which names none")
	check(strings.HasPrefix(c.MTLSBaseURL, "http://"), "GROVE_MTLS_BASE_URL", "GROVE_MTLS_BASE_URL",
		"must be https: certificates are shown in TLS")
	check(c.RefreshTokenIdleTTL > c.RefreshTokenTTL, "GROVE_REFRESH_TOKEN_IDLE_TTL", "GROVE_REFRESH_TOKEN_TTL",
		"must not be longer than GROVE_REFRESH_TOKEN_TTL")
	check(c.SessionIdleTTL > c.SessionTTL, "GROVE_SESSION_IDLE_TTL", "GROVE_SESSION_TTL",
		"must not be longer than GROVE_SESSION_TTL")
}
