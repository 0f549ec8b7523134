package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Algorithms that a signature may name (XML Signature, RFC 9231). SHA-1 is none of them.
var (
	digests = []string{
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
	methods = []string{
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod,
		dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
	}
)

var errSignature = errors.New("saml: the assertion is not signed as a whole by a key of its issuer")

// verify returns the element that the canonical, signed bytes of root are, without its signature.
func verify(root *etree.Element, certificates []*x509.Certificate) (*etree.Element, error) {
	signature, method, err := signatureOf(root)
	if err != nil {
		return nil, err
	}
	// What the signature says of its key is not signed. Each key that is trusted is tried.
	if info, err := only(signature, dsig.Namespace, dsig.KeyInfoTag); err != nil {
		return nil, err
	} else if info != nil {
		signature.RemoveChild(info)
	}
	written, err := required(signature, dsig.SignatureValueTag)
	if err != nil {
		return nil, err
	}
	given, _ := text(written)
	failed := []error{errSignature}
	for _, c := range certificates {
		if err := checkKey(c); err != nil {
			continue
		}
		asked, err := asASN1(given, method, c)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		written.SetText(asked)
		context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{c}})
		context.Clock = dsig.NewFakeClockAt(c.NotBefore) // a certificate carries a key; trust in it ends when it is taken away
		signed, err := context.Validate(root)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !is(signed, root.NamespaceURI(), root.Tag) || signed.SelectAttrValue(dsig.DefaultIdAttr, "") != root.SelectAttrValue(dsig.DefaultIdAttr, "") {
			return nil, errSignature
		}
		return signed, nil
	}
	return nil, errors.Join(failed...)
}

// asASN1 writes an ECDSA signature, which XML Signature 1.1 (section 6.4.3) has as two numbers of the curve's size, the way crypto/x509
// reads one. Others stay what they are.
func asASN1(given, method string, c *x509.Certificate) (string, error) {
	key, ec := c.PublicKey.(*ecdsa.PublicKey)
	if !ec || !strings.Contains(method, "#ecdsa-") {
		return given, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(given), ""))
	size := (key.Curve.Params().BitSize + 7) / 8
	if err != nil || len(raw) != 2*size {
		return "", errSignature
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
	return base64.StdEncoding.EncodeToString(der), err
}

// signatureOf is the one signature of a document, a child of its root, of a form that has one meaning: one reference, to the root, by
// its ID, with the enveloped signature taken out and exclusive canonicalization. method is the algorithm.
func signatureOf(root *etree.Element) (signature *etree.Element, method string, err error) {
	no := func(what string) (*etree.Element, string, error) {
		return nil, "", fmt.Errorf("%w: %s", errSignature, what)
	}
	var all []*etree.Element
	descend(root, func(e *etree.Element) {
		if is(e, dsig.Namespace, dsig.SignatureTag) {
			all = append(all, e)
		}
	})
	if len(all) != 1 || all[0].Parent() != root {
		return no("not one signature below the root")
	}
	signature = all[0]
	for _, c := range signature.ChildElements() {
		if c.NamespaceURI() != dsig.Namespace || c.Tag != dsig.SignedInfoTag && c.Tag != dsig.SignatureValueTag && c.Tag != dsig.KeyInfoTag {
			return no("something else in the signature")
		}
	}
	info, err := required(signature, dsig.SignedInfoTag)
	if err != nil {
		return nil, "", err
	}
	canonical, err1 := required(info, dsig.CanonicalizationMethodTag)
	how, err2 := required(info, dsig.SignatureMethodTag)
	reference, err3 := required(info, dsig.ReferenceTag)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, "", err
	}
	if algorithm(canonical) != string(dsig.CanonicalXML10ExclusiveAlgorithmId) || !slices.Contains(methods, algorithm(how)) {
		return no("an algorithm that is not allowed")
	}
	id := root.SelectAttrValue(dsig.DefaultIdAttr, "")
	if id == "" || reference.SelectAttrValue(dsig.URIAttr, "") != "#"+id {
		return no("it covers something else")
	}
	digest, err1 := required(reference, dsig.DigestMethodTag)
	transforms, err2 := required(reference, dsig.TransformsTag)
	if err := errors.Join(err1, err2); err != nil {
		return nil, "", err
	}
	if !slices.Contains(digests, algorithm(digest)) {
		return no("an algorithm that is not allowed")
	}
	var steps []string
	for _, t := range transforms.ChildElements() {
		steps = append(steps, algorithm(t))
	}
	if !slices.Equal(steps, []string{string(dsig.EnvelopedSignatureAltorithmId), string(dsig.CanonicalXML10ExclusiveAlgorithmId)}) {
		return no("transforms that are not allowed")
	}
	return signature, algorithm(how), nil
}

func algorithm(e *etree.Element) string { return e.SelectAttrValue(dsig.AlgorithmAttr, "") }

func required(e *etree.Element, name string) (*etree.Element, error) {
	found, err := only(e, dsig.Namespace, name)
	if err == nil && found == nil {
		err = fmt.Errorf("%w: no %s", errSignature, name)
	}
	return found, err
}

func descend(e *etree.Element, visit func(*etree.Element)) {
	visit(e)
	for _, c := range e.ChildElements() {
		descend(c, visit)
	}
}

var errCertificate = errors.New("saml: this is no certificate with an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521")

// ParseCertificate reads an X.509 certificate as PEM or, as metadata has it, as base64 of DER.
func ParseCertificate(s string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if block, rest := pem.Decode([]byte(s)); block != nil && block.Type == "CERTIFICATE" && strings.TrimSpace(string(rest)) == "" {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errCertificate
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errCertificate
	}
	return c, checkKey(c)
}

func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= 2048 && bits <= 8192 {
			return nil
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits >= 256 {
			return nil
		}
	}
	return errCertificate
}
