// Package account is the API of the signed-in person over his own account, below /v1/me.
//
// What always holds: every operation is about the person whose token it is, and about nobody else. Profile and
// organizations may be read with any token of his for the management API; whatever else concerns the account needs the
// scope account, which built-in apps have and no other can get. What an administrator decides (organization, status,
// roles) and what must be proved (e-mail address) cannot be changed here.
package account
