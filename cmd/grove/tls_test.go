package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"
)

// TestClientCertificates: who comes by the name for certificates is asked for one, any is taken, and so is none; where there is no
// such name everybody is asked.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"id.example", "mtls.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	for name, c := range map[string]struct {
		mtls, host string
		shows      bool
		want       int
	}{
		"everybody is asked":         {"", "id.example", true, 1},
		"and may have none":          {"", "id.example", false, 0},
		"by the name for it":         {"https://mtls.example:8443", "mtls.example", true, 1},
		"by that name, without":      {"https://mtls.example:8443", "mtls.example", false, 0},
		"in another case":            {"https://MTLS.example:8443", "mtls.example", true, 1},
		"by the name for people":     {"https://mtls.example:8443", "id.example", true, 0},
		"by no name, as by a number": {"https://mtls.example:8443", "", true, 0},
	} {
		asked := false
		client := &tls.Config{InsecureSkipVerify: true, ServerName: c.host, //nolint:gosec // the server's certificate is not the question
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if asked = true; c.shows {
					return &pair, nil
				}
				return &tls.Certificate{}, nil
			}}
		here, there := net.Pipe()
		server := tls.Server(there, tlsConfig(pair, c.mtls))
		done := make(chan error, 1)
		go func() { done <- tls.Client(here, client).Handshake() }()
		if err := server.Handshake(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := <-done; err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := len(server.ConnectionState().PeerCertificates); got != c.want || asked != (c.want == 1 || !c.shows) {
			t.Errorf("%s: %d certificates, asked %v", name, got, asked)
		}
		_ = here.Close()
		_ = there.Close()
	}
}

// TestCipherSuites: with TLS 1.2 there is nothing but AES-GCM with forward secrecy, and nothing older is spoken.
func TestCipherSuites(t *testing.T) {
	t.Parallel()
	c := tlsConfig(tls.Certificate{}, "")
	if c.MinVersion != tls.VersionTLS12 || len(c.CipherSuites) != 4 {
		t.Errorf("%x %v", c.MinVersion, c.CipherSuites)
	}
	for _, id := range c.CipherSuites {
		for _, weak := range tls.InsecureCipherSuites() {
			if weak.ID == id {
				t.Errorf("%s", weak.Name)
			}
		}
	}
}

// TestDevCertificate: with the certificate of the development mode only suites are taken that FAPI 1.0 allows (Part 2, section 8.5).
func TestDevCertificate(t *testing.T) {
	t.Parallel()
	certificate, err := devCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	there, here := net.Pipe()
	defer there.Close()
	defer here.Close()
	server := tls.Server(there, tlsConfig(certificate, ""))
	failed := make(chan error, 1)
	go func() { failed <- server.HandshakeContext(t.Context()) }()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}) //nolint:gosec // a pipe
	if err := errors.Join(client.HandshakeContext(t.Context()), <-failed); err != nil {
		t.Fatal(err)
	}
	if got := client.ConnectionState().CipherSuite; got != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 && got != tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("%s", tls.CipherSuiteName(got))
	}
}
