package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/oauth"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/testkit"
)

// holder holds the key of a certificate.
type holder struct {
	w     *world
	key   crypto.Signer
	cert  *x509.Certificate
	chain []*x509.Certificate // above it
}

// holder makes a certificate, with changes, for three months; by is nil for one that is self-signed.
func (w *world) holder(alg string, by *holder, changes ...func(*x509.Certificate)) holder {
	w.t.Helper()
	made, err := jose.Generate(alg)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := made.MarshalPrivate()
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.certified(private.(crypto.Signer), by, changes...)
}

func (w *world) certified(key crypto.Signer, by *holder, changes ...func(*x509.Certificate)) holder {
	w.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		w.t.Fatal(err)
	}
	now := w.Clock.Now()
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "payments", Organization: []string{"Example"}}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, change := range changes {
		change(template)
	}
	h := holder{w: w, key: key}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
		h.chain = append([]*x509.Certificate{by.cert}, by.chain...)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		w.t.Fatal(err)
	}
	if h.cert, err = x509.ParseCertificate(der); err != nil {
		w.t.Fatal(err)
	}
	return h
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	c.NotAfter = c.NotAfter.Add(365 * 24 * time.Hour)
	c.Subject = pkix.Name{CommonName: "CA " + c.SerialNumber.String()}
}

func (h holder) x5t() string {
	sum := sha256.Sum256(h.cert.Raw)
	return b64(sum[:])
}

// shows is the context of a request in whose handshake the certificate was shown.
func (h holder) shows() context.Context {
	return httpapi.WithCertificates(context.Background(), append([]*x509.Certificate{h.cert}, h.chain...)...)
}

func (h holder) send(method, target string, form url.Values, headers ...string) answer {
	return h.w.sendAs(h.shows(), h.w.a, method, target, form, headers...)
}

func (h holder) token(form url.Values) answer { return h.send("POST", "/oauth2/token", form) }

func (h holder) userinfo(token string) answer {
	return h.send("GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+token)
}

// manage calls the management API.
func (h holder) manage(token string) error {
	ctx := httpapi.InTenant(h.shows(), h.w.a.Tenant, httpapi.Issuer{URL: h.w.a.Base})
	_, err := h.w.oauth.Authenticate(ctx, h.w.a.Tenant, httpapi.Credentials{Method: "GET", URL: h.w.a.Base + "/v1/orgs/root", Scheme: "Bearer", Token: token})
	return err
}

// nobody shows no certificate.
func (w *world) nobody() holder { return holder{w: w, cert: nil} }

// mutual makes the server one that takes certificates, of an authority that it returns.
func (w *world) mutual(changes ...func(*oauth.Options)) holder {
	w.t.Helper()
	ca := w.holder(jose.ES256, nil, authority)
	w.serve(w.oauth.Dependencies, func(o *oauth.Options) {
		o.Certificates, o.ClientCAs = true, x509.NewCertPool()
		o.ClientCAs.AddCert(ca.cert)
		for _, change := range changes {
			change(o)
		}
	})
	return ca
}

// known makes a client one that is known by its certificate's subject.
func (w *world) known(client string) {
	w.change(w.a, client, func(c *apps.Client) { c.AuthMethod, c.CertificateDN = apps.AuthTLS, "CN=payments,O=Example" })
}

// registered makes a client one that is known by the keys of certificates.
func (w *world) registered(client string, alg string, holders ...holder) {
	w.t.Helper()
	var keys []*jose.PublicKey
	for _, h := range holders {
		key, err := jose.NewPublicKey(alg, h.key.Public())
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, key)
	}
	w.change(w.a, client, func(c *apps.Client) { c.AuthMethod, c.Keys = apps.AuthSelfSignedTLS, keys })
}

// machinesCA is an authority that programs on this machine trust unless they are told whom to.
var machinesCA holder

func TestMain(m *testing.M) {
	file, err := trustMachinesCA()
	if err != nil {
		panic(err)
	}
	code := m.Run()
	testkit.Stop()
	_ = os.Remove(file)
	os.Exit(code)
}

func trustMachinesCA() (file string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	authority(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	machinesCA.key = key
	if machinesCA.cert, err = x509.ParseCertificate(der); err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "grove-machine-*.pem")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if err := pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		return "", err
	}
	return f.Name(), os.Setenv("SSL_CERT_FILE", f.Name())
}
