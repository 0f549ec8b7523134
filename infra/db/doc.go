// Package db is the only way to the database.
//
// There are three doors. InOrg sees one organization's rows, InTenant sees one tenant's, InSystem crosses tenants and
// is open to the few packages that the laws name. Row-level security stands behind each door: the runtime roles own
// nothing and cannot bypass it, and a statement with no tenant set is an error. The settings travel in the round trip
// of BEGIN. Reads that need no transaction take Batch: settings and queries in one pipeline, one round trip.
//
// What always holds: a Tx can only come from a door; Tx.Now is the one time within a transaction; every revocation
// goes through Raise, Block or Unblock, in the transaction of the change.
package db
