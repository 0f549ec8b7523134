package signals_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"grove/infra/testkit"
)

func TestConfiguration(t *testing.T) {
	w := newWorld(t)
	for base, at := range map[string][]string{
		w.A.Base:              {w.A.Base + "/.well-known/ssf-configuration", strings.Replace(w.A.Base, "/t/", "/.well-known/ssf-configuration/t/", 1)},
		w.A.Base + "/o/north": {w.A.Base + "/o/north/.well-known/ssf-configuration", strings.Replace(w.A.Base, "/t/", "/.well-known/ssf-configuration/t/", 1) + "/o/north"},
	} {
		for _, address := range at {
			got := w.Do(w.Client(), "GET", address, nil)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || got.Text("issuer") != base || got.Text("spec_version") != "1_0" ||
				got.Text("default_subjects") != "ALL" || got.Text("configuration_endpoint") != base+"/ssf/streams" || got.Text("jwks_uri") != base+"/oauth2/jwks" {
				t.Errorf("%s: %d %s", address, got.StatusCode, got.Raw)
			}
			if !slices.Equal(got.JSON["delivery_methods_supported"].([]any), []any{push, poll}) || got.JSON["authorization_schemes"].([]any)[0].(m)["spec_urn"] != "urn:ietf:rfc:6749" {
				t.Errorf("%s: %s", address, got.Raw)
			}
		}
	}
}

