package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// Limits of what an authorization request may carry along.
const (
	maxHint  = 320
	maxNonce = 512
	maxState = 4096
)

// authorization is an authorization request that was found good. It travels through the sign-in with the flow, sealed.
type authorization struct {
	ACR         []string         `json:"acr,omitempty"`    // one of which the sign-in has to be
	Claims      string           `json:"claims,omitempty"` // see byName
	ClientID    string           `json:"client_id"`
	Challenge   string           `json:"code_challenge"`
	ActAs       ids.User         `json:"requested_subject,omitzero"` // as whom the person wants to act
	CIBA        *ids.CIBARequest `json:"ciba,omitempty"`             // the backchannel request that the person answers, instead of a client at the browser
	Details     details.List     `json:"authorization_details,omitempty"`
	Device      []byte           `json:"device,omitempty"` // hash of the device code that the person lets in, instead of a client at the browser
	Issuer      string           `json:"issuer"`
	JKT         string           `json:"dpop_jkt,omitempty"`
	Mode        string           `json:"response_mode"`
	Nonce       string           `json:"nonce,omitempty"`
	Profile     string           `json:"profile,omitempty"` // under which the request was judged
	Pushed      []byte           `json:"pushed,omitempty"`  // hash of the reference that the request came by (RFC 9126)
	RedirectURI string           `json:"redirect_uri"`
	Resources   []string         `json:"resource,omitempty"`
	Scopes      []string         `json:"scopes"`
	State       string           `json:"state,omitempty"`
	Subjects    []ids.User       `json:"sub,omitempty"` // one of whom has to sign in; nil: anybody
	Types       []string         `json:"response_type,omitempty"`

	covering []string // scopes that the person is asked for beside Scopes, because of Claims
}

// authorize is the authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core 1.0, section 3.1.2).
//
// Until client and redirect URI are known to belong together every failure is a page; from then on it goes to the client.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	sent, err := authorizationParams(r)
	if err != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, sent, err))
		return
	}
	p, pushed, err := s.pulled(ctx, sent)
	if err != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, sent, err))
		return
	}
	client, err := s.known(ctx, p)
	if err != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, p, err))
		return
	}
	asked := p
	if pushed == nil { // what was pushed was opened then
		p, err = s.opened(ctx, client, asked)
	}
	if err != nil {
		s.refuseObject(w, r, client, asked, s.noted(r, atAuthorize, asked, err))
		return
	}
	a, err := s.target(ctx, client, p)
	if err != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, p, err))
		return
	}
	a.Pushed = pushed
	req, err := s.readAuthorization(ctx, client, p, &a)
	if err == nil && mustPush(client) && pushed == nil {
		err = refuse(codeInvalidRequest, "This application has to push its authorization requests (RFC 9126).").told("RFC 9126, section 5 (require_pushed_authorization_requests)", "",
			"Send the request to the pushed_authorization_request_endpoint first, and only client_id and the request_uri of its answer by the browser.")
	}
	if err != nil {
		s.sendLast(w, r, client, a, s.noted(r, atAuthorize, p, err))
		return
	}
	req.OrgFixed = pushed != nil || asked.has("request")
	browser := authn.BrowserOf(w, r)
	outcome, err := s.SignIn.Begin(ctx, httpapi.TenantOf(ctx), req, browser)
	if err != nil {
		s.sendLast(w, r, client, a, err)
		return
	}
	if outcome.RedirectTo == "" {
		err = s.useUp(ctx, a)
	}
	switch {
	case err != nil:
		s.errorPage(w, r, s.noted(r, atAuthorize, p, err))
	case outcome.Error != "":
		s.sendError(w, r, client, a, s.noted(r, atAuthorize, p, signInError(outcome.Error, outcome.Refusal)))
	case outcome.Done != nil:
		s.answer(w, r, client, a, *outcome.Done, browser)
	default:
		noStore(w.Header())
		w.Header().Set("Location", outcome.RedirectTo)
		w.WriteHeader(http.StatusSeeOther)
	}
}

