package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
)

// Request objects (RFC 9101; OpenID Connect Core 1.0, section 6.1): the authorization request as a JWT that the client has
// signed, so that nobody on its way can change it. They come by value or pushed, never by an address of the client's: then
// we would have to fetch what a stranger names. A signed one may be encrypted to us (section 6.1), so that what it says, such as a
// payment, is read by nobody in between.

// maxRequestTTL is the longest life of a request object.
const maxRequestTTL = time.Hour

// requestMembers are the parameters that a request object may hold. Others mean nothing to us.
var requestMembers = []string{"acr_values", paramDetails, "claims", "code_challenge", "code_challenge_method", "display", "dpop_jkt", "id_token_hint", "login_hint",
	"max_age", "nonce", "org", "orgId", "prompt", "redirect_uri", "registration", "requested_subject", "resource", "response_mode", "response_type", "scope", "state",
	"ui_locales"}

var (
	errRequestAudience = errors.New("oauth: a request object for somebody else")
	errRequestLife     = errors.New("oauth: a request object without end, or that lives too long")
	errRequestMember   = errors.New("oauth: a request object with a member of the wrong kind")
	errRequestParties  = errors.New("oauth: a request object that is not its client's")
)

// objectExpected says what a cause is against.
func objectExpected(cause error) string {
	for is, expected := range expectedOfObject {
		if errors.Is(cause, is) {
			return expected
		}
	}
	return "The object is signed with a key that the app has registered, and is not over."
}

var expectedOfObject = map[error]string{
	jose.ErrDecrypt:    "An encrypted object holds a signed one (cty JWT) and is encrypted to the key of use enc at the server's jwks_uri, by one of request_object_encryption_alg_values_supported.",
	errObjectTimes:     "The object has nbf, and exp is an hour after it at the most.",
	errRequestAudience: "aud of the object holds the issuer.",
	errRequestLife:     "exp of the object is within the next hour.",
	errRequestMember:   "Members of the object are texts, as parameters are, and none is request or request_uri.",
	errRequestParties:  "iss and client_id of the object are the app's client_id, and it has no sub.",
}

func badObject(cause error) error {
	return refuseBecause(codeInvalidRequestObject, "The request object is not one that this application has signed for this server, or it is over (RFC 9101).", cause).told("RFC 9101, section 6", objectExpected(cause), "Let a library sign the object with a registered key of the app, for this issuer, just before it is sent.")
}

// opened returns the parameters that a request stands for: those of its request object, and nothing else of it but client_id
// (RFC 9101, section 6.3). A request without one is what it says. Error: invalid_request_object.
func (s *Service) opened(ctx context.Context, client apps.Client, p params) (params, error) {
	object := p.get("request")
	switch {
	case object == "" && mustSign(client):
		return nil, refuse(codeInvalidRequest, "This application has to sign its authorization requests (RFC 9101).").told("RFC 9101, section 10.5 (require_signed_request_object)", "", "Send the parameters as a signed request object in request.")
	case object == "":
		return p, nil
	}
	object, err := s.decrypted(ctx, httpapi.TenantOf(ctx), object)
	if errors.Is(err, jose.ErrDecrypt) {
		return nil, badObject(err)
	}
	if err != nil {
		return nil, err
	}
	c, err := s.verifyClient(ctx, client, object, client.RequestObjectAlg, "", "JWT", "oauth-authz-req+jwt")
	if err != nil {
		return nil, badObject(err)
	}
	if err := s.checkObject(ctx, client, c); err != nil {
		return nil, badObject(err)
	}
	of := params{{"client_id", client.ClientID}}
	for _, name := range requestMembers {
		raw, ok := c.Get(name)
		if !ok {
			continue
		}
		values, ok := memberValues(name, raw)
		if !ok {
			return nil, badObject(errRequestMember)
		}
		for _, value := range values {
			of = append(of, param{name, value})
		}
	}
	return of, nil
}

// checkObject judges the claims about the object itself. A subject is refused: with one it could be a client assertion
// (RFC 9101, section 10.8).
func (s *Service) checkObject(ctx context.Context, client apps.Client, c *jose.Claims) error {
	now := s.DB.Clock().Now()
	issuer := httpapi.IssuerOf(ctx).URL
	named, _ := c.Text("client_id")
	_, hasNamed := c.Get("client_id")
	switch {
	case c.Issuer != client.ClientID || c.Subject != "" || hasNamed && named != client.ClientID:
		return errRequestParties
	case !slices.Contains(c.Audience, issuer): // a request that is good elsewhere as well gives nobody a proof of who he is
		return errRequestAudience
	case hasMember(c, "request") || hasMember(c, "request_uri"): // RFC 9101, section 4
		return errRequestMember
	case c.Expiry.IsZero() || c.Expiry.After(now.Add(maxRequestTTL+assertionLeeway)):
		return errRequestLife
	}
	return cmp.Or(c.ValidateTimes(now, assertionLeeway), checkProfileObject(client, c))
}

func hasMember(c *jose.Claims, name string) bool { _, has := c.Get(name); return has }

// memberValues are what a member would be as a parameter: one text, or several of one that may be repeated.
func memberValues(name string, raw json.RawMessage) (values []string, ok bool) {
	if contains(repeatable, name) && len(raw) > 0 && raw[0] == '[' {
		return values, json.Unmarshal(raw, &values) == nil && len(values) <= maxParams
	}
	value, ok := memberValue(name, raw)
	return []string{value}, ok
}

// memberValue is the text that a member would be as a parameter (RFC 9101, section 4): numbers and objects as they are written.
func memberValue(name string, raw json.RawMessage) (value string, ok bool) {
	switch name {
	case paramDetails:
		return string(raw), len(raw) > 0 && raw[0] == '['
	case "claims", "registration":
		return string(raw), len(raw) > 0 && raw[0] == '{'
	case "max_age", "requested_expiry":
		if len(raw) > 0 && raw[0] != '"' {
			return string(raw), true
		}
	}
	err := json.Unmarshal(raw, &value)
	return value, err == nil && len(raw) > 0 && raw[0] == '"'
}
