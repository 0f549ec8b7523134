package saml_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"reflect"
	"strings"
	"testing"
	"time"

	dsig "github.com/russellhaering/goxmldsig"

	"grove/infra/saml"
	"grove/infra/saml/samltest"
)

const document = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0" IssueInstant="2026-11-23T09:00:00Z">` +
	`<saml:Issuer>https://idp.example</saml:Issuer>` +
	`<saml:Subject><saml:NameID>ada &amp; co</saml:NameID>` +
	`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"/>` +
	`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData Recipient="https://us.example" NotOnOrAfter="2026-11-23T09:05:00.5Z"/></saml:SubjectConfirmation></saml:Subject>` +
	`<saml:Conditions NotBefore="2026-11-23T08:59:00Z" NotOnOrAfter="2026-11-23T09:10:00Z"><saml:AudienceRestriction><saml:Audience>one</saml:Audience><saml:Audience>two</saml:Audience></saml:AudienceRestriction><saml:OneTimeUse/></saml:Conditions>` +
	`<saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue>ada@north.example</saml:AttributeValue><saml:AttributeValue><b>x</b></saml:AttributeValue></saml:Attribute></saml:AttributeStatement>` +
	`</saml:Assertion>`

func verify(text string, by ...*samltest.Signer) (saml.Assertion, error) {
	u, err := saml.Parse([]byte(text))
	if err != nil {
		return saml.Assertion{}, err
	}
	var certificates []*x509.Certificate
	for _, s := range by {
		certificates = append(certificates, s.Certificate)
	}
	return u.Verify(certificates)
}

func TestAssertion(t *testing.T) {
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	want := saml.Assertion{
		ID: "_a1", Issuer: "https://idp.example", NameID: "ada & co", Audiences: []string{"one", "two"}, Attributes: map[string][]string{"mail": {"ada@north.example", ""}},
		NotBefore: at("2026-11-23T08:59:00Z"), NotOnOrAfter: at("2026-11-23T09:10:00Z"),
		Bearer: []saml.Confirmation{{Data: true, Recipient: "https://us.example", NotOnOrAfter: at("2026-11-23T09:05:00.5Z")}},
	}
	ec, rsa := samltest.EC(t), samltest.RSA(t, 2048)
	for name, s := range map[string]*samltest.Signer{"EC": ec, "RSA": rsa} {
		for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			text := s.Sign(t, document, func(c *dsig.SigningContext) { c.Hash = hash })
			got, err := verify(text, rsa, ec)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %v: %v\n%+v", name, hash, err, got)
			}
			if _, err := verify(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+text+"\n", s); err != nil {
				t.Errorf("%s as a document: %v", name, err)
			}
			if _, err := verify(text, samltest.EC(t), samltest.RSA(t, 2048)); err == nil {
				t.Errorf("%s: believed of another key", name)
			}
		}
	}
	// What a signature says of its key does not matter, and may be missing.
	text := ec.Sign(t, document)
	from, to := strings.Index(text, "<ds:KeyInfo"), strings.Index(text, "</ds:KeyInfo>")+len("</ds:KeyInfo>")
	if _, err := verify(text[:from]+text[to:], rsa, ec); err != nil {
		t.Error(err)
	}
	if _, err := verify(text[:from]+"<ds:KeyInfo><ds:KeyName>k</ds:KeyName></ds:KeyInfo>"+text[to:], rsa, ec); err != nil {
		t.Error(err)
	}
	if _, err := verify(text[:from]+strings.ReplaceAll(text[from:to], ec.Base64(), rsa.Base64())+text[to:], rsa, ec); err != nil {
		t.Error(err)
	}
}

