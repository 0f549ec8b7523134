package jose

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// DefaultMaxBytes is the size limit of a token unless the options say otherwise.
	DefaultMaxBytes = 16 << 10
	// maxKIDBytes leaves room for publishers whose key ids are URLs.
	maxKIDBytes = 256
)

// Every refusal is one of these, and each of these is an [ErrInvalid]. None of them quotes the token.
var (
	ErrInvalid = errors.New("jose: invalid token")

	ErrAlg       = fmt.Errorf("%w: algorithm", ErrInvalid)       // unsupported, not listed, or not the key's
	ErrCritical  = fmt.Errorf("%w: critical header", ErrInvalid) // crit, b64, enc or zip
	ErrDuplicate = fmt.Errorf("%w: duplicate name", ErrInvalid)  // a name twice in one JSON object
	ErrKID       = fmt.Errorf("%w: key id", ErrInvalid)          // absent, unbounded or unknown
	ErrMalformed = fmt.Errorf("%w: malformed", ErrInvalid)
	ErrSignature = fmt.Errorf("%w: signature", ErrInvalid)
	ErrTooLarge  = fmt.Errorf("%w: too large", ErrInvalid)
	ErrTyp       = fmt.Errorf("%w: type", ErrInvalid) // not in the caller's list

	errDepth = fmt.Errorf("%w: too deep", ErrMalformed)
	errJSON  = fmt.Errorf("%w: JSON", ErrMalformed)
)

// VerifyOptions say what a token must be. The zero value accepts nothing.
type VerifyOptions struct {
	// Algs narrows the accepted algorithms; empty means all of [Algs]. The key's own alg binds in any case.
	Algs []string
	// AllowMissingKID accepts a token without kid and asks Keys for "". For strangers' tokens only:
	// a client or an identity provider with a single key may leave it out (RFC 7515 section 4.1.4).
	AllowMissingKID bool
	// Candidates takes the place of Keys where a stranger publishes several keys, with or without kids: it returns those
	// that may have signed a token with this header, which nobody has verified yet. Of them only keys of the header's
	// alg, and of its kid where both have one, are tried, and eight at the most.
	Candidates func(Header) []*PublicKey
	// Keys finds the key of a kid among those of the one issuer that the caller expects. A kid is a
	// map key and nothing else: at most 256 printable ASCII characters, chosen by whoever wrote the token.
	Keys func(kid string) (*PublicKey, bool)
	// MaxBytes limits the token's length; 0 means [DefaultMaxBytes].
	MaxBytes int
	// Typ lists the accepted values of typ, compared as media types are, such as "at+jwt". The entry ""
	// accepts a token without typ, which client assertions and other issuers' ID tokens may be.
	Typ []string

	hmac bool // HS256 and nothing else; only VerifyHMAC sets it
}

// Header is what the protected header said. After verification Alg is the key's, and Typ is one of
// those asked for; the rest is only as trustworthy as the signer.
type Header struct {
	Alg string
	KID string
	Typ string

	members object
}

// Raw returns any other header member as written. No key and no address in it may be used.
func (h Header) Raw(name string) (json.RawMessage, bool) { return h.members.get(name) }

// Verify checks a compact JWS against opts and returns its payload, the text of a JSON object, and
// its header. See the package comment for what holds afterwards. Claims are not judged: see [ParseClaims].
func Verify(token string, opts VerifyOptions) ([]byte, Header, error) {
	p, err := parse(token, opts)
	if err != nil {
		return nil, Header{}, err
	}
	if p.header.KID == "" && !opts.AllowMissingKID || (opts.Keys == nil) == (opts.Candidates == nil) {
		return nil, Header{}, ErrKID
	}
	if opts.Candidates != nil {
		return p.tryAll(opts.Candidates(p.header))
	}
	key, ok := opts.Keys(p.header.KID)
	if !ok || key == nil {
		return nil, Header{}, ErrKID
	}
	if key.alg != p.header.Alg {
		return nil, Header{}, ErrAlg
	}
	payload, err := p.open(key)
	if err != nil {
		return nil, Header{}, err
	}
	return payload, p.header, nil
}

// maxTried bounds what one token can make us compute.
const maxTried = 8

func (p parsed) tryAll(keys []*PublicKey) ([]byte, Header, error) {
	err := error(ErrKID)
	tried := 0
	for _, key := range keys {
		if key.alg != p.header.Alg || p.header.KID != "" && key.kid != "" && key.kid != p.header.KID {
			continue
		}
		if tried++; tried > maxTried {
			break
		}
		payload, failed := p.open(key)
		if failed == nil {
			return payload, p.header, nil
		}
		err = failed
	}
	return nil, Header{}, err
}

