package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
)

// Mutual TLS (RFC 8705): clients prove who they are by the certificate that they show in the TLS handshake, and tokens are bound to
// it. How it comes here is the business of infra/httpapi.

var (
	errCertificateAge     = errors.New("oauth: a client certificate that is expired, or not yet valid")
	errCertificateIssuer  = errors.New("oauth: there are no authorities for client certificates (GROVE_CLIENT_CA_FILE)")
	errCertificateKey     = errors.New("oauth: a client certificate whose key is none of the client's")
	errCertificateMissing = errors.New("oauth: no client certificate")
	errCertificateName    = errors.New("oauth: a client certificate with another name")
)

var errUnbound = refuse(codeInvalidRequest, "This client's tokens are bound to its certificate: show one in the TLS handshake (RFC 8705, section 3).").told("RFC 8705, section 3", "", "Use the endpoints of mtls_endpoint_aliases, with the client's certificate and key.")

// binding is what a token is bound to: the thumbprint of a key (RFC 9449), that of a certificate (RFC 8705), and, of codes and refresh
// tokens, a browser; "" is none.
type binding struct{ jkt, x5t, browser string }

// proved reports whether access tokens are bound as well.
func (b binding) proved() bool { return b.jkt != "" || b.x5t != "" }

// satisfiedBy reports whether who has shown so much may use what is bound.
func (b binding) satisfiedBy(shown binding) bool {
	return (b.jkt == "" || b.jkt == shown.jkt) && (b.x5t == "" || b.x5t == shown.x5t) && (b.browser == "" || b.browser == shown.browser)
}

// bound is what the tokens of a request will be bound to. A key binds whenever the client proves to have one; a certificate, which
// it may show for other reasons, where that is so set.
func (c authenticatedClient) bound() binding {
	b := c.shown
	if !c.CertificateBound {
		b.x5t = ""
	}
	return b
}

// certificates returns the sender's certificate, which is valid today, and what came along with it.
func (s *Service) certificates(ctx context.Context) ([]*x509.Certificate, error) {
	chain, err := httpapi.CertificatesOf(ctx)
	switch now := s.DB.Clock().Now(); {
	case err != nil:
		return nil, err
	case len(chain) == 0:
		return nil, errCertificateMissing
	case now.Before(chain[0].NotBefore) || now.After(chain[0].NotAfter):
		return nil, errCertificateAge
	}
	return chain, nil
}

// shownThumbprint is x5t#S256 of the certificate that the sender has shown (section 3.1); "" where there is none that counts.
func (s *Service) shownThumbprint(ctx context.Context) string {
	chain, err := s.certificates(ctx)
	if err != nil {
		if !errors.Is(err, errCertificateMissing) {
			s.log.DebugContext(ctx, "client certificate ignored", "error", err)
		}
		return ""
	}
	sum := sha256.Sum256(chain[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// checkCertificate verifies that the sender is a client that is known by its certificate. Every failure but one of the database is
// errClient with its cause.
func (s *Service) checkCertificate(ctx context.Context, client apps.Client) error {
	chain, err := s.certificates(ctx)
	if err == nil && client.AuthMethod == apps.AuthTLS {
		err = s.checkIssued(chain, client)
	} else if err == nil {
		err = s.checkSelfSigned(ctx, chain[0], client)
	}
	if err != nil {
		return errClient.told("RFC 8705, section 2", certificateExpected(client), "Show that certificate in the TLS handshake, at the mTLS address of the endpoint where the metadata names one (mtls_endpoint_aliases); see that a proxy passes it on.").because(err)
	}
	return nil
}

// certificateExpected says by which certificate an app is known.
func certificateExpected(client apps.Client) string {
	if client.AuthMethod == apps.AuthTLS {
		return "The certificate is for clients, in its time, issued by an authority that the installation trusts, and bears the name that the app has registered."
	}
	return "The certificate is in its time, and its key is one that the app has registered (jwks or jwks_uri)."
}

// checkIssued is tls_client_auth (section 2.1): a certificate of one of the installation's authorities, for clients, that bears the
// name that the client has registered.
func (s *Service) checkIssued(chain []*x509.Certificate, client apps.Client) error {
	if s.options.ClientCAs == nil { // which would mean those of the machine
		return errCertificateIssuer
	}
	if !client.MatchCertificate(chain[0]) {
		return errCertificateName
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{CurrentTime: s.DB.Clock().Now(), Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		Roots: s.options.ClientCAs})
	return err
}

// checkSelfSigned is self_signed_tls_client_auth (section 2.2): whoever has issued the certificate, its key is one of the client's. A
// key that the client publishes may be newer than the last reading.
func (s *Service) checkSelfSigned(ctx context.Context, c *x509.Certificate, client apps.Client) error {
	thumbprint, algs := keyOf(c)
	if thumbprint == "" {
		return errCertificateKey
	}
	is := func(k *jose.PublicKey) bool { return k.Thumbprint() == thumbprint }
	if slices.ContainsFunc(client.Keys, is) {
		return nil
	}
	failed := errCertificateKey
	if client.JWKSURI == "" {
		return failed
	}
	for _, kid := range []string{"", thumbprint} { // one that it does not know makes the reader look again
		for _, alg := range algs {
			keys, err := s.RemoteKeys.Keys(ctx, client.JWKSURI, alg, kid)
			if slices.ContainsFunc(keys, is) {
				return nil
			}
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// keyOf returns the thumbprint of a certificate's key (RFC 7638), and for which algorithms a JWK of it may be; "" for a kind of key
// that clients cannot register.
func keyOf(c *x509.Certificate) (thumbprint string, algs []string) {
	switch c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		algs = []string{jose.ES256}
	case ed25519.PublicKey:
		algs = []string{jose.EdDSA}
	case *rsa.PublicKey:
		algs = []string{jose.PS256, jose.RS256}
	default:
		return "", nil
	}
	key, err := jose.NewPublicKey(algs[0], c.PublicKey)
	if err != nil {
		return "", nil
	}
	return key.Thumbprint(), algs
}

// alias is the address of a tenant's endpoints where clients are asked for certificates (section 5), below which everything is as
// below the issuer; "" where there is none.
func (s *Service) alias(ctx context.Context) string {
	if s.options.MTLSBaseURL == "" {
		return ""
	}
	t := httpapi.TenantOf(ctx)
	return s.options.MTLSBaseURL + "/t/" + t.Handle + strings.TrimPrefix(httpapi.IssuerOf(ctx).URL, t.Base)
}
