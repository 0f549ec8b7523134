package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grove/infra/notify"
	"grove/infra/notify/inbox"
)

func open(t *testing.T, options inbox.Options) *inbox.Inbox {
	t.Helper()
	box, err := inbox.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

func deliver(t *testing.T, box *inbox.Inbox, message notify.Message) {
	t.Helper()
	if message.ID == "" {
		message.ID = "id"
	}
	if err := box.Deliver(t.Context(), message); err != nil {
		t.Fatal(err)
	}
}

func sms(text string) notify.Message {
	return notify.Message{Channel: notify.SMS, ID: "id", Text: text, To: "+4930123456"}
}

func TestKeepsNewestAcrossRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	box := open(t, inbox.Options{Dir: dir, Limit: 3})
	for _, text := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		deliver(t, box, sms(text+" https://id.example/"+text))
	}
	check := func(box *inbox.Inbox) {
		t.Helper()
		entries := box.Entries()
		if len(entries) != 3 || entries[0].Links[0] != "https://id.example/8" || entries[2].Links[0] != "https://id.example/6" {
			t.Errorf("entries %+v", entries)
		}
	}
	check(box)
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "inbox.jsonl")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	// A process killed while writing leaves half a line.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"seq":9,"to":"+49`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, inbox.Options{Dir: dir, Limit: 3})
	check(again)
	if err := again.Clear(); err != nil {
		t.Fatal(err)
	}
	deliver(t, again, sms("after"))
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if entries := open(t, inbox.Options{Dir: dir}).Entries(); len(entries) != 1 || entries[0].Text != "after" {
		t.Errorf("after clearing: %+v", entries)
	}
	if leftovers, _ := filepath.Glob(filepath.Join(dir, "*")); len(leftovers) != 1 {
		t.Errorf("left behind: %v", leftovers)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:0", "[::]:0", "mail.example:0"} {
		if _, err := inbox.Open(inbox.Options{Addr: addr}); !errors.Is(err, inbox.ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if box := open(t, inbox.Options{Addr: ":0"}); !strings.HasPrefix(box.Addr(), "127.0.0.1:") {
		t.Errorf("listens on %s", box.Addr())
	}
}

func TestDeliverRefusesOnRequest(t *testing.T) {
	t.Parallel()
	box := open(t, inbox.Options{})
	box.RefuseNext(1, 451)
	if err := box.Deliver(t.Context(), sms("a")); !notify.Retryable(err) {
		t.Errorf("451: %v", err)
	}
	box.RefuseNext(1, 550)
	if err := box.Deliver(t.Context(), sms("b")); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("550: %v", err)
	}
	box.Slow(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := box.Deliver(ctx, sms("c")); !errors.Is(err, context.Canceled) || !notify.Retryable(err) {
		t.Errorf("cancelled: %v", err)
	}
	box.Slow(0)
	deliver(t, box, sms("d"))
	if entries := box.Entries(); len(entries) != 1 || entries[0].Text != "d" {
		t.Errorf("entries %+v", entries)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	box := open(t, inbox.Options{})
	found := make(chan inbox.Entry, 1)
	go func() {
		e, _ := box.Wait(t.Context(), func(e inbox.Entry) bool { return e.Text == "second" })
		found <- e
	}()
	deliver(t, box, sms("first"))
	deliver(t, box, sms("second"))
	if e := <-found; e.Text != "second" {
		t.Errorf("found %+v", e)
	}
}

func do(t *testing.T, box *inbox.Inbox, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	box.Handler().ServeHTTP(recorder, request)
	response := recorder.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	box := open(t, inbox.Options{Now: func() time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC) }})
	if _, body := do(t, box, "GET", "/dev/inbox.json", nil); strings.TrimSpace(body) != "[]" {
		t.Errorf("empty: %s", body)
	}
	deliver(t, box, sms("code 123456"))
	deliver(t, box, notify.Message{
		Channel: notify.Email, HTML: `<a href="https://id.example/a?x=1&amp;y=2">go</a>`,
		Subject: "Hello", Text: "see https://id.example/b_.", To: "ada@acme.example",
	})
	response, body := do(t, box, "GET", "/dev/inbox.json", nil)
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %s", got)
	}
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := `[{"at":"2026-03-01T10:00:00Z","channel":"email","html":"\u003ca href=\"https://id.example/a?x=1\u0026amp;y=2\"\u003ego\u003c/a\u003e",` +
		`"links":["https://id.example/b_","https://id.example/a?x=1\u0026y=2"],"subject":"Hello","text":"see https://id.example/b_.","to":"ada@acme.example"},` +
		`{"at":"2026-03-01T10:00:00Z","channel":"sms","html":"","links":[],"subject":"","text":"code 123456","to":"+4930123456"}]`
	if sorted, _ := json.Marshal(got); string(sorted) != want {
		t.Errorf("got  %s\nwant %s", sorted, want)
	}

	tag := http.Header{"If-None-Match": {response.Header.Get("ETag")}}
	if response, _ := do(t, box, "GET", "/dev/inbox.json", tag); response.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %d", response.StatusCode)
	}
	foreign := http.Header{"Sec-Fetch-Site": {"cross-site"}}
	if response, _ := do(t, box, "DELETE", "/dev/inbox.json", foreign); response.StatusCode != http.StatusForbidden {
		t.Errorf("cross-site clear: %d", response.StatusCode)
	}
	if response, _ := do(t, box, "DELETE", "/dev/inbox.json", nil); response.StatusCode != http.StatusNoContent || len(box.Entries()) != 0 {
		t.Errorf("clear: %d, %d left", response.StatusCode, len(box.Entries()))
	}
	if response, _ := do(t, box, "GET", "/dev/inbox.json", tag); response.StatusCode != http.StatusOK {
		t.Errorf("after clearing: %d", response.StatusCode)
	}
}

