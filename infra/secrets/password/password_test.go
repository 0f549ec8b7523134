package password

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// cheap keeps tests fast; the algorithm is the same.
var cheap = Params{MemoryKiB: 64, Time: 1}

func hasher(t testing.TB, o Options) *Hasher {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestKnownAnswers(t *testing.T) {
	h := hasher(t, Options{})
	for _, c := range []struct{ password, stored string }{
		// The reference implementation's own tests.
		{"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
		{"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
		{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		// crypt_blowfish's tests, and the prefixes that name the same algorithm.
		{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	} {
		if err := Check(c.stored); err != nil {
			t.Errorf("%s: %v", c.stored, err)
		}
		if ok, rehash, err := h.Verify(t.Context(), c.password, c.stored); !ok || !rehash || err != nil {
			t.Errorf("%s: %v %v %v", c.stored, ok, rehash, err)
		}
		if ok, rehash, err := h.Verify(t.Context(), c.password+"x", c.stored); ok || rehash || err != nil {
			t.Errorf("%s, wrong password: %v %v %v", c.stored, ok, rehash, err)
		}
	}
}

func TestHashBombsAndMalformedHashes(t *testing.T) {
	h := hasher(t, Options{Params: cheap})
	h.derive = func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { t.Fatal("work was done"); return nil }
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for name, stored := range map[string]string{
		"4 TiB of memory":     "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"over 256 MiB":        "$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + key,
		"many passes":         "$argon2id$v=19$m=256,t=4294967295,p=1$" + salt + "$" + key,
		"much of both":        "$argon2id$v=19$m=262144,t=16,p=1$" + salt + "$" + key,
		"256 threads are 0":   "$argon2id$v=19$m=2048,t=1,p=256$" + salt + "$" + key,
		"17 threads":          "$argon2id$v=19$m=2048,t=1,p=17$" + salt + "$" + key,
		"overflow":            "$argon2id$v=19$m=18446744073709551616,t=1,p=1$" + salt + "$" + key,
		"no memory":           "$argon2id$v=19$m=0,t=1,p=1$" + salt + "$" + key,
		"memory under 8p":     "$argon2id$v=19$m=31,t=1,p=4$" + salt + "$" + key,
		"no passes":           "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key,
		"no threads":          "$argon2id$v=19$m=256,t=1,p=0$" + salt + "$" + key,
		"leading zero":        "$argon2id$v=19$m=0256,t=1,p=1$" + salt + "$" + key,
		"sign":                "$argon2id$v=19$m=+256,t=1,p=1$" + salt + "$" + key,
		"other order":         "$argon2id$v=19$t=1,m=256,p=1$" + salt + "$" + key,
		"twice":               "$argon2id$v=19$m=256,m=256,p=1$" + salt + "$" + key,
		"more":                "$argon2id$v=19$m=256,t=1,p=1,data=AA$" + salt + "$" + key,
		"empty key":           "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$",
		"short key":           "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$AAAA",
		"long key":            "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + strings.Repeat("A", 88),
		"empty salt":          "$argon2id$v=19$m=256,t=1,p=1$$" + key,
		"padding":             "$argon2id$v=19$m=256,t=1,p=1$" + salt + "=$" + key,
		"line break":          "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + key + "\n",
		"trailing bits":       "$argon2id$v=19$m=256,t=1,p=1$" + salt + "$" + key[:len(key)-1] + "5",
		"version 16":          "$argon2id$v=16$m=256,t=1,p=1$" + salt + "$" + key,
		"no version":          "$argon2id$m=256,t=1,p=1$" + salt + "$" + key,
		"argon2i":             "$argon2i$v=19$m=256,t=1,p=1$" + salt + "$" + key,
		"argon2d":             "$argon2d$v=19$m=256,t=1,p=1$" + salt + "$" + key,
		"bcrypt of cost 15":   "$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt of cost 31":   "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt of cost 3":    "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt with the bug": "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, truncated":   "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
		"plain text":          "password",
		"empty":               "",
		"locked":              "!",
		"huge":                "$argon2id$v=19$m=256,t=1,p=1$" + strings.Repeat("A", 1<<20) + "$" + key,
	} {
		t.Run(name, func(t *testing.T) {
			if err := Check(stored); !errors.Is(err, ErrHash) {
				t.Errorf("Check: %v", err)
			}
			if ok, rehash, err := h.Verify(t.Context(), "password", stored); ok || rehash || !errors.Is(err, ErrHash) {
				t.Errorf("Verify: %v %v %v", ok, rehash, err)
			}
		})
	}
}

func TestPropertyHashAndVerify(t *testing.T) {
	h := hasher(t, Options{Params: cheap})
	other := hasher(t, Options{Params: Params{MemoryKiB: 72, Time: 1}})
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringN(1, 200, MaxBytes).Draw(t, "password")
		wrong := rapid.StringN(1, 200, MaxBytes).Draw(t, "wrong")
		stored, err := h.Hash(ctx, typed)
		if err != nil {
			t.Fatal(err)
		}
		if ok, rehash, err := h.Verify(ctx, typed, stored); !ok || rehash || err != nil {
			t.Fatal(ok, rehash, err)
		}
		if ok, rehash, err := other.Verify(ctx, typed, stored); !ok || !rehash || err != nil {
			t.Fatal(ok, rehash, err)
		}
		a, _ := normalise(typed)
		b, _ := normalise(wrong)
		if ok, _, err := h.Verify(ctx, wrong, stored); err != nil || ok != bytes.Equal(a, b) {
			t.Fatal(ok, err)
		}
		if again, _ := h.Hash(ctx, typed); again == stored {
			t.Fatal("the salt was repeated")
		}
		parsed, err := parsePHC(stored)
		if err != nil || parsed.String() != stored {
			t.Fatal(err)
		}
	})
}

func TestNormalisation(t *testing.T) {
	h := hasher(t, Options{Params: cheap})
	stored, err := h.Hash(t.Context(), "café ") // é as one code point
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]bool{
		"café ":       true,
		"cafe\u0301 ": true,  // the same, as another keyboard writes it
		"café":        false, // nothing is trimmed
		"CAFÉ ":       false, // nothing is folded
		"ｃafé ":       false, // compatible, not the same
		"café \x00":   false,
		"cafe ":       false,
	} {
		if ok, _, err := h.Verify(t.Context(), typed, stored); ok != want || err != nil {
			t.Errorf("%q: %v %v", typed, ok, err)
		}
	}
}

func TestForm(t *testing.T) {
	h := hasher(t, Options{Params: cheap})
	stored, err := h.Hash(t.Context(), strings.Repeat("x", MaxBytes))
	if err != nil {
		t.Fatal(err)
	}
	// All bytes count: nothing is truncated.
	if ok, _, err := h.Verify(t.Context(), strings.Repeat("x", MaxBytes-1)+"y", stored); ok || err != nil {
		t.Error(ok, err)
	}
	for _, typed := range []string{"", strings.Repeat("x", MaxBytes+1), "\xff"} {
		if _, err := h.Hash(t.Context(), typed); !errors.Is(err, ErrForm) {
			t.Errorf("Hash: %v", err)
		}
		_, _, known := h.Verify(t.Context(), typed, stored)
		unknown := h.VerifyDummy(t.Context(), typed)
		if !errors.Is(known, ErrForm) || known.Error() != unknown.Error() {
			t.Errorf("a known user gives %v, an unknown one %v", known, unknown)
		}
	}
}

// The dummy asks argon2id for the same work, number for number.
func TestVerifyDummyCostsTheSame(t *testing.T) {
	h := hasher(t, Options{Params: cheap})
	stored, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	type work struct {
		password, salt, key   int
		time, memory, threads uint32
	}
	var calls []work
	h.derive = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
		calls = append(calls, work{len(password), len(salt), int(keyLen), time, memory, uint32(threads)})
		return argon2.IDKey(password, salt, time, memory, threads, keyLen)
	}
	if _, _, err := h.Verify(t.Context(), "passwort", stored); err != nil {
		t.Fatal(err)
	}
	if err := h.VerifyDummy(t.Context(), "passwort"); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] != calls[1] {
		t.Errorf("%+v", calls)
	}
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, Options{MaxInFlight: 1, MaxQueue: 2, Params: cheap})
		running, finish := make(chan struct{}), make(chan struct{})
		h.derive = func(_, _ []byte, _, _ uint32, _ uint8, n uint32) []byte {
			running <- struct{}{}
			<-finish
			return make([]byte, n)
		}
		results := make(chan error, 3)
		start := func(ctx context.Context) {
			go func() { _, err := h.Hash(ctx, "password"); results <- err }()
			synctest.Wait()
		}
		start(t.Context())
		<-running
		leaving, leave := context.WithCancel(t.Context())
		start(leaving)
		start(t.Context())
		if inFlight, waiting := h.Stats(); inFlight != 1 || waiting != 2 {
			t.Fatalf("%d running, %d waiting", inFlight, waiting)
		}
		// The queue is full: known and unknown users are turned away alike, at once.
		if _, err := h.Hash(t.Context(), "password"); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash: %v", err)
		}
		if err := h.VerifyDummy(t.Context(), "password"); !errors.Is(err, ErrBusy) {
			t.Errorf("VerifyDummy: %v", err)
		}
		if _, _, err := h.Verify(t.Context(), "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"); !errors.Is(err, ErrBusy) {
			t.Errorf("Verify: %v", err)
		}
		leave()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who left: %v", err)
		}
		finish <- struct{}{}
		if err := <-results; err != nil {
			t.Error(err)
		}
		<-running
		finish <- struct{}{}
		if err := <-results; err != nil {
			t.Error(err)
		}
		if inFlight, waiting := h.Stats(); inFlight != 0 || waiting != 0 {
			t.Errorf("%d running, %d waiting", inFlight, waiting)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := h.Hash(ended, "password"); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context: %v", err)
		}
	})
}

