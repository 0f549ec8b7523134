// Package embedded runs a private PostgreSQL server for `grove dev` and for tests.
//
// The server uses binaries that are already on the machine and never downloads any. It is started
// directly with os/exec and not through a launcher library, because the process, its socket and
// the user it runs as must be ours to decide: that is what the promises below rest on.
//
// What always holds:
//
//   - No TCP port is taken. The server listens on one Unix socket in a folder of mode 0700, and that
//     folder is the whole access control: who can enter it may connect as any role, without a password.
//   - PostgreSQL never runs as root. When this process is root, the server runs as the owner of the
//     existing cluster, else as the user "postgres", else as "nobody".
//   - One data folder has one server. A lock on DataDir/lock, held by this process, says so; a server
//     whose owner was killed is stopped before the folder is used again.
//   - The server does not outlive this process on Linux, also when this process is killed. On other
//     systems the next Start stops what was left.
//   - A cluster is made beside its final place and renamed into it, so an interrupted first start
//     leaves nothing that a later start could mistake for data.
//
// A data folder holds: cluster (the PGDATA folder), lock, postgres.log (and postgres.log.1, the one
// before, once the log has grown). Only the cluster belongs to the user that the server runs as.
package embedded
