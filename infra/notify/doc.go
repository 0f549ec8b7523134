// Package notify is the seam between a decision to tell somebody something and
// the means of telling: one Message, one Sender, one classification of failure.
//
// What always holds:
//
//   - A Message that carries CR, LF or another control character in anything
//     that becomes a header or an address is refused with *InvalidError before
//     a connection is made (RFC 5322 section 2.2, RFC 5321 section 4.1.2).
//   - Every error of a Sender is either permanent (errors.Is ErrPermanent: the
//     same message will never be accepted) or worth a retry. Retryable decides.
//   - A Message has an ID. Sending it twice yields the same Message-ID, so that
//     a retry after a lost reply is recognisable as the same mail.
//
// Subpackages: smtp sends mail, inbox catches it in development and tests,
// template renders the built-in messages.
package notify
