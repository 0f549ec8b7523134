// Package template renders the built-in messages in nine languages, as subject,
// plain text and HTML.
//
// What always holds:
//
//   - Templates are logic-less (mustache) and ship in the binary. Values are
//     data: they are never parsed as template or markup, whatever they contain.
//   - Values hold no control, line-break or bidirectional-override character
//     after rendering and are bounded in length. A name that looks like a web
//     address is broken up, so that mail programs do not make it a link; the
//     only links are those given as such, absolute http or https.
//   - Text and HTML come from the same sentences, so they say the same.
//   - A template that names an unknown variable, or a language that lacks a
//     type, fails in a test.
package template
