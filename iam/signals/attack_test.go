package signals_test

import (
	"net/url"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

// requests are all that a receiver can ask about a stream.
func requests(id string) []struct {
	method, path string
	body         any
} {
	nobody := m{"format": "opaque", "id": "usr_00000000000000000000000000"}
	return []struct {
		method, path string
		body         any
	}{
		{"GET", "/ssf/streams?stream_id=" + id, nil},
		{"PATCH", "/ssf/streams", m{"stream_id": id, "description": "taken"}},
		{"PUT", "/ssf/streams", m{"stream_id": id}},
		{"GET", "/ssf/status?stream_id=" + id, nil},
		{"POST", "/ssf/status", m{"stream_id": id, "status": "disabled"}},
		{"POST", "/ssf/subjects:add", m{"stream_id": id, "subject": nobody}},
		{"POST", "/ssf/subjects:remove", m{"stream_id": id, "subject": nobody}},
		{"POST", "/ssf/verification", m{"stream_id": id}},
		{"POST", "/ssf/poll/" + id, m{"returnImmediately": true}},
		{"DELETE", "/ssf/streams?stream_id=" + id, nil},
	}
}

// TestAttack02_Streams: to another app, another tenant and at another base a stream is not there, and nothing of it changes.
func TestAttack02_Streams(t *testing.T) {
	w := newWorld(t)
	id := w.app.stream(m{"description": "mine"})
	other := w.receiver("root", "ssf.manage", "ssf.read")
	abroad := func(method, path string, body any) apptest.Response {
		return w.Do(w.Client(), method, w.B.Base+path, body, "Authorization", "Bearer "+w.app.token)
	}
	stood := func() (all string) {
		w.scan(`SELECT string_agg(s::text, '|') FROM grove.signal_streams s`, &all)
		return all
	}
	before := stood()
	for _, q := range requests(id) {
		if got := other.call(q.method, q.path, q.body); got.StatusCode != 404 || got.Text("err") != "not_found" {
			t.Errorf("another app: %s %s: %d %s", q.method, q.path, got.StatusCode, got.Raw)
		}
		if got := abroad(q.method, q.path, q.body); got.StatusCode != 401 {
			t.Errorf("another tenant: %s %s: %d %s", q.method, q.path, got.StatusCode, got.Raw)
		}
		if got := w.app.call(q.method, "/o/north"+q.path, q.body); got.StatusCode != 404 && got.StatusCode != 401 {
			t.Errorf("another base: %s %s: %d %s", q.method, q.path, got.StatusCode, got.Raw)
		}
		if got := w.Do(w.Client(), q.method, w.A.Base+q.path, q.body); got.StatusCode != 401 || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("nobody: %s %s: %d", q.method, q.path, got.StatusCode)
		}
	}
	if all := other.must(200, "GET", "/ssf/streams", nil); string(all.Raw) != "[]" {
		t.Errorf("another app sees %s", all.Raw)
	}
	if stood() != before {
		t.Errorf("it was %s and is %s", before, stood())
	}

	// A scope to read changes nothing, and a person's token is none of the app's.
	w.app.renew("ssf.read")
	for _, q := range requests(id) {
		got := w.app.call(q.method, q.path, q.body)
		if q.method == "GET" {
			if got.StatusCode != 200 {
				t.Errorf("%s %s: %d %s", q.method, q.path, got.StatusCode, got.Raw)
			}
		} else if got.StatusCode != 403 || !strings.Contains(got.Header.Get("WWW-Authenticate"), `scope="ssf.manage"`) {
			t.Errorf("%s %s: %d %s", q.method, q.path, got.StatusCode, got.Header.Get("WWW-Authenticate"))
		}
	}
	person := w.Tokens(w.A, apptest.SignIn{ClientID: "console"})
	if got := w.Do(w.Client(), "GET", w.A.Base+"/ssf/streams", nil, "Authorization", "Bearer "+person.Text("access_token")); got.StatusCode != 401 {
		t.Errorf("a person's token: %d %s", got.StatusCode, got.Raw)
	}
}

