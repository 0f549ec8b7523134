package sessions

import (
	"context"
	"errors"
	"slices"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/tenants/settings"
)

const secretPrefix = "grv_ses"

// Why sessions end, as events record it. Callers have reasons of their own.
const (
	ReasonAdministrator = "administrator" // somebody who may ended it
	ReasonExpired       = "expired"       // its time was over
	ReasonReplaced      = "replaced"      // a new sign-in at the same browser
	ReasonSignedOut     = "signed_out"

	reasonRevoked = "revoked" // what it stood on was
)

// maxRevoked is how many sessions of one person are told of when he is shut out.
const maxRevoked = 1000

var (
	errRefused = fault.Declare(fault.Forbidden, "session.refused", "Nobody can sign in here at present",
		"The account, its organization or the tenant is not active. Its administrator can say why.")

	eventCreated = events.Declare[createdData]("session.created", "A person signed in.")
	eventEnded   = events.Declare[endedData]("session.ended", "A session was ended, or its time was over.")
	eventRenewed = events.Declare[createdData]("session.renewed", "A person who was signed in proved himself again at the same browser.")
)

type createdData struct {
	Address   string   `json:"address" audit:"personal"`
	AMR       []string `json:"amr" audit:"public"`
	User      ids.User `json:"user_id" audit:"public"`
	UserAgent string   `json:"user_agent" audit:"personal"`
}

type endedData struct {
	Reason string   `json:"reason" audit:"public"`
	User   ids.User `json:"user_id" audit:"public"`
}

// Lifetimes of sessions, where organizations set no others.
type Lifetimes struct {
	Absolute time.Duration // however much the session is used
	Idle     time.Duration // between two uses
}

