package inbox

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"slices"
	"sync"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"grove/infra/notify"
)

// DefaultLimit is how many messages are kept where Options.Limit is zero.
const DefaultLimit = 500

// ErrNotLoopback is an address other machines could reach.
var ErrNotLoopback = errors.New("inbox: the address is not on loopback")

// Entry is one caught message.
type Entry struct {
	// To is the envelope recipient: an address or a number.
	To string `json:"to"`
	// Channel is how it came.
	Channel notify.Channel `json:"channel"`
	// Subject is the decoded subject; empty for text messages.
	Subject string `json:"subject"`
	// Text is the plain text part.
	Text string `json:"text"`
	// HTML is the HTML part, as sent.
	HTML string `json:"html"`
	// Links are the http and https addresses of both parts, in order of
	// appearance, each once; never nil.
	Links []string `json:"links"`
	// At is when it was caught, in UTC.
	At time.Time `json:"at"`
	// Header is the raw header of an e-mail, for tests. It is neither served
	// nor kept over a restart.
	Header mail.Header `json:"-"`
}

// Options configure an Inbox.
type Options struct {
	// Addr is the SMTP address; the host defaults to 127.0.0.1 and must be
	// loopback, port 0 picks a free one. Default ":0".
	Addr string
	// Dir is where inbox.jsonl lives; empty keeps messages in memory only.
	Dir string
	// Limit is how many messages are kept; zero means DefaultLimit.
	Limit int
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Password and User, where set, are the credentials the server demands
	// (AUTH PLAIN, after STARTTLS).
	Password string
	User     string
}

// Inbox is a running sink. Its methods are safe for concurrent use.
type Inbox struct {
	addr     string
	done     chan struct{}
	listener net.Listener
	logger   *slog.Logger
	now      func() time.Time
	options  Options
	roots    *x509.CertPool
	server   *gosmtp.Server
	served   chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	entries []record      // oldest first
	refuse  refusal
	seq     int64
	slow    time.Duration
	store   *store
	version int64
}

// record is an entry with the number that the page knows it by.
type record struct {
	Seq int64 `json:"seq"`
	Entry
}

// refusal answers the next n recipients with code.
type refusal struct{ code, n int }

// Open loads kept messages and starts the SMTP server. Close stops it.
func Open(options Options) (*Inbox, error) {
	if options.Limit <= 0 {
		options.Limit = DefaultLimit
	}
	i := &Inbox{
		changed: make(chan struct{}),
		done:    make(chan struct{}),
		logger:  options.Logger,
		now:     options.Now,
		options: options,
		served:  make(chan struct{}),
	}
	if i.logger == nil {
		i.logger = slog.New(slog.DiscardHandler)
	}
	if i.now == nil {
		i.now = time.Now
	}
	if err := i.load(); err != nil {
		return nil, err
	}
	if err := i.listen(); err != nil {
		return nil, errors.Join(err, i.store.close())
	}
	return i, nil
}

func (i *Inbox) load() error {
	if i.options.Dir == "" {
		return nil
	}
	store, entries, err := openStore(i.options.Dir, i.options.Limit)
	if err != nil {
		return err
	}
	i.store, i.entries = store, entries
	for _, e := range entries {
		i.seq = max(i.seq, e.Seq)
	}
	return nil
}

// Addr is the host:port the SMTP server listens on.
func (i *Inbox) Addr() string { return i.addr }

// Roots are the certificates a client must trust for STARTTLS. The key lives in
// memory and changes at every start.
func (i *Inbox) Roots() *x509.CertPool { return i.roots }

// SMTPURL is the server URL for notify/smtp, credentials included. Its client
// needs Roots.
func (i *Inbox) SMTPURL() string {
	user := ""
	if i.options.User != "" {
		user = userinfo(i.options.User, i.options.Password) + "@"
	}
	return "smtp://" + user + i.addr + "?starttls=required"
}

// Entries returns what was caught, newest first.
func (i *Inbox) Entries() []Entry {
	records, _ := i.snapshot()
	entries := make([]Entry, len(records))
	for n, r := range records {
		entries[n] = r.Entry
	}
	return entries
}

