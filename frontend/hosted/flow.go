package hosted

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"grove/frontend/login"
	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// showFlow shows the question that is due.
func (p *Pages) showFlow(w http.ResponseWriter, r *http.Request) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if in["flow"] == "" {
		p.home(w, r)
		return
	}
	id, err := parseFlow(in["flow"])
	if err != nil {
		p.fail(w, r, err)
		return
	}
	b := authn.BrowserOf(w, r)
	f, err := p.Engine.Find(r.Context(), httpapi.TenantOf(r.Context()), id, b, in[login.FieldFind])
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.showStep(w, r, b, f, authn.Step(in["step"]))
}

// answerFlow takes an answer. The step that it answers is in the address of the form, so that a page that was left open
// cannot answer another question.
func (p *Pages) answerFlow(w http.ResponseWriter, r *http.Request) {
	query, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	id, err := parseFlow(query["flow"])
	if err != nil {
		p.fail(w, r, err)
		return
	}
	b := authn.BrowserOf(w, r)
	in, err := p.form(w, r, b, flowPurpose(id))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	f, err := p.Engine.Continue(r.Context(), httpapi.TenantOf(r.Context()), id, b, authn.Input{
		Act: acts[in[login.FieldDecision]], Allow: in[login.FieldDecision] == login.DecisionAllow, Attributes: chosen(in), NewPassword: in[login.FieldPassword], Organization: in[login.FieldOrganization],
		Password: in[login.FieldPassword], Step: authn.Step(query["step"]), Username: in[login.FieldUsername], Values: typed(in)})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if f.Problem != "" {
		p.showStep(w, r, b, f, "")
		return
	}
	if f.SessionSecret != "" {
		p.Engine.SetSession(w, r, f.SessionSecret)
	}
	if f.Step == authn.StepDone {
		seeOther(w, f.ResumeURL())
		return
	}
	seeOther(w, f.PageURL())
}

// acts are what a person does instead of answering, by the value of the decision field.
var acts = map[string]authn.Act{login.DecisionAccount: authn.ActAccount, login.DecisionCancel: authn.ActCancel, login.DecisionOrganization: authn.ActOrganization}

// typed are the values of a profile, by the names of claims.
func typed(in values) map[string]string {
	all := map[string]string{}
	for name, value := range in {
		if claim, is := strings.CutPrefix(name, login.FieldValue); is {
			all[claim] = value
		}
	}
	return all
}

// chosen are the claims whose boxes are ticked.
func chosen(in values) (claims []string) {
	for name := range in {
		if claim, is := strings.CutPrefix(name, login.FieldAttribute); is {
			claims = append(claims, claim)
		}
	}
	return claims
}

func flowPurpose(id ids.Flow) string { return "flow " + id.String() }

func parseFlow(s string) (id ids.Flow, err error) {
	if id.UnmarshalText([]byte(s)) != nil || id.IsZero() {
		return id, errParameters
	}
	return id, nil
}