// Service keeps sessions.
type Service struct {
	db         *db.DB
	events     *events.Log
	gathered   *gathering
	installed  Lifetimes
	jobs       Queue
	kept       *cache.Cache[inForce] // nil: the lifetimes of New hold everywhere
	life       settings.Reader[Policy]
	onEndInOrg func(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error
	mayEnd     MayEnd
}

// Queue takes jobs. infra/jobs.
type Queue interface {
	Insert(ctx context.Context, tx db.Tx, args jobs.Args) error
}

// WithJobs sets what takes the work that follows when an organization changes its settings. It is called while the program is put together.
func (s *Service) WithJobs(q Queue) { s.jobs = q }

// MayEnd refuses, with a fault, to let the actor of ctx end a person's sessions. The transaction sees the whole tenant.
type MayEnd func(ctx context.Context, tx db.Tx, user ids.User) error

// OnEnd registers who is asked before an administrator ends somebody else's sessions. It is called once, before the program
// starts, and panics when called again.
func (s *Service) OnEnd(may MayEnd) {
	if s.mayEnd != nil {
		panic("sessions: OnEnd is set already")
	}
	s.mayEnd = may
}

// New makes the service.
func New(d *db.DB, log *events.Log, life Lifetimes) *Service {
	return &Service{db: d, events: log, gathered: newGathering(d), installed: life, life: settings.Fixed(life.policy())}
}

// OnEndInOrg sets what ends the grants by which a person acts in an organization, in the same transaction, when somebody who may
// ends all his sessions there. It is called while the program is put together.
func (s *Service) OnEndInOrg(f func(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error) {
	s.onEndInOrg = f
}

// NewSession describes a session about to be made.
type NewSession struct {
	Address   string
	AMR       []string
	AuthTime  time.Time // zero: now
	Org       ids.Org
	User      ids.User
	UserAgent string
}

// CreateTx makes a session and returns its secret, which is shown to the browser and to nobody else. It refuses
// (session.refused) when the person, the organization, an ancestor, the membership or the tenant is blocked.
func (s *Service) CreateTx(ctx context.Context, tx db.Tx, n NewSession) (Session, string, error) {
	return s.beginTx(ctx, tx, ids.NewSession(), n, sqlInsert, eventCreated)
}

// RenewTx lets a good session go on for the same person in the same organization, who has just proven himself again: with another
// secret, and as long as a new one. The apps that know it go on knowing it. It refuses as CreateTx does.
func (s *Service) RenewTx(ctx context.Context, tx db.Tx, id ids.Session, n NewSession) (Session, string, error) {
	return s.beginTx(ctx, tx, id, n, sqlRenew, eventRenewed)
}

func (s *Service) beginTx(ctx context.Context, tx db.Tx, id ids.Session, n NewSession, statement string, event events.Type[createdData]) (Session, string, error) {
	policy, err := s.inForce(ctx, tx, n.Org)
	if err != nil {
		return Session{}, "", err
	}
	out := Session{ID: id, Org: n.Org, User: n.User, AMR: n.AMR, AuthTime: n.AuthTime, UserAgent: n.UserAgent, Address: n.Address,
		BeganAt: tx.Now(), CreatedAt: tx.Now(), LastSeenAt: tx.Now(), LapsesAt: tx.Now().Add(policy.idle()), ExpiresAt: tx.Now().Add(policy.absolute())}
	if out.AuthTime.IsZero() {
		out.AuthTime = tx.Now()
	}
	if out.AMR == nil {
		out.AMR = []string{}
	}
	standing, err := s.Standing(ctx, tx, out.subjects())
	if err != nil {
		return Session{}, "", err
	}
	if standing.Blocked {
		return Session{}, "", errRefused.With("The account or the organization is not active.", nil)
	}
	out.Stamp = standing.Stamp
	secret, hash := secrets.NewToken(secretPrefix)
	written, err := tx.Exec(ctx, statement, tx.Tenant(), out.ID, out.Org, out.User, hash, out.AMR, out.AuthTime, out.Stamp,
		out.UserAgent, out.Address, out.LastSeenAt, out.LapsesAt, out.ExpiresAt)
	if err != nil {
		return Session{}, "", err
	}
	if written == 0 {
		return Session{}, "", errRefused.With("The session has ended meanwhile.", nil)
	}
	err = s.events.Write(ctx, tx, event.Of(out.Org, out.ID, createdData{Address: out.Address, AMR: out.AMR, User: out.User, UserAgent: out.UserAgent}))
	return out, secret, err
}

// FindBySecret returns the session that a browser's cookie names, if it is good, and notes that it was used.
func (s *Service) FindBySecret(ctx context.Context, tenant ids.Tenant, secret string) (out Session, found bool, err error) {
	if !secrets.LooksLike(secretPrefix, secret) {
		return Session{}, false, nil
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		out, found, err = s.FindBySecretTx(ctx, tx, secret)
		return err
	})
	return out, found && err == nil, err
}

// FindBySecretTx is FindBySecret within the caller's transaction.
func (s *Service) FindBySecretTx(ctx context.Context, tx db.Tx, secret string) (Session, bool, error) {
	if !secrets.LooksLike(secretPrefix, secret) {
		return Session{}, false, nil
	}
	found, err := db.CollectOne[Session](ctx, tx, sqlBySecret, tx.Tenant(), secrets.HashToken(secret))
	if db.IsNoRows(err) {
		return Session{}, false, nil
	}
	if err != nil {
		return Session{}, false, err
	}
	policy, good, err := s.good(ctx, tx, &found)
	if !good || err != nil {
		return Session{}, false, err
	}
	// Noting each use would make every page of a person a write.
	unnoted, lapses := tx.Now().Sub(found.LastSeenAt), tx.Now().Add(policy.idle())
	if least := min(time.Minute, policy.idle()/4); unnoted >= least || lapses.Sub(found.LapsesAt) >= least {
		found.Idled, found.LastSeenAt, found.LapsesAt = max(found.Idled, int(unnoted/time.Second)), tx.Now(), lapses
		if _, err := tx.Exec(ctx, sqlTouch, tx.Tenant(), found.ID, found.LastSeenAt, found.Idled, found.LapsesAt); err != nil {
			return Session{}, false, err
		}
	}
	return found, true, nil
}

// FindTx returns a session by its id, if it is good.
func (s *Service) FindTx(ctx context.Context, tx db.Tx, id ids.Session) (Session, bool, error) {
	found, err := db.CollectOne[Session](ctx, tx, sqlByID, tx.Tenant(), id)
	if db.IsNoRows(err) {
		return Session{}, false, nil
	}
	if err != nil {
		return Session{}, false, err
	}
	_, good, err := s.good(ctx, tx, &found)
	if !good || err != nil {
		return Session{}, false, err
	}
	return found, true, nil
}

// good reports whether a session is good and what policy it is under, and notes when it ends.
func (s *Service) good(ctx context.Context, tx db.Tx, found *Session) (inForce, bool, error) {
	policy, err := s.inForce(ctx, tx, found.Org)
	if err != nil || !policy.alive(tx.Now(), *found) {
		return policy, false, err
	}
	found.ExpiresAt = policy.until(*found)
	standing, err := s.Standing(ctx, tx, found.subjects())
	return policy, err == nil && standing.Good(found.Stamp), err
}

// OfUser lists a person's good sessions in all organizations, the newest first, at most limit.
func (s *Service) OfUser(ctx context.Context, tx db.Tx, user ids.User, limit int) ([]Session, error) {
	rows, err := s.liveOfUser(ctx, tx, user, limit)
	if err != nil {
		return nil, err
	}
	return standingOnly(ctx, tx, rows)
}

// EndTx ends a session, and blocks it, so that everything issued through it is dead. One that is ended, or is not
// there, stays as it is.
func (s *Service) EndTx(ctx context.Context, tx db.Tx, id ids.Session, reason string) error {
	rows, err := db.Collect[Session](ctx, tx, sqlEnd, tx.Tenant(), id, tx.Now())
	return s.ended(ctx, tx, rows, reason, err)
}

// EndForUserInOrgTx ends all sessions of a person that began in an organization.
func (s *Service) EndForUserInOrgTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error {
	rows, err := db.Collect[Session](ctx, tx, sqlEndUserInOrg, tx.Tenant(), user, org, tx.Now())
	return s.ended(ctx, tx, rows, reason, err)
}

// EndForUserTx ends all sessions of a person except one; the zero session spares none.
func (s *Service) EndForUserTx(ctx context.Context, tx db.Tx, user ids.User, except ids.Session, reason string) error {
	rows, err := db.Collect[Session](ctx, tx, sqlEndUserExcept, tx.Tenant(), user, except.UUID(), tx.Now())
	return s.ended(ctx, tx, rows, reason, err)
}

// EndRevoked ends the sessions of a person that nothing can be done with since he was shut out. What was issued through them is
// dead already; now whoever waits for their end is told.
func (s *Service) EndRevoked(ctx context.Context, tenant ids.Tenant, user ids.User) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		all, err := db.Collect[Session](ctx, tx, sqlNotEnded, tx.Tenant(), user, maxRevoked)
		if err != nil {
			return err
		}
		good, err := standingOnly(ctx, tx, all)
		if err != nil {
			return err
		}
		for _, session := range all {
			if slices.ContainsFunc(good, func(g Session) bool { return g.ID == session.ID }) {
				continue
			}
			if err := s.EndTx(ctx, tx, session.ID, reasonRevoked); err != nil {
				return err
			}
		}
		return nil
	})
}

