// Package users holds people: one row and one credential for a person, in the organization where he is resident.
//
// What always holds:
//
//   - A username is unique in its organization and never changes. Ids are made here and never used again.
//   - No list, response or event carries a password hash.
//   - An e-mail address is verified only by who controls it; no administrator's request can say so.
//   - Failed sign-ins are counted once for an account, whatever the channel, and are decided one after the other: of
//     any number of guesses made at the same time, at most MaxFailures of [LockoutPolicy] are answered.
//   - Unknown, disabled and locked people and wrong passwords get one answer, after the same work.
//   - Nobody takes over, disables or deletes a person who may do more than himself.
//   - Disabling and deleting block the person's revocation epoch; a new password raises it.
package users
