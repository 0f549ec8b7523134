package saml

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"
)

const (
	namespace    = "urn:oasis:names:tc:SAML:2.0:assertion"
	bearer       = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	formatEntity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
	maxText      = 1024 // bytes of a name or a value
)

// Unverified is an assertion of which nobody knows who made it.
type Unverified struct {
	root   *etree.Element
	issuer string
}

// Assertion is what an issuer has said (SAML Core, section 2.3.3), of the bytes that it signed.
type Assertion struct {
	ID         string
	Issuer     string
	NameID     string              // empty where the subject is not named, or encrypted
	Attributes map[string][]string // a value that is no text, or too long, is empty
	// Audiences of all restrictions. A reader who wants each of them to be his own is stricter than section 2.5.1.4, never laxer.
	Audiences    []string
	NotBefore    time.Time // zero where there is no such condition
	NotOnOrAfter time.Time
	Bearer       []Confirmation // those whose method is bearer (SAML Profiles, section 3.3)
}

// Confirmation says how somebody who brings an assertion shows that he may (SAML Core, section 2.4.1.1).
type Confirmation struct {
	Data         bool // whether it has data, which the rest is of
	Recipient    string
	NotBefore    time.Time
	NotOnOrAfter time.Time
}

// Parse reads one assertion, of at most MaxBytes. Nothing of it is verified.
func Parse(raw []byte) (Unverified, error) {
	root, err := parse(raw)
	if err != nil {
		return Unverified{}, err
	}
	if !is(root, namespace, "Assertion") || root.SelectAttrValue("Version", "") != "2.0" {
		return Unverified{}, errors.New("saml: not an assertion of SAML 2.0")
	}
	issuer, err := issuerOf(root)
	return Unverified{root, issuer}, err
}

// Issuer is whose the assertion says that it is.
func (u Unverified) Issuer() string { return u.issuer }

// Verify returns what the holder of one of the certificates has signed.
func (u Unverified) Verify(certificates []*x509.Certificate) (Assertion, error) {
	root, err := verify(u.root, certificates)
	if err != nil {
		return Assertion{}, err
	}
	a := Assertion{ID: root.SelectAttrValue("ID", ""), Attributes: map[string][]string{}}
	if a.Issuer, err = issuerOf(root); err != nil {
		return a, err
	}
	if a.Issuer != u.issuer {
		return a, errSignature
	}
	return a, errors.Join(a.readSubject(root), a.readConditions(root), a.readAttributes(root))
}

func issuerOf(root *etree.Element) (string, error) {
	e, err := only(root, namespace, "Issuer")
	if err != nil || e == nil {
		return "", errors.Join(errors.New("saml: no issuer"), err)
	}
	name, ok := value(e)
	if format := e.SelectAttrValue("Format", formatEntity); !ok || format != formatEntity {
		return "", errors.New("saml: the issuer is no entity")
	}
	return name, nil
}

func value(e *etree.Element) (string, bool) {
	s, ok := text(e)
	return s, ok && s != "" && len(s) <= maxText
}

func (a *Assertion) readSubject(root *etree.Element) error {
	subject, err := only(root, namespace, "Subject")
	if err != nil || subject == nil {
		return err
	}
	name, err := only(subject, namespace, "NameID")
	if err != nil {
		return err
	}
	if name != nil {
		var ok bool
		if a.NameID, ok = value(name); !ok {
			return errors.New("saml: the subject's name is no text")
		}
	}
	for _, c := range children(subject, namespace, "SubjectConfirmation") {
		if c.SelectAttrValue("Method", "") != bearer {
			continue
		}
		data, err := only(c, namespace, "SubjectConfirmationData")
		if err != nil {
			return err
		}
		var read Confirmation
		if data != nil {
			read = Confirmation{Data: true, Recipient: data.SelectAttrValue("Recipient", "")}
			if err := errors.Join(instant(data, "NotBefore", &read.NotBefore), instant(data, "NotOnOrAfter", &read.NotOnOrAfter)); err != nil {
				return err
			}
		}
		a.Bearer = append(a.Bearer, read)
	}
	return nil
}

func (a *Assertion) readConditions(root *etree.Element) error {
	conditions, err := only(root, namespace, "Conditions")
	if err != nil || conditions == nil {
		return err
	}
	if err := errors.Join(instant(conditions, "NotBefore", &a.NotBefore), instant(conditions, "NotOnOrAfter", &a.NotOnOrAfter)); err != nil {
		return err
	}
	for _, c := range conditions.ChildElements() {
		switch {
		case is(c, namespace, "AudienceRestriction"):
			for _, audience := range children(c, namespace, "Audience") {
				name, ok := value(audience)
				if !ok {
					return errors.New("saml: an audience is no text")
				}
				a.Audiences = append(a.Audiences, name)
			}
		case is(c, namespace, "OneTimeUse"), is(c, namespace, "ProxyRestriction"):
			// Nothing of an assertion is kept, and none is made of it.
		default: // an assertion is not valid under conditions that are not understood: section 2.5.1
			return fmt.Errorf("saml: the condition %s is not known", c.Tag)
		}
	}
	return nil
}

func (a *Assertion) readAttributes(root *etree.Element) error {
	for _, statement := range children(root, namespace, "AttributeStatement") {
		for _, attribute := range children(statement, namespace, "Attribute") {
			name := attribute.SelectAttrValue("Name", "")
			if _, twice := a.Attributes[name]; twice || name == "" || len(name) > maxText {
				return errors.New("saml: an attribute without a name of its own")
			}
			values := []string{}
			for _, v := range children(attribute, namespace, "AttributeValue") {
				s, _ := value(v) // structured values are nobody's name, but count
				values = append(values, s)
			}
			a.Attributes[name] = values
		}
	}
	return nil
}

// instant reads an attribute that may be missing. All times of SAML are UTC (section 1.3.3).
func instant(e *etree.Element, name string, to *time.Time) (err error) {
	if s := e.SelectAttrValue(name, ""); s != "" {
		if *to, err = time.Parse(time.RFC3339Nano, s); err != nil || s[len(s)-1] != 'Z' {
			err = fmt.Errorf("saml: %s is no time in UTC", name)
		}
	}
	return err
}
