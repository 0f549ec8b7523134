package apps

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"

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
	GrantRefreshToken       = "refresh_token"
	GrantSAMLBearer         = "urn:ietf:params:oauth:grant-type:saml2-bearer" // RFC 7522
	GrantTokenExchange      = "urn:ietf:params:oauth:grant-type:token-exchange"
)

const (
	audienceApplication  = "application"
	audienceOrganization = "organization"
	clientConfidential   = "confidential"
	clientPublic         = "public"
	templateMobile       = "mobile"
	templateM2M          = "m2m"
	templateSPA          = "spa"
	templateStandard     = "standard"
	templateWeb          = "web"

	// allManagementScopes stands in app_apis.scopes, and in a request's scope, for every scope of the management API.
	allManagementScopes = "grove"
	maxClientID         = 255
	secretPrefix        = "grv_cs"
)

// preset gives a new app what its template says; everything but the client type can be changed later.
func preset(a *appRow) {
	a.ClientType, a.Enabled, a.OIDC.IDTokenAlg = clientConfidential, true, jose.ES256
	// Switching is open from the start: in which organizations an app works is for its share to say.
	a.GrantTypes = []string{GrantAuthorizationCode, GrantOrganizationSwitch, GrantRefreshToken}
	switch a.Template {
	case templateSPA, templateMobile:
		a.ClientType, a.OIDC.UserClaimsInIDToken = clientPublic, true
	case templateWeb:
		a.OIDC.UserClaimsInIDToken = true // libraries for these three seldom ask the userinfo endpoint by themselves
	case templateM2M:
		a.GrantTypes = []string{GrantClientCredentials}
	}
}

// checkProtocol says why an app's OAuth settings do not hold together.
func checkProtocol(a appRow) error {
	code, device, ciba := slices.Contains(a.GrantTypes, GrantAuthorizationCode), slices.Contains(a.GrantTypes, GrantDeviceCode), slices.Contains(a.GrantTypes, GrantCIBA)
	switch {
	case a.ClientType == clientPublic && slices.Contains(a.GrantTypes, GrantClientCredentials):
		return errGrantTypes.At("/grant_types", "Must not have client_credentials for a public client: it is for confidential clients only.")
	case a.ClientType == clientPublic && ciba:
		return errGrantTypes.At("/grant_types", "Must not have ciba for a public client: whoever asks people for their consent behind their backs has to prove who he is.")
	case a.Template == templateM2M && (code || device || ciba):
		return errGrantTypes.At("/grant_types", "Must have no sign-in for a machine-to-machine app.")
	case a.Template == templateSPA && slices.ContainsFunc(a.GrantTypes, func(g string) bool { return g == GrantJWTBearer || g == GrantSAMLBearer || g == GrantTokenExchange }):
		return errGrantTypes.At("/grant_types", "Must have neither assertions nor token exchange for apps that run in a browser, which keep no token from what else runs there.")
	case a.ClientType == clientPublic && len(a.OIDC.ExchangeAudiences) > 0:
		return fault.CodeInvalid.At("/token_exchange_audiences", "Must be empty for public clients, which cannot prove that they serve an API.")
	case slices.Contains(a.GrantTypes, GrantRefreshToken) && !code && !device && !ciba:
		return errGrantTypes.At("/grant_types", "Must have authorization_code, a device's code or ciba for refresh_token to go with.")
	case code && a.Template != templateStandard && len(a.OIDC.RedirectURIs) == 0:
		return errRedirects.At("/redirect_uris", "Must have at least one redirect URI, to which codes are sent.")
	case a.ClientType == clientPublic && a.OIDC.PKCEOptional:
		return fault.CodeInvalid.At("/pkce_optional", "Must be false for public clients: nothing else binds their codes to them.")
	case (a.ClientType == clientPublic) != (a.OIDC.complete(a.ClientType).AuthMethod == AuthNone):
		return fault.CodeInvalid.At("/token_endpoint_auth_method", "Must be none for public clients, and for nobody else.")
	case a.OIDC.AuthMethod == AuthPrivateKeyJWT && a.OIDC.JWKS == nil && a.OIDC.JWKSURI == "":
		return fault.CodeInvalid.At("/jwks", "Must hold the keys for private_key_jwt, unless their address is given.")
	case a.OIDC.AuthSigningAlg != "" && (a.OIDC.AuthMethod == AuthSecretJWT) != (a.OIDC.AuthSigningAlg == jose.HS256):
		return fault.CodeInvalid.At("/token_endpoint_auth_signing_alg", "Must be HS256 for client_secret_jwt, which signs with the secret, and for nothing else.")
	case a.OIDC.RequireSignedRequest && a.OIDC.JWKS == nil && a.OIDC.JWKSURI == "":
		return fault.CodeInvalid.At("/jwks", "Must hold the keys by which requests are signed, unless their address is given.")
	case !slices.Contains([]string{"", FormatJWT, FormatOpaque}, a.OIDC.AccessTokenFormat):
		return fault.CodeInvalid.At("/access_token_format", "Must be jwt or opaque.")
	case !slices.Contains(jose.Algs(), a.OIDC.IDTokenAlg):
		return fault.CodeInvalid.At("/id_token_alg", "Must be one of the algorithms that the server's metadata lists.")
	}
	if err := cmp.Or(CheckEndpoint("/backchannel_logout_uri", a.OIDC.BackchannelLogoutURI), checkFrontchannel(a.OIDC), checkCIBA(a.OIDC), checkSubjects(a.OIDC), checkEncryption(a.OIDC), checkCertificate(a.OIDC), checkProfile(a)); err != nil {
		return err
	}
	native := a.Template == templateMobile
	for i, uri := range a.OIDC.RedirectURIs {
		if err := checkRedirect("/redirect_uris/"+strconv.Itoa(i), uri, native); err != nil {
			return err
		}
	}
	for i, uri := range a.OIDC.PostLogoutRedirectURIs {
		if err := checkRedirect("/post_logout_redirect_uris/"+strconv.Itoa(i), uri, native); err != nil {
			return err
		}
	}
	for i, origin := range a.Origins {
		if err := checkOrigin("/allowed_origins/"+strconv.Itoa(i), origin); err != nil {
			return err
		}
	}
	return nil
}

