package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
)

// Demonstrating proof of possession (RFC 9449): a token is bound to a key, and whoever uses it shows that he has the key.
const (
	schemeDPoP = "DPoP"
	typProof   = "dpop+jwt"

	maxProofBytes = 8 << 10
	nonceLife     = 5 * time.Minute
	proofLife     = time.Minute // before and after its iat, in which a proof without a nonce of ours is taken
)

// errUnproven is not invalid_dpop_proof: what is wrong is that something is missing, and there is no proof that could be invalid.
var errUnproven = refuse(codeInvalidRequest, "This application has to send a DPoP proof (RFC 9449, section 5.2).").told("RFC 9449, section 5.2 (dpop_bound_access_tokens)", "The request has a proof in the header DPoP.",
	"Send a DPoP proof; or do not bind the app's tokens to a key (OpenID Connect settings).")

var errProof = refuse(codeInvalidProof, "The DPoP proof is missing, invalid, expired, used, or for another request (RFC 9449, section 4.3).")

var errNonce = refuse(codeUseNonce, "Make a proof with the nonce of the header DPoP-Nonce.")

var (
	errProofAge     = errors.New("oauth: a proof that is not of now")
	errProofClaims  = errors.New("oauth: a proof for another request or token")
	errProofMissing = errors.New("oauth: no proof, or several")
	errProofReplay  = errors.New("oauth: a proof without jti, or one that was used before")
)

// use is what a proof has to be for.
type use struct {
	method, url string
	token       string   // the access token that is presented; "" at the authorization server's own endpoints
	nonce       bool     // whether a nonce of ours is required
	algs        []string // by which it may be signed; nil: any
}

// provenKey returns the thumbprint of the key that the sender of a request has proved to hold, "" where it brings no proof.
// Errors: invalid_dpop_proof, use_dpop_nonce.
func (s *Service) provenKey(ctx context.Context, proofs []string, of use) (jkt string, err error) {
	switch len(proofs) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", errProof.told("RFC 9449, section 4.3", "The request has one header DPoP.", "Send one proof.").because(errProofMissing)
	}
	payload, _, key, err := jose.VerifyEmbedded(proofs[0], jose.VerifyOptions{Algs: of.algs, MaxBytes: maxProofBytes, Typ: []string{typProof}})
	if err != nil {
		return "", errProof.told("RFC 9449, section 4.2", "The proof is a JWT of the type dpop+jwt, signed by the private part of the public key in its header jwk.", "Let a library make the proof; see alg, typ and jwk of its header.").because(err)
	}
	c, err := jose.ParseClaims(payload)
	if err != nil {
		return "", noProof(err)
	}
	method, _ := c.Text("htm")
	address, _ := c.Text("htu")
	hash, _ := c.Text("ath")
	if method != of.method || !s.isTarget(ctx, address, of.url) || of.token != "" && hash != tokenHash(of.token) {
		return "", errProof.told("RFC 9449, section 4.3", "htm is "+of.method+", htu is "+of.url+", and ath the hash of the access token where one is sent.", "Make a proof for each request, with its method and its address as the client calls it.").because(errProofClaims)
	}
	until, err := s.proofTime(ctx, c, of.nonce)
	if err != nil {
		return "", err
	}
	first, err := s.firstUse(ctx, "dpop:"+key.Thumbprint(), c.ID, until)
	if err == nil && !first {
		err = errProof.told("RFC 9449, section 11.1", "jti of the proof was never used before.", "Make a new proof, with a new jti, for each request, a repeated one too.").because(errProofReplay)
	}
	return key.Thumbprint(), err
}

func noProof(cause error) error { return refuseBecause(codeInvalidProof, errProof.description, cause) }

// proofTime judges when a proof was made: by our nonce where it has one, whatever the client's clock says, else by its iat. It
// returns until when the proof has to be remembered.
func (s *Service) proofTime(ctx context.Context, c *jose.Claims, needNonce bool) (until time.Time, err error) {
	now := s.DB.Clock().Now()
	if c.IssuedAt.IsZero() {
		return until, errProof.told("RFC 9449, section 4.2", "The proof has iat.", "Set iat to the time, in seconds.").because(errProofAge)
	}
	if _, has := c.Get("nonce"); has || needNonce {
		nonce, _ := c.Text("nonce")
		if made, ok := s.nonceTime(ctx, nonce); !ok || now.After(made.Add(nonceLife)) {
			return until, errNonce
		}
		return now.Add(nonceLife), nil
	}
	if c.IssuedAt.Before(now.Add(-proofLife)) || c.IssuedAt.After(now.Add(proofLife)) {
		return until, errProof.told("RFC 9449, section 4.3", "iat is within a minute of the server's time.", "Make the proof just before the request, and set the clock; or use the nonce of the header DPoP-Nonce.").because(errProofAge)
	}
	return c.IssuedAt.Add(proofLife + time.Second), nil
}

