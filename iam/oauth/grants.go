package oauth

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// Grant types (RFC 6749; organization_switch is Grove's own).
const (
	grantAuthorizationCode  = "authorization_code"
	grantCIBA               = "urn:openid:params:grant-type:ciba"            // OpenID Connect CIBA Core 1.0
	grantDeviceCode         = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628
	grantImplicit           = "implicit"                                     // of the metadata alone: tokens of the authorization endpoint (RFC 6749, section 4.2)
	grantClientCredentials  = "client_credentials"
	grantOrganizationSwitch = "organization_switch"
	grantPassword           = "password"
	grantRefreshToken       = "refresh_token"
	grantTokenExchange      = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693
)

// Prefixes of what is stored as a hash.
const (
	prefixCode    = "grv_ac"
	prefixRefresh = "grv_rt"
)

// Why grants end, as events record it.
const (
	reasonCodeReused    = "code_reused"
	reasonFromEnded     = "switched_from_ended" // the grant that it was switched from ended
	reasonRefreshReused = "refresh_token_reused"
	reasonReplaced      = "replaced" // by a newer switch to the same organization
	reasonRevoked       = "revoked"
)

type grantData struct {
	App          ids.App         `json:"app_id" audit:"public"`
	Connection   *ids.Connection `json:"connection_id,omitempty" audit:"public"` // of whom an assertion came from
	DetailsTypes []string        `json:"authorization_details_types,omitempty" audit:"public"`
	Reason       string          `json:"reason,omitempty" audit:"public"`
	Resources    []string        `json:"resources,omitempty" audit:"public"`
	Scopes       []string        `json:"scopes,omitempty" audit:"public"`
	User         ids.User        `json:"user_id" audit:"public"`
}

type tokenData struct {
	App  ids.App  `json:"app_id" audit:"public"`
	User ids.User `json:"user_id" audit:"public"`
}

type exchangeData struct {
	Actor ids.Any  `json:"actor_id" audit:"public"`
	App   ids.App  `json:"app_id" audit:"public"`
	User  ids.User `json:"user_id" audit:"public"`
}

var (
	eventGrantCreated   = events.Declare[grantData]("grant.created", "An app was authorized to act for a person in an organization: for the first time in a sign-in session, for more scopes than before, again after the authorization was ended, or by an assertion of a trusted issuer.")
	eventGrantEnded     = events.Declare[grantData]("grant.ended", "An app's authorization was ended, and its tokens with it.")
	eventReuse          = events.Declare[grantData]("grant.reuse_detected", "A code or a refresh token was used again, which means that somebody else has it.")
	eventTokenExchanged = events.Declare[exchangeData]("token.exchanged", "An app exchanged a person's token for one by which another person, or the app itself, acts for him.")
	eventTokenRevoked   = events.Declare[tokenData]("token.revoked", "An app gave one of its access tokens back.")
)

// endTx ends a family: its row is marked, its epoch blocked, and everything issued through it is dead. So is what was switched to
// from it.
func (s *Service) endTx(ctx context.Context, tx db.Tx, g grant, reason string) error {
	return s.endAllTx(ctx, tx, []grant{g}, reason)
}

// endAllTx ends several families. What a grant was switched from is older than it is: the oldest go first, so that rows are locked
// in the same order everywhere, and what is switched meanwhile waits for its turn or is found.
func (s *Service) endAllTx(ctx context.Context, tx db.Tx, grants []grant, reason string) error {
	pending, because := slices.Clone(grants), make(map[ids.Grant]string, len(grants))
	for _, g := range grants {
		because[g.ID] = reason
	}
	for len(pending) > 0 {
		slices.SortFunc(pending, func(a, b grant) int { return strings.Compare(a.ID.String(), b.ID.String()) })
		g := pending[0]
		pending = pending[1:]
		first, err := markEnded(ctx, tx, g.ID)
		if err != nil {
			return err
		}
		if !first {
			continue
		}
		if err := s.tellEnded(ctx, tx, g, cmp.Or(because[g.ID], reasonFromEnded)); err != nil {
			return err
		}
		switched, err := switchedFrom(ctx, tx, g.ID)
		if err != nil {
			return err
		}
		pending = append(pending, switched...)
	}
	return nil
}

