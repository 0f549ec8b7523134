package apps

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/secrets"
)

// Who set an app up.
const (
	SourceDocument   = "document"   // a client ID metadata document, published at its client_id
	SourceManaged    = "managed"    // an administrator
	SourceRegistered = "registered" // itself, by RFC 7591
)

// Registration is an app that describes itself.
type Registration struct {
	Source     string // SourceRegistered or SourceDocument
	ClientID   string // of a document its address; "" for a new one
	Name       string
	LogoURI    string
	AccessURL  string
	Native     bool // private schemes and any port of a loopback address are good for redirects
	Public     bool
	GrantTypes []string
	Settings   Settings
	Key        *secrets.DataKey // seals its secret where it signs with it: see [Service.SealingKey]
}

func (r Registration) row(org ids.Org) (row appRow, err error) {
	row = appRow{ID: ids.NewApp(), Org: org, ClientID: r.ClientID, Source: r.Source, Template: templateStandard, Discoverable: true, LogoURI: r.LogoURI, AccessURL: r.AccessURL,
		ClientType: clientConfidential, Enabled: true, RoleAudience: audienceApplication, GrantTypes: list.Distinct(r.GrantTypes), OIDC: r.Settings, Version: 1}
	if row.ClientID == "" {
		row.ClientID = newClientID()
	}
	if r.Native {
		row.Template = templateMobile
	}
	if r.Public {
		row.ClientType = clientPublic
	}
	if row.OIDC.IDTokenAlg == "" {
		row.OIDC.IDTokenAlg = jose.ES256
	}
	row.OIDC.Encryption.Complete()
	row.OIDC.RedirectURIs = list.Distinct(row.OIDC.RedirectURIs)
	row.OIDC.PostLogoutRedirectURIs = list.Distinct(row.OIDC.PostLogoutRedirectURIs)
	row.Origins = []string{}
	if r.Public {
		row.Origins = originsOf(row.OIDC.RedirectURIs)
	}
	if row.Name, row.NameKey, err = cleanName(r.Name); err != nil {
		return row, err
	}
	if err := checkPages(row); err != nil {
		return row, err
	}
	if slices.Contains(row.GrantTypes, GrantAuthorizationCode) && len(row.OIDC.RedirectURIs) == 0 {
		return row, errRedirects.At("/redirect_uris", "Must have at least one redirect URI, to which codes are sent.")
	}
	if err := row.OIDC.checkKeys(); err != nil {
		return row, err
	}
	return row, checkProtocol(row)
}

// RegisterTx makes an app of what it says of itself. secret is its client secret where it proves itself by one, never to be
// had again. Nobody has authorized it for anything: it may ask for the scopes of those APIs that are open to such apps.
func (s *Service) RegisterTx(ctx context.Context, tx db.Tx, org ids.Org, r Registration) (made VersionedApp, secret string, err error) {
	row, err := r.row(org)
	if err != nil {
		return made, "", err
	}
	if err := insertApp(ctx, tx, row); err != nil {
		return made, "", err
	}
	if err := s.ensureKeysTx(ctx, tx, row.OIDC); err != nil {
		return made, "", err
	}
	switch row.OIDC.complete(row.ClientType).AuthMethod {
	case AuthSecret, AuthSecretJWT, AuthBasic, AuthPost:
		var stored secretRow
		var hash []byte
		stored, secret, hash = newSecret()
		if err := insertSecret(ctx, tx, row, stored, hash, sealed(r.Key, row, stored.ID, secret)); err != nil {
			return made, "", err
		}
	}
	if err := tx.Changed(ctx, "app", row.ClientID); err != nil {
		return made, "", err
	}
	row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
	return row.versioned(), secret, s.events.Write(ctx, tx, eventCreated.Of(org, row.ID, row.data()))
}

// over lays what an app says of itself over its settings. What only administrators set stays: lifetimes and consent. So does what
// makes the app safer, once it is set by anybody.
func (r Registration) over(s Settings) Settings {
	d := r.Settings
	s.AuthMethod, s.AuthSigningAlg, s.JWKS, s.JWKSURI = d.AuthMethod, d.AuthSigningAlg, d.JWKS, d.JWKSURI
	s.BackchannelLogoutURI, s.FrontchannelLogoutURI = d.BackchannelLogoutURI, d.FrontchannelLogoutURI
	s.BackchannelDelivery, s.BackchannelNotify, s.BackchannelRequestAlg = d.BackchannelDelivery, d.BackchannelNotify, cmp.Or(d.BackchannelRequestAlg, s.BackchannelRequestAlg)
	s.PostLogoutRedirectURIs, s.RedirectURIs = d.PostLogoutRedirectURIs, d.RedirectURIs
	s.IDTokenAlg, s.IntrospectionAlg, s.RequestObjectAlg, s.ResponseAlg, s.UserinfoAlg = d.IDTokenAlg, d.IntrospectionAlg, d.RequestObjectAlg, d.ResponseAlg, d.UserinfoAlg
	s.Encryption, s.Pages, s.ResponseTypes = d.Encryption, d.Pages, d.ResponseTypes
	s.SectorIdentifierURI, s.SubjectType = d.SectorIdentifierURI, d.SubjectType
	s.CertificateDN, s.CertificateDNS, s.CertificateEmail, s.CertificateIP, s.CertificateURI = d.CertificateDN, d.CertificateDNS, d.CertificateEmail, d.CertificateIP, d.CertificateURI
	if !s.Meets(d.Profile) {
		s.Profile = d.Profile
	}
	s.CertificateBound = s.CertificateBound || d.CertificateBound
	s.DPoPBound = s.DPoPBound || d.DPoPBound
	s.RequirePushed = s.RequirePushed || d.RequirePushed
	s.RequireSignedRequest = s.RequireSignedRequest || d.RequireSignedRequest
	return s
}

