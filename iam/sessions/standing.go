package sessions

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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

// OfActor are what an actor stands on apart from his session: a person and where he belongs, or a client and its owner. The
// program itself stands on the tenant only.
func OfActor(a actor.Actor) Subjects {
	switch a.Kind {
	case actor.User:
		return Subjects{Org: a.Org, User: a.User}
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

func epochsOf(ctx context.Context, tx db.Tx, of Subjects) ([]db.Epoch, error) {
	of.Tenant = tx.Tenant()
	return db.Collect[db.Epoch](ctx, tx, sqlEpochs, of.Tenant, of.list(), of.orgs())
}

// StandingBatch is Standing in one round trip, for paths that need no transaction. Subjects.Tenant must be set.
func (s *Service) StandingBatch(ctx context.Context, of Subjects) (Standing, error) {
	var out Standing
	err := s.db.Batch(ctx, of.Tenant, func(b *pgx.Batch) { QueueStanding(b, of, &out) })
	return out, err
}

// QueueStanding adds the query of Standing to a batch of the tenant's; out is filled when the batch is read.
func QueueStanding(b *pgx.Batch, of Subjects, out *Standing) {
	b.Queue(sqlEpochs, of.Tenant, of.list(), of.orgs()).Query(func(rows pgx.Rows) error {
		epochs, err := pgx.CollectRows(rows, pgx.RowToStructByName[db.Epoch])
		*out = standingOf(epochs)
		return err
	})
}
