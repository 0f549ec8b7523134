package invitations

import (
	"context"
	"fmt"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/tenants/settings"
)

// Policy are an organization's settings for its invitations.
type Policy struct {
	EndlessLinks   bool `json:"endless_links" stricter:"false" doc:"Whether a link that whoever invites hands over may be good for ever."`
	LifeSeconds    int  `json:"life_seconds" minimum:"300" maximum:"7776000" doc:"For how long an invitation is good when whoever invites does not say; at most as long as the longest."`
	LongestSeconds int  `json:"longest_seconds" minimum:"300" maximum:"7776000" stricter:"less" doc:"For how long whoever invites may make an invitation good. It holds for what is sent from then on."`
}

var policyModule = settings.Declare("invitations", "For how long people can accept an invitation.",
	Policy{EndlessLinks: true, LifeSeconds: 72 * 3600, LongestSeconds: 90 * 24 * 3600})

func policyOf(lifetime time.Duration) Policy {
	return Policy{EndlessLinks: true, LifeSeconds: int(lifetime / time.Second), LongestSeconds: 90 * 24 * 3600}
}

// WithSettings lets organizations set how long invitations are good; the lifetime of New is the default. It is called while
// the program is put together.
func (s *Service) WithSettings(all *settings.Service) {
	s.policy = settings.Bind(all, policyModule, policyOf(s.lifetime))
}

func (p Policy) longest() time.Duration { return time.Duration(p.LongestSeconds) * time.Second }

// check refuses a life, in minutes, that whoever invites may not choose.
func (p Policy) check(minutes int) error {
	switch life := time.Duration(minutes) * time.Minute; {
	case minutes < 0 && !p.EndlessLinks:
		return fault.CodeInvalid.At("/expires_in_minutes", "Must be a time to come: the organization's settings let no link last for ever.")
	case life > p.longest():
		return fault.CodeInvalid.At("/expires_in_minutes", fmt.Sprintf("Must be at most %d, by the organization's settings.", int(p.longest()/time.Minute)))
	}
	return nil
}

// until is when an invitation that is sent now expires; nil: never. What was promised before the settings is cut to what they say.
func (s *Service) until(ctx context.Context, tx db.Tx, inv Invitation) (*time.Time, error) {
	p, err := s.policy.Resolve(ctx, tx, inv.Org)
	if err != nil || inv.Life < 0 && p.EndlessLinks {
		return nil, err
	}
	life := time.Duration(p.LifeSeconds) * time.Second
	switch {
	case inv.Life > 0:
		life = time.Duration(inv.Life) * time.Minute
	case inv.Life < 0:
		life = p.longest()
	}
	until := tx.Now().Add(min(life, p.longest()))
	return &until, nil
}