// checkServed refuses to let an app exchange the tokens of an API that its own organization does not define.
func checkServed(ctx context.Context, tx db.Tx, a appRow) error {
	defined, err := definedResources(ctx, tx, a.Org, a.OIDC.ExchangeAudiences)
	if err == nil && defined < len(a.OIDC.ExchangeAudiences) {
		err = errResourceUnknown.At("/token_exchange_audiences", "Must be identifiers of API resources that this organization defines.")
	}
	return err
}

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
	Q        string // what the name has in it, or the client_id
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
		if row.ClientType == clientConfidential {
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
		if in.Enabled != nil && *in.Enabled != a.Enabled {
			a.Enabled = *in.Enabled
			if err := s.enable(ctx, tx, *a); err != nil {
				return nil, err
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

// UpdateOIDC changes an app's OAuth and OpenID Connect settings. version 0 is any.
func (s *Service) UpdateOIDC(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64, in UpdateAppOIDCRequest) (VersionedApp, error) {
	sector, err := s.readSector(ctx, tenant, org, id, in)
	if err != nil {
		return VersionedApp{}, err
	}
	return s.change(ctx, tenant, org, id, version, func(ctx context.Context, tx db.Tx, a *appRow) (fields []string, err error) {
		if a.Source == SourceDocument {
			return nil, errElsewhere
		}
		had := a.OIDC.Sector()
		fields = setAll(fields, "redirect_uris", &a.OIDC.RedirectURIs, in.RedirectURIs)
		fields = setAll(fields, "post_logout_redirect_uris", &a.OIDC.PostLogoutRedirectURIs, in.PostLogoutRedirectURIs)
		fields = setAll(fields, "allowed_origins", &a.Origins, in.AllowedOrigins)
		fields = setAll(fields, "token_exchange_audiences", &a.OIDC.ExchangeAudiences, in.ExchangeAudiences)
		fields = setAll(fields, "response_types", &a.OIDC.ResponseTypes, in.ResponseTypes)
		fields = setAll(fields, "grant_types", &a.GrantTypes, in.GrantTypes)
		fields = set(fields, "access_token_format", &a.OIDC.AccessTokenFormat, in.AccessTokenFormat)
		fields = set(fields, "access_token_seconds", &a.OIDC.AccessTokenSeconds, in.AccessTokenSeconds)
		fields = set(fields, "refresh_token_seconds", &a.OIDC.RefreshTokenSeconds, in.RefreshTokenSeconds)
		fields = set(fields, "id_token_seconds", &a.OIDC.IDTokenSeconds, in.IDTokenSeconds)
		fields = set(fields, "assertion_reuse", &a.OIDC.AssertionReuse, in.AssertionReuse)
		fields = set(fields, "token_endpoint_auth_signing_alg", &a.OIDC.AuthSigningAlg, in.AuthSigningAlg)
		fields = set(fields, "id_token_alg", &a.OIDC.IDTokenAlg, in.IDTokenAlg)
		fields = set(fields, "backchannel_logout_uri", &a.OIDC.BackchannelLogoutURI, in.BackchannelLogoutURI)
		fields = set(fields, "backchannel_token_delivery_mode", &a.OIDC.BackchannelDelivery, in.BackchannelDelivery)
		fields = set(fields, "backchannel_client_notification_endpoint", &a.OIDC.BackchannelNotify, in.BackchannelNotify)
		fields = set(fields, "backchannel_authentication_request_signing_alg", &a.OIDC.BackchannelRequestAlg, in.BackchannelRequestAlg)
		fields = set(fields, "frontchannel_logout_uri", &a.OIDC.FrontchannelLogoutURI, in.FrontchannelLogoutURI)
		fields = set(fields, "pkce_optional", &a.OIDC.PKCEOptional, in.PKCEOptional)
		fields = set(fields, "pkce_plain", &a.OIDC.PKCEPlain, in.PKCEPlain)
		fields = set(fields, "dpop_bound_access_tokens", &a.OIDC.DPoPBound, in.DPoPBound)
		fields = set(fields, "require_dpop_nonce", &a.OIDC.DPoPNonce, in.DPoPNonce)
		fields = set(fields, "request_object_signing_alg", &a.OIDC.RequestObjectAlg, in.RequestObjectAlg)
		fields = set(fields, "require_signed_request_object", &a.OIDC.RequireSignedRequest, in.RequireSignedRequest)
		fields = set(fields, "require_pushed_authorization_requests", &a.OIDC.RequirePushed, in.RequirePushed)
		fields = set(fields, "authorization_signed_response_alg", &a.OIDC.ResponseAlg, in.ResponseAlg)
		fields = set(fields, "user_claims_in_id_token", &a.OIDC.UserClaimsInIDToken, in.UserClaimsInIDToken)
		fields = set(fields, "userinfo_signed_response_alg", &a.OIDC.UserinfoAlg, in.UserinfoAlg)
		fields = set(fields, "introspection_signed_response_alg", &a.OIDC.IntrospectionAlg, in.IntrospectionAlg)
		fields = set(fields, "sector_identifier_uri", &a.OIDC.SectorIdentifierURI, in.SectorIdentifierURI)
		fields = set(fields, "subject_type", &a.OIDC.SubjectType, in.SubjectType)
		fields = set(fields, "skip_consent", &a.OIDC.SkipConsent, in.SkipConsent)
		fields = in.EncryptionPatch.over(fields, &a.OIDC.Encryption)
		for _, set := range []setter{s.setMethod, s.setKeys, s.setCertificate, s.setProfile} {
			if fields, err = set(ctx, tx, a, in, fields); err != nil {
				return nil, err
			}
		}
		if err := checkProtocol(*a); err != nil {
			return nil, err
		}
		if err := sector.check(a.OIDC); err != nil {
			return nil, err
		}
		if a.OIDC.Sector() != had {
			if err := tx.Raise(ctx, db.KindClient, a.ID.UUID(), reasonSubjects); err != nil {
				return nil, err
			}
		}
		if in.ExchangeAudiences != nil {
			if err := checkServed(ctx, tx, *a); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(fields, func(name string) bool { return !harmless[name] }) {
			err = s.checkStrength(ctx, tx, *a)
		}
		return fields, err
	})
}

// change applies f to an app that org owns and may change, and tells of the fields that f names.
func (s *Service) change(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64, f func(context.Context, db.Tx, *appRow) ([]string, error)) (changed VersionedApp, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwn(ctx, tx, org, id)
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

// Delete ends everything that was issued to an app, and the app. version 0 is any.
func (s *Service) Delete(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwn(ctx, tx, org, id)
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

// harmless are the settings of an app that give nobody a token of it: how long tokens live, and how they and what goes with
// them are signed. Every other one says who gets tokens, where they are sent, or what they are worth to a thief; who changes
// it can have what the app may ask people's tokens for.
var harmless = map[string]bool{
	"access_token_format": true, "access_token_seconds": true, "authorization_signed_response_alg": true, "id_token_alg": true, "id_token_seconds": true,
	"introspection_signed_response_alg": true, "refresh_token_seconds": true, "token_endpoint_auth_signing_alg": true,
	"user_claims_in_id_token": true, "userinfo_signed_response_alg": true,
}

// checkStrength refuses to let somebody get hold of an app that is authorized for more than he holds.
func (s *Service) checkStrength(ctx context.Context, tx db.Tx, a appRow) error {
	names, err := handedOut(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	if err := s.grants.CheckScopesTx(ctx, tx, a.Org, names, true); err != nil {
		return err
	}
	resources, err := handedTypes(ctx, tx, a.ID)
	for _, resource := range resources {
		if err == nil {
			err = s.grants.CheckTypesTx(ctx, tx, a.Org, resource, true)
		}
	}
	return err
}

// lockOwn returns an app that org owns and may change.
func lockOwn(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) (appRow, error) {
	row, err := lockApp(ctx, tx, org, id)
	if err != nil {
		return row, db.OrNotFound(err)
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
		if err := putAPI(ctx, tx, row, resource, policyRBAC, []string{allManagementScopes}, []string{}); err != nil {
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

func set[T comparable](fields []string, name string, to, from *T) []string {
	if from == nil {
		return fields
	}
	*to = *from
	return append(fields, name)
}

func setAll(fields []string, name string, to, from *[]string) []string {
	if from == nil {
		return fields
	}
	*to = list.Distinct(*from)
	return append(fields, name)
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
