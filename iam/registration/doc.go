// Package registration lets in apps that nobody here set up: those that register themselves (RFC 7591 and RFC 7592), and those
// that a document at their client_id describes (OAuth Client ID Metadata Document). See docs/adr/0016-apps-that-describe-themselves.md.
//
// What always holds:
//
//   - Both are off until an organization turns them on, for itself and those below it; each organization below may turn them
//     off again, and then people cannot sign in to such apps there.
//   - Such an app has nothing that an administrator did not give: it may ask for the scopes of those APIs that are open to
//     such apps, people are always asked, and the page says that nobody here knows the app.
//   - A registration access token changes what the app said of itself, never what an administrator decided: it cannot enable the
//     app again, and once the app is authorized for an API it cannot change where codes go or how the app proves itself.
//   - Documents are read by the guarded client, for hosts on the organization's list only.
package registration
