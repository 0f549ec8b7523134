// Package password hashes and verifies what people type: argon2id (RFC 9106) in PHC strings, and
// bcrypt for hashes that were imported.
//
// What always holds:
//
//   - At most [Hasher] slots' worth of hashes run at once, however many callers there are; the rest wait
//     in a bounded queue, which they leave when their context ends, and beyond it [ErrBusy] is immediate.
//     So a storm of sign-ins takes neither the processor from everything else nor memory without bound:
//     the working memory of a hash (19 MiB by default) exists while it runs and is garbage afterwards.
//   - A stored hash is data and may come from an import: parameters beyond fixed limits are refused
//     before any work is done.
//   - [Hasher.VerifyDummy] does the work of [Hasher.Verify], for users who do not exist.
//
// The password is taken whole: nothing is trimmed, folded or truncated. It is normalised to NFC, as
// NIST SP 800-63B-4 section 3.1.1.2 advises, because keyboards differ in how they write é. NFKC and NFKD,
// which its predecessor named, are not used: they make different characters equal. Texts that are not
// UTF-8, empty, or longer than 1024 bytes are refused as [ErrForm]; a minimum length and lists of
// breached passwords are policy, and belong to the caller.
//
// A bcrypt hash is verified over the bytes as typed, and sees only the first 72 of them, as the system
// did that made it. The hash made at the next sign-in sees all.
package password