// sendLast sends an error that uses up what was pushed: it was answered.
func (s *Service) sendLast(w http.ResponseWriter, r *http.Request, client apps.Client, a authorization, err error) {
	if used := s.useUp(r.Context(), a); used != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, a.params(), used))
		return
	}
	s.sendError(w, r, client, a, err)
}

// resume goes on where the pages have finished. What was good when the flow began is asked again: a client may have been
// disabled, or lost its redirect URI, while the person typed.
func (s *Service) resume(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	t := httpapi.TenantOf(ctx)
	p, err := parseParams(r.URL.RawQuery, maxQueryBytes)
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	id, err := parseFlow(p.get("flow"))
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	browser := authn.BrowserOf(w, r)
	done, err := s.SignIn.Finish(ctx, t, id, browser)
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	var a authorization
	if err := json.Unmarshal(done.Return, &a); err != nil {
		s.errorPage(w, r, err)
		return
	}
	if a.Device != nil {
		s.settleDevice(w, r, a, done)
		return
	}
	if a.CIBA != nil {
		s.settleCIBA(w, r, a, done)
		return
	}
	client, err := s.client(ctx, t, a.ClientID)
	if err == nil && (client.ID != done.App || a.Issuer != httpapi.IssuerOf(ctx).URL || !redirectAllowed(client, a.Issuer, a.RedirectURI) || !a.stillAllowed(client)) {
		err = refuse(codeInvalidRequest, "The application has changed since the sign-in began. Start again from the application.")
	}
	if err == nil {
		err = s.useUp(ctx, a)
	}
	if err != nil {
		s.errorPage(w, r, s.noted(r, atAuthorize, a.params(), err))
		return
	}
	if done.Error != "" {
		s.sendError(w, r, client, a, s.noted(r, atAuthorize, a.params(), signInError(done.Error, done.Refusal)))
		return
	}
	s.answer(w, r, client, a, done, browser)
}

func (s *Service) sendError(w http.ResponseWriter, r *http.Request, client apps.Client, a authorization, err error) {
	p := s.asProtocolError(r.Context(), err)
	s.send(w, r, client, a, param{"error", p.code}, param{"error_description", p.description})
}

// send sends the response in the mode that was asked for: state as it came and iss (RFC 9207) go with it.
func (s *Service) send(w http.ResponseWriter, r *http.Request, client apps.Client, a authorization, pairs ...param) {
	if a.State != "" {
		pairs = append(pairs, param{"state", a.State})
	}
	mode, signed := plainMode(a.Mode)
	if signed {
		var err error
		if pairs, err = s.signResponse(r.Context(), client, a.Issuer, pairs); err != nil {
			s.errorPage(w, r, err)
			return
		}
	} else {
		pairs = append(pairs, param{"iss", a.Issuer})
	}
	response{redirectURI: a.RedirectURI, mode: mode, issuer: a.Issuer}.send(w, pairs)
}

var signInDescriptions = map[string]string{
	authn.ErrorAccessDenied:        "The person, or a rule, said no.",
	authn.ErrorConsentRequired:     "The person has to agree first.",
	authn.ErrorInteractionRequired: "A page has to be shown.",
	authn.ErrorInvalidRequest:      "The request cannot be answered as it is.",
	authn.ErrorLoginRequired:       "The person has to sign in.",
}

// refusals say why a person was not let in. What is said of an organization that does not exist is said of one that does not have
// the app.
var refusals = map[authn.Refusal]*protocolError{
	authn.RefusedApp: refuse(codeAccessDenied, "The organization does not have this application.").told("the app's sharing", "The app is shared with the organization.",
		"Share the app with the organization, or sign in to another one."),
	authn.RefusedEverybody: refuse(codeAccessDenied, "The organization is suspended.").told("the organization's state", "The organization, and all above it, are active.",
		"Whoever suspended it can resume it."),
	authn.RefusedLacking: refuse(codeAccessDenied, "The person lacks a value that the application cannot do without.").told("the app's setting requested_attributes", "Whoever signs in has a value of each mandatory attribute that the request asks for.",
		"Let an administrator of the person's organization fill it in, or make it one that people fill in themselves (self_service of the claim), or one that is not mandatory."),
	authn.RefusedMember: refuse(codeAccessDenied, "The person does not belong to the organization.").told("the person's membership", "The person belongs to the organization that org names.",
		"Send the organization that the person chose, or leave org out and let him choose."),
	authn.RefusedNowhere: refuse(codeAccessDenied, "No organization of the person's has this application.").told("the app's sharing", "The app is shared with an organization of the person's.",
		"Share the app with the person's organization, or let it have the person as a member."),
	authn.RefusedUnknown: refuse(codeAccessDenied, "org names no organization that has this application.").told("the parameter org", "org is the id or handle of an organization with which the app is shared.",
		"See how the handle is spelled, and whether the app is shared with the organization."),
}

