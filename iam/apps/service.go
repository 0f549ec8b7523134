package apps

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
	"grove/infra/module"
	"grove/infra/secrets"
)

// The grant types that an app may use.
const (
	GrantAuthorizationCode  = "authorization_code"
	GrantCIBA               = "urn:openid:params:grant-type:ciba" // OpenID Connect CIBA Core 1.0
	GrantClientCredentials  = "client_credentials"
	GrantDeviceCode         = "urn:ietf:params:oauth:grant-type:device_code"
	GrantJWTBearer          = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523
	GrantOrganizationSwitch = "organization_switch"
	GrantPassword           = "password" // RFC 6749, section 4.3; RFC 9700, section 2.4, forbids it
	GrantRefreshToken       = "refresh_token"
	GrantSAMLBearer         = "urn:ietf:params:oauth:grant-type:saml2-bearer" // RFC 7522
	GrantTokenExchange      = "urn:ietf:params:oauth:grant-type:token-exchange"
)

const (
	audienceApplication  = "application"
	audienceOrganization = "organization"
	clientConfidential   = "confidential"
	clientPublic         = "public"

	maxClientID  = 255
	secretPrefix = "grv_cs"
)

// checkPages says why the addresses that people see cannot be used.
func checkPages(a appRow) error {
	if err := checkPage("/logo_uri", a.LogoURI); err != nil {
		return err
	}
	return checkPage("/access_url", a.AccessURL)
}

// newClientID makes 130 random bits that look like no other identifier: they have no prefix.
func newClientID() string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails, by its documentation
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))[:26]
}

// AppFilter narrows a list of apps; empty fields select all.
type AppFilter struct {
	Origin   string // of a browser, that the app allows
	Q        string // what the name has in it, or the client_id
	Source   string // SourceManaged, SourceRegistered or SourceDocument
	Status   string // enabled or disabled
	Template string
}

// List returns a page of the apps that org owns, by name.
func (s *Service) List(ctx context.Context, tenant ids.Tenant, org ids.Org, f AppFilter, req page.Request) (result page.Result[App], err error) {
	after := position{key: req.Part(0)}
	after.id, _ = uuid.Parse(req.Part(1)) // "" on the first page is the zero UUID, before all others
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := listApps(ctx, tx.Tx, org, f, after, req.Limit())
		cut := page.Cut(req, rows, func(a appRow) []string { return []string{a.NameKey, a.ID.UUID().String()} })
		result = page.Map(cut, appRow.view)
		return err
	})
	return result, err
}

// Load returns an app that org owns.
func (s *Service) Load(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App) (found VersionedApp, err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		row, err := findApp(ctx, tx.Tx, org, id)
		found = row.versioned()
		return db.OrNotFound(err)
	})
	return found, err
}

// ClientIDByName returns the client_id of the app that org owns under a name, or fault.ErrNotFound.
func (s *Service) ClientIDByName(ctx context.Context, tenant ids.Tenant, org ids.Org, name string) (clientID string, err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		clientID, err = clientIDByName(ctx, tx.Tx, org, text.Key(name))
		return db.OrNotFound(err)
	})
	return clientID, err
}

// Create registers an app. secret is its first client secret where the client is confidential, never to be had again.
func (s *Service) Create(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateAppRequest) (made VersionedApp, secret string, err error) {
	row := appRow{ID: ids.NewApp(), Org: org, ClientID: newClientID(), Template: in.Template, LogoURI: in.LogoURI, AccessURL: in.AccessURL,
		RoleAudience: in.RoleAudience, Source: SourceManaged, Discoverable: in.Discoverable == nil || *in.Discoverable, Version: 1,
		OIDC: Settings{RedirectURIs: list.Distinct(in.RedirectURIs), PostLogoutRedirectURIs: list.Distinct(in.PostLogoutRedirectURIs)}}
	if err := in.Credentials.over(&row.OIDC); err != nil {
		return made, "", err
	}
	preset(&row)
	if row.RoleAudience == "" {
		row.RoleAudience = audienceApplication
	}
	row.Origins = list.Distinct(in.AllowedOrigins)
	if in.AllowedOrigins == nil && row.Template == templateSPA {
		row.Origins = originsOf(row.OIDC.RedirectURIs)
	}
	if row.Name, row.NameKey, err = cleanName(in.Name); err != nil {
		return made, "", err
	}
	if row.Description, err = cleanText(in.Description); err != nil {
		return made, "", err
	}
	if err := checkPages(row); err != nil {
		return made, "", err
	}
	if err := checkProtocol(row); err != nil {
		return made, "", err
	}
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		if err := insertApp(ctx, tx.Tx, row); err != nil {
			return nameTaken(err)
		}
		if row.keepsSecret() {
			var made secretRow
			var hash []byte
			made, secret, hash = newSecret()
			if err := insertSecret(ctx, tx.Tx, row, made, hash, nil); err != nil {
				return err
			}
		}
		if err := tx.Changed(ctx, "app", row.ClientID); err != nil {
			return err
		}
		row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
		made = row.versioned()
		return s.events.Write(ctx, tx.Tx, eventCreated.Of(org, row.ID, row.data()))
	})
	return made, secret, err
}

