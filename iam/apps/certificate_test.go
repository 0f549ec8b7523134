package apps_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/url"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
)

// certify makes a certificate as a template says.
func certify(t testing.TB, template x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func oid(numbers ...int) asn1.ObjectIdentifier { return numbers }

// named makes a certificate with a subject of parts, in the certificate's order, each a set of attributes.
func named(t testing.TB, parts ...pkix.RelativeDistinguishedNameSET) *x509.Certificate {
	t.Helper()
	raw, err := asn1.Marshal(pkix.RDNSequence(parts))
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, x509.Certificate{RawSubject: raw})
}

func attr(id asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: id, Value: value}
}

var (
	cn  = oid(2, 5, 4, 3)
	co  = oid(2, 5, 4, 6)
	org = oid(2, 5, 4, 10)
	ou  = oid(2, 5, 4, 11)
)

// TestAttack20_CertificateSubject: a subject is that of the certificate, whole and letter by letter (RFC 4514).
func TestAttack20_CertificateSubject(t *testing.T) {
	t.Parallel()
	plain := named(t, pkix.RelativeDistinguishedNameSET{attr(co, "DE")}, pkix.RelativeDistinguishedNameSET{attr(org, "Example, Inc.")}, pkix.RelativeDistinguishedNameSET{attr(cn, "payments")})
	several := named(t, pkix.RelativeDistinguishedNameSET{attr(org, "Example")}, pkix.RelativeDistinguishedNameSET{attr(cn, "a"), attr(ou, "b")})
	odd := named(t, pkix.RelativeDistinguishedNameSET{attr(oid(2, 5, 4, 97), "PSDDE-1")}, pkix.RelativeDistinguishedNameSET{attr(cn, " #Ädä+\\\"=x ")})
	nul := named(t, pkix.RelativeDistinguishedNameSET{attr(cn, "payments\x00.evil")})
	bmp := named(t, pkix.RelativeDistinguishedNameSET{attr(cn, asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagBMPString, Bytes: []byte{0, 'h', 0, 0xe4}})})
	teletex := named(t, pkix.RelativeDistinguishedNameSET{attr(cn, asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagT61String, Bytes: []byte("x")})})
	empty := named(t)
	for name, c := range map[string]struct {
		of   *x509.Certificate
		dn   string
		want bool
	}{
		"as it is":                     {plain, `CN=payments,O=Example\, Inc.,C=DE`, true},
		"keywords in lower case":       {plain, `cn=payments,o=Example\, Inc.,c=DE`, true},
		"by numbers":                   {plain, `2.5.4.3=payments,2.5.4.10=Example\, Inc.,2.5.4.6=DE`, true},
		"escaped as hexadecimal":       {plain, `CN=p\61yments,O=Example\2c Inc\2E,C=DE`, true},
		"a value as its encoding":      {plain, `CN=#13087061796d656e7473,O=Example\, Inc.,C=DE`, true},
		"another encoding":             {plain, `CN=#0c087061796d656e7473,O=Example\, Inc.,C=DE`, false},
		"the certificate's order":      {plain, `C=DE,O=Example\, Inc.,CN=payments`, false},
		"another case":                 {plain, `CN=Payments,O=Example\, Inc.,C=DE`, false},
		"a part less":                  {plain, `CN=payments,O=Example\, Inc.`, false},
		"a part more":                  {plain, `CN=payments,O=Example\, Inc.,C=DE,C=DE`, false},
		"another part":                 {plain, `CN=payments,O=Example\, Inc.,L=DE`, false},
		"the beginning":                {plain, `CN=pay,O=Example\, Inc.,C=DE`, false},
		"two spaces":                   {plain, `CN=payments,O=Example\,  Inc.,C=DE`, false},
		"a part of several":            {several, `CN=a+OU=b,O=Example`, true},
		"its order makes nothing":      {several, `OU=b+CN=a,O=Example`, true},
		"one of several":               {several, `CN=a,O=Example`, false},
		"one of several twice":         {several, `CN=a+CN=a,O=Example`, false},
		"several as parts":             {several, `CN=a,OU=b,O=Example`, false},
		"what has to be escaped":       {odd, `CN=\ #Ädä\+\\\"=x\ ,organizationIdentifier=PSDDE-1`, true},
		"a NUL":                        {nul, `CN=payments\00.evil`, true},
		"up to the NUL":                {nul, `CN=payments`, false},
		"a string of two-byte letters": {bmp, `CN=hä`, true},
		"a string of old letters":      {teletex, `CN=x`, false},
		"old letters as encoding":      {teletex, `CN=#140178`, true},
		"nothing of a name":            {empty, `CN=payments`, false},
	} {
		if got := (apps.Settings{CertificateDN: c.dn}).MatchCertificate(c.of); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (apps.Settings{}).MatchCertificate(plain) || (apps.Settings{}).MatchCertificate(empty) {
		t.Error("no name at all is a match")
	}
}

