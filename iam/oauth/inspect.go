package oauth

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/iam/inspector"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/infra/telemetry"
)

// Inspector keeps what was refused, for the developers of apps. iam/inspector.
type Inspector interface {
	Note(tenant ids.Tenant, org ids.Org, app ids.App, entry func() inspector.Entry)
}

// Endpoints as the inspector names them.
const (
	atAuthorize   = "authorize"
	atBackchannel = "bc-authorize"
	atDevice      = "device_authorization"
	atGlobal      = "global-revocation"
	atIntrospect  = "introspect"
	atLogout      = "logout"
	atPush        = "par"
	atRevoke      = "revoke"
	atToken       = "token"
	atUserinfo    = "userinfo"
)

// advice is what the inspector tells the developer of an app about a refusal, and the answer tells nobody.
type advice struct {
	rule     string // a specification with its section, or a setting of the app's
	expected string // what should have come; "": the description says it
	fix      string
}

// told is the same answer with advice for the developer of the app. Where one answer stands for many causes (errClient,
// errGrant, errProof), it tells which: errors.Is finds the one in each.
func (e *protocolError) told(rule, expected, fix string) *protocolError {
	of := e.of
	if of == nil {
		of = e
	}
	return &protocolError{code: e.code, description: e.description, cause: e.cause, of: of, advice: advice{rule, expected, fix}, scope: e.scope}
}

// because adds the cause, for the log.
func (e *protocolError) because(cause error) *protocolError {
	with := *e.told(e.advice.rule, e.advice.expected, e.advice.fix)
	with.cause = cause
	return &with
}

func (e *protocolError) Is(target error) bool { return e.of != nil && target == error(e.of) }

// errStranger is errClient for a client_id that names nobody. What it is refused belongs to no app, so that nobody is shown it.
var errStranger = errClient.told("", "", "")

// ordinary are the errors that are part of how a protocol goes, and those that are ours.
var ordinary = []string{codeAuthorizationPending, codeServerError, codeTemporarilyUnavailable, codeUseNonce}

// noted notes a refusal with the inspector, if it is one of an app's, and returns it. It is called on failure only.
func (s *Service) noted(r *http.Request, endpoint string, p params, err error) error {
	if s.Inspector == nil || errors.Is(err, errStranger) {
		return err
	}
	refused := s.asProtocolError(r.Context(), err)
	if contains(ordinary, refused.code) {
		return err
	}
	t := httpapi.TenantOf(r.Context())
	id := claimedClient(r, p)
	if id == "" || len(id) > maxClientID {
		return err
	}
	client, unknown := s.Clients.Client(r.Context(), t.ID, id)
	if unknown != nil || client.Builtin {
		return err
	}
	s.Inspector.Note(t.ID, client.Org, client.ID, func() inspector.Entry {
		told := refused.advice
		if told.rule == "" {
			told.rule = ruleIn(refused.description)
		}
		if told.expected == "" {
			told.expected = refused.description
		}
		if told.fix == "" {
			told.fix = "Send the request as the rule has it; docs/oauth.md shows one of each kind."
		}
		return inspector.Entry{Description: refused.description, Endpoint: endpoint, Error: refused.code, Expected: told.expected, Fix: told.fix, RequestID: telemetry.RequestID(r.Context()),
			Rule: told.rule, Received: s.received(r, client, p)}
	})
	return err
}

// refuseForm answers a request by form at an endpoint that speaks JSON.
func (s *Service) refuseForm(w http.ResponseWriter, r *http.Request, endpoint string, form params, err error) {
	s.writeError(w, r, s.noted(r, endpoint, form, err))
}

var specification = regexp.MustCompile(`\(((?:RFC|OpenID|FAPI)[^()]*)\)`)

// ruleIn is the specification that a description names.
func ruleIn(description string) string {
	if found := specification.FindStringSubmatch(description); found != nil {
		return found[1]
	}
	return "RFC 6749"
}

