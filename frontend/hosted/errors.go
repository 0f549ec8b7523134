package hosted

import (
	"errors"
	"net/http"
	"regexp"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/telemetry"
)

// fail shows what went wrong. What is no fault of the person's is logged, and says nothing of itself.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *fault.Error
	switch {
	case errors.Is(err, errForgery):
		p.error(w, r, http.StatusForbidden, "access_denied", login.ProblemCSRF)
	case errors.Is(err, errParameters):
		p.error(w, r, http.StatusBadRequest, "invalid_request", "")
	case authn.IsGone(err):
		p.error(w, r, http.StatusGone, "", login.ProblemExpired)
	case errors.As(err, &f) && f.Code.Kind == fault.Unavailable, db.IsBusy(err), db.IsUnavailable(err):
		w.Header().Set("Retry-After", httpapi.RetryAfter)
		p.error(w, r, http.StatusServiceUnavailable, "temporarily_unavailable", login.ProblemUnavailable)
	case errors.As(err, &f) && f.Code.Kind != fault.Internal:
		p.error(w, r, f.Code.Kind.Status(), "access_denied", "")
	default:
		p.Log.ErrorContext(r.Context(), "a sign-in page failed", "error", err)
		p.error(w, r, http.StatusInternalServerError, "server_error", login.ProblemUnknown)
	}
}

// host names whose pages these are while no organization is chosen: the one whose base it is, else the tenant by the name of
// its root organization. "" where even that cannot be told.
func (p *Pages) host(r *http.Request) string {
	ctx := r.Context()
	if org := httpapi.IssuerOf(ctx).Org; !org.ID.IsZero() {
		return org.Name
	}
	t := httpapi.TenantOf(ctx)
	if t.ID.IsZero() {
		return ""
	}
	org, err := p.Orgs.Resolve(ctx, t, "root")
	if err != nil {
		return "" // a page about a failure must not fail
	}
	return org.Name
}

func (p *Pages) error(w http.ResponseWriter, r *http.Request, status int, code, problem string) {
	p.errorBecause(w, r, status, code, problem, "")
}

func (p *Pages) errorBecause(w http.ResponseWriter, r *http.Request, status int, code, problem, reason string) {
	login.Render(w, r, login.PageError, login.ErrorPage{Code: code, Reason: reason, RequestID: telemetry.RequestID(r.Context()),
		Common: login.Common{OrgName: p.host(r), Problem: problem, Status: status}})
}

// ErrorPage says that a request of a protocol cannot go on and that no client could be told. The description is for
// whoever builds the client, and goes to the log; the page has it where the request is to blame.
func (p *Pages) ErrorPage(w http.ResponseWriter, r *http.Request, code, description string) {
	p.Log.InfoContext(r.Context(), "a protocol request was refused", "code", code, "description", description)
	status, problem := http.StatusBadRequest, login.ProblemClient
	switch code {
	case "access_denied":
		status, problem, description = http.StatusForbidden, "", ""
	case "invalid_client": // of which the page's own words say as much
		problem, description = login.ProblemClientUnknown, ""
	case "invalid_request_uri": // good once, and for a minute
		problem = login.ProblemExpired
	case "server_error":
		status, problem, description = http.StatusInternalServerError, login.ProblemUnknown, ""
	case "temporarily_unavailable":
		status, problem, description = http.StatusServiceUnavailable, login.ProblemUnavailable, ""
	}
	p.errorBecause(w, r, status, code, problem, description)
}

// StatusPage says to a person what a status says to a program, wherever nothing else answers.
func (p *Pages) StatusPage(w http.ResponseWriter, r *http.Request, status int) {
	problem := login.ProblemUnknown
	switch status {
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		problem = ""
	case http.StatusNotFound:
		problem = login.ProblemNotFound
	case http.StatusServiceUnavailable:
		problem = login.ProblemUnavailable
	case http.StatusTooManyRequests:
		problem = login.ProblemTooMany
	}
	p.error(w, r, status, "", problem)
}

// SignedOutPage ends a sign-out that has no page of the client's to return to.
func (p *Pages) SignedOutPage(w http.ResponseWriter, r *http.Request) {
	login.Render(w, r, login.PageSignedOut, login.SignedOutPage{Common: login.Common{OrgName: p.host(r)}, ReturnURL: httpapi.TenantOf(r.Context()).Base + "/account/"})
}

// protocolCode is the form of an error code (RFC 6749, section 4.1.2.1), kept so narrow that a link cannot put a message
// of its own on the page.
var protocolCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// showError shows the error that a link names.
func (p *Pages) showError(w http.ResponseWriter, r *http.Request) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	code := in["error"]
	if !protocolCode.MatchString(code) {
		code = ""
	}
	p.error(w, r, http.StatusBadRequest, code, "")
}
