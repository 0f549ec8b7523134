package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// The claims request parameter (OpenID Connect Core 1.0, section 5.5): a request names claims one by one, and where they go.
//
// A claim is told if a scope asks for it, and the person is asked for that scope as if the request had named it: what an app cannot have
// by a scope it cannot have by name, and what people are shown stays what they know. The token is for no scope by that, and the app is
// told no other claim of it.
const (
	paramClaims = "claims"

	maxClaimsBytes = 4 << 10
	maxClaimsAsked = 100 // in each member
	maxClaimValues = 20  // of one claim
)

var (
	errClaims = refuse(codeInvalidRequest, "claims is not a JSON object of claims by id_token and userinfo.").told("OpenID Connect Core 1.0, section 5.5",
		"claims is a JSON object of at most 4096 bytes with id_token or userinfo: each an object of names, with null or an object of essential, value and values.", "Let a library write the JSON, and encode it as a parameter.")
	errSubjectAsked = refuse(codeLoginRequired, "Nobody who can sign in here is the one whose sub claims asks for.").told("OpenID Connect Core 1.0, section 5.5.1",
		"sub is one that this server made for the app, and that person signs in.", "Leave sub out to let anybody sign in.")
	errUnmet = refuse(codeUnmetAuthentication, "The person cannot be authenticated in the way that claims insists on (acr).").told("OpenID Connect Core 1.0, section 5.5.1.1",
		"An essential acr is one of acr_values_supported of the server's metadata.", "Ask for a value of acr_values_supported, or make it voluntary: leave essential out, or use acr_values.")
)

// askedClaim is what a request says of one claim (section 5.5.1).
type askedClaim struct {
	essential bool
	values    []json.RawMessage // that it may have; none: any
}

// askedClaims are those of one member of the parameter, by name.
type askedClaims map[string]askedClaim

// parseClaimsRequest reads the parameter. Members that are not known are ignored.
func parseClaimsRequest(raw string) (idToken, userinfo askedClaims, err error) {
	if len(raw) > maxClaimsBytes {
		return nil, nil, errClaims
	}
	members, err := jose.ParseObject([]byte(raw))
	if err != nil {
		return nil, nil, errClaims.because(err)
	}
	for name, into := range map[string]*askedClaims{"id_token": &idToken, "userinfo": &userinfo} {
		if of, there := members[name]; there {
			if *into, err = parseAskedClaims(of); err != nil {
				return nil, nil, err
			}
		}
	}
	return idToken, userinfo, nil
}

func parseAskedClaims(raw json.RawMessage) (askedClaims, error) {
	members, err := jose.ParseObject(raw)
	if err != nil {
		return nil, errClaims.because(err)
	}
	if len(members) > maxClaimsAsked {
		return nil, errClaims
	}
	all := askedClaims{}
	for name, said := range members {
		one, ok := parseAskedClaim(said)
		if !ok {
			return nil, errClaims
		}
		all[name] = one
	}
	return all, nil
}

func parseAskedClaim(raw json.RawMessage) (one askedClaim, ok bool) {
	if string(raw) == "null" {
		return one, true
	}
	members, err := jose.ParseObject(raw)
	if err != nil {
		return one, false
	}
	if essential, there := members["essential"]; there {
		one.essential = string(essential) == "true"
		if !one.essential && string(essential) != "false" {
			return one, false
		}
	}
	if value, there := members["value"]; there {
		one.values = append(one.values, compact(value))
	}
	if list, there := members["values"]; there {
		var values []json.RawMessage
		if list[0] != '[' || json.Unmarshal(list, &values) != nil || len(values) == 0 || len(values) > maxClaimValues {
			return one, false
		}
		for _, value := range values {
			one.values = append(one.values, compact(value))
		}
	}
	return one, true
}

// compact is JSON without spaces. What comes in is JSON.
func compact(raw json.RawMessage) json.RawMessage {
	var out bytes.Buffer
	_ = json.Compact(&out, raw)
	return out.Bytes()
}

// texts are the values that are texts.
func (c askedClaim) texts() (all []string) {
	for _, value := range c.values {
		var text string
		if json.Unmarshal(value, &text) == nil {
			all = append(all, text)
		}
	}
	return all
}

