package apps

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"grove/iam/attributes"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Client is what the protocols know of an app. It is shared by all who read it: do not change it.
type Client struct {
	Settings
	ID             ids.App
	Org            ids.Org // the owner
	ClientID       string
	Name           string
	LogoURI        string
	AccessURL      string
	Public         bool // has no secret; PKCE is all that binds a code to it
	Native         bool // a mobile app: see MatchRedirect
	Enabled        bool
	Builtin        bool
	Source         string // SourceManaged, SourceRegistered or SourceDocument
	RoleAudience   string // application or organization
	GrantTypes     []string
	Origins        []string // of browsers
	SecretHashes   []SecretHash
	Keys           []*jose.PublicKey              // of jwks; those of jwks_uri are read when they are needed
	EncryptionKeys map[string]*jose.EncryptionKey // of jwks, by the algorithm
	APIs           []ClientAPI
	Dialect        *attributes.Dialect // what it can be told of people; nil where it acts for nobody
}

// SecretHash is the SHA-256 of a client secret.
type SecretHash struct {
	ID        uuid.UUID `json:"id"`
	Sealed    []byte    `json:"sealed"` // the secret, where the client signs with it: see [Service.HMACKeys]
	Hash      []byte    `json:"hash"`
	ExpiresAt time.Time `json:"expires_at"` // zero: never
}

// ClientAPI is an API resource that a client may ask scopes of.
type ClientAPI struct {
	Identifier string   `json:"identifier"` // becomes aud
	Open       bool     `json:"open"`       // to every client that describes itself; nobody authorized this one
	Policy     string   `json:"policy"`     // rbac: a person gets what his roles give; none: all
	Scopes     []string `json:"scopes"`     // that exist now
	Types      []string `json:"types"`      // authorization details types that exist now
	RoleScopes []string `json:"roles"`      // all scopes of the API, where there are Types; see GivesType
}

// APIPolicyRBAC is the policy of an API whose scopes a person's token carries only if one of his roles does.
const APIPolicyRBAC = "rbac"

// APIOf finds the API resource that the client may ask the scope of. A scope name means one thing in a tenant.
func (c Client) APIOf(scope string) (ClientAPI, bool) {
	for _, api := range c.APIs {
		if slices.Contains(api.Scopes, scope) {
			return api, true
		}
	}
	return ClientAPI{}, false
}

// Gives reports whether a person's token carries a scope that the client may ask for, when held is what his roles give.
func (c Client) Gives(scope string, held map[string]bool) bool {
	api, ok := c.APIOf(scope)
	return !ok || api.Policy != APIPolicyRBAC || held[scope]
}

// DescribesItself reports whether nobody here set the client up: all that is known of it is what it says.
func (c Client) DescribesItself() bool {
	return c.Source == SourceRegistered || c.Source == SourceDocument
}

// ForItself is the client as it acts without a person. What is open to those who describe themselves is so because people's
// roles and consent bound it; nothing would bound a machine.
func (c Client) ForItself() Client {
	c.APIs = slices.DeleteFunc(slices.Clone(c.APIs), func(api ClientAPI) bool { return api.Open })
	return c
}

// APIOfType finds the API resource whose authorization details of a type the client may ask for. A type means one thing in a tenant.
func (c Client) APIOfType(kind string) (ClientAPI, bool) {
	for _, api := range c.APIs {
		if slices.Contains(api.Types, kind) {
			return api, true
		}
	}
	return ClientAPI{}, false
}

// GivesType reports whether a person's token carries authorization details of a type that the client may ask for, when held is what his
// roles give. No role says which details; where the API wants roles, one has to give something of that API.
func (c Client) GivesType(kind string, held map[string]bool) bool {
	api, ok := c.APIOfType(kind)
	return ok && (api.Policy != APIPolicyRBAC || slices.ContainsFunc(api.RoleScopes, func(scope string) bool { return held[scope] }))
}

// MayUse reports whether the client may use a grant type.
func (c Client) MayUse(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

type clientRow struct {
	ID           ids.App      `db:"id"`
	Org          ids.Org      `db:"org_id"`
	ClientID     string       `db:"client_id"`
	Name         string       `db:"name"`
	Template     string       `db:"template"`
	LogoURI      string       `db:"logo_uri"`
	AccessURL    string       `db:"access_url"`
	ClientType   string       `db:"client_type"`
	Enabled      bool         `db:"enabled"`
	Builtin      bool         `db:"builtin"`
	Source       string       `db:"source"`
	RoleAudience string       `db:"role_audience"`
	GrantTypes   []string     `db:"grant_types"`
	Origins      []string     `db:"allowed_origins"`
	OIDC         Settings     `db:"oidc"`
	Secrets      []SecretHash `db:"secrets"`
	APIs         []ClientAPI  `db:"apis"`
	Audiences    []string     `db:"audiences"` // of id_token_audiences what is still the owner's
	Serves       []string     `db:"serves"`    // of token_exchange_audiences what the owner still defines
}

// Client returns the client that a client_id names in a tenant, also while it is disabled, or fault.ErrNotFound. It is kept
// in memory until the app, its secrets, its APIs or its revocation epoch change.
func (s *Service) Client(ctx context.Context, tenant ids.Tenant, clientID string) (Client, error) {
	if clientID == "" || len(clientID) > maxClientID {
		return Client{}, fault.ErrNotFound
	}
	return s.clients.Get(ctx, tenant.UUID(), clientID, func(ctx context.Context) (c Client, err error) {
		err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			row, err := loadClient(ctx, tx, clientID)
			if db.IsNoRows(err) {
				return fault.ErrNotFound
			}
			c = row.client()
			return err
		})
		return c, err
	})
}

func (r clientRow) client() Client {
	keys, _ := r.OIDC.JWKS.PublicKeys() // looked at when they were stored
	r.OIDC = r.OIDC.complete(r.ClientType)
	r.OIDC.ExchangeAudiences, r.OIDC.IDTokenAudiences = r.Serves, r.Audiences
	return Client{Settings: r.OIDC, ID: r.ID, Org: r.Org, ClientID: r.ClientID, Name: r.Name, LogoURI: r.LogoURI, AccessURL: r.AccessURL, Public: r.ClientType == clientPublic,
		Native: isNative(r.Template), Enabled: r.Enabled, Builtin: r.Builtin, Source: r.Source, RoleAudience: r.RoleAudience,
		GrantTypes: r.GrantTypes, Origins: r.Origins, SecretHashes: r.Secrets, Keys: keys, EncryptionKeys: r.OIDC.encryptionKeys(), APIs: r.APIs}
}

// Origins says what an origin may do in browsers by what the enabled apps of the tenant allow. An error is nothing.
func (s *Service) Origins(ctx context.Context, t httpapi.Tenant, origin string) httpapi.CrossOrigin {
	set, err := s.origins.Get(ctx, t.ID.UUID(), "", func(ctx context.Context) (map[string]httpapi.CrossOrigin, error) {
		set := map[string]httpapi.CrossOrigin{}
		err := s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
			origins, err := allOrigins(ctx, tx)
			for _, o := range origins {
				set[o.Origin] = httpapi.CrossOrigin{Allowed: true, Cookies: o.Cookies}
			}
			return err
		})
		return set, err
	})
	if err != nil {
		return httpapi.CrossOrigin{}
	}
	return set[origin]
}
