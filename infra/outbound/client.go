package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Limits of one request.
const (
	DefaultTimeout = 5 * time.Second
	dialTimeout    = 2 * time.Second
	maxHeaderBytes = 64 << 10
	maxURLBytes    = 2048
)

// The reasons for which nothing is sent, or what came is not used.
var (
	ErrAddress  = errors.New("outbound: the address is not one of the public Internet")
	ErrTooLarge = errors.New("outbound: the answer is larger than allowed")
	ErrURL      = errors.New("outbound: the URL cannot be used")
)

// Options of New.
type Options struct {
	Dev      bool           // this machine's own addresses, and http on them, are allowed
	Resolver *net.Resolver  // nil: the machine's
	Roots    *x509.CertPool // nil: the machine's
	Timeout  time.Duration  // of a whole request; 0: DefaultTimeout
}

// Client sends requests to addresses that others gave us. It is safe for concurrent use.
type Client struct {
	dev  bool
	http http.Client
}

// New makes a client. One is enough for a program: it keeps connections open for the next request.
func New(o Options) *Client {
	c := &Client{dev: o.Dev}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver, Control: c.control}
	c.http = http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        30 * time.Second,
			MaxConnsPerHost:        8,
			MaxIdleConns:           64,
			MaxResponseHeaderBytes: maxHeaderBytes,
			ResponseHeaderTimeout:  o.Timeout,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			TLSHandshakeTimeout:    dialTimeout,
		},
	}
	return c
}

// Answer is a response read whole.
type Answer struct {
	Body   []byte
	Header http.Header
	Status int
}

// Do sends a request and reads its answer, whose body may have limit bytes. A redirect is an answer like any other.
func (c *Client) Do(r *http.Request, limit int64) (Answer, error) {
	if err := c.check(r.URL); err != nil {
		return Answer{}, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	// One byte more than allowed shows that there is more.
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return Answer{}, err
	}
	if int64(len(body)) > limit {
		return Answer{}, ErrTooLarge
	}
	return Answer{Body: body, Header: response.Header, Status: response.StatusCode}, nil
}

// Get reads an address. Any status but 200 is an error.
func (c *Client) Get(ctx context.Context, address, accept string, limit int64) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{}, ErrURL
	}
	r.Header.Set("Accept", accept)
	answer, err := c.Do(r, limit)
	if err == nil && answer.Status != http.StatusOK {
		return Answer{}, fmt.Errorf("outbound: answered with status %d", answer.Status)
	}
	return answer, err
}

func (c *Client) check(u *url.URL) error {
	switch {
	case u.Host == "" || u.Hostname() == "" || u.User != nil || u.Opaque != "" || len(u.String()) > maxURLBytes:
		return ErrURL
	case u.Scheme == "https", u.Scheme == "http" && c.dev && isLocal(u.Hostname()):
		return nil
	}
	return ErrURL
}

func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// control sees every address that a connection is about to be opened to, after names were resolved.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return ErrAddress
	}
	if addr := to.Addr().Unmap(); Public(addr) || c.dev && addr.IsLoopback() {
		return nil
	}
	return ErrAddress
}

// special are the blocks of the IANA special-purpose registries (RFC 6890) that lie within what is otherwise public.
var special = func() (all []netip.Prefix) {
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		all = append(all, netip.MustParsePrefix(block))
	}
	return all
}()

// globalUnicast is all of IPv6 that is given out. What lies outside is local, embeds an IPv4 address, or is not in use.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// Public reports whether an address is one of the public Internet.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Zone() != "" || addr.Is6() && !globalUnicast.Contains(addr) {
		return false
	}
	for _, block := range special {
		if block.Contains(addr) {
			return false
		}
	}
	return true
}
