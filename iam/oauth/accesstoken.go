package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// Access tokens are JWTs after RFC 9068, signed with the tenant's default algorithm, or opaque where the app has it so. Beside its claims they carry the
// organization, the roles, aut (who the token is for), and epoch: the stamp of what it stands on, by which introspection
// and Grove's own resources notice a revocation. A token that is for less than its grant says so by narrowed.
const (
	typAccessToken = "at+jwt"

	// claimNamed says that the userinfo endpoint has to look at the grant.
	claimNamed = "userinfo_claims"

	autClient = "APPLICATION"
	autUser   = "APPLICATION_USER"
)

// person is what a token about a person says.
type person struct {
	grant    grant
	details  details.List
	scopes   []string
	audience []string
	roles    []string
	named    bool // the userinfo endpoint tells more than the scopes ask for: see byName
	told     told // what the ID token says of the person

	attributes []attribute // what the access token says of the person, besides
}

// accessClaims are the claims of one access token.
type accessClaims struct {
	issuer   string
	client   apps.Client
	org      httpapi.Org
	audience []string
	scopes   []string
	epoch    int64
	details  details.List
	act      json.RawMessage // who acts for the person (RFC 8693, section 4.1); nil: he himself
	bound    binding
	exchange exchangedFor
	known    naming  // how the client knows people
	person   *person // nil for a client's own token
}

// signAccess makes the token and returns its life in seconds.
func (s *Service) signAccess(ctx context.Context, t httpapi.Tenant, a accessClaims) (token string, seconds int64, err error) {
	if a.known, err = s.namingFor(ctx, t.ID, a.client); err != nil {
		return "", 0, err
	}
	if a.act == nil && a.person != nil {
		a.act = a.person.grant.actOf(a.known)
	}
	now := s.DB.Clock().Now().Unix()
	seconds = int64(s.accessTTL(a.client) / time.Second)
	if a.person != nil {
		// No token outlives its grant.
		seconds = max(min(seconds, a.person.grant.ExpiresAt.Unix()-now), 1)
	}
	id := ids.NewAccessToken()
	s.issued(ctx, a, id)
	claims := a.render(id, now, now+seconds)
	if a.client.AccessTokenFormat == apps.FormatOpaque {
		token, err = s.sealAccess(ctx, t.ID, claims)
		return token, seconds, err
	}
	key, err := s.Keys.Signer(ctx, t.ID, "")
	if err != nil {
		return "", 0, err
	}
	token, err = key.Sign(typAccessToken, claims)
	return token, seconds, err
}

func (a accessClaims) render(id ids.AccessToken, issued, expires int64) []byte {
	c := newClaims().text("iss", a.issuer)
	if a.person != nil {
		c = c.text("sub", a.known.subject(a.person.grant.User))
	} else {
		c = c.text("sub", a.client.ClientID)
	}
	audience := a.audience
	if len(audience) == 0 {
		audience = []string{a.issuer}
	}
	c = c.list("aud", audience).text("client_id", a.client.ClientID).words("scope", a.scopes).
		number("exp", expires).number("iat", issued).text("jti", id.String()).
		text("org_id", a.org.ID.String()).text("org_handle", a.org.Handle).text("org_name", a.org.Name)
	if p := a.person; p != nil {
		c = c.text("aut", autUser).text("user_org", p.grant.UserOrg.String()).list("roles", p.roles).text("gid", p.grant.ID.String())
		switch {
		case !p.grant.Connection.IsZero():
			// How the person proved who he is, only the issuer knows.
			c = c.text("connection", p.grant.Connection.String())
		case !p.grant.Offline:
			c = c.text("sid", a.known.session(p.grant.Session))
		}
		if p.grant.Connection.IsZero() {
			c = c.number("auth_time", p.grant.AuthTime.Unix()).list("amr", p.grant.AMR).text("acr", acrOf(p.grant.AMR))
		}
		if !p.grant.SessionOrg.IsZero() {
			c = c.text("session_org", p.grant.SessionOrg.String())
		}
		if p.grant.ReadOnly {
			c = c.flag(claimReadOnly, true)
		}
		if p.grant.narrowed {
			c = c.flag("narrowed", true)
		}
		if p.named {
			c = c.flag(claimNamed, true)
		}
		for _, told := range p.attributes {
			c = c.raw(told.name, told.value)
		}
	} else {
		c = c.text("aut", autClient)
	}
	if a.bound.proved() {
		c = c.confirmation(a.bound)
	}
	c = c.details(a.details)
	if a.act != nil {
		c = c.raw("act", a.act)
	}
	return a.exchange.render(c).text("epoch", strconv.FormatInt(a.epoch, 10)).end()
}

