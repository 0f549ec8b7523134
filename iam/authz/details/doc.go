// Package details reads and judges authorization details (RFC 9396): what a client asks for in more than scopes can say, as JSON
// objects of types that an API defines.
//
// What always holds:
//
//   - Nothing is accepted that is larger, deeper or has more values than the limits of this package, whatever its schema says; no
//     member comes twice, and no character hides what another says.
//   - A detail has one normal form, by which it is stored, compared, shown and signed: a person agrees to what the API reads.
//   - A member that the type's schema does not name is refused (RFC 9396, section 5).
//   - A schema is judged without fetching anything, in work that is bounded before it is stored.
package details
