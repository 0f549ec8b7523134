// Package attributes says what apps are told of people: which attribute of a person an OpenID Connect claim tells (section 5.1 of
// Core 1.0), and which claims a scope asks for (section 5.4). See docs/adr/0020-attributes-and-claims.md.
//
// What always holds:
//
//   - A tenant has the claims and scopes of OpenID Connect, which can be changed and never taken away, and its own. A name means one
//     thing in the whole tenant, for scopes those of APIs included.
//   - What an organization defines is there for the apps of that organization and of those below it, and for no others.
//   - No claim can pretend to be one of the protocol's own, and none that says that something was verified can be given another
//     attribute.
//   - A claim that is deleted is in no scope any more, in the same transaction.
package attributes
