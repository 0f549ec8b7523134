package oauth

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// FrontchannelLogouts are the addresses that the browser opens in frames while a person signs out, one for each app that wants it and
// that was signed in to by the session, with iss and sid (OpenID Connect Front-Channel Logout 1.0, section 3).
func (s *Service) FrontchannelLogouts(ctx context.Context, tenant ids.Tenant, session ids.Session) (addresses []string, err error) {
	var parties []relyingParty
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		parties, err = relyingParties(ctx, tx, session, settingFrontchannel)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range parties {
		known, there, err := s.clientNaming(ctx, tenant, p.ClientID)
		if err != nil {
			return nil, err
		}
		if there {
			addresses = append(addresses, response{redirectURI: p.URI, mode: modeQuery}.location([]param{{"iss", p.Issuer}, {"sid", known.session(session)}}))
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), nil // an app that works in two organizations is one page
}
