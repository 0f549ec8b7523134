package signals

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Poll-based delivery (RFC 8936): what is not acknowledged comes again.

const (
	maxEvents  = 100 // of one answer
	maxAcks    = 1000
	maxWaiting = 64 // polls that wait at a time, in one process

	waitFor   = 20 * time.Second
	lookEvery = time.Second
)

type pollBody struct {
	Acks        []string            `json:"ack"`
	Errors      map[string]setError `json:"setErrs"`
	Immediately bool                `json:"returnImmediately"`
	Max         *int                `json:"maxEvents"`
}

type setError struct {
	Code string `json:"err"`
}

type pollAnswer struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable,omitempty"`
}

func (s *Service) poll(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	var in pollBody
	if err := readBody(r, &in); err != nil {
		return err
	}
	if in.Max != nil && *in.Max < 0 || len(in.Acks)+len(in.Errors) > maxAcks {
		return invalid("maxEvents is negative, or more than 1000 events are acknowledged at once.")
	}
	limit := maxEvents
	if in.Max != nil {
		limit = min(limit, *in.Max)
	}
	id, err := streamOf(chi.URLParam(r, "stream"))
	if err != nil {
		return err
	}
	st, good, more, err := s.take(ctx, c, id, &in, limit)
	if err == nil && len(good) == 0 && limit > 0 && !in.Immediately {
		st, good, more, err = s.takeLater(ctx, c, id, limit)
	}
	if err != nil {
		return err
	}
	out := pollAnswer{Sets: make(map[string]string, len(good)), More: more}
	if len(good) > 0 {
		signer, err := s.signerOf(ctx, c.tenant.ID, c.client, st)
		if err != nil {
			return err
		}
		for _, g := range good {
			if out.Sets[g.ID.String()], err = signer.sign(g); err != nil {
				return err
			}
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// takeLater looks again until something waits or the time is over. Where many wait already, it answers at once.
func (s *Service) takeLater(ctx context.Context, c call, id ids.SignalStream, limit int) (st stream, good []signal, more bool, err error) {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return st, nil, false, nil
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for end := time.After(waitFor); ; {
		select {
		case <-ctx.Done():
			return st, nil, false, ctx.Err()
		case <-end:
			return st, nil, false, nil
		case <-look.C:
		}
		var some bool
		err := s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
			n, err := countWaiting(ctx, tx, id, 1)
			some = n > 0
			return err
		})
		if err != nil {
			return st, nil, false, err
		}
		if some {
			if st, good, more, err = s.take(ctx, c, id, &pollBody{}, limit); err != nil || len(good) > 0 {
				return st, good, more, err
			}
		}
	}
}

// take forgets what was acknowledged, and reads what waits. Of a stream that is stopped that is what tells of it.
func (s *Service) take(ctx context.Context, c call, id ids.SignalStream, in *pollBody, limit int) (st stream, good []signal, more bool, err error) {
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if st, err = s.own(ctx, tx, c, id, lockStream); err != nil {
			return err
		}
		if st.Method != pollMethod {
			return fault.ErrNotFound
		}
		if err := s.acknowledge(ctx, tx, &st, in); err != nil {
			return err
		}
		kind := ""
		if st.Status != enabled {
			kind = kindUpdated
		}
		for limit > 0 {
			all, err := waiting(ctx, tx, st.ID, kind, limit+1)
			if err != nil {
				return err
			}
			more = len(all) > limit
			all = all[:min(len(all), limit)]
			var gone []signal
			if good, gone, err = s.sendable(ctx, tx, c.client, st, all); err != nil {
				return err
			}
			if _, err := dropSignals(ctx, tx, st.ID, idsOf(gone)); err != nil {
				return err
			}
			if len(good) > 0 || !more {
				return nil
			}
		}
		return nil
	})
	return st, good, more, err
}

// acknowledge forgets what the receiver has taken. What it could not read it would not read the next time either.
func (s *Service) acknowledge(ctx context.Context, tx db.Tx, st *stream, in *pollBody) error {
	var jtis []uuid.UUID
	known := func(text string) {
		var id ids.SecurityEvent
		if id.UnmarshalText([]byte(text)) == nil && !id.IsZero() {
			jtis = append(jtis, id.UUID())
		}
	}
	for _, id := range in.Acks {
		known(id)
	}
	failed := ""
	for id, why := range in.Errors {
		known(id)
		failed = "The receiver refused an event: " + errorCode(why.Code) + "."
	}
	taken, err := dropSignals(ctx, tx, st.ID, jtis)
	if err != nil {
		return err
	}
	if failed != "" && taken > 0 {
		now := tx.Now()
		st.Error, st.ErrorAt = failed, &now
	}
	if taken == 0 && tx.Now().Sub(st.TakenAt) < time.Minute { // noting each poll would make every one a write
		return nil
	}
	st.TakenAt = tx.Now()
	if err := saveStream(ctx, tx, *st); err != nil {
		return err
	}
	return s.wake(ctx, tx, *st)
}

// errorCodes are those that receivers may answer with (RFC 8935, section 2.4, and SSF 1.0, section 8.1.4.1).
var errorCodes = []string{"access_denied", "authentication_failed", "invalid_audience", "invalid_issuer", "invalid_key", "invalid_request", "invalid_state"}

// errorCode is a receiver's error where it is one that there is: what others write is not shown.
func errorCode(code string) string {
	if code = strings.TrimSpace(code); slices.Contains(errorCodes, code) {
		return code
	}
	return "an unknown error"
}

func idsOf(all []signal) []uuid.UUID {
	out := make([]uuid.UUID, len(all))
	for i, g := range all {
		out[i] = g.ID.UUID()
	}
	return out
}
