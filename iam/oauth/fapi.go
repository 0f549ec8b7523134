package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/infra/jose"
)

// The security profiles of the OpenID Foundation: Financial-grade API 1.0 Part 2 (Advanced), FAPI 2.0 Security Profile, and FAPI 2.0
// Message Signing. An app that is held to one has no setting that would break it (iam/apps); what it sends is judged here, whatever
// its settings say, so that no row that was written by other means opens a door.

// profileCodeLife is the longest life of a code (FAPI 2.0, section 5.3.2.1).
const profileCodeLife = time.Minute

var errObjectTimes = errors.New("oauth: a request object without nbf, or that lives for more than an hour after it")

// profileViolation is why a client may not do what it asks for.
func profileViolation(client apps.Client, rule string) error {
	return refuse(codeInvalidRequest, "This application is held to the profile "+client.Profile+": "+rule).told("the app's profile "+client.Profile, "", "Change what the client sends, or the profile of the app; docs/fapi.md has a request that it takes.")
}

// checkProfileClient refuses a client that proves itself by what can be copied, or not at all. Error: invalid_client.
func checkProfileClient(client apps.Client, method string) error {
	if client.Demands().Any && (client.Public || !slices.Contains(apps.ProfileMethods, method)) {
		return errClient.told("the app's profile "+client.Profile, "The client proves itself by "+strings.Join(apps.ProfileMethods, ", ")+".", "Use one of these methods, and set it in the app's settings.")
	}
	return nil
}

// clientAlgs are the algorithms by which a client may sign: the one that it has registered for the purpose, or "", as far as its
// profile allows it. nil is any; one that its profile forbids leaves none.
func clientAlgs(client apps.Client, alg string) []string {
	allowed := client.Demands().Algs
	switch {
	case alg == "":
		return allowed
	case allowed != nil && !slices.Contains(allowed, alg):
		return []string{"none"} // which nothing verifies
	}
	return []string{alg}
}

// audienceAllowed reports whether a client assertion is for the issuer alone, as FAPI 2.0 wants it: a text, not a list of one.
func audienceAllowed(client apps.Client, issuer string, c *jose.Claims) bool {
	if !client.Demands().IssuerAudience {
		return true
	}
	aud, ok := c.Text("aud")
	return ok && aud == issuer
}

// checkProfileObject judges the times of a request object that is not over: it lives for an hour from nbf at the most (FAPI 1.0
// Part 2, section 5.2.2; FAPI 2.0 Message Signing, section 5.3.1). One without nbf, or with one longer ago, lives longer.
func checkProfileObject(client apps.Client, c *jose.Claims) error {
	if client.Demands().SignedRequest && c.Expiry.After(c.NotBefore.Add(maxRequestTTL)) {
		return errObjectTimes
	}
	return nil
}

// mustSign reports whether a client's authorization requests come as request objects or not at all.
func mustSign(client apps.Client) bool {
	return client.RequireSignedRequest || client.Demands().SignedRequest
}

// mustPush reports whether a client's authorization requests come pushed or not at all.
func mustPush(client apps.Client) bool { return client.RequirePushed || client.Demands().Pushed }

// checkProfileRequest judges an authorization request that is good but for the client's profile.
func checkProfileRequest(client apps.Client, p params, a authorization) error {
	d := client.Demands()
	_, signed := plainMode(a.Mode)
	// The signed response is bound to the request by nonce or state (FAPI 1.0 Part 2, section 5.2.2, item 18).
	bare := d.LesserPKCE && client.PKCEOptional && a.Pushed == nil && a.Challenge == ""
	switch {
	case !d.Any:
		return nil
	case !slices.Equal(a.Types, []string{typeCode}):
		return profileViolation(client, "response_type is code.")
	case !strings.HasPrefix(a.RedirectURI, "https://"):
		return profileViolation(client, "redirect_uri is an https URI.")
	case !bare && (p.get("code_challenge_method") != methodS256 || a.Challenge == ""):
		return profileViolation(client, "code_challenge is required, by S256.")
	case d.SignedResponse && !signed:
		return profileViolation(client, "response_mode is jwt, or another that is signed.")
	case d.NonceOrState && p.get("scope") == "" && len(a.Details) == 0: // without it all would be asked for, and nothing signed says so
		return profileViolation(client, "scope is required.")
	case d.NonceOrState && contains(a.Scopes, scopeOpenID) && a.Nonce == "":
		return profileViolation(client, "nonce is required with the scope openid.")
	case d.NonceOrState && !contains(a.Scopes, scopeOpenID) && a.State == "":
		return profileViolation(client, "state is required without the scope openid.")
	}
	return nil
}

// checkProfileGrant judges a token request: which grant it is, and whether what it brings can be bound.
func checkProfileGrant(client authenticatedClient, grantType string) error {
	d, b := client.Demands(), client.bound()
	switch {
	case !d.Any:
		return nil
	case !slices.Contains(apps.ProfileGrants, grantType):
		return refuse(codeUnauthorizedClient, "This client may not use this grant type.").told("the app's profile "+client.Profile, "grant_type is one of "+strings.Join(apps.ProfileGrants, ", ")+".", "Use another grant type, or no profile.")
	case b.x5t == "" && (d.BoundCertificate || b.jkt == ""):
		return profileViolation(client.Client, "its tokens are bound to a certificate or, for FAPI 2.0, to a key by a DPoP proof.")
	}
	return nil
}

// codeTTL is how long a client's codes live.
func (s *Service) codeTTL(client apps.Client) time.Duration {
	if client.Demands().Any {
		return min(s.options.CodeTTL, profileCodeLife)
	}
	return s.options.CodeTTL
}

const headerInteraction = "X-Fapi-Interaction-Id"

// interaction says which exchange an answer of a resource belongs to: the client's name for it, if it is a UUID, or one of ours for
// apps of which FAPI 1.0 is asked, whose exchanges are in the log as well (FAPI 1.0 Part 1, section 6.2.1, items 11 and 12).
func (s *Service) interaction(w http.ResponseWriter, r *http.Request, client apps.Client) {
	id, err := uuid.Parse(r.Header.Get(headerInteraction))
	asked := client.Profile == apps.ProfileFAPI1
	if err != nil && !asked {
		return
	}
	if err != nil {
		id = uuid.New()
	}
	w.Header().Set(headerInteraction, id.String())
	if asked {
		s.log.InfoContext(r.Context(), "an exchange under FAPI 1.0", "client_id", client.ClientID, "interaction_id", id.String())
	}
}