func signInError(code string, why authn.Refusal) error {
	if e := refusals[why]; e != nil && code == codeAccessDenied {
		return e
	}
	e := refuse(code, signInDescriptions[code])
	const rule = "OpenID Connect Core 1.0, section 3.1.2.6"
	switch code {
	case authn.ErrorConsentRequired, authn.ErrorInteractionRequired, authn.ErrorLoginRequired:
		return e.told(rule, "With prompt=none the person is signed in here, and nothing is left to ask.", "This is the usual answer where nobody is signed in: send the person to sign in without prompt=none.")
	case authn.ErrorAccessDenied:
		return e.told(rule, "The person agrees, belongs to the organization, and may use the app there.", "If the person did not say no: see whether the app is shared with the organization, and whether both are active.")
	}
	return e
}

// params are those of a request that a sign-in began with, as far as they came along.
func (a authorization) params() params {
	return params{{"client_id", a.ClientID}, {"redirect_uri", a.RedirectURI}, {"scope", strings.Join(a.Scopes, " ")}}
}

var (
	errHint = refuse(codeInvalidRequest, "id_token_hint is not an ID token for this client from here.").told("OpenID Connect Core 1.0, section 3.1.2.1",
		"id_token_hint is an ID token that this issuer made for the app.", "Send the ID token of the last sign-in, whole, or leave the parameter out. An access token is none.")
	errSentBy = refuse(codeInvalidClient, "The application that sent you here is not known, or it is switched off.").told("RFC 6749, section 2.2", "The app is enabled.", "Enable the app in the console.")
)

func parseFlow(s string) (ids.Flow, error) {
	var id ids.Flow
	if err := id.UnmarshalText([]byte(s)); err != nil || id.IsZero() {
		return id, refuse(codeInvalidRequest, "This address names no sign-in.")
	}
	return id, nil
}

// authorizationParams reads the query of a GET or the form of a POST.
func authorizationParams(r *http.Request) (params, error) {
	if r.Method == http.MethodPost {
		return readForm(r)
	}
	return parseParams(r.URL.RawQuery, maxQueryBytes)
}

// known finds the client that a request names.
func (s *Service) known(ctx context.Context, p params) (apps.Client, error) {
	t, id := httpapi.TenantOf(ctx), p.get("client_id")
	if err := s.ensure(ctx, t, id); err != nil {
		return apps.Client{}, err
	}
	client, err := s.client(ctx, t, id)
	if errors.Is(err, errClient) {
		err = errSentBy.because(err)
	}
	return client, err
}

// target settles where an answer may go at all.
func (s *Service) target(ctx context.Context, client apps.Client, p params) (authorization, error) {
	issuer := httpapi.IssuerOf(ctx)
	redirect := p.get("redirect_uri")
	if !redirectAllowed(client, issuer.URL, redirect) {
		return authorization{}, redirectAdvice(refuse(codeInvalidRequest, "The address to return to is missing or is not one that the application has registered."), "RFC 9700, section 2.1",
			"redirect_uri", redirect, client.RedirectURIs)
	}
	if len(p.get("state")) > maxState {
		return authorization{}, refuse(codeInvalidRequest, "state is longer than 4096 bytes.")
	}
	return authorization{ClientID: client.ClientID, Issuer: issuer.URL, Mode: modeQuery, Profile: client.Profile, RedirectURI: redirect, State: p.get("state")}, nil
}

