package registration

import (
	"cmp"
	"context"
	"errors"
	"time"

	"grove/iam/apps"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

const (
	prefixAccess = "grv_ra" // registration access tokens (RFC 7592)

	// openPerHour bounds how many apps register with an organization without a token. People's clients do it once.
	openPerHour = 100
)

var (
	// ErrOff says that apps cannot register themselves here.
	ErrOff = fault.CodeForbidden.With("Apps cannot register themselves here.", nil)
	// ErrToken is the one answer to every token that is no good.
	ErrToken = refuse(CodeToken, "The token is invalid, expired, used up, or was taken away.")

	errRate = fault.CodeTooMany.With("Too many apps have registered themselves. Try again later.", nil)
)

// Registered is what an app is told of its registration (RFC 7591, section 3.2.1).
type Registered struct {
	Metadata
	AccessToken string // with which it manages its registration; of a new one only
	ClientID    string
	IssuedAt    time.Time
	Secret      string // of a new confidential client only
}

// Register makes an app of org out of what it says of itself (RFC 7591, section 3). token is an initial access token, or ""
// where there is none. An error is a [Refusal], ErrOff, or one of the installation.
func (s *Service) Register(ctx context.Context, tenant ids.Tenant, org ids.Org, token string, m Metadata) (made Registered, err error) {
	p, err := s.policy(ctx, tenant, org)
	if err != nil {
		return made, err
	}
	switch {
	case p.Registration == registrationOff:
		return made, ErrOff
	case token == "" && p.Registration != registrationOpen:
		return made, ErrToken
	}
	if err := s.believe(ctx, p, &m); err != nil {
		return made, err
	}
	rules := openRules
	if token != "" {
		rules = tokenRules
	}
	rules = rules.held(p.profile())
	described, err := m.registration(rules)
	if err != nil {
		return made, err
	}
	described.Settings.PKCEOptional = p.PKCEOptional && !described.Public && p.profile() == ""
	if described.Settings.SectorIdentifierURI != "" {
		if err := s.rehearse(ctx, tenant, org, token); err != nil {
			return made, err
		}
		if err := s.Apps.CheckSector(ctx, described.Settings); err != nil {
			return made, asRefusal(err)
		}
	}
	if described.Key, err = s.Apps.SealingKey(ctx, tenant); err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		data := registeredData{Signed: m.SoftwareStatement != ""}
		if err := s.admit(ctx, tx, org, token, &data); err != nil {
			return err
		}
		app, secret, err := s.Apps.RegisterTx(ctx, tx, org, described)
		if err != nil {
			return asRefusal(err)
		}
		if err := s.Sharing.ShareAllTx(ctx, tx, app.ID, org); err != nil {
			return err
		}
		access, hash := secrets.NewToken(prefixAccess)
		row := registrationRow{App: app.ID, Org: org, Hash: hash, Metadata: m.kept(), CreatedAt: tx.Now()}
		if err := insertRegistration(ctx, tx, row, token == ""); err != nil {
			return err
		}
		data.ClientID = app.OIDC.ClientID
		made = Registered{Metadata: metadataOf(app, row.Metadata), AccessToken: access, ClientID: data.ClientID, IssuedAt: row.CreatedAt, Secret: secret}
		return s.events.Write(ctx, tx, eventRegistered.Of(org, app.ID, data))
	})
	return made, err
}

var errRehearsed = errors.New("registration: undone, on purpose")

