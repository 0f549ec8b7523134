package httpapi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"grove/infra/httpapi"
	"grove/infra/testkit"
)

func newCertificate(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// item is RFC 9440's form, and escaped is nginx's.
func item(c *x509.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":" }

func escaped(chain ...*x509.Certificate) string {
	var text bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return strings.ReplaceAll(url.QueryEscape(text.String()), "+", "%20")
}

// seen is what a handler sees: how many certificates, whose the first is, and whether they could be read.
func seen(t *testing.T, header string, r *http.Request) (chain []*x509.Certificate, failed bool) {
	t.Helper()
	a := httpapi.New(httpapi.Options{CertificateHeader: header, Directory: newWorld(), Log: testkit.Quiet(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	called := false
	a.Base().Get("/probe", func(_ http.ResponseWriter, r *http.Request) {
		called = true
		var err error
		chain, err = httpapi.CertificatesOf(r.Context())
		failed = err != nil
		again, _ := httpapi.CertificatesOf(r.Context())
		if len(again) != len(chain) {
			t.Error("asked twice, the answer is another")
		}
	})
	a.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if !called {
		t.Fatal("the handler was not reached")
	}
	return chain, failed
}

func probe(from string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/t/acme/probe", nil)
	r.RemoteAddr = from + ":4711"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const (
	proxy    = "10.1.2.3"
	stranger = "198.51.100.7"
)

func TestCertificateHeader(t *testing.T) {
	t.Parallel()
	mine, issuer := newCertificate(t), newCertificate(t)
	plain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: mine.Raw}))
	for name, c := range map[string]struct {
		headers []string
		want    int
	}{
		"RFC 9440":                    {[]string{"Client-Cert", item(mine)}, 1},
		"RFC 9440 with its chain":     {[]string{"Client-Cert", item(mine), "Client-Cert-Chain", item(issuer) + ", " + item(issuer)}, 3},
		"a chain in several headers":  {[]string{"Client-Cert", item(mine), "Client-Cert-Chain", item(issuer), "Client-Cert-Chain", item(issuer)}, 3},
		"nginx":                       {[]string{"Client-Cert", escaped(mine)}, 1},
		"nginx, with a chain":         {[]string{"Client-Cert", escaped(mine, issuer)}, 2},
		"a plus that is not escaped":  {[]string{"Client-Cert", strings.ReplaceAll(escaped(mine), "%2B", "+")}, 1},
		"only what has to be escaped": {[]string{"Client-Cert", strings.ReplaceAll(plain, "\n", "%0A")}, 1},
		"nothing":                     {nil, 0},
		"empty":                       {[]string{"Client-Cert", ""}, 0},
		"another header":              {[]string{"X-Client-Cert", item(mine)}, 0},
	} {
		chain, failed := seen(t, "Client-Cert", probe(proxy, c.headers...))
		if failed || len(chain) != c.want || c.want > 0 && !chain[0].Equal(mine) {
			t.Errorf("%s: %d certificates, failed %v", name, len(chain), failed)
		}
	}
	many := strings.Repeat(item(issuer)+",", 8) + item(issuer)
	for name, headers := range map[string][]string{
		"two":                  {"Client-Cert", item(mine), "Client-Cert", item(issuer)},
		"one and nothing":      {"Client-Cert", item(mine), "Client-Cert", ""},
		"no end":               {"Client-Cert", item(mine)[:len(item(mine))-1]},
		"a colon":              {"Client-Cert", ":"},
		"nothing in it":        {"Client-Cert", "::"},
		"not base64":           {"Client-Cert", ":%%:"},
		"not a certificate":    {"Client-Cert", ":AAAA:"},
		"with a parameter":     {"Client-Cert", item(mine) + ";a=b"},
		"a list":               {"Client-Cert", item(mine) + "," + item(issuer)},
		"a chain of junk":      {"Client-Cert", item(mine), "Client-Cert-Chain", "junk"},
		"a long chain":         {"Client-Cert", item(mine), "Client-Cert-Chain", many},
		"something before it":  {"Client-Cert", "x%0A" + escaped(mine)},
		"something after it":   {"Client-Cert", escaped(mine) + "x"},
		"a key":                {"Client-Cert", "-----BEGIN%20PRIVATE%20KEY-----%0AAAAA%0A-----END%20PRIVATE%20KEY-----%0A"},
		"a percent":            {"Client-Cert", escaped(mine) + "%"},
		"trailing bytes":       {"Client-Cert", ":" + base64.StdEncoding.EncodeToString(append(bytes.Clone(mine.Raw), 0)) + ":"},
		"the subject's name":   {"Client-Cert", "CN=client"},
		"larger than anything": {"Client-Cert", ":" + strings.Repeat("A", 20<<10) + ":"},
	} {
		if chain, failed := seen(t, "Client-Cert", probe(proxy, headers...)); !failed || chain != nil {
			t.Errorf("%s: %d certificates", name, len(chain))
		}
	}
}

// TestAttack34_CertificateHeader: nobody but a trusted proxy says what certificate was shown, and a trusted proxy's own is nobody
// else's.
func TestAttack34_CertificateHeader(t *testing.T) {
	t.Parallel()
	mine, forged := newCertificate(t), newCertificate(t)
	direct := func(r *http.Request, c *x509.Certificate) *http.Request {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
		return r
	}
	for name, c := range map[string]struct {
		header string
		r      *http.Request
		want   *x509.Certificate
	}{
		"a stranger's header":                    {"Client-Cert", probe(stranger, "Client-Cert", item(forged)), nil},
		"who says that a proxy sent him":         {"Client-Cert", probe(stranger, "Client-Cert", item(forged), "X-Forwarded-For", proxy), nil},
		"a header that is not configured":        {"", probe(proxy, "Client-Cert", item(forged)), nil},
		"a stranger with a certificate":          {"Client-Cert", direct(probe(stranger, "Client-Cert", item(forged)), mine), mine},
		"a connection without a header":          {"", direct(probe(stranger), mine), mine},
		"a proxy with a certificate of its own":  {"Client-Cert", direct(probe(proxy), forged), nil},
		"a proxy that has nothing to pass on":    {"", direct(probe(proxy), forged), nil},
		"a proxy that passes on another's":       {"Client-Cert", direct(probe(proxy, "Client-Cert", item(mine)), forged), mine},
		"a connection on which none was shown":   {"Client-Cert", direct(probe(stranger), nil), nil},
		"the name in another spelling, as usual": {"client-cert", probe(proxy, "CLIENT-CERT", item(mine)), mine},
	} {
		if c.r.TLS != nil && c.r.TLS.PeerCertificates[0] == nil {
			c.r.TLS.PeerCertificates = nil
		}
		chain, failed := seen(t, c.header, c.r)
		if failed || (c.want == nil) != (len(chain) == 0) || c.want != nil && !chain[0].Equal(c.want) {
			t.Errorf("%s: %d certificates, failed %v", name, len(chain), failed)
		}
	}
}
