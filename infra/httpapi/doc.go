// Package httpapi is the only door of the management API.
//
// Handle registers an operation: it refuses at start a route without a permission, and wraps the handler so that
// tenant, organization, actor, permission, idempotency, preconditions and limits are settled before a rule runs.
// Every failure leaves as problem+json (RFC 9457) made from a fault; nothing else can reach the wire, and input is
// never echoed.
package httpapi
