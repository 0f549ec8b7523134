package inbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// Bounds of a conversation.
const (
	idleTimeout     = 60 * time.Second
	maxMessageBytes = 8 << 20
	maxRecipients   = 50
)

// listen binds the address and serves until Close.
func (i *Inbox) listen() error {
	address, err := loopback(i.options.Addr)
	if err != nil {
		return err
	}
	certificate, roots, err := selfSigned(i.now())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("inbox: listen: %w", err)
	}
	i.addr, i.listener, i.roots = listener.Addr().String(), listener, roots
	i.server = gosmtp.NewServer(gosmtp.BackendFunc(i.session))
	i.server.Domain = "localhost"
	i.server.EnableSMTPUTF8 = true
	i.server.ErrorLog = slog.NewLogLogger(i.logger.Handler(), slog.LevelDebug)
	i.server.MaxMessageBytes = maxMessageBytes
	i.server.MaxRecipients = maxRecipients
	i.server.ReadTimeout, i.server.WriteTimeout = idleTimeout, idleTimeout
	i.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	go func() {
		defer close(i.served)
		if err := i.server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
			i.logger.Error("inbox: the SMTP server stopped", "error", err)
		}
	}()
	return nil
}

// loopback completes an address and refuses what other machines could reach.
func loopback(address string) (string, error) {
	if address == "" {
		address = ":0"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("inbox: address: %w", err)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", ErrNotLoopback
	}
	return net.JoinHostPort(host, port), nil
}

// selfSigned makes a certificate for the loopback names.
func selfSigned(now time.Time) (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("inbox: key: %w", err)
	}
	template := &x509.Certificate{
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		NotAfter:              now.AddDate(1, 0, 0),
		NotBefore:             now.Add(-time.Hour),
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "Development inbox"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("inbox: certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("inbox: certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, Leaf: leaf, PrivateKey: key}, roots, nil
}

func userinfo(user, password string) string { return url.UserPassword(user, password).String() }

// session is one SMTP conversation.
type session struct {
	authenticated bool
	inbox         *Inbox
	to            []string
}

var _ gosmtp.AuthSession = (*session)(nil)

func (i *Inbox) session(*gosmtp.Conn) (gosmtp.Session, error) {
	return &session{authenticated: i.options.User == "", inbox: i}, nil
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.inbox.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain || s.inbox.options.User == "" {
		return nil, gosmtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		want := s.inbox.options.User + "\x00" + s.inbox.options.Password
		if subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(want)) != 1 {
			return gosmtp.ErrAuthFailed
		}
		s.authenticated = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(string, *gosmtp.MailOptions) error {
	if !s.authenticated {
		return gosmtp.ErrAuthRequired
	}
	s.to = nil
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if err := s.inbox.pause(context.Background()); err != nil {
		return errUnavailable
	}
	if code := s.inbox.takeRefusal(); code != 0 {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 0, 0}, Message: "Refused on request"}
	}
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session: one entry for each recipient.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.inbox.pause(context.Background()); err != nil {
		return errUnavailable
	}
	parsed := parse(raw)
	for _, to := range s.to {
		parsed.To = to
		if err := s.inbox.add(parsed); err != nil {
			s.inbox.logger.Error("inbox: a message was not kept", "error", err)
			return errUnavailable
		}
	}
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.to = nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

var errUnavailable = &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 3, 0}, Message: "Not available"}
