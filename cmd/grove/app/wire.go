package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"grove/billing/metering"
	"grove/frontend"
	"grove/frontend/hosted"
	"grove/iam/account"
	"grove/iam/administrators"
	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/consents"
	"grove/iam/groups"
	"grove/iam/inspector"
	"grove/iam/issuers"
	"grove/iam/oauth"
	"grove/iam/recovery"
	"grove/iam/registration"
	"grove/iam/sessions"
	"grove/iam/signals"
	"grove/iam/users"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/outbound"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	orgdir "grove/orgs/directory"
	"grove/orgs/domains"
	"grove/orgs/invitations"
	"grove/orgs/members"
	"grove/orgs/sharing"
	"grove/orgs/support"
	"grove/provisioning/notifications"
	tenantdir "grove/tenants/directory"
	"grove/tenants/keys"
	"grove/tenants/mails"
	"grove/tenants/settings"
)

// Parts are the capabilities that the command, or a test, talks to directly.
type Parts struct {
	Apps         *apps.Service
	Authz        *authz.Service
	Domains      *domains.Service
	Keys         *keys.Service
	Members      *members.Service
	OAuth        *oauth.Service
	Orgs         *orgdir.Service
	Inspector    *inspector.Service
	Registration *registration.Service
	Tenants      *tenantdir.Service
	Users        *users.Service
}

// directory answers the API's questions about tenants and organizations from the two directories.
type directory struct {
	*tenantdir.Service
	orgs *orgdir.Service
}

func (d directory) Org(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	return d.orgs.Resolve(ctx, t, ref)
}

