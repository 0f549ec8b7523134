// Package keys holds a tenant's keys: the data key, which seals the tenant's secrets at rest, and the signing keys,
// which sign its tokens.
//
// What always holds:
//
//   - A data key is stored wrapped by the root key and a signing key sealed by the data key. Erasing the data key
//     destroys every secret of the tenant.
//   - A signing key goes from next to active to previous to retired and never back. One key of an algorithm is active,
//     and it alone signs. Its successor is in the key set (RFC 7517, section 5) from the rotation before, so relying
//     parties know a key before it is used; its predecessor stays in the key set for Overlap, so that they can verify
//     what it signed.
//   - Keys are read from memory on hot paths, and forgotten by every process when a rotation commits.
package keys
