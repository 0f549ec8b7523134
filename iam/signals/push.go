package signals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/outbound"
)

// Push-based delivery (RFC 8935): one event after the other, so that they come in order. One that fails is tried again, and what comes
// after it waits.

const (
	pushBatch     = 50 // events that one job pushes
	pushLease     = time.Minute
	maxPushAnswer = 4 << 10

	firstRetry  = time.Second
	longestWait = 15 * time.Minute
	giveUpAfter = 24 * time.Hour // of nothing but failures

	maxRefusals = 3 // of one event by a receiver that answers, and of what tells of the end of a stream
)

const (
	reasonUnreachable = "The receiver took no event for a day."
	reasonNotTaken    = "The receiver takes no events, and as many wait as are kept."
)

// pushArgs is the job that pushes what waits in a stream.
type pushArgs struct {
	Tenant ids.Tenant       `json:"tenant"`
	Org    ids.Org          `json:"org"`
	Stream ids.SignalStream `json:"stream"`
	Try    int              `json:"try"` // how often the first event has failed: only the job that is to try it again does
}

func (pushArgs) Kind() string { return "signals.push" }

// InsertOpts bounds how often it is tried where we fail, not the receiver.
func (pushArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 8} }

// JobScope names whose work this is.
func (a pushArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

// wake has what waits in a stream sent as soon as tx commits, unless something is to be tried again: that has a job, and goes first.
func (s *Service) wake(ctx context.Context, tx db.Tx, st stream) error {
	if st.Method != pushMethod {
		return nil
	}
	return s.Jobs.Insert(ctx, tx, pushArgs{Tenant: tx.Tenant(), Org: st.Org, Stream: st.ID})
}

// errLeased says that another job pushes just now.
var errLeased = errors.New("signals: another job pushes")

func (s *Service) push(ctx context.Context, a pushArgs) error {
	run := uuid.New()
	for range pushBatch {
		st, client, next, err := s.claim(ctx, &a, run)
		if errors.Is(err, errLeased) {
			return river.JobSnooze(5 * time.Second)
		}
		if err != nil || next == nil {
			return err
		}
		failure, refused, err := s.send(ctx, a.Tenant, client, st, *next)
		if err != nil { // ours: the job is tried again, and finds no lease
			return errors.Join(err, s.release(context.WithoutCancel(ctx), a, run))
		}
		if err := s.settle(ctx, &a, run, *next, failure, refused); err != nil || failure != "" {
			return err
		}
	}
	return s.DB.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) error {
		st, err := lockStream(ctx, tx, a.Stream)
		if err != nil {
			return ignoreGone(err)
		}
		st.Lease, st.LeaseUntil = nil, nil
		if err := saveStream(ctx, tx, st); err != nil {
			return err
		}
		return s.wake(ctx, tx, st)
	})
}

func ignoreGone(err error) error {
	if db.IsNoRows(err) {
		return nil
	}
	return err
}

// clientOf is a stream's receiver; ok is false where it is gone or disabled, or may not be told anything any more.
func (s *Service) clientOf(ctx context.Context, tenant ids.Tenant, id ids.SignalStream) (client apps.Client, ok bool, err error) {
	var clientID string
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		st, err := findStream(ctx, tx, id)
		clientID = st.ClientID
		return err
	})
	if err != nil {
		return client, false, ignoreGone(err)
	}
	client, err = s.Clients.Client(ctx, tenant, clientID)
	if fault.CodeNotFound.Is(err) {
		return client, false, nil
	}
	if err != nil {
		return client, false, err
	}
	_, may := client.ForItself().APIOf(permManage.Name())
	return client, may && client.Enabled, nil
}

// claim finds what is to be pushed next, and keeps other jobs from it for a while. Nothing is to be done where next is nil.
func (s *Service) claim(ctx context.Context, a *pushArgs, run uuid.UUID) (st stream, client apps.Client, next *signal, err error) {
	client, ok, err := s.clientOf(ctx, a.Tenant, a.Stream)
	if err != nil || !ok {
		return st, client, nil, err
	}
	err = s.DB.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if st, err = lockStream(ctx, tx, a.Stream); err != nil {
			return ignoreGone(err)
		}
		if st.Lease != nil && *st.Lease != run && tx.Now().Before(*st.LeaseUntil) {
			return errLeased
		}
		st.Lease, st.LeaseUntil = nil, nil
		if st.Method == pushMethod && st.Tries == a.Try {
			if next, err = s.first(ctx, tx, client, st); err != nil {
				return err
			}
		}
		if next != nil {
			until := tx.Now().Add(pushLease)
			st.Lease, st.LeaseUntil = &run, &until
		}
		return saveStream(ctx, tx, st)
	})
	return st, client, next, err
}

