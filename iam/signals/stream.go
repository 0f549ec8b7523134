package signals

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
)

// The configuration endpoint (SSF 1.0, section 8.1.1).

const (
	maxStreams     = 10 // of an app
	maxDescription = 500
	maxHeader      = 4096
	maxRequested   = 50

	verificationInterval = 60 // seconds between requests for a verification
)

// delivery says how a receiver takes events. A nil header is one that was not sent.
type delivery struct {
	Method   string  `json:"method"`
	Endpoint string  `json:"endpoint_url,omitempty"`
	Header   *string `json:"authorization_header,omitempty"` // written only
}

// streamView is a stream as its receiver sees it.
type streamView struct {
	ID          string   `json:"stream_id"`
	Issuer      string   `json:"iss"`
	Audience    string   `json:"aud"`
	Supported   []string `json:"events_supported"`
	Requested   []string `json:"events_requested"`
	Delivered   []string `json:"events_delivered"`
	Delivery    delivery `json:"delivery"`
	Interval    int      `json:"min_verification_interval"`
	Description string   `json:"description,omitempty"`
}

func (st stream) view() streamView {
	d := delivery{Method: methodPush, Endpoint: st.Endpoint}
	if st.Method == pollMethod {
		d = delivery{Method: methodPoll, Endpoint: st.Issuer + "/ssf/poll/" + st.ID.String()}
	}
	return streamView{ID: st.ID.String(), Issuer: st.Issuer, Audience: st.ClientID, Supported: supported, Requested: st.Requested, Delivered: st.delivered(), Delivery: d,
		Interval: verificationInterval, Description: st.Description}
}

// delivered are the types of events that the receiver asked for, as far as there are such.
func (st stream) delivered() []string {
	all := []string{}
	for _, kind := range supported {
		if slices.Contains(st.Requested, kind) {
			all = append(all, kind)
		}
	}
	return all
}

// streamBody is what a receiver says of a stream. What it does not say is nil.
type streamBody struct {
	ID          string          `json:"stream_id"`
	Issuer      *string         `json:"iss"`
	Audience    json.RawMessage `json:"aud"`
	Supported   *[]string       `json:"events_supported"`
	Requested   *[]string       `json:"events_requested"`
	Delivered   *[]string       `json:"events_delivered"`
	Delivery    *delivery       `json:"delivery"`
	Interval    *int            `json:"min_verification_interval"`
	Description *string         `json:"description"`
}

// agrees reports whether what is ours to say is said as it is.
func (in streamBody) agrees(st stream) bool {
	now := st.view()
	same := func(said *[]string, is []string) bool {
		return said == nil || slices.Equal(slices.Sorted(slices.Values(*said)), slices.Sorted(slices.Values(is)))
	}
	aud := string(bytes.TrimSpace(in.Audience))
	return (in.Issuer == nil || *in.Issuer == now.Issuer) && (in.Interval == nil || *in.Interval == now.Interval) &&
		(aud == "" || aud == "null" || aud == `"`+now.Audience+`"` || aud == `["`+now.Audience+`"]`) &&
		same(in.Supported, now.Supported) && same(in.Delivered, now.Delivered)
}

// apply changes what the receiver may say of a stream. What it leaves out stays, or with all goes back to what it is at first. seal seals a
// header for a stream.
func (in streamBody) apply(st *stream, all bool, seal func(ids.SignalStream, string) []byte) error {
	if all && in.Description == nil {
		in.Description = new(string)
	}
	if all && in.Requested == nil {
		in.Requested = &[]string{}
	}
	if all && in.Delivery == nil {
		in.Delivery = &delivery{Method: methodPoll}
	}
	if in.Description != nil {
		if !utf8.ValidString(*in.Description) || strings.ContainsRune(*in.Description, 0) {
			return invalid("description holds what is no text.")
		}
		if st.Description = *in.Description; utf8.RuneCountInString(st.Description) > maxDescription {
			st.Description = string([]rune(st.Description)[:maxDescription])
		}
	}
	if in.Requested != nil {
		requested := list.Distinct(*in.Requested)
		if len(requested) > maxRequested {
			return invalid("events_requested has more than 50 values.")
		}
		// What is not known is left out: nobody can say today what it would mean.
		st.Requested = slices.DeleteFunc(requested, func(kind string) bool { return !slices.Contains(supported, kind) })
	}
	if in.Delivery != nil {
		return in.Delivery.apply(st, seal)
	}
	return nil
}

func (d delivery) apply(st *stream, seal func(ids.SignalStream, string) []byte) error {
	switch d.Method {
	case methodPoll:
		st.Method, st.Endpoint, st.Header = pollMethod, "", nil
		return nil
	case methodPush:
	default:
		return invalid("delivery.method is none of delivery_methods_supported.")
	}
	if d.Endpoint == "" || len(d.Endpoint) > 2048 || apps.CheckEndpoint("/delivery/endpoint_url", d.Endpoint) != nil {
		return invalid("delivery.endpoint_url is no absolute https URL without a fragment.")
	}
	// A credential goes where it was given for, and nowhere else.
	if d.Endpoint != st.Endpoint || st.Method != pushMethod {
		st.Header = nil
	}
	st.Method, st.Endpoint = pushMethod, d.Endpoint
	if d.Header == nil {
		return nil
	}
	if len(*d.Header) > maxHeader || strings.ContainsFunc(*d.Header, func(r rune) bool { return r < ' ' || r > '~' }) {
		return invalid("delivery.authorization_header is longer than 4096 bytes, or not of printable ASCII characters.")
	}
	if st.Header = nil; *d.Header != "" {
		st.Header = seal(st.ID, *d.Header)
	}
	return nil
}