// byName are the claims that a grant lets its app have beside those of its scopes, each with the values that it may have; none: any.
type byName struct {
	IDToken  map[string][]json.RawMessage `json:"id_token,omitempty"`
	Userinfo map[string][]json.RawMessage `json:"userinfo,omitempty"`
}

// String is how they are stored; "" for none.
func (b byName) String() string {
	if len(b.IDToken)+len(b.Userinfo) == 0 {
		return ""
	}
	raw, err := json.Marshal(b)
	if err != nil {
		panic(err) // values were JSON when they were read
	}
	return string(raw)
}

// readByName reads what String wrote.
func readByName(stored string) (b byName, err error) {
	if stored != "" {
		err = json.Unmarshal([]byte(stored), &b)
	}
	return b, err
}

// claims are those of a grant.
func (g grant) claims() (byName, error) { return readByName(g.Claims) }

// readClaims reads what the request asks for by name, after its scopes: claims, whose sign-in it has to be, and how he proves who he is.
func (s *Service) readClaims(ctx context.Context, client apps.Client, p params, a *authorization) error {
	if len(p.get("acr_values")) > maxHint {
		return refuse(codeInvalidRequest, "acr_values is too long.")
	}
	raw := p.get(paramClaims)
	if raw == "" || !contains(a.Scopes, scopeOpenID) {
		return nil
	}
	idToken, userinfo, err := parseClaimsRequest(raw)
	if err != nil {
		return err
	}
	if acr := idToken["acr"]; acr.essential && len(acr.values) > 0 {
		if a.ACR = acr.texts(); !slices.ContainsFunc(a.ACR, func(value string) bool { return contains(acrValues, value) }) {
			return errUnmet
		}
	}
	known, err := s.namingFor(ctx, httpapi.TenantOf(ctx).ID, client)
	if err != nil {
		return err
	}
	for _, sub := range []askedClaim{idToken["sub"], userinfo["sub"]} {
		if len(sub.values) == 0 {
			continue
		}
		var people []ids.User
		for _, text := range sub.texts() {
			user, err := known.person(text)
			if err == nil && !user.IsZero() && (a.Subjects == nil || slices.Contains(a.Subjects, user)) {
				people = append(people, user)
			}
		}
		if a.Subjects = people; len(people) == 0 {
			return errSubjectAsked
		}
	}
	a.Claims = byName{IDToken: a.named(client, idToken), Userinfo: a.named(client, userinfo)}.String()
	return nil
}

// named are those of the claims that a scope asks for. What is no claim about a person is none of them (section 5.5).
func (a *authorization) named(client apps.Client, asked askedClaims) map[string][]json.RawMessage {
	found := map[string][]json.RawMessage{}
	for name, one := range asked {
		scope, ok := client.Dialect.ScopeFor(name, a.Scopes)
		if !ok || !client.Requests(name) {
			continue
		}
		found[name] = one.values
		if !contains(a.Scopes, scope) && !contains(a.covering, scope) {
			a.covering = append(a.covering, scope)
		}
	}
	slices.Sort(a.covering)
	return found
}

// settles says whether a person who has signed in is the one, and has proven it in the way, that the request insists on.
func (a authorization) settles(user ids.User, amr []string) error {
	switch {
	case len(a.Subjects) > 0 && !slices.Contains(a.Subjects, user):
		return errSubjectAsked
	case len(a.ACR) > 0 && !contains(a.ACR, acrOf(amr)):
		return errUnmet
	}
	return nil
}

// oneOfValues reports whether a claim, rendered alone, has one of the values that it may have.
func oneOfValues(rendered []byte, name string, values []json.RawMessage) bool {
	var object map[string]any
	if json.Unmarshal(rendered, &object) != nil {
		return false
	}
	value, there := object[name]
	return there && slices.ContainsFunc(values, func(raw json.RawMessage) bool {
		var wanted any
		return json.Unmarshal(raw, &wanted) == nil && reflect.DeepEqual(value, wanted)
	})
}

// The authentication context classes (OpenID Connect Core 1.0, section 2): no more is claimed than was done.
const acrOneFactor = "urn:grove:acr:1" // one factor was proven

var acrValues = []string{acrOneFactor}

// acrOf is what was done, by the methods that were used (RFC 8176); "" where that is not known.
func acrOf(amr []string) string {
	if strings.Join(amr, "") == "" {
		return ""
	}
	return acrOneFactor
}
