package oauth

import (
	"slices"

	"grove/iam/apps"
)

// Resource indicators (RFC 8707): a client names the API resources that a token is for, and the token is good at those and at
// no other. A client that names none has tokens for all that its scopes belong to.

// maxResources is how many one request may name.
const maxResources = 10

var errTarget = refuse(codeInvalidTarget, "resource names an API that does not exist, that this client is not authorized for, or that goes beyond what was granted.")

// readResources reads which API resources a request names, each by the identifier under which it is registered, byte for
// byte. A name that is no absolute URI is no identifier of one, or was registered so. Error: invalid_target.
func readResources(client apps.Client, p params) ([]string, error) {
	var named []string
	for _, resource := range p.all("resource") {
		known := slices.ContainsFunc(client.APIs, func(api apps.ClientAPI) bool { return api.Identifier == resource })
		if !known || len(named) == maxResources {
			return nil, errTarget.told("RFC 8707, section 2", "resource is the identifier of an API that the app is authorized for: "+listed(identifiers(client)), "Authorize the app for the API (tab APIs), and send its identifier byte for byte.")
		}
		if !contains(named, resource) {
			named = append(named, resource)
		}
	}
	return named, nil
}

// identifiers are those of the API resources that a client is authorized for.
func identifiers(client apps.Client) (all []string) {
	for _, api := range client.APIs {
		all = append(all, api.Identifier)
	}
	return all
}

// aim points the next token of a grant at the API resources that a token request names: of those that were named at its
// beginning or, where none were, of those that it has scopes or details of (section 2.2). The stored grant stays as it is.
func (g *grant) aim(client apps.Client, p params) error {
	named, err := readResources(client, p)
	if err != nil || len(named) == 0 {
		return err
	}
	list, err := g.details()
	if err != nil {
		return err
	}
	of := withAPIs(client, nil, list)
	for _, resource := range named {
		granted := contains(g.Resources, resource)
		if len(g.Resources) == 0 {
			granted = slices.ContainsFunc(g.Scopes, func(scope string) bool { api, ok := client.APIOf(scope); return ok && api.Identifier == resource }) ||
				contains(of, resource)
		}
		if !granted {
			return errTarget.told("RFC 8707, section 2.2", "resource is one of those that were granted.", "Name the resource, or its scopes, in the authorization request too.")
		}
	}
	left := func(scope string) bool { return !aimed(client, scope, named) }
	if slices.ContainsFunc(g.Scopes, left) || slices.ContainsFunc(g.Resources, func(resource string) bool { return !contains(named, resource) }) {
		g.narrowed = true
	}
	g.Resources = named
	return nil
}

// aimed reports whether a scope belongs to one of the resources, or to none that could be named. No resources are all.
func aimed(client apps.Client, scope string, resources []string) bool {
	api, ok := client.APIOf(scope)
	return !ok || len(resources) == 0 || contains(resources, api.Identifier)
}

// scopesOf are what a request without scope asks for: nothing, or everything of the resources that it names (RFC 6749,
// section 3.3).
func scopesOf(client apps.Client, resources []string) (scopes []string) {
	for _, api := range client.APIs {
		if contains(resources, api.Identifier) {
			scopes = append(scopes, api.Scopes...)
		}
	}
	return scopes
}