// tellEnded makes the end of a grant known, to the log and to whoever holds a token.
func (s *Service) tellEnded(ctx context.Context, tx db.Tx, g grant, reason string) error {
	facts := []events.Fact{eventGrantEnded.Of(g.Org, g.ID, grantData{App: g.App, Reason: reason, User: g.User})}
	if reason == reasonCodeReused || reason == reasonRefreshReused {
		facts = append(facts, eventReuse.Of(g.Org, g.ID, grantData{App: g.App, Reason: reason, User: g.User}))
	}
	if err := s.Events.Write(ctx, tx, facts...); err != nil {
		return err
	}
	return tx.Block(ctx, db.KindGrant, g.ID.UUID(), reason)
}

// EndGrantsTx ends all grants by which a person let an app act for him in an organization, such as when he takes his
// consent back.
func (s *Service) EndGrantsTx(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, reason string) error {
	grants, err := liveGrants(ctx, tx, user, org, app)
	if err != nil {
		return err
	}
	return s.endAllTx(ctx, tx, grants, reason)
}

// ForgetScopesTx takes scopes that are gone out of what apps have been granted: one that is made anew under the name is another scope.
func (s *Service) ForgetScopesTx(ctx context.Context, tx db.Tx, names []string) error {
	_, err := tx.Exec(ctx, sqlForgetScopes, tx.Tenant(), names)
	return err
}

// EndGrantsInOrgTx ends all grants by which a person acts in an organization, by whichever app and wherever his session began.
func (s *Service) EndGrantsInOrgTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error {
	grants, err := liveGrantsInOrg(ctx, tx, user, org)
	if err != nil {
		return err
	}
	return s.endAllTx(ctx, tx, grants, reason)
}

// RestampTx lets the grants of the acting session live through a change that ends everything else of the person, such as
// a new password. Access tokens that are out die all the same; the grants' refresh tokens bring new ones.
func (s *Service) RestampTx(ctx context.Context, tx db.Tx, session ids.Session, change func(context.Context) error) error {
	grants, err := lockSessionGrants(ctx, tx, session)
	if err != nil {
		return err
	}
	if len(grants) == 0 {
		return change(ctx)
	}
	things := make([]sessions.Carried, len(grants))
	for i, g := range grants {
		things[i] = sessions.Carried{Of: g.subjects(), Stamp: g.Stamp}
	}
	if err := s.Sessions.CarryTx(ctx, tx, grants[0].User, things, change); err != nil {
		return err
	}
	for i, g := range grants {
		if !things[i].Good {
			continue
		}
		if err := restamp(ctx, tx, g.ID, things[i].Stamp); err != nil {
			return err
		}
	}
	return nil
}

// asClient names the client as the actor of what a token request changes.
func asClient(ctx context.Context, client apps.Client) context.Context {
	return actor.Into(ctx, actor.Actor{Kind: actor.Client, Tenant: httpapi.TenantOf(ctx).ID, Org: client.Org, App: client.ID})
}

// asPerson names a person as the actor of what his app brings about.
func asPerson(ctx context.Context, g grant) context.Context {
	return actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: httpapi.TenantOf(ctx).ID, Org: g.Org, User: g.User, App: g.App, Session: g.Session, Grant: g.ID, Impersonator: g.Impersonator, ReadOnly: g.ReadOnly})
}

// holds reports whether a grant may still be used: it is alive, all that it stands on is as it was, and the app is
// still available in its organization.
func (s *Service) holds(ctx context.Context, tx db.Tx, client apps.Client, g grant) (bool, error) {
	if !g.alive(tx.Now()) {
		return false, nil
	}
	standing, err := s.Sessions.Standing(ctx, tx, g.subjects())
	if err != nil || !standing.Good(g.Stamp) {
		return false, err
	}
	return s.available(ctx, tx, client, g.Org)
}

// atBase reports whether an organization's tokens are for the base that the request came in by: the organization's own, or the
// tenant's. A base is named by a handle, which may have been another organization's when something was issued below it.
func atBase(ctx context.Context, org ids.Org) bool {
	base := httpapi.IssuerOf(ctx).Org.ID
	return base.IsZero() || base == org
}

