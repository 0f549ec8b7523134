package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/infra/notify"
	"grove/infra/notify/inbox"
	"grove/infra/notify/smtp"
)

const from = "Grünes Haus <no-reply@id.example>"

func openInbox(t *testing.T, options inbox.Options) *inbox.Inbox {
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

func sender(t *testing.T, serverURL string, roots *x509.CertPool, timeout time.Duration) *smtp.Sender {
	t.Helper()
	s, err := smtp.New(serverURL, smtp.Options{From: from, Timeout: timeout, TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message() notify.Message {
	return notify.Message{
		Channel: notify.Email,
		HTML:    `<p>Grüße, <a href="https://id.example/accept?a=1&amp;b=2">annehmen</a></p>`,
		ID:      "invitation/0192", Locale: "de",
		Subject: "Grüße: " + strings.Repeat("lang ", 30) + "名前",
		Text:    "Grüße\n.\n..two\nhttps://id.example/accept?a=1&b=2\n" + strings.Repeat("x", 2000),
		To:      "ada@acme.example",
	}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{User: "grove", Password: "p@ss/word:%"})
	s := sender(t, box.SMTPURL(), box.Roots(), 10*time.Second)
	for range 2 {
		if err := s.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	entries := box.Entries()
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	got, want := entries[0], message()
	if got.To != want.To || got.Subject != want.Subject || got.HTML != want.HTML || strings.TrimSpace(got.Text) != want.Text {
		t.Errorf("got %+v", got)
	}
	if len(got.Links) != 1 || got.Links[0] != "https://id.example/accept?a=1&b=2" {
		t.Errorf("links %q", got.Links)
	}
	for name, value := range map[string]string{
		"Auto-Submitted": "auto-generated", "Content-Language": "de", "Mime-Version": "1.0",
		"Message-Id": "<" + smtp.MessageID(want.ID, "id.example") + ">", "To": "<ada@acme.example>",
	} {
		if header := got.Header.Get(name); header != value {
			t.Errorf("%s: %q, want %q", name, header, value)
		}
	}
	if !strings.HasPrefix(got.Header.Get("Content-Type"), "multipart/alternative;") {
		t.Errorf("content type %s", got.Header.Get("Content-Type"))
	}
	sent, err := got.Header.AddressList("From")
	if err != nil || sent[0].Name != "Grünes Haus" || sent[0].Address != "no-reply@id.example" {
		t.Errorf("from %v, %v", sent, err)
	}
	if _, err := got.Header.Date(); err != nil {
		t.Error(err)
	}
	if entries[1].Header.Get("Message-Id") != got.Header.Get("Message-Id") {
		t.Error("a retry has another Message-ID")
	}
	if strings.Contains(got.Header.Get("Message-Id"), "0192") {
		t.Error("the id travels")
	}
}

func TestOneBodyOnly(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{})
	s := sender(t, box.SMTPURL(), box.Roots(), 10*time.Second)
	for _, body := range []notify.Message{{Text: "only text"}, {HTML: "<p>only html"}} {
		m := message()
		m.Text, m.HTML = body.Text, body.HTML
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := box.Entries()[0]
		if strings.TrimSpace(got.Text) != m.Text || strings.TrimSpace(got.HTML) != m.HTML {
			t.Errorf("got %q, %q", got.Text, got.HTML)
		}
	}
}

func TestInternationalDomain(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{})
	m := message()
	m.To = "ada@bücher.example"
	if err := sender(t, box.SMTPURL(), box.Roots(), 10*time.Second).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := box.Entries()[0].To; got != "ada@xn--bcher-kva.example" {
		t.Errorf("to %s", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{})
	s := sender(t, box.SMTPURL(), box.Roots(), 10*time.Second)
	for _, code := range []int{421, 450, 550, 553} {
		box.RefuseNext(1, code)
		err := s.Send(t.Context(), message())
		var failure *notify.DeliveryError
		if !errors.As(err, &failure) || failure.Code != code || failure.Op != "rcpt" {
			t.Errorf("%d: %v", code, err)
			continue
		}
		if want := fmt.Sprintf("%d.0.0", code/100); failure.Enhanced != want {
			t.Errorf("%d: enhanced %s, want %s", code, failure.Enhanced, want)
		}
		if permanent := code >= 500; notify.Retryable(err) == permanent ||
			errors.Is(err, notify.ErrPermanent) != permanent || errors.Is(err, notify.ErrTemporary) == permanent {
			t.Errorf("%d: classified wrongly: %v", code, err)
		}
		if strings.Contains(err.Error(), "acme.example") {
			t.Errorf("%d: names the recipient: %v", code, err)
		}
	}
	if err := s.Send(t.Context(), message()); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
	if len(box.Entries()) != 1 {
		t.Errorf("%d entries", len(box.Entries()))
	}
}

func TestInvalidIsRefusedBeforeConnecting(t *testing.T) {
	t.Parallel()
	// Nothing listens on port 1: an attempt to connect would be temporary.
	s := sender(t, "smtp://127.0.0.1:1", nil, time.Second)
	for name, change := range map[string]func(*notify.Message){
		"sms":     func(m *notify.Message) { m.Channel, m.To = notify.SMS, "+4930123456" },
		"subject": func(m *notify.Message) { m.Subject = "a\r\nBcc: eve@evil.example" },
		"to":      func(m *notify.Message) { m.To = "ada@acme.example\r\nDATA" },
	} {
		m := message()
		change(&m)
		if err := s.Send(t.Context(), m); !errors.Is(err, notify.ErrInvalid) || notify.Retryable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Send(t.Context(), message()); !errors.Is(err, notify.ErrTemporary) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := smtp.New("smtp://127.0.0.1", smtp.Options{From: "x <a@b.example>\r\nBcc: y"}); !errors.Is(err, notify.ErrInvalid) {
		t.Errorf("from: %v", err)
	}
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{})
	// The sink's certificate is not trusted without its roots.
	for _, mode := range []string{"required", "opportunistic"} {
		err := sender(t, "smtp://"+box.Addr()+"?starttls="+mode, x509.NewCertPool(), 10*time.Second).Send(t.Context(), message())
		if !errors.Is(err, notify.ErrTemporary) {
			t.Errorf("%s with an unknown certificate: %v", mode, err)
		}
	}
	if err := sender(t, "smtp://"+box.Addr()+"?starttls=off", nil, 10*time.Second).Send(t.Context(), message()); err != nil {
		t.Errorf("off: %v", err)
	}
	if err := sender(t, "smtp://"+box.Addr()+"?starttls=opportunistic", box.Roots(), 10*time.Second).Send(t.Context(), message()); err != nil {
		t.Errorf("opportunistic: %v", err)
	}
}

func TestWrongPasswordIsForTheOperator(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{User: "grove", Password: "right"})
	s := sender(t, "smtp://grove:wrong@"+box.Addr(), box.Roots(), 10*time.Second)
	err := s.Send(t.Context(), message())
	var failure *notify.DeliveryError
	if !errors.As(err, &failure) || failure.Code != 535 || failure.Op != "connect" || !notify.Retryable(err) {
		t.Errorf("got %v", err)
	}
	err = sender(t, "smtp://"+box.Addr(), box.Roots(), 10*time.Second).Send(t.Context(), message())
	if !errors.As(err, &failure) || failure.Op != "mail" {
		t.Errorf("no credentials: %v", err)
	}
}

func TestSlowServerMeetsTheTimeout(t *testing.T) {
	t.Parallel()
	box := openInbox(t, inbox.Options{})
	box.Slow(time.Hour)
	started := time.Now()
	err := sender(t, box.SMTPURL(), box.Roots(), 300*time.Millisecond).Send(t.Context(), message())
	if !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	err = sender(t, box.SMTPURL(), box.Roots(), time.Hour).Send(ctx, message())
	if !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if took := time.Since(started); took > time.Minute {
		t.Errorf("took %s", took)
	}
}

// script answers each line of the client with the next of its replies and then
// falls silent. It returns the address.
func script(t *testing.T, listener net.Listener, replies ...string) string {
	t.Helper()
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				lines := bufio.NewScanner(conn)
				for _, reply := range replies {
					if _, err := conn.Write([]byte(reply)); err != nil || !lines.Scan() {
						return
					}
					for strings.HasPrefix(reply, "354") && lines.Text() != "." && lines.Scan() {
					}
				}
				for lines.Scan() {
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestServersThatMisbehave(t *testing.T) {
	t.Parallel()
	const ok = "250 ok\r\n"
	tests := map[string]struct {
		query   string
		replies []string
		op      string
		code    int
		retry   bool
	}{
		"data refused for good":    {"?starttls=off", []string{"220 hi\r\n", ok, ok, ok, "354 go\r\n", "554 5.7.1 spam\r\n", ok}, "data", 554, false},
		"data refused for now":     {"?starttls=off", []string{"220 hi\r\n", ok, ok, ok, "354 go\r\n", "452 full\r\n", ok}, "data", 452, true},
		"no greeting":              {"?starttls=off", nil, "connect", 0, true},
		"no reply to data":         {"?starttls=off", []string{"220 hi\r\n", ok, ok, ok, "354 go\r\n"}, "data", 0, true},
		"no service":               {"?starttls=off", []string{"554 no service\r\n"}, "connect", 554, true},
		"not SMTP":                 {"?starttls=off", []string{"HTTP/1.1 400 Bad Request\r\n"}, "connect", 0, true},
		"sender refused":           {"?starttls=off", []string{"220 hi\r\n", ok, "550 no\r\n", ok}, "mail", 550, false},
		"STARTTLS withheld":        {"?starttls=required", []string{"220 hi\r\n", ok}, "connect", 0, true},
		"STARTTLS then plain text": {"?starttls=required", []string{"220 hi\r\n", "250-hi\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n"}, "connect", 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := script(t, listen(t), test.replies...)
			err := sender(t, "smtp://"+addr+test.query, nil, 3*time.Second).Send(t.Context(), message())
			var failure *notify.DeliveryError
			if !errors.As(err, &failure) || failure.Op != test.op || failure.Code != test.code || notify.Retryable(err) != test.retry {
				t.Errorf("got %v (%v)", err, errors.Unwrap(err))
			}
		})
	}
}

// TestAcceptedIsSent: once the server has taken the data, a connection that
// breaks must not lead to a second mail.
func TestAcceptedIsSent(t *testing.T) {
	t.Parallel()
	const ok = "250 ok\r\n"
	addr := script(t, listen(t), "220 hi\r\n", ok, ok, ok, "354 go\r\n", ok, "421 going away\r\n")
	if err := sender(t, "smtp://"+addr+"?starttls=off", nil, 3*time.Second).Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	certificates := httptestCertificate(t)
	const ok = "250 ok\r\n"
	listener := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificates.pair}})
	addr := script(t, listener, "220 hi\r\n", "250-hi\r\n250 AUTH PLAIN\r\n", "235 in\r\n", ok, ok, "354 go\r\n", ok, ok, "221 bye\r\n")
	serverURL := url.URL{Scheme: "smtps", Host: addr, User: url.UserPassword("grove", "secret")}
	if err := sender(t, serverURL.String(), certificates.roots, time.Minute).Send(t.Context(), message()); err != nil {
		t.Errorf("%v (%v)", err, errors.Unwrap(err))
	}
	if err := sender(t, serverURL.String(), x509.NewCertPool(), 5*time.Second).Send(t.Context(), message()); !errors.Is(err, notify.ErrTemporary) {
		t.Errorf("unknown certificate: %v", err)
	}
	silent := script(t, listen(t))
	if err := sender(t, "smtps://"+silent, nil, 300*time.Millisecond).Send(t.Context(), message()); !errors.Is(err, notify.ErrTemporary) {
		t.Errorf("no handshake: %v", err)
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "http://mail.example", "mail.example:25", "smtp://", "smtp://mail.example:0", "smtp://mail.example:99999",
		"smtp://mail.example/path", "smtp://mail.example?starttls=maybe", "smtp://mail.example?tls=off",
		"smtp://mail.example?starttls=off&starttls=required", "smtp://user@mail.example", "smtp://u:hunter2@mail.example?starttls=off",
		"smtps://mail.example?starttls=required", "smtp://u:hunter2@mail.example:port", "smtp://u:hunter2%zz@mail.example",
	} {
		_, err := smtp.New(raw, smtp.Options{From: from})
		if !errors.Is(err, smtp.ErrConfig) {
			t.Errorf("%s: %v", raw, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %v", err)
		}
	}
	for _, bad := range []string{"", "nobody", "a@b.example, c@d.example"} {
		if _, err := smtp.New("smtp://mail.example", smtp.Options{From: bad}); !errors.Is(err, smtp.ErrConfig) {
			t.Errorf("from %q: %v", bad, err)
		}
	}
}
