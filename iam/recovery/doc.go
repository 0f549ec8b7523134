// Package recovery hands out the links by which a person chooses a password: the first one of an account that an
// administrator made, or a new one.
//
// What always holds:
//
//   - A person has one link at most: a new one ends the one before, and so does every change of the password.
//   - A link works once, by a POST of the page that it opens. Opening it changes nothing: mail scanners open links.
//   - The link is stored as a hash; one that is mailed is derived when the mail is written. One that an administrator hands
//     over himself is shown to him once.
//   - Nobody makes a link for a person who may do more than himself, because whoever holds it can become that person. Who made it
//     is stored, and asked again when it is used: it is no good once he is gone, or the person has come to stand above him.
//   - While the person's organization, or one above it, is suspended, no link of his is used, and none is used up.
//   - Links that are unknown, used, ended or expired, and those of people who may not sign in, are one to who opens them.
package recovery
