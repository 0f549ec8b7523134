package notify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"grove/infra/notify"
)

func mail() notify.Message {
	return notify.Message{Channel: notify.Email, ID: "1", Locale: "en", Subject: "Hello", Text: "Hi", To: "ada@acme.example"}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := []notify.Message{
		mail(),
		{Channel: notify.Email, HTML: "<p>x", ID: "1", Subject: "名前", To: "jürgen@bücher.example"},
		{Channel: notify.SMS, ID: "1", Text: "code", To: "+4930123456"},
	}
	for _, m := range good {
		if err := m.Validate(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	bad := map[string]func(*notify.Message){
		"channel: unknown":     func(m *notify.Message) { m.Channel = "pigeon" },
		"id: CR LF":            func(m *notify.Message) { m.ID = "1\r\nBcc: x" },
		"id: empty":            func(m *notify.Message) { m.ID = "" },
		"locale: LF":           func(m *notify.Message) { m.Locale = "en\nBcc: x" },
		"locale: punctuation":  func(m *notify.Message) { m.Locale = "en;q=1" },
		"subject: CR":          func(m *notify.Message) { m.Subject = "a\rBcc: x" },
		"subject: LF":          func(m *notify.Message) { m.Subject = "a\nBcc: x" },
		"subject: NEL":         func(m *notify.Message) { m.Subject = "a\u0085Bcc: x" },
		"subject: NUL":         func(m *notify.Message) { m.Subject = "a\x00" },
		"subject: empty":       func(m *notify.Message) { m.Subject = "" },
		"subject: long":        func(m *notify.Message) { m.Subject = strings.Repeat("a", 1000) },
		"subject: not UTF-8":   func(m *notify.Message) { m.Subject = "a\xff" },
		"subject: separator":   func(m *notify.Message) { m.Subject = "a\u2028Bcc: x" },
		"text: empty":          func(m *notify.Message) { m.Text = "" },
		"text: long":           func(m *notify.Message) { m.Text = strings.Repeat("a", 1<<20) },
		"to: CR LF":            func(m *notify.Message) { m.To = "ada@acme.example\r\nRCPT TO:<x@y.example>" },
		"to: display name":     func(m *notify.Message) { m.To = "Ada <ada@acme.example>" },
		"to: empty":            func(m *notify.Message) { m.To = "" },
		"to: long":             func(m *notify.Message) { m.To = strings.Repeat("a", 300) + "@acme.example" },
		"to: no domain":        func(m *notify.Message) { m.To = "ada" },
		"to: parameters":       func(m *notify.Message) { m.To = "ada@acme.example> NOTIFY=SUCCESS" },
		"to: quoted":           func(m *notify.Message) { m.To = `"a b"@acme.example` },
		"to: two addresses":    func(m *notify.Message) { m.To = "ada@acme.example,eve@evil.example" },
		"to: letters in phone": func(m *notify.Message) { m.Channel, m.To = notify.SMS, "+49abc12345" },
		"to: no plus":          func(m *notify.Message) { m.Channel, m.To = notify.SMS, "4930123456" },
	}
	for name, change := range bad {
		m := mail()
		change(&m)
		err := m.Validate()
		var invalid *notify.InvalidError
		field, _, _ := strings.Cut(name, ":")
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if notify.Retryable(err) || !errors.Is(err, notify.ErrInvalid) {
			t.Errorf("%s would be retried", name)
		}
		if strings.Contains(err.Error(), "Bcc") || strings.Contains(err.Error(), "acme") {
			t.Errorf("%s repeats the value: %v", name, err)
		}
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	var sent []notify.Message
	route := notify.Route{notify.Email: notify.SenderFunc(func(_ context.Context, m notify.Message) error {
		sent = append(sent, m)
		return nil
	})}
	if err := route.Send(t.Context(), mail()); err != nil || len(sent) != 1 {
		t.Errorf("email: %v, %d sent", err, len(sent))
	}
	m := mail()
	m.Channel = notify.SMS
	if err := route.Send(t.Context(), m); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("sms: %v", err)
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want bool
	}{
		"none":      {nil, false},
		"other":     {errors.New("other"), true},
		"permanent": {&notify.DeliveryError{Code: 550, Op: "rcpt", Permanent: true}, false},
		"temporary": {&notify.DeliveryError{Code: 451, Op: "rcpt"}, true},
	}
	for name, test := range tests {
		if got := notify.Retryable(test.err); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
