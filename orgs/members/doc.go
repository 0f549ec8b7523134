// Package members says who belongs to which organization: residents, people who were invited, and people who were added
// from elsewhere in the tenant.
//
// What always holds:
//
//   - A person has one membership in an organization at most, and one, of kind resident, in his own for as long as he
//     exists.
//   - A member uses a seat of the organization.
//   - Leaving blocks the revocation epoch of the person in that organization, ends his sessions there, and takes his
//     roles and groups there, in the same transaction. Coming back does not revive what was ended.
//   - The last Administrator of a tenant stays.
//   - A resident leaves by being deleted.
package members
