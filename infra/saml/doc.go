// Package saml reads SAML 2.0 assertions that others have signed (SAML Core, XML Signature).
//
// What always holds:
//
//   - There is one parser, and it takes plain XML only: no document type, no entities, no processing instructions, no comments, no two
//     elements with one ID, within bounds of size, depth and number. So nobody else can read another text out of the same bytes.
//   - A signature covers the whole assertion and is a child of it, by one of the certificates that were registered for the issuer; keys
//     that the assertion brings along are not looked at.
//   - An [Assertion] is made of the canonical bytes that were verified, never of those that came in.
package saml
