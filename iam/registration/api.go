package registration

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/secrets"
)

const (
	prefixInitial   = "grv_ri" // initial access tokens (RFC 7591)
	maxTokens       = 100      // of an organization
	maxTokenLife    = 366 * 24 * time.Hour
	defaultTokenTTL = 7 * 24 * time.Hour
)

// CreateRegistrationTokenRequest asks for an initial access token.
type CreateRegistrationTokenRequest struct {
	Name      string     `json:"name" minLength:"1" maxLength:"100" doc:"Whom or what the token is for." example:"Partner portal"`
	Uses      *int       `json:"uses,omitempty" minimum:"1" maximum:"10000" doc:"How many apps may be registered with it; any number where left out." example:"1"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the token stops working, in a year at the latest; in a week where left out." example:"2030-01-01T00:00:00Z"`
}

// RegistrationToken is an initial access token without the token.
type RegistrationToken struct {
	ID        ids.RegistrationToken `json:"id" doc:"The token's identifier."`
	Name      string                `json:"name" doc:"Whom or what it is for." example:"Partner portal"`
	Hint      string                `json:"hint" doc:"Its last four characters." example:"x7Qa"`
	UsesLeft  *int                  `json:"uses_left,omitempty" doc:"How many more apps may be registered with it; absent for any number." example:"1"`
	CreatedAt time.Time             `json:"created_at" doc:"When it was made." example:"2026-11-23T09:00:00Z"`
	ExpiresAt time.Time             `json:"expires_at" doc:"When it stops working." example:"2030-01-01T00:00:00Z"`
}

// CreatedRegistrationToken is a new initial access token.
type CreatedRegistrationToken struct {
	RegistrationToken
	Token string `json:"token" doc:"The token, to be sent as Bearer to the registration endpoint. Shown here and never again." example:"grv_ri_…"`
}

func (t tokenRow) view() RegistrationToken { return RegistrationToken(t) }

type (
	listTokensInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
	}
	createTokenInput struct {
		httpapi.OrgPath
		Body CreateRegistrationTokenRequest
	}
	deleteTokenInput struct {
		httpapi.OrgPath
		Token ids.RegistrationToken `path:"token" doc:"The token." example:"rgt_01j4x5t00070008000000000g4"`
	}
)

func (s *Service) routes(a *httpapi.API) {
	const tag, path = "Apps", "/v1/orgs/{org}/registration-tokens"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[RegistrationToken]]]{ID: "listRegistrationTokens", Method: "GET", Path: path, Tag: tag, Status: 200, Needs: apps.PermRead,
		Summary: "List registration tokens", Description: "The tokens with which apps register themselves with the organization (RFC 7591), oldest first."}, s.listTokens)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[CreatedRegistrationToken]]{ID: "createRegistrationToken", Method: "POST", Path: path, Tag: tag, Status: 201, Needs: apps.PermWrite,
		Summary:     "Make a registration token",
		Description: "An initial access token: who holds it registers apps at the organization's registration endpoint, as far as its settings let apps register themselves. Such an app has access to nothing but the APIs that are open to registered clients.",
		Errors:      []fault.Code{errTooManyTokens}}, s.createToken)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteRegistrationToken", Method: "DELETE", Path: path + "/{token}", Tag: tag, Status: 204, Needs: apps.PermWrite,
		Summary: "Take a registration token away", Description: "Apps that were registered with it stay."}, s.deleteToken)
}

func (s *Service) listTokens(ctx context.Context, c *httpapi.Call, in *listTokensInput) (*httpapi.Out[page.Of[RegistrationToken]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	after, _ := uuid.Parse(req.Part(0)) // "" on the first page is the zero UUID, before all others
	var result page.Result[RegistrationToken]
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := listTokens(ctx, tx, after, req.Limit())
		result = page.Map(page.Cut(req, rows, func(t tokenRow) []string { return []string{t.ID.UUID().String()} }), tokenRow.view)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) createToken(ctx context.Context, c *httpapi.Call, in *createTokenInput) (*httpapi.Out[CreatedRegistrationToken], error) {
	made, err := s.CreateToken(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(made), nil
}

func (s *Service) deleteToken(ctx context.Context, c *httpapi.Call, in *deleteTokenInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.RevokeToken(ctx, c.Tenant.ID, c.Org.ID, in.Token)
}

// CreateToken makes an initial access token of org (RFC 7591, section 1.2).
func (s *Service) CreateToken(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateRegistrationTokenRequest) (made CreatedRegistrationToken, err error) {
	name := strings.TrimSpace(in.Name)
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return made, fault.CodeInvalid.At("/name", "Must be printable characters, at least one of them no space.")
	}
	plain, hash := secrets.NewToken(prefixInitial)
	row := tokenRow{ID: ids.NewRegistrationToken(), Name: name, Hint: plain[len(plain)-4:], UsesLeft: in.Uses}
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		row.CreatedAt, row.ExpiresAt = tx.Now(), tx.Now().Add(defaultTokenTTL)
		if in.ExpiresAt != nil {
			row.ExpiresAt = *in.ExpiresAt
		}
		if !row.ExpiresAt.After(tx.Now()) || row.ExpiresAt.After(tx.Now().Add(maxTokenLife)) {
			return fault.CodeInvalid.At("/expires_at", "Must be a time to come, within a year.")
		}
		n, err := countTokens(ctx, tx)
		if err != nil {
			return err
		}
		if n >= maxTokens {
			return errTooManyTokens.With("Take one of the hundred tokens away first.", nil)
		}
		if err := insertToken(ctx, tx, row, hash); err != nil {
			return err
		}
		made = CreatedRegistrationToken{RegistrationToken: row.view(), Token: plain}
		return s.events.Write(ctx, tx.Tx, eventTokenCreated.Of(org, row.ID, tokenData{ExpiresAt: row.ExpiresAt, Hint: row.Hint, Name: row.Name}))
	})
	return made, err
}

// RevokeToken takes an initial access token of org away.
func (s *Service) RevokeToken(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.RegistrationToken) error {
	return s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		row, err := deleteToken(ctx, tx, id)
		if err != nil {
			return db.OrNotFound(err)
		}
		return s.events.Write(ctx, tx.Tx, eventTokenRevoked.Of(org, id, tokenData{ExpiresAt: row.ExpiresAt, Hint: row.Hint, Name: row.Name}))
	})
}
