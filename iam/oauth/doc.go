// Package oauth is the authorization server: OAuth 2.0 (RFC 6749 with the practice of RFC 9700) and OpenID Connect Core,
// one file for each RFC or endpoint.
//
// What always holds:
//
//   - No response leaves for a redirect URI before client and URI were found to belong together, byte for byte.
//   - A parameter comes once or the request is refused; unknown parameters are ignored; no input is echoed but state.
//   - Every code, refresh token, switch and token check asks the one question of iam/sessions: does everything that it
//     stands on still hold? What a client gets for itself takes the answer from a
//     cache, which a change empties at once.
//   - A grant is the family of what one authorization led to. Using a code twice, or a refresh token again after its
//     grace, ends the family.
//   - A token names one organization; its roles and scopes are those held there when it was made.
//   - Codes and refresh tokens are stored as hashes only; access tokens are not stored at all.
package oauth
