// Package sharing says which organizations have which apps.
//
// What always holds:
//
//   - Only the organization that owns an app shares it, and only with organizations below it.
//   - A share is one stored policy, resolved against the tree when it is asked (docs/adr/0006-dynamic-sharing.md): a new or
//     moved organization is right at once, and sharing with ten thousand organizations is one statement.
//   - The database function infra.shared_apps is the one resolver; every query about shares goes through it.
//   - What an organization loses it loses with the commit: tokens of the app end, and roles of the app that were given there
//     are taken away.
//   - The built-in apps are shared with every organization, without roles.
package sharing
