// Package directory is the tree of organizations. Its root is the tenant; every node below is an organization of its own.
//
// What always holds:
//
//   - org_closure has one row for every pair of a node and one of its ancestors, itself included. Writers of the tree
//     queue on one lock a tenant, so the closure is right whatever runs at the same time.
//   - Handles are unique in the tenant, names among siblings, and no node is put deeper below the root than GROVE_ORG_MAX_DEPTH says.
//   - Suspending an organization stops its whole subtree, because an organization works only if it and all its ancestors
//     are active. Nothing below is changed, and resuming gives each node back its own status.
//   - Suspending, resuming, moving and deleting are done from above: with a token of a strict ancestor.
//   - Finding an organization, its children or its ancestors is one query on an index, whatever the size of the tree.
package directory
