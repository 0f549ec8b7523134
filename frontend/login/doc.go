// Package login renders the hosted sign-in pages: HTML made on the server, one style sheet, no script.
//
// What always holds: a page works with JavaScript off; it is never cached; its content security policy allows no
// script, no frame and no foreign style; every text comes from the message catalogue in the person's language; a value
// that came from outside is escaped and, inside a sentence, isolated for bidirectional text. The package holds no rules
// and knows no session: the caller decides which page is due and fills its struct.
package login
