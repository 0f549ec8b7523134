package oauth

import (
	"context"
	"net/http"
	"slices"

	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
)

// The resource owner password credentials grant (RFC 6749, section 4.3): an app has a person's password and sends it here. RFC 9700,
// section 2.4, forbids it, and RFC 6749's successor has it no more: the app sees what nobody but the person should know, and
// nothing but a password can be asked for. It is for old apps that cannot send people to a browser, where an administrator
// allows it one by one.
//
// It is a sign-in like any other ([authn.Service.ByPassword]), and makes a session. What a page would ask is refused instead.

// errPassword is the one answer for a login that is nobody's, an account that is locked or disabled, and a wrong password.
var errPassword = errGrant.told("RFC 6749, section 5.2", "username and password are those of somebody who can sign in with them.",
	"See whether the person can sign in with them in a browser. Nobody is told which of the two is wrong, nor whether the account is locked or disabled.")

// unput are the answers where a page would have to ask the person something: he has proved who he is.
var unput = map[authn.Step]*protocolError{
	authn.StepChangePassword: refuse(codeInvalidGrant, "The password was set by somebody else: the person has to sign in with a browser first, and choose one of his own.").
		told("RFC 6749, section 5.2", "The password is the person's own.", "Send the person to sign in with a browser, such as to the account portal."),
	authn.StepConsent: refuse(codeInvalidGrant, "The person has not agreed to what the app asks for, and is not there to be asked.").
		told("the app's setting skip_consent", "The person has agreed to the scopes at a sign-in with a browser, or the app asks nobody.", "Ask for less, let the person sign in with a browser once, or set skip_consent where the app is the owner's own."),
	authn.StepProfile: refuse(codeInvalidGrant, "The person lacks a value that the application cannot do without, and is not there to be asked.").
		told("the app's setting requested_attributes", "Whoever signs in has a value of each mandatory attribute that the request asks for.", "Send the person to sign in with a browser once, where the value is asked for."),
	authn.StepOrganization: refuse(codeInvalidGrant, "The person belongs to several organizations: name one by org.").
		told("the parameter org", "org or orgId names the organization, or the request goes to its own issuer.", "Send org with the id or handle of the organization that is meant."),
}

// passwordRefused is what an app is told of a sign-in that was not.
func passwordRefused(out authn.Outcome) error {
	if e := refusals[out.Refusal]; e != nil {
		return refuse(codeInvalidGrant, e.description).told(e.advice.rule, e.advice.expected, e.advice.fix)
	}
	if e := unput[out.Step]; e != nil {
		return e
	}
	return errPassword
}

// passwordGrant is the grant of that name. Parameters: username, password, scope, resource (RFC 8707), and org or orgId.
func (s *Service) passwordGrant(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	switch {
	case !form.has("username"):
		return refuse(codeInvalidRequest, "username is required.").told("RFC 6749, section 4.3.2", "", "Send the username or e-mail address of the person.")
	case !form.has("password"):
		return refuse(codeInvalidRequest, "password is required.").told("RFC 6749, section 4.3.2", "", "Send the person's password, unchanged.")
	case form.has(paramDetails):
		return refuse(codeInvalidDetails, "A person agrees to authorization_details on a page, and here is none.")
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return err
	}
	a := authorization{Issuer: httpapi.IssuerOf(ctx).URL}
	if a.Resources, err = readResources(client.Client, form); err != nil {
		return err
	}
	wanted := requested
	if len(requested) == 0 {
		wanted = scopesOf(client.Client, a.Resources)
	}
	a.Scopes = slices.DeleteFunc(authorizedScopes(client.Client, wanted), func(scope string) bool { return !aimed(client.Client, scope, a.Resources) })
	if err := noneGranted(requested, a.Scopes, missingAPI); err != nil {
		return err
	}
	req := authn.Request{App: client.Client, Issuer: a.Issuer, Scopes: a.Scopes}
	req.Attributes, req.Instead = asked(client.Client, a.Scopes, byName{})
	if err := chosenOrg(httpapi.IssuerOf(ctx).Org, form, &req); err != nil {
		return err
	}
	var p person
	var refresh string
	out, err := s.SignIn.ByPassword(ctx, httpapi.TenantOf(ctx), req, form.get("username"), form.get("password"), authn.Caller(r), func(ctx context.Context, tx db.Tx, done authn.Done) error {
		g := newGrant(client.Client, a, done)
		g.bind(client)
		ctx = asPerson(ctx, g)
		if err := s.createTx(ctx, tx, client.Client, &g); err != nil {
			return err
		}
		if p, err = s.personTx(ctx, tx, client.Client, g, g.Scopes); err != nil {
			return err
		}
		if err := noneGranted(requested, p.scopes, missingGrant); err != nil {
			return err
		}
		refresh, err = s.refreshTx(ctx, tx, client.Client, g)
		return err
	})
	if err != nil {
		return err
	}
	if out.Done == nil {
		return passwordRefused(out)
	}
	return s.respond(ctx, w, client, p, refresh, "")
}
