package outbound_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"golang.org/x/net/dns/dnsmessage"

	"grove/infra/jose"
	"grove/infra/kernel/clock"
	"grove/infra/outbound"
)

// server is an https server on this machine whose certificate the client knows. timeout is the client's.
func server(t *testing.T, timeout time.Duration, h http.HandlerFunc) (*httptest.Server, *outbound.Client) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, outbound.New(outbound.Options{Dev: true, Roots: roots, Timeout: timeout})
}

func TestPublic(t *testing.T) {
	for _, s := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is public", s)
		}
	}
}

// TestAttack36_Addresses: what is not of the public Internet is not reached, in whatever form it is written.
func TestAttack36_Addresses(t *testing.T) {
	for _, s := range []string{"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1"} {
		if outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s counts as public", s)
		}
	}
	if outbound.Public(netip.Addr{}) {
		t.Error("no address counts as public")
	}
}

// TestAttack36_NothingLeaves: a server on this machine hears nothing, whatever it is called.
func TestAttack36_NothingLeaves(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heard atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			heard.Add(1)
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	names := rebinding(t, "203.0.113.7", "127.0.0.1", "10.0.0.1", "127.0.0.1")
	client := outbound.New(outbound.Options{Resolver: names.resolver()})
	for name, c := range map[string]struct {
		url  string
		want error
	}{
		"loopback":          {"https://127.0.0.1:" + port, outbound.ErrAddress},
		"loopback in hex":   {"https://0x7f000001:" + port, nil}, // no name of that kind is found
		"mapped into IPv6":  {"https://[::ffff:127.0.0.1]:" + port, outbound.ErrAddress},
		"IPv6 loopback":     {"https://[::1]:" + port, outbound.ErrAddress},
		"unspecified":       {"https://0.0.0.0:" + port, outbound.ErrAddress},
		"metadata service":  {"https://169.254.169.254/latest/meta-data/", outbound.ErrAddress},
		"a name":            {"https://rebind.example:" + port, outbound.ErrAddress},
		"a name, again":     {"https://rebind.example:" + port, outbound.ErrAddress},
		"a name, once more": {"https://rebind.example:" + port, outbound.ErrAddress},
		"http":              {"http://127.0.0.1:" + port, outbound.ErrURL},
		"http elsewhere":    {"http://rebind.example:" + port, outbound.ErrURL},
		"a file":            {"file:///etc/passwd", outbound.ErrURL},
		"gopher":            {"gopher://127.0.0.1:" + port, outbound.ErrURL},
		"somebody's name":   {"https://user@127.0.0.1:" + port, outbound.ErrURL},
		"no host":           {"https:///x", outbound.ErrURL},
		"opaque":            {"https:127.0.0.1", outbound.ErrURL},
		"no URL":            {"https://%zz", outbound.ErrURL},
		"a long one":        {"https://127.0.0.1/" + strings.Repeat("a", 2048), outbound.ErrURL},
	} {
		_, err := client.Get(t.Context(), c.url, "*/*", 10)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := heard.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
	if names.asked.Load() < 3 {
		t.Error("the name was never looked up: the test shows nothing")
	}
}

// TestAttack36_DevelopmentStaysHome: the development mode reaches this machine and the public Internet, and no network
// in between; http is for this machine.
func TestAttack36_DevelopmentStaysHome(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer plain.Close()
	client := outbound.New(outbound.Options{Dev: true, Timeout: time.Minute})
	if got, err := client.Get(t.Context(), plain.URL, "*/*", 10); err != nil || string(got.Body) != "ok" {
		t.Errorf("%q, %v", got.Body, err)
	}
	if _, err := client.Get(t.Context(), "https://10.0.0.1/", "*/*", 10); !errors.Is(err, outbound.ErrAddress) {
		t.Error(err)
	}
	if _, err := client.Get(t.Context(), "http://example.com/", "*/*", 10); !errors.Is(err, outbound.ErrURL) {
		t.Error(err)
	}
}

// TestAttack36_Bounds: no redirect is followed, and what is too much or too slow is given up.
func TestAttack36_Bounds(t *testing.T) {
	var followed atomic.Bool
	release := make(chan struct{})
	s, client := server(t, 3*time.Second, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", "/followed")
			w.WriteHeader(http.StatusFound)
		case "/followed":
			followed.Store(true)
		case "/large":
			_, _ = w.Write(make([]byte, 11))
		case "/exact":
			_, _ = w.Write(make([]byte, 10))
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
		case "/slow":
			<-release
		}
	})
	defer close(release)
	for path, want := range map[string]string{"/redirect": "status 302", "/large": "larger", "/headers": "header", "/slow": "timeout", "/exact": ""} {
		_, err := client.Get(t.Context(), s.URL+path, "*/*", 10)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(strings.ToLower(err.Error()), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestJWKS(t *testing.T) {
	first, second := generate(t, jose.ES256), generate(t, jose.RS256)
	var body atomic.Pointer[string]
	var read atomic.Int32
	var broken atomic.Bool
	publish := func(keys ...*jose.PublicKey) { s := string(jose.JWKSet(keys...)); body.Store(&s) }
	publish(first)
	s, client := server(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		read.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(*body.Load()))
	})
	now := &clock.Movable{}
	set := outbound.NewJWKS(client, now)
	want := func(what, alg, kid string, keys, reads int) {
		t.Helper()
		got, err := set.Keys(t.Context(), s.URL, alg, kid)
		if len(got) != keys || err != nil || int(read.Load()) != reads {
			t.Errorf("%s: %d keys, %v, read %d times; want %d and %d", what, len(got), err, read.Load(), keys, reads)
		}
	}
	want("first", jose.ES256, first.KID(), 1, 1)
	want("from memory", jose.ES256, first.KID(), 1, 1)
	want("a key that is not there, just after", jose.RS256, second.KID(), 0, 1)
	publish(first, second)
	now.Advance(11 * time.Second)
	want("a new key", jose.RS256, second.KID(), 1, 2)
	for range 5 {
		want("guessing", jose.ES256, "guess", 1, 2)
	}
	publish(second)
	want("a removed key, from memory", jose.ES256, first.KID(), 1, 2)
	now.Advance(5 * time.Minute)
	want("a removed key, later", jose.ES256, first.KID(), 0, 3)
	broken.Store(true)
	now.Advance(6 * time.Minute)
	want("cannot be read", jose.RS256, second.KID(), 1, 4)
	now.Advance(10 * time.Minute)
	if got, err := set.Keys(t.Context(), s.URL, jose.RS256, second.KID()); err == nil || got != nil {
		t.Errorf("a set that could not be read for a quarter of an hour is believed: %v", got)
	}
	broken.Store(false)
	garbage := `{"keys":"no"}`
	body.Store(&garbage)
	now.Advance(11 * time.Second)
	if _, err := set.Keys(t.Context(), s.URL, jose.RS256, ""); err == nil {
		t.Error("garbage is a key set")
	}
}

