package smtp_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
)

type certificate struct {
	pair  tls.Certificate
	roots *x509.CertPool
}

// httptestCertificate borrows the loopback certificate of net/http/httptest.
func httptestCertificate(t *testing.T) certificate {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return certificate{pair: server.TLS.Certificates[0], roots: roots}
}
