// Package groups holds sets of an organization's members, which roles are assigned to like to people.
//
// What always holds:
//
//   - A group's name is unique in its organization.
//   - A member of a group belongs to the group's organization, as resident or by membership.
//   - Nobody puts a person into a group whose roles he could not assign himself.
//   - Roles that come from groups are read live, so a change of members needs no revocation.
package groups
