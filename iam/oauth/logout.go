package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// logoutLife is how long a person may take to confirm a sign-out.
const logoutLife = 10 * time.Minute

const purposeLogout = "logout"

// LogoutRequest is a request to sign out that was found good (OpenID Connect RP-Initiated Logout 1.0). It travels to the
// page that asks the person, and back, sealed for its tenant and base.
type LogoutRequest struct {
	AppName     string      `json:"app_name,omitempty"`
	Expires     time.Time   `json:"expires"`
	Locales     []string    `json:"locales,omitempty"`
	RedirectURI string      `json:"redirect_uri,omitempty"` // one that the client has registered; "" for none
	Session     ids.Session `json:"session"`                // of the id_token_hint; zero without one
	State       string      `json:"state,omitempty"`
	User        ids.User    `json:"user"` // of the id_token_hint
}

// logout takes the client's request, checks it and sends the browser to the page that confirms: a link alone signs
// nobody out.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	p, err := authorizationParams(r)
	var request LogoutRequest
	if err == nil {
		request, err = s.readLogout(ctx, p)
	}
	if err != nil {
		s.errorPage(w, r, s.noted(r, atLogout, p, err))
		return
	}
	sealed, err := s.sealLogout(ctx, request)
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	noStore(w.Header())
	w.Header().Set("Location", httpapi.IssuerOf(ctx).URL+"/login/logout?request="+sealed)
	w.WriteHeader(http.StatusSeeOther)
}

// loggedOut ends a sign-out that the page has done: back to the client, or to a page that says so. It ends nothing itself.
func (s *Service) loggedOut(w http.ResponseWriter, r *http.Request) {
	p, err := parseParams(r.URL.RawQuery, maxQueryBytes)
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	request, err := s.OpenLogout(r.Context(), p.get("request"))
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	if request.RedirectURI == "" {
		noStore(w.Header())
		s.Pages.SignedOutPage(w, r)
		return
	}
	noStore(w.Header())
	w.Header().Set("Location", request.location())
	w.WriteHeader(http.StatusSeeOther)
}

// location is the client's page; of the parameters only state comes back.
func (l LogoutRequest) location() string {
	if l.State == "" {
		return l.RedirectURI
	}
	return response{redirectURI: l.RedirectURI, mode: modeQuery}.location([]param{{"state", l.State}})
}

// DoneURL is where the page sends the browser after the session was ended, below the base of the request.
func DoneURL(issuer, sealed string) string { return issuer + "/oauth2/logout/done?request=" + sealed }

// OpenLogout reads what logout sealed for the request's tenant and base. Any failure is one that a page may show.
func (s *Service) OpenLogout(ctx context.Context, sealed string) (LogoutRequest, error) {
	var request LogoutRequest
	raw, err := s.Sealer.Open(purposeLogout, logoutBinding(ctx), sealed)
	if err == nil {
		err = json.Unmarshal(raw, &request)
	}
	if err != nil || !s.DB.Clock().Now().Before(request.Expires) {
		return LogoutRequest{}, refuseBecause(codeInvalidRequest, "This sign-out was asked for too long ago. Start again from the application.", err)
	}
	return request, nil
}

func (s *Service) sealLogout(ctx context.Context, request LogoutRequest) (string, error) {
	request.Expires = s.DB.Clock().Now().Add(logoutLife)
	raw, err := json.Marshal(request)
	return s.Sealer.Seal(purposeLogout, logoutBinding(ctx), raw), err
}

func logoutBinding(ctx context.Context) []byte {
	return []byte(httpapi.TenantOf(ctx).ID.String() + " " + httpapi.IssuerOf(ctx).URL)
}

func (s *Service) readLogout(ctx context.Context, p params) (LogoutRequest, error) {
	t := httpapi.TenantOf(ctx)
	request := LogoutRequest{State: p.get("state")}
	if len(request.State) > maxState {
		return request, refuse(codeInvalidRequest, "state is longer than 4096 bytes.")
	}
	if locales := p.get("ui_locales"); len(locales) <= maxHint {
		request.Locales = strings.Fields(locales)
	}
	clientID := p.get("client_id")
	if hint := p.get("id_token_hint"); hint != "" {
		c, err := s.readHint(ctx, t, hint)
		if err == nil && clientID != "" && issuedTo(c) != clientID {
			err = errToken
		}
		if err == nil {
			request.User, request.Session, err = s.hinted(ctx, t, c)
		}
		if err == nil && (request.User.IsZero() || request.Session.IsZero()) {
			err = errToken
		}
		if err != nil {
			return request, errHint.because(err)
		}
		clientID = issuedTo(c)
	}
	redirect := p.get("post_logout_redirect_uri")
	if clientID == "" {
		if redirect != "" {
			return request, refuse(codeInvalidRequest, "post_logout_redirect_uri needs an id_token_hint or a client_id.").told("OpenID Connect RP-Initiated Logout 1.0, section 2", "", "Send the ID token that the person signed in with as id_token_hint.")
		}
		return request, nil
	}
	client, err := s.client(ctx, t, clientID)
	if errors.Is(err, errClient) {
		return request, errSentBy.because(err)
	}
	if err != nil {
		return request, err
	}
	if redirect != "" && !slices.Contains(logoutURIs(client, httpapi.IssuerOf(ctx).URL), redirect) {
		return request, redirectAdvice(refuse(codeInvalidRequest, "The address to return to is not one that the application has registered."), "OpenID Connect RP-Initiated Logout 1.0, section 3",
			"post_logout_redirect_uri", redirect, client.PostLogoutRedirectURIs)
	}
	request.AppName, request.RedirectURI = client.Name, redirect
	return request, nil
}

// logoutURIs are those registered; a built-in app returns to where it lives below the base.
func logoutURIs(client apps.Client, issuer string) []string {
	if !client.Builtin {
		return client.PostLogoutRedirectURIs
	}
	home := issuer + "/" + client.ClientID
	return append(slices.Clone(client.PostLogoutRedirectURIs), home, home+"/")
}