// TestAttack07_SignatureWrapping: whatever is put around, before, behind or into what is signed, nothing but what is signed is read.
func TestAttack07_SignatureWrapping(t *testing.T) {
	s, evil := samltest.EC(t), samltest.EC(t)
	good := s.Sign(t, document)
	from := strings.Index(good, "<ds:Signature")
	to := strings.Index(good, "</ds:Signature>") + len("</ds:Signature>")
	signature, unsigned := good[from:to], good[:from]+good[to:]
	forged := strings.ReplaceAll(strings.Replace(unsigned, `ID="_a1"`, `ID="_evil"`, 1), "ada &amp; co", "eve")
	open := strings.Index(forged, ">") + 1
	into := func(what string) string { return forged[:open] + what + forged[open:] }
	end := strings.LastIndex(forged, "</")
	behind := func(what string) string { return forged[:end] + what + forged[end:] }
	object := func(what string) string {
		return strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+what+"</ds:Object></ds:Signature>", 1)
	}
	extensions := func(what string) string { return "<saml:Advice>" + what + "</saml:Advice>" }
	response := func(what string) string {
		return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r">` + what + `</samlp:Response>`
	}
	same := strings.Replace(forged, `ID="_evil"`, `ID="_a1"`, 1)
	for name, text := range map[string]string{
		"unsigned":                               unsigned,
		"changed":                                strings.Replace(good, "ada &amp; co", "eve", 1),
		"an attribute changed":                   strings.Replace(good, "mail", "male", 1),
		"one of another key":                     evil.Sign(t, document),
		"its signature moved to another":         into(signature),
		"the good one inside":                    into(good),
		"the good one inside, signature outside": into(signature + unsigned),
		"the good one behind":                    behind(good),
		"the good one in Advice":                 behind(extensions(good)),
		"the good one in the signature":          into(object(unsigned)),
		"the forged one in the signature":        good[:from] + object(forged) + good[to:],
		"the good one in the signature's Object": into(object(good)),
		"two with one ID":                        same[:open] + signature + unsigned + same[open:],
		"the forged one inside the good one":     strings.Replace(good, "</saml:Assertion>", forged+"</saml:Assertion>", 1),
		"two of them":                            good + good,
		"the forged one before":                  forged + good,
		"the forged one behind":                  good + forged,
		"a response around both":                 response(forged + good),
		"a response around it":                   response(good),
		"signed twice":                           strings.Replace(good, signature, signature+signature, 1),
		"a second reference":                     strings.Replace(good, "</ds:Reference>", `</ds:Reference><ds:Reference URI="#_evil"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AA==</ds:DigestValue></ds:Reference>`, 1),
		"a reference to the document":            strings.Replace(good, `URI="#_a1"`, `URI=""`, 1),
		"a second SignedInfo":                    strings.Replace(good, "</ds:SignedInfo>", `</ds:SignedInfo><ds:SignedInfo/>`, 1),
	} {
		if got, err := verify(text, s); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

// TestAttack10_OneReading: what two parsers could read differently is not read.
func TestAttack10_OneReading(t *testing.T) {
	s := samltest.EC(t)
	good := s.Sign(t, document)
	replace := func(what, by string) string {
		if !strings.Contains(good, what) {
			t.Fatalf("no %s", what)
		}
		return strings.Replace(good, what, by, 1)
	}
	for name, text := range map[string]string{
		"nothing":                   "",
		"no XML":                    "{}",
		"a comment in a value":      replace("ada &amp; co", "ada<!-- --> &amp; co"),
		"a comment":                 replace("<saml:Issuer>", "<!-- x --><saml:Issuer>"),
		"an instruction":            replace("<saml:Issuer>", "<?x y?><saml:Issuer>"),
		"a document type":           `<!DOCTYPE x [<!ENTITY e "x">]>` + good,
		"an entity":                 `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>` + replace("ada &amp; co", "&e;"),
		"a name of two colons":      replace(`<saml:OneTimeUse/>`, `<saml:a:OneTimeUse/>`),
		"an attribute twice":        replace(`ID="_a1"`, `ID="_a1" ID="_a1"`),
		"an ID twice":               replace(`<saml:Issuer>`, `<saml:Issuer Id="_a1">`),
		"xml redefined":             replace(`<saml:Issuer>`, `<saml:Issuer xmlns:xml="urn:x">`),
		"a prefix taken away":       replace(`<saml:Issuer>`, `<saml:Issuer xmlns:saml="">`),
		"text behind":               good + "x",
		"text before":               "x" + good,
		"an instruction behind":     good + "<?x y?>",
		"no UTF-8":                  replace("ada", "\xff"),
		"a zero":                    replace("ada", "\x00"),
		"another encoding":          `<?xml version="1.0" encoding="UTF-7"?>` + good,
		"unclosed":                  good[:len(good)-3],
		"deep":                      strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"many":                      "<a>" + strings.Repeat("<b/>", 2000) + "</a>",
		"many attributes":           "<a" + attributes(100) + "/>",
		"long":                      "<a>" + strings.Repeat("x", saml.MaxBytes) + "</a>",
		"of SAML 1.1":               replace(`Version="2.0"`, `Version="1.1"`),
		"another element":           strings.ReplaceAll(good, "saml:Assertion", "saml:Evidence"),
		"another namespace":         replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:1.0:assertion"),
		"a response":                `<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>`,
		"an encrypted assertion":    `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`,
		"no issuer":                 replace("<saml:Issuer>https://idp.example</saml:Issuer>", ""),
		"an issuer that is no text": replace("https://idp.example", "<b>x</b>"),
	} {
		if got, err := verify(text, s); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("x", i) + `=""`)
	}
	return b.String()
}

