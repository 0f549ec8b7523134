package oauth

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"grove/iam/apps"
	"grove/iam/inspector"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// What the inspector shows of a request. Nothing is shown because it does not look secret: a value is shown only where its
// parameter is one whose values are known beforehand, registered, numbers or addresses, and it is such a value. Of everything
// else there is the length and, where it has one, the kind. That goes for names too: a secret may stand where a name should.

// maxShown bounds each text of an entry.
const maxShown = 512

// showing makes of a value what may be shown, and a remark.
type showing func(c apps.Client, value string) (shown, note string)

var shownParams = map[string]showing{
	"actor_token_type":         oneOf(typeAccessToken, typeJWT),
	"audience":                 shownURI,
	"client_assertion_type":    oneOf(assertionType),
	"client_id":                ownID,
	"code_challenge_method":    oneOf(methodS256, methodPlain),
	"display":                  oneOf("page", "popup", "touch", "wap"),
	"grant_type":               oneOf("authorization_code", "client_credentials", "implicit", grantCIBA, grantDeviceCode, grantOrganizationSwitch, grantPassword, grantRefreshToken, grantTokenExchange, grantJWTBearer, grantSAMLBearer),
	"max_age":                  number,
	"org":                      identifier,
	"orgId":                    identifier,
	"password":                 unshown,
	"post_logout_redirect_uri": shownURI,
	"prompt":                   oneOf("none", "login", "consent", "select_account", "create"),
	"redirect_uri":             shownURI,
	"requested_expiry":         number,
	"requested_token_type":     oneOf(typeAccessToken, typeJWT),
	"resource":                 shownURI,
	"response_mode":            oneOf("query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"),
	"response_type":            oneOf("code", "id_token", "token", "none"),
	"scope":                    scopes,
	"subject_token_type":       oneOf(typeAccessToken, typeJWT),
	"switching_organization":   identifier,
	"token_type_hint":          oneOf("access_token", "refresh_token"),
	"ui_locales":               languages,
}

// knownNames are the names of parameters whose values are not shown.
var knownNames = []string{"access_token", "acr_values", "actor_token", "assertion", "auth_req_id", "authorization_details", "binding_message", "client_notification_token", "claims", "client_assertion", "client_secret", "code", "code_challenge", "code_verifier",
	"device_code", "dpop_jkt", "id_token_hint", "login_hint", "login_hint_token", "nonce", "refresh_token", "registration", "request", "request_uri", "state", "subject_token",
	"token", "user_code", "username"}

// received describes a request.
func (s *Service) received(r *http.Request, client apps.Client, p params) []inspector.Received {
	all := make([]inspector.Received, 0, len(p)+3)
	query := r.URL.Query()
	for _, one := range p {
		shown := describe(client, one)
		shown.In = "body"
		if r.Method == http.MethodGet {
			if shown.In = "query"; !query.Has(one.name) {
				shown.In = "object" // pushed, or in the request object
			}
		}
		all = append(all, shown)
	}
	for _, header := range r.Header.Values("Authorization") {
		all = append(all, describeAuthorization(client, header))
	}
	for _, proof := range r.Header.Values("DPoP") {
		token, note := decoded(client, proof)
		all = append(all, inspector.Received{Name: "DPoP", Note: note, Token: token, In: "header"})
	}
	if r.Method == http.MethodPost {
		kind, note := "", "unknown"
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
			kind, note = oneOf(formType, "application/json", "multipart/form-data", "text/plain")(client, media)
		}
		all = append(all, inspector.Received{Name: "Content-Type", Value: kind, Note: note, In: "header"})
	}
	if thumbprint := s.shownThumbprint(r.Context()); thumbprint != "" {
		all = append(all, inspector.Received{Name: "TLS certificate", Value: thumbprint, Note: "SHA-256", In: "header"})
	}
	return all[:min(len(all), 100)]
}

// describe is one parameter, as far as it may be shown.
func describe(c apps.Client, p param) inspector.Received {
	one := inspector.Received{Name: p.name}
	show, ok := shownParams[p.name]
	switch {
	case p.value == "":
		one.Note = "empty, which counts as left out"
	case ok:
		one.Value, one.Note = show(c, p.value)
	default:
		one.Token, one.Note = decoded(c, p.value)
	}
	if !ok && !contains(knownNames, p.name) {
		meant := closest(p.name, slices.Concat(knownNames, names(shownParams)))
		one.Token = ""
		if one.Note = "not a parameter that Grove knows; it is ignored"; meant != "" {
			one.Note = "not a parameter; " + meant + " is"
		} else {
			one.Name = "(unknown)"
		}
	}
	registered := map[string][]string{"redirect_uri": c.RedirectURIs, "post_logout_redirect_uri": c.PostLogoutRedirectURIs}[p.name]
	if len(registered) > 0 && !contains(registered, p.value) && one.Value != "" {
		one.Nearest = nearestAddress(one.Value, registered)
		if one.Nearest != "" {
			at := commonPrefix(one.Value, one.Nearest)
			one.DiffersAt = &at
		}
	}
	return one
}

