package sessions

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
)

// Subjects are what something stands on. A zero field is none. With Org, Began and ImpersonatorOrg come all their ancestors, with Org and
// User the membership of one in the other, and so with ImpersonatorOrg and Impersonator.
type Subjects struct {
	App             ids.App
	Began           ids.Org           // where the session began by which something was issued elsewhere
	Connection      ids.Connection    // of whom an assertion came from that something was issued for
	Exchanged       []ids.AccessToken // the tokens that one was exchanged for, one after another
	Grant           ids.Grant
	Impersonator    ids.User // who acts as User, where somebody does
	ImpersonatorOrg ids.Org  // in which he may
	Org             ids.Org
	Origins         []ids.App // whose tokens those were
	Session         ids.Session
	Support         ids.SupportAccess // by which an organization lets others act as its people
	Tenant          ids.Tenant
	Token           uuid.UUID // the jti
	User            ids.User
}

// Standing is how subjects stand now.
type Standing struct {
	// Blocked: nothing may be issued for the subjects, and nothing that was is good.
	Blocked bool
	// Stamp is kept with what is issued. What was issued under another stamp is dead.
	Stamp int64
}

// Good reports whether what was issued under stamp is still good.
func (s Standing) Good(stamp int64) bool { return !s.Blocked && s.Stamp == stamp }

// orgs returns the organizations whose ancestors are subjects too.
func (s Subjects) orgs() []uuid.UUID {
	all := make([]uuid.UUID, 0, 3)
	for _, id := range []ids.Org{s.Org, s.Began, s.ImpersonatorOrg} {
		if !id.IsZero() {
			all = append(all, id.UUID())
		}
	}
	return all
}

// OfActor are what an actor stands on apart from his session: a person and where he belongs, who acts as him, or a client and its owner. The
// program itself stands on the tenant only.
func OfActor(a actor.Actor) Subjects {
	switch a.Kind {
	case actor.User:
		return Subjects{Org: a.Org, User: a.User, Impersonator: a.Impersonator, ImpersonatorOrg: a.ImpersonatorOrg, Support: a.Support}
	case actor.Client:
		return Subjects{App: a.App, Org: a.Org}
	}
	return Subjects{}
}

// list returns the subjects without the organizations' ancestors.
func (s Subjects) list() []uuid.UUID {
	var all []uuid.UUID
	for _, id := range []uuid.UUID{s.App.UUID(), s.Began.UUID(), s.Connection.UUID(), s.Grant.UUID(), s.Impersonator.UUID(), s.ImpersonatorOrg.UUID(),
		s.Org.UUID(), s.Session.UUID(), s.Support.UUID(), s.Tenant.UUID(), s.Token, s.User.UUID()} {
		if id != uuid.Nil {
			all = append(all, id)
		}
	}
	for _, id := range s.Exchanged {
		all = append(all, id.UUID())
	}
	for _, id := range s.Origins {
		all = append(all, id.UUID())
	}
	if !s.Org.IsZero() && !s.User.IsZero() {
		all = append(all, ids.Pair(s.Org.UUID(), s.User.UUID()))
	}
	if !s.Impersonator.IsZero() {
		all = append(all, ids.Pair(s.ImpersonatorOrg.UUID(), s.Impersonator.UUID()))
	}
	return all
}

func standingOf(epochs []db.Epoch) Standing {
	out := Standing{Stamp: db.Stamp(epochs)}
	for _, e := range epochs {
		out.Blocked = out.Blocked || e.Blocked
	}
	return out
}

// Standing reads how the subjects stand, in one query. The transaction's tenant is always one of them.
func (s *Service) Standing(ctx context.Context, tx db.Tx, of Subjects) (Standing, error) {
	epochs, err := epochsOf(ctx, tx, of)
	return standingOf(epochs), err
}

// Standings is Standing for many, with two queries for all.
func (s *Service) Standings(ctx context.Context, tx db.Tx, of []Subjects) ([]Standing, error) {
	return standings(ctx, tx, of)
}

func standings(ctx context.Context, tx db.Tx, of []Subjects) ([]Standing, error) {
	all := manyOf(tx.Tenant(), of)
	lines, err := db.Collect[lineage](ctx, tx, sqlAncestors, all.tenant, all.orgs)
	if err != nil {
		return nil, err
	}
	epochs, err := db.Collect[db.Epoch](ctx, tx, sqlEpochs, all.tenant, all.subjects, all.orgs)
	if err != nil {
		return nil, err
	}
	return all.standings(lines, epochs), nil
}

func epochsOf(ctx context.Context, tx db.Tx, of Subjects) ([]db.Epoch, error) {
	of.Tenant = tx.Tenant()
	return db.Collect[db.Epoch](ctx, tx, sqlEpochs, of.Tenant, of.list(), of.orgs())
}

// StandingBatch is Standing for paths that need no transaction: one round trip, which it shares with those who ask meanwhile.
// Subjects.Tenant must be set.
func (s *Service) StandingBatch(ctx context.Context, of Subjects) (Standing, error) {
	return s.gathered.ask(ctx, of)
}

// many are the subjects of several, who are asked for together.
type many struct {
	tenant   ids.Tenant
	of       []Subjects
	subjects []uuid.UUID // each once
	orgs     []uuid.UUID // whose ancestors are subjects too, each once
}

// lineage is one line of the tree's closure.
type lineage struct {
	Descendant uuid.UUID `db:"descendant_id"`
	Ancestor   uuid.UUID `db:"ancestor_id"`
}

func manyOf(tenant ids.Tenant, of []Subjects) many {
	of = slices.Clone(of) // the caller's stay as they are
	all := many{tenant: tenant, of: of}
	seen, seenOrgs := make(map[uuid.UUID]bool, 10*len(of)), map[uuid.UUID]bool{}
	for i := range of {
		of[i].Tenant = tenant
		for _, id := range of[i].list() {
			if !seen[id] {
				seen[id] = true
				all.subjects = append(all.subjects, id)
			}
		}
		for _, id := range of[i].orgs() {
			if !seenOrgs[id] {
				seenOrgs[id] = true
				all.orgs = append(all.orgs, id)
			}
		}
	}
	return all
}

// standings gives each his own of the epochs that were found for all.
func (m many) standings(lines []lineage, rows []db.Epoch) []Standing {
	out := make([]Standing, len(m.of))
	if len(rows) == 0 { // nothing was ever revoked, as with most
		return out
	}
	epochs, ancestors := make(map[uuid.UUID]db.Epoch, len(rows)), map[uuid.UUID][]uuid.UUID{}
	for _, e := range rows {
		epochs[e.Subject] = e
	}
	for _, l := range lines {
		if _, ok := epochs[l.Ancestor]; ok {
			ancestors[l.Descendant] = append(ancestors[l.Descendant], l.Ancestor)
		}
	}
	for i, of := range m.of {
		mine := map[uuid.UUID]db.Epoch{} // one id can be in it twice
		for _, id := range of.list() {
			if e, ok := epochs[id]; ok {
				mine[id] = e
			}
		}
		for _, org := range of.orgs() {
			for _, id := range ancestors[org] {
				mine[id] = epochs[id]
			}
		}
		out[i] = standingOf(slices.Collect(maps.Values(mine)))
	}
	return out
}
