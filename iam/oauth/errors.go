package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

// The error codes of RFC 6749 (sections 4.1.2.1 and 5.2), OpenID Connect Core (3.1.2.6) and RFC 6750 (3.1).
const (
	codeAccessDenied            = "access_denied"
	codeAuthorizationPending    = "authorization_pending"   // RFC 8628, section 3.5
	codeInvalidBindingMessage   = "invalid_binding_message" // OpenID Connect CIBA Core 1.0, section 13
	codeConsentRequired         = "consent_required"
	codeExpiredToken            = "expired_token"
	codeInsufficientScope       = "insufficient_scope"
	codeInteractionRequired     = "interaction_required"
	codeInvalidClient           = "invalid_client"
	codeInvalidDetails          = "invalid_authorization_details" // RFC 9396, section 5
	codeInvalidGrant            = "invalid_grant"
	codeInvalidProof            = "invalid_dpop_proof" // RFC 9449, section 5
	codeInvalidRequest          = "invalid_request"
	codeInvalidRequestObject    = "invalid_request_object" // RFC 9101, section 7
	codeInvalidRequestURI       = "invalid_request_uri"
	codeInvalidScope            = "invalid_scope"
	codeInvalidTarget           = "invalid_target" // RFC 8707, section 2
	codeInvalidToken            = "invalid_token"
	codeLoginRequired           = "login_required"
	codeRegistrationUnsupported = "registration_not_supported"
	codeRequestUnsupported      = "request_not_supported"
	codeRequestURIUnsupported   = "request_uri_not_supported"
	codeServerError             = "server_error"
	codeSlowDown                = "slow_down"
	codeTemporarilyUnavailable  = "temporarily_unavailable"
	codeUnmetAuthentication     = "unmet_authentication_requirements" // OpenID Connect Core Error Code of that name 1.0
	codeUnauthorizedClient      = "unauthorized_client"
	codeUnsupportedGrantType    = "unsupported_grant_type"
	codeUnsupportedResponseType = "unsupported_response_type"
	codeUnsupportedTokenType    = "unsupported_token_type"
	codeUserNotFound            = "user_not_found" // draft-parecki-oauth-global-token-revocation has the status alone
	codeUseNonce                = "use_dpop_nonce" // RFC 9449, section 8
)

// protocolError is a failure in the words of the protocol. The description is written here, never taken from input.
type protocolError struct {
	code        string
	description string
	cause       error          // for the log only
	of          *protocolError // the answer of which this is one case; nil where it stands for itself
	advice      advice
	scope       string // that a token lacks, where it is not openid
}

func (e *protocolError) Error() string { return e.code + ": " + e.description }

func (e *protocolError) Unwrap() error { return e.cause }

// refuse makes a refusal. What only the developer of the app may know of it is added by [protocolError.told].
func refuse(code, description string) *protocolError {
	return &protocolError{code: code, description: description}
}

func refuseBecause(code, description string, cause error) *protocolError {
	return &protocolError{code: code, description: description, cause: cause}
}

// errGrant is the one answer for every code, refresh token or subject token that is not good, so that a stranger learns
// nothing from the difference.
var errGrant = refuse(codeInvalidGrant, "The grant is invalid, expired, used, revoked, or was issued to another client.")

// asProtocolError turns any error into one for the wire; what is none loses its text.
func (s *Service) asProtocolError(ctx context.Context, err error) *protocolError {
	var p *protocolError
	if errors.As(err, &p) {
		if p.cause != nil {
			s.log.DebugContext(ctx, "oauth request refused", "code", p.code, "error", p.cause)
		}
		return p
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind.Status() < http.StatusInternalServerError {
		s.log.DebugContext(ctx, "oauth request refused", "code", f.Code.Name, "error", err)
		switch f.Code.Kind {
		case fault.Forbidden:
			return refuse(codeAccessDenied, f.Detail)
		case fault.TooMany:
			return refuse(codeTemporarilyUnavailable, f.Detail)
		}
		return refuse(codeInvalidRequest, f.Detail)
	}
	if errors.As(err, &f) && f.Code.Kind == fault.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(codeTemporarilyUnavailable, "The request took too long. Try again.")
	}
	if db.IsBusy(err) {
		s.log.WarnContext(ctx, "oauth request gave way to others", "error", err)
		return refuse(codeTemporarilyUnavailable, "Too much was going on at once. Nothing was changed; try again.")
	}
	if db.IsUnavailable(err) {
		s.log.ErrorContext(ctx, "oauth request failed", "error", err)
		return refuse(codeTemporarilyUnavailable, "The database cannot be reached. Try again.")
	}
	s.log.ErrorContext(ctx, "oauth request failed", "error", err)
	return refuse(codeServerError, "Something went wrong on our side. The failure has been recorded.")
}

// status of a JSON error at the token, introspection and revocation endpoints (RFC 6749, section 5.2).
func (e *protocolError) status() int {
	switch e.code {
	case codeInvalidClient:
		return http.StatusUnauthorized
	case codeUserNotFound:
		return http.StatusNotFound
	case codeServerError:
		return http.StatusInternalServerError
	case codeTemporarilyUnavailable:
		if fault.CodeTooMany.Is(e.cause) {
			return http.StatusTooManyRequests
		}
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

func (s *Service) writeError(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProtocolError(r.Context(), err)
	s.lineOf(r.Context()).refused(p)
	switch p.code {
	case codeInvalidClient:
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth2", charset="UTF-8"`)
	case codeUseNonce:
		w.Header().Set("DPoP-Nonce", s.nonce(r.Context()))
	}
	writeJSON(w, p.status(), struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{p.code, p.description})
}

// writeBearerError answers at a resource that takes access tokens (RFC 6750, section 3; RFC 9449, section 7.1).
func (s *Service) writeBearerError(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProtocolError(r.Context(), err)
	status := p.status()
	told := `error="` + p.code + `", error_description="` + p.description + `"`
	challenges := []string{`Bearer realm="oauth2", ` + told}
	body := struct {
		Error       string `json:"error,omitempty"`
		Description string `json:"error_description"`
	}{p.code, p.description}
	switch p.code {
	case codeInvalidToken:
		status = http.StatusUnauthorized
		challenges = append(challenges, httpapi.ChallengeDPoP)
	case codeInvalidProof:
		status = http.StatusUnauthorized
		challenges = []string{httpapi.ChallengeDPoP + ", " + told}
	case codeInsufficientScope:
		status = http.StatusForbidden
		scope := cmp.Or(p.scope, scopeOpenID)
		challenges = []string{`Bearer realm="oauth2", scope="` + scope + `", ` + told}
	case codeNoToken:
		// RFC 6750, section 3.1: no error code where the request carries no credentials.
		status, body.Error = http.StatusUnauthorized, ""
		challenges = []string{`Bearer realm="oauth2"`, httpapi.ChallengeDPoP}
	}
	w.Header()["Www-Authenticate"] = challenges
	writeJSON(w, status, body)
}

// codeNoToken stays inside: it is the request without credentials.
const codeNoToken = "no_token"

// writeJSON answers with a body that no cache keeps.
func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeRaw(w, status, raw)
}

func writeRaw(w http.ResponseWriter, status int, body []byte) {
	writeAs(w, status, "application/json", body)
}

func writeAs(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	noStore(h)
	h.Set("Content-Type", contentType)
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", httpapi.RetryAfter)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// noStore keeps a response out of every cache (RFC 6749, section 5.1; RFC 9700, section 4.3).
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}
