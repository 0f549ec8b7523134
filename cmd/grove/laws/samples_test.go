package laws_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"grove/infra/httpapi"
)

// makers make what a path parameter names, in an organization. so has the parameters to its left. Every parameter of
// every operation must be here.
var makers = map[string]func(p *place, so map[string]string) string{
	"app": func(p *place, _ map[string]string) string {
		return p.text("/apps", m{"name": unique("App"), "template": "web", "redirect_uris": []string{"https://app.example/callback"}})
	},
	"access": func(p *place, _ map[string]string) string {
		return p.Must(p.tenant, p.speaker(), "POST", p.at("/support-access"), m{})["id"].(string)
	},
	"assignment": func(p *place, so map[string]string) string {
		return p.text("/roles/"+so["role"]+"/assignments", m{"principal": m{"type": "user", "id": p.person().id}})
	},
	"consent": func(p *place, _ map[string]string) string { return p.consentOf(p.person()) },
	"details_type": func(p *place, so map[string]string) string {
		return p.text("/api-resources/"+so["resource"]+"/authorization-details-types", m{"type": unique("type"), "name": "Payment", "schema": m{}})
	},
	"domain": func(p *place, _ map[string]string) string {
		return p.text("/domains", m{"name": unique("domain") + ".example"})
	},
	"event": func(p *place, _ map[string]string) string {
		return p.Must(p.tenant, p.manage, "GET", p.at("/events"), nil)["items"].([]any)[0].(m)["id"].(string)
	},
	"group": func(p *place, _ map[string]string) string { return p.text("/groups", m{"name": unique("Group")}) },
	"invitation": func(p *place, _ map[string]string) string {
		return p.text("/invitations", m{"email": unique("new") + "@guest.example"})
	},
	"issuer": func(p *place, _ map[string]string) string {
		return p.text("/token-issuers", m{"name": unique("Issuer"), "issuer": "https://" + unique("idp") + ".example", "jwks_uri": "https://idp.example/jwks.json", "subject_match": "username"})
	},
	"claim": func(p *place, _ map[string]string) string {
		return p.text("/oidc-claims", m{"name": unique("claim"), "attribute": unique("attributes.claim")})
	},
	"oidc_scope": func(p *place, _ map[string]string) string {
		return p.text("/oidc-scopes", m{"name": unique("scope"), "claims": []string{"nickname"}})
	},
	"module": func(*place, map[string]string) string { return "sessions" },
	"org":    func(p *place, _ map[string]string) string { return p.child(unique("org")).org },
	"resource": func(p *place, _ map[string]string) string {
		return p.text("/api-resources", m{"identifier": "https://" + unique("api") + ".example", "name": "API", "scopes": []m{{"name": unique("scope")}}})
	},
	"role": func(p *place, _ map[string]string) string { return p.text("/roles", m{"name": unique("Role")}) },
	"scope": func(p *place, so map[string]string) string {
		return p.text("/api-resources/"+so["resource"]+"/scopes", m{"name": unique("scope")})
	},
	"secret": func(p *place, so map[string]string) string { return p.text("/apps/"+so["app"]+"/secrets", m{}) },
	"token": func(p *place, _ map[string]string) string {
		return p.text("/registration-tokens", m{"name": unique("Token")})
	},
	"session": func(p *place, _ map[string]string) string { return p.sessionOf(p.person()) },
	"user":    func(p *place, _ map[string]string) string { return p.person().id },
}

// text makes something and returns its id.
func (p *place) text(path string, body m) string {
	return p.post(p.at("%s", path), body)["id"].(string)
}

func (p *place) sessionOf(who person) string {
	p.tokenOf(who)
	return p.Must(p.tenant, p.manage, "GET", p.at("/sessions?user=%s", who.id), nil)["items"].([]any)[0].(m)["id"].(string)
}

