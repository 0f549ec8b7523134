// Package inbox catches mail and text messages instead of delivering them, for
// development and tests, and shows them on a page.
//
// It is a real SMTP server with STARTTLS, so that the path a message takes in
// production is the path it takes here.
//
// What always holds:
//
//   - It listens on a loopback address only, and delivers nothing anywhere.
//   - It keeps the newest Options.Limit messages, and they survive a restart
//     where Options.Dir is given (inbox.jsonl, mode 0600: caught messages hold
//     working sign-in links).
//   - No message can run script in the page, load anything from elsewhere, or
//     break the parser; what cannot be parsed is shown as it came.
package inbox
