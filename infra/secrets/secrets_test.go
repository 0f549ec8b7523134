package secrets

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fixed(b byte) []byte { return bytes.Repeat([]byte{b}, KeySize) }

func root(t testing.TB, newest []byte, older ...[]byte) *Root {
	t.Helper()
	r, err := NewRoot(newest, older...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewRootRefuses(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none": {nil}, "short": {make([]byte, 31)}, "long": {make([]byte, 33)}, "zero": {make([]byte, 32)}, "twice": {fixed(1), fixed(1)},
		"older short": {fixed(1), {2}},
	} {
		if _, err := NewRoot(keys[0], keys[1:]...); err == nil {
			t.Error(name)
		}
	}
}

// Stored ciphertexts outlive the code: these were made by the first version of the formats and must open for ever.
func TestFormatVectors(t *testing.T) {
	r := root(t, fixed(1))
	if got := hex.EncodeToString(func() []byte { k := r.Derive("cookie", []byte("a"), []byte("b")); return k[:] }()); got != vectorDerived {
		t.Errorf("derived %s", got)
	}
	wrapped, _ := hex.DecodeString(vectorWrapped)
	key, err := r.UnwrapKey("tnt_1", wrapped)
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := hex.DecodeString(vectorSealed)
	if got, err := key.Open(sealed, []byte("users/usr_1/totp")); err != nil || string(got) != "a secret" {
		t.Errorf("opened %q, %v", got, err)
	}
	if got, err := NewSealer(r).Open("cursor", []byte("tnt_1"), vectorText); err != nil || string(got) != "position" {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestDeriveKeepsPartsApart(t *testing.T) {
	r := root(t, fixed(1))
	seen := map[[KeySize]byte]string{}
	add := func(name string, key [KeySize]byte) {
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s give one key", name, other)
		}
		seen[key] = name
	}
	add("a, bc", r.Derive("p", []byte("a"), []byte("bc")))
	add("ab, c", r.Derive("p", []byte("ab"), []byte("c")))
	add("abc", r.Derive("p", []byte("abc")))
	add("abc, empty", r.Derive("p", []byte("abc"), nil))
	add("nothing", r.Derive("p"))
	add("in the purpose", r.Derive("pabc"))
	add("wrap", r.Derive("wrap"))
	add("the wrapping key", derive(r.keys[0], "wrap"))
	add("another root", root(t, fixed(2)).Derive("p"))
	if r.Derive("p") != r.Derive("p") {
		t.Error("not deterministic")
	}
	both := root(t, fixed(2), fixed(1)).DeriveAll("p")
	if both[1] != r.Derive("p") || both[0] != root(t, fixed(2)).Derive("p") {
		t.Error("DeriveAll is not Derive under each")
	}
}

func TestRootRotation(t *testing.T) {
	before := root(t, fixed(1))
	key, wrapped := before.NewDataKey("tnt_1")
	sealed := key.Seal([]byte("x"), nil)

	during := root(t, fixed(2), fixed(1))
	same, err := during.UnwrapKey("tnt_1", wrapped)
	if err != nil || same.ID() != key.ID() {
		t.Fatal(err)
	}
	if !during.NeedsRewrap(wrapped) || before.NeedsRewrap(wrapped) {
		t.Error("NeedsRewrap")
	}
	rewrapped := during.WrapKey("tnt_1", same)
	if during.NeedsRewrap(rewrapped) {
		t.Error("the newest key does not wrap")
	}

	after := root(t, fixed(2))
	if _, err := after.UnwrapKey("tnt_1", wrapped); !errors.Is(err, ErrOpen) {
		t.Error("a retired root key opens")
	}
	last, err := after.UnwrapKey("tnt_1", rewrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := last.Open(sealed, nil); err != nil || string(got) != "x" {
		t.Fatal(err)
	}
	if id, err := KeyID(sealed); err != nil || id != last.ID() {
		t.Error(id, err)
	}
	if _, err := after.UnwrapKey("tnt_2", rewrapped); !errors.Is(err, ErrOpen) {
		t.Error("a key opens in another tenant's place")
	}
}

func TestPropertyEnvelope(t *testing.T) {
	r := root(t, fixed(1))
	key, _ := r.NewDataKey("tnt_1")
	other, _ := r.NewDataKey("tnt_1")
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		sealed := key.Seal(plain, aad)
		if len(sealed) != len(plain)+overhead || bytes.Equal(sealed, key.Seal(plain, aad)) {
			t.Fatal("length or nonce")
		}
		got, err := key.Open(sealed, aad)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatal(err)
		}
		fails := func(k *DataKey, sealed, aad []byte) {
			if _, err := k.Open(sealed, aad); !errors.Is(err, ErrOpen) {
				t.Fatal("opened")
			}
		}
		fails(other, sealed, aad)
		fails(key, sealed, append(bytes.Clone(aad), 0))
		fails(key, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], aad)
		flipped := bytes.Clone(sealed)
		flipped[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= byte(1 << rapid.IntRange(0, 7).Draw(t, "bit"))
		fails(key, flipped, aad)
		// A header moved into the aad must not shift the boundary between them.
		fails(key, sealed, append(bytes.Clone(sealed[:headerSize]), aad...))
	})
}

