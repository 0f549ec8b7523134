package oauth

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

var inactive = []byte(`{"active":false}`)

// introspect is token introspection (RFC 7662) for confidential clients of the tenant. What is not good, whatever the
// reason, is the same {"active":false}; and so is what is not for the client to know.
func (s *Service) introspect(w http.ResponseWriter, r *http.Request) {
	s.logged(w, r, atIntrospect, resultActive, s.answerIntrospect)
}

func (s *Service) answerIntrospect(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	var body []byte
	var caller apps.Client
	if err == nil {
		body, caller, err = s.introspection(w, r, form)
	}
	if err != nil {
		s.refuseForm(w, r, atIntrospect, form, err)
		return
	}
	h := w.Header()
	h.Add("Vary", "Accept")
	if !wantsJWT(r.Header.Values("Accept")) {
		writeRaw(w, http.StatusOK, body)
		return
	}
	signed, err := s.signIntrospection(r.Context(), caller, body)
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	writeAs(w, http.StatusOK, mediaIntrospection, signed)
}

// Signed answers (RFC 9701), for a resource that has to show later what it was told.
const (
	mediaIntrospection = "application/token-introspection+jwt"
	typIntrospection   = "token-introspection+jwt"
)

func wantsJWT(accept []string) bool {
	return slices.ContainsFunc(accept, func(line string) bool {
		return slices.ContainsFunc(strings.Split(line, ","), func(one string) bool {
			media, _, err := mime.ParseMediaType(one)
			return err == nil && media == mediaIntrospection
		})
	})
}

// signIntrospection wraps an answer for the one who asked (RFC 9701, section 5).
func (s *Service) signIntrospection(ctx context.Context, caller apps.Client, body []byte) ([]byte, error) {
	c := newClaims().text("iss", httpapi.IssuerOf(ctx).URL).text("aud", caller.ClientID).number("iat", s.DB.Clock().Now().Unix()).raw("token_introspection", body)
	signed, err := s.signFor(ctx, httpapi.TenantOf(ctx).ID, caller, caller.IntrospectionAlg, typIntrospection, c)
	if err == nil {
		signed, err = s.encrypted(ctx, caller, caller.IntrospectionEncryptionAlg, caller.IntrospectionEncryptionEnc, signed)
	}
	return []byte(signed), err
}

func (s *Service) introspection(w http.ResponseWriter, r *http.Request, form params) ([]byte, apps.Client, error) {
	no := func(err error) ([]byte, apps.Client, error) { return nil, apps.Client{}, err }
	ctx := r.Context()
	caller, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return no(err)
	}
	if caller.Public {
		return no(errClient.told("RFC 7662, section 2.1", "The caller is a confidential client.", "Register an app for the API, of the template m2m, and ask with its secret."))
	}
	if len(caller.ExchangeAudiences) > 0 { // an API: who asks for himself has no more requests than others
		if err := httpapi.ByClient(w, r, caller.ID); err != nil {
			return no(refuseBecause(codeTemporarilyUnavailable, "The client asks too much. Wait as long as Retry-After says.", err))
		}
	}
	token := form.get("token")
	if token == "" {
		return no(refuse(codeInvalidRequest, "token is required.").told("RFC 7662, section 2.1", "", "Send the token in the body as token."))
	}
	var body []byte
	// The form of a token says what it is; token_type_hint adds nothing.
	if secrets.LooksLike(prefixRefresh, token) {
		body, err = s.introspectRefresh(ctx, caller, token)
	} else {
		body, err = s.introspectAccess(ctx, caller, token)
	}
	if errors.Is(err, errToken) || errors.Is(err, errGrant) {
		s.lineOf(ctx).became(resultInactive)
		return inactive, caller.Client, nil
	}
	return body, caller.Client, err
}