// ReregisterTx replaces what an app said of itself. What an administrator settled stays: whether it is enabled, its APIs, roles
// and secrets, and the settings that registration does not know. Who holds the token of a registration could have by it what an
// administrator authorized the app for, so then nothing can change that says who gets its tokens (app.authorized); a document is
// as much the app's as its name is.
func (s *Service) ReregisterTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App, r Registration) (changed VersionedApp, err error) {
	was, err := lockApp(ctx, tx, org, id)
	if err != nil {
		return changed, db.OrNotFound(err)
	}
	r.ClientID, r.Settings = was.ClientID, r.over(was.OIDC)
	row, err := r.row(org)
	if err != nil {
		return changed, err
	}
	row.ID, row.Source, row.Enabled, row.RoleAudience, row.Description = was.ID, was.Source, was.Enabled, was.RoleAudience, was.Description
	row.CreatedAt, row.UpdatedAt, row.Version = was.CreatedAt, was.UpdatedAt, was.Version
	if (row.OIDC.AuthMethod == AuthSecretJWT) != (was.OIDC.AuthMethod == AuthSecretJWT) {
		return changed, fault.CodeInvalid.At("/token_endpoint_auth_method", "Must stay as it was registered: a secret that signs is kept in another way than one that is sent.")
	}
	if row.ClientType != was.ClientType || row.Template != was.Template {
		return changed, fault.CodeInvalid.At("/token_endpoint_auth_method", "Must stay as it was registered: a client stays public or confidential, native or not.")
	}
	shown, protocol := changedFields(was, row)
	if len(shown)+len(protocol) == 0 {
		return was.versioned(), nil
	}
	if was.Source == SourceRegistered && slices.ContainsFunc(protocol, func(name string) bool { return !harmless[name] }) {
		authorized, err := handedOut(ctx, tx, id)
		if err != nil {
			return changed, err
		}
		types, err := handedTypes(ctx, tx, id)
		if err != nil {
			return changed, err
		}
		if len(authorized)+len(types) > 0 {
			return changed, errAuthorized.With("An administrator has authorized the app for an API since. Only an administrator changes where its codes go and how it proves itself.", nil)
		}
	}
	if was.OIDC.Sector() != row.OIDC.Sector() {
		if err := tx.Raise(ctx, db.KindClient, id.UUID(), reasonSubjects); err != nil {
			return changed, err
		}
	}
	if was.OIDC.Profile != row.OIDC.Profile {
		if err := tx.Raise(ctx, db.KindClient, id.UUID(), reasonProfile); err != nil {
			return changed, err
		}
	}
	if keysGone(was.OIDC, row.OIDC) {
		if err := tx.Raise(ctx, db.KindClient, id.UUID(), "app.key_revoked"); err != nil {
			return changed, err
		}
	}
	if err := updateApp(ctx, tx, row); err != nil {
		return changed, err
	}
	if err := s.ensureKeysTx(ctx, tx, row.OIDC); err != nil {
		return changed, err
	}
	if err := tx.Changed(ctx, "app", row.ClientID); err != nil {
		return changed, err
	}
	row.UpdatedAt = tx.Now()
	row.Version++
	return row.versioned(), s.events.Write(ctx, tx, eventUpdated.Of(org, id, changeData{Fields: slices.Concat(shown, protocol)}))
}

// DeregisterTx deletes an app that describes itself.
func (s *Service) DeregisterTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) error {
	row, err := lockApp(ctx, tx, org, id)
	if err != nil {
		return db.OrNotFound(err)
	}
	return s.deleteTx(ctx, tx, row)
}

// RegisteredTx returns an app that org owns.
func (s *Service) RegisteredTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (VersionedApp, error) {
	row, err := findApp(ctx, tx, org, id)
	return row.versioned(), db.OrNotFound(err)
}

// changedFields names what differs between two states of an app: what people see, and how it speaks OAuth.
func changedFields(was, is appRow) (shown, protocol []string) {
	had := map[string]any{"access_url": was.AccessURL, "logo_uri": was.LogoURI, "name": was.Name}
	for name, value := range map[string]any{"access_url": is.AccessURL, "logo_uri": is.LogoURI, "name": is.Name} {
		if had[name] != value {
			shown = append(shown, name)
		}
	}
	before, after := protocolFields(was), protocolFields(is)
	for name := range after {
		if !reflect.DeepEqual(before[name], after[name]) {
			protocol = append(protocol, name)
		}
	}
	slices.Sort(shown)
	slices.Sort(protocol)
	return shown, protocol
}

// protocolFields are an app's OAuth settings by their names in the API.
func protocolFields(a appRow) map[string]any {
	settings := reflect.ValueOf(a.OIDC.complete(a.ClientType))
	fields := map[string]any{"allowed_origins": a.Origins, "grant_types": a.GrantTypes}
	for _, f := range reflect.VisibleFields(settings.Type()) {
		if !f.Anonymous {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = settings.FieldByIndex(f.Index).Interface()
		}
	}
	return fields
}

// keysGone reports whether a key, or the address of keys, that vouched for an app no longer does.
func keysGone(was, is Settings) bool {
	had, _ := was.JWKS.PublicKeys() // looked at when they were stored
	have, _ := is.JWKS.PublicKeys()
	return was.JWKSURI != "" && was.JWKSURI != is.JWKSURI || slices.ContainsFunc(had, func(old *jose.PublicKey) bool {
		return !slices.ContainsFunc(have, func(k *jose.PublicKey) bool { return k.Thumbprint() == old.Thumbprint() })
	})
}