func TestPropertySealer(t *testing.T) {
	s := NewSealer(root(t, fixed(1)))
	rotated := NewSealer(root(t, fixed(2), fixed(1)))
	retired := NewSealer(root(t, fixed(2)))
	rapid.Check(t, func(t *rapid.T) {
		purpose, binding := rapid.String().Draw(t, "purpose"), rapid.SliceOf(rapid.Byte()).Draw(t, "binding")
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		text := s.Seal(purpose, binding, payload)
		for _, opener := range []*Sealer{s, rotated} {
			if got, err := opener.Open(purpose, binding, text); err != nil || !bytes.Equal(got, payload) {
				t.Fatal(err)
			}
		}
		fails := func(s *Sealer, purpose string, binding []byte, text string) {
			if _, err := s.Open(purpose, binding, text); !errors.Is(err, ErrOpen) {
				t.Fatalf("opened %q", text)
			}
		}
		fails(retired, purpose, binding, text)
		fails(s, purpose+"x", binding, text)
		fails(s, purpose, append(bytes.Clone(binding), 'x'), text)
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		if text[at] != c {
			fails(s, purpose, binding, text[:at]+string([]byte{c})+text[at+1:])
		}
		fails(s, purpose, binding, text[:at])
		fails(s, purpose, binding, text[:at]+"\n"+text[at:])
		fails(s, purpose, binding, text+"=")
	})
	if _, err := s.Open("p", nil, strings.Repeat("A", maxSealedBytes+1)); !errors.Is(err, ErrOpen) {
		t.Error("no bound")
	}
}

func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.StringMatching(`[a-z0-9]{1,6}(_[a-z0-9]{1,6}){0,2}`).Draw(t, "prefix")
		plain, hash := NewToken(prefix)
		if !LooksLike(prefix, plain) || !MatchToken(plain, hash) || !bytes.Equal(hash, HashToken(plain)) || len(hash) != 32 {
			t.Fatal(plain)
		}
		at := rapid.IntRange(0, len(plain)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		altered := []string{plain[:at], plain + "A", " " + plain, plain + "\n", strings.ToUpper(plain)}
		if plain[at] != c {
			altered = append(altered, plain[:at]+string([]byte{c})+plain[at+1:])
		}
		for _, s := range altered {
			if LooksLike(prefix, s) || MatchToken(s, hash) {
				t.Fatalf("%q passes for %q", s, plain)
			}
		}
		if LooksLike(prefix+"x", plain) {
			t.Fatal("another prefix")
		}
		if again, _ := NewToken(prefix); again == plain {
			t.Fatal("repeated")
		}
	})
	for _, hash := range [][]byte{nil, {}, make([]byte, 32)} {
		if MatchToken("", hash) || EqualHash(nil, nil) {
			t.Error("matched")
		}
	}
	for _, prefix := range []string{"", "_", "A", "a b", "grv__rt", "grv_", strings.Repeat("a", 33), "é"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("prefix %q", prefix)
				}
			}()
			NewToken(prefix)
		}()
	}
}

// SHA-256 of "abc", FIPS 180-4.
func TestHashTokenVector(t *testing.T) {
	if got := hex.EncodeToString(HashToken("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}

func TestKeysNeverPrint(t *testing.T) {
	secret := make([]byte, KeySize)
	_, _ = rand.Read(secret)
	r := root(t, secret)
	key, _ := r.NewDataKey("c")
	for _, v := range []any{r, key, NewSealer(r)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if got := fmt.Sprintf(verb, v); !strings.HasSuffix(got, "(redacted)") {
				t.Errorf("%T %s: %s", v, verb, got)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	r, err := NewRoot(fixed(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{1, 2, 3}, "AQ")
	f.Fuzz(func(t *testing.T, sealed []byte, text string) {
		if _, err := r.UnwrapKey("fuzz", sealed); err == nil {
			t.Fatal("forged")
		}
		if _, err := NewSealer(r).Open("fuzz", nil, text); err == nil {
			t.Fatal("forged")
		}
		LooksLike("grv_rt", text)
	})
}

func BenchmarkSealer(b *testing.B) {
	s := NewSealer(root(b, fixed(1)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Open("cursor", []byte("tnt_1"), s.Seal("cursor", []byte("tnt_1"), []byte("position"))); err != nil {
			b.Fatal(err)
		}
	}
}
