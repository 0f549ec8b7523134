package oauth_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/issuers"
	"grove/infra/kernel/ids"
	"grove/infra/saml"
	"grove/infra/saml/samltest"
)

const (
	samlBearer = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	samlType   = "urn:ietf:params:oauth:token-type:saml2"
)

// said is a SAML assertion with changes, of an outsider who knows people by username. An empty element is left out.
type said struct {
	id, issuer, subject, confirmation, conditions, attributes string
}

func (o *outsider) samlSays(change func(*said)) string {
	at := func(d time.Duration) string { return o.w.Clock.Now().Add(d).UTC().Format(time.RFC3339) }
	s := said{
		id: "_" + ids.NewAccessToken().String(), issuer: o.name, subject: `<NameID>ada</NameID>`,
		confirmation: confirmation(o.base+"/oauth2/token", at(5*time.Minute)),
		conditions:   `<Conditions NotBefore="` + at(0) + `" NotOnOrAfter="` + at(5*time.Minute) + `"><AudienceRestriction><Audience>` + o.base + `</Audience></AudienceRestriction></Conditions>`,
		attributes:   `<AttributeStatement><Attribute Name="mail"><AttributeValue>ada@north.example</AttributeValue></Attribute></AttributeStatement>`,
	}
	if change != nil {
		change(&s)
	}
	return `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="` + s.id + `" Version="2.0" IssueInstant="` + at(0) + `"><Issuer>` + s.issuer + `</Issuer><Subject>` + s.subject + s.confirmation +
		`</Subject>` + s.conditions + s.attributes + `</Assertion>`
}

func confirmation(recipient, ends string) string {
	return `<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData Recipient="` + recipient + `" NotOnOrAfter="` + ends + `"/></SubjectConfirmation>`
}

func (o *outsider) bringSAML(client, document string, more ...string) answer {
	o.w.t.Helper()
	form := url.Values{"grant_type": {samlBearer}, "assertion": {base64.RawURLEncoding.EncodeToString([]byte(document))}, "scope": {"openid orders.read orders.write"}}
	return o.token(client, form, more...)
}

func (o *outsider) exchangeSAML(client, document string, more ...string) answer {
	o.w.t.Helper()
	return o.exchange(client, base64.RawURLEncoding.EncodeToString([]byte(document)), append([]string{"subject_token_type", samlType}, more...)...)
}

func (w *world) trustingSAML(a *tenant, org ids.Org, path string, changes ...func(*issuers.CreateTokenIssuerRequest)) (*outsider, *samltest.Signer) {
	w.t.Helper()
	signer := samltest.EC(w.t)
	o := w.trusting(a, org, path, append([]func(*issuers.CreateTokenIssuerRequest){func(in *issuers.CreateTokenIssuerRequest) {
		in.Format, in.JWKS, in.Certificates = issuers.FormatSAML, nil, []string{signer.Base64()}
	}}, changes...)...)
	for _, client := range []string{"web", "other"} {
		w.change(a, client, func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, samlBearer) })
	}
	return o, signer
}

