package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/telemetry"
)

// Problem is the body of every failure (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"Address of a page that explains the code." format:"uri-reference" example:"/docs/errors#org.invite.duplicate"`
	Title     string         `json:"title" doc:"A few words for people." example:"Already invited"`
	Status    int            `json:"status" doc:"The HTTP status." example:"409"`
	Detail    string         `json:"detail,omitempty" doc:"What to do about it. Never repeats input." example:"This address already has a pending invitation."`
	Code      string         `json:"code" doc:"The stable reason; branch on this." example:"org.invite.duplicate"`
	RequestID string         `json:"request_id" doc:"Quote this to support." example:"0f5c1f7e"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"One entry for each value that breaks a rule."`
}

// ProblemField is one broken rule.
type ProblemField struct {
	Pointer string `json:"pointer" doc:"JSON pointer (RFC 6901) into the body, or query:, path: or header: and a parameter's name." example:"/email"`
	Code    string `json:"code" doc:"The stable reason." example:"request.invalid"`
	Detail  string `json:"detail" doc:"What the rule is." example:"Must be an e-mail address."`
}

// Error makes a Problem an error for huma.
func (p *Problem) Error() string { return p.Code }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// RetryAfter is what a 503 says in Retry-After: seconds in which most of what makes one is over.
const RetryAfter = "2"

// GetHeaders are the headers that the status asks for. Those of 405 and 429 are for who answers with them.
func (p *Problem) GetHeaders() http.Header {
	switch p.Status {
	case http.StatusUnauthorized:
		return http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`, ChallengeDPoP}}
	case http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {RetryAfter}}
	}
	return nil
}

// toProblem is the only way from an error to the wire. What is no fault is internal and loses its text.
func toProblem(ctx context.Context, log *slog.Logger, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		switch {
		case db.IsUnstorable(err):
			f = fault.CodeInvalid.With("A text holds a character that cannot be stored, such as NUL.", err)
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			f = fault.CodeUnavailable.With("The request took too long or was given up.", err)
		case db.IsBusy(err):
			f = fault.CodeUnavailable.With("Too much was going on at once. Nothing was changed; send it again.", err)
		case db.IsUnavailable(err):
			f = fault.CodeUnavailable.With("The database cannot be reached. A change may have been made all the same; send it again with the same Idempotency-Key.", err)
		default:
			f = fault.CodeInternal.With("The failure has been recorded under this request id.", err)
		}
	}
	status := f.Code.Kind.Status()
	if status >= 500 {
		log.ErrorContext(ctx, "request failed", "code", f.Code.Name, "error", err)
	} else {
		log.DebugContext(ctx, "request refused", "code", f.Code.Name, "error", err)
	}
	p = newProblem(ctx, f.Code, f.Detail)
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, ProblemField{Pointer: field.Pointer, Code: field.Code, Detail: field.Detail})
	}
	return p
}

func newProblem(ctx context.Context, c fault.Code, detail string) *Problem {
	return &Problem{Type: "/docs/errors#" + c.Name, Title: c.Title, Status: c.Kind.Status(), Detail: detail, Code: c.Name, RequestID: telemetry.RequestID(ctx)}
}

// WriteProblem answers a raw handler's request with a problem.
func WriteProblem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := toProblem(r.Context(), log, err)
	w.Header().Set("Content-Type", "application/problem+json")
	maps.Copy(w.Header(), p.GetHeaders())
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// humaError replaces huma's own errors, which echo what was sent.
func humaError(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
	c := fault.CodeInvalid
	detail := "See errors for the values that break a rule."
	switch status {
	case http.StatusUnprocessableEntity:
	case http.StatusBadRequest:
		c, detail = fault.CodeMalformed, "The body is not valid JSON, or a part that is required is missing."
	case http.StatusUnsupportedMediaType:
		c, detail = fault.CodeMediaType, "Send application/json."
	case http.StatusRequestEntityTooLarge:
		c, detail = fault.CodeTooLarge, "The body is larger than this operation takes."
	case http.StatusRequestTimeout:
		c, detail = fault.CodeLate, "The body did not arrive in time."
	case http.StatusNotFound:
		c, detail = fault.CodeNotFound, fault.ErrNotFound.Detail
	default:
		c, detail = fault.CodeInternal, "The failure has been recorded under this request id."
	}
	background := context.Background()
	if ctx != nil {
		background = ctx.Context()
	}
	p := newProblem(background, c, detail)
	for _, err := range errs {
		var d *huma.ErrorDetail
		if c == fault.CodeInvalid && errors.As(err, &d) {
			p.Errors = append(p.Errors, ProblemField{Pointer: pointer(d.Location), Code: c.Name, Detail: sentence(d.Message)})
		}
	}
	return p
}

// pointer turns huma's location (body.roles[0].name, query.page_size) into ours.
func pointer(location string) string {
	where, rest, _ := strings.Cut(location, ".")
	switch where {
	case "body":
		if rest == "" {
			return ""
		}
		rest = strings.NewReplacer("[", ".", "]", "").Replace(rest)
		return "/" + strings.ReplaceAll(rest, ".", "/")
	case "query", "path", "header":
		return where + ":" + rest
	}
	return location
}
