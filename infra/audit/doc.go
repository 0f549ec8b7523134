// Package audit shows the event stream to those who may read it: as a log, newest first, with filters; as a feed in the
// chain's order with a cursor, which is the source of truth for consumers; and as a proof that the chain is whole.
//
// An organization's log holds its own events only: every read goes through db.InOrg.
package audit
