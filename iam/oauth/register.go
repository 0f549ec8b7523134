package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"grove/iam/registration"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// maxMetadataBytes bounds client metadata: ten keys and two hundred addresses fit.
const maxMetadataBytes = 64 << 10

// Registration lets in apps that describe themselves. iam/registration.
type Registration interface {
	Ensure(ctx context.Context, tenant ids.Tenant, root, org ids.Org, clientID string) error
	Offers(ctx context.Context, tenant ids.Tenant, org ids.Org) (registration.Offers, error)
	Register(ctx context.Context, tenant ids.Tenant, org ids.Org, token string, m registration.Metadata) (registration.Registered, error)
	Read(ctx context.Context, tenant ids.Tenant, clientID, token string) (registration.Registered, error)
	Replace(ctx context.Context, tenant ids.Tenant, clientID, token string, m registration.Metadata) (registration.Registered, error)
	Delete(ctx context.Context, tenant ids.Tenant, clientID, token string) error
}

// registrationRequest is the body of a registration or of its replacement.
type registrationRequest struct {
	registration.Metadata
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// registrationResponse is client information (RFC 7591, section 3.2.1; RFC 7592, section 3).
type registrationResponse struct {
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret,omitempty"`
	IssuedAt        int64  `json:"client_id_issued_at"`
	SecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	AccessToken     string `json:"registration_access_token"`
	URI             string `json:"registration_client_uri"`
	registration.Metadata
}

// register is the client registration endpoint (RFC 7591, section 3).
func (s *Service) register(w http.ResponseWriter, r *http.Request) {
	made, err := func() (made registration.Registered, err error) {
		token, err := registrationToken(r, false)
		if err != nil {
			return made, err
		}
		in, err := readMetadata(r)
		if err != nil {
			return made, err
		}
		ctx := r.Context()
		return s.Registration.Register(ctx, httpapi.TenantOf(ctx).ID, baseOrg(ctx), token, in.Metadata)
	}()
	s.writeRegistration(w, r, http.StatusCreated, made, made.AccessToken, err)
}

// readRegistration is the client read request (RFC 7592, section 2.1).
func (s *Service) readRegistration(w http.ResponseWriter, r *http.Request) {
	token, err := registrationToken(r, true)
	var found registration.Registered
	if err == nil {
		found, err = s.Registration.Read(r.Context(), httpapi.TenantOf(r.Context()).ID, chi.URLParam(r, "client_id"), token)
	}
	s.writeRegistration(w, r, http.StatusOK, found, token, err)
}

// replaceRegistration is the client update request (RFC 7592, section 2.2).
func (s *Service) replaceRegistration(w http.ResponseWriter, r *http.Request) {
	token, err := registrationToken(r, true)
	var changed registration.Registered
	if err == nil {
		changed, err = s.replaced(r, token)
	}
	s.writeRegistration(w, r, http.StatusOK, changed, token, err)
}

func (s *Service) replaced(r *http.Request, token string) (changed registration.Registered, err error) {
	ctx, id := r.Context(), chi.URLParam(r, "client_id")
	t := httpapi.TenantOf(ctx)
	// Who holds no good token learns nothing, not even whether the rest would do.
	if _, err := s.Registration.Read(ctx, t.ID, id, token); err != nil {
		return changed, err
	}
	in, err := readMetadata(r)
	if err != nil {
		return changed, err
	}
	if in.ClientID != id {
		return changed, refuse(registration.CodeMetadata, "client_id has to be the client's own (RFC 7592, section 2.2).")
	}
	if in.ClientSecret != "" {
		client, err := s.client(ctx, t, id)
		if err != nil {
			return changed, err
		}
		if !registration.OwnSecret(client, in.ClientSecret) {
			return changed, refuse(registration.CodeMetadata, "client_secret has to be the client's own, or left out.")
		}
	}
	return s.Registration.Replace(ctx, t.ID, id, token, in.Metadata)
}

// deleteRegistration is the client delete request (RFC 7592, section 2.3).
func (s *Service) deleteRegistration(w http.ResponseWriter, r *http.Request) {
	token, err := registrationToken(r, true)
	if err == nil {
		err = s.Registration.Delete(r.Context(), httpapi.TenantOf(r.Context()).ID, chi.URLParam(r, "client_id"), token)
	}
	if err != nil {
		s.writeRegistration(w, r, 0, registration.Registered{}, "", err)
		return
	}
	noStore(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) writeRegistration(w http.ResponseWriter, r *http.Request, status int, found registration.Registered, token string, err error) {
	if refused, ok := registration.IsRefusal(err); ok {
		err = refuseBecause(refused.Code, refused.Description, err)
	}
	var p *protocolError
	if errors.As(err, &p) && p.code == registration.CodeToken || errors.Is(err, errNoRegistrationToken) {
		s.writeBearerError(w, r, err)
		return
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind == fault.Forbidden {
		writeJSON(w, http.StatusForbidden, map[string]string{"error": codeAccessDenied, "error_description": f.Detail})
		return
	}
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	body := registrationResponse{ClientID: found.ClientID, ClientSecret: found.Secret, IssuedAt: found.IssuedAt.Unix(), AccessToken: token,
		URI: httpapi.IssuerOf(r.Context()).URL + "/oauth2/register/" + found.ClientID, Metadata: found.Metadata}
	if found.Secret != "" {
		body.SecretExpiresAt = new(int64)
	}
	writeJSON(w, status, body)
}

var errNoRegistrationToken = refuse(codeNoToken, "A registration access token is required.")

// registrationToken reads a bearer token from the header, the only place for it here.
func registrationToken(r *http.Request, required bool) (string, error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 && !required {
		return "", nil
	}
	if len(given) == 0 {
		return "", errNoRegistrationToken
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", refuse(registration.CodeToken, registration.ErrToken.Description)
	}
	return token, nil
}

func readMetadata(r *http.Request) (in registrationRequest, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return in, refuse(codeInvalidRequest, "Client metadata is sent as application/json.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxMetadataBytes+1))
	if err != nil || len(raw) > maxMetadataBytes {
		return in, refuseBecause(codeInvalidRequest, "The body is longer than 64 KiB, or cannot be read.", err)
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, refuseBecause(registration.CodeMetadata, "The body is not a JSON object with the members of client metadata (RFC 7591, section 2).", err)
	}
	return in, nil
}
