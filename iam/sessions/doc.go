// Package sessions keeps who is signed in, and answers the one question that every path asks before it mints or accepts
// anything: does what this stands on still stand?
//
// [Service.Standing] reads the revocation epochs of all subjects at once: tenant, organization and each of its
// ancestors, person, membership, application, session, grant and token. What is issued keeps the standing's stamp; it is
// good for as long as the stamp is the same and nothing is blocked (docs/adr/0004-revocation-epochs.md).
//
// What always holds: a session is good if and only if it was not ended, is within its absolute and its idle life, and
// stands as it stood when it was made; its secret is known by a hash only; ending it before its time blocks it in the same
// transaction, and with it everything that was issued through it; and one that was over by what an
// organization sets is not good again, whatever it sets later. The lifetimes of the installation have no such history.
package sessions