// ended blocks sessions whose rows were marked, and tells of them. One that expired when it was to needs no block: nothing that was
// issued through it lasts longer.
func (s *Service) ended(ctx context.Context, tx db.Tx, rows []Session, reason string, err error) error {
	facts := make([]events.Fact, len(rows))
	for i, row := range rows {
		if reason != ReasonExpired || row.Outlasted {
			err = errors.Join(err, tx.Block(ctx, db.KindSession, row.ID.UUID(), reason))
		}
		facts[i] = eventEnded.Of(row.Org, row.ID, endedData{Reason: reason, User: row.User})
	}
	if err != nil || len(facts) == 0 {
		return err
	}
	return s.events.Write(ctx, tx, facts...)
}

// EndBySecret ends the session that a browser's cookie names, good or not, and returns it.
func (s *Service) EndBySecret(ctx context.Context, tenant ids.Tenant, secret string) (out Session, found bool, err error) {
	if !secrets.LooksLike(secretPrefix, secret) {
		return Session{}, false, nil
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		out, err = db.CollectOne[Session](ctx, tx, sqlBySecret, tx.Tenant(), secrets.HashToken(secret))
		if db.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		// Who holds the secret is the person.
		ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: tenant, Org: out.Org, User: out.User, Session: out.ID})
		return s.EndTx(ctx, tx, out.ID, ReasonSignedOut)
	})
	return out, found && err == nil, err
}

// ErrNotGood is returned by RestampTx for a session that is not good before the change.
var ErrNotGood = errors.New("sessions: the session is not good")

// RestampTx lets the acting session live through a change that raises its own person's epoch, such as a new password:
// change runs in the same transaction and ends all of the person's other sessions. The new stamp is the old standing
// with the person's new epoch, so that any other revocation that commits meanwhile still ends this session.
func (s *Service) RestampTx(ctx context.Context, tx db.Tx, id ids.Session, change func(context.Context) error) error {
	session, err := db.CollectOne[Session](ctx, tx, sqlByID+` FOR UPDATE`, tx.Tenant(), id)
	if db.IsNoRows(err) {
		return ErrNotGood
	}
	if err != nil {
		return err
	}
	before, err := epochsOf(ctx, tx, session.subjects())
	if err != nil {
		return err
	}
	policy, err := s.inForce(ctx, tx, session.Org)
	if err != nil {
		return err
	}
	if !policy.alive(tx.Now(), session) || !standingOf(before).Good(session.Stamp) {
		return ErrNotGood
	}
	if err := change(ctx); err != nil {
		return err
	}
	own, err := db.Collect[db.Epoch](ctx, tx, sqlOwnEpoch, tx.Tenant(), session.User)
	if err != nil {
		return err
	}
	for _, e := range before {
		if e.Subject != session.User.UUID() {
			own = append(own, e)
		}
	}
	_, err = tx.Exec(ctx, sqlRestamp, tx.Tenant(), id, db.Stamp(own))
	return err
}