// showStep renders a flow's question. wanted is the step that the person went back to, if any.
func (p *Pages) showStep(w http.ResponseWriter, r *http.Request, b authn.Browser, f authn.Flow, wanted authn.Step) {
	if f.SessionSecret != "" {
		p.Engine.SetSession(w, r, f.SessionSecret)
	}
	if f.Step == authn.StepDone {
		seeOther(w, f.ResumeURL())
		return
	}
	token, err := p.token(r, b, flowPurpose(f.ID))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	step := f.Step
	if wanted == authn.StepIdentifier && step == authn.StepPassword {
		step = wanted
	}
	c := login.Common{
		Action: address(r, "/login", "flow", f.ID.String(), "step", string(step)), AppName: f.App.Name, Cancel: f.Cancel, CSRF: token, FormActionOrigins: f.RedirectURIs,
		Locale: login.Negotiate(strings.Join(f.UILocales, " "), r.Header.Get("Accept-Language")), OrgName: cmp.Or(f.OrgName, p.host(r)), Problem: string(f.Problem),
	}
	if f.Problem != "" {
		c.Status = http.StatusUnprocessableEntity
	}
	switch challenge := f.Challenge.(type) {
	case authn.IdentifierChallenge:
		login.Render(w, r, login.PageIdentifier, login.IdentifierPage{Common: c, Username: challenge.Username})
	case authn.AccountChallenge:
		login.Render(w, r, login.PageAccount, login.AccountPage{Common: c, Username: challenge.Username})
	case authn.PasswordChallenge:
		if step == authn.StepIdentifier {
			login.Render(w, r, login.PageIdentifier, login.IdentifierPage{Common: c, Username: challenge.Username})
			return
		}
		login.Render(w, r, login.PagePassword, login.PasswordPage{Common: c, Username: challenge.Username,
			ChangeURL: address(r, "/login", "flow", f.ID.String(), "step", string(authn.StepIdentifier))})
	case authn.ChooseOrgChallenge:
		page := login.OrganizationPage{Common: c, Find: challenge.Find, FindAction: address(r, "/login"), Flow: f.ID.String(), More: challenge.More,
			OtherAccount: true, Suspended: challenge.Suspended, Username: challenge.Username}
		for _, org := range challenge.Organizations {
			page.Organizations = append(page.Organizations, login.Organization{ID: org.ID.String(), Name: org.Name})
		}
		login.Render(w, r, login.PageOrganization, page)
	case authn.ConsentChallenge:
		scopes, err := p.scopes(r.Context(), slices.Concat(challenge.Scopes, challenge.Later))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		asked, err := p.protocol.DescribeDetails(r.Context(), challenge.Details, c.Locale)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		now := len(challenge.Scopes)
		page := login.ConsentPage{Common: c, Details: asked, Elsewhere: challenge.Elsewhere, Later: scopes[now:], Message: challenge.Message, PrivacyURL: f.App.PolicyURI, Scopes: scopes[:now], TermsURL: f.App.TosURI, Username: challenge.Username}
		for _, a := range challenge.Attributes {
			page.Attributes = append(page.Attributes, login.Attribute{Checked: a.Allowed, Mandatory: a.Mandatory, Name: a.Name, Title: a.DisplayName, Value: a.Value})
		}
		page.UnknownHost, page.ReturnHost = strangerHosts(f.App, f.RedirectURIs)
		login.Render(w, r, login.PageConsent, page)
	case authn.ProfileChallenge:
		page := login.ProfilePage{Common: c, Username: challenge.Username}
		for _, v := range challenge.Values {
			page.Values = append(page.Values, login.Value{Attribute: login.Attribute{Name: v.Name, Title: v.DisplayName, Value: v.Typed}, Kind: string(v.Kind()), Problem: string(v.Problem)})
		}
		login.Render(w, r, login.PageProfile, page)
	case authn.IncompleteChallenge:
		c.Status = http.StatusForbidden
		page := login.IncompletePage{Common: c, Holder: challenge.Holder, OtherAccount: challenge.Account, OtherOrganization: challenge.Organization, Username: challenge.Username}
		for _, a := range challenge.Attributes {
			page.Attributes = append(page.Attributes, login.Attribute{Name: a.Name, Title: a.DisplayName})
		}
		login.Render(w, r, login.PageIncomplete, page)
	case authn.ChangePasswordChallenge:
		login.Render(w, r, login.PageChangePassword, login.ChangePasswordPage{Common: c, PasswordKinds: challenge.Passwords.MinKinds, PasswordMin: challenge.Passwords.MinLength, Username: challenge.Username})
	case authn.RefusedChallenge:
		c.Status = http.StatusForbidden
		login.Render(w, r, login.PageRefused, login.RefusedPage{Common: c, Named: challenge.Named, OtherAccount: challenge.Account, OtherOrganization: challenge.Organization,
			Reason: string(challenge.Refusal), Username: challenge.Username})
	case authn.SuspendedChallenge:
		c.Status = http.StatusForbidden
		page := login.SuspendedPage{Common: c, OtherAccount: challenge.Account, OtherOrganization: challenge.Organization, Username: challenge.Username}
		if challenge.Administers {
			page.AskHost = p.host(r)
		}
		login.Render(w, r, login.PageSuspended, page)
	default:
		p.fail(w, r, errParameters)
	}
}

// scopes says of each scope what its API says of it. The pages' catalogue has the standard ones.
func (p *Pages) scopes(ctx context.Context, names []string) ([]login.Scope, error) {
	out := make([]login.Scope, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	err := p.DB.InTenant(ctx, httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		known, err := p.Roles.ScopesNamed(ctx, tx, names)
		for _, scope := range known {
			i := slices.Index(names, scope.Name)
			out[i].Title, out[i].Description = scope.DisplayName, scope.Description
		}
		return err
	})
	return out, err
}

// strangerHosts are what a person can judge an app by that nobody here set up: who publishes its description, or else where
// it lives, and where the answer goes. Name and logo are what the app likes them to be.
func strangerHosts(client apps.Client, redirects []string) (publisher, returns string) {
	if !client.DescribesItself() {
		return "", ""
	}
	if len(redirects) > 0 {
		returns = hostOf(redirects[0])
	}
	if client.Source == apps.SourceDocument {
		return hostOf(client.ClientID), returns
	}
	return returns, returns
}

// hostOf returns the host of an address, and of one without, such as a native app's, its scheme.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return cmp.Or(u.Host, u.Scheme+":")
}
