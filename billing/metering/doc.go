// Package metering counts what is paid for. So far that is seats: who may belong to an organization.
//
// What always holds:
//
//   - A seat is free, reserved (for an invitation) or used (by a member). Each movement of one is an entry of the
//     ledger, never changed; the balances are what the entries add up to, written in the same transaction.
//   - Reserved and used seats together never exceed the organization's limit; the database refuses it too.
//   - All movements of one organization's seats wait for each other on its balance. Each is safe to repeat: a holder
//     has at most one seat.
//   - A limit is set from above: by a token of a strict ancestor.
package metering
