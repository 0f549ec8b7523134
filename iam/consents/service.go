package consents

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

var (
	eventGranted = events.Declare[grantedData]("consent.granted", "A person let an application have scopes, attributes or authorization details, or took attributes away.")
	eventRevoked = events.Declare[revokedData]("consent.revoked", "A person, or an administrator for him, took back what an application was allowed.")
	eventNobody  = events.Declare[nobodyData]("consent.app_revoked", "All that people allowed an application was taken back, in every organization.")
)

type nobodyData struct {
	App   ids.App `json:"app_id" audit:"public"`
	Count int64   `json:"count" audit:"public"` // of consents
}

type grantedData struct {
	App          ids.App  `json:"app_id" audit:"public"`
	Attributes   []string `json:"attributes,omitempty" audit:"public"`                  // all claims that are allowed now, where the person was asked for each
	Declined     []string `json:"declined_attributes,omitempty" audit:"public"`         // and all that he said no to
	DetailsTypes []string `json:"authorization_details_types,omitempty" audit:"public"` // of what was agreed to this time
	Scopes       []string `json:"scopes" audit:"public"`                                // all that are allowed now
	User         ids.User `json:"user_id" audit:"public"`
}

type revokedData struct {
	App  ids.App  `json:"app_id" audit:"public"`
	User ids.User `json:"user_id" audit:"public"`
}

// Service keeps consents.
type Service struct {
	apps     Apps
	db       *db.DB
	events   *events.Log
	mayEnd   func(ctx context.Context, tx db.Tx, user ids.User) error
	onRevoke func(ctx context.Context, tx db.Tx, c Consent) error
}

// Apps ends what an application of an organization's has. iam/apps.
type Apps interface {
	RevokeTokensTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.App) error
}

// WithAdministrators tells the service who ends an application's tokens, and whom an administrator may take something from. It is called
// while the program is put together.
func (s *Service) WithAdministrators(apps Apps, mayEnd func(ctx context.Context, tx db.Tx, user ids.User) error) {
	s.apps, s.mayEnd = apps, mayEnd
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

// OnRevoke sets what ends the application's grants when its consent is taken back, in the same transaction. It is
// called while the program is put together.
func (s *Service) OnRevoke(f func(ctx context.Context, tx db.Tx, c Consent) error) { s.onRevoke = f }

// Missing returns those of the scopes that the person has not allowed the application in the organization, in the order
// given.
func (s *Service) Missing(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, scopes []string) ([]string, error) {
	var granted []string
	err := tx.QueryRow(ctx, sqlGranted, tx.Tenant(), user, org, app).Scan(&granted)
	if err != nil && !db.IsNoRows(err) {
		return nil, err
	}
	var missing []string
	for _, scope := range scopes {
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing, nil
}

// maxDetails bounds what is remembered; of what is forgotten the person is asked again.
const maxDetails = details.MaxCount

// Agreed reports whether the person has agreed to each of the details, exactly as it is, for the application in the organization.
func (s *Service) Agreed(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, list details.List) (agreed bool, err error) {
	if len(list) == 0 {
		return true, nil
	}
	err = tx.QueryRow(ctx, sqlAgreed, tx.Tenant(), user, org, app, texts(list)).Scan(&agreed)
	if db.IsNoRows(err) {
		err = nil
	}
	return agreed, err
}

func texts(list details.List) []string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = d.String()
	}
	return out
}

// GrantTx adds scopes and details to what the person allows the application in the organization, and takes in what he said of
// attributes; nil where he was not asked for them one by one.
func (s *Service) GrantTx(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, scopes []string, list details.List, said *Answer) error {
	var allowed []string
	declined, instead := []string{}, []string{}
	if said != nil {
		allowed, declined, instead = sorted(said.Allowed), sorted(said.Declined), sorted(said.Instead)
	}
	c, err := db.CollectOne[Consent](ctx, tx, sqlGrant, tx.Tenant(), ids.NewConsent(), org, user, app, scopes, tx.Now(), texts(list), maxDetails, allowed, declined, instead)
	if db.IsNoRows(err) {
		return nil // all of them were allowed before
	}
	if err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventGranted.Of(org, c.ID, grantedData{App: app, Attributes: c.Attributes, Declined: c.Declined, DetailsTypes: list.Types(), Scopes: c.Scopes, User: user}))
}

// ForgetScopesTx takes scopes that are gone out of what people have allowed: of one that is made anew under the name they are asked.
func (s *Service) ForgetScopesTx(ctx context.Context, tx db.Tx, names []string) error {
	_, err := tx.Exec(ctx, sqlForgetScopes, tx.Tenant(), names, tx.Now())
	return err
}

// ForgetClaimTx is ForgetScopesTx for a claim. What people said no to stays declined.
func (s *Service) ForgetClaimTx(ctx context.Context, tx db.Tx, name string) error {
	_, err := tx.Exec(ctx, sqlForgetClaim, tx.Tenant(), name, tx.Now())
	return err
}

// List returns a page of what a person allows, in all organizations, the oldest first.
func (s *Service) List(ctx context.Context, tx db.Tx, user ids.User, req page.Request) (page.Result[Consent], error) {
	after, err := position(req)
	if err != nil {
		return page.Result[Consent]{}, err
	}
	rows, err := db.Collect[Consent](ctx, tx, sqlList, tx.Tenant(), user, after, req.Limit())
	if err != nil {
		return page.Result[Consent]{}, err
	}
	return page.Cut(req, rows, func(c Consent) []string { return []string{c.ID.UUID().String()} }), nil
}

func position(req page.Request) (after uuid.UUID, err error) {
	if req.First() {
		return uuid.Nil, nil
	}
	if after, err = uuid.Parse(req.Part(0)); err != nil {
		err = fault.CodePageToken.With("Start again without a page token.", err)
	}
	return after, err
}

// Revoke takes a person's consent back. The next time the application asks, so is the person.
func (s *Service) Revoke(ctx context.Context, tenant ids.Tenant, user ids.User, id ids.Consent) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error { return s.RevokeTx(ctx, tx, user, id) })
}

// RevokeTx is Revoke within the caller's transaction. Error: resource.not_found, also for another person's consent.
func (s *Service) RevokeTx(ctx context.Context, tx db.Tx, user ids.User, id ids.Consent) error {
	c, err := db.CollectOne[Consent](ctx, tx, sqlRevoke, tx.Tenant(), user, id)
	if db.IsNoRows(err) {
		return fault.ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.revoked(ctx, tx, c)
}

// revoked ends what an application got by a consent that is gone.
func (s *Service) revoked(ctx context.Context, tx db.Tx, c Consent) error {
	if s.onRevoke != nil {
		if err := s.onRevoke(ctx, tx, c); err != nil {
			return err
		}
	}
	return s.events.Write(ctx, tx, eventRevoked.Of(c.Org, c.ID, revokedData{App: c.App, User: c.User}))
}