// TestAttack35_Subjects: what is said of somebody who is there, of one who is elsewhere and of nobody is answered alike.
func TestAttack35_Subjects(t *testing.T) {
	w := newWorld(t)
	id := w.app.stream(m{})
	for _, verb := range []string{"add", "remove"} {
		status := map[string]int{"add": 200, "remove": 204}[verb]
		for name, subject := range map[string]m{
			"a person":               {"format": "iss_sub", "iss": w.A.Base, "sub": w.eva},
			"nobody":                 {"format": "iss_sub", "iss": w.A.Base, "sub": "usr_00000000000000000000000000"},
			"no identifier":          {"format": "iss_sub", "iss": w.A.Base, "sub": "jane"},
			"another issuer":         {"format": "iss_sub", "iss": "https://idp.example", "sub": w.eva},
			"an address":             {"format": "email", "email": "eva@north.example"},
			"nobody's address":       {"format": "email", "email": "nobody@north.example"},
			"an account":             {"format": "account", "uri": "acct:otto@south.example"},
			"an identifier":          {"format": "opaque", "id": w.otto},
			"somebody in a place":    {"format": "complex", "user": m{"format": "opaque", "id": w.otto}, "tenant": m{"format": "opaque", "id": w.south}},
			"a place":                {"format": "complex", "tenant": m{"format": "opaque", "id": w.south}},
			"a place that is none":   {"format": "complex", "tenant": m{"format": "opaque", "id": "org_00000000000000000000000000"}},
			"a device of somebody's": {"format": "complex", "user": m{"format": "opaque", "id": w.otto}, "device": m{"format": "opaque", "id": "7"}},
		} {
			got := w.app.must(status, "POST", "/ssf/subjects:"+verb, m{"stream_id": id, "subject": subject})
			if len(got.Raw) > 0 {
				t.Errorf("%s %s: %s", verb, name, got.Raw)
			}
		}
		for name, subject := range map[string]any{
			"none":            nil,
			"a text":          "eva",
			"a format":        m{"format": "email"},
			"an odd format":   m{"format": "fax", "fax": "1"},
			"no scheme":       m{"format": "account", "uri": "eva@north.example"},
			"a NUL":           m{"format": "email", "email": "eva\x00@north.example"},
			"nothing complex": m{"format": "complex"},
			"a bad part":      m{"format": "complex", "user": "eva"},
		} {
			if got := w.app.call("POST", "/ssf/subjects:"+verb, m{"stream_id": id, "subject": subject}); got.StatusCode != 400 || got.Text("err") != "invalid_request" {
				t.Errorf("%s %s: %d %s", verb, name, got.StatusCode, got.Raw)
			}
		}
	}
}

// TestAttack36_PushAddresses: nothing is sent to an address that is not of the public Internet, and redirects are not followed.
func TestAttack36_PushAddresses(t *testing.T) {
	w := newWorld(t)
	inside := listen(t)
	away := listen(t, answer{status: 307})
	for i, address := range []string{"https://10.0.0.1/events", "https://169.254.169.254/latest", "https://[fd00::1]/", away.URL} {
		id := w.app.stream(m{"delivery": m{"method": push, "endpoint_url": address}})
		w.app.must(204, "POST", "/ssf/verification", m{"stream_id": id})
		want := "The address is not one of the public Internet."
		if i == 3 {
			want = "The receiver answered with status 307."
			away.after(t, 1)
		}
		testkit.Eventually(t, address, func() (ok bool) {
			w.scan(`SELECT count(*) = 1 FROM grove.signal_streams WHERE endpoint = '`+address+`' AND (error = '`+want+`' OR error = '' AND taken_at > created_at)`, &ok)
			return ok
		})
	}
	if len(inside.heard) > 0 {
		t.Error("something was sent inside")
	}
}

// TestAttack01_Receiver: an app that is disabled, or may not be told any more, is told nothing and can ask nothing.
func TestAttack01_Receiver(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"disabled": func(w *world) { w.Must(w.A, w.manage, "PATCH", "/orgs/root/apps/"+w.app.id, m{"enabled": false}) },
		"withdrawn": func(w *world) {
			authorized := w.Must(w.A, w.manage, "GET", "/orgs/root/apps/"+w.app.id+"/authorized-apis", nil)["items"].([]any)[0].(m)
			w.Must(w.A, w.manage, "DELETE", "/orgs/root/apps/"+w.app.id+"/authorized-apis/"+url.PathEscape(authorized["resource"].(string)), nil)
		},
		"deleted": func(w *world) { w.Must(w.A, w.manage, "DELETE", "/orgs/root/apps/"+w.app.id, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := listen(t, answer{status: 503})
			id := w.app.stream(m{"delivery": m{"method": push, "endpoint_url": e.URL}})
			w.app.must(204, "POST", "/ssf/verification", m{"stream_id": id})
			e.after(t, 1)
			end(w)
			for _, q := range requests(id) {
				if got := w.app.call(q.method, q.path, q.body); got.StatusCode != 401 && got.StatusCode != 403 {
					t.Errorf("%s %s: %d %s", q.method, q.path, got.StatusCode, got.Raw)
				}
			}
			// The job that would try again has come and gone.
			testkit.Eventually(t, "no push waits", func() bool {
				var n int
				w.scan(`SELECT count(*) FROM jobs.river_job WHERE kind = 'signals.push' AND state NOT IN ('completed', 'cancelled', 'discarded')`, &n)
				return n == 0
			})
			if n := len(e.after(t, 1)); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}
