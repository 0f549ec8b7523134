package oauth

import (
	"slices"

	"grove/iam/apps"
	"grove/iam/authz"
)

// Scopes that belong to no API resource (OpenID Connect Core 1.0, sections 5.4 and 11).
const (
	scopeEmail         = "email"
	scopeOfflineAccess = "offline_access"
	scopeOpenID        = "openid"
	scopeProfile       = "profile"

	// scopeAccount lets a person's own portal act on his account below /v1/me. Built-in apps have it and nobody else.
	scopeAccount = "account"
	// scopeGrove stands for every scope of the management API that the client is authorized for.
	scopeGrove = authz.AllScopes
)

// authorizedScopes reduces a request to what the client may ask for on behalf of a person, and opens the alias. What
// it may not is dropped without a word (RFC 6749, section 3.3); the response names what was granted.
func authorizedScopes(client apps.Client, requested []string) []string {
	var granted []string
	add := func(scope string) {
		if !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	for _, scope := range requested {
		switch scope {
		case scopeEmail, scopeOpenID, scopeProfile:
			add(scope)
		case scopeOfflineAccess:
			// A built-in app lives as long as the person's session and no longer.
			if !client.Builtin && slices.Contains(client.GrantTypes, grantRefreshToken) {
				add(scope)
			}
		case scopeAccount:
			if client.Builtin {
				add(scope)
			}
		case scopeGrove:
			for _, api := range client.APIs {
				if api.Identifier == authz.ManagementAPI {
					for _, s := range api.Scopes {
						add(s)
					}
				}
			}
		default:
			if _, ok := client.APIOf(scope); ok || client.Dialect.HasScope(scope) {
				add(scope)
			}
		}
	}
	if client.Builtin {
		add(scopeAccount)
	}
	return granted
}

// effectiveScopes is what a person's token carries now: what the grant holds, of that what the client may still ask
// for, of that what the person's roles give where the API asks for roles. The audience follows from the scopes, or is what the
// client named.
func effectiveScopes(client apps.Client, granted []string, held map[string]bool, resources []string) (scopes, audience []string) {
	audience = slices.Clone(resources)
	for _, scope := range authorizedScopes(client, granted) {
		if !client.Gives(scope, held) || !aimed(client, scope, resources) {
			continue
		}
		if api, ok := client.APIOf(scope); ok && !slices.Contains(audience, api.Identifier) {
			audience = append(audience, api.Identifier)
		}
		scopes = append(scopes, scope)
	}
	if client.Builtin && len(resources) == 0 && !slices.Contains(audience, authz.ManagementAPI) {
		audience = append(audience, authz.ManagementAPI)
	}
	return scopes, audience
}

// noneGranted refuses a request that names scopes of which not one can be had (RFC 6749, section 5.2): the token would open nothing, and
// whoever asked for it would look for the fault elsewhere.
//
// offline_access opens nothing by itself: with it alone neither side has a scope.
func noneGranted(requested, granted []string, missing string) error {
	opens := func(scope string) bool { return scope != scopeOfflineAccess }
	if !slices.ContainsFunc(requested, opens) || slices.ContainsFunc(granted, opens) {
		return nil
	}
	return refuse(codeInvalidScope, "None of the scopes can be granted: "+missing).told("RFC 6749, section 5.2", "scope holds at least one that can be granted.",
		"Authorize the app for the API whose scope it is, or leave scope out to get what there is.")
}

// What may be missing where none is granted.
const (
	missingAPI   = "the app is not authorized for an API that has one of them."
	missingGrant = "the app is not authorized for an API that has one of them, or neither token nor roles of the person give it."
)

// clientScopes is what a client's own token carries: what it asked for, or all of it when it named nothing, of what it
// is authorized for. The scopes of people are not for clients.
func clientScopes(client apps.Client, requested, resources []string) (scopes, audience []string) {
	all := len(requested) == 0
	audience = slices.Clone(resources)
	for _, api := range client.APIs {
		if len(resources) > 0 && !contains(resources, api.Identifier) {
			continue
		}
		before := len(scopes)
		for _, scope := range api.Scopes {
			alias := api.Identifier == authz.ManagementAPI && contains(requested, scopeGrove)
			if all || alias || contains(requested, scope) {
				scopes = append(scopes, scope)
			}
		}
		if len(scopes) > before && !contains(audience, api.Identifier) {
			audience = append(audience, api.Identifier)
		}
	}
	return scopes, audience
}
