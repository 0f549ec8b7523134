package notify

import (
	"errors"
	"fmt"
	"strings"
)

// The classes of failure, for errors.Is.
var (
	// ErrInvalid is a message refused before it reached any wire. It is
	// permanent too.
	ErrInvalid = errors.New("notify: invalid message")
	// ErrPermanent is a failure that repeating cannot cure.
	ErrPermanent = errors.New("notify: permanent failure")
	// ErrTemporary is a failure that may pass: a 4xx reply, the network, a
	// timeout, or a connection that was refused before the message was offered.
	ErrTemporary = errors.New("notify: temporary failure")
)

// InvalidError says which field of a message is unacceptable. It never holds
// the value.
type InvalidError struct {
	Field  string // "to", "subject", "id", ...
	Reason string // completes "<field> ..."
}

// Error implements error.
func (e *InvalidError) Error() string { return "notify: " + e.Field + " " + e.Reason }

// Is reports ErrInvalid and ErrPermanent.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid || target == ErrPermanent }

// DeliveryError is a failure on the way.
type DeliveryError struct {
	// Cause is the underlying error; may be nil.
	Cause error
	// Code is the reply code (RFC 5321 section 4.2), 0 where there was none.
	Code int
	// Enhanced is the enhanced status code (RFC 3463) such as "5.1.1", or "".
	Enhanced string
	// Op is the step that failed: "connect", "mail", "rcpt", "data", "deliver".
	Op string
	// Permanent tells whether repeating is pointless.
	Permanent bool
}

// Error implements error. It holds no address and no text of the other side.
func (e *DeliveryError) Error() string {
	var b strings.Builder
	b.WriteString("notify: temporary failure at ")
	if e.Permanent {
		b.Reset()
		b.WriteString("notify: permanent failure at ")
	}
	b.WriteString(e.Op)
	if e.Code != 0 {
		fmt.Fprintf(&b, ": reply %d", e.Code)
	}
	if e.Enhanced != "" {
		b.WriteString(" " + e.Enhanced)
	}
	return b.String()
}

// Is reports ErrPermanent or ErrTemporary.
func (e *DeliveryError) Is(target error) bool {
	if e.Permanent {
		return target == ErrPermanent
	}
	return target == ErrTemporary
}

// Unwrap returns the cause. It may quote the other side: log it, do not show it.
func (e *DeliveryError) Unwrap() error { return e.Cause }

// Retryable reports whether sending the same message again may succeed. It is
// false for nil and for permanent failures, true for everything else.
func Retryable(err error) bool { return err != nil && !errors.Is(err, ErrPermanent) }
