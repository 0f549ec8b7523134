// Package outbound is the one HTTP client for addresses that others gave us: key sets, metadata, webhooks, logos.
//
// What always holds:
//
//   - Every address that a connection is opened to was looked at after the name was resolved, by the dialer itself. A name
//     that means something else the second time gains nothing (DNS rebinding).
//   - Only addresses of the public Internet are reached: nothing private, link-local, of this machine, of a cloud's
//     metadata service, or that embeds another address. In the development mode this machine is reached as well.
//   - https only, with TLS 1.2 or newer; in the development mode http on this machine as well.
//   - No redirect is followed, no proxy of the environment is used, no cookie is kept.
//   - Time, headers and body are bounded; a body is never unpacked.
//
// A law forbids other clients in the program (cmd/grove/app).
package outbound
