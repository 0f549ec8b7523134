// Package authz says who may do what: API resources with their scopes, roles made of scopes, and assignments of roles to
// people and groups.
//
// What always holds:
//
//   - A scope name means one thing in a tenant. Grove's own management API is the built-in resource [ManagementAPI]; its
//     scopes are the program's permissions, and no other resource may use their names.
//   - A role is held where it is assigned: with reach org only there, with reach subtree also in every descendant. The
//     built-in roles Administrator and Viewer are defined at the root, seen everywhere and changed nowhere.
//   - A role of a shared app counts in another organization only while the share reaches it and lets roles go along.
//   - Nobody hands out more than he holds: not by a role's permissions, not by an assignment, not through a group or a
//     client. A scope of an API that another organization defines counts as held only where a role gives it.
//   - The root keeps at least one active person who is Administrator of the whole tree.
//   - What an actor may do is computed from the rows in one query for each request, and is never more than the token says.
package authz
