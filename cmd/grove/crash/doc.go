// Package crash has tests only. They run the real program against a real Postgres with fsync on and a real mail server,
// and kill them while clients work.
//
// What the tests hold the program to: what was acknowledged is there, exactly once; what was not is there whole or not
// at all; a client that repeats its request gets on; and no process needs a hand to recover.
package crash
