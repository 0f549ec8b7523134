// Package frontend embeds the built pages: the console (administration) and the account portal (self-service), two
// single-page apps that share one set of assets, and the hosted pages' style sheet.
//
// What always holds: no page depends on where it is mounted (each derives its base from its own address), assets live
// at one absolute path under every tenant and host, no inline script runs, and an index is never cached while a hashed
// asset always is.
package frontend
