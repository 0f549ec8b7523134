// Package inspector keeps, for the developer of an app, the last requests of it that the authorization server refused: what came,
// what was expected, which rule says so, and what to do.
//
// What always holds: nothing is asked of it where a request succeeds. A refused request waits for nothing either: an entry goes
// through a bounded queue and is dropped when that is full. Of one app a bounded number is written in a minute, one of many
// after that, and a bounded number is kept, of each kind and in all. Whoever makes an entry has redacted it; no secret, code or
// token ever gets here.
package inspector