// nonce makes one (RFC 9449, section 8): the time, sealed for the tenant. Nothing has to be stored.
func (s *Service) nonce(ctx context.Context) string {
	now := binary.BigEndian.AppendUint64(nil, uint64(s.DB.Clock().Now().Unix())) //nolint:gosec // after 1970
	return s.Sealer.Seal("dpop_nonce", []byte(httpapi.TenantOf(ctx).ID.String()), now)
}

func (s *Service) nonceTime(ctx context.Context, nonce string) (made time.Time, ok bool) {
	raw, err := s.Sealer.Open("dpop_nonce", []byte(httpapi.TenantOf(ctx).ID.String()), nonce)
	if err != nil || len(raw) != 8 {
		return made, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw)), 0), true //nolint:gosec // sealed by nonce
}

// isTarget reports whether a proof is for an endpoint, at its own address or at its alias.
func (s *Service) isTarget(ctx context.Context, htu, address string) bool {
	if sameTarget(htu, address) {
		return true
	}
	path, below := strings.CutPrefix(address, httpapi.IssuerOf(ctx).URL)
	alias := s.alias(ctx)
	return alias != "" && below && sameTarget(htu, alias+path)
}

// sameTarget compares htu with the address of the request: query and fragment do not count, scheme and host are compared
// after RFC 3986, section 6.2.2.1, and a port that is the scheme's own says nothing.
func sameTarget(htu, address string) bool {
	given, err := url.Parse(htu)
	if err != nil || given.User != nil || given.Opaque != "" {
		return false
	}
	wanted, err := url.Parse(address)
	return err == nil && strings.EqualFold(given.Scheme, wanted.Scheme) && hostOf(given) == hostOf(wanted) && given.EscapedPath() == wanted.EscapedPath()
}

func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch strings.ToLower(u.Scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// tokenHash is ath (RFC 9449, section 4.2).
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// validThumbprint reports whether a text may be one of SHA-256 (RFC 7638).
func validThumbprint(jkt string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(jkt)
	return err == nil && len(raw) == sha256.Size
}

// bind binds the refresh tokens of a public client to its key, certificate (RFC 9449, section 5; RFC 8705, section 4) and browser. Those of
// another are bound to how it authenticates, so that it can change both.
func (g *grant) bind(client authenticatedClient) {
	var b binding
	if client.Public {
		b = client.bound()
	}
	g.JKT, g.X5T, g.Browser = b.jkt, b.x5t, b.browser
}

// bindRefreshTx is bind for the grant that a code has led to.
func (s *Service) bindRefreshTx(ctx context.Context, tx db.Tx, client authenticatedClient, g *grant) error {
	had := g.bound()
	if g.bind(client); g.bound() == had {
		return nil
	}
	return bindGrant(ctx, tx, g.ID, g.bound())
}

// checkPresented settles whether whoever presents an access token may use it: a token that is bound to a key only with a
// proof for this very request, one that is not only as a bearer token (RFC 9449, sections 7.1 and 7.2), and one that is bound to a
// certificate only in a connection with that certificate (RFC 8705, section 3).
func (s *Service) checkPresented(ctx context.Context, a accessToken, c httpapi.Credentials) error {
	if (a.bound.jkt != "") != strings.EqualFold(c.Scheme, schemeDPoP) || a.bound.x5t != "" && a.bound.x5t != s.shownThumbprint(ctx) {
		return errToken
	}
	if a.bound.jkt == "" {
		return nil
	}
	client, err := s.client(ctx, httpapi.TenantOf(ctx), a.clientID)
	if errors.Is(err, errClient) {
		return errToken
	}
	if err != nil {
		return err
	}
	jkt, err := s.provenKey(ctx, c.Proofs, use{method: c.Method, url: c.URL, token: c.Token, algs: client.Demands().Algs})
	switch {
	case errors.Is(err, errNonce): // one of another server's: resources ask for none
		return noProof(err)
	case err != nil:
		return err
	case jkt == "":
		return noProof(errProofMissing)
	case jkt != a.bound.jkt:
		return errToken
	}
	return nil
}
