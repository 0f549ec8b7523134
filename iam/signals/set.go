package signals

import (
	"context"
	"encoding/json"
	"slices"

	"grove/iam/apps"
	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// Types of events.
const (
	kindVerification = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	kindUpdated      = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"

	kindSessionRevoked  = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	kindCredential      = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	kindClaims          = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	kindAccountDisabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	kindAccountEnabled  = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	kindAccountPurged   = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
)

// supported are the types that a receiver may ask for. Those about the stream itself come without being asked for.
var supported = []string{kindSessionRevoked, kindCredential, kindClaims, kindAccountDisabled, kindAccountEnabled, kindAccountPurged}

const typSET = "secevent+jwt"

// identifier is a subject identifier (RFC 9493) as events have them.
type identifier struct {
	Format  string      `json:"format"`
	ID      string      `json:"id,omitempty"`
	Issuer  string      `json:"iss,omitempty"`
	Subject string      `json:"sub,omitempty"`
	Session *identifier `json:"session,omitempty"`
	Tenant  *identifier `json:"tenant,omitempty"`
	User    *identifier `json:"user,omitempty"`
}

// token is a security event token (RFC 8417) as the framework profiles it: with a subject of its own, and without sub and exp, so that it is
// taken for no other token.
type token struct {
	Issuer   string                     `json:"iss"`
	ID       string                     `json:"jti"`
	IssuedAt int64                      `json:"iat"`
	Audience string                     `json:"aud"`
	Txn      string                     `json:"txn"`
	Subject  identifier                 `json:"sub_id"`
	Events   map[string]json.RawMessage `json:"events"`
}

// signer makes the tokens of one stream.
type signer struct {
	key    *jose.Key
	names  oauth.Names
	stream stream
}

// signerOf gives what signs a stream's tokens. The profile for interoperability has RS256. It is asked for before a transaction.
func (s *Service) signerOf(ctx context.Context, tenant ids.Tenant, client apps.Client, st stream) (signer, error) {
	key, err := s.Keys.Signer(ctx, tenant, jose.RS256)
	if err != nil {
		return signer{}, err
	}
	names, err := s.Protocol.NamesFor(ctx, tenant, client)
	return signer{key: key, names: names, stream: st}, err
}

// subject names whom an event is about: the stream, a person, or a person's session or standing in one organization.
func (g signer) subject(of signal) identifier {
	if of.User.IsZero() {
		return identifier{Format: "opaque", ID: g.stream.ID.String()}
	}
	person := identifier{Format: "iss_sub", Issuer: g.stream.Issuer, Subject: g.names.Subject(of.User)}
	if !of.InOrg {
		return person
	}
	out := identifier{Format: "complex", User: &person, Tenant: &identifier{Format: "opaque", ID: of.Via.String()}}
	if !of.Session.IsZero() {
		out.Session = &identifier{Format: "opaque", ID: g.names.Session(of.Session)}
	}
	return out
}

// sign makes the token of an event.
func (g signer) sign(of signal) (string, error) {
	claims, err := json.Marshal(token{Issuer: g.stream.Issuer, ID: of.ID.String(), IssuedAt: of.Created.Unix(), Audience: g.stream.ClientID, Txn: of.Txn, Subject: g.subject(of),
		Events: map[string]json.RawMessage{of.Kind: of.Data}})
	if err != nil {
		return "", err
	}
	return g.key.Sign(typSET, claims)
}

// sendable divides what waits into what the receiver may still be told, and what goes untold: it asks for other events now, does not want to
// hear of somebody, or its app is not available any more where it would have heard of him.
func (s *Service) sendable(ctx context.Context, tx db.Tx, client apps.Client, st stream, all []signal) (good, gone []signal, err error) {
	var orgs []ids.Org
	for _, g := range all {
		if !g.Via.IsZero() && !slices.Contains(orgs, g.Via) {
			orgs = append(orgs, g.Via)
		}
	}
	in := map[ids.Org]bool{}
	if len(orgs) > 0 {
		if in, err = s.Sharing.AppInEach(ctx, tx, client, orgs); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range all {
		ok := g.User.IsZero() || in[g.Via] && slices.Contains(st.Requested, g.Kind)
		if ok && !g.User.IsZero() {
			excluded, err := isExcluded(ctx, tx, st.ID, g.User, g.Via)
			if err != nil {
				return nil, nil, err
			}
			ok = !excluded
		}
		if ok {
			good = append(good, g)
		} else {
			gone = append(gone, g)
		}
	}
	return good, gone, nil
}