// refuseObject answers a request whose object is no good: to the client where the address beside it is one of the client's, in the
// mode that is named beside it (JARM, section 2.3), else to the person.
func (s *Service) refuseObject(w http.ResponseWriter, r *http.Request, client apps.Client, asked params, err error) {
	a, none := s.target(r.Context(), client, asked)
	if none != nil {
		s.errorPage(w, r, err)
		return
	}
	_ = readResponseType(client, asked, &a) // what is wrong with the type is not what is to be said
	if _, signed := plainMode(a.Mode); !signed && client.Demands().SignedResponse {
		a.Mode += suffixJWT // the client reads nothing else, and its mode is in the object
	}
	s.sendError(w, r, client, a, err)
}

// redirectAllowed reports whether a redirect URI is the client's. A built-in app is part of every base and has its
// callback there.
func redirectAllowed(client apps.Client, issuer, given string) bool {
	if client.Builtin && given == issuer+"/"+client.ClientID+"/callback" {
		return true
	}
	return apps.MatchRedirect(client.RedirectURIs, given, client.Native)
}

// readAuthorization judges the rest of the request. It fills a as far as it gets, so that an error takes the response
// mode that was asked for.
func (s *Service) readAuthorization(ctx context.Context, client apps.Client, p params, a *authorization) (authn.Request, error) {
	if err := readResponseType(client, p, a); err != nil {
		return authn.Request{}, err
	}
	switch {
	case p.has("request"):
		return authn.Request{}, refuse(codeRequestUnsupported, "The parameter request is not supported.").told("RFC 9101, section 5", "", "Send the request object once.")
	case p.has("request_uri"):
		return authn.Request{}, refuse(codeRequestURIUnsupported, "The parameter request_uri is not supported.").told("RFC 9126, section 4", "request_uri is one of the PAR endpoint's.", "Push the request (RFC 9126), or send the request object itself as request.")
	case p.has("registration"):
		return authn.Request{}, refuse(codeRegistrationUnsupported, "The parameter registration is not supported.")
	}
	var err error
	if a.wants(typeCode) {
		if a.Challenge, err = readChallenge(p.get("code_challenge"), p.get("code_challenge_method"), client.Settings); err != nil {
			return authn.Request{}, err
		}
	}
	requested, err := scopeList(p.get("scope"))
	if err != nil {
		return authn.Request{}, err
	}
	if a.Resources, err = readResources(client, p); err != nil {
		return authn.Request{}, err
	}
	asked, err := s.askedDetails(ctx, client, p, a.Resources, details.Request{Org: httpapi.IssuerOf(ctx).Org.ID})
	if err != nil {
		return authn.Request{}, err
	}
	if a.Details = asked.list; len(requested) == 0 && len(a.Details) == 0 {
		requested = scopesOf(client, a.Resources)
	}
	a.Scopes = slices.DeleteFunc(authorizedScopes(client, requested), func(scope string) bool {
		return !aimed(client, scope, a.Resources) || scope == scopeOfflineAccess && !a.wants(typeCode)
	})
	if err := noneGranted(requested, a.Scopes, missingAPI); err != nil && len(a.Details) == 0 {
		return authn.Request{}, err
	}
	if a.wants(typeIDToken) && !contains(a.Scopes, scopeOpenID) {
		return authn.Request{}, refuse(codeInvalidRequest, "The scope openid is required where an ID token comes back.").told("OpenID Connect Core 1.0, section 3.1.2.1", "", "Add openid to scope.")
	}
	if err := s.readImpersonation(ctx, client, p, a); err != nil {
		return authn.Request{}, err
	}
	if err := s.readClaims(ctx, client, p, a); err != nil {
		return authn.Request{}, err
	}
	if a.Nonce = p.get("nonce"); len(a.Nonce) > maxNonce {
		a.Nonce = ""
		return authn.Request{}, refuse(codeInvalidRequest, "nonce is longer than 512 bytes.")
	}
	if a.JKT = p.get("dpop_jkt"); a.JKT != "" && !validThumbprint(a.JKT) {
		a.JKT = ""
		return authn.Request{}, refuse(codeInvalidRequest, "dpop_jkt is not the SHA-256 thumbprint of a key (RFC 9449, section 10).")
	}
	if err := checkProfileRequest(client, p, *a); err != nil {
		return authn.Request{}, err
	}
	return s.signInRequest(ctx, client, p, a)
}

