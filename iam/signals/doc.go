// Package signals tells apps what happens to the people whom they know: a transmitter of the OpenID Shared Signals Framework 1.0, with the
// events of CAEP 1.0 and RISC 1.0 as security event tokens (RFC 8417), pushed (RFC 8935) or polled (RFC 8936).
// See docs/adr/0034-shared-signals.md.
//
// What always holds:
//
//   - A receiver is an app, by an access token of its own. It has its own streams and sees no other's; to it there are none.
//   - It hears of people only in organizations in which the app is available, when the event is queued and again when it is sent, and
//     knows them by the names by which its tokens name them.
//   - Nothing that it says or asks about a subject tells it whether there is one.
//   - Events come in the order in which they happened, each at least once, under one jti.
//   - What waits is bounded. A stream that nobody takes anything from is paused, and says why.
//   - Where tokens are pushed to is an address of the public Internet; what authorizes us there is kept sealed, is shown to nobody and goes
//     to no other address.
package signals
