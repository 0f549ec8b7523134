// Package hosted serves the sign-in pages below {base}/login: it shows what the engine of iam/authn asks, takes the
// answers, and does the same for invitations and for signing out.
//
// What always holds: a GET or a HEAD changes nothing that a person would notice; a POST is looked at only when it comes
// from a page of ours, in the browser that the page was made for; a repeated parameter is refused; after a POST that was
// accepted the browser is sent on with 303; no address that came from outside is ever redirected to. Pages are never
// kept, never framed and tell no other site where they were.
package hosted