func (s *Service) signInRequest(ctx context.Context, client apps.Client, p params, a *authorization) (authn.Request, error) {
	client.SkipConsent = client.SkipConsent && !client.Demands().AskConsent
	req := authn.Request{App: client, Issuer: a.Issuer, LoginHint: p.get("login_hint"), RedirectURI: a.RedirectURI, Details: a.Details, Scopes: slices.Concat(a.Scopes, a.covering)}
	named, err := readByName(a.Claims)
	if err != nil {
		return req, err
	}
	if req.Attributes, req.Instead = asked(client, a.Scopes, named); client.ByAttribute() {
		req.Instead = append(req.Instead, a.covering...)
	}
	if len(req.LoginHint) > maxHint {
		return req, refuse(codeInvalidRequest, "login_hint is too long.")
	}
	if req.Prompt, err = prompts(p.get("prompt")); err != nil {
		return req, err
	}
	if req.MaxAge, err = maxAge(p.get("max_age")); err != nil {
		return req, err
	}
	if locales := p.get("ui_locales"); len(locales) <= maxHint {
		req.UILocales = strings.Fields(locales)
	}
	if hint := p.get("id_token_hint"); hint != "" {
		c, err := s.readHint(ctx, httpapi.TenantOf(ctx), hint)
		if err == nil && issuedTo(c) != client.ClientID {
			err = errToken
		}
		if err == nil {
			req.HintUser, _, err = s.hinted(ctx, httpapi.TenantOf(ctx), c)
		}
		if err != nil || req.HintUser.IsZero() {
			return req, errHint.because(err)
		}
	}
	switch {
	case len(a.Subjects) == 0:
	case !req.HintUser.IsZero() && !slices.Contains(a.Subjects, req.HintUser):
		return req, errSubjectAsked
	case len(a.Subjects) == 1:
		req.HintUser = a.Subjects[0]
	}
	if err := chosenOrg(httpapi.IssuerOf(ctx).Org, p, &req); err != nil {
		return req, err
	}
	req.Return, err = json.Marshal(a)
	return req, err
}

// chosenOrg reads what names the organization: the base that the request came in by, org, or orgId. They must not
// contradict each other.
func chosenOrg(base httpapi.Org, p params, req *authn.Request) error {
	named := p.get("org")
	if byID := p.get("orgId"); byID != "" {
		if named != "" && named != byID {
			return refuse(codeInvalidRequest, "org and orgId name two organizations.")
		}
		named = byID
	}
	if len(named) > maxHint {
		return refuse(codeInvalidRequest, "org is too long.")
	}
	if base.ID.IsZero() {
		req.OrgRequested = named
		return nil
	}
	if named != "" && named != base.ID.String() && named != base.Handle {
		return refuse(codeInvalidRequest, "This address is another organization's than org names.")
	}
	req.Org = base.ID
	return nil
}

// prompts reads prompt (OpenID Connect Core 1.0, section 3.1.2.1).
func prompts(s string) ([]string, error) {
	values := strings.Fields(s)
	if len(values) > 4 {
		return nil, refuse(codeInvalidRequest, "prompt has too many values.")
	}
	for _, v := range values {
		switch v {
		case authn.PromptConsent, authn.PromptLogin, authn.PromptSelectAccount:
		case authn.PromptNone:
			if len(values) > 1 {
				return nil, refuse(codeInvalidRequest, "prompt=none goes with no other value.").told("OpenID Connect Core 1.0, section 3.1.2.1", "", "Send none alone, or leave it out.")
			}
		default:
			return nil, refuse(codeInvalidRequest, "prompt has a value that is not supported.").told("OpenID Connect Core 1.0, section 3.1.2.1", "prompt holds none, login, consent or select_account.", "Leave the other value out.")
		}
	}
	return values, nil
}

// maxAge reads max_age: seconds, digits only.
func maxAge(s string) (*int, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return nil, refuse(codeInvalidRequest, "max_age is not a number of seconds.")
	}
	seconds := int(n)
	return &seconds, nil
}