func TestPageIsInert(t *testing.T) {
	t.Parallel()
	box := open(t, inbox.Options{})
	deliver(t, box, notify.Message{
		Channel: notify.Email, HTML: `<script>alert(1)</script><p>rich</p>`, Subject: `<script>alert(2)</script>`,
		Text: `</pre><script>alert(3)</script> https://id.example/x`, To: "ada@acme.example",
	})
	response, body := do(t, box, "GET", "/dev/inbox", nil)
	if strings.Contains(body, "<script>") || strings.Contains(body, "</pre><script") {
		t.Errorf("a message became markup:\n%s", body)
	}
	for _, want := range []string{
		`href="https://id.example/x"`, `lang="en"`, `name="viewport"`, `role="status"`, `sandbox=""`, "1 message",
		`src="/dev/inbox/messages/1"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; img-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s", policy)
	}
	response, body = do(t, box, "GET", "/dev/inbox/messages/1", nil)
	policy = response.Header.Get("Content-Security-Policy")
	if !strings.Contains(body, "<p>rich</p>") || !strings.HasSuffix(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("message: %s under %s", body, policy)
	}
	for _, path := range []string{"/dev/inbox/messages/2", "/dev/inbox/messages/x", "/dev/inbox/other"} {
		if response, _ := do(t, box, "GET", path, nil); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	for path, want := range map[string]string{"/dev/inbox/inbox.css": "text/css", "/dev/inbox/inbox.js": "text/javascript"} {
		if response, _ := do(t, box, "GET", path, nil); !strings.HasPrefix(response.Header.Get("Content-Type"), want) {
			t.Errorf("%s: %s", path, response.Header.Get("Content-Type"))
		}
	}
}

func TestPageTurns(t *testing.T) {
	t.Parallel()
	box := open(t, inbox.Options{})
	for range 60 {
		deliver(t, box, sms("x"))
	}
	_, first := do(t, box, "GET", "/dev/inbox", nil)
	_, second := do(t, box, "GET", "/dev/inbox?page=2", nil)
	if strings.Count(first, "<article") != 50 || !strings.Contains(first, `href="/dev/inbox?page=2"`) {
		t.Error("first page")
	}
	if strings.Count(second, "<article") != 10 || strings.Contains(second, `rel="next"`) {
		t.Error("second page")
	}
	if _, beyond := do(t, box, "GET", "/dev/inbox?page=99", nil); strings.Contains(beyond, "<article") {
		t.Error("page beyond the end")
	}
}
