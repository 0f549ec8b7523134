package oauth

import (
	"crypto/x509"
	"log/slog"
	"time"

	"grove/iam/authz/details"
	"grove/iam/registration"
	"grove/iam/sessions"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/jose"
	"grove/infra/outbound"
	"grove/tenants/keys"
)

// Options are the installation's own; an app may have shorter or longer lives of its tokens.
type Options struct {
	AccessTokenTTL      time.Duration
	Certificates        bool           // whether requests can bring client certificates: see [httpapi.CertificatesOf]
	ClientCAs           *x509.CertPool // who vouches for clients (RFC 8705, section 2.1); nil: nobody
	CodeTTL             time.Duration
	FlowTTL             time.Duration // how long a sign-in may take
	MTLSBaseURL         string        // origin of the endpoints where clients are asked for certificates; "" for none
	RefreshGrace        time.Duration // how long a refresh token that was just rotated is answered again; 0 is never
	RefreshTokenIdleTTL time.Duration
	RefreshTokenTTL     time.Duration
	TokenLog            bool // whether each token has a line in the log
}

// Dependencies of New. All are needed but Inspector, without which nobody is shown what was refused, Pages, without which plain texts are,
// and Processors.
type Dependencies struct {
	Clients      Clients
	Consents     Consents
	DB           *db.DB
	DetailsTypes DetailsTypes
	Dialects     Dialects
	Events       *events.Log
	Groups       Groups
	Hub          *cache.Hub
	Inspector    Inspector
	Issuers      TrustedIssuers
	Jobs         *jobs.Client
	Keys         Keys
	Log          *slog.Logger
	Members      Members
	Orgs         Orgs
	Outbound     *outbound.Client
	Pages        Pages
	Processors   map[string]details.Processor // by type; of types that are not here, [details.Default]
	Registration Registration
	RemoteKeys   RemoteKeys
	Roles        Roles
	Sealer       httpapi.Sealer
	Sessions     Sessions
	Sharing      Sharing
	SignIn       SignIn
	Support      Support
	Users        Users
}

// Service is the authorization server of all tenants.
type Service struct {
	Dependencies
	documents map[registration.Offers]document // see Options.documents
	log       *slog.Logger
	options   Options
	standings *cache.Cache[sessions.Standing]
	told      *cache.Cache[[]byte]       // see typesTold
	tokens    *cache.Cache[*jose.Claims] // see verifyAccess
	types     *cache.Cache[details.Type]
	usernames *cache.Cache[string]
}

// New makes the authorization server.
func New(d Dependencies, o Options) *Service {
	if d.Pages == nil {
		d.Pages = plainPages{}
	}
	return &Service{
		Dependencies: d,
		documents:    o.documents(),
		log:          d.Log,
		options:      o,
		// Tenants, organizations and clients announce their epochs; nothing else stands below a client's own token.
		standings: cache.New[sessions.Standing](d.Hub, 20_000, time.Minute, string(db.KindTenant), string(db.KindOrg), string(db.KindClient)),
		told:      cache.New[[]byte](d.Hub, 20_000, 10*time.Minute, "authz", string(db.KindOrg)),
		tokens:    cache.New[*jose.Claims](d.Hub, maxVerified, time.Minute, keys.Topic),
		types:     cache.New[details.Type](d.Hub, 5_000, 10*time.Minute, "authz"),
		usernames: cache.New[string](d.Hub, 20_000, 10*time.Second, string(db.KindUser)),
	}
}
