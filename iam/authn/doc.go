// Package authn is the sign-in engine: it finds out who sits at a browser, for which application and in which
// organization, and says so once.
//
// A flow is a row that any node may continue: its state is sealed under the tenant's data key, it belongs to the one
// browser that began it, it expires, and it carries a version, so that a double submit or a second tab changes nothing
// twice. The engine asks one question at a time; an [Authenticator] puts the question as a typed [Challenge] and judges
// the answer. Pages and other renderings show the challenge and send back an [Input]; they decide nothing.
//
// What always holds:
//
//   - A flow is done only when a person was proven in it, or by a session that stands at that very moment, and only in an
//     organization that the person belongs to and in which the application is available. Both are asked again when the
//     flow is finished, and a flow is finished once.
//   - amr and auth_time tell of what was really done, never of what was asked for.
//   - An answer to another question than the one that is due changes nothing.
//   - An unknown, locked or disabled person and a wrong password look and time alike.
//   - Each sign-in makes a new session and ends the browser's old one.
package authn
