package apps

import (
	"context"
	"crypto/x509"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"grove/infra/db"
	"grove/infra/kernel/fault"
)

// certified are the names of a certificate by which an app can be known (RFC 8705, section 2.1.2), by the setting's name.
func (s Settings) certified() map[string]string {
	return map[string]string{"tls_client_auth_san_dns": s.CertificateDNS, "tls_client_auth_san_email": s.CertificateEmail, "tls_client_auth_san_ip": s.CertificateIP,
		"tls_client_auth_san_uri": s.CertificateURI, "tls_client_auth_subject_dn": s.CertificateDN}
}

// MatchCertificate reports whether a certificate bears the name that an app has registered for tls_client_auth. Who has issued it,
// and whether it is valid, is another question.
//
// Names are compared whole. A wildcard in the certificate is a name like any other, so that what is good for many hosts is not
// taken for one of them.
func (s Settings) MatchCertificate(c *x509.Certificate) bool {
	switch {
	case s.CertificateDN != "":
		return matchSubject(s.CertificateDN, c.RawSubject)
	case s.CertificateDNS != "":
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return lowerASCII(name) == lowerASCII(s.CertificateDNS) })
	case s.CertificateEmail != "":
		return slices.ContainsFunc(c.EmailAddresses, func(name string) bool { return mailbox(name) == mailbox(s.CertificateEmail) })
	case s.CertificateIP != "":
		wanted, err := netip.ParseAddr(s.CertificateIP)
		return err == nil && slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool {
			addr, ok := netip.AddrFromSlice(ip)
			return ok && addr.Unmap() == wanted.Unmap()
		})
	case s.CertificateURI != "":
		return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == s.CertificateURI })
	}
	return false
}

// lowerASCII folds the letters that are the same in DNS, and no others.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// mailbox folds the case of the domain only (RFC 5280, section 7.5).
func mailbox(s string) string {
	at := strings.LastIndexByte(s, '@')
	return s[:at+1] + lowerASCII(s[at+1:])
}

// checkCertificate says why an app cannot be known by its certificate.
func checkCertificate(s Settings) error {
	set := ""
	for _, name := range []string{"tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_email", "tls_client_auth_san_ip", "tls_client_auth_san_uri"} {
		switch value := s.certified()[name]; {
		case value == "":
		case set != "":
			return fault.CodeInvalid.At("/"+name, "Must be empty where "+set+" is set: an app has one name in its certificate (RFC 8705, section 2.1.2).")
		default:
			set = name
		}
	}
	switch {
	case s.AuthMethod == AuthTLS && set == "":
		return fault.CodeInvalid.At("/tls_client_auth_subject_dn", "Must be the name in the certificate for tls_client_auth, unless one of tls_client_auth_san_… has it.")
	case s.AuthMethod == AuthSelfSignedTLS && s.JWKS == nil && s.JWKSURI == "":
		return fault.CodeInvalid.At("/jwks", "Must hold the certificate's key for self_signed_tls_client_auth, unless the address of keys is given.")
	}
	return checkCertified(s)
}

func checkCertified(s Settings) error {
	host := strings.TrimPrefix(s.CertificateDNS, "*.")
	ip, errIP := netip.ParseAddr(s.CertificateIP)
	address, errMail := mail.ParseAddress(s.CertificateEmail)
	u, errURI := url.Parse(s.CertificateURI)
	switch {
	case s.CertificateDN != "" && !validSubject(s.CertificateDN):
		return fault.CodeInvalid.At("/tls_client_auth_subject_dn", "Must be a subject as RFC 4514 writes it, such as CN=payments,O=Example,C=DE: no spaces between the parts, the last of the certificate first.")
	case s.CertificateDNS != "" && (len(host) > 253 || !hostName.MatchString(lowerASCII(host))):
		return fault.CodeInvalid.At("/tls_client_auth_san_dns", "Must be a DNS name.")
	case s.CertificateIP != "" && (errIP != nil || ip.Zone() != ""):
		return fault.CodeInvalid.At("/tls_client_auth_san_ip", "Must be an IPv4 or IPv6 address.")
	case s.CertificateEmail != "" && (errMail != nil || address.Address != s.CertificateEmail):
		return fault.CodeInvalid.At("/tls_client_auth_san_email", "Must be an e-mail address.")
	case s.CertificateURI != "" && (errURI != nil || !u.IsAbs() || u.String() != s.CertificateURI):
		return fault.CodeInvalid.At("/tls_client_auth_san_uri", "Must be an absolute URI.")
	}
	return nil
}

// setCertificate changes by which certificate an app proves who it is. When a name goes, everything that was issued to the app so
// far ends, as where a key goes.
func (s *Service) setCertificate(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	had := a.OIDC.certified()
	fields = set(fields, "tls_client_certificate_bound_access_tokens", &a.OIDC.CertificateBound, in.CertificateBound)
	fields = set(fields, "tls_client_auth_subject_dn", &a.OIDC.CertificateDN, in.CertificateDN)
	fields = set(fields, "tls_client_auth_san_dns", &a.OIDC.CertificateDNS, in.CertificateDNS)
	fields = set(fields, "tls_client_auth_san_email", &a.OIDC.CertificateEmail, in.CertificateEmail)
	fields = set(fields, "tls_client_auth_san_ip", &a.OIDC.CertificateIP, in.CertificateIP)
	fields = set(fields, "tls_client_auth_san_uri", &a.OIDC.CertificateURI, in.CertificateURI)
	for name, value := range a.OIDC.certified() {
		if had[name] != "" && had[name] != value {
			return fields, tx.Raise(ctx, db.KindClient, a.ID.UUID(), "app.certificate_revoked")
		}
	}
	return fields, nil
}