// available reports whether an app may be used in an organization: its owner's own, or one that it is shared with.
func (s *Service) available(ctx context.Context, tx db.Tx, client apps.Client, org ids.Org) (bool, error) {
	in, err := s.Sharing.AppIn(ctx, tx, client, org)
	return in.Available, err
}

// personTx reads, within the transaction that decides, what a person's token will say.
func (s *Service) personTx(ctx context.Context, tx db.Tx, client apps.Client, g grant, requested []string) (person, error) {
	held, roles, err := s.Roles.HeldBy(ctx, tx, g.User, g.Org, client.ID, client.RoleAudience)
	if err != nil {
		return person{}, err
	}
	if !g.Impersonator.IsZero() && g.Support.IsZero() { // nobody gave him a word, so that he gets what both may
		own, err := s.Roles.ScopesOf(ctx, tx, g.Impersonator, g.Org)
		if err != nil {
			return person{}, err
		}
		maps.DeleteFunc(held, func(scope string, _ bool) bool { return !own[scope] })
	}
	granted, err := g.details()
	if err != nil {
		return person{}, err
	}
	p := person{grant: g, roles: roles, details: givenDetails(client, granted, held, g.Resources)}
	p.scopes, p.audience = effectiveScopes(client, requested, held, g.Resources)
	may, err := s.gateTx(ctx, tx, client, nil, g)
	if err != nil {
		return person{}, err
	}
	if g.App == client.ID && len(client.AccessTokenAttributes) > 0 {
		if p.attributes, err = s.tokenAttributesTx(ctx, tx, client, g, p.roles, may); err != nil {
			return person{}, err
		}
	}
	if !slices.Contains(p.scopes, scopeOpenID) {
		return p, nil
	}
	named, err := g.claims()
	if err != nil {
		return p, err
	}
	p.named = len(named.Userinfo) > 0
	var told []string
	if g.alone || client.UserClaimsInIDToken { // else the userinfo endpoint tells them (OpenID Connect Core 1.0, section 5.4)
		told = p.scopes
	}
	if len(told)+len(named.IDToken) > 0 {
		p.told, err = s.tellTx(ctx, tx, client, g.User, g.Org, told, named.IDToken, p.roles, may)
	}
	return p, err
}

// refreshTx makes the first refresh token of a family, when the client has any.
func (s *Service) refreshTx(ctx context.Context, tx db.Tx, client apps.Client, g grant) (string, error) {
	return s.rotateTx(ctx, tx, client, g, nil, 1)
}

// rotateTx makes the next one, in place of the one with the hash used.
func (s *Service) rotateTx(ctx context.Context, tx db.Tx, client apps.Client, g grant, used []byte, generation int) (string, error) {
	if !slices.Contains(client.GrantTypes, grantRefreshToken) {
		return "", nil
	}
	plain, hash := secrets.NewToken(prefixRefresh)
	return plain, rotate(ctx, tx, g.ID, hash, used, generation, s.refreshExpiry(tx, g))
}

// refreshExpiry is until when a refresh token that is used now may be used again.
func (s *Service) refreshExpiry(tx db.Tx, g grant) time.Time {
	expires := tx.Now().Add(s.options.RefreshTokenIdleTTL)
	if g.ExpiresAt.Before(expires) {
		return g.ExpiresAt
	}
	return expires
}

// grantLife is how long a family lives at the most.
func (s *Service) grantLife(client apps.Client) time.Duration {
	switch {
	case !slices.Contains(client.GrantTypes, grantRefreshToken):
		return s.options.CodeTTL + s.accessTTL(client)
	case client.RefreshTokenSeconds > 0:
		return client.RefreshTokenTTL()
	}
	return s.options.RefreshTokenTTL
}

func (s *Service) idTTL(client apps.Client) time.Duration {
	if client.IDTokenSeconds > 0 {
		return client.IDTokenTTL()
	}
	return s.accessTTL(client)
}

func (s *Service) accessTTL(client apps.Client) time.Duration {
	if client.AccessTokenSeconds > 0 {
		return client.AccessTokenTTL()
	}
	return s.options.AccessTokenTTL
}
