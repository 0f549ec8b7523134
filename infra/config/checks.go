package config

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// checks are the forms that a text can be asked to have, by the name in a check tag. Each returns
// what is wrong, without the value, or "".
var checks = map[string]func(raw string) string{
	"addr":        checkAddr,
	"authorities": checkAuthorities,
	"endpoint":    checkEndpoint,
	"header":      checkHeader,
	"mailbox":     checkMailbox,
	"origin":      checkOrigin,
	"postgres":    checkPostgres,
	"smtp":        checkSMTP,
	"token":       checkToken,
}

func checkAddr(raw string) string {
	host, port, err := net.SplitHostPort(raw)
	if err != nil || strings.ContainsAny(host, " /") || !validPort(port) {
		return "must be host:port, such as 127.0.0.1:8080 or :8080"
	}
	return ""
}

func checkAuthorities(raw string) string {
	if _, err := ReadAuthorities(raw); err != nil {
		return err.Error()
	}
	return ""
}

// ReadAuthorities reads the certificates of a file such as [Config] ClientCAFile. Errors say what is wrong, to be read after
// the variable's name.
func ReadAuthorities(path string) (*x509.CertPool, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("names a file that cannot be read: " + reason(err))
	}
	pool := x509.NewCertPool()
	for rest = bytes.TrimSpace(rest); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("names a file with something else than certificates in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA {
			return nil, errors.New("names a file with a certificate that is not an authority's")
		}
		pool.AddCert(c)
	}
	if pool.Equal(x509.NewCertPool()) {
		return nil, errors.New("names a file without a certificate")
	}
	return pool, nil
}

func checkEndpoint(raw string) string {
	u, ok := parseURL(raw)
	if !ok || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return "must be a URL such as http://127.0.0.1:4318, without credentials"
	}
	return ""
}

// checkHeader accepts a field name (RFC 9110, section 5.1) that means nothing else to us.
func checkHeader(raw string) string {
	bad := strings.ContainsFunc(raw, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
	if bad {
		return "must be the name of a header: letters, digits and hyphens"
	}
	switch textproto.CanonicalMIMEHeaderKey(raw) {
	case "Authorization", "Cookie", "Dpop", "Host", "X-Forwarded-For":
		return "must not be a header that means something else"
	}
	return ""
}

func checkMailbox(raw string) string {
	if _, err := mail.ParseAddress(raw); err != nil || strings.ContainsAny(raw, "\r\n") {
		return "must be an e-mail address, such as Grove <no-reply@example.com>"
	}
	return ""
}

func checkOrigin(raw string) string {
	u, ok := parseURL(raw)
	switch {
	case !ok || u.Scheme != "http" && u.Scheme != "https":
		return "must be a URL such as https://id.example.com"
	case u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery:
		return "must be an origin: scheme, host and port, with no path, query or credentials"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "must be https: http is accepted on loopback only"
	}
	return ""
}

func checkPostgres(raw string) string {
	u, ok := parseURLWithoutHost(raw)
	if !ok || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "must be a URL such as postgres://user:password@host:5432/database"
	}
	if u.Host == "" && !u.Query().Has("host") {
		return "must name a host"
	}
	return ""
}

func checkSMTP(raw string) string {
	u, ok := parseURL(raw)
	if !ok || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" {
		return "must be a URL such as smtp://user:password@host:587 or smtps://user:password@host:465"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "must be a URL with a well-formed query"
	}
	for name, values := range query {
		switch {
		case name != "starttls" || len(values) != 1:
			return "may have one parameter only, starttls"
		case u.Scheme == "smtps":
			return "must not have starttls with smtps, which always encrypts"
		case values[0] != "required" && values[0] != "opportunistic" && values[0] != "off":
			return "must have starttls=required, opportunistic or off"
		case values[0] == "off" && u.User != nil:
			return "must not send credentials with starttls=off"
		}
	}
	return ""
}

// checkToken accepts what can stand in an Authorization header (RFC 6750, section 2.1).
func checkToken(raw string) string {
	body := strings.TrimRight(raw, "=")
	bad := strings.ContainsFunc(body, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/", r)
	})
	if bad || body == "" {
		return "must have only letters, digits and -._~+/ (RFC 6750)"
	}
	return ""
}

// parseURL accepts an absolute URL with a host and, if there is one, a valid port.
func parseURL(raw string) (*url.URL, bool) {
	u, ok := parseURLWithoutHost(raw)
	if !ok || u.Hostname() == "" || u.Port() != "" && !validPort(u.Port()) {
		return nil, false
	}
	return u, true
}

func parseURLWithoutHost(raw string) (*url.URL, bool) {
	u, err := url.Parse(raw) // its error repeats the input, so it goes no further
	if err != nil || u.Opaque != "" || u.Fragment != "" || strings.ContainsAny(raw, " \t\r\n#") {
		return nil, false
	}
	return u, true
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

// loopback says whether a host is this machine by its name alone, without asking any resolver
// (RFC 6761, section 6.3).
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
