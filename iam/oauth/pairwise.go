package oauth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"strings"

	"grove/iam/apps"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Pairwise subjects (OpenID Connect Core 1.0, section 8): apps of different sectors know one person by names that nobody can tell are one
// person's, and so with the session that they share, which sid would give away.
//
// A name is the person's identifier, one block of AES under a key of the tenant, the owner and the sector: it is the same each time, no two people
// have one, only the tenant's key takes it back, and nothing has to be stored to know whose it is. See docs/adr/0025.
type naming struct{ people, sessions cipher.Block } // zero: as everybody knows them

// namingFor is how a client knows people. Call it before a transaction, not within.
func (s *Service) namingFor(ctx context.Context, tenant ids.Tenant, client apps.Client) (naming, error) {
	sector := client.Sector()
	if sector == "" {
		return naming{}, nil
	}
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return naming{}, err
	}
	var n naming
	org := client.Org.UUID() // anybody who makes apps can name another's host
	for purpose, into := range map[string]*cipher.Block{"pairwise subject": &n.people, "pairwise session": &n.sessions} {
		derived := key.Derive(purpose, org[:], []byte(sector))
		if *into, err = aes.NewCipher(derived[:]); err != nil {
			return naming{}, err
		}
	}
	return n, nil
}

// subject is a person's sub.
func (n naming) subject(user ids.User) string {
	if n.people == nil {
		return user.String()
	}
	return enciphered(n.people, user, ids.PairwiseSubject{}).String()
}

// session is a session's sid.
func (n naming) session(session ids.Session) string {
	if n.sessions == nil {
		return session.String()
	}
	return enciphered(n.sessions, session, ids.PairwiseSession{}).String()
}

// person takes a sub back. Who knows no key can still make one up: it is of nobody.
func (n naming) person(subject string) (user ids.User, err error) {
	if n.people == nil {
		return user, user.UnmarshalText([]byte(subject))
	}
	var named ids.PairwiseSubject
	if err := named.UnmarshalText([]byte(subject)); err != nil {
		return user, err
	}
	return deciphered(n.people, named, user), nil
}

// sessionOf takes a sid back.
func (n naming) sessionOf(sid string) (session ids.Session, err error) {
	if n.sessions == nil {
		return session, session.UnmarshalText([]byte(sid))
	}
	var named ids.PairwiseSession
	if err := named.UnmarshalText([]byte(sid)); err != nil {
		return session, err
	}
	return deciphered(n.sessions, named, session), nil
}

func enciphered[K, N ids.Kind](block cipher.Block, id ids.ID[K], _ ids.ID[N]) (named ids.ID[N]) {
	if id.IsZero() {
		return named
	}
	one := id.UUID()
	block.Encrypt(one[:], one[:])
	return ids.From[N](one)
}

func deciphered[K, N ids.Kind](block cipher.Block, named ids.ID[N], _ ids.ID[K]) (id ids.ID[K]) {
	if named.IsZero() {
		return id
	}
	one := named.UUID()
	block.Decrypt(one[:], one[:])
	return ids.From[K](one)
}

// isPairwise reports whether a sub is one of a sector's.
func isPairwise(subject string) bool {
	return strings.HasPrefix(subject, ids.PairwiseSubject{}.Prefix()+"_")
}

// namingOf is namingFor by whom a token of ours, about subject, was made for. A client that is not there any more, or knows people in
// another way now, has none of its tokens left: errToken.
func (s *Service) namingOf(ctx context.Context, tenant ids.Tenant, clientID, subject string) (naming, error) {
	if !isPairwise(subject) {
		return naming{}, nil
	}
	client, err := s.Clients.Client(ctx, tenant, clientID)
	if fault.CodeNotFound.Is(err) || err == nil && client.Sector() == "" {
		err = errToken
	}
	if err != nil {
		return naming{}, err
	}
	return s.namingFor(ctx, tenant, client)
}

// clientNaming is namingFor of a client that may be gone, which then is told nothing: ok is false.
func (s *Service) clientNaming(ctx context.Context, tenant ids.Tenant, clientID string) (n naming, ok bool, err error) {
	client, err := s.Clients.Client(ctx, tenant, clientID)
	if fault.CodeNotFound.Is(err) {
		return n, false, nil
	}
	if err == nil {
		n, err = s.namingFor(ctx, tenant, client)
	}
	return n, err == nil, err
}
