package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// Client-Initiated Backchannel Authentication (OpenID Connect CIBA Core 1.0), in the modes poll and ping: a client names a person who is
// not at its browser; he is told by e-mail, and answers in a browser of his own; the client redeems what it was given meanwhile.
//
// Whether a hint names anybody is nothing that a client learns here: a request about nobody is given an auth_req_id like any other, by
// the same work, and waits until it runs out (docs/adr/0027).
const (
	prefixCIBA     = "grv_ba" // of auth_req_id
	prefixCIBALink = "grv_bl"

	cibaInterval = 5 * time.Second // between two polls; each that comes too early makes it longer by as much
	cibaLife     = 10 * time.Minute
	maxCIBALife  = time.Hour
	cibaWindow   = time.Hour

	// maxOpenCIBA is how many requests of one app about whom one hint names may wait at a time.
	maxOpenCIBA = 3
	// maxAskedCIBA is how often a person is asked within cibaWindow by all apps together, not counting what he said yes to. Whoever asks
	// oftener is answered as ever, and nobody is told.
	maxAskedCIBA = 10

	maxBindingMessage = 128  // characters
	minNotification   = 22   // characters of a client_notification_token: 128 bits in base64url
	maxNotification   = 1024 // section 7.1

	ruleCIBA = "OpenID Connect CIBA Core 1.0, section 7.1"
)

// cibaMembers are the parameters of a request that a signed one holds instead (section 7.1.1).
var cibaMembers = []string{"acr_values", paramDetails, "binding_message", "client_notification_token", "id_token_hint", "login_hint", "login_hint_token", "org", "orgId",
	"requested_expiry", "scope", "user_code"}

var errCIBAOpen = refuse(codeAccessDenied, "Too many requests about this person wait for an answer. Wait until one is answered or over.").told(ruleCIBA,
	"At most three requests about one person wait at a time.", "Do not ask again while a request waits; poll, or wait for the ping.")

type cibaData struct {
	App ids.App `json:"app_id" audit:"public"`
}

var eventCIBARequested = events.Declare[cibaData]("grant.requested", "An app asked a person who was not at its browser to sign in (CIBA). Whether there is such a person is not told.")

// authorizeBackchannel is the backchannel authentication endpoint (section 7).
func (s *Service) authorizeBackchannel(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	var body []byte
	if err == nil {
		body, err = s.backchannelAuthentication(r, form)
	}
	if err == nil {
		writeRaw(w, http.StatusOK, body)
		return
	}
	if err = s.noted(r, atBackchannel, form, err); !errors.Is(err, errCIBAOpen) {
		s.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusForbidden, map[string]string{"error": errCIBAOpen.code, "error_description": errCIBAOpen.description}) // section 13
}