// snapshot returns a copy, newest first, and its version.
func (i *Inbox) snapshot() ([]record, int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	records := slices.Clone(i.entries)
	slices.Reverse(records)
	return records, i.version
}

// Wait returns the newest entry that match accepts, waiting for one until ctx
// ends.
func (i *Inbox) Wait(ctx context.Context, match func(Entry) bool) (Entry, error) {
	for {
		i.mu.Lock()
		changed := i.changed
		i.mu.Unlock()
		for _, e := range i.Entries() {
			if match(e) {
				return e, nil
			}
		}
		select {
		case <-ctx.Done():
			return Entry{}, ctx.Err()
		case <-changed:
		}
	}
}

// Deliver takes a message without SMTP: the sender of the SMS channel, as
// notify.SenderFunc(inbox.Deliver). RefuseNext and Slow apply to it.
func (i *Inbox) Deliver(ctx context.Context, message notify.Message) error {
	if err := message.Validate(); err != nil {
		return err
	}
	if err := i.pause(ctx); err != nil {
		return &notify.DeliveryError{Cause: err, Op: "deliver"}
	}
	if code := i.takeRefusal(); code != 0 {
		return &notify.DeliveryError{Code: code, Op: "deliver", Permanent: code >= 500}
	}
	e := Entry{
		To: message.To, Channel: message.Channel,
		Subject: message.Subject, Text: message.Text, HTML: message.HTML,
		Links: links(message.Text, message.HTML),
	}
	if message.Channel == notify.SMS {
		e.Subject, e.HTML, e.Links = "", "", links(message.Text, "")
	}
	if err := i.add(e); err != nil {
		return &notify.DeliveryError{Cause: err, Op: "deliver"}
	}
	return nil
}

// RefuseNext makes the next n recipients be refused with a reply code of 400 to
// 599: 4xx says later, 5xx never. n of zero ends it.
func (i *Inbox) RefuseNext(n, code int) {
	if code < 400 || code > 599 {
		panic(fmt.Sprintf("inbox: %d is no refusal", code))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = refusal{code: code, n: n}
}

// Slow makes the server wait that long before it answers each recipient and
// each message; zero ends it.
func (i *Inbox) Slow(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.slow = d
}

// Clear forgets everything, on disk too.
func (i *Inbox) Clear() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.entries = nil
	i.touch()
	return i.store.rewrite(nil)
}

// Close stops the server, breaking open conversations, and closes the file.
func (i *Inbox) Close() error {
	i.mu.Lock()
	select {
	case <-i.done:
		i.mu.Unlock()
		return nil
	default:
		close(i.done)
	}
	i.mu.Unlock()
	err := i.server.Close()
	// The server knows its listener only once it serves.
	_ = i.listener.Close()
	<-i.served
	i.mu.Lock()
	defer i.mu.Unlock()
	return errors.Join(err, i.store.close())
}

// add keeps an entry, dropping the oldest beyond the limit.
func (i *Inbox) add(e Entry) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	e.At = i.now().UTC()
	i.seq++
	r := record{Seq: i.seq, Entry: e}
	i.entries = append(i.entries, r)
	if over := len(i.entries) - i.options.Limit; over > 0 {
		i.entries = slices.Delete(i.entries, 0, over)
	}
	i.touch()
	return i.store.append(r, i.entries)
}

// touch tells waiters and readers that something changed. The lock is held.
func (i *Inbox) touch() {
	i.version++
	close(i.changed)
	i.changed = make(chan struct{})
}

// takeRefusal returns the code to refuse with, or 0.
func (i *Inbox) takeRefusal() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse.n <= 0 {
		return 0
	}
	i.refuse.n--
	return i.refuse.code
}

// pause waits as long as Slow says, or until ctx or the inbox ends.
func (i *Inbox) pause(ctx context.Context) error {
	i.mu.Lock()
	d := i.slow
	i.mu.Unlock()
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-i.done:
		return net.ErrClosed
	}
}
