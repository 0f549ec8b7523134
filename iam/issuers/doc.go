// Package issuers keeps whom outside an organization trusts to speak for its people: issuers of JWTs (RFC 7523) and of SAML
// assertions (RFC 7522) which the token endpoint takes as grants. See docs/adr/0019-trusted-token-issuers.md.
//
// What always holds:
//
//   - An issuer speaks for people whose resident organization is the one that registered it, at that organization's base only: in no
//     organization below or above, and for nobody who is only a member. Two organizations may trust the same issuer and learn nothing
//     of each other.
//   - Who registers or changes one could be any of those people. So he holds every permission of the management API there, as far
//     down as anybody can.
//   - Its keys are what was registered, never what an assertion brings along.
//   - Disabling, deleting and changing one ends what was issued by it, in the same transaction.
package issuers