// first is what the receiver is to be told next, nil for nothing. What goes untold is forgotten.
func (s *Service) first(ctx context.Context, tx db.Tx, client apps.Client, st stream) (*signal, error) {
	kind := ""
	if st.Status != enabled {
		kind = kindUpdated
	}
	for {
		all, err := waiting(ctx, tx, st.ID, kind, 1)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		good, gone, err := s.sendable(ctx, tx, client, st, all)
		if err != nil || len(good) > 0 {
			return &all[0], err
		}
		if _, err := dropSignals(ctx, tx, st.ID, idsOf(gone)); err != nil {
			return nil, err
		}
	}
}

// send pushes one event. failure says why the receiver did not take it, refused that it answered that it will not; err is ours.
func (s *Service) send(ctx context.Context, tenant ids.Tenant, client apps.Client, st stream, next signal) (failure string, refused bool, err error) {
	signer, err := s.signerOf(ctx, tenant, client, st)
	if err != nil {
		return "", false, err
	}
	set, err := signer.sign(next)
	if err != nil {
		return "", false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, st.Endpoint, strings.NewReader(set))
	if err != nil {
		return "The address cannot be used.", false, nil
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/secevent+jwt")
	if len(st.Header) > 0 {
		key, err := s.Keys.DataKey(ctx, tenant)
		if err != nil {
			return "", false, err
		}
		plain, err := key.Open(st.Header, headerPlace(st.ID))
		if err != nil {
			return "", false, err
		}
		r.Header.Set("Authorization", string(plain))
	}
	answer, err := s.Outbound.Do(r, maxPushAnswer)
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.Is(err, outbound.ErrAddress):
		return "The address is not one of the public Internet.", false, nil
	case errors.Is(err, outbound.ErrURL):
		return "The address cannot be used.", false, nil
	case errors.Is(err, outbound.ErrTooLarge):
		return "The receiver's answer is too long.", false, nil
	case err != nil:
		return "The receiver cannot be reached, or did not answer in time.", false, nil
	case answer.Status >= 200 && answer.Status < 300:
		return "", false, nil
	}
	failure = fmt.Sprintf("The receiver answered with status %d.", answer.Status)
	if answer.Status == http.StatusBadRequest {
		var told setError
		_ = json.Unmarshal(answer.Body, &told) // anything else is no error that there is
		return "The receiver refused an event: " + errorCode(told.Code) + ".", true, nil
	}
	return failure, false, nil
}

// settle notes what came of a push, and what is to be done next.
func (s *Service) settle(ctx context.Context, a *pushArgs, run uuid.UUID, sent signal, failure string, refused bool) error {
	return s.DB.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) error {
		st, err := lockStream(ctx, tx, a.Stream)
		if err != nil {
			return ignoreGone(err)
		}
		now := tx.Now()
		if failure == "" {
			if _, err := dropSignals(ctx, tx, st.ID, []uuid.UUID{sent.ID.UUID()}); err != nil {
				return err
			}
			st.Tries, st.FailingAt, st.Error, st.ErrorAt, st.TakenAt = 0, nil, "", nil, now
			a.Try = 0
			return saveStream(ctx, tx, st)
		}
		if st.Lease == nil || *st.Lease != run {
			return nil
		}
		st.Lease, st.LeaseUntil = nil, nil
		st.Error, st.ErrorAt, st.Tries = failure, &now, st.Tries+1
		if st.FailingAt == nil {
			st.FailingAt = &now
		}
		if st.Tries >= maxRefusals && (refused || st.Status != enabled) {
			if _, err := dropSignals(ctx, tx, st.ID, []uuid.UUID{sent.ID.UUID()}); err != nil {
				return err
			}
			st.Tries, st.FailingAt = 0, nil
			if err := saveStream(ctx, tx, st); err != nil {
				return err
			}
			return s.wake(ctx, tx, st)
		}
		if st.Status == enabled && now.Sub(*st.FailingAt) >= giveUpAfter {
			st.Tries = 0
			return s.stoppedTx(ctx, tx, &st, paused, reasonUnreachable)
		}
		if err := saveStream(ctx, tx, st); err != nil {
			return err
		}
		return s.Jobs.InsertAt(ctx, tx, pushArgs{Tenant: a.Tenant, Org: st.Org, Stream: st.ID, Try: st.Tries}, now.Add(retryIn(st.Tries)))
	})
}

// retryIn is how long to wait after so many failures.
func retryIn(tries int) time.Duration {
	return min(firstRetry<<min(tries-1, 20), longestWait)
}

// release lets other jobs push.
func (s *Service) release(ctx context.Context, a pushArgs, run uuid.UUID) error {
	return s.DB.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) error {
		st, err := lockStream(ctx, tx, a.Stream)
		if err != nil || st.Lease == nil || *st.Lease != run {
			return ignoreGone(err)
		}
		st.Lease, st.LeaseUntil = nil, nil
		return saveStream(ctx, tx, st)
	})
}