func TestNeverMoreInFlightThanAllowed(t *testing.T) {
	h := hasher(t, Options{MaxInFlight: 1000, MaxQueue: 1000, Params: cheap})
	limit := int64(runtime.NumCPU() + 1)
	var running, most atomic.Int64
	h.derive = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
		defer running.Add(-1)
		n := running.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		return argon2.IDKey(password, salt, time, memory, threads, keyLen)
	}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := h.VerifyDummy(t.Context(), "password"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > limit {
		t.Errorf("%d at once, %d allowed", most.Load(), limit)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"memory":         {Params: Params{MemoryKiB: maxMemoryKiB + 1}},
		"time":           {Params: Params{Time: maxTime + 1}},
		"little memory":  {Params: Params{MemoryKiB: 8, Threads: 2}},
		"short salt":     {Params: Params{SaltBytes: 4}},
		"short key":      {Params: Params{KeyBytes: 8}},
		"negative queue": {MaxQueue: -1},
	} {
		if _, err := New(o); err == nil {
			t.Error(name)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := parsePHC(s); err == nil && (h.String() != s || !h.params.valid()) {
			t.Fatalf("%q", s)
		}
		_ = Check(s)
	})
}

func BenchmarkVerify(b *testing.B) {
	h := hasher(b, Options{})
	stored, err := h.Hash(b.Context(), "password")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if ok, _, err := h.Verify(b.Context(), "password", stored); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := h.VerifyDummy(b.Context(), "password"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
