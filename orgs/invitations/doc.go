// Package invitations lets people join an organization by e-mail.
//
// What always holds:
//
//   - The link's token is opaque and only its hash is stored. What it is good for (organization, address, roles) stands
//     in the row, so nothing about an invitation can be edited from outside.
//   - A token works once, until it expires, and until the next sending: the update that accepts is the one decision.
//   - One answer for a token that is wrong, used, expired or revoked.
//   - Reading an invitation uses nothing up, however often a link scanner does. All that it may note is why it is refused.
//   - Nobody invites to roles that he could not assign himself. Who promised is stored, and asked again when somebody accepts:
//     whoever is gone by then, or may not give any more what the invitation promises, lets nobody in, and those who look after
//     invitations see why.
//   - Who accepts has received the mail, so his address is verified. Where a person of the tenant has proved the same
//     address before, that person must be signed in to accept: nobody gets a second account for one address.
//   - An address whose domain belongs to another organization has its account there. Whoever has one may be invited anywhere and
//     accepts with it; nobody gets a new one. Neither who invites nor the page says whose the domain is, and both say the same
//     whether there is such an account or not.
//   - An invitation holds a seat while it is pending.
package invitations
