// Package directory is the list of tenants: who they are, under which handle and hosts they are found, and whether they
// are suspended. The platform's operator is its only caller from outside.
//
// What always holds:
//
//   - A tenant comes into being in one transaction, in which every capability does its part of the founding, or not at all.
//   - Looking a tenant up crosses tenants and goes through the system door. Changing one does not: it goes through the
//     tenant's own door, so that the change, its revocation and its event are one transaction.
//   - A suspended tenant is found by nobody: every look-up answers tenant.suspended, so sign-in, tokens and APIs stop at
//     once, in every process. Resuming revives nothing that was issued before.
//   - A host belongs to one tenant of the installation.
//   - The set-up token founds a tenant only while there is none, once, and for an hour.
package directory
