package hosted

import (
	"net/http"
	"slices"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/iam/oauth"
)

// showRequest begins the sign-in of a person whom an app asks from elsewhere (OpenID Connect CIBA), at whose end he answers, or tells him
// what he has answered. The link alone answers nothing: mail scanners open links.
func (p *Pages) showRequest(w http.ResponseWriter, r *http.Request) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if slices.Contains([]string{login.AnswerApproved, login.AnswerDenied, login.AnswerUnanswered}, in["done"]) {
		p.renderAnswer(w, r, http.StatusOK, in["done"])
		return
	}
	to, err := p.protocol.BeginCIBA(r.Context(), in["token"], authn.BrowserOf(w, r))
	switch {
	case oauth.CodeCIBA.Is(err):
		p.renderAnswer(w, r, http.StatusGone, login.AnswerGone)
	case err != nil:
		p.fail(w, r, err)
	default:
		seeOther(w, to)
	}
}

func (p *Pages) renderAnswer(w http.ResponseWriter, r *http.Request, status int, answer string) {
	login.Render(w, r, login.PageRequestDone, login.RequestDonePage{Common: login.Common{OrgName: p.host(r), Status: status}, Answer: answer})
}
