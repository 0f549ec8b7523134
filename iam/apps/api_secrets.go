package apps

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// maxSecrets is enough to roll a secret over while two deployments run.
const maxSecrets = 5

// CreateAppSecretRequest asks for a new client secret.
type CreateAppSecretRequest struct {
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the secret stops working by itself; never where left out." example:"2030-01-01T00:00:00Z"`
}

// AppSecret is a client secret without the secret.
type AppSecret struct {
	ID        ids.Secret `json:"id" doc:"The secret's identifier."`
	Hint      string     `json:"hint" doc:"Its last four characters." example:"x7Qa"`
	CreatedAt time.Time  `json:"created_at" doc:"When it was made." example:"2026-11-23T09:00:00Z"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it stops working by itself." example:"2030-01-01T00:00:00Z"`
}

// CreatedAppSecret is a new client secret.
type CreatedAppSecret struct {
	AppSecret
	ClientSecret string `json:"client_secret" doc:"The secret. Shown here and never again." example:"grv_cs_…"`
}

func (r secretRow) view() AppSecret {
	return AppSecret{ID: r.ID, Hint: r.Hint, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
}

type (
	createSecretInput struct {
		AppPath
		Body CreateAppSecretRequest
	}
	deleteSecretInput struct {
		AppPath
		Secret ids.Secret `path:"secret" doc:"The secret." example:"sec_01j4x5t00070008000000000g4"`
	}
	listSecretsInput struct {
		AppPath
		httpapi.PageQuery
	}
)

func (s *Service) secretRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/apps/{app}/secrets"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[AppSecret]]]{ID: "listAppSecrets", Method: "GET", Path: path, Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "List client secrets", Description: "Oldest first, each with its last four characters."}, s.listSecrets)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[CreatedAppSecret]]{ID: "createAppSecret", Method: "POST", Path: path, Tag: tagApps, Status: 201, Needs: PermWrite,
		Summary:     "Make a client secret",
		Description: "At most five work at a time, so that a secret can be rolled over. Only somebody who holds what the app is authorized for makes one (role.above_granter).",
		Errors:      []fault.Code{ErrBuiltin, ErrShared, errClientType, errTooManySecrets, fault.CodeAboveGranter}}, s.createSecret)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteAppSecret", Method: "DELETE", Path: path + "/{secret}", Tag: tagApps, Status: 204, Needs: PermWrite,
		Summary:     "Take a client secret away",
		Description: "Everything that was issued to the app so far ends. Only somebody who holds what the app is authorized for takes one away (role.above_granter).", Errors: []fault.Code{ErrBuiltin, ErrShared, fault.CodeAboveGranter}}, s.deleteSecret)
}

func (s *Service) listSecrets(ctx context.Context, c *httpapi.Call, in *listSecretsInput) (*httpapi.Out[page.Of[AppSecret]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	after, _ := uuid.Parse(req.Part(0)) // "" on the first page is the zero UUID, before all others
	var result page.Result[AppSecret]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		if _, err := findApp(ctx, tx.Tx, c.Org.ID, in.App); err != nil {
			return db.OrNotFound(err)
		}
		rows, err := listSecrets(ctx, tx.Tx, in.App, after, req.Limit())
		result = page.Map(page.Cut(req, rows, func(r secretRow) []string { return []string{r.ID.UUID().String()} }), secretRow.view)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createSecret(ctx context.Context, c *httpapi.Call, in *createSecretInput) (*httpapi.Out[CreatedAppSecret], error) {
	made, err := s.CreateSecret(ctx, c.Tenant.ID, c.Org.ID, in.App, in.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(made), nil
}

func (s *Service) deleteSecret(ctx context.Context, c *httpapi.Call, in *deleteSecretInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.RevokeSecret(ctx, c.Tenant.ID, c.Org.ID, in.App, in.Secret)
}

// CreateSecret makes a client secret of an app that org owns.
func (s *Service) CreateSecret(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App, in CreateAppSecretRequest) (made CreatedAppSecret, err error) {
	row, plain, hash := newSecret()
	row.ExpiresAt = in.ExpiresAt
	key, err := s.SealingKey(ctx, tenant)
	if err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		owner, err := s.lockOwn(ctx, tx, org, app)
		if err != nil {
			return err
		}
		if owner.ClientType == clientPublic {
			return errClientType.With("A public client proves itself by PKCE.", nil)
		}
		if in.ExpiresAt != nil && !in.ExpiresAt.After(tx.Now()) {
			return fault.CodeInvalid.At("/expires_at", "Must be a time to come.")
		}
		if err := s.checkStrength(ctx, tx, owner); err != nil {
			return err
		}
		n, err := countSecrets(ctx, tx, app)
		if err != nil {
			return err
		}
		if n >= maxSecrets {
			return errTooManySecrets.With("Take one of the five secrets away first.", nil)
		}
		if err := insertSecret(ctx, tx, owner, row, hash, sealed(key, owner, row.ID, plain)); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "app", owner.ClientID); err != nil {
			return err
		}
		row.CreatedAt = tx.Now()
		made = CreatedAppSecret{AppSecret: row.view(), ClientSecret: plain}
		return s.events.Write(ctx, tx, eventSecretCreated.Of(org, row.ID, secretData{App: app, ExpiresAt: row.ExpiresAt, Hint: row.Hint}))
	})
	return made, err
}

// RevokeSecret takes a client secret away and ends everything that was issued to the app so far, because nobody knows
// which of it the secret was used for.
func (s *Service) RevokeSecret(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App, secret ids.Secret) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		owner, err := s.lockOwn(ctx, tx, org, app)
		if err != nil {
			return err
		}
		row, err := deleteSecret(ctx, tx, app, secret)
		if err != nil {
			return db.OrNotFound(err)
		}
		if err := s.checkStrength(ctx, tx, owner); err != nil {
			return err
		}
		// A disabled app stays blocked: raising does not unblock.
		if err := tx.Raise(ctx, db.KindClient, app.UUID(), "app.secret_revoked"); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "app", owner.ClientID); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventSecretRevoked.Of(org, secret, secretData{App: app, ExpiresAt: row.ExpiresAt, Hint: row.Hint}))
	})
}
