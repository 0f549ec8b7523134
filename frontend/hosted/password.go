package hosted

import (
	"errors"
	"net/http"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/iam/recovery"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

// passwordVisit is one look at a link to choose a password.
type passwordVisit struct {
	browser authn.Browser
	peeked  recovery.Peeked
	token   string
}

// openPasswordLink reads the link that a request names. Where there is none that can be used it answers, and ok is false.
func (p *Pages) openPasswordLink(w http.ResponseWriter, r *http.Request) (v passwordVisit, ok bool) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return v, false
	}
	v = passwordVisit{browser: authn.BrowserOf(w, r), token: in["token"]}
	v.peeked, err = p.Passwords.Peek(r.Context(), httpapi.TenantOf(r.Context()).ID, v.token)
	if err == nil {
		return v, true
	}
	p.refusePasswordLink(w, r, v, err)
	return v, false
}

// refusePasswordLink says that a link cannot be used, now or ever, or that something failed.
func (p *Pages) refusePasswordLink(w http.ResponseWriter, r *http.Request, v passwordVisit, err error) {
	switch {
	case fault.CodeSuspended.Is(err):
		login.Render(w, r, login.PageSuspended, login.SuspendedPage{Common: login.Common{OrgName: v.peeked.OrgName, Status: http.StatusForbidden}})
	case isSpent(err):
		p.spentPasswordLink(w, r)
	default:
		p.fail(w, r, err)
	}
}

func (p *Pages) spentPasswordLink(w http.ResponseWriter, r *http.Request) {
	login.Render(w, r, login.PageLinkInvalid, login.LinkInvalidPage{Common: login.Common{OrgName: p.host(r), Status: http.StatusGone}, SignInURL: address(r, "/login/")})
}

// showPasswordLink shows the form and uses nothing up: mail scanners open links.
func (p *Pages) showPasswordLink(w http.ResponseWriter, r *http.Request) {
	if v, ok := p.openPasswordLink(w, r); ok {
		p.renderPasswordLink(w, r, v, "")
	}
}

func (p *Pages) renderPasswordLink(w http.ResponseWriter, r *http.Request, v passwordVisit, problem string) {
	token, err := p.token(r, v.browser, purposeOf("password link", v.token))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	c := login.Common{Action: address(r, "/login/set-password", "token", v.token), CSRF: token, OrgName: v.peeked.OrgName, Problem: problem}
	if problem != "" {
		c.Status = http.StatusUnprocessableEntity
	}
	login.Render(w, r, login.PageChangePassword, login.ChangePasswordPage{Common: c, ByLink: true, PasswordKinds: v.peeked.Passwords.MinKinds, PasswordMin: v.peeked.Passwords.MinLength, Username: v.peeked.Username})
}

// usePasswordLink sets the password and leads to the sign-in, where it is needed at once: who holds a link has proved less
// than who signs in.
func (p *Pages) usePasswordLink(w http.ResponseWriter, r *http.Request) {
	v, ok := p.openPasswordLink(w, r)
	if !ok {
		return
	}
	in, err := p.form(w, r, v.browser, purposeOf("password link", v.token))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	plain := in[login.FieldPassword]
	if plain == "" {
		p.renderPasswordLink(w, r, v, login.ProblemPasswordRequired)
		return
	}
	t := httpapi.TenantOf(r.Context())
	err = p.Passwords.Use(r.Context(), t.ID, v.token, plain)
	var f *fault.Error
	switch {
	case err == nil:
		seeOther(w, t.Base+"/account/")
	case errors.As(err, &f) && f.Code.Kind == fault.Invalid:
		p.renderPasswordLink(w, r, v, login.ProblemPasswordPolicy)
	default:
		p.refusePasswordLink(w, r, v, err)
	}
}
