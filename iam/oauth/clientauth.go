package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/iam/registration"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// credentials are what a request brings to prove who sends it.
type credentials struct {
	clientID  string
	method    string // one of apps.Auth…
	secret    string
	assertion string
}

// authenticatedClient is a client that has proved itself, or a public one that has named itself. Only authenticateClient
// makes it, so whoever holds one need not ask again.
type authenticatedClient struct {
	apps.Client
	shown binding // of which key and which certificate it has proved in this request to hold the private part, and of which browser it is
}

// errClient is the one answer to every failure, so that it does not tell which client_ids exist.
var errClient = refuse(codeInvalidClient, "Client authentication failed.")

var (
	errAssertionForm = errClient.told("RFC 7523, section 3", "client_assertion is a signed JWT with sub.", "Send the JWT whole: three parts, parted by dots.")
	errDisabled      = errClient.told("RFC 6749, section 2.3", "The app is enabled.", "Enable the app in the console.")
)

var noSecret = secrets.HashToken("")

const maxClientID = 255

// authenticateClient settles who sends a form. Exactly one method may be used.
func (s *Service) authenticateClient(ctx context.Context, r *http.Request, form params) (authenticatedClient, error) {
	given, err := readCredentials(r, form)
	if err != nil {
		return authenticatedClient{}, err
	}
	client, err := s.client(ctx, httpapi.TenantOf(ctx), given.clientID)
	if errors.Is(err, errClient) && registration.IsDocument(given.clientID) {
		client, err = s.firstSeen(ctx, given.clientID)
	}
	if err != nil {
		secrets.MatchToken(given.secret, noSecret) // the same work as for a client that exists
		return authenticatedClient{}, err
	}
	s.lineOf(ctx).of(client)
	if given.method == apps.AuthNone && (client.AuthMethod == apps.AuthTLS || client.AuthMethod == apps.AuthSelfSignedTLS) {
		given.method = client.AuthMethod // the form says no more than who it is
	}
	if given.method == apps.AuthPrivateKeyJWT && client.AuthMethod == apps.AuthSecretJWT {
		given.method = client.AuthMethod // both bring an assertion; with what it has to be signed, the client's setting says
	}
	if !methodAllowed(client, given.method) {
		return authenticatedClient{}, methodAdvice(client, given.method)
	}
	if err := checkProfileClient(client, given.method); err != nil {
		return authenticatedClient{}, err
	}
	switch given.method {
	case apps.AuthNone:
	case apps.AuthSelfSignedTLS, apps.AuthTLS:
		if err := s.checkCertificate(ctx, client); err != nil {
			return authenticatedClient{}, err
		}
	case apps.AuthPrivateKeyJWT, apps.AuthSecretJWT:
		if err := s.checkAssertion(ctx, r, client, given.assertion); err != nil {
			return authenticatedClient{}, err
		}
	default:
		if !secretMatches(client, given.secret, s.DB.Clock().Now()) {
			return authenticatedClient{}, secretAdvice(client, given.secret)
		}
	}
	jkt, err := s.provenKey(ctx, r.Header.Values("DPoP"), use{method: r.Method, url: httpapi.IssuerOf(ctx).URL + r.URL.Path, nonce: client.DPoPNonce, algs: client.Demands().Algs})
	return authenticatedClient{Client: client, shown: binding{jkt: jkt, x5t: s.shownThumbprint(ctx), browser: shownBrowser(r, client)}}, err
}

// methodAllowed reports whether a client may prove itself in this way. Who may prove himself in two ways is only as safe as
// the weaker.
func methodAllowed(client apps.Client, method string) bool {
	switch client.AuthMethod {
	case apps.AuthSecret:
		return method == apps.AuthBasic || method == apps.AuthPost
	default:
		return method == client.AuthMethod
	}
}

// ensure reads the document that describes a client, where its client_id is the address of one and org lets such apps in.
func (s *Service) ensure(ctx context.Context, t httpapi.Tenant, clientID string) error {
	err := s.Registration.Ensure(ctx, t.ID, t.Root, baseOrg(ctx), clientID)
	if fault.CodeNotFound.Is(err) {
		return nil // the client is not found either
	}
	if refused, ok := registration.IsRefusal(err); ok {
		return refuseBecause(refused.Code, refused.Description, err)
	}
	return err
}

// firstSeen finds a client that pushes a request or starts a device before a browser ever came along.
func (s *Service) firstSeen(ctx context.Context, clientID string) (apps.Client, error) {
	t := httpapi.TenantOf(ctx)
	if err := s.ensure(ctx, t, clientID); err != nil {
		return apps.Client{}, err
	}
	return s.client(ctx, t, clientID)
}

