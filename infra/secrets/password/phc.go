package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Limits of what is worked on. A hash at all of them costs about 0.7 s of one core and 256 MiB.
const (
	maxHashBytes  = 512
	maxKeyBytes   = 64
	maxMemoryKiB  = 256 << 10
	maxSaltBytes  = 64
	maxThreads    = 16
	maxTime       = 16
	maxWork       = 1 << 20 // time × memory in KiB
	minKeyBytes   = 16
	minSaltBytes  = 8
	maxBcryptCost = 14 // about 0.9 s
)

// ErrHash means that a stored hash is of no known kind, malformed, or beyond the limits.
var ErrHash = errors.New("password: stored hash is not usable")

// Params are the costs of argon2id (RFC 9106 section 3.1).
type Params struct {
	KeyBytes  uint32 // length of the hash; default 32
	MemoryKiB uint32 // default 19456 (19 MiB)
	SaltBytes uint32 // default 16
	Threads   uint8  // lanes, each computed by its own goroutine; default 1
	Time      uint32 // passes; default 2
}

// DefaultParams are the least that OWASP's password storage guidance asks for: 19 MiB, two passes, one lane.
func DefaultParams() Params {
	return Params{KeyBytes: 32, MemoryKiB: 19 << 10, SaltBytes: 16, Threads: 1, Time: 2}
}

func (p Params) withDefaults() Params {
	d := DefaultParams()
	if p.KeyBytes == 0 {
		p.KeyBytes = d.KeyBytes
	}
	if p.MemoryKiB == 0 {
		p.MemoryKiB = d.MemoryKiB
	}
	if p.SaltBytes == 0 {
		p.SaltBytes = d.SaltBytes
	}
	if p.Threads == 0 {
		p.Threads = d.Threads
	}
	if p.Time == 0 {
		p.Time = d.Time
	}
	return p
}

func (p Params) valid() bool {
	return p.Threads >= 1 && p.Threads <= maxThreads &&
		p.Time >= 1 && p.Time <= maxTime &&
		p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKiB &&
		uint64(p.MemoryKiB)*uint64(p.Time) <= maxWork &&
		p.SaltBytes >= minSaltBytes && p.SaltBytes <= maxSaltBytes &&
		p.KeyBytes >= minKeyBytes && p.KeyBytes <= maxKeyBytes
}

// phc is a parsed argon2id hash: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
type phc struct {
	params Params
	salt   []byte
	key    []byte
}

var phcEncoding = base64.RawStdEncoding.Strict()

func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.MemoryKiB, h.params.Time, h.params.Threads,
		phcEncoding.EncodeToString(h.salt), phcEncoding.EncodeToString(h.key))
}

// parsePHC accepts exactly what [phc.String] writes, so that one hash has one text.
func parsePHC(s string) (phc, error) {
	fields := strings.Split(s, "$")
	if len(s) > maxHashBytes || len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != "v=19" {
		return phc{}, ErrHash
	}
	costs := strings.Split(fields[3], ",")
	if len(costs) != 3 {
		return phc{}, ErrHash
	}
	var values [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(costs[i], name)
		if !ok {
			return phc{}, ErrHash
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return phc{}, ErrHash
		}
		values[i] = uint32(n)
	}
	if values[2] > maxThreads {
		return phc{}, ErrHash
	}
	salt, errSalt := phcEncoding.DecodeString(fields[4])
	key, errKey := phcEncoding.DecodeString(fields[5])
	if errSalt != nil || errKey != nil {
		return phc{}, ErrHash
	}
	h := phc{
		params: Params{KeyBytes: uint32(len(key)), MemoryKiB: values[0], SaltBytes: uint32(len(salt)), Threads: uint8(values[2]), Time: values[1]},
		salt:   salt,
		key:    key,
	}
	if !h.params.valid() || h.String() != s {
		return phc{}, ErrHash
	}
	return h, nil
}

// checkBcrypt accepts $2a$, $2b$ and $2y$, which are one algorithm, within the cost limit.
func checkBcrypt(s string) error {
	if len(s) != 60 || s[0] != '$' || s[1] != '2' || !strings.Contains("aby", s[2:3]) {
		return ErrHash
	}
	if cost, err := bcrypt.Cost([]byte(s)); err != nil || cost > maxBcryptCost {
		return ErrHash
	}
	return nil
}

// Check reports whether stored is a hash that [Hasher.Verify] would work on, or [ErrHash].
// Imports call it before they store anything.
func Check(stored string) error {
	if strings.HasPrefix(stored, "$2") {
		return checkBcrypt(stored)
	}
	_, err := parsePHC(stored)
	return err
}
