package notify

import (
	"context"
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Channel is the way a message travels.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Bounds of a message, in bytes.
const (
	maxAddress = 254 // RFC 5321 section 4.5.3.1.3, less the angle brackets
	maxBody    = 512 << 10
	maxID      = 255
	maxLocale  = 35 // RFC 5646 section 4.4.1
	maxSubject = 900
)

// Message is one message to one recipient. It is complete: no Sender adds or
// looks up content.
type Message struct {
	// Channel is Email or SMS.
	Channel Channel
	// HTML is the rich alternative of an e-mail; optional, ignored by SMS.
	HTML string
	// ID is the idempotency id. Equal ids mean the same message: a Sender
	// derives the Message-ID from it. Required, at most 255 bytes.
	ID string
	// Locale is the BCP 47 tag of the content; optional.
	Locale string
	// Subject is the subject of an e-mail, required there; ignored by SMS.
	Subject string
	// Text is the plain text. Required by SMS; an e-mail needs Text or HTML.
	Text string
	// To is a bare e-mail address without display name, or an E.164 number.
	To string
}

// Sender delivers messages. Implementations are safe for concurrent use, honour
// ctx, and return only errors that Retryable classifies.
type Sender interface {
	Send(ctx context.Context, message Message) error
}

// SenderFunc is a function used as a Sender.
type SenderFunc func(ctx context.Context, message Message) error

// Send calls f.
func (f SenderFunc) Send(ctx context.Context, message Message) error { return f(ctx, message) }

// Route is a Sender that hands each message to the Sender of its channel. A
// channel without one is refused as permanent.
type Route map[Channel]Sender

// Send implements Sender.
func (r Route) Send(ctx context.Context, message Message) error {
	sender, ok := r[message.Channel]
	if !ok {
		return &InvalidError{Field: "channel", Reason: "has no sender"}
	}
	return sender.Send(ctx, message)
}

// Checker is a Sender that can be asked whether it could deliver now. Check sends nothing and honours ctx.
type Checker interface {
	Check(ctx context.Context) error
}

// Check implements Checker: every Sender that can be asked is.
func (r Route) Check(ctx context.Context) error {
	var failures []error
	for _, sender := range r {
		if c, ok := sender.(Checker); ok {
			failures = append(failures, c.Check(ctx))
		}
	}
	return errors.Join(failures...)
}

// Validate refuses a message that must not reach any wire. The error is an
// *InvalidError; it names the field and never repeats its value.
func (m Message) Validate() error {
	if err := m.validateHeaders(); err != nil {
		return err
	}
	if len(m.Text) > maxBody {
		return &InvalidError{Field: "text", Reason: "is too long"}
	}
	if len(m.HTML) > maxBody {
		return &InvalidError{Field: "html", Reason: "is too long"}
	}
	switch m.Channel {
	case Email:
		if m.Subject == "" {
			return &InvalidError{Field: "subject", Reason: "is empty"}
		}
		if m.Text == "" && m.HTML == "" {
			return &InvalidError{Field: "text", Reason: "is empty"}
		}
		return validateAddress("to", m.To)
	case SMS:
		if m.Text == "" {
			return &InvalidError{Field: "text", Reason: "is empty"}
		}
		return validatePhone(m.To)
	default:
		return &InvalidError{Field: "channel", Reason: "is unknown"}
	}
}

// validateHeaders checks everything that becomes a header or a protocol line.
func (m Message) validateHeaders() error {
	for _, h := range []struct {
		field, value string
		max          int
	}{
		{"id", m.ID, maxID},
		{"locale", m.Locale, maxLocale},
		{"subject", m.Subject, maxSubject},
		{"to", m.To, maxAddress},
	} {
		if err := ValidateHeader(h.field, h.value); err != nil {
			return err
		}
		if len(h.value) > h.max {
			return &InvalidError{Field: h.field, Reason: "is too long"}
		}
	}
	if m.ID == "" {
		return &InvalidError{Field: "id", Reason: "is empty"}
	}
	for _, r := range m.Locale {
		if r != '-' && !isASCIIAlphanumeric(r) {
			return &InvalidError{Field: "locale", Reason: "is not a language tag"}
		}
	}
	return nil
}

// ValidateHeader refuses a header value that holds CR, LF, another control
// character, a Unicode line separator, or is not UTF-8. field names it in the
// *InvalidError.
func ValidateHeader(field, value string) error {
	if !utf8.ValidString(value) {
		return &InvalidError{Field: field, Reason: "is not valid UTF-8"}
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return &InvalidError{Field: field, Reason: "contains a control character"}
		}
	}
	return nil
}

// validateAddress accepts the bare, unquoted form of an address only. Quoted
// local parts are legal in RFC 5321 but their quoting has been a way to smuggle
// protocol commands, and no mailbox that people use needs them.
func validateAddress(field, address string) error {
	bad := &InvalidError{Field: field, Reason: "is not an e-mail address"}
	if strings.ContainsAny(address, "\"<>()[],;:\\ \t") {
		return bad
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return bad
	}
	return nil
}

// validatePhone accepts E.164: a plus and 7 to 15 digits.
func validatePhone(number string) error {
	bad := &InvalidError{Field: "to", Reason: "is not an E.164 number"}
	digits, ok := strings.CutPrefix(number, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 {
		return bad
	}
	for _, r := range digits {
		if r < '0' || r > '9' {
			return bad
		}
	}
	return nil
}

func isASCIIAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
