package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Client certificates (RFC 8705) come from the TLS connection where it ends here, or from a header where it ends at a trusted
// proxy. Nobody has verified them: all that is known is that the sender holds the first one's key.
const (
	maxCertificates     = 8
	maxCertificateBytes = 16 << 10 // of all headers together
)

var errCertificate = errors.New("httpapi: a proxy passed on a client certificate in a form that is not known")

// shown is what the sender of a request has shown. It is read when somebody asks: most requests are not about it.
type shown struct {
	chain []*x509.Certificate
	err   error
	more  []string // of the header of the chain
	once  sync.Once
	value []string // of the header
}

type shownKey struct{}

// CertificatesOf returns the certificate of which the sender of a request has proved, in the TLS handshake, to hold the key, and
// after it those that came along. None: nil. An error says that a proxy passed on what cannot be read.
func CertificatesOf(ctx context.Context) ([]*x509.Certificate, error) {
	s, ok := ctx.Value(shownKey{}).(*shown)
	if !ok {
		return nil, nil
	}
	s.once.Do(func() {
		if s.value != nil {
			s.chain, s.err = parseCertificates(s.value, s.more)
		}
	})
	return s.chain, s.err
}

// WithCertificates returns a context as that of a request whose sender has shown certificates, for tests of what is above.
func WithCertificates(ctx context.Context, chain ...*x509.Certificate) context.Context {
	return context.WithValue(ctx, shownKey{}, &shown{chain: chain})
}

// shown finds what the sender has shown, nil for nothing. A trusted proxy speaks for whoever is behind it: the certificate of its
// own connection is its own, and what somebody else writes into the header is his invention.
func (a *API) shown(r *http.Request) *shown {
	if r.TLS == nil && a.CertificateHeader == "" {
		return nil
	}
	if !a.trusted(parseAddr(r.RemoteAddr)) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			return nil
		}
		return &shown{chain: r.TLS.PeerCertificates}
	}
	if a.CertificateHeader == "" {
		return nil
	}
	value := r.Header.Values(a.CertificateHeader)
	if len(value) == 0 || len(value) == 1 && value[0] == "" {
		return nil
	}
	return &shown{value: value, more: r.Header.Values(a.CertificateHeader + "-Chain")}
}

// parseCertificates reads the forms in which proxies pass certificates on: RFC 9440, with the rest of the chain in a header of its
// own, and PEM as nginx escapes it ($ssl_client_escaped_cert).
func parseCertificates(value, more []string) (chain []*x509.Certificate, err error) {
	chained := strings.Join(more, ",")
	if len(value) != 1 || len(value[0])+len(chained) > maxCertificateBytes {
		return nil, errCertificate
	}
	var ders [][]byte
	if strings.HasPrefix(value[0], ":") {
		ders, err = readItems(value[0], chained)
	} else {
		ders, err = readPEM(value[0])
	}
	if err != nil || len(ders) > maxCertificates {
		return nil, errCertificate
	}
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, errors.Join(errCertificate, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// readItems reads byte sequences (RFC 8941, section 3.3.5): base64 between colons.
func readItems(first, more string) (ders [][]byte, err error) {
	items := []string{first}
	if more != "" {
		items = append(items, strings.Split(more, ",")...)
	}
	for _, item := range items {
		item = strings.TrimSpace(item)
		if len(item) < 2 || item[0] != ':' || item[len(item)-1] != ':' {
			return nil, errCertificate
		}
		der, err := base64.StdEncoding.Strict().DecodeString(item[1 : len(item)-1])
		if err != nil {
			return nil, err
		}
		ders = append(ders, der)
	}
	return ders, nil
}

// readPEM reads one certificate or several, the client's first, percent-encoded. A plus is a plus: base64 has them.
func readPEM(value string) (ders [][]byte, err error) {
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, err
	}
	for rest := []byte(strings.TrimSpace(text)); len(rest) > 0; {
		if !strings.HasPrefix(string(rest), "-----BEGIN CERTIFICATE-----") {
			return nil, errCertificate
		}
		block, after := pem.Decode(rest)
		if block == nil || len(block.Headers) > 0 || len(ders) == maxCertificates {
			return nil, errCertificate
		}
		ders, rest = append(ders, block.Bytes), after
	}
	return ders, nil
}