func TestSAMLBearer(t *testing.T) {
	w := setup(t)
	o, signer := w.trustingSAML(w.a, w.a.north, "/o/north")
	got := o.bringSAML("web", signer.Sign(t, o.samlSays(nil)))
	if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" || got.text("scope") != "orders.read" || got.body["refresh_token"] != nil || got.body["id_token"] != nil {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	token := got.text("access_token")
	claims := w.claimsOf(token)
	if org, _ := claims.Text("org_id"); claims.Subject != w.a.user.String() || org != w.a.north.String() || claims.Issuer != o.base || !w.active(w.a, token) {
		t.Errorf("%+v", claims)
	}
	// Exchanged, it lives no longer than the assertion.
	got = o.exchangeSAML("web", signer.Sign(t, o.samlSays(nil)), "audience", orders)
	if got.StatusCode != http.StatusOK || got.text("issued_token_type") != accessType || got.body["expires_in"].(float64) > 300 {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	// The end may be said by the conditions alone, or by the confirmation alone.
	at := w.Clock.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	for name, change := range map[string]func(*said){
		"the conditions alone": func(s *said) {
			s.confirmation = `<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>`
		},
		"the confirmation alone": func(s *said) {
			s.confirmation = confirmation("https://elsewhere.example", at) + confirmation(o.base+"/oauth2/token", at)
			s.conditions = `<Conditions><AudienceRestriction><Audience>` + o.base + `/oauth2/token</Audience></AudienceRestriction></Conditions>`
		},
	} {
		if got := o.bringSAML("web", signer.Sign(t, o.samlSays(change))); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	// Padding is not sent, but harmless; an attribute can say who it is; another certificate can come beside the first.
	second, mail, email := samltest.RSA(t, 2048), "mail", issuers.MatchEmail
	o.change(issuers.UpdateTokenIssuerRequest{Certificates: &[]string{signer.Base64(), second.Base64()}, SubjectClaim: &mail, SubjectMatch: &email})
	document := []byte(second.Sign(t, o.samlSays(nil)))
	if got := o.bringSAML("web", "", "assertion", base64.URLEncoding.EncodeToString(append(document, "  "[:3-len(document)%3-1]...))); got.StatusCode != http.StatusOK {
		t.Errorf("padded, by address: %s", got.raw)
	}
}

// badSAML are those that nothing is had for, whatever they are brought as.
func (o *outsider) badSAML(signer *samltest.Signer) map[string]string {
	t, w := o.w.t, o.w
	at := func(d time.Duration) string { return w.Clock.Now().Add(d).UTC().Format(time.RFC3339) }
	says := func(change func(*said)) string { return signer.Sign(t, o.samlSays(change)) }
	endpoint := o.base + "/oauth2/token"
	audience := func(name string) string {
		return says(func(s *said) { s.conditions = strings.ReplaceAll(s.conditions, "<Audience>"+o.base+"<", name) })
	}
	return map[string]string{
		"rubbish":                       "rubbish",
		"nothing":                       "<x/>",
		"unsigned":                      o.samlSays(nil),
		"another's key":                 samltest.EC(t).Sign(t, o.samlSays(nil)),
		"changed":                       strings.Replace(says(func(s *said) { s.subject = "<NameID>eve</NameID>" }), ">eve<", ">ada<", 1),
		"an issuer that is not trusted": says(func(s *said) { s.issuer = "https://evil.example" }),
		"nobody here":                   says(func(s *said) { s.subject = "<NameID>eve</NameID>" }),
		"no subject":                    says(func(s *said) { s.subject = "" }),
		"an encrypted subject":          says(func(s *said) { s.subject = "<EncryptedID/>" }),
		"a comment in the subject":      strings.Replace(says(func(s *said) { s.subject = "<NameID>ada.eve</NameID>" }), "ada.eve", "ada<!---->.eve", 1),
		"no audience":                   says(func(s *said) { s.conditions = `<Conditions NotOnOrAfter="` + at(time.Minute) + `"/>` }),
		"no conditions":                 says(func(s *said) { s.conditions = "" }),
		"another audience":              audience("<Audience>https://api.example<"),
		"another audience as well":      audience("<Audience>" + o.base + "</Audience><Audience>https://api.example<"),
		"a sibling's audience":          audience("<Audience>" + o.a.Base + "/o/south<"),
		"a second restriction":          audience("<Audience>" + o.base + "</Audience></AudienceRestriction><AudienceRestriction><Audience>https://api.example<"),
		"an unknown condition": says(func(s *said) {
			s.conditions = strings.Replace(s.conditions, "</Conditions>", "<Condition/></Conditions>", 1)
		}),
		"no confirmation":            says(func(s *said) { s.confirmation = "" }),
		"confirmed by a key":         says(func(s *said) { s.confirmation = strings.Replace(s.confirmation, "cm:bearer", "cm:holder-of-key", 1) }),
		"another recipient":          says(func(s *said) { s.confirmation = confirmation("https://api.example/token", at(time.Minute)) }),
		"a sibling as recipient":     says(func(s *said) { s.confirmation = confirmation(o.a.Base+"/o/south/oauth2/token", at(time.Minute)) }),
		"no recipient":               says(func(s *said) { s.confirmation = strings.Replace(s.confirmation, "Recipient", "Address", 1) }),
		"no end of the confirmation": says(func(s *said) { s.confirmation = strings.Replace(s.confirmation, "NotOnOrAfter", "Address", 1) }),
		"an end that is none":        says(func(s *said) { s.confirmation = confirmation(endpoint, "tomorrow") }),
		"the confirmation is over":   says(func(s *said) { s.confirmation = confirmation(endpoint, at(-time.Minute)) }),
		"the conditions are over":    says(func(s *said) { s.conditions = strings.ReplaceAll(s.conditions, at(5*time.Minute), at(-time.Minute)) }),
		"confirmed later": says(func(s *said) {
			s.confirmation = strings.Replace(s.confirmation, "Recipient", `NotBefore="`+at(-time.Minute)+`" Recipient`, 1)
		}),
		"not yet good": says(func(s *said) { s.conditions = strings.ReplaceAll(s.conditions, at(0), at(time.Minute)) }),
		"living too long": says(func(s *said) {
			s.confirmation, s.conditions = confirmation(endpoint, at(2*time.Hour)), strings.ReplaceAll(s.conditions, at(5*time.Minute), at(2*time.Hour))
		}),
		"no end at all": says(func(s *said) {
			s.confirmation, s.conditions = `<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>`, strings.ReplaceAll(s.conditions, "NotOnOrAfter", "NotBefor")
		}),
		"too long": "<x>" + strings.Repeat("x", saml.MaxBytes/2) + "</x>",
	}
}

// TestAttack09_SAMLBearer: no assertion is believed that is not the trusted issuer's, for us, for now, and for once; as the grant itself
// and as the subject of an exchange.
func TestAttack09_SAMLBearer(t *testing.T) {
	w := setup(t)
	o, signer := w.trustingSAML(w.a, w.a.north, "/o/north")
	for name, document := range o.badSAML(signer) {
		if got := o.bringSAML("web", document); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if got := o.exchangeSAML("web", document); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s, exchanged: %d %s", name, got.StatusCode, got.raw)
		}
	}
	good := signer.Sign(t, o.samlSays(nil))
	if got := o.bringSAML("web", "", "assertion", good); got.text("error") != "invalid_grant" {
		t.Errorf("not base64url: %s", got.raw)
	}
	if got := o.bring("web", base64.RawURLEncoding.EncodeToString([]byte(good))); got.text("error") != "invalid_grant" {
		t.Errorf("as a JWT: %s", got.raw)
	}
	w.change(w.a, "other", func(c *apps.Client) { c.GrantTypes = []string{"authorization_code", jwtBearer} })
	if got := o.bringSAML("other", good); got.text("error") != "unauthorized_client" {
		t.Errorf("a client without the grant type: %s", got.raw)
	}
	// Another organization trusts nobody, or somebody else by the same name; and an issuer of JWTs is none of SAML.
	south, southern := w.trustingSAML(w.a, w.a.south, "/o/south", func(in *issuers.CreateTokenIssuerRequest) { in.Name = "South" })
	jwts := w.trusting(w.a, w.a.north, "/o/north", func(in *issuers.CreateTokenIssuerRequest) { in.Name, in.Issuer = "JWT", "https://jwt.example" })
	for name, got := range map[string]answer{
		"by a sibling's key":       o.bringSAML("web", southern.Sign(t, o.samlSays(nil))),
		"a sibling's people":       south.bringSAML("web", southern.Sign(t, south.samlSays(nil))),
		"a SAML issuer's JWT":      o.bring("web", o.says(nil)),
		"a JWT issuer's assertion": jwts.bringSAML("web", signer.Sign(t, jwts.samlSays(nil))),
	} {
		if got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	// Nothing of what was refused used the good one up, and it is believed once, as what it may be.
	if got := o.bringSAML("web", good); got.StatusCode != http.StatusOK {
		t.Fatalf("%s", got.raw)
	}
	for _, again := range []answer{o.bringSAML("web", good), o.exchangeSAML("web", good)} {
		if !strings.Contains(again.text("error_description"), "used before") {
			t.Errorf("again: %s", again.raw)
		}
	}
	// Whoever trusts a key no longer ends what came of it.
	token := o.bringSAML("web", signer.Sign(t, o.samlSays(nil))).text("access_token")
	o.change(issuers.UpdateTokenIssuerRequest{Certificates: &[]string{samltest.EC(t).Base64()}})
	if w.active(w.a, token) {
		t.Error("a token outlives the trust in the key")
	}
	if got := o.bringSAML("web", signer.Sign(t, o.samlSays(nil))); got.text("error") != "invalid_grant" {
		t.Errorf("a key that is trusted no longer: %s", got.raw)
	}
}