// TestJWKSEncryptionKey: of several keys the one that is for encryption and fits the algorithm is taken, one that was added since is
// read, and none is none.
func TestJWKSEncryptionKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wrapping, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var body atomic.Value
	var read atomic.Int32
	publish := func(keys ...gojose.JSONWebKey) {
		raw, err := json.Marshal(gojose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		body.Store(raw)
	}
	s, client := server(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		read.Add(1)
		_, _ = w.Write(body.Load().([]byte))
	})
	now := &clock.Movable{}
	set := outbound.NewJWKS(client, now)
	want := func(what, alg string, private any, reads int) {
		t.Helper()
		key, err := set.EncryptionKey(t.Context(), s.URL, alg)
		if err != nil || int(read.Load()) != reads || (key == nil) != (private == nil) {
			t.Errorf("%s: %v, %v, read %d times and not %d", what, key, err, read.Load(), reads)
		}
		if key == nil || private == nil {
			return
		}
		token, err := key.Encrypt(jose.DefaultEnc, "", []byte("hello"))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		message, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(alg)}, []gojose.ContentEncryption{gojose.ContentEncryption(jose.DefaultEnc)})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got, err := message.Decrypt(private); err != nil || string(got) != "hello" {
			t.Errorf("%s: encrypted to another key: %v", what, err)
		}
	}
	signing := gojose.JSONWebKey{Key: other.Public(), KeyID: "sig", Use: "sig"}
	unsaid := gojose.JSONWebKey{Key: other.Public(), KeyID: "unsaid"}
	agreement := gojose.JSONWebKey{Key: ec.Public(), KeyID: "enc", Use: "enc"}
	publish(signing)
	want("no key", "ECDH-ES", nil, 1)
	publish(signing, unsaid, agreement)
	want("added just now", "ECDH-ES", nil, 1)
	now.Advance(11 * time.Second)
	want("added", "ECDH-ES", ec, 2)
	want("of several, from memory", "ECDH-ES+A256KW", ec, 2)
	publish(signing, unsaid, agreement, gojose.JSONWebKey{Key: wrapping.Public(), KeyID: "rsa"})
	want("none for RSA, just after", "RSA-OAEP-256", nil, 2)
	now.Advance(11 * time.Second)
	want("another kind", "RSA-OAEP-256", wrapping, 3)
	want("the first kind", "ECDH-ES", ec, 3)
	want("no algorithm", "RSA1_5", nil, 3)
	publish(signing)
	now.Advance(5 * time.Minute)
	want("taken away", "ECDH-ES", nil, 4)
}

// TestJWKSSlow: who knows his key does not wait for somebody who makes us look for another, and all who wait get one answer.
func TestJWKSSlow(t *testing.T) {
	key := generate(t, jose.ES256)
	var read atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	s, client := server(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		if read.Add(1) > 1 {
			entered <- struct{}{}
			<-release
		}
		_, _ = w.Write(jose.JWKSet(key))
	})
	now := &clock.Movable{}
	set := outbound.NewJWKS(client, now)
	ask := func(ctx context.Context, kid string) error {
		_, err := set.Keys(ctx, s.URL, jose.ES256, kid)
		return err
	}
	if err := ask(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Minute)
	done := make(chan error)
	go func() { done <- ask(context.Background(), "guess") }()
	<-entered
	if err := ask(t.Context(), key.KID()); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(gone, "another guess"); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away waited: %v", err)
	}
	close(release)
	if err := <-done; err != nil || read.Load() != 2 {
		t.Errorf("%v, read %d times", err, read.Load())
	}
}

func generate(t *testing.T, alg string) *jose.PublicKey {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

// names is a DNS server that answers every question with the next of its addresses.
type names struct {
	conn  net.PacketConn
	asked atomic.Int32
}

func rebinding(t *testing.T, addresses ...string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := &names{conn: conn}
	go func() {
		buffer := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA && strings.HasPrefix(q.Name.String(), "rebind.example.") {
				next := netip.MustParseAddr(addresses[int(n.asked.Add(1)-1)%len(addresses)])
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: next.As4()}}}
			} else if q.Type == dnsmessage.TypeA {
				m.RCode = dnsmessage.RCodeNameError
			}
			packed, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return n
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}
