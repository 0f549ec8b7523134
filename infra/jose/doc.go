// Package jose signs and verifies JSON Web Tokens in the compact form (RFC 7515, RFC 7519).
//
// There is one way in: [Verify]. What always holds after it returns without an error:
//
//   - the token was a compact JWS of three canonical base64url parts and within the size limit;
//   - its alg was that of the key which the caller found for its kid, never the token's own choice;
//   - its typ was exactly one of those that the caller listed;
//   - it carried no crit, b64, enc or zip, and no key in the header (jwk, jku, x5c, x5u) was looked at;
//   - header and payload are JSON objects in UTF-8, without duplicate names at any depth.
//
// [VerifyEmbedded] is the only exception to the rule about keys, for proofs of possession (RFC 9449).
//
// There are no symmetric algorithms and no "none": code that is absent cannot be confused.
//
// What is encrypted to a client, and by a client to us (RFC 7516), goes through [EncryptionKey] and [DecryptionKey]. An encrypted token
// proves nothing: anybody can encrypt. What was in it goes through [Verify].
//
// Read claims through [Claims]: encoding/json matches names without regard to case, so decoding a
// payload into a struct would let "EXP" stand for "exp".
package jose
