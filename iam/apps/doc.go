// Package apps holds the applications that people and machines sign in to, their credentials, and which APIs they may ask
// for.
//
// What always holds:
//
//   - An app is owned by one organization and known by a server-made client_id that is never used again. Sharing it with
//     organizations below is another capability's matter.
//   - A public client has no secret and uses PKCE; client_credentials is for confidential clients only.
//   - Client secrets have 256 random bits, are shown once and stored as SHA-256. Taking one away, disabling and deleting an
//     app end everything that was issued to it, in the same transaction.
//   - Redirect URIs are absolute, exact, and either https, loopback http, or, for a mobile app, of a private-use scheme
//     (RFC 6749, RFC 8252, RFC 9700). [MatchRedirect] is the one matcher.
//   - Nobody gives an app more than he holds himself: a client's own tokens hold in the whole tree below its owner.
//   - The built-in apps, console and account, are the same in every tenant and cannot be changed.
package apps
