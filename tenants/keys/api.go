package keys

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// SigningKey is a signing key without its private part.
type SigningKey struct {
	ID        ids.Key   `json:"id" doc:"The key."`
	KID       string    `json:"kid" doc:"The key id in token headers and in the key set: its thumbprint (RFC 7638)." example:"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`
	Alg       string    `json:"alg" doc:"The algorithm (RFC 7518)." example:"ES256"`
	State     State     `json:"state" doc:"next, active, previous or retired. All but retired ones are in the key set." example:"active"`
	CreatedAt time.Time `json:"created_at" doc:"When the key was made." example:"2026-11-23T09:00:00Z"`
	StateAt   time.Time `json:"state_at" doc:"When the key came into its state." example:"2026-11-23T09:00:00Z"`
}

func shown(r keyRow) SigningKey {
	return SigningKey{ID: r.ID, KID: r.KID, Alg: r.Alg, State: r.State, CreatedAt: r.CreatedAt, StateAt: r.StateAt}
}

// ListKeysInput asks for signing keys.
type ListKeysInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

// RotateKeysRequest says what to rotate.
type RotateKeysRequest struct {
	Alg string `json:"alg,omitempty" enum:"ES256,EdDSA,PS256,RS256" default:"ES256" doc:"The algorithm whose key is to be rotated." example:"ES256"`
}

// RotateKeysInput asks for a rotation.
type RotateKeysInput struct {
	httpapi.OrgPath
	Body *RotateKeysRequest `required:"false"`
}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[SigningKey]]]{ID: "listKeys", Method: "GET", Path: "/v1/orgs/{org}/keys", Tag: "Keys",
		Summary:     "List signing keys",
		Description: "Lists the tenant's signing keys, the newest first. Only the root organization has keys: every organization's tokens are signed with them.",
		Status:      200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[SigningKey]]{ID: "rotateKeys", Method: "POST", Path: "/v1/orgs/{org}/keys:rotate", Tag: "Keys",
		Summary: "Rotate signing keys",
		Description: "Makes the next key sign, publishes the one after it, and answers with the key that signs now. The key that signed so far stays " +
			"in the key set for 48 hours. Relying parties have seen the next key in the key set since the rotation before.",
		Status: 200, Needs: permWrite, Errors: []fault.Code{errNoKey}, Replay: s.replay}, s.rotate)
}

// atRoot refuses child organizations, which have no keys of their own.
func atRoot(c *httpapi.Call) error {
	if c.Org.ID != c.Tenant.Root {
		return fault.CodeNotFound.With("Keys belong to the root organization.", nil)
	}
	return nil
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListKeysInput) (*httpapi.Out[page.Of[SigningKey]], error) {
	if err := atRoot(c); err != nil {
		return nil, err
	}
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var after ids.Key
	if err := after.UnmarshalText([]byte(req.Part(0))); err != nil {
		return nil, fault.CodePageToken.With("Start again without a page token.", err)
	}
	var rows []keyRow
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		rows, err = selectKeys(ctx, tx, after, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(r keyRow) []string { return []string{r.ID.String()} })
	return httpapi.List(c, page.Map(result, shown)), nil
}

func (s *Service) rotate(ctx context.Context, c *httpapi.Call, in *RotateKeysInput) (*httpapi.Entity[SigningKey], error) {
	if err := atRoot(c); err != nil {
		return nil, err
	}
	alg := jose.ES256
	if in.Body != nil && in.Body.Alg != "" {
		alg = in.Body.Alg
	}
	id, err := s.Rotate(ctx, c.Tenant.ID, c.Org.ID, alg)
	if err != nil {
		return nil, err
	}
	return s.replay(ctx, c, id.String())
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[SigningKey], error) {
	var id ids.Key
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	var row keyRow
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		row, err = selectKey(ctx, tx, id)
		return err
	})
	if db.IsNoRows(err) {
		return nil, fault.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(shown(row), row.Version), nil
}
