package apps

import (
	"context"
	"slices"
	"strconv"

	"grove/iam/attributes"
	"grove/infra/db"
	"grove/infra/kernel/fault"
)

// RequestedAttribute is a claim that an app is told of people, if a scope asks for it and they agree.
type RequestedAttribute struct {
	Claim     string `json:"claim" minLength:"1" maxLength:"128" doc:"The name of a claim that the app's organization has." example:"given_name"`
	Mandatory bool   `json:"mandatory" doc:"Whether the app cannot do without: whoever signs in to it agrees to this one or does not sign in, and who has no value is asked for one, or for his administrator, before." example:"true"`
}

// AttributesPatch is the part of a patch that says what an app is told of people.
type AttributesPatch struct {
	RequestedAttributes   *[]RequestedAttribute `json:"requested_attributes,omitempty" maxItems:"100" doc:"All that the app is told of people from now on, by the names of claims of its organization: a claim leaves if it is here, a scope that the app requested asks for it or the request names it, and the person agreed, where people are asked. Empty is no list: the app is told all that its scopes ask for. Who has agreed to the scopes before is told of until he is asked, at his next sign-in, for each."`
	AccessTokenAttributes *[]string             `json:"access_token_attributes,omitempty" maxItems:"20" doc:"Claims about the person that the app's access tokens have from now on, whatever their scopes, and that introspection tells. All of them are in requested_attributes where there are any. Whoever is handed a token that is no opaque one reads them." example:"[\"department\"]"`
}

// Requests reports whether the app is told a claim at all: it has no list, or the claim is on it.
func (s Settings) Requests(claim string) bool {
	return len(s.RequestedAttributes) == 0 || slices.ContainsFunc(s.RequestedAttributes, func(r RequestedAttribute) bool { return r.Claim == claim })
}

// Mandatory reports whether people cannot say no to a claim alone.
func (s Settings) Mandatory(claim string) bool {
	return s.Needs(claim) || len(s.RequestedAttributes) == 0 && slices.Contains(s.AccessTokenAttributes, claim)
}

// Needs reports whether people who have no value of a claim cannot sign in to the app before they have: it says so itself.
func (s Settings) Needs(claim string) bool {
	return slices.Contains(s.RequestedAttributes, RequestedAttribute{Claim: claim, Mandatory: true})
}

// ByAttribute reports whether people agree to the claims of the app's scopes one by one, instead of by scope.
func (s Settings) ByAttribute() bool { return s.AttributesAsked || len(s.RequestedAttributes) > 0 }

// setRequested is set for the list of requested attributes.
func (s *Settings) setRequested(fields []string, from *[]RequestedAttribute) []string {
	if from == nil {
		return fields
	}
	s.RequestedAttributes = *from
	s.AttributesAsked = s.ByAttribute()
	return append(fields, "requested_attributes")
}

// checkAttributes says why an app cannot be told what it asks for.
func checkAttributes(ctx context.Context, tx db.Tx, a appRow) error {
	names := slices.Clone(a.OIDC.AccessTokenAttributes)
	for _, r := range a.OIDC.RequestedAttributes {
		names = append(names, r.Claim)
	}
	if len(names) == 0 {
		return nil
	}
	known, err := knownClaims(ctx, tx, a.Org, names)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, r := range a.OIDC.RequestedAttributes {
		pointer := "/requested_attributes/" + strconv.Itoa(i) + "/claim"
		if !slices.Contains(known, r.Claim) {
			return errClaimUnknown.At(pointer, "Must be the name of a claim that the organization has.")
		}
		if seen[r.Claim] {
			return fault.CodeInvalid.At(pointer, "Must be there once.")
		}
		seen[r.Claim] = true
	}
	for i, name := range a.OIDC.AccessTokenAttributes {
		pointer := "/access_token_attributes/" + strconv.Itoa(i)
		switch {
		case attributes.Reserved(name):
			return fault.CodeInvalid.At(pointer, "Must be a claim that access tokens do not have anyway.")
		case !slices.Contains(known, name):
			return errClaimUnknown.At(pointer, "Must be the name of a claim that the organization has.")
		case !a.OIDC.Requests(name):
			return fault.CodeInvalid.At(pointer, "Must be one of requested_attributes: the app is told nothing else.")
		}
	}
	return nil
}