func names(of map[string]showing) (all []string) {
	for name := range of {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// size is what may be said of any value.
func size(value string) string {
	note := strconv.Itoa(utf8.RuneCountInString(value)) + " characters"
	if strings.TrimSpace(value) != value {
		note += ", with spaces or line breaks around it"
	}
	return note
}

// kinds are the prefixes of what Grove makes.
var kinds = [][2]string{{prefixAccess, "an opaque access token"}, {prefixCode, "an authorization code"}, {prefixCIBA, "an auth_req_id"}, {"grv_cs", "a client secret"}, {prefixDevice, "a device code"}, {prefixRefresh, "a refresh token"}, {"grv_", "a secret of Grove's"},
	{requestURIPrefix, "the reference of a pushed request"}}

// decoded says what a secret value is. Of a JWT it returns header and claims, which prove nothing without the signature.
func decoded(c apps.Client, value string) (token, note string) {
	note = size(value)
	for _, kind := range kinds {
		if strings.HasPrefix(strings.TrimSpace(value), kind[0]) {
			return "", kind[1] + ", " + note
		}
	}
	parts := strings.Split(value, ".")
	if len(parts) != 3 && len(parts) != 5 || len(value) > maxFormBytes {
		return "", note
	}
	shown := map[string]any{}
	header := members(parts[0])
	if header == nil {
		return "", note
	}
	shown["header"] = jwtMembers(c, header, map[string]showing{"alg": oneOf(append(jose.Algs(), "none", "HS256", "RS384", "ES384")...), "enc": nil, "kid": ownKey, "typ": oneOf("JWT", typProof, typAccessToken, "client-authentication+jwt", "oauth-authz-req+jwt")})
	if len(parts) == 5 {
		note = "an encrypted JWT, " + note
	} else if claims := members(parts[1]); claims != nil {
		note = "a JWT, " + note
		shown["claims"] = jwtMembers(c, claims, jwtClaims)
	}
	raw, err := json.Marshal(shown)
	if err != nil || len(raw) > 8*maxShown {
		return "", note
	}
	return string(raw), note
}

var jwtClaims = map[string]showing{"aud": shownURI, "azp": ownID, "client_id": ownID, "exp": number, "htm": oneOf("GET", "POST"), "htu": shownURI, "iat": number, "iss": issuerOf, "nbf": number,
	"org_id": identifier, "redirect_uri": shownURI, "response_type": oneOf("code", "id_token", "token"), "scope": scopes, "sub": ownID}

func members(part string) (m map[string]json.RawMessage) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// jwtMembers shows those members whose values may be shown, and names the others that are registered.
func jwtMembers(c apps.Client, m map[string]json.RawMessage, show map[string]showing) map[string]any {
	shown := map[string]any{}
	for name, may := range show {
		raw, there := m[name]
		if !there || may == nil {
			continue
		}
		shown[name] = member(c, raw, may)
	}
	for _, name := range []string{"acr", "amr", "ath", "auth_time", "crit", "jku", "jti", "jwk", "nonce", "sid", "state", "x5c"} {
		if _, there := m[name]; there {
			shown[name] = "…"
		}
	}
	return shown
}

func member(c apps.Client, raw json.RawMessage, may showing) any {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		values := []any{}
		for _, one := range list[:min(len(list), 10)] {
			values = append(values, member(c, one, may))
		}
		return values
	}
	text := string(raw)
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	value, note := may(c, text)
	if value == "" {
		return "(" + note + ")"
	}
	return value
}

// describeAuthorization shows the scheme of the header, and which client it names.
func describeAuthorization(c apps.Client, header string) inspector.Received {
	scheme, rest, _ := strings.Cut(header, " ")
	one := inspector.Received{Name: "Authorization", In: "header"}
	if one.Value, _ = oneOf("Basic", "Bearer", schemeDPoP)(c, scheme); one.Value == "" {
		one.Note = "no scheme that Grove knows, " + size(header)
		return one
	}
	if !strings.EqualFold(scheme, "Basic") {
		one.Token, one.Note = decoded(c, rest)
		return one
	}
	id, secret, ok := parseBasic(header)
	if !ok {
		one.Note = "not the base64 of client_id, a colon and the secret, " + size(rest)
		return one
	}
	_, note := decoded(c, secret)
	shown, _ := ownID(c, id)
	one.Note = "client_id " + shown + ", secret: " + note
	return one
}

// unshown is for what a person has chosen: how long it is tells too much already.
func unshown(apps.Client, string) (string, string) { return "", "not shown" }

// oneOf shows words that are known, and misspellings of them.
func oneOf(known ...string) showing {
	return func(_ apps.Client, value string) (string, string) {
		note := ""
		words := strings.Fields(value)
		for _, word := range words {
			if contains(known, word) {
				continue
			}
			meant := closest(word, known)
			if meant == "" || len(words) > 8 {
				return "", "no value that Grove knows, " + size(value)
			}
			note = "perhaps " + meant + " is meant"
		}
		return strings.Join(words, " "), note
	}
}

// ownID shows the client_id of the app.
func ownID(c apps.Client, value string) (string, string) {
	if value == c.ClientID {
		return value, ""
	}
	return "", "not the app's client_id, " + size(value)
}

// ownKey shows the name of one of the app's keys.
func ownKey(c apps.Client, value string) (string, string) {
	if slices.ContainsFunc(c.Keys, func(k *jose.PublicKey) bool { return k.KID() == value }) {
		return value, ""
	}
	return "", "none of the keys that the app has registered here, " + size(value)
}

func issuerOf(c apps.Client, value string) (string, string) {
	if value == c.ClientID {
		return value, ""
	}
	return shownURI(c, value)
}

func number(_ apps.Client, value string) (string, string) {
	if len(value) <= 12 && strings.Trim(value, "0123456789") == "" {
		return value, ""
	}
	return "", "not a number, " + size(value)
}

// identifier shows the identifiers of organizations.
func identifier(_ apps.Client, value string) (string, string) {
	var id ids.Org
	if id.UnmarshalText([]byte(value)) == nil && !id.IsZero() {
		return value, ""
	}
	return "", "not an identifier such as org_…, " + size(value)
}

var languageTags = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?( [a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?)*$`)

func languages(_ apps.Client, value string) (string, string) {
	if len(value) <= 100 && languageTags.MatchString(value) {
		return value, ""
	}
	return "", "not a list of language tags, " + size(value)
}

// scopes shows the scopes of OpenID Connect and of the APIs that the app may call; of others only how many they are.
func scopes(c apps.Client, value string) (string, string) {
	known := []string{scopeAccount, scopeEmail, scopeGrove, scopeOfflineAccess, scopeOpenID, scopeProfile, "address", "phone", "groups", "roles"}
	for _, api := range c.APIs {
		known = append(known, api.Scopes...)
	}
	var shown []string
	hidden := 0
	for _, word := range strings.Fields(value) {
		if contains(known, word) {
			shown = append(shown, word)
		} else {
			hidden++
		}
	}
	if hidden == 0 {
		return clipped(strings.Join(shown, " ")), ""
	}
	return clipped(strings.Join(shown, " ")), "and " + strconv.Itoa(hidden) + " that the app is not authorized for"
}

// shownURI shows an absolute URI: one of the app's own as it is, another without user, fragment and the values of its query.
func shownURI(c apps.Client, value string) (string, string) {
	if slices.ContainsFunc(c.APIs, func(api apps.ClientAPI) bool { return api.Identifier == value }) || contains(c.RedirectURIs, value) || contains(c.PostLogoutRedirectURIs, value) {
		return clipped(value), ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Opaque != "" || !isPlace(u) || len(value) > 4*maxShown || !utf8.ValidString(value) {
		return "", "not an absolute URI, " + size(value)
	}
	base, _, _ := strings.Cut(value, "#")
	base, query, asked := strings.Cut(base, "?")
	var notes []string
	if u.User != nil {
		_, after, _ := strings.Cut(base, "@")
		base = u.Scheme + "://…@" + after
		notes = append(notes, "names a user")
	}
	segments := strings.Split(base, "/")
	first := 1 // behind scheme and host
	if u.Host != "" {
		first = 3
	}
	for i, segment := range segments {
		if i >= first && looksRandom(segment) {
			segments[i] = "…"
		}
	}
	base = strings.Join(segments, "/")
	if asked {
		base += "?" + maskQuery(query, slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs))
	}
	if strings.Contains(value, "#") {
		base += "#…"
		notes = append(notes, "has a fragment")
	}
	return clipped(base), strings.Join(notes, ", ")
}

// maskQuery leaves of a query the pairs that are registered, and names that no secret has.
func maskQuery(query string, registered []string) string {
	var known []string
	for _, uri := range registered {
		_, q, _ := strings.Cut(uri, "?")
		known = append(known, strings.Split(q, "&")...)
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if contains(known, pair) {
			continue
		}
		if name, _, valued := strings.Cut(pair, "="); valued && (contains(knownNames, name) || contains([]string{"error", "iss", "redirect_uri", "scope"}, name)) {
			pairs[i] = name + "=…"
		} else {
			pairs[i] = "…"
		}
	}
	return strings.Join(pairs, "&")
}

// isPlace reports whether scheme and host are those of a place, and not of a secret that happens to have a colon.
func isPlace(u *url.URL) bool {
	known := u.Scheme == "http" || u.Scheme == "https" || strings.Contains(u.Scheme, ".") && !looksRandom(u.Scheme)
	host := u.Hostname()
	return known && !strings.Contains(host, "grv_") && (strings.Contains(host, ".") || strings.Contains(host, ":") || !looksRandom(host))
}

// looksRandom reports whether a part of a path could be a secret: long, or of letters and digits mixed.
func looksRandom(segment string) bool {
	return len(segment) > 40 || len(segment) >= 16 && strings.ContainsAny(segment, "0123456789") || strings.Contains(segment, "grv_")
}

func clipped(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}
