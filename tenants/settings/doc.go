// Package settings keeps what organizations set of the program's behaviour. A module is a Go struct that a capability
// declares with its defaults; an organization overrides single fields, and every field that it does not is inherited
// from its nearest ancestor that does, else from the defaults.
//
// What always holds:
//
//   - Effective values are resolved in one query up the tree, and say for each field where it comes from.
//   - What is stored fits the module's struct, its limits and its own Validate, as seen from the organization that set it.
//   - An override is replaced or reverted as a whole field; there is no merging within a field.
package settings
