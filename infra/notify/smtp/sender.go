package smtp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"
	"golang.org/x/net/idna"

	"grove/infra/notify"
)

// DefaultTimeout bounds one Send where Options.Timeout is zero.
const DefaultTimeout = 30 * time.Second

// Options configure a Sender.
type Options struct {
	// From is the sender, "Name <address>" or an address. Required.
	From string
	// HELO is the name given to the server; default the domain of From.
	HELO string
	// TLS is the base TLS configuration (roots); nil means the system's. The
	// server name and a minimum of TLS 1.2 are set by the Sender.
	TLS *tls.Config
	// Timeout bounds a whole Send: dial, handshakes and conversation. Zero
	// means DefaultTimeout.
	Timeout time.Duration
}

// Sender sends e-mail to one SMTP server. It opens a connection per message
// and is safe for concurrent use.
type Sender struct {
	config  config
	domain  string
	from    *mail.Address
	helo    string
	timeout time.Duration
	tls     *tls.Config
}

var (
	_ notify.Checker = (*Sender)(nil)
	_ notify.Sender  = (*Sender)(nil)
)

// New builds a Sender from a URL:
//
//	smtp://user:pass@host:port?starttls=required|opportunistic|off
//	smtps://user:pass@host:port
//
// The port defaults to 587 (smtp) and 465 (smtps), starttls to required. It
// does not connect. Errors are ErrConfig, or notify.ErrInvalid for a sender with
// control characters.
func New(serverURL string, options Options) (*Sender, error) {
	c, err := parseURL(serverURL)
	if err != nil {
		return nil, err
	}
	from, err := parseFrom(options.From)
	if err != nil {
		return nil, err
	}
	s := &Sender{
		config:  c,
		domain:  from.Address[strings.LastIndexByte(from.Address, '@')+1:],
		from:    from,
		helo:    options.HELO,
		timeout: options.Timeout,
		tls:     &tls.Config{},
	}
	if options.TLS != nil {
		s.tls = options.TLS.Clone()
	}
	s.tls.ServerName = c.host
	s.tls.MinVersion = max(s.tls.MinVersion, tls.VersionTLS12)
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	if s.helo == "" {
		s.helo = s.domain
	}
	if strings.ContainsAny(s.helo, " \t\r\n") {
		return nil, configError("the HELO name contains white space")
	}
	return s, nil
}

// Send delivers one e-mail. Errors are *notify.InvalidError (nothing was sent)
// or *notify.DeliveryError.
//
// Replies of 500 to 599 about the message (MAIL, RCPT, DATA) are permanent.
// A refusal of the connection itself (greeting, TLS, AUTH) says nothing about
// the message and is cured by the operator, so it is temporary whatever its
// code; Code tells.
func (s *Sender) Send(ctx context.Context, message notify.Message) error {
	if message.Channel != notify.Email {
		return &notify.InvalidError{Field: "channel", Reason: "is not email"}
	}
	if err := message.Validate(); err != nil {
		return err
	}
	msg, err := s.compose(message)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.deliver(ctx, msg)
}

// Check opens a conversation as Send does, with TLS and credentials, and ends it before any mail. The error is a
// *notify.DeliveryError.
func (s *Sender) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.converse(ctx, func(client *gomail.Client, conn *gosmtp.Client) error {
		_ = client.CloseWithSMTPClient(conn)
		return nil
	})
}

func (s *Sender) deliver(ctx context.Context, msg *gomail.Msg) error {
	return s.converse(ctx, func(client *gomail.Client, conn *gosmtp.Client) error {
		err := client.SendWithSMTPClient(conn, msg)
		if msg.IsDelivered() {
			// The server has answered 250 to the data: a failing RSET or QUIT
			// must not cause a second mail.
			_ = client.CloseWithSMTPClient(conn)
			return nil
		}
		return sendError(ctx, err)
	})
}

