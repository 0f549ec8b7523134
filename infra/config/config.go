package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is every setting of one process. Tags: env is the variable; default applies when it is not
// set; doc explains it; min and max are inclusive limits (of the number, duration or text length);
// oneof lists the accepted words; check names a function in checks.go; secret hides the value.
type Config struct {
	// Addr is where the server listens, host:port. An empty host means every address of the machine,
	// port 0 any free port.
	Addr string `env:"GROVE_ADDR" default:"127.0.0.1:8080" check:"addr" doc:"Address to listen on, as host:port. An empty host listens on every address."`

	// BaseURL is the origin that people and clients reach the server under, without a trailing slash.
	// Load derives it from a loopback Addr when it is not set.
	BaseURL string `env:"GROVE_BASE_URL" check:"origin" doc:"Public origin, such as https://id.example.com. http is accepted on loopback only. Needed by grove serve, unless the address to listen on is loopback."`

	// DatabaseURL is the DSN of PostgreSQL, as a URL.
	DatabaseURL Secret `env:"GROVE_DATABASE_URL" check:"postgres" secret:"url" doc:"PostgreSQL 15.14, 16.10, 17.6, 18 or newer, as postgres://user:password@host:port/database. Several hosts, as host1:5432,host2:5432, are tried in order until one takes writes. Needed by everything but grove dev."`

	// DatabasePoolSize is the most connections of one process.
	DatabasePoolSize int `env:"GROVE_DATABASE_POOL_SIZE" default:"16" min:"2" max:"1000" doc:"Most database connections that one process opens for requests."`

	// DatabaseConnectionIdleTTL is how long a connection may stay unused.
	DatabaseConnectionIdleTTL time.Duration `env:"GROVE_DATABASE_CONNECTION_IDLE_TTL" default:"5m" min:"1s" max:"24h" doc:"Time after which an unused database connection is closed, at most a minute late. Keep it below what a proxy or firewall in between allows."`

	// DatabaseConnectionTTL is the life of a connection, however much it is used.
	DatabaseConnectionTTL time.Duration `env:"GROVE_DATABASE_CONNECTION_TTL" default:"1h" min:"1s" max:"24h" doc:"Life of a database connection. A shorter one moves processes sooner to a database that took over behind the same name."`

	// DatabaseStatementTimeout ends a statement that takes longer.
	DatabaseStatementTimeout time.Duration `env:"GROVE_DATABASE_STATEMENT_TIMEOUT" default:"15s" min:"1s" max:"10m" doc:"Longest time that one statement may run in the database."`

	// RootKey encrypts the keys of all tenants.
	RootKey Key `env:"GROVE_ROOT_KEY" secret:"true" doc:"Key that encrypts the keys of all tenants: 32 random bytes in base64 (openssl rand -base64 32). Losing it loses every stored secret."`

	// PreviousRootKey still opens what was sealed before RootKey took its place. Zero means there is none.
	PreviousRootKey Key `env:"GROVE_ROOT_KEY_PREVIOUS" secret:"true" doc:"The root key before a rotation, in base64, until a day after every process has the new one: by then all tenants' keys are wrapped anew."`

	// RootKeyFile is where Load read RootKey from, if from a file.
	RootKeyFile string `env:"GROVE_ROOT_KEY_FILE" doc:"File with the root key in base64, instead of GROVE_ROOT_KEY."`

	// PlatformKey is the operator's bearer key. Empty turns the platform API off.
	PlatformKey Secret `env:"GROVE_PLATFORM_KEY" min:"32" max:"512" check:"token" secret:"true" doc:"Bearer key of the operator, who creates and suspends tenants, at least 32 characters. Without it the platform API is off."`

	// SMTPURL is the mail server. Empty means that no e-mail is sent.
	SMTPURL Secret `env:"GROVE_SMTP_URL" check:"smtp" secret:"url" doc:"Mail server, as smtp://user:password@host:587?starttls=required (or opportunistic, off) or smtps://user:password@host:465."`

	// MailFrom is the sender of e-mail, as in RFC 5322. It is set whenever SMTPURL is.
	MailFrom string `env:"GROVE_MAIL_FROM" check:"mailbox" doc:"Sender of e-mail, such as Grove <no-reply@example.com>. Needed with GROVE_SMTP_URL."`

	// TrustedProxies are the peers whose forwarding headers are believed.
	TrustedProxies []netip.Prefix `env:"GROVE_TRUSTED_PROXIES" doc:"Networks of the proxies in front, whose forwarding headers are believed: CIDRs or addresses, separated by commas."`

	// ClientCertHeader is the header in which trusted proxies pass on a client's certificate. Empty: none is read.
	ClientCertHeader string `env:"GROVE_CLIENT_CERT_HEADER" check:"header" doc:"Header in which the proxies of GROVE_TRUSTED_PROXIES pass on the TLS certificate of a client (RFC 8705): Client-Cert (RFC 9440), or one of your own with what nginx calls $ssl_client_escaped_cert. From anybody else it is ignored; the proxies have to take it off what comes in."`

	// ClientCAFile holds the authorities whose certificates are taken for tls_client_auth. Empty: there is no such method.
	ClientCAFile string `env:"GROVE_CLIENT_CA_FILE" check:"authorities" doc:"File with the certificates (PEM) of the authorities that vouch for clients. Without it no client can authenticate by tls_client_auth (RFC 8705, section 2.1). It is read at start."`

	// MTLSBaseURL is the origin under which clients are asked for certificates.
	MTLSBaseURL string `env:"GROVE_MTLS_BASE_URL" check:"origin" doc:"Another https origin of this server, at which clients are asked for a certificate, such as https://mtls.id.example.com. The metadata then names its addresses (mtls_endpoint_aliases; RFC 8705, section 5), and people's browsers are asked for none."`

	// LogLevel is the least severe level that is logged.
	LogLevel slog.Level `env:"GROVE_LOG_LEVEL" default:"info" oneof:"debug info warn error" doc:"Least severe level that is logged."`

	// LogFormat is json or text.
	LogFormat string `env:"GROVE_LOG_FORMAT" default:"json" oneof:"json text" doc:"Form of log lines."`

	// TokenLog is on or off.
	TokenLog string `env:"GROVE_TOKEN_LOG" default:"off" oneof:"off on" doc:"Whether the log has a line for each token that is issued, asked about or taken back, and for each such request that is refused: who, for which app, by which grant, with which scopes, how long it took. It names tokens by their ids, never by their values."`

	// OTLPEndpoint is the collector of traces. Empty means no traces.
	OTLPEndpoint string `env:"GROVE_OTLP_ENDPOINT" check:"endpoint" doc:"OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318. Without it no traces are sent."`

	// AccessTokenTTL is the life of an access token.
	AccessTokenTTL time.Duration `env:"GROVE_ACCESS_TOKEN_TTL" default:"15m" min:"1s" max:"24h" doc:"Life of an access token."`

	// RefreshTokenTTL is the life of a chain of refresh tokens, however often it is used.
	RefreshTokenTTL time.Duration `env:"GROVE_REFRESH_TOKEN_TTL" default:"720h" min:"1s" max:"8784h" doc:"Life of a refresh token and of all its successors together."`

	// RefreshTokenIdleTTL is the longest time between two uses of a refresh token.
	RefreshTokenIdleTTL time.Duration `env:"GROVE_REFRESH_TOKEN_IDLE_TTL" default:"168h" min:"1s" max:"8784h" doc:"Longest time between two uses of a refresh token. At most GROVE_REFRESH_TOKEN_TTL, and that by default when it is shorter."`

	// RefreshGrace is how long a rotated refresh token answers a repeated request (a lost response).
	RefreshGrace time.Duration `env:"GROVE_REFRESH_GRACE" default:"10s" min:"0s" max:"60s" doc:"Time in which a refresh token that was just rotated is answered once more, for a response that was lost. 0s turns it off."`

	// CodeTTL is the life of an authorization code; RFC 6749, section 4.1.2, allows 10 minutes at most.
	CodeTTL time.Duration `env:"GROVE_CODE_TTL" default:"60s" min:"1s" max:"10m" doc:"Life of an authorization code (RFC 6749, section 4.1.2)."`

	// SessionTTL is the life of a sign-in session, however much it is used.
	SessionTTL time.Duration `env:"GROVE_SESSION_TTL" default:"24h" min:"1s" max:"8784h" doc:"Life of a sign-in session."`

	// SessionIdleTTL is the longest time between two uses of a session.
	SessionIdleTTL time.Duration `env:"GROVE_SESSION_IDLE_TTL" default:"2h" min:"1s" max:"8784h" doc:"Longest time between two uses of a sign-in session. At most GROVE_SESSION_TTL, and that by default when it is shorter."`

	// SessionCookieSameSite is lax, strict or none.
	SessionCookieSameSite string `env:"GROVE_SESSION_COOKIE_SAMESITE" default:"lax" oneof:"lax strict none" doc:"Whether the browser sends the session's cookie along from other sites (RFC 6265bis, section 4.1.2.7). lax: when a person follows a link or is sent on. strict: never, so whoever comes from an app on another site signs in each time. none: always, also from frames and with forms, which apps on other sites need for silent sign-on in frames or for authorization requests with POST; needs https."`

	// InvitationTTL is the life of an invitation.
	InvitationTTL time.Duration `env:"GROVE_INVITATION_TTL" default:"72h" min:"1s" max:"2160h" doc:"Life of an invitation."`

	// OrgMaxDepth is how many levels below its tenant's root an organization may lie.
	OrgMaxDepth int `env:"GROVE_ORG_MAX_DEPTH" default:"20" min:"3" max:"50" doc:"Levels below its root that the tree of every tenant may have. Where it is lowered, deeper organizations stay; none is added or moved beyond it."`

	// TenantRetention is how long a deleted tenant can be restored.
	TenantRetention time.Duration `env:"GROVE_TENANT_RETENTION" default:"720h" min:"0s" max:"26280h" doc:"How long a deleted tenant can be restored before everything of it is erased."`

	// NameRetention is how long the names are kept of what was deleted.
	NameRetention time.Duration `env:"GROVE_NAME_RETENTION" default:"8760h" min:"0s" max:"87600h" doc:"How long event logs name people and things that were deleted. After it the log shows their ids alone."`

	// WarmTenants are the handles of tenants that are read into memory at the start.
	WarmTenants []string `env:"GROVE_WARM_TENANTS" max:"4096" doc:"Handles of tenants, separated by commas, whose keys and root organization are read into memory before the process reports that it is ready. All others are read at their first request, which then takes some milliseconds more."`

	// FlowTTL is the life of one run of sign-in, sign-up or recovery.
	FlowTTL time.Duration `env:"GROVE_FLOW_TTL" default:"15m" min:"1s" max:"24h" doc:"Time to finish one sign-in, sign-up or recovery."`

	// Argon2MemoryKiB is the memory of one password hash, in KiB.
	Argon2MemoryKiB int `env:"GROVE_ARGON2_MEMORY_KIB" default:"19456" min:"7168" max:"4194304" doc:"Memory of one argon2id password hash, in KiB (RFC 9106)."`

	// Argon2Iterations is the number of passes over that memory.
	Argon2Iterations int `env:"GROVE_ARGON2_ITERATIONS" default:"2" min:"1" max:"64" doc:"Passes of one argon2id password hash."`

	// Argon2Parallelism is the number of lanes.
	Argon2Parallelism int `env:"GROVE_ARGON2_PARALLELISM" default:"1" min:"1" max:"64" doc:"Lanes of one argon2id password hash."`

	// RateLimitPerAddress is in requests per minute from one client address; 0 means no limit.
	RateLimitPerAddress int `env:"GROVE_RATE_LIMIT_PER_ADDRESS" default:"600" min:"0" max:"100000000" doc:"Requests per minute from one client address, in each process. 0 turns the limit off."`

	// RateLimitPerClient is in requests per minute of one OAuth client for one person, and to introspection of an API; 0 means no limit.
	RateLimitPerClient int `env:"GROVE_RATE_LIMIT_PER_CLIENT" default:"6000" min:"0" max:"100000000" doc:"Requests per minute to the management API by one OAuth client for one person, or for itself, in each process. As many again to introspection by a client that serves an API (token_exchange_audiences), instead of by its address. Whatever else clients ask the OAuth endpoints counts by address and tenant only. 0 turns the limit off."`

	// RateLimitPerTenant is in requests per minute of one tenant; 0 means no limit.
	RateLimitPerTenant int `env:"GROVE_RATE_LIMIT_PER_TENANT" default:"60000" min:"0" max:"100000000" doc:"Requests per minute to one tenant, under whichever of its addresses, in each process. 0 turns the limit off."`

	// DrainDelay is how long a process that was told to stop says that it is not ready and serves all the same.
	DrainDelay time.Duration `env:"GROVE_DRAIN_DELAY" default:"3s" min:"0s" max:"5m" doc:"Time between readiness failing and no more connections being taken, when the process is told to stop: at least the interval at which the load balancer asks for readiness. grove dev does not wait."`

	// ShutdownTimeout is how long requests and jobs may take to finish after a signal to stop.
	ShutdownTimeout time.Duration `env:"GROVE_SHUTDOWN_TIMEOUT" default:"20s" min:"0s" max:"10m" doc:"Time that running requests and jobs get to finish when the process is told to stop."`

	// ConfigFile is the file that was read, if one was.
	ConfigFile string `env:"GROVE_CONFIG_FILE" doc:"File of further settings, one KEY=VALUE a line. The environment wins over it."`

	sources map[string]string // variable → where its value came from
}

// RequireServing checks that the settings without which `grove serve` and `grove work` cannot run are
// there. The error is an *Error.
func (c Config) RequireServing() error {
	var problems []Problem
	if c.BaseURL == "" {
		problems = append(problems, Problem{"GROVE_BASE_URL", "is needed, because the address to listen on is not loopback"})
	}
	if c.DatabaseURL.IsZero() {
		problems = append(problems, Problem{"GROVE_DATABASE_URL", "is needed"})
	}
	if c.RootKey.IsZero() {
		problems = append(problems, Problem{"GROVE_ROOT_KEY", "is needed, or GROVE_ROOT_KEY_FILE"})
	}
	return asError(problems)
}
