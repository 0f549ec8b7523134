// Package config is the program's whole configuration: one struct, read once at start from GROVE_*
// environment variables or from the file that GROVE_CONFIG_FILE names, and valid from then on.
//
// What always holds:
//
//   - The struct is the only list of settings. Its tags give each one its variable, default, limits
//     and explanation; loading, `grove doctor` and docs/configuration.md are all read from them.
//   - Load reports every problem at once, and a misspelt GROVE_* variable is a problem, not silence.
//   - No message, log line or dump contains a value that was given. Secrets have types that print as
//     a mask, and are read with Reveal or Bytes.
//   - The environment wins over the file. An empty value counts as not set.
//
// The loader is our own: it is a walk over one flat struct, and what matters here (all problems
// together, near-miss names, where each value came from, masking) is what a general library leaves
// to its caller.
package config
