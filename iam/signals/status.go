package signals

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// The status endpoint (SSF 1.0, section 8.1.2) and the verification endpoint (section 8.1.4).

const (
	maxReason = 500
	maxState  = 1024
)

type statusBody struct {
	ID     string `json:"stream_id"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func (st stream) status() statusBody {
	return statusBody{ID: st.ID.String(), Status: st.Status, Reason: st.Reason}
}

func (s *Service) readStatus(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	id, err := streamOf(r.URL.Query().Get("stream_id"))
	if err != nil {
		return err
	}
	var st stream
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		st, err = s.own(ctx, tx, c, id, findStream)
		return err
	})
	if err == nil {
		writeJSON(w, http.StatusOK, st.status())
	}
	return err
}

func (s *Service) updateStatus(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	var in statusBody
	if err := readBody(r, &in); err != nil {
		return err
	}
	id, err := streamOf(in.ID)
	if err != nil {
		return err
	}
	if in.Status != enabled && in.Status != paused && in.Status != disabled {
		return invalid("status is none of enabled, paused and disabled.")
	}
	if utf8.RuneCountInString(in.Reason) > maxReason || strings.ContainsRune(in.Reason, 0) {
		return invalid("reason is longer than 500 characters, or no text.")
	}
	var st stream
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if st, err = s.own(ctx, tx, c, id, lockStream); err != nil {
			return err
		}
		if st.Held && in.Status == enabled {
			return errStopped
		}
		return s.standTx(ctx, tx, &st, in.Status, in.Reason)
	})
	if err == nil {
		writeJSON(w, http.StatusOK, st.status())
	}
	return err
}

// standTx gives a stream that is locked another state. One that was disabled begins anew with what happens from now on; one that was
// paused goes on where it was.
func (s *Service) standTx(ctx context.Context, tx db.Tx, st *stream, status, reason string) (err error) {
	was := st.Status
	st.Status, st.Reason, st.UpdatedAt = status, reason, tx.Now()
	switch {
	case status == disabled:
		err = dropWaiting(ctx, tx, st.ID, "")
	case was == disabled:
		st.Fed, err = headOfChain(ctx, tx)
	}
	if err != nil {
		return err
	}
	if status == enabled {
		st.Held, st.Tries, st.FailingAt, st.TakenAt = false, 0, nil, tx.Now()
	}
	if err := saveStream(ctx, tx, *st); err != nil {
		return err
	}
	if status == was {
		return nil
	}
	if err := s.Events.Write(ctx, tx, eventStatus.Of(st.Org, st.ID, statusData{App: st.App, Status: status})); err != nil {
		return err
	}
	return s.wake(ctx, tx, *st)
}

// stoppedTx is standTx of what the receiver did not ask for: it is told of it, before everything that waits.
func (s *Service) stoppedTx(ctx context.Context, tx db.Tx, st *stream, status, reason string) error {
	if err := dropWaiting(ctx, tx, st.ID, kindUpdated); err != nil { // what was not taken is out of date
		return err
	}
	if err := s.standTx(ctx, tx, st, status, reason); err != nil {
		return err
	}
	data, err := json.Marshal(struct {
		Status string `json:"status"`
		Reason string `json:"reason,omitempty"`
	}{status, reason})
	if err != nil {
		return err
	}
	first, err := firstPlace(ctx, tx, st.ID, st.Next)
	if err != nil {
		return err
	}
	err = insertSignal(ctx, tx, *st, signal{ID: ids.NewSecurityEvent(), Place: first - 1, Kind: kindUpdated, Txn: ids.NewEvent().String(), Data: data, At: tx.Now()})
	if err != nil {
		return err
	}
	return s.wake(ctx, tx, *st)
}

// verify queues an event by which a receiver sees that events come.
func (s *Service) verify(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ID    string  `json:"stream_id"`
		State *string `json:"state,omitempty"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	id, err := streamOf(in.ID)
	if err != nil {
		return err
	}
	if in.State != nil && (len(*in.State) > maxState || strings.ContainsRune(*in.State, 0)) {
		return invalid("state is longer than 1024 bytes, or no text.")
	}
	data, err := json.Marshal(struct {
		State *string `json:"state,omitempty"`
	}{in.State})
	if err != nil {
		return err
	}
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		st, err := s.own(ctx, tx, c, id, lockStream)
		if err != nil {
			return err
		}
		if st.Status == disabled {
			return invalid("The stream is disabled: nothing is sent.")
		}
		if st.AskedAt != nil && tx.Now().Sub(*st.AskedAt).Seconds() < verificationInterval {
			return errTooOften
		}
		now := tx.Now()
		g := signal{ID: ids.NewSecurityEvent(), Place: st.Next, Kind: kindVerification, Txn: ids.NewEvent().String(), Data: data, At: now}
		st.AskedAt, st.Next = &now, st.Next+1
		// One at a time: a receiver that takes nothing fills its queue with no questions.
		if err := dropWaiting(ctx, tx, st.ID, kindVerification); err != nil {
			return err
		}
		if err := insertSignal(ctx, tx, st, g); err != nil {
			return err
		}
		if err := saveStream(ctx, tx, st); err != nil {
			return err
		}
		return s.wake(ctx, tx, st)
	})
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}
