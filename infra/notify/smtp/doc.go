// Package smtp sends e-mail over SMTP (RFC 5321) with STARTTLS (RFC 3207) or
// implicit TLS (RFC 8314).
//
// What always holds:
//
//   - Every Send ends within Options.Timeout, whatever the server does, and its
//     connection is closed.
//   - Credentials never cross an unencrypted connection in the clear.
//   - Mail is multipart/alternative text and HTML, carries Auto-Submitted:
//     auto-generated (RFC 3834 section 5), and a Message-ID that is a function
//     of the message's ID alone.
//   - A message that the server accepted counts as sent, even where the
//     connection breaks afterwards.
package smtp
