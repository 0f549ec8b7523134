// Package secrets holds what keeps secrets secret: envelope encryption, random tokens of which only
// a hash is stored, and sealed texts that leave the server and come back.
//
// What always holds:
//
//   - Nothing is encrypted without authentication, and nothing opens in another place than the one it
//     was sealed for: context, aad, purpose and binding are part of what is authenticated.
//   - The root key encrypts data keys and derives purpose-bound keys; it never touches data. Destroying
//     a tenant's wrapped data key destroys what the tenant sealed.
//   - Every ciphertext names its format and its key, so that keys rotate: the newest seals, all open.
//   - One error for every failure to open, and keys never appear in formatted output.
package secrets