func (s *Service) introspectAccess(ctx context.Context, caller authenticatedClient, token string) ([]byte, error) {
	t := httpapi.TenantOf(ctx)
	a, err := s.readAccess(ctx, t, token)
	if err != nil {
		return nil, err
	}
	s.lineOf(ctx).about(a)
	if !atBase(ctx, a.org) {
		return nil, errToken
	}
	if err := s.mayIntrospect(ctx, t, caller.Client, a); err != nil {
		return nil, err
	}
	client, err := s.standing(ctx, t, a)
	if err != nil {
		return nil, err
	}
	c := newClaims().flag("active", true).text("token_type", tokenType(a.bound)).words("scope", a.scopes).text("client_id", a.clientID)
	if !a.user.IsZero() && !isPairwise(a.claims.Subject) { // a name would tell who it is
		name, err := s.username(ctx, t, a.user)
		if err != nil {
			return nil, err
		}
		c = c.text("username", name)
	}
	c = c.text("sub", a.claims.Subject).list("aud", a.claims.Audience).text("iss", a.claims.Issuer).
		number("exp", a.claims.Expiry.Unix()).number("iat", a.claims.IssuedAt.Unix()).number("nbf", a.claims.IssuedAt.Unix()).text("jti", a.claims.ID)
	for _, name := range []string{"aut", "org_id", "org_handle", "org_name", "user_org", "sid"} {
		value, _ := a.claims.Text(name)
		c = c.text(name, value)
	}
	for _, name := range []string{"acr", "auth_time", claimReadOnly} { // RFC 9470, section 6.2
		if raw, ok := a.claims.Get(name); ok {
			c = c.raw(name, raw)
		}
	}
	if a.bound.proved() {
		c = c.confirmation(a.bound)
	}
	if roles, ok := a.claims.Get("roles"); ok {
		c = c.raw("roles", roles)
	}
	if list, ok := a.claims.Get(paramDetails); ok { // RFC 9396, section 9.2
		c = c.raw(paramDetails, list)
	}
	if a.act != nil {
		c = c.raw("act", a.act)
	}
	for _, told := range passedAttributes(client, a) { // of which the app's list may be shorter by now
		c = c.raw(told.name, told.value)
	}
	return c.end(), nil
}

// mayIntrospect refuses (errToken, errGrant) a token that is none of the client's business (RFC 7662, section 4). A client learns
// of its own tokens, of those that were made for an API that it serves ([apps.Settings] ExchangeAudiences), and of those of
// organizations at or below the one that owns it; one that describes itself, which may be anybody, of its own only.
func (s *Service) mayIntrospect(ctx context.Context, t httpapi.Tenant, caller apps.Client, a accessToken) error {
	if a.clientID == caller.ClientID {
		return nil
	}
	if caller.DescribesItself() {
		return errToken
	}
	if caller.Org == t.Root || caller.Org == a.org || slices.ContainsFunc(caller.ExchangeAudiences, a.claims.HasAudience) {
		return nil
	}
	org, err := s.resolve(ctx, t, a.org.String())
	if err == nil && !org.IsWithin(caller.Org) {
		err = errToken
	}
	return err
}

// username is shown, never decided by, so a few seconds' age do no harm.
func (s *Service) username(ctx context.Context, t httpapi.Tenant, id ids.User) (string, error) {
	return s.usernames.Get(ctx, t.ID.UUID(), id.String(), func(ctx context.Context) (name string, err error) {
		err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
			user, err := s.Users.Load(ctx, tx, id)
			name = user.Username
			return err
		})
		return name, err
	})
}

// introspectRefresh answers the client that the token was issued to, and nobody else.
func (s *Service) introspectRefresh(ctx context.Context, caller authenticatedClient, token string) ([]byte, error) {
	t := httpapi.TenantOf(ctx)
	var f storedRefresh
	err := s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		f, err = findRefresh(ctx, tx, secrets.HashToken(token))
		switch {
		case db.IsNoRows(err):
			return errGrant
		case err != nil:
			return err
		case f.App != caller.ID || !atBase(ctx, f.Org) || f.TokenGeneration != f.Generation || !tx.Now().Before(f.TokenExpiresAt):
			return errGrant
		}
		s.lineOf(ctx).aboutFamily(f.grant)
		return orGrant(s.holds(ctx, tx, caller.Client, f.grant))
	})
	if err != nil {
		return nil, err
	}
	known, err := s.namingFor(ctx, t.ID, caller.Client)
	if err != nil {
		return nil, err
	}
	name := ""
	if sub := known.subject(f.User); !isPairwise(sub) {
		if name, err = s.username(ctx, t, f.User); err != nil {
			return nil, err
		}
	}
	list, err := f.details()
	if err != nil {
		return nil, err
	}
	return newClaims().flag("active", true).text("token_type", "Refresh").words("scope", f.Scopes).details(list).text("client_id", caller.ClientID).
		text("username", name).text("sub", known.subject(f.User)).text("iss", f.Issuer).number("exp", f.TokenExpiresAt.Unix()).
		number("iat", f.TokenCreatedAt.Unix()).text("aut", autUser).text("org_id", f.Org.String()).end(), nil
}
