package smtp

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// line is the one connection of one Send. It exists because go-mail extends its
// deadlines during the conversation, does not watch the context after dialling,
// and leaves the connection open where the greeting fails.
type line struct {
	implicit bool
	tls      *tls.Config

	mu     sync.Mutex
	closed bool
	conn   net.Conn
}

// dial connects, and encrypts where TLS is implicit.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !l.keep(conn) {
		return nil, net.ErrClosed
	}
	if !l.implicit {
		return conn, nil
	}
	secured := tls.Client(conn, l.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, nil
}

// keep remembers the connection, or closes it where the line has ended already.
func (l *line) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return false
	}
	l.conn = conn
	return true
}

// close ends the conversation; any blocked read or write returns.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}
