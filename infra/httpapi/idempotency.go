package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"grove/infra/db"
	"grove/infra/kernel/fault"
)

type pendingClaimKey struct{}

func claimOf(ctx context.Context) *db.Claim {
	c, _ := ctx.Value(pendingClaimKey{}).(*db.Claim)
	return c
}

// claim reads the body of a POST with an Idempotency-Key and hashes it with the address.
func (a *API) claim(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if r.Method != http.MethodPost || key == "" {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > 255 || len(r.Header.Values("Idempotency-Key")) > 1 {
			WriteProblem(w, r, a.log, fault.CodeInvalid.At("header:Idempotency-Key", "Must be one value of at most 255 characters."))
			return
		}
		body, err := readBody(w, r)
		if err != nil {
			WriteProblem(w, r, a.log, err)
			return
		}
		h := sha256.New()
		h.Write([]byte(r.URL.RequestURI()))
		h.Write([]byte{0})
		h.Write(body)
		c := &db.Claim{Key: key, Hash: h.Sum(nil)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), pendingClaimKey{}, c)))
	})
}

// replayOr runs the operation, or answers a repetition from what the first run left.
func replayOr[O any](ctx context.Context, a *API, r Route[O], c *Call, run func(context.Context) (*O, error)) (*O, error) {
	claim := claimOf(ctx)
	if claim == nil {
		return run(ctx)
	}
	out, found, err := replay(ctx, a, r, c, claim)
	if found || err != nil {
		return out, err
	}
	if out, err = run(ctx); err == nil {
		return out, nil
	}
	// A twin may have been faster: then its claim, or its effect such as a name that is taken now, was in the way of this
	// one. It has committed by now, and its answer is the answer.
	if out, found, again := replay(ctx, a, r, c, claim); found {
		return out, again
	}
	return out, err
}

func replay[O any](ctx context.Context, a *API, r Route[O], c *Call, claim *db.Claim) (out *O, found bool, err error) {
	stored, found, err := a.DB.FindClaim(ctx, c.Tenant.ID, claim)
	switch {
	case err != nil || !found:
		return nil, false, err
	case stored.Operation != r.ID || !bytes.Equal(stored.Hash, claim.Hash):
		return nil, true, fault.CodeIdemMismatch.With("Use a new key for another request.", nil)
	case r.Replay == nil:
		return nil, true, fault.CodeIdemSecret.With("Make a new secret instead.", nil)
	}
	out, err = r.Replay(db.WithClaim(ctx, nil), c, stored.Subject) // many may read at once what was done once
	return out, true, err
}

func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func writeJSON(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

func itoa(n int) string { return strconv.Itoa(n) }

func ptr[T any](v T) *T { return &v }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