// wire constructs every capability, from the ground up, and then the API from their manifests.
func (a *App) wire() error {
	c := a.Config
	var older [][]byte
	if !c.PreviousRootKey.IsZero() {
		older = append(older, c.PreviousRootKey.Bytes())
	}
	root, err := secrets.NewRoot(c.RootKey.Bytes(), older...)
	if err != nil {
		return err
	}
	a.root = root
	sealer := secrets.NewSealer(root)
	hasher, err := password.New(password.Options{Params: hashParams(c)})
	if err != nil {
		return err
	}
	var authorities *x509.CertPool
	if c.ClientCAFile != "" {
		if authorities, err = config.ReadAuthorities(c.ClientCAFile); err != nil {
			return fmt.Errorf("GROVE_CLIENT_CA_FILE %w", err)
		}
	}
	registry := jobs.NewRegistry(a.gate)
	if a.DB != nil { // nothing is inserted while the program only describes itself
		if a.Jobs, err = jobs.NewClient(registry, jobs.Options{DB: a.DB, Log: a.Log, Workers: a.options.Workers}); err != nil {
			return err
		}
	}
	a.Events = events.NewLog(a.Jobs)

	// tenants, and what they ask of iam
	roles := authz.New(a.DB, a.Events)
	people := users.New(a.DB, a.Events, hasher, roles)
	tenants := tenantdir.New(a.DB, a.Events, a.Hub, c.BaseURL, a.founders, people, tenantdir.Removal{Erase: a.eraseTenant, Retention: c.TenantRetention})
	tenants.OnResume(a.Jobs.Wake)
	keyring := keys.New(a.DB, a.Events, a.Hub, root, tenants.ActiveTenants)
	options := settings.New(a.DB, a.Events, a.Hub)
	people.WithSettings(options)

	// orgs/directory and the rest of iam's base
	orgs := orgdir.New(a.DB, a.Events, a.Hub, a.erase, c.OrgMaxDepth)
	roles.KeepClearOf(tenants.Issuers)
	orgs.OnMove(roles.CheckMoveTx)
	orgs.OnResume(a.Jobs.Wake)
	teams := groups.New(a.DB, a.Events, roles)
	teams.OnDelete(roles.UnassignGroupTx)
	told := attributes.New(a.DB, a.Events, a.Hub, authz.IsReserved)
	roles.KeepScopesClearOf(told.Taken)
	clients := apps.New(a.DB, a.Events, a.Hub, roles)
	clients.WithDefaults(apps.Lifetimes{AccessToken: c.AccessTokenTTL, RefreshToken: c.RefreshTokenTTL})
	clients.WithKeys(keyring)
	signedIn := sessions.New(a.DB, a.Events, sessions.Lifetimes{Absolute: c.SessionTTL, Idle: c.SessionIdleTTL})
	signedIn.OnEnd(people.CheckRankOf)
	signedIn.WithJobs(a.Jobs)
	signedIn.WithSettings(options)
	trusted := issuers.New(a.DB, a.Events, people, roles)
	allowed := consents.New(a.DB, a.Events)
	a.standing = signedIn

	// other orgs
	seats := metering.New(a.DB, a.Events)
	shares := sharing.New(a.DB, a.Events, roles)
	clients.WithShares(shares)
	mail := domains.New(a.DB, a.Events)
	allowances := support.New(a.DB, a.Events, support.Ports{Roles: roles, Sessions: signedIn, Users: people})
	belonging := members.New(a.DB, a.Events, members.Ports{Authorizer: roles, Groups: teams, Orgs: orgs, Roles: roles,
		Seats: seats, Sessions: signedIn, Users: people})
	invited := invitations.New(a.DB, a.Events, c.InvitationTTL, invitations.Ports{Domains: mail, Groups: teams, Jobs: a.Jobs, Keys: keyring, Members: belonging,
		Roles: roles, Seats: seats, Sessions: signedIn, Tenants: tenants, Users: people})
	invited.WithSettings(options)

	// iam middle and top
	abroad := outbound.New(outbound.Options{Dev: a.options.Dev})
	clients.WithOutbound(abroad)
	published := outbound.NewJWKS(abroad, a.options.Clock)
	strangers := registration.New(a.DB, a.Events, a.Hub, a.options.Dev, registration.Ports{Apps: clients, Outbound: abroad, RemoteKeys: published, Sharing: shares, Standing: signedIn})
	engine := authn.New(a.DB, signedIn, allowed, authn.Options{FlowTTL: c.FlowTTL, SameSite: sameSite(c)}, authn.Ports{Apps: clients, Claims: told, Domains: mail, Keys: keyring, Members: belonging,
		Orgs: orgs, Roles: roles, Sharing: strangers, Users: people})
	links := recovery.New(a.DB, a.Events, recovery.Ports{Keys: keyring, Roles: roles, Sessions: signedIn, Tenants: tenants, Users: people})
	links.WithSettings(options)
	pages := hosted.New(hosted.Options{DB: a.DB, Engine: engine, Events: a.Events, Invitations: invited, Keys: keyring, Log: a.Log, Orgs: orgs, Passwords: links, Roles: roles, Users: people})
	refusals := inspector.New(a.DB, clients, a.Log)
	server := oauth.New(oauth.Dependencies{Clients: clients, Consents: allowed, DB: a.DB, DetailsTypes: roles, Dialects: told, Events: a.Events, Groups: teams, Hub: a.Hub, Inspector: refusals, Issuers: trusted, Jobs: a.Jobs, Keys: keyring, Log: a.Log,
		Members: belonging, Orgs: orgs, Outbound: abroad, Pages: pages, Processors: a.options.Processors, Registration: strangers, RemoteKeys: published,
		Roles: roles, Sealer: sealer, Sessions: signedIn, Sharing: strangers, SignIn: engine, Support: allowances, Users: people},
		oauth.Options{AccessTokenTTL: c.AccessTokenTTL, Certificates: a.options.TLS || c.ClientCertHeader != "", ClientCAs: authorities, CodeTTL: c.CodeTTL, FlowTTL: c.FlowTTL,
			MTLSBaseURL: c.MTLSBaseURL, RefreshGrace: c.RefreshGrace, RefreshTokenIdleTTL: c.RefreshTokenIdleTTL, RefreshTokenTTL: c.RefreshTokenTTL, TokenLog: c.TokenLog == "on"})
	pages.For(server)
	allowed.WithAdministrators(clients, people.CheckRankOf)
	allowed.OnRevoke(func(ctx context.Context, tx db.Tx, c consents.Consent) error {
		return server.EndGrantsTx(ctx, tx, c.User, c.Org, c.App, "consent_revoked")
	})
	forget := func(ctx context.Context, tx db.Tx, names []string) error {
		return errors.Join(allowed.ForgetScopesTx(ctx, tx, names), server.ForgetScopesTx(ctx, tx, names))
	}
	roles.OnScopesDeleted(forget)
	told.OnDeleted(allowed.ForgetClaimTx, func(ctx context.Context, tx db.Tx, name string) error { return forget(ctx, tx, []string{name}) })
	signedIn.OnEndInOrg(server.EndGrantsInOrgTx)
	me := account.New(account.Dependencies{Apps: shares, Authz: roles, Claims: told, Consents: allowed, DB: a.DB, Grants: server, Members: belonging, Sessions: signedIn, Users: people})
	teller := signals.New(signals.Dependencies{Clients: clients, DB: a.DB, Events: a.Events, Jobs: a.Jobs, Keys: keyring, Log: a.Log, Outbound: abroad, Protocol: server, Sharing: strangers, Users: people})
	firsts := administrators.New(a.DB, tenants, people)
	letters := notifications.New(invited, links, server, a.options.Sender, a.Log)

	a.Parts = Parts{Apps: clients, Authz: roles, Domains: mail, Inspector: refusals, Keys: keyring, Members: belonging, OAuth: server, Orgs: orgs, Registration: strangers, Tenants: tenants, Users: people}
	a.API = httpapi.New(httpapi.Options{BaseURL: c.BaseURL, Authenticator: server, Authorizer: roles, CertificateHeader: c.ClientCertHeader, DB: a.DB, Directory: directory{tenants, orgs},
		Limits: httpapi.Limits{PerAddress: c.RateLimitPerAddress, PerClient: c.RateLimitPerClient, PerTenant: c.RateLimitPerTenant},
		Log:    a.Log, Observe: a.observe, Origins: clients.Origins, Page: pages.StatusPage, PlatformKey: c.PlatformKey.Reveal(), Sealer: sealer,
		TrustedProxies: c.TrustedProxies, Version: a.options.Version})
	a.Modules = modules(a.DB, a.Config, tenants, keyring, mails.Ledger{}, orgs, options, people, teams, roles, clients, told, signedIn, trusted, allowed, seats, shares, mail, allowances,
		belonging, strangers, refusals, invited, links, engine, server, teller, me, firsts, pages, letters)
	return a.mount(registry)
}

