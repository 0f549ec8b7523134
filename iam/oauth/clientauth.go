package oauth

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/secrets"
)

// Client authentication methods (RFC 6749, section 2.3; RFC 7591, section 2).
const (
	methodBasic = "client_secret_basic"
	methodNone  = "none"
	methodPost  = "client_secret_post"
)

// authenticatedClient is a client that has proved itself, or a public one that has named itself. Only authenticateClient
// makes it, so whoever holds one need not ask again.
type authenticatedClient struct{ apps.Client }

// errClient is the one answer to every failure, so that it does not tell which client_ids exist.
var errClient = refuse(codeInvalidClient, "Client authentication failed.")

var noSecret = secrets.HashToken("")

const maxClientID = 255

// authenticateClient settles who sends a form. Exactly one method may be used.
func (s *Service) authenticateClient(ctx context.Context, r *http.Request, form params) (authenticatedClient, error) {
	id, secret, method, err := clientCredentials(r, form)
	if err != nil {
		return authenticatedClient{}, err
	}
	client, err := s.client(ctx, httpapi.TenantOf(ctx), id)
	if err != nil {
		if method != methodNone {
			secrets.MatchToken(secret, noSecret) // the same work as for a client that exists
		}
		return authenticatedClient{}, err
	}
	switch {
	case method == methodNone && client.Public:
		return authenticatedClient{client}, nil
	case method == methodNone, client.Public:
		return authenticatedClient{}, errClient
	}
	if !secretMatches(client, secret, s.DB.Clock().Now()) {
		return authenticatedClient{}, errClient
	}
	return authenticatedClient{client}, nil
}

// client finds an enabled client.
func (s *Service) client(ctx context.Context, t httpapi.Tenant, id string) (apps.Client, error) {
	if id == "" || len(id) > maxClientID {
		return apps.Client{}, errClient
	}
	client, err := s.Clients.Client(ctx, t.ID, id)
	switch {
	case fault.CodeNotFound.Is(err):
		return apps.Client{}, errClient
	case err != nil:
		return apps.Client{}, err
	case !client.Enabled:
		return apps.Client{}, errClient
	}
	return client, nil
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

// clientCredentials finds the credentials in header or body.
func clientCredentials(r *http.Request, form params) (id, secret, method string, err error) {
	headers := r.Header.Values("Authorization")
	if form.has("client_assertion", "client_assertion_type") {
		return "", "", "", refuse(codeInvalidClient, "Client assertions are not offered.")
	}
	if len(headers) == 0 {
		id, secret = form.get("client_id"), form.get("client_secret")
		switch {
		case id == "":
			return "", "", "", errClient
		case secret == "":
			return id, "", methodNone, nil
		}
		return id, secret, methodPost, nil
	}
	if len(headers) > 1 || form.has("client_secret") {
		return "", "", "", refuse(codeInvalidRequest, "Use one method of client authentication.")
	}
	id, secret, ok := parseBasic(headers[0])
	if !ok || id == "" || secret == "" {
		return "", "", "", errClient
	}
	if named := form.get("client_id"); named != "" && named != id {
		return "", "", "", refuse(codeInvalidRequest, "client_id is not the client that authenticates.")
	}
	return id, secret, methodBasic, nil
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