func (s *Service) backchannelAuthentication(r *http.Request, form params) ([]byte, error) {
	ctx := r.Context()
	client, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if client.Public || !slices.Contains(client.GrantTypes, grantCIBA) {
		return nil, refuse(codeUnauthorizedClient, "This client may not use backchannel authentication.").told("OpenID Connect CIBA Core 1.0, section 4", "The app may use the grant type ciba, and is a confidential client.",
			"Allow the grant type in the app's settings (OpenID Connect, Grant types).")
	}
	asked, err := s.openedCIBA(ctx, client.Client, form)
	if err != nil {
		return nil, err
	}
	c, where, life, err := s.readCIBA(ctx, client.Client, asked)
	if err != nil {
		return nil, err
	}
	t := httpapi.TenantOf(ctx)
	key, err := s.Keys.DataKey(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	var authReqID string
	authReqID, c.hash = secrets.NewToken(prefixCIBA)
	_, c.link = cibaLink(key, t.ID, c.ID)
	if client.BackchannelDelivery == apps.DeliveryPing {
		c.Sealed = cibaPing{AuthReqID: authReqID, Token: asked.get("client_notification_token")}.seal(key, c.ID)
	}
	err = s.DB.InTenant(asClient(ctx, client.Client), t.ID, func(ctx context.Context, tx db.Tx) error {
		c.ExpiresAt = tx.Now().Add(life)
		return s.askTx(ctx, tx, t, client.Client, c, where, asked.get("login_hint"))
	})
	if err != nil {
		return nil, err
	}
	return newClaims().text("auth_req_id", authReqID).number("expires_in", int64(life/time.Second)).number("interval", int64(cibaInterval/time.Second)).end(), nil
}

// askTx stores a request, about nobody where the hint names nobody whom it could be about.
func (s *Service) askTx(ctx context.Context, tx db.Tx, t httpapi.Tenant, client apps.Client, c cibaRequest, where httpapi.Org, login string) error {
	named := where.ID != noOrg // what the client called an organization is one
	at := client.Org
	if named && !where.ID.IsZero() {
		available, err := s.available(ctx, tx, client, where.ID)
		if err != nil {
			return err
		}
		if named = available; available {
			at = where.ID
		}
	}
	if login != "" {
		person, err := s.SignIn.Person(ctx, tx, t, login, where.ID)
		if err != nil {
			return err
		}
		c.User = person.ID
	}
	// The same is asked about nobody as about somebody.
	subject := c.User
	if subject.IsZero() {
		subject = ids.NewUser()
	}
	_, err := s.Users.Load(ctx, tx, subject)
	if err != nil && !fault.CodeNotFound.Is(err) {
		return err
	}
	known := err == nil
	standing, err := s.Sessions.Standing(ctx, tx, sessions.Subjects{Org: where.ID, User: subject})
	if err != nil {
		return err
	}
	member := true
	if !where.ID.IsZero() {
		if member, err = s.Members.IsMember(ctx, tx, where.ID, subject); err != nil {
			return err
		}
	}
	open, asked, err := countCIBA(ctx, tx, c.App, c.hint, subject)
	if err != nil {
		return err
	}
	if open >= maxOpenCIBA {
		return errCIBAOpen
	}
	if !known || !named || !member || standing.Blocked || asked >= maxAskedCIBA {
		c.User = ids.User{}
	}
	c.Org = where.ID
	if c.User.IsZero() {
		c.Org = ids.Org{}
	}
	if err := insertCIBA(ctx, tx, c); err != nil {
		return err
	}
	return s.Events.Write(ctx, tx, eventCIBARequested.Of(at, c.ID, cibaData{App: c.App}))
}

// noOrg stands for an organization that the client named and that does not exist: nobody belongs there.
var noOrg = ids.NewOrg()

// readCIBA judges a request that came plain, or that was opened. where is the organization that it names, zero for none, and noOrg for one
// that does not exist.
func (s *Service) readCIBA(ctx context.Context, client apps.Client, p params) (c cibaRequest, where httpapi.Org, life time.Duration, err error) {
	no := func(err error) (cibaRequest, httpapi.Org, time.Duration, error) {
		return cibaRequest{}, httpapi.Org{}, 0, err
	}
	requested, err := scopeList(p.get("scope"))
	switch {
	case err != nil:
		return no(err)
	case !contains(requested, scopeOpenID):
		return no(refuse(codeInvalidScope, "The scope openid is required (OpenID Connect CIBA Core 1.0, section 7.1)."))
	case p.has("login_hint_token"):
		return no(refuse(codeInvalidRequest, "login_hint_token is not supported: name the person by login_hint or id_token_hint.").told(ruleCIBA, "", "Send login_hint or id_token_hint."))
	case p.has("user_code"):
		return no(refuse(codeInvalidRequest, "user_code is not supported.").told("OpenID Connect CIBA Core 1.0, section 4", "backchannel_user_code_parameter_supported of the server's metadata is false.", "Leave user_code out."))
	case p.has("login_hint") == p.has("id_token_hint"):
		return no(refuse(codeInvalidRequest, "Exactly one of login_hint and id_token_hint is required.").told(ruleCIBA, "", "Name the person once: by his username or address, or by an ID token."))
	case len(p.get("login_hint")) > maxHint:
		return no(refuse(codeInvalidRequest, "login_hint is too long."))
	case len(p.get("acr_values")) > maxHint: // voluntary, as at the authorization endpoint: acr of the ID token says what was done
		return no(refuse(codeInvalidRequest, "acr_values is too long."))
	}
	if life, err = requestedExpiry(p.get("requested_expiry")); err != nil {
		return no(err)
	}
	message, ok := bindingMessage(p.get("binding_message"))
	switch {
	case !ok:
		return no(refuse(codeInvalidBindingMessage, "binding_message is longer than 128 characters, or holds some that cannot be shown.").told(ruleCIBA, "", "Send a few plain words, such as the amount, or a code that the app shows too."))
	case message == "" && client.Demands().Any:
		return no(profileViolation(client, "binding_message is required, by which the person knows what he answers."))
	case client.BackchannelDelivery == apps.DeliveryPing && !validNotification(p.get("client_notification_token")):
		return no(refuse(codeInvalidRequest, "client_notification_token is missing, or is not a bearer token of 22 to 1024 characters.").told(ruleCIBA, "The app's mode is ping, and client_notification_token is a bearer token (RFC 6750, section 2.1) that nobody guesses.",
			"Send a new random token with each request: it comes with the ping, by which the app knows that we sent it."))
	}
	issuer := httpapi.IssuerOf(ctx)
	c = cibaRequest{ID: ids.NewCIBARequest(), App: client.ID, Issuer: issuer.URL, Message: message, Scopes: authorizedScopes(client, requested)}
	if where, err = s.whereOf(ctx, issuer.Org, p); err != nil {
		return no(err)
	}
	if hint := p.get("id_token_hint"); hint != "" {
		told, err := s.readHint(ctx, httpapi.TenantOf(ctx), hint)
		if err == nil && issuedTo(told) != client.ClientID {
			err = errToken
		}
		if err == nil {
			c.User, _, err = s.hinted(ctx, httpapi.TenantOf(ctx), told)
		}
		if err != nil || c.User.IsZero() {
			return no(errHint.because(err))
		}
	}
	name := p.get("login_hint")
	if name == "" {
		name = c.User.String()
	}
	c.hint = secrets.HashToken(strings.ToLower(strings.TrimSpace(name)) + "\x00" + issuer.Org.ID.String() + p.get("org") + p.get("orgId"))
	asked, err := s.askedDetails(ctx, client, p, nil, details.Request{Org: where.ID})
	if err != nil {
		return no(err)
	}
	c.Details = asked.list.String()
	return c, where, life, nil
}

// whereOf is the organization that the base, org or orgId names. One that does not exist is not told apart from one that nobody belongs to.
func (s *Service) whereOf(ctx context.Context, base httpapi.Org, p params) (httpapi.Org, error) {
	var named authn.Request
	if err := chosenOrg(base, p, &named); err != nil {
		return httpapi.Org{}, err
	}
	if named.OrgRequested == "" {
		return httpapi.Org{ID: named.Org}, nil
	}
	org, err := s.Orgs.Resolve(ctx, httpapi.TenantOf(ctx), named.OrgRequested)
	if fault.CodeNotFound.Is(err) || fault.CodeInvalid.Is(err) {
		return httpapi.Org{ID: noOrg}, nil
	}
	return org, err
}

// requestedExpiry is how long a request waits: as long as it asks for, an hour at the most.
func requestedExpiry(s string) (time.Duration, error) {
	if s == "" {
		return cibaLife, nil
	}
	seconds, err := strconv.ParseUint(s, 10, 31)
	if err != nil || seconds == 0 {
		return 0, refuse(codeInvalidRequest, "requested_expiry is not a positive number of seconds.").told(ruleCIBA, "", "Send whole seconds, or leave it out.")
	}
	return min(time.Duration(seconds)*time.Second, maxCIBALife), nil
}

// bindingMessage is what the person is shown: one line of what can be seen.
func bindingMessage(s string) (string, bool) {
	s = strings.TrimSpace(s)
	return s, utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxBindingMessage && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsGraphic(c) })
}

// validNotification reports whether a client_notification_token is a b64token (RFC 6750, section 2.1) of a length that nobody guesses.
func validNotification(token string) bool {
	body := strings.TrimRight(token, "=")
	return len(token) >= minNotification && len(token) <= maxNotification && body != "" && !strings.ContainsFunc(body, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", c)
	})
}
