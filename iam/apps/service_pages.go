package apps

import "cmp"

// Pages are an app's own pages, of which people are told where they are asked for their consent (OpenID Connect Dynamic Client
// Registration 1.0, section 2).
type Pages struct {
	PolicyURI string `json:"policy_uri" doc:"The app's privacy policy; empty for none." example:"https://app.example.com/privacy"`
	TosURI    string `json:"tos_uri" doc:"The app's terms of service; empty for none." example:"https://app.example.com/terms"`
}

// PagesPatch changes an app's [Pages].
type PagesPatch struct {
	PolicyURI *string `json:"policy_uri,omitempty" maxLength:"2048" doc:"What the app does with what it learns of people: the page that asks for consent links to it. Empty for none." example:"https://app.example.com/privacy"`
	TosURI    *string `json:"tos_uri,omitempty" maxLength:"2048" doc:"The app's terms of service, linked to from the same page. Empty for none." example:"https://app.example.com/terms"`
}

func (p PagesPatch) over(fields []string, pages *Pages) []string {
	fields = set(fields, "policy_uri", &pages.PolicyURI, p.PolicyURI)
	return set(fields, "tos_uri", &pages.TosURI, p.TosURI)
}

func checkOwnPages(p Pages) error {
	return cmp.Or(checkPage("/policy_uri", p.PolicyURI), checkPage("/tos_uri", p.TosURI))
}