// converse connects, with TLS and credentials, says what there is to say, and
// closes the connection.
func (s *Sender) converse(ctx context.Context, say func(*gomail.Client, *gosmtp.Client) error) error {
	line := &line{implicit: s.config.implicit, tls: s.tls}
	defer line.close()
	stop := context.AfterFunc(ctx, line.close)
	defer stop()
	client, err := s.client(line)
	if err != nil {
		return &notify.DeliveryError{Cause: err, Op: "connect"}
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return connectError(ctx, err)
	}
	return say(client, conn)
}

// client builds a client for one conversation. Clients are not shared: go-mail
// remembers the discovered AUTH mechanism without a lock.
func (s *Sender) client(line *line) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithDialContextFunc(line.dial),
		gomail.WithHELO(s.helo),
		gomail.WithoutNoop(),
		gomail.WithPort(s.config.port),
		gomail.WithTimeout(s.timeout),
		gomail.WithTLSConfig(s.tls),
		gomail.WithTLSPolicy(s.config.policy),
	}
	if s.config.implicit {
		// The dial function has encrypted the connection already; go-mail
		// notices that, and a server offers no STARTTLS inside TLS.
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if s.config.user != "" {
		options = append(options,
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.config.user),
			gomail.WithPassword(s.config.password),
		)
	}
	return gomail.NewClient(s.config.host, options...)
}

// compose turns a validated message into MIME.
func (s *Sender) compose(message notify.Message) (*gomail.Msg, error) {
	to, err := asciiDomain(message.To)
	if err != nil {
		return nil, &notify.InvalidError{Field: "to", Reason: "is not an e-mail address"}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(to); err != nil {
		return nil, &notify.InvalidError{Field: "to", Reason: "is not an e-mail address"}
	}
	msg.Subject(message.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(MessageID(message.ID, s.domain))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if message.Locale != "" {
		msg.SetGenHeader(gomail.HeaderContentLang, message.Locale)
	}
	switch {
	case message.HTML == "":
		msg.SetBodyString(gomail.TypeTextPlain, message.Text)
	case message.Text == "":
		msg.SetBodyString(gomail.TypeTextHTML, message.HTML)
	default:
		// RFC 2046 section 5.1.4: the plainest alternative first.
		msg.SetBodyString(gomail.TypeTextPlain, message.Text)
		msg.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	}
	return msg, nil
}

// MessageID is the Message-ID, without angle brackets, of the message with the
// given idempotency id sent from domain. The id is hashed, so that internal
// identifiers do not travel.
func MessageID(id, domain string) string {
	sum := sha256.Sum256([]byte("grove-message-id\x00" + id))
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// asciiDomain gives an internationalised domain its A-labels (RFC 5891), so
// that servers without SMTPUTF8 accept it.
func asciiDomain(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return "", err
	}
	return address[:at+1] + domain, nil
}

func connectError(ctx context.Context, err error) error {
	failure := &notify.DeliveryError{Cause: withContext(ctx, err), Op: "connect"}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		failure.Code = reply.Code
	}
	return failure
}

func sendError(ctx context.Context, err error) error {
	failure := &notify.DeliveryError{Cause: withContext(ctx, err), Op: "data"}
	var sent *gomail.SendError
	if !errors.As(err, &sent) {
		return failure
	}
	failure.Code, failure.Enhanced = sent.ErrorCode(), sent.EnhancedStatusCode()
	failure.Permanent = failure.Code >= 500
	switch sent.Reason {
	case gomail.ErrSMTPMailFrom:
		failure.Op = "mail"
	case gomail.ErrSMTPRcptTo:
		failure.Op = "rcpt"
	case gomail.ErrConnCheck:
		failure.Op = "connect"
	}
	return failure
}

// withContext makes the reason visible where the deadline or the caller closed
// the connection under the conversation. The connection has the same deadline,
// and may notice it first.
func withContext(ctx context.Context, err error) error {
	cause := ctx.Err()
	if end, ends := ctx.Deadline(); cause == nil && ends && !time.Now().Before(end) {
		cause = context.DeadlineExceeded
	}
	if cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}
