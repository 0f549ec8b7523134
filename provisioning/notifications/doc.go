// Package notifications writes to people when events say so.
//
// It subscribes to events, renders the message in its receiver's language and hands it to a sender inside the job that
// delivers the event: at least once, retried with backoff while the mail server says "later", given up and left visible
// when it says "never". Message ids derive from the event, so a repetition can be recognised. A secret link is derived
// when the message is rendered; neither the event nor the job holds it.
package notifications
