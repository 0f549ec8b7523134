package recovery

import (
	"fmt"
	"time"

	"grove/infra/kernel/fault"
	"grove/tenants/settings"
)

// Policy are an organization's settings for links by which its people choose passwords.
type Policy struct {
	EndlessLinks   bool `json:"endless_links" stricter:"false" doc:"Whether a link that is handed over to a user without a password may be good for ever."`
	LifeSeconds    int  `json:"life_seconds" minimum:"300" maximum:"2592000" doc:"For how long a link is good when whoever makes it does not say; at most as long as the longest."`
	LongestSeconds int  `json:"longest_seconds" minimum:"300" maximum:"2592000" stricter:"less" doc:"For how long whoever makes a link may make it good. It holds for links made from then on."`
}

var defaultPolicy = Policy{EndlessLinks: true, LifeSeconds: 24 * 3600, LongestSeconds: 30 * 24 * 3600}

var policyModule = settings.Declare("password_links", "For how long the links work that let people choose a password.", defaultPolicy)

// WithSettings lets organizations set how long links work. It is called while the program is put together.
func (s *Service) WithSettings(all *settings.Service) {
	s.policy = settings.Bind(all, policyModule, defaultPolicy)
}

// life is how long a link is good of which so much is wanted; 0: what is usual. Negative: for ever. Error: request.invalid.
func (p Policy) life(wanted time.Duration) (time.Duration, error) {
	longest := time.Duration(p.LongestSeconds) * time.Second
	switch {
	case wanted == 0:
		return min(time.Duration(p.LifeSeconds)*time.Second, longest), nil
	case wanted < 0 && !p.EndlessLinks:
		return 0, fault.CodeInvalid.At("/expires_in_minutes", "Must be a time to come: the organization's settings let no link last for ever.")
	case wanted > longest:
		return 0, fault.CodeInvalid.At("/expires_in_minutes", fmt.Sprintf("Must be at most %d, by the organization's settings.", int(longest/time.Minute)))
	}
	return wanted, nil
}