// Update changes what people see of an app, whether it works, and which roles it takes. version 0 is any.
func (s *Service) Update(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64, in UpdateAppRequest) (VersionedApp, error) {
	return s.change(ctx, tenant, org, id, version, func(ctx context.Context, tx db.Tx, a *appRow) (fields []string, err error) {
		if a.Source == SourceDocument && (in.Name != nil || in.Description != nil || in.AccessURL != nil || in.LogoURI != nil) {
			return nil, errElsewhere
		}
		if in.Name != nil {
			fields = append(fields, "name")
			if a.Name, a.NameKey, err = cleanName(*in.Name); err != nil {
				return nil, err
			}
		}
		if in.Description != nil {
			fields = append(fields, "description")
			if a.Description, err = cleanText(*in.Description); err != nil {
				return nil, err
			}
		}
		fields = set(fields, "access_url", &a.AccessURL, in.AccessURL)
		fields = set(fields, "discoverable", &a.Discoverable, in.Discoverable)
		fields = set(fields, "logo_uri", &a.LogoURI, in.LogoURI)
		if in.Enabled != nil {
			had := a.Enabled
			a.Enabled = *in.Enabled
			if err := turn(ctx, tx, a); err != nil {
				return nil, err
			}
			if a.Enabled != had {
				if err := s.enable(ctx, tx, *a); err != nil {
					return nil, err
				}
			}
		}
		if in.RoleAudience != nil && *in.RoleAudience != a.RoleAudience {
			a.RoleAudience = *in.RoleAudience
			fields = append(fields, "role_audience")
			if a.RoleAudience == audienceOrganization {
				if err := s.grants.DeleteAppRolesTx(ctx, tx, id); err != nil {
					return nil, err
				}
			}
		}
		return fields, checkPages(*a)
	})
}

func (s *Service) enable(ctx context.Context, tx db.Tx, a appRow) error {
	if a.Enabled {
		if err := tx.Unblock(ctx, db.KindClient, a.ID.UUID(), "app.enabled"); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventEnabled.Of(a.Org, a.ID, noData{}))
	}
	if err := tx.Block(ctx, db.KindClient, a.ID.UUID(), "app.disabled"); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventDisabled.Of(a.Org, a.ID, noData{}))
}

// change applies f to an app that org owns and may change, and tells of the fields that f names.
func (s *Service) change(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64, f func(context.Context, db.Tx, *appRow) ([]string, error)) (changed VersionedApp, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := s.lockOwn(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if version != 0 && version != row.Version {
			return fault.CodeStale.With("Read the app again and repeat the change on what it is now.", nil)
		}
		fields, err := f(ctx, tx, &row)
		if err != nil {
			return err
		}
		if err := updateApp(ctx, tx, row); err != nil {
			return nameTaken(err)
		}
		if err := s.ensureKeysTx(ctx, tx, row.OIDC); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "app", row.ClientID); err != nil {
			return err
		}
		row.UpdatedAt = tx.Now()
		row.Version++
		changed = row.versioned()
		if len(fields) == 0 {
			return nil
		}
		return s.events.Write(ctx, tx, eventUpdated.Of(org, id, changeData{Fields: fields}))
	})
	return changed, err
}

