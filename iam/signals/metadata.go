package signals

import (
	"net/http"

	"grove/infra/httpapi"
)

// The delivery methods.
const (
	methodPoll = "urn:ietf:rfc:8936"
	methodPush = "urn:ietf:rfc:8935"
)

type scheme struct {
	URN string `json:"spec_urn"`
}

// configuration is the transmitter's metadata (SSF 1.0, section 6.1).
type configuration struct {
	SpecVersion    string   `json:"spec_version"`
	Issuer         string   `json:"issuer"`
	JWKSURI        string   `json:"jwks_uri"`
	Methods        []string `json:"delivery_methods_supported"`
	Configuration  string   `json:"configuration_endpoint"`
	Status         string   `json:"status_endpoint"`
	AddSubject     string   `json:"add_subject_endpoint"`
	RemoveSubject  string   `json:"remove_subject_endpoint"`
	Verification   string   `json:"verification_endpoint"`
	Critical       []string `json:"critical_subject_members"`
	Schemes        []scheme `json:"authorization_schemes"`
	DefaultSubject string   `json:"default_subjects"`
}

// discovery answers what anybody may know of the transmitter, below its base or by path insertion.
func (s *Service) discovery(w http.ResponseWriter, r *http.Request) {
	issuer := httpapi.IssuerOf(r.Context()).URL
	at := issuer + "/ssf/"
	httpapi.Cacheable(w.Header(), "public, max-age=300")
	writeJSON(w, http.StatusOK, configuration{SpecVersion: "1_0", Issuer: issuer, JWKSURI: issuer + "/oauth2/jwks", Methods: []string{methodPush, methodPoll},
		Configuration: at + "streams", Status: at + "status", AddSubject: at + "subjects:add", RemoveSubject: at + "subjects:remove", Verification: at + "verification",
		// A receiver that overlooked one of these would act on more than is meant.
		Critical: []string{"session", "tenant", "user"},
		Schemes:  []scheme{{"urn:ietf:rfc:6749"}, {"urn:ietf:rfc:8705"}, {"urn:ietf:rfc:9449"}}, DefaultSubject: "ALL"})
}
