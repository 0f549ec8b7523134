package apps

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
)

// checkProtocol says why an app's OAuth settings do not hold together.
func checkProtocol(a appRow) error {
	password := slices.Contains(a.GrantTypes, GrantPassword)
	code, device, ciba := slices.Contains(a.GrantTypes, GrantAuthorizationCode), slices.Contains(a.GrantTypes, GrantDeviceCode), slices.Contains(a.GrantTypes, GrantCIBA)
	switch {
	case a.ClientType == clientPublic && slices.Contains(a.GrantTypes, GrantClientCredentials):
		return errGrantTypes.At("/grant_types", "Must not have client_credentials for a public client: it is for confidential clients only.")
	case a.ClientType == clientPublic && ciba:
		return errGrantTypes.At("/grant_types", "Must not have ciba for a public client: whoever asks people for their consent behind their backs has to prove who he is.")
	case a.Template == templateM2M && (code || device || ciba || password):
		return errGrantTypes.At("/grant_types", "Must have no sign-in for a machine-to-machine app.")
	case a.Template == templateSPA && slices.ContainsFunc(a.GrantTypes, func(g string) bool { return g == GrantJWTBearer || g == GrantSAMLBearer || g == GrantTokenExchange }):
		return errGrantTypes.At("/grant_types", "Must have neither assertions nor token exchange for apps that run in a browser, which keep no token from what else runs there.")
	case a.ClientType == clientPublic && len(a.OIDC.ExchangeAudiences) > 0:
		return fault.CodeInvalid.At("/token_exchange_audiences", "Must be empty for public clients, which cannot prove that they serve an API.")
	case slices.Contains(a.GrantTypes, GrantRefreshToken) && !code && !device && !ciba && !password:
		return errGrantTypes.At("/grant_types", "Must have authorization_code, a device's code, ciba or password for refresh_token to go with.")
	case password && a.Source != SourceManaged:
		return errGrantTypes.At("/grant_types", "Must not have password for an app that describes itself: it would be given people's passwords.")
	case a.Template == templateFAPI && a.OIDC.Profile == "":
		return fault.CodeInvalid.At("/profile", "Must be a profile for an app of the template fapi.")
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
	if err := cmp.Or(CheckEndpoint("/backchannel_logout_uri", a.OIDC.BackchannelLogoutURI), checkFrontchannel(a.OIDC), checkOwnPages(a.OIDC.Pages), checkCIBA(a.OIDC), checkSubjects(a.OIDC), checkEncryption(a.OIDC), checkCertificate(a.OIDC), checkProfile(a), checkBinding(a)); err != nil {
		return err
	}
	native := isNative(a.Template)
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
		fields = setAll(fields, "access_token_attributes", &a.OIDC.AccessTokenAttributes, in.AccessTokenAttributes)
		fields = a.OIDC.setRequested(fields, in.RequestedAttributes)
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
		fields = in.PagesPatch.over(fields, &a.OIDC.Pages)
		for _, set := range []setter{s.setMethod, s.setKeys, s.setCertificate, s.setProfile, s.setTokens} {
			if fields, err = set(ctx, tx, a, in, fields); err != nil {
				return nil, err
			}
		}
		if err := checkProtocol(*a); err != nil {
			return nil, err
		}
		if in.GrantTypes != nil || in.ResponseTypes != nil {
			if err := checkOwn(ctx, tx, *a); err != nil {
				return nil, err
			}
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
		if in.AccessTokenAttributes != nil || in.RequestedAttributes != nil {
			if err := checkAttributes(ctx, tx, *a); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(fields, func(name string) bool { return !harmless[name] }) {
			err = s.checkStrength(ctx, tx, *a)
		}
		return fields, err
	})
}

// harmless are the settings of an app that give nobody a token of it: how long tokens live, and how they and what goes with
// them are signed, and which of its pages people can read. Every other one says who gets tokens, where they are sent, or what they are worth to a thief; who changes
// it can have what the app may ask people's tokens for.
var harmless = map[string]bool{
	"access_token_format": true, "access_token_seconds": true, "authorization_signed_response_alg": true, "id_token_alg": true, "id_token_seconds": true,
	"introspection_signed_response_alg": true, "policy_uri": true, "refresh_token_seconds": true, "requested_attributes": true, "token_endpoint_auth_signing_alg": true, "tos_uri": true,
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