// TestSignedRubbish: a key that is trusted does not make an assertion good.
func TestSignedRubbish(t *testing.T) {
	s := samltest.EC(t)
	for name, change := range map[string][2]string{
		"a condition that nobody knows": {"<saml:OneTimeUse/>", "<saml:Condition/>"},
		"a condition of others":         {"<saml:OneTimeUse/>", `<x:Audience xmlns:x="urn:x"/>`},
		"a time that is none":           {"2026-11-23T09:10:00Z", "tomorrow"},
		"a time of another zone":        {"2026-11-23T09:10:00Z", "2026-11-23T09:10:00+01:00"},
		"two subjects":                  {"</saml:Subject>", "</saml:Subject><saml:Subject/>"},
		"two names":                     {"</saml:NameID>", "</saml:NameID><saml:NameID>eve</saml:NameID>"},
		"two conditions":                {"</saml:Conditions>", "</saml:Conditions><saml:Conditions/>"},
		"a name that is no text":        {"ada &amp; co", "<b>ada</b>"},
		"a long name":                   {"ada &amp; co", strings.Repeat("a", 2000)},
		"an attribute twice":            {"</saml:Attribute>", `</saml:Attribute><saml:Attribute Name="mail"/>`},
		"an audience that is no text":   {"<saml:Audience>one</saml:Audience>", "<saml:Audience/>"},
	} {
		text := strings.Replace(document, change[0], change[1], 1)
		if text == document {
			t.Fatalf("%s changes nothing", name)
		}
		if got, err := verify(s.Sign(t, text), s); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
	for name, change := range map[string]func(*dsig.SigningContext){
		"SHA-1":         func(c *dsig.SigningContext) { c.Hash = crypto.SHA1 },
		"canonical 1.0": func(c *dsig.SigningContext) { c.Canonicalizer = dsig.MakeC14N10RecCanonicalizer() },
		"canonical 1.1": func(c *dsig.SigningContext) { c.Canonicalizer = dsig.MakeC14N11Canonicalizer() },
		"comments are signed": func(c *dsig.SigningContext) {
			c.Canonicalizer = dsig.MakeC14N10ExclusiveWithCommentsCanonicalizerWithPrefixList("")
		},
	} {
		if _, err := verify(s.Sign(t, document, change), s); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
	weak := samltest.RSA(t, 1024)
	if _, err := verify(weak.Sign(t, document), weak); err == nil {
		t.Error("a key of 1024 bits is believed")
	}
}

func TestParseCertificate(t *testing.T) {
	s := samltest.RSA(t, 2048)
	asPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw}))
	for _, text := range []string{s.Base64(), s.Base64()[:64] + "\n  " + s.Base64()[64:], asPEM} {
		if c, err := saml.ParseCertificate(text); err != nil || !c.Equal(s.Certificate) {
			t.Errorf("%v: %s", err, text)
		}
	}
	for _, text := range []string{"", "AAAA", asPEM + asPEM, strings.ReplaceAll(asPEM, "CERTIFICATE", "PUBLIC KEY"), samltest.RSA(t, 1024).Base64()} {
		if _, err := saml.ParseCertificate(text); err == nil {
			t.Errorf("taken: %s", text)
		}
	}
}

// FuzzParse: rubbish is refused and nothing else happens; what nobody signed is never believed.
func FuzzParse(f *testing.F) {
	s := samltest.EC(f)
	good := s.Sign(f, document)
	for _, seed := range []string{good, document, "", "<a/>", `<?xml version="1.0"?><a xmlns:b="c"/>`, strings.Replace(good, "_a1", "", 1)} {
		f.Add(seed)
	}
	trusted := []*x509.Certificate{s.Certificate}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := saml.Parse([]byte(text))
		if err != nil {
			return
		}
		if a, err := u.Verify(trusted); err == nil && (a.NameID != "ada & co" || a.ID != "_a1") {
			t.Errorf("read of %q: %+v", text, a)
		}
	})
}