func TestAttack20_CertificateNames(t *testing.T) {
	t.Parallel()
	u := func(s string) *url.URL { u, _ := url.Parse(s); return u }
	c := certify(t, x509.Certificate{DNSNames: []string{"a.example.com", "*.example.org"}, EmailAddresses: []string{"Ada@Example.com"},
		IPAddresses: []net.IP{net.IPv4(192, 0, 2, 7), net.ParseIP("2001:db8::1")}, URIs: []*url.URL{u("spiffe://example.com/a")}, Subject: pkix.Name{CommonName: "b.example.com"}})
	for name, x := range map[string]struct {
		s    apps.Settings
		want bool
	}{
		"DNS":                         {apps.Settings{CertificateDNS: "a.example.com"}, true},
		"DNS in another case":         {apps.Settings{CertificateDNS: "A.Example.com"}, true},
		"another DNS name":            {apps.Settings{CertificateDNS: "x.a.example.com"}, false},
		"a wildcard's own name":       {apps.Settings{CertificateDNS: "*.example.org"}, true},
		"what a wildcard stands for":  {apps.Settings{CertificateDNS: "a.example.org"}, false},
		"a wildcard of ours":          {apps.Settings{CertificateDNS: "*.example.com"}, false},
		"the common name":             {apps.Settings{CertificateDNS: "b.example.com"}, false},
		"e-mail":                      {apps.Settings{CertificateEmail: "Ada@example.com"}, true},
		"another person's e-mail":     {apps.Settings{CertificateEmail: "ada@example.com"}, false},
		"IPv4":                        {apps.Settings{CertificateIP: "192.0.2.7"}, true},
		"IPv6 written in another way": {apps.Settings{CertificateIP: "2001:DB8:0::1"}, true},
		"another address":             {apps.Settings{CertificateIP: "192.0.2.8"}, false},
		"URI":                         {apps.Settings{CertificateURI: "spiffe://example.com/a"}, true},
		"another URI":                 {apps.Settings{CertificateURI: "spiffe://example.com/a/b"}, false},
		"a DNS name as URI":           {apps.Settings{CertificateURI: "a.example.com"}, false},
	} {
		if got := x.s.MatchCertificate(c); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzSubject(f *testing.F) {
	for _, seed := range []string{`CN=payments,O=Example\, Inc.,C=DE`, `CN=a+OU=b`, `1.2.3=#0c0178`, `CN=\`, `CN=\e4`, `=`, `,`, "CN=\x00"} {
		f.Add(seed)
	}
	c := named(f, pkix.RelativeDistinguishedNameSET{attr(cn, "a")})
	f.Fuzz(func(t *testing.T, dn string) {
		matches := (apps.Settings{CertificateDN: dn}).MatchCertificate(c)
		if matches && len(dn) < len("CN=a") {
			t.Errorf("%q", dn)
		}
	})
}

func TestCertificateOfAnApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, partner := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	update := func(in apps.UpdateAppOIDCRequest) (apps.VersionedApp, error) {
		return b.apps.UpdateOIDC(ctx, tenant, partner, app.ID, 0, in)
	}
	p := func(s string) *string { return &s }
	pki, selfSigned, yes := apps.AuthTLS, apps.AuthSelfSignedTLS, true
	for name, in := range map[string]apps.UpdateAppOIDCRequest{
		"no name":                  {AuthMethod: &pki},
		"two names":                {AuthMethod: &pki, CertificateDN: p("CN=a"), CertificateDNS: p("a.example")},
		"two names without method": {CertificateURI: p("spiffe://a/b"), CertificateIP: p("192.0.2.7")},
		"self-signed without keys": {AuthMethod: &selfSigned},
		"a subject in its order":   {CertificateDN: p("C=DE, O=Example")},
		"spaces":                   {CertificateDN: p("CN=a, O=b")},
		"slashes":                  {CertificateDN: p("/CN=a/O=b")},
		"no attribute":             {CertificateDN: p("payments")},
		"an unknown attribute":     {CertificateDN: p("XX=a")},
		"no value":                 {CertificateDN: p("CN=")},
		"an open end":              {CertificateDN: p("CN=a,")},
		"an open escape":           {CertificateDN: p(`CN=a\`)},
		"a wrong escape":           {CertificateDN: p(`CN=a\zz`)},
		"a quoted value":           {CertificateDN: p(`CN="a"`)},
		"a space at the end":       {CertificateDN: p("CN=a ")},
		"bad hexadecimal":          {CertificateDN: p("CN=#0g")},
		"no UTF-8":                 {CertificateDN: p(`CN=\ff`)},
		"no DNS name":              {CertificateDNS: p("a b")},
		"a URL as DNS name":        {CertificateDNS: p("https://a.example")},
		"no address":               {CertificateIP: p("192.0.2.300")},
		"an address with a zone":   {CertificateIP: p("fe80::1%eth0")},
		"no e-mail":                {CertificateEmail: p("a")},
		"an e-mail with a name":    {CertificateEmail: p("Ada <ada@example.com>")},
		"no URI":                   {CertificateURI: p("/a")},
	} {
		_, err := update(in)
		t.Log(name)
		wantCode(t, err, "request.invalid")
	}
	changed, err := update(apps.UpdateAppOIDCRequest{AuthMethod: &pki, CertificateDN: p("CN=a"), CertificateBound: &yes})
	if err != nil || changed.OIDC.CertificateDN != "CN=a" || !changed.OIDC.CertificateBound {
		t.Fatalf("%+v %v", changed.OIDC, err)
	}
	if c := b.client(t, b.A, app.ClientID); c.AuthMethod != pki || c.CertificateDN != "CN=a" || !c.CertificateBound {
		t.Errorf("%+v", c)
	}
	// A name that goes ends what was issued, a first one does not.
	before, _ := b.epoch(t, b.A, app.ID)
	if before != 0 {
		t.Errorf("the first name has ended something: %d", before)
	}
	if _, err := update(apps.UpdateAppOIDCRequest{CertificateDN: p(""), CertificateURI: p("spiffe://a/b")}); err != nil {
		t.Fatal(err)
	}
	if after, _ := b.epoch(t, b.A, app.ID); after == before {
		t.Error("a name that went left what was issued")
	}
	set, _ := keySet(t, jose.ES256)
	if changed, err = update(apps.UpdateAppOIDCRequest{AuthMethod: &selfSigned, JWKS: set}); err != nil || changed.OIDC.AuthMethod != selfSigned {
		t.Errorf("%+v %v", changed.OIDC, err)
	}
	// Who says which certificate the app has can have what the app may.
	stranger := actor.Into(context.Background(), actor.ForJob(tenant, "test"))
	management, err := b.authz.ManagementResource(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.apps.Authorize(ctx, tenant, partner, app.ID, apps.AuthorizeAPIRequest{Resource: management, Scopes: []string{"apps.read"}}); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]apps.UpdateAppOIDCRequest{"a certificate": {CertificateURI: p("spiffe://evil/b")}, "binding": {CertificateBound: new(bool)}, "profile": {Profile: p("")}} {
		_, err := b.apps.UpdateOIDC(stranger, tenant, partner, app.ID, 0, in)
		t.Log(name)
		wantCode(t, err, "role.above_granter")
	}
}