// RevokeTokens ends everything that was issued to an app so far. Errors: resource.not_found, app.builtin.
func (s *Service) RevokeTokens(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error { return s.RevokeTokensTx(ctx, tx, org, id) })
}

// RevokeTokensTx is RevokeTokens within the caller's transaction.
func (s *Service) RevokeTokensTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) error {
	row, err := s.lockOwn(ctx, tx, org, id)
	if err != nil {
		return err
	}
	if err := tx.Raise(ctx, db.KindClient, row.ID.UUID(), "app.tokens_revoked"); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventTokensRevoked.Of(row.Org, row.ID, noData{}))
}

// Delete ends everything that was issued to an app, and the app. version 0 is any.
func (s *Service) Delete(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := s.lockOwn(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if version != 0 && version != row.Version {
			return fault.CodeStale.With("Read the app again before you delete it.", nil)
		}
		return s.deleteTx(ctx, tx, row)
	})
}

func (s *Service) deleteTx(ctx context.Context, tx db.Tx, row appRow) error {
	if err := tx.Block(ctx, db.KindClient, row.ID.UUID(), "app.deleted"); err != nil {
		return err
	}
	if err := s.events.Write(ctx, tx, eventDeleted.Of(row.Org, row.ID, row.data())); err != nil {
		return err
	}
	if err := s.grants.DeleteAppRolesTx(ctx, tx, row.ID); err != nil {
		return err
	}
	if err := deleteApp(ctx, tx, row.ID); err != nil {
		return err
	}
	return tx.Changed(ctx, "app", row.ClientID)
}

// lockOwn returns an app that org owns and may change.
func (s *Service) lockOwn(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (appRow, error) {
	row, err := lockApp(ctx, tx, org, id)
	if db.IsNoRows(err) {
		return row, s.NotOwnTx(ctx, tx, org, id)
	}
	if err != nil {
		return row, err
	}
	if row.Builtin {
		return row, ErrBuiltin.With("The console and the account portal are the same in every tenant.", nil)
	}
	return row, nil
}

// found gives a new tenant its console and its account portal.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	resource, err := managementResource(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range []string{"console", "account"} {
		base := f.Base + "/" + name
		row := appRow{ID: ids.NewApp(), Org: f.Root, ClientID: name, Name: strings.ToUpper(name[:1]) + name[1:], NameKey: name, Template: templateSPA, Discoverable: true,
			AccessURL: base + "/", ClientType: clientPublic, Source: SourceManaged, Builtin: true, Enabled: true, RoleAudience: audienceOrganization, Origins: []string{},
			GrantTypes: []string{GrantAuthorizationCode, GrantOrganizationSwitch, GrantRefreshToken},
			OIDC:       Settings{IDTokenAlg: jose.ES256, PostLogoutRedirectURIs: []string{base + "/"}, RedirectURIs: []string{base + "/callback"}, SkipConsent: true, UserClaimsInIDToken: true}}
		if err := insertApp(ctx, tx, row); err != nil {
			return err
		}
		if name != "console" {
			continue
		}
		if err := putAPI(ctx, tx, row, resource, policyRBAC, []string{authz.AllScopes}, []string{}); err != nil {
			return err
		}
	}
	return nil
}

var errElsewhere = errDocument.With("Change the document, or disable the app here.", nil)

func newSecret() (row secretRow, plain string, hash []byte) {
	plain, hash = secrets.NewToken(secretPrefix)
	return secretRow{ID: ids.NewSecret(), Hint: plain[len(plain)-4:]}, plain, hash
}

func cleanName(s string) (show, key string, err error) {
	show = strings.TrimSpace(s)
	key = text.Key(show)
	if key == "" || strings.ContainsFunc(show, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", "", fault.CodeInvalid.At("/name", "Must be printable characters, at least one of them no space.")
	}
	return show, key, nil
}

func cleanText(s string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		return "", fault.CodeInvalid.At("/description", "Must be printable characters and line feeds.")
	}
	return s, nil
}

func nameTaken(err error) error {
	if db.IsUnique(err, "apps_name") {
		return errNameTaken.With("Choose another name; case and spaces make no difference.", err)
	}
	return err
}
