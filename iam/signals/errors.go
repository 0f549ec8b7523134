package signals

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// refusal is an answer with the error codes of RFC 8935 (section 2.4), which the framework leaves open for its own endpoints. The
// description is written here, never taken from input.
type refusal struct {
	status      int
	code        string
	description string
}

func (e *refusal) Error() string { return e.code + ": " + e.description }

const (
	codeDenied         = "access_denied"
	codeInvalidRequest = "invalid_request"
	codeNotFound       = "not_found"
	codeServer         = "server_error"
	codeTooMany        = "too_many_requests"
)

func invalid(description string) error {
	return &refusal{http.StatusBadRequest, codeInvalidRequest, description}
}

var (
	errExclusions = &refusal{http.StatusForbidden, codeDenied, "As many subjects were removed as can be. Add some again, or delete the stream."}
	errNoStream   = &refusal{http.StatusNotFound, codeNotFound, "The app has no stream with this stream_id here."}
	errStopped    = &refusal{http.StatusForbidden, codeDenied, "An administrator stopped the stream, and lets it go on."}
	errStreams    = &refusal{http.StatusForbidden, codeDenied, "The app has as many streams as it may. Delete one first."}
	errTooOften   = &refusal{http.StatusTooManyRequests, codeTooMany, "A verification was asked for less than min_verification_interval ago."}
)

// call is a request of a receiver.
type call struct {
	base   httpapi.Issuer
	client apps.Client
	tenant httpapi.Tenant
}

// receiver lets an app in by a token of its own with one of the scopes, and answers what goes wrong.
func (s *Service) receiver(do func(context.Context, call, http.ResponseWriter, *http.Request) error, scopes ...perm.Permission) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, client, err := s.Protocol.Receiver(r, scopes...)
		if err != nil {
			s.Protocol.RefuseBearer(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		ctx := actor.Into(r.Context(), who)
		c := call{base: httpapi.IssuerOf(ctx), client: client, tenant: httpapi.TenantOf(ctx)}
		if err := do(ctx, c, w, r); err != nil {
			s.refuse(ctx, w, err)
		}
	}
}

func (s *Service) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	var known *refusal
	var f *fault.Error
	switch {
	case errors.As(err, &known):
	case errors.As(err, &f) && f.Code.Kind == fault.NotFound:
		known = errNoStream
	case errors.As(err, &f) && f.Code.Kind.Status() < http.StatusInternalServerError:
		known = &refusal{f.Code.Kind.Status(), codeInvalidRequest, f.Detail}
	case db.IsBusy(err) || db.IsUnavailable(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		s.Log.WarnContext(ctx, "a receiver's request was not served", "error", err)
		known = &refusal{http.StatusServiceUnavailable, codeServer, "Nothing was changed. Try again."}
	default:
		s.Log.ErrorContext(ctx, "a receiver's request failed", "error", err)
		known = &refusal{http.StatusInternalServerError, codeServer, "Something went wrong on our side. The failure has been recorded."}
	}
	writeJSON(w, known.status, struct {
		Code        string `json:"err"`
		Description string `json:"description"`
	}{known.code, known.description})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"err":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the receiver may be gone
}

// maxBody bounds what a receiver sends.
const maxBody = 64 << 10

// readBody reads a request's JSON into to. A body without a media type is taken: the framework's own examples have none.
func readBody(r *http.Request, to any) error {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if parsed, _, err := mime.ParseMediaType(kind); err != nil || parsed != "application/json" {
			return invalid("Send application/json.")
		}
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return &refusal{http.StatusRequestEntityTooLarge, codeInvalidRequest, "The body is longer than 64 KiB, or cannot be read."}
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return invalid("The body is no JSON object with members of the right types.")
	}
	return nil
}

// streamOf reads a stream's identifier. Another kind of text names a stream that is not there.
func streamOf(id string) (stream ids.SignalStream, err error) {
	if id == "" {
		return stream, invalid("stream_id is required.")
	}
	if stream.UnmarshalText([]byte(id)) != nil {
		return stream, errNoStream
	}
	return stream, nil
}
