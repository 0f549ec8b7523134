// Package support is an organization's word that those above it may act as its people, for a time: support access.
//
// What always holds:
//
//   - Only one of its own people, who lives there or below, opens it, signed in to the organization itself. Who administers from above
//     cannot allow himself, as a guest neither.
//   - It stands on who opened it, and on where the organization lies in the tree.
//   - It is for the organization and all below it, has an end, and can be closed at any time; with it ends at once what was
//     issued by it.
//   - Unless it says full, it is for reading.
//
// Who may act as whom is in iam/oauth, which asks here.
package support