// VerifyEmbedded checks a proof of possession (RFC 9449 section 4.3): a token that carries its own key
// in the header member jwk. It proves that the sender holds that key and nothing more; the caller
// compares the returned key's thumbprint with the one that a token or a code is bound to.
// opts.Keys and opts.Candidates must be nil, and opts.Typ should name only types that no other path accepts, such as "dpop+jwt".
func VerifyEmbedded(token string, opts VerifyOptions) ([]byte, Header, *PublicKey, error) {
	p, err := parse(token, opts)
	if err != nil {
		return nil, Header{}, nil, err
	}
	raw, ok := p.header.Raw("jwk")
	if !ok || opts.Keys != nil || opts.Candidates != nil {
		return nil, Header{}, nil, ErrKID
	}
	key, err := ParsePublicJWK(raw, p.header.Alg)
	if err != nil {
		return nil, Header{}, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	payload, err := p.open(key)
	if err != nil {
		return nil, Header{}, nil, err
	}
	return payload, p.header, key, nil
}

// parsed is a token whose header has passed, and whose signature has not been looked at.
type parsed struct {
	header    Header
	input     string // header and payload as signed
	payload   string
	signature string
}

func parse(token string, opts VerifyOptions) (parsed, error) {
	limit := opts.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if len(token) > limit {
		return parsed{}, ErrTooLarge
	}
	// Two dots exactly: five parts are a JWE, which must never pass for a JWS.
	if strings.Count(token, ".") != 2 {
		return parsed{}, ErrMalformed
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	p := parsed{input: token[:last], payload: token[first+1 : last], signature: token[last+1:]}
	if p.signature == "" {
		return parsed{}, ErrSignature
	}
	text, err := decode(token[:first])
	if err != nil {
		return parsed{}, err
	}
	o, err := parseObject(text)
	if err != nil {
		return parsed{}, err
	}
	p.header, err = readHeader(o, opts)
	return p, err
}

func readHeader(o object, opts VerifyOptions) (Header, error) {
	// No extension is understood here, so any crit is a refusal (RFC 7515 section 4.1.11), and b64
	// is invalid without crit (RFC 7797 section 6). enc and zip belong to a JWE.
	for _, name := range []string{"b64", "crit", "enc", "zip"} {
		if o.has(name) {
			return Header{}, ErrCritical
		}
	}
	alg, okAlg := o.str("alg")
	kid, okKID := o.str("kid")
	typ, okTyp := o.str("typ")
	if !okAlg || opts.hmac != (alg == HS256) || !opts.hmac && !supported(alg) || len(opts.Algs) > 0 && !slices.Contains(opts.Algs, alg) {
		return Header{}, ErrAlg
	}
	if !okKID || o.has("kid") && !validKID(kid) {
		return Header{}, ErrKID
	}
	if !okTyp || o.has("typ") && typ == "" {
		return Header{}, ErrTyp
	}
	i := slices.IndexFunc(opts.Typ, func(accepted string) bool { return sameType(accepted, typ) })
	if i < 0 {
		return Header{}, ErrTyp
	}
	typ = opts.Typ[i]
	return Header{Alg: alg, KID: kid, Typ: typ, members: o}, nil
}

// sameType compares media types: without regard to case, and a type without a slash is one of application/ (RFC 7515, section 4.1.9).
func sameType(accepted, typ string) bool {
	const application = "application/"
	if len(typ) > len(application) && strings.EqualFold(typ[:len(application)], application) && !strings.Contains(typ[len(application):], "/") {
		typ = typ[len(application):]
	}
	return strings.EqualFold(accepted, typ)
}

// open checks the signature, then the payload's form.
func (p parsed) open(key *PublicKey) ([]byte, error) {
	sig, err := decode(p.signature)
	if err != nil {
		return nil, err
	}
	if !verifySignature(key.alg, key.key, []byte(p.input), sig) {
		return nil, ErrSignature
	}
	payload, err := decode(p.payload)
	if err != nil {
		return nil, err
	}
	if _, err := parseObject(payload); err != nil {
		return nil, err
	}
	return payload, nil
}

// decode reads canonical base64url: one text for one value.
func decode(s string) ([]byte, error) {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return nil, ErrMalformed
		}
	}
	b, err := b64.DecodeString(s)
	if err != nil {
		return nil, ErrMalformed
	}
	return b, nil
}

func validKID(kid string) bool {
	if kid == "" || len(kid) > maxKIDBytes {
		return false
	}
	for i := range len(kid) {
		if kid[i] <= ' ' || kid[i] > '~' {
			return false
		}
	}
	return true
}
