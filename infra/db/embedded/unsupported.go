//go:build !unix

package embedded

import "context"

// Server is one running PostgreSQL.
type Server struct{}

// Start returns ErrUnsupported: the private socket and the user switch need a Unix system.
func Start(context.Context, Config) (*Server, error) { return nil, ErrUnsupported }

// Done returns nil.
func (*Server) Done() <-chan struct{} { return nil }

// Stop does nothing.
func (*Server) Stop(context.Context) error { return nil }

// URL returns the empty string.
func (*Server) URL() string { return "" }
