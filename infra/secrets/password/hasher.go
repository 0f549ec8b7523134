package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the longest password, in bytes as typed.
const MaxBytes = 1024

var (
	// ErrBusy means that the queue is full; the caller should answer 503 with Retry-After.
	ErrBusy = errors.New("password: too many hashes are waiting")
	// ErrForm means that a password is empty, longer than [MaxBytes], or not UTF-8. It says nothing
	// about any user: it comes before a stored hash is looked at.
	ErrForm = errors.New("password: empty, too long or not UTF-8")
)

// Options configure a [Hasher]; the zero value is the default.
type Options struct {
	// MaxInFlight is how many hashes run at once: by default, and at most, one more than there are processors.
	MaxInFlight int
	// MaxQueue is how many callers may wait for a slot; default 64 for each slot, which is about 2 s of
	// work at the default costs.
	MaxQueue int
	// Params are the costs of new hashes. A field of zero means its default.
	Params Params
}

// Hasher hashes and verifies passwords with bounded concurrency. Make one for the whole program.
// It is safe for concurrent use and holds no memory while idle.
type Hasher struct {
	derive   func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte // argon2.IDKey, save in tests
	dummy    phc
	maxQueue int64
	params   Params
	slots    chan struct{}
	waiting  atomic.Int64
}

// New makes a hasher. Params beyond the limits that stored hashes have are an error.
func New(o Options) (*Hasher, error) {
	params := o.Params.withDefaults()
	if !params.valid() {
		return nil, errors.New("password: argon2id parameters are out of range")
	}
	if o.MaxInFlight < 0 || o.MaxQueue < 0 {
		return nil, errors.New("password: limits are negative")
	}
	most := runtime.NumCPU() + 1
	inFlight := o.MaxInFlight
	if inFlight == 0 || inFlight > most {
		inFlight = most
	}
	queue := o.MaxQueue
	if queue == 0 {
		queue = 64 * inFlight
	}
	h := &Hasher{derive: argon2.IDKey, maxQueue: int64(queue), params: params, slots: make(chan struct{}, inFlight)}
	h.dummy = phc{params: params, salt: random(params.SaltBytes), key: random(params.KeyBytes)}
	return h, nil
}

// Hash returns the PHC string of password under the current costs.
// Errors: [ErrForm], [ErrBusy], or the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	text, err := normalise(password)
	if err != nil {
		return "", err
	}
	out := phc{params: h.params, salt: random(h.params.SaltBytes)}
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	out.key = h.key(text, out)
	return out.String(), nil
}

// Verify reports whether password is the one of the stored hash, and, if it is, whether the hash should
// be made anew because it is bcrypt or has other costs than the current ones.
// Errors: [ErrForm], [ErrHash], [ErrBusy], or the context's.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (ok, needsRehash bool, err error) {
	text, err := normalise(password)
	if err != nil {
		return false, false, err
	}
	if strings.HasPrefix(stored, "$2") {
		ok, err := h.verifyBcrypt(ctx, password, stored)
		return ok, ok, err
	}
	parsed, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	ok, err = h.verify(ctx, text, parsed)
	return ok, ok && parsed.params != h.params, err
}

// VerifyDummy does the work of [Hasher.Verify] for a user who does not exist or has no password, so that
// the answer takes as long. It never succeeds; its errors are those of Verify.
func (h *Hasher) VerifyDummy(ctx context.Context, password string) error {
	text, err := normalise(password)
	if err != nil {
		return err
	}
	_, err = h.verify(ctx, text, h.dummy)
	return err
}

// Stats returns how many hashes are running and how many callers are waiting, for metrics.
func (h *Hasher) Stats() (inFlight, waiting int) { return len(h.slots), int(h.waiting.Load()) }

func (h *Hasher) verify(ctx context.Context, text []byte, stored phc) (bool, error) {
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.release()
	return subtle.ConstantTimeCompare(h.key(text, stored), stored.key) == 1, nil
}

func (h *Hasher) verifyBcrypt(ctx context.Context, password, stored string) (bool, error) {
	if err := checkBcrypt(stored); err != nil {
		return false, err
	}
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.release()
	switch err := bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)); {
	case err == nil:
		return true, nil
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return false, nil
	default:
		return false, ErrHash
	}
}

// key is argon2id of text with the salt and costs of p.
func (h *Hasher) key(text []byte, p phc) []byte {
	return h.derive(text, p.salt, p.params.Time, p.params.MemoryKiB, p.params.Threads, p.params.KeyBytes)
}

// acquire takes a slot, in the order of asking.
func (h *Hasher) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.maxQueue {
		return ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) release() { <-h.slots }

func normalise(password string) ([]byte, error) {
	if password == "" || len(password) > MaxBytes || !utf8.ValidString(password) {
		return nil, ErrForm
	}
	return norm.NFC.Bytes([]byte(password)), nil
}

func random(n uint32) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}