// consentOf lets a person agree to an app, and reads the consent as he sees it.
func (p *place) consentOf(who person) string {
	made := p.post(p.at("/apps"), m{"name": unique("Asks"), "template": "spa", "redirect_uris": []string{"https://asks.example/cb"}})
	s := p.signIn(who)
	s.ClientID, s.RedirectURI, s.Scope = made["client_id"].(string), "https://asks.example/cb", "openid profile"
	p.Tokens(p.tenant, s)
	return p.Must(p.tenant, p.tokenOf(who), "GET", "/me/consents", nil)["items"].([]any)[0].(m)["id"].(string)
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// parameters of a route's path, from left to right, without the organization.
func parameters(r httpapi.RouteInfo) []string {
	var names []string
	for _, found := range parameter.FindAllStringSubmatch(r.Path, -1) {
		if found[1] != "org" {
			names = append(names, found[1])
		}
	}
	return names
}

// fresh makes everything that a route's path names, in the organization.
func (p *place) fresh(r httpapi.RouteInfo) map[string]string {
	path := map[string]string{"org": p.org}
	for _, name := range parameters(r) {
		path[name] = makers[name](p, path)
	}
	return path
}

// kept is fresh for calls that must change nothing: what is named is made once.
func (p *place) sample(r httpapi.RouteInfo) map[string]string {
	names := parameters(r)
	key := strings.Join(names, " ")
	if p.kept[key] == nil {
		p.kept[key] = p.fresh(r)
	}
	return maps.Clone(p.kept[key])
}

// ghost is an identifier that looks like one and names nothing.
func ghost(id string) string {
	kind, rest, ok := strings.Cut(id, "_")
	if !ok || len(rest) != 26 {
		return id
	}
	turned := []byte(rest)
	slices.Reverse(turned[13:25])
	if turned[14]++; turned[14] == 'i' || turned[14] == 'l' || turned[14] == 'o' || turned[14] == 'u' || turned[14] > 'z' || turned[14] == ':' {
		turned[14] = '7'
	}
	return kind + "_" + string(turned)
}

// special are the operations that need more than what their path names.
var special = map[string]func(p *place, c *call){
	"addMember": func(p *place, c *call) { c.path["user"] = p.child(unique("org")).person().id },
	"assignRole": func(p *place, c *call) {
		c.body = m{"principal": m{"type": "user", "id": p.person().id}}
	},
	"authorizeAPI": func(p *place, c *call) {
		scope := unique("scope")
		id := p.text("/api-resources", m{"identifier": "https://" + unique("api") + ".example", "name": "API", "scopes": []m{{"name": scope}}})
		kind := unique("type")
		p.post(p.at("/api-resources/%s/authorization-details-types", id), m{"type": kind, "name": "Payment", "schema": m{}})
		c.body = m{"resource": id, "policy": "rbac", "scopes": []string{scope}, "authorization_details_types": []string{kind}}
	},
	"checkOrganizationName": func(_ *place, c *call) { c.query = "?name=Fresh" },
	"createAPIResource": func(_ *place, c *call) {
		c.body.(m)["identifier"] = "https://" + unique("api") + ".example"
		c.body.(m)["scopes"] = []m{{"name": unique("scope")}}
	},
	"createApp": func(_ *place, c *call) {
		delete(c.body.(m), "token_endpoint_auth_method") // a secret, which only one answer shows
		delete(c.body.(m), "jwks")                       // jwks_uri is there
		for _, name := range []string{"dns", "email", "ip", "uri"} {
			delete(c.body.(m), "tls_client_auth_san_"+name) // tls_client_auth_subject_dn is there
		}
	},
	"createAuthorizationDetailsType": func(_ *place, c *call) { c.body.(m)["type"] = unique("type") },
	"createOrganization": func(p *place, c *call) {
		c.body.(m)["parent_id"] = p.org
	},
	"createRole": func(_ *place, c *call) {
		delete(c.body.(m), "audience")
		c.body.(m)["permissions"] = []string{"groups.read"}
	},
	"createTokenIssuer": func(_ *place, c *call) {
		delete(c.body.(m), "jwks") // jwks_uri is there
		c.body.(m)["issuer"] = "https://" + unique("idp") + ".example"
	},
	"createOIDCClaim":   func(_ *place, c *call) { c.body.(m)["attribute"] = unique("attributes.claim") },
	"updateOIDCClaim":   func(_ *place, c *call) { c.body.(m)["attribute"] = unique("attributes.claim") },
	"deleteRole":        anyVersion,
	"deleteTokenIssuer": anyVersion,
	"enableUser":        func(p *place, c *call) { p.post(p.at("/users/%s:disable", c.path["user"]), nil) },
	"endUserSessions": func(p *place, c *call) {
		who := p.person()
		p.sessionOf(who)
		c.body = m{"user_id": who.id}
	},
	"inviteUser": func(p *place, c *call) {
		c.body.(m)["roles"] = []string{p.text("/roles", m{"name": unique("Role")})}
	},
	"mapDomain": func(_ *place, c *call) { c.body = m{"name": unique("domain") + ".example"} },
	"moveOrganization": func(p *place, c *call) {
		c.path["org"] = p.child(unique("org")).org
		c.body = m{"parent_id": p.child(unique("org")).org}
	},
	"deleteOrganization": func(p *place, c *call) {
		c.path["org"] = p.child(unique("org")).org
		p.post("/orgs/"+c.path["org"]+":suspend", nil)
	},
	"openSupportAccess": func(p *place, c *call) { c.as = p.speaker() },
	"removeGroupMember": func(p *place, c *call) {
		p.put(p.at("/groups/%s/members/%s", c.path["group"], c.path["user"]), nil)
	},
	"resumeOrganization": func(p *place, c *call) {
		c.path["org"] = p.child(unique("org")).org
		p.post("/orgs/"+c.path["org"]+":suspend", nil)
	},
	"revokePasswordLink": func(p *place, c *call) {
		p.post(p.at("/users/%s/password-link", c.path["user"]), m{"delivery": "link"})
	},
	"revokeUserConsents": func(p *place, c *call) {
		who := p.person()
		p.consentOf(who)
		c.body = m{"user_id": who.id}
	},
	"setSeatLimit": func(_ *place, c *call) { c.body = m{"limit": 100_000 + counted.Add(1)} },
	"shareApp": func(p *place, c *call) {
		c.body = m{"policy": "selected", "roles": "all", "organizations": []string{p.child(unique("org")).org}}
	},
	"suspendOrganization":     func(p *place, c *call) { c.path["org"] = p.child(unique("org")).org },
	"unlockUser":              func(p *place, c *call) { p.guess(c.path["user"]) },
	"updateApp":               func(_ *place, c *call) { c.body = m{"description": "Another."} },
	"createRegistrationToken": func(_ *place, c *call) { delete(c.body.(m), "expires_at") }, // within a year of the test's clock
	"updateAppOIDC": func(_ *place, c *call) {
		delete(c.body.(m), "jwks") // jwks_uri is there
		for _, name := range []string{"dns", "email", "ip", "uri"} {
			delete(c.body.(m), "tls_client_auth_san_"+name) // tls_client_auth_subject_dn is there
		}
		c.body.(m)["token_exchange_audiences"] = []string{}
		c.body.(m)["access_token_attributes"] = []string{"given_name"} // of requested_attributes
		c.body.(m)["id_token_audiences"] = []string{}
		c.body.(m)["token_binding"] = ""            // the app is confidential
		delete(c.body.(m), "sector_identifier_uri") // it would be read
	},
	"updateOrganization": func(p *place, c *call) { c.path["org"] = p.child(unique("org")).org },
	"updateRole": func(_ *place, c *call) {
		anyVersion(nil, c)
		c.body = m{"permissions": []string{"groups.read"}}
	},
	"updateTokenIssuer": func(_ *place, c *call) {
		anyVersion(nil, c)
		c.body = m{"audiences": []string{unique("audience")}}
	},
	"updateSettings": func(_ *place, c *call) { c.body = m{"idle_seconds": 7200 - counted.Add(1)%1000} },
	"withdrawAPI": func(p *place, c *call) {
		scope := unique("scope")
		id := p.text("/api-resources", m{"identifier": "https://" + unique("api") + ".example", "name": "API", "scopes": []m{{"name": scope}}})
		p.put(p.at("/apps/%s/authorized-apis", c.path["app"]), m{"resource": id, "policy": "rbac", "scopes": []string{scope}})
		c.path["resource"] = id
	},
}

func anyVersion(_ *place, c *call) { c.header = append(c.header, "If-Match", "*") }

// good is a call of an operation on an organization that has to succeed.
func (p *place) good(r httpapi.RouteInfo) call {
	c := call{route: r, path: p.fresh(r), body: bodyOf(r)}
	if r.Method == http.MethodPatch { // application/json is what everybody else sends
		c.header = []string{"Content-Type", "application/merge-patch+json"}
	}
	if more := special[r.ID]; more != nil {
		more(p, &c)
	}
	return c
}

// bodyOf makes a request body of the examples that the description gives; nil where there is none.
func bodyOf(r httpapi.RouteInfo) any {
	if op := operationOf(r); op.RequestBody != nil {
		return example(op.RequestBody.Content["application/json"].Schema, "")
	}
	return nil
}

func operationOf(r httpapi.RouteInfo) *operation {
	item := described.OpenAPI().Paths[r.Path]
	return map[string]*operation{"DELETE": item.Delete, "GET": item.Get, "PATCH": item.Patch, "POST": item.Post, "PUT": item.Put}[r.Method]
}

// named are the members whose values must be nobody else's.
var named = map[string]func() any{
	"email":    func() any { return unique("jo") + "@made.example" },
	"handle":   func() any { return unique("made") },
	"host":     func() any { return unique("host") + ".example" },
	"name":     func() any { return unique("made") },
	"username": func() any { return unique("jo") + "@made.example" },
}

// example makes a value of a schema. Members that are lists of other things' identifiers are left out.
func example(s *schema, name string) any {
	if s.Ref != "" {
		s = described.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	if len(s.Properties) > 0 {
		out := m{}
		for member, property := range s.Properties {
			if value := example(property, member); value != nil {
				out[member] = value
			}
		}
		return out
	}
	if make := named[name]; make != nil && s.Type == "string" {
		return make()
	}
	for _, e := range s.Examples {
		raw, err := json.Marshal(e)
		var value any
		if err == nil && json.Unmarshal(raw, &value) == nil {
			return value
		}
	}
	return nil
}
