// Package samltest makes assertions as an identity provider does, for tests.
package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Signer holds an identity provider's key and its certificate.
type Signer struct {
	key         crypto.Signer
	Certificate *x509.Certificate
}

// EC makes a signer whose key is on P-256, RSA one of so many bits.
func EC(t testing.TB) *Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return certify(t, key, err)
}

func RSA(t testing.TB, bits int) *Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	return certify(t, key, err)
}

func certify(t testing.TB, key crypto.Signer, err error) *Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	// It is over: nobody may ask for more of a certificate than its key.
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Signer{key, c}
}

// Base64 is the certificate as metadata has it.
func (s *Signer) Base64() string { return base64.StdEncoding.EncodeToString(s.Certificate.Raw) }

// Sign signs the root of a document, with changes to how.
func (s *Signer) Sign(t testing.TB, document string, changes ...func(*dsig.SigningContext)) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(document); err != nil {
		t.Fatal(err)
	}
	context, err := dsig.NewSigningContext(s.key, [][]byte{s.Certificate.Raw})
	if err != nil {
		t.Fatal(err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	for _, change := range changes {
		change(context)
	}
	signed, err := context.SignEnveloped(doc.Root())
	if err != nil {
		t.Fatal(err)
	}
	if key, ec := s.key.(*ecdsa.PrivateKey); ec { // XML Signature 1.1, section 6.4.3
		value := signed.FindElement("./Signature/SignatureValue")
		der, err := base64.StdEncoding.DecodeString(value.Text())
		if err != nil {
			t.Fatal(err)
		}
		var of struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &of); err != nil {
			t.Fatal(err)
		}
		size := (key.Params().BitSize + 7) / 8
		raw := append(of.R.FillBytes(make([]byte, size)), of.S.FillBytes(make([]byte, size))...)
		value.SetText(base64.StdEncoding.EncodeToString(raw))
	}
	out := etree.NewDocument()
	out.SetRoot(signed)
	text, err := out.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