// accessToken is one that was found to be the tenant's own and not expired. Whether it still stands is another question.
type accessToken struct {
	claims     *jose.Claims
	id         ids.AccessToken
	clientID   string
	scopes     []string
	org        ids.Org
	began      ids.Org  // where the session began, if it is another organization
	user       ids.User // zero for a client's own
	session    ids.Session
	connection ids.Connection // of whom the assertion came from that is its grant
	grant      ids.Grant
	epoch      int64
	act        json.RawMessage
	bound      binding
	exchange   exchangedFor
	narrowed   bool // it is for less than its grant
}

var errToken = errors.New("oauth: not an access token of this tenant")

// readAccess verifies signature, type, issuer, times and the form of every claim that is used. The issuer is the
// tenant's base or one of its organizations'.
func (s *Service) readAccess(ctx context.Context, t httpapi.Tenant, token string) (accessToken, error) {
	var c *jose.Claims
	var err error
	if isOpaque(token) {
		c, err = s.openAccess(ctx, t, token)
	} else {
		c, err = s.verifyAccess(ctx, t, token)
	}
	if err != nil {
		return accessToken{}, err
	}
	if err := c.ValidateTimes(s.DB.Clock().Now(), 0); err != nil {
		return accessToken{}, errors.Join(errToken, err)
	}
	a := accessToken{claims: c}
	scope, okScope := c.Text("scope")
	aut, _ := c.Text("aut")
	epoch, _ := c.Text("epoch")
	a.clientID, _ = c.Text("client_id")
	a.scopes = strings.Fields(scope)
	number, errEpoch := strconv.ParseInt(epoch, 10, 64)
	a.epoch = number
	errText := errors.Join(errEpoch, parseInto(c, "jti", &a.id), parseInto(c, "org_id", &a.org))
	switch aut {
	case autUser:
		known, err := s.namingOf(ctx, t.ID, a.clientID, c.Subject)
		if err != nil {
			return accessToken{}, err
		}
		a.user, err = known.person(c.Subject)
		errText = errors.Join(errText, err, parseInto(c, "gid", &a.grant))
		if sid, bound := c.Text("sid"); bound {
			a.session, err = known.sessionOf(sid)
			errText = errors.Join(errText, err)
		}
		if _, asserted := c.Get("connection"); asserted {
			errText = errors.Join(errText, parseInto(c, "connection", &a.connection))
		}
		if _, elsewhere := c.Get("session_org"); elsewhere {
			errText = errors.Join(errText, parseInto(c, "session_org", &a.began))
		}
		errText = errors.Join(errText, parseList(c, "exchanged", &a.exchange.tokens), parseList(c, "origin", &a.exchange.origins))
		a.act, _ = c.Get("act")
		_, a.narrowed = c.Get("narrowed")
	case autClient:
		if c.Subject != a.clientID {
			errText = errToken
		}
	default:
		errText = errToken
	}
	if cnf, bound := c.Get("cnf"); bound {
		if a.bound = confirmed(cnf); !a.bound.proved() {
			errText = errToken // a way of binding that we do not know is no reason to take the token without it
		}
	}
	if errText != nil || !okScope || a.clientID == "" || aut == autUser && a.user.IsZero() {
		return accessToken{}, errToken
	}
	return a, nil
}

// confirmed reads the thumbprints of cnf; none where it says something else besides.
func confirmed(cnf json.RawMessage) binding {
	var members map[string]string
	if json.Unmarshal(cnf, &members) != nil {
		return binding{}
	}
	b := binding{jkt: members["jkt"], x5t: members["x5t#S256"]}
	known := 0
	for _, thumbprint := range []string{b.jkt, b.x5t} {
		if thumbprint != "" {
			known++
		}
	}
	if known != len(members) {
		return binding{}
	}
	return b
}