// rehearse says whether somebody might register an app now, before anything is done for him that costs others.
func (s *Service) rehearse(ctx context.Context, tenant ids.Tenant, org ids.Org, token string) error {
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		return cmp.Or(s.admit(ctx, tx, org, token, &registeredData{}), errRehearsed)
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// admit settles whether somebody may register an app now.
func (s *Service) admit(ctx context.Context, tx db.Tx, org ids.Org, token string, data *registeredData) error {
	standing, err := s.Standing.Standing(ctx, tx, sessions.Subjects{Org: org})
	if err != nil {
		return err
	}
	if standing.Blocked {
		return ErrOff
	}
	if token == "" {
		n, err := countOpen(ctx, tx, org, tx.Now().Add(-time.Hour))
		if err == nil && n >= openPerHour {
			err = errRate
		}
		return err
	}
	id, err := useToken(ctx, tx, org, secrets.HashToken(token))
	if db.IsNoRows(err) {
		return ErrToken
	}
	data.Token = &id
	return err
}

// kept is what of metadata is stored beside the app. The authorization details types that it says it asks for are an announcement
// (RFC 9396, section 10): what it may ask for, an administrator says.
func (m Metadata) kept() Metadata {
	return Metadata{ApplicationType: m.ApplicationType, BackchannelSession: m.BackchannelSession, Contacts: m.Contacts, DetailsTypes: m.DetailsTypes, FrontchannelSession: m.FrontchannelSession, SoftwareID: m.SoftwareID,
		SoftwareStatement: m.SoftwareStatement, SoftwareVersion: m.SoftwareVersion}
}

// Read returns what an app's registration is now (RFC 7592, section 2.1). token is its registration access token.
func (s *Service) Read(ctx context.Context, tenant ids.Tenant, clientID, token string) (found Registered, err error) {
	err = s.manage(ctx, tenant, clientID, token, func(ctx context.Context, tx db.Tx, r registrationRow) error {
		app, err := s.Apps.RegisteredTx(ctx, tx, r.Org, r.App)
		found = Registered{Metadata: metadataOf(app, r.Metadata), ClientID: clientID, IssuedAt: r.CreatedAt}
		return err
	})
	return found, err
}

// Replace replaces what an app said of itself by m (RFC 7592, section 2.2).
func (s *Service) Replace(ctx context.Context, tenant ids.Tenant, clientID, token string, m Metadata) (changed Registered, err error) {
	var was registrationRow
	var sector string
	err = s.manage(ctx, tenant, clientID, token, func(ctx context.Context, tx db.Tx, r registrationRow) error {
		before, err := s.Apps.RegisteredTx(ctx, tx, r.Org, r.App)
		was, sector = r, before.OIDC.SectorIdentifierURI
		return err
	})
	if err != nil {
		return changed, err
	}
	p, err := s.policy(ctx, tenant, was.Org)
	if err != nil {
		return changed, err
	}
	if p.Registration == registrationOff {
		return changed, ErrOff
	}
	if err := s.believe(ctx, p, &m); err != nil {
		return changed, err
	}
	// An address that is new would be a stranger's, which we do not read: who may name one was settled when the app was registered.
	keeps := m.SectorIdentifierURI == sector
	if keeps && sector != "" {
		if err := s.Apps.CheckSector(ctx, apps.Settings{RedirectURIs: m.RedirectURIs, SectorIdentifierURI: m.SectorIdentifierURI}); err != nil {
			return changed, asRefusal(err)
		}
	}
	err = s.manage(ctx, tenant, clientID, token, func(ctx context.Context, tx db.Tx, r registrationRow) error {
		before, err := s.Apps.RegisteredTx(ctx, tx, r.Org, r.App)
		if err != nil {
			return err
		}
		rules := openRules.held(p.profile())
		rules.sector = keeps
		// What an app was let have it may keep.
		rules.grantTypes = append(before.OIDC.GrantTypes, rules.grantTypes...)
		described, err := m.registration(rules)
		if err != nil {
			return err
		}
		app, err := s.Apps.ReregisterTx(ctx, tx, r.Org, r.App, described)
		if err != nil {
			return asRefusal(err)
		}
		changed = Registered{Metadata: metadataOf(app, m.kept()), ClientID: clientID, IssuedAt: r.CreatedAt}
		return updateRegistration(ctx, tx, r.App, m.kept())
	})
	return changed, err
}

// Delete ends an app by its own wish (RFC 7592, section 2.3).
func (s *Service) Delete(ctx context.Context, tenant ids.Tenant, clientID, token string) error {
	return s.manage(ctx, tenant, clientID, token, func(ctx context.Context, tx db.Tx, r registrationRow) error {
		return s.Apps.DeregisterTx(ctx, tx, r.Org, r.App)
	})
}

// manage calls f with the registration that a token manages. An app that an administrator has disabled manages nothing: it
// could come back as another.
func (s *Service) manage(ctx context.Context, tenant ids.Tenant, clientID, token string, f func(context.Context, db.Tx, registrationRow) error) error {
	if !secrets.LooksLike(prefixAccess, token) {
		return ErrToken
	}
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		r, err := findRegistration(ctx, tx, clientID)
		if db.IsNoRows(err) || err == nil && (!secrets.MatchToken(token, r.Hash) || !r.Enabled) {
			return ErrToken
		}
		if err != nil {
			return err
		}
		return f(ctx, tx, r)
	})
}

// OwnSecret reports whether a secret is one that a client has: an app that repeats its secret must repeat the right one.
func OwnSecret(client apps.Client, secret string) bool {
	given, own := secrets.HashToken(secret), false
	for _, known := range client.SecretHashes {
		own = secrets.EqualHash(given, known.Hash) || own
	}
	return own
}

// IsRefusal returns the answer of the protocol in err, if there is one.
func IsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	return r, errors.As(err, &r)
}