// claimedClient is whom a request says it is from. Nothing of it is proven: an entry shows what came, whoever sent it.
func claimedClient(r *http.Request, p params) string {
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		if id, _, ok := parseBasic(headers[0]); ok {
			return id
		}
	}
	if id := p.get("client_id"); id != "" {
		return id
	}
	if c, err := unverified(p.get("client_assertion")); err == nil {
		return c.Subject
	}
	if c, err := unverified(p.get("id_token_hint")); err == nil && len(c.Audience) > 0 {
		return c.Audience[0]
	}
	if c, err := unverified(p.get("access_token")); err == nil {
		id, _ := c.Text("client_id")
		return id
	}
	return ""
}

// The advice that depends on the app.

// redirectAdvice says how an address differs from those that are registered.
func redirectAdvice(e *protocolError, rule, name, given string, registered []string) *protocolError {
	expected := name + " is one of those that the app has registered, byte for byte: " + listed(registered)
	switch nearest := nearestAddress(given, registered); {
	case given == "":
		return e.told(rule, expected, "Send "+name+".")
	case nearest == "":
		return e.told(rule, expected, "Register the address in the app's settings, under OpenID Connect.")
	default:
		return e.told(rule, expected, "The address received "+differs(given, nearest)+". Send the registered one, or register the one received, if it is yours.")
	}
}

// listed names the first few of many.
func listed(all []string) string {
	switch {
	case len(all) == 0:
		return "there is none yet"
	case len(all) > 5:
		return strings.Join(all[:5], " ") + " and others"
	}
	return strings.Join(all, " ")
}

// secretAdvice says what may be wrong with a secret.
func secretAdvice(client apps.Client, given string) *protocolError {
	const rule, expected = "RFC 6749, section 2.3.1", "client_secret is one of the app's secrets that have not expired."
	match := func(secret string) bool {
		return slices.ContainsFunc(client.SecretHashes, func(known apps.SecretHash) bool { return secrets.EqualHash(secrets.HashToken(secret), known.Hash) })
	}
	switch trimmed := strings.TrimSpace(given); {
	case len(client.SecretHashes) == 0:
		return errClient.told(rule, "The app has a secret.", "Make a client secret on the app's tab Secrets.")
	case match(given):
		return errClient.told(rule, expected, "This secret has expired: make a new one on the app's tab Secrets.")
	case trimmed != given && match(trimmed):
		return errClient.told(rule, expected, "Take the spaces or line breaks around the secret away.")
	case !secrets.LooksLike("grv_cs", trimmed):
		return errClient.told(rule, expected, "This is no client secret of Grove's, which begin with grv_cs_, or not a whole one: copy it again, or make a new one on the app's tab Secrets.")
	}
	return errClient.told(rule, expected, "This is a whole secret, but not one of this app's, or one that was taken away: compare its last four characters with the app's tab Secrets.")
}

// verifierAdvice says how verifier and challenge do not go together.
func verifierAdvice(verifier, challenge string) *protocolError {
	const rule = "RFC 7636, section 4.6"
	switch {
	case challenge == "":
		return errGrant.told(rule, "There is no code_verifier where the authorization request had no code_challenge.", "Send code_challenge when the sign-in begins.")
	case !validVerifier(verifier):
		return errGrant.told("RFC 7636, section 4.1", "code_verifier is 43 to 128 letters, digits, or - . _ ~", "Make the verifier of 32 random bytes in base64url.")
	case verifier == challenge:
		return errGrant.told(rule, "code_verifier is the text of which the SHA-256 was sent as code_challenge.", "This is the challenge itself: send what it was made of.")
	}
	return errGrant.told(rule, "code_verifier is the text of which the SHA-256 was sent as code_challenge.", "Keep the verifier with the state of its request; a second sign-in, in another tab perhaps, has another one.")
}

// methodAdvice says how the app proves who it is.
func methodAdvice(client apps.Client, method string) *protocolError {
	wants := client.AuthMethod
	if wants == apps.AuthSecret {
		wants = apps.AuthBasic + " or " + apps.AuthPost
	}
	return errClient.told("RFC 6749, section 2.3", "The app proves who it is by "+wants+"; the request came with "+method+".",
		"Set the client library's token endpoint authentication method to "+wants+", or change the app's (OpenID Connect, Authentication).")
}