// mount brings the manifests to where they take effect.
func (a *App) mount(registry *jobs.Registry) error {
	var subscriptions []events.Subscription
	for _, m := range a.Modules {
		subscriptions = append(subscriptions, m.Subscriptions...)
		if m.Routes != nil {
			m.Routes(a.API)
		}
		if m.Platform != nil {
			m.Platform(a.API)
		}
		if m.Protocols != nil {
			m.Protocols(a.API.Base())
		}
		if m.Jobs != nil {
			m.Jobs(registry)
		}
	}
	a.Events.Subscribe(subscriptions)
	events.Deliver(registry, a.DB, subscriptions)
	a.API.Base().Group(func(r chi.Router) {
		for path, page := range map[string]http.HandlerFunc{"/console": frontend.Console, "/account": frontend.Account} {
			r.Get(path, page)
			r.Get(path+"/*", page)
		}
	})
	if a.DB == nil {
		return nil
	}
	return a.host(a.API.Host())
}

// founders are asked for when a tenant is created: by then every manifest is there.
func (a *App) founders() []tenantdir.Founder {
	var all []tenantdir.Founder
	for _, m := range a.Modules {
		if m.Found != nil {
			all = append(all, m.Found)
		}
	}
	return all
}

// gate keeps the work of what is suspended or gone from running: the one standing check.
func (a *App) gate(ctx context.Context, s jobs.Scope) error {
	_, err := a.Parts.Tenants.ByID(ctx, s.Tenant)
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.Code.Kind == fault.NotFound:
		return jobs.ErrGone
	case errors.As(err, &f):
		return jobs.ErrSuspended
	case err != nil || s.Org.IsZero():
		return err
	}
	standing, err := a.standing.StandingBatch(ctx, sessions.Subjects{Tenant: s.Tenant, Org: s.Org})
	if err == nil && standing.Blocked {
		return jobs.ErrSuspended
	}
	return err
}

// erase removes the rows of an organization that is being deleted, table by table as the inventory lists them. Foreign
// keys give the order: the tables made last go first.
func (a *App) erase(ctx context.Context, tx db.Tx, org ids.Org) error {
	for i := len(a.Modules) - 1; i >= 0; i-- {
		for _, statement := range eraseStatements(a.Modules[i]) {
			if _, err := tx.Exec(ctx, statement, tx.Tenant(), org); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseTenant deletes everything of a tenant but its own line, table by table as the inventory lists them, in batches that each
// commit: whatever stops it, the next run goes on. The tables made last go first.
func (a *App) eraseTenant(ctx context.Context, tenant ids.Tenant) error {
	deleted := map[string]int64{}
	for i := len(a.Modules) - 1; i >= 0; i-- {
		for _, e := range tenantErasures(a.Modules[i]) {
			for {
				n, err := e.batch(ctx, a.DB, tenant)
				if err != nil {
					return fmt.Errorf("erase %s: %w", e.table, err)
				}
				if n == 0 {
					break
				}
				deleted[e.table] += n
			}
		}
	}
	a.Log.InfoContext(ctx, "a tenant was erased", "tenant", tenant.String(), "rows", deleted)
	return nil
}

func (a *App) observe(method, route string, status int, took time.Duration) {
	if a.metrics != nil {
		a.metrics.Observe(method, route, status, took)
	}
}

func hashParams(c config.Config) password.Params {
	p := password.DefaultParams()
	p.MemoryKiB, p.Time, p.Threads = uint32(c.Argon2MemoryKiB), uint32(c.Argon2Iterations), uint8(c.Argon2Parallelism)
	return p
}

func sameSite(c config.Config) http.SameSite {
	switch c.SessionCookieSameSite {
	case "none":
		return http.SameSiteNoneMode
	case "strict":
		return http.SameSiteStrictMode
	}
	return http.SameSiteLaxMode
}