// parseInto reads a claim that is an identifier and must be there.
func parseInto[T interface{ UnmarshalText([]byte) error }](c *jose.Claims, name string, into T) error {
	text, ok := c.Text(name)
	if !ok || text == "" {
		return errToken
	}
	return into.UnmarshalText([]byte(text))
}

// parseList reads a claim that is a list of identifiers, parted by spaces, and may be left out.
func parseList[K ids.Kind](c *jose.Claims, name string, into *[]ids.ID[K]) error {
	if _, there := c.Get(name); !there {
		return nil
	}
	text, ok := c.Text(name)
	if !ok || text == "" {
		return errToken
	}
	for _, word := range strings.Fields(text) {
		id, err := ids.Parse[K](word)
		if err != nil {
			return err
		}
		*into = append(*into, id)
	}
	return nil
}

// maxVerified is how many verified tokens are remembered: some megabytes.
const maxVerified = 2_000

// verifyAccess is verify for access tokens, which are shown again and again. That one was signed by us stays true until the tenant's
// keys change, and so does what it says; whether it is expired or revoked is asked each time.
func (s *Service) verifyAccess(ctx context.Context, t httpapi.Tenant, token string) (*jose.Claims, error) {
	sum := sha256.Sum256([]byte(token))
	return s.tokens.Get(ctx, t.ID.UUID(), t.Base+" "+string(sum[:]), func(ctx context.Context) (*jose.Claims, error) { return s.verify(ctx, t, token, typAccessToken) })
}

// verify checks a token of our own making: one of the tenant's keys, the one type that is meant, one of its issuers.
func (s *Service) verify(ctx context.Context, t httpapi.Tenant, token, typ string) (*jose.Claims, error) {
	var failed error
	payload, _, err := jose.Verify(token, jose.VerifyOptions{Typ: []string{typ}, Keys: func(kid string) (*jose.PublicKey, bool) {
		key, ok, err := s.Keys.PublicKey(ctx, t.ID, kid)
		failed = err
		return key, ok && err == nil
	}})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, errors.Join(errToken, err)
	}
	return ourClaims(t, payload)
}

// ourClaims reads the claims of a token that the tenant has made: at its base, or at one of its organizations'.
func ourClaims(t httpapi.Tenant, payload []byte) (*jose.Claims, error) {
	c, err := jose.ParseClaims(payload)
	if err != nil {
		return nil, errors.Join(errToken, err)
	}
	if c.Issuer != t.Base && !strings.HasPrefix(c.Issuer, t.Base+"/o/") {
		return nil, errToken
	}
	return c, nil
}

// subjects are what the token stands on.
func (a accessToken) subjects(t httpapi.Tenant, client apps.Client) sessions.Subjects {
	of := sessions.Subjects{App: client.ID, Began: a.began, Connection: a.connection, Grant: a.grant, Org: a.org, Session: a.session, Tenant: t.ID, Token: a.id.UUID(), User: a.user}
	a.exchange.stand(&of)
	return of
}

// standing asks, in one round trip, whether everything that the token stands on still holds, and returns its client.
// errToken says that it does not.
func (s *Service) standing(ctx context.Context, t httpapi.Tenant, a accessToken) (apps.Client, error) {
	client, err := s.client(ctx, t, a.clientID)
	if errors.Is(err, errClient) {
		return apps.Client{}, errToken
	}
	if err != nil {
		return apps.Client{}, err
	}
	of := a.subjects(t, client)
	if _, err := a.impersonatedSubjects(ctx, s.DB.Reader(t.ID), &of); err != nil {
		return apps.Client{}, err
	}
	standing, err := s.Sessions.StandingBatch(ctx, of)
	if err != nil {
		return apps.Client{}, err
	}
	if !standing.Good(a.epoch) {
		return apps.Client{}, errToken
	}
	return client, nil
}

// hasScope reports whether the token carries a scope.
func (a accessToken) hasScope(scope string) bool { return contains(a.scopes, scope) }