// headerPlace is what a sealed header is bound to: it opens in its own row only.
func headerPlace(id ids.SignalStream) []byte { return []byte("signal_streams.header " + id.String()) }

// sealer gives what seals headers of a tenant. It is asked for before a transaction.
func (s *Service) sealer(ctx context.Context, tenant ids.Tenant) (func(ids.SignalStream, string) []byte, error) {
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return func(id ids.SignalStream, plain string) []byte { return key.Seal([]byte(plain), headerPlace(id)) }, nil
}

// own is a stream of the receiver's at the base where it asks.
func (s *Service) own(ctx context.Context, tx db.Tx, c call, id ids.SignalStream, find func(context.Context, db.Tx, ids.SignalStream) (stream, error)) (stream, error) {
	st, err := find(ctx, tx, id)
	if err == nil && (st.App != c.client.ID || st.Issuer != c.base.URL) {
		err = fault.ErrNotFound
	}
	return st, db.OrNotFound(err)
}

func (s *Service) createStream(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	var in streamBody
	if err := readBody(r, &in); err != nil {
		return err
	}
	seal, err := s.sealer(ctx, c.tenant.ID)
	if err != nil {
		return err
	}
	st := stream{ID: ids.NewSignalStream(), Org: c.client.Org, App: c.client.ID, ClientID: c.client.ClientID, Issuer: c.base.URL, Base: c.base.Org.ID, Status: enabled}
	if in.Requested == nil { // as if it had asked for all
		in.Requested = &supported
	}
	if err := in.apply(&st, true, seal); err != nil {
		return err
	}
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		n, err := countStreams(ctx, tx, st.App)
		if err != nil {
			return err
		}
		if n >= maxStreams {
			return errStreams
		}
		// So that its key is published before anything is signed with it.
		if err := s.Keys.EnsureTx(ctx, tx, jose.RS256); err != nil {
			return err
		}
		if st.Fed, err = headOfChain(ctx, tx); err != nil {
			return err
		}
		if err := insertStream(ctx, tx, st); err != nil {
			return err
		}
		return s.Events.Write(ctx, tx, eventCreated.Of(st.Org, st.ID, st.data()))
	})
	if err == nil {
		writeJSON(w, http.StatusCreated, st.view())
	}
	return err
}

func (st stream) data() streamData { return streamData{App: st.App, Method: st.Method} }

func (s *Service) readStreams(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	var out any
	err := s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if !query.Has("stream_id") {
			all, err := streamsAt(ctx, tx, c.client.ID, c.base.URL)
			views := make([]streamView, len(all))
			for i, st := range all {
				views[i] = st.view()
			}
			out = views
			return err
		}
		id, err := streamOf(query.Get("stream_id"))
		if err != nil {
			return err
		}
		st, err := s.own(ctx, tx, c, id, findStream)
		out = st.view()
		return err
	})
	if err == nil {
		writeJSON(w, http.StatusOK, out)
	}
	return err
}

func (s *Service) updateStream(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	return s.changeStream(ctx, c, w, r, false)
}

func (s *Service) replaceStream(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	return s.changeStream(ctx, c, w, r, true)
}

// changeStream changes what a request says of a stream, or all. What waits and is not wanted any more goes when its turn comes.
func (s *Service) changeStream(ctx context.Context, c call, w http.ResponseWriter, r *http.Request, all bool) error {
	var in streamBody
	if err := readBody(r, &in); err != nil {
		return err
	}
	id, err := streamOf(in.ID)
	if err != nil {
		return err
	}
	seal, err := s.sealer(ctx, c.tenant.ID)
	if err != nil {
		return err
	}
	var st stream
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if st, err = s.own(ctx, tx, c, id, lockStream); err != nil {
			return err
		}
		if !in.agrees(st) {
			return invalid("A member that the transmitter supplies is not what it is.")
		}
		if err := in.apply(&st, all, seal); err != nil {
			return err
		}
		if st.UpdatedAt = tx.Now(); in.Delivery != nil || all { // what failed there may do here
			st.Tries, st.FailingAt = 0, nil
		}
		if err := saveStream(ctx, tx, st); err != nil {
			return err
		}
		if err := s.Events.Write(ctx, tx, eventUpdated.Of(st.Org, st.ID, st.data())); err != nil {
			return err
		}
		return s.wake(ctx, tx, st)
	})
	if err == nil {
		writeJSON(w, http.StatusOK, st.view())
	}
	return err
}

func (s *Service) deleteStream(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	id, err := streamOf(r.URL.Query().Get("stream_id"))
	if err != nil {
		return err
	}
	err = s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		st, err := s.own(ctx, tx, c, id, lockStream)
		if err != nil {
			return err
		}
		return s.removeTx(ctx, tx, st)
	})
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Service) removeTx(ctx context.Context, tx db.Tx, st stream) error {
	if err := deleteStream(ctx, tx, st.ID); err != nil {
		return err
	}
	return s.Events.Write(ctx, tx, eventDeleted.Of(st.Org, st.ID, st.data()))
}