// TestStream: a receiver makes a stream, reads, changes, replaces and deletes it.
func TestStream(t *testing.T) {
	w := newWorld(t)
	r := w.app
	made := r.must(201, "POST", "/ssf/streams", m{"events_requested": []string{caep + "session-revoked", "urn:example:unknown"}, "description": "of Notes",
		"delivery": m{"method": push, "endpoint_url": "https://notes.example/events", "authorization_header": "Bearer given-by-the-receiver"}})
	id := made.Text("stream_id")
	if made.Text("iss") != w.A.Base || made.Text("aud") != r.clientID || id == "" || made.JSON["min_verification_interval"] != 60.0 {
		t.Errorf("%s", made.Raw)
	}
	if strings.Contains(string(made.Raw), "given-by") || made.JSON["delivery"].(m)["endpoint_url"] != "https://notes.example/events" {
		t.Errorf("delivery %v", made.JSON["delivery"])
	}
	if got := made.JSON["events_delivered"].([]any); !slices.Equal(got, []any{caep + "session-revoked"}) {
		t.Errorf("events_delivered %v", got)
	}
	sealed := func() (header []byte) {
		w.scan(`SELECT coalesce(header, '') FROM grove.signal_streams`, &header)
		if strings.Contains(string(header), "given") {
			t.Error("the header is stored as it is")
		}
		return header
	}
	first := sealed()
	if len(first) == 0 {
		t.Error("the header is not kept")
	}
	one := r.must(200, "GET", "/ssf/streams?stream_id="+id, nil)
	if one.Text("stream_id") != id || one.Text("description") != "of Notes" {
		t.Errorf("%s", one.Raw)
	}
	if all := r.must(200, "GET", "/ssf/streams", nil); !strings.HasPrefix(string(all.Raw), `[{"stream_id":"`+id) {
		t.Errorf("%s", all.Raw)
	}

	// What is not said stays, and what the transmitter supplies is as it is.
	changed := r.must(200, "PATCH", "/ssf/streams", m{"stream_id": id, "description": "new", "iss": w.A.Base, "aud": r.clientID, "events_delivered": []string{caep + "session-revoked"}})
	if changed.Text("description") != "new" || len(changed.JSON["events_delivered"].([]any)) != 1 || string(sealed()) != string(first) {
		t.Errorf("%s", changed.Raw)
	}
	for name, body := range map[string]m{
		"another issuer":   {"iss": "https://elsewhere.example"},
		"another audience": {"aud": "somebody"},
		"other events":     {"events_delivered": []string{}},
		"a bad method":     {"delivery": m{"method": "urn:example:fax"}},
		"no address":       {"delivery": m{"method": push}},
		"a fragment":       {"delivery": m{"method": push, "endpoint_url": "https://notes.example/#x"}},
		"no TLS":           {"delivery": m{"method": push, "endpoint_url": "http://notes.example/"}},
		"a broken header":  {"delivery": m{"method": push, "endpoint_url": "https://notes.example/", "authorization_header": "Bearer a\r\nX: y"}},
		"a number":         {"description": 7},
	} {
		body["stream_id"] = id
		if got := r.call("PATCH", "/ssf/streams", body); got.StatusCode != 400 || got.Text("err") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	// The same address keeps its header, another one does not get it.
	r.must(200, "PATCH", "/ssf/streams", m{"stream_id": id, "delivery": m{"method": push, "endpoint_url": "https://notes.example/events"}})
	if string(sealed()) != string(first) {
		t.Error("the header went")
	}
	r.must(200, "PATCH", "/ssf/streams", m{"stream_id": id, "delivery": m{"method": push, "endpoint_url": "https://other.example/events"}})
	if len(sealed()) != 0 {
		t.Error("the header goes to another address")
	}
	// What a replacement does not say goes back to what it is at first.
	replaced := r.must(200, "PUT", "/ssf/streams", m{"stream_id": id, "events_requested": []string{risc + "account-disabled", caep + "credential-change"}})
	if replaced.JSON["delivery"].(m)["method"] != poll || replaced.JSON["delivery"].(m)["endpoint_url"] != w.A.Base+"/ssf/poll/"+id || replaced.JSON["description"] != nil {
		t.Errorf("%s", replaced.Raw)
	}

	r.must(204, "DELETE", "/ssf/streams?stream_id="+id, nil)
	for _, gone := range []string{id, "str_00000000000000000000000000", "nonsense"} {
		if got := r.call("GET", "/ssf/streams?stream_id="+gone, nil); got.StatusCode != 404 {
			t.Errorf("%s: %d", gone, got.StatusCode)
		}
	}
	for range 10 {
		r.stream(m{})
	}
	if got := r.call("POST", "/ssf/streams", m{}); got.StatusCode != 403 {
		t.Errorf("the eleventh stream: %d", got.StatusCode)
	}
	if got := r.call("POST", "/ssf/streams", `{"description":"`+strings.Repeat("x", 70<<10)+`"}`); got.StatusCode != 413 {
		t.Errorf("a long body: %d", got.StatusCode)
	}
}

// TestVerification: what a receiver asks for comes back with its state, by either delivery.
func TestVerification(t *testing.T) {
	w := newWorld(t)
	r, e := w.app, listen(t)
	pushed := r.stream(m{"delivery": m{"method": push, "endpoint_url": e.URL + "/events", "authorization_header": "Bearer given"}})
	polled := r.stream(m{})
	for _, id := range []string{pushed, polled} {
		r.must(204, "POST", "/ssf/verification", m{"stream_id": id, "state": "VGhpcyBpcw"})
		if got := r.call("POST", "/ssf/verification", m{"stream_id": id}); got.StatusCode != 429 {
			t.Errorf("asked twice: %d", got.StatusCode)
		}
	}
	got := e.after(t, 1)[0]
	if got.header.Get("Content-Type") != "application/secevent+jwt" || got.header.Get("Accept") != "application/json" || got.header.Get("Authorization") != "Bearer given" {
		t.Errorf("headers %v", got.header)
	}
	answer := r.next(polled)[0]
	for id, one := range map[string]set{pushed: w.read(got.set), polled: answer} {
		kind, event := one.kind()
		if kind != ssf+"verification" || event["state"] != "VGhpcyBpcw" || one.Issuer != w.A.Base || one.Audience != r.clientID || one.Subject["format"] != "opaque" || one.Subject["id"] != id {
			t.Errorf("%+v", one)
		}
	}
	if sets, more := r.polled(polled, m{"returnImmediately": true}); len(sets) > 0 || more {
		t.Errorf("%d events come again", len(sets))
	}
	w.Clock.Advance(61 * time.Second)
	r.renew()
	r.must(204, "POST", "/ssf/verification", m{"stream_id": polled})
	// A poll that may wait is answered when something comes, and what is not acknowledged comes again.
	first, _ := r.polled(polled, m{})
	again, _ := r.polled(polled, m{"maxEvents": 5, "returnImmediately": true})
	if len(first) != 1 || len(again) != 1 || first[0].ID != again[0].ID {
		t.Fatalf("%v, then %v", jtis(first), jtis(again))
	}
	if _, event := first[0].kind(); len(event) != 0 {
		t.Errorf("a state that nobody gave: %v", event)
	}
	// An event that the receiver cannot read does not come again.
	r.polled(polled, m{"setErrs": m{first[0].ID: m{"err": "invalid_key", "description": "no such key"}}, "maxEvents": 0})
	if sets, _ := r.polled(polled, m{"returnImmediately": true}); len(sets) > 0 {
		t.Error("what was refused comes again")
	}
}

// TestStatus: a stream that is paused keeps what waits, one that is disabled forgets it.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	r := w.app
	id := r.stream(m{})
	if got := r.must(200, "GET", "/ssf/status?stream_id="+id, nil); got.Text("status") != "enabled" || got.JSON["reason"] != nil {
		t.Errorf("%s", got.Raw)
	}
	set := func(status string) {
		t.Helper()
		got := r.must(200, "POST", "/ssf/status", m{"stream_id": id, "status": status, "reason": "maintenance"})
		if got.Text("status") != status || got.Text("reason") != "maintenance" || got.Text("stream_id") != id {
			t.Errorf("%s", got.Raw)
		}
	}
	set("paused")
	r.must(204, "POST", "/ssf/verification", m{"stream_id": id, "state": "kept"})
	if sets, _ := r.polled(id, m{"returnImmediately": true}); len(sets) > 0 {
		t.Error("a paused stream sends")
	}
	set("enabled")
	if got := r.next(id); len(got) != 1 {
		t.Errorf("%d events were kept", len(got))
	}
	set("paused")
	w.Clock.Advance(61 * time.Second)
	r.renew()
	r.must(204, "POST", "/ssf/verification", m{"stream_id": id})
	set("disabled")
	if got := r.call("POST", "/ssf/verification", m{"stream_id": id}); got.StatusCode != 400 {
		t.Errorf("a disabled stream is verified: %d", got.StatusCode)
	}
	set("enabled")
	if sets, _ := r.polled(id, m{"returnImmediately": true}); len(sets) > 0 {
		t.Error("a disabled stream kept something")
	}
	if got := r.call("POST", "/ssf/status", m{"stream_id": id, "status": "gone"}); got.StatusCode != 400 {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
}

// TestPushFails: what fails is tried again with the same jti and keeps its place, what a receiver refuses is given up, and a stream that
// nothing can be pushed to for a day is paused.
func TestPushFails(t *testing.T) {
	w := newWorld(t)
	r, e := w.app, listen(t, answer{status: 503})
	id := r.stream(m{"delivery": m{"method": push, "endpoint_url": e.URL}})
	verify := func(state string) {
		t.Helper()
		w.exec(`UPDATE grove.signal_streams SET asked_at = NULL`)
		r.must(204, "POST", "/ssf/verification", m{"stream_id": id, "state": state})
	}
	verify("one")
	got := e.after(t, 2)
	if a, b := w.read(got[0].set), w.read(got[1].set); a.ID != b.ID {
		t.Errorf("tried again as another event: %s, %s", a.ID, b.ID)
	}
	refused := answer{400, `{"err":"invalid_audience","description":"<b>not mine</b>"}`}
	e.answer(refused, refused, refused)
	verify("two")
	e.after(t, 5)
	testkit.Eventually(t, "the event is given up", func() bool {
		var n int
		var said string
		w.scan(`SELECT (SELECT count(*) FROM grove.signal_queue), error FROM grove.signal_streams`, &n, &said)
		return n == 0 && said == "The receiver refused an event: invalid_audience."
	})
	verify("three")
	after := e.after(t, 6)
	if _, event := w.read(after[5].set).kind(); event["state"] != "three" {
		t.Errorf("%v", event)
	}

	down := answer{status: 500}
	e.answer(down)
	verify("four")
	testkit.Eventually(t, "it failed", func() (failing bool) {
		w.scan(`SELECT tries > 0 FROM grove.signal_streams`, &failing)
		return failing
	})
	w.exec(`UPDATE grove.signal_streams SET failing_at = failing_at - interval '1 day'`)
	e.answer(down)
	testkit.Eventually(t, "the stream is paused", func() bool {
		return r.must(200, "GET", "/ssf/status?stream_id="+id, nil).Text("status") == "paused"
	})
	told := e.after(t, 9)
	if kind, event := w.read(told[8].set).kind(); kind != ssf+"stream-updated" || event["status"] != "paused" || event["reason"] != "The receiver took no event for a day." {
		t.Errorf("%s %v", kind, event)
	}
	r.must(200, "POST", "/ssf/status", m{"stream_id": id, "status": "enabled"})
	if _, event := w.read(e.after(t, 10)[9].set).kind(); event["state"] != "four" {
		t.Errorf("%v", event)
	}
}