// client finds an enabled client.
func (s *Service) client(ctx context.Context, t httpapi.Tenant, id string) (apps.Client, error) {
	return s.clientOf(ctx, t.ID, id)
}

// clientOf is client where there is no request.
func (s *Service) clientOf(ctx context.Context, tenant ids.Tenant, id string) (apps.Client, error) {
	if id == "" || len(id) > maxClientID {
		return apps.Client{}, errStranger
	}
	client, err := s.Clients.Client(ctx, tenant, id)
	switch {
	case fault.CodeNotFound.Is(err):
		return apps.Client{}, errStranger
	case err != nil:
		return apps.Client{}, err
	case !client.Enabled:
		return apps.Client{}, errDisabled
	}
	if len(client.GrantTypes) == 1 && client.MayUse(grantClientCredentials) {
		return client, nil // it acts for nobody
	}
	client.Dialect, err = s.Dialects.Dialect(ctx, tenant, client.Org)
	return client, err
}

// secretMatches compares with every secret that has not expired, and does not stop at the first that fits. The secrets
// are server-made with 256 random bits: one SHA-256 is enough.
func secretMatches(client apps.Client, secret string, now time.Time) bool {
	given := secrets.HashToken(secret)
	match := false
	for _, known := range client.SecretHashes {
		alive := known.ExpiresAt.IsZero() || now.Before(known.ExpiresAt)
		if secrets.EqualHash(given, known.Hash) && alive {
			match = true
		}
	}
	return match
}

// readCredentials finds the credentials in header or body.
func readCredentials(r *http.Request, form params) (credentials, error) {
	headers := r.Header.Values("Authorization")
	named, secret, assertion := form.get("client_id"), form.get("client_secret"), form.get("client_assertion")
	ways := len(headers)
	if secret != "" {
		ways++
	}
	if form.has("client_assertion", "client_assertion_type") {
		ways++
	}
	switch {
	case ways > 1:
		return credentials{}, refuse(codeInvalidRequest, "Use one method of client authentication.").told("RFC 6749, section 2.3", "The secret comes in the header or in the body, or an assertion does; never two of them.", "Tell the client library one authentication method, and take the other out of the request.")
	case len(headers) == 1:
		id, secret, ok := parseBasic(headers[0])
		if !ok || id == "" || secret == "" {
			return credentials{}, errClient.told("RFC 6749, section 2.3.1", "Authorization is Basic, and the base64 of client_id, a colon and the secret, each form-encoded before.",
				"Build the header from both; a Bearer token is no client authentication.")
		}
		return oneClient(named, credentials{clientID: id, method: apps.AuthBasic, secret: secret})
	case form.has("client_assertion", "client_assertion_type"):
		if form.get("client_assertion_type") != assertionType {
			return credentials{}, refuse(codeInvalidClient, "client_assertion_type is not that of a JWT (RFC 7523).").told("RFC 7523, section 2.2", "client_assertion_type is "+assertionType+".", "Send exactly that value beside client_assertion.")
		}
		id, err := assertedClientID(assertion)
		if err != nil {
			return credentials{}, errAssertionForm.because(err)
		}
		return oneClient(named, credentials{clientID: id, method: apps.AuthPrivateKeyJWT, assertion: assertion})
	case named == "":
		return credentials{}, errClient
	case secret == "":
		return credentials{clientID: named, method: apps.AuthNone}, nil
	}
	return credentials{clientID: named, method: apps.AuthPost, secret: secret}, nil
}

// oneClient refuses a client_id beside the credentials that names somebody else.
func oneClient(named string, c credentials) (credentials, error) {
	if named != "" && named != c.clientID {
		return credentials{}, refuse(codeInvalidRequest, "client_id is not the client that authenticates.").told("RFC 6749, section 2.3.1", "client_id in the body is the one in the header or in the assertion.", "Leave client_id out of the body, or send the same.")
	}
	return c, nil
}

// parseBasic reads the header; both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
func parseBasic(header string) (id, secret string, ok bool) {
	scheme, encoded, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Basic") || len(encoded) > 4096 {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	rawID, rawSecret, found := strings.Cut(string(raw), ":")
	if !found {
		return "", "", false
	}
	id, errID := url.QueryUnescape(rawID)
	secret, errSecret := url.QueryUnescape(rawSecret)
	return id, secret, errID == nil && errSecret == nil
}
