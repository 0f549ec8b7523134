package issuers

import (
	"context"
	"reflect"
	"strings"
	"unicode"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/kernel/text"
)

// maxIssuers is how many an organization may trust at a time.
const maxIssuers = 100

// checkStrength lets nobody choose who speaks for people but those whom nobody there is above: an issuer can be any of them, also
// who holds more tomorrow than anybody does today.
func (s *Service) checkStrength(ctx context.Context, tx db.Tx, org ids.Org) error {
	return s.ranks.CheckScopesTx(ctx, tx, org, perm.Names(perm.All()), true)
}

// List returns a page of the issuers that org trusts, by name, without their keys and mappings.
func (s *Service) List(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request) (result page.Result[TokenIssuer], err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := listIssuers(ctx, tx, req)
		result = page.Map(page.Cut(req, rows, func(r row) []string { return []string{r.NameKey} }), row.brief)
		return err
	})
	return result, err
}

// Load returns an issuer that org trusts.
func (s *Service) Load(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Connection) (found Versioned, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		r, err := find(ctx, tx, org, id)
		found = r.versioned()
		return db.OrNotFound(err)
	})
	return found, err
}

// Create lets org trust an issuer.
func (s *Service) Create(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateTokenIssuerRequest) (made Versioned, err error) {
	r := row{ID: ids.NewConnection(), Org: org, Format: in.Format, Issuer: in.Issuer, Enabled: true, Version: 1, Trust: in.trust()}
	if r.Format == "" {
		r.Format = FormatJWT
	}
	if r.Name, r.NameKey, err = cleanName(in.Name); err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if err := s.check(ctx, tx, &r); err != nil {
			return err
		}
		if err := s.checkStrength(ctx, tx, org); err != nil {
			return err
		}
		n, err := count(ctx, tx, org)
		if err != nil {
			return err
		}
		if n >= maxIssuers {
			return errTooMany.With("Delete one of the hundred issuers first.", nil)
		}
		if err := taken(insert(ctx, tx, r)); err != nil {
			return err
		}
		r.CreatedAt, r.UpdatedAt = tx.Now(), tx.Now()
		made = r.versioned()
		return s.events.Write(ctx, tx, eventCreated.Of(org, r.ID, r.data()))
	})
	return made, err
}

// Update changes what org believes of an issuer. Whatever it is but the name, what was issued by it so far ends: nobody knows which
// of it stood on what is believed no longer. version 0 is any.
func (s *Service) Update(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Connection, version int64, in UpdateTokenIssuerRequest) (changed Versioned, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		was, err := s.lock(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		r := was
		fields, err := in.apply(&r)
		if err != nil {
			return err
		}
		if err := s.check(ctx, tx, &r); err != nil {
			return err
		}
		if err := s.checkStrength(ctx, tx, org); err != nil {
			return err
		}
		if err := taken(update(ctx, tx, r)); err != nil {
			return err
		}
		r.UpdatedAt = tx.Now()
		r.Version++
		changed = r.versioned()
		if err := stand(ctx, tx, was, r); err != nil || len(fields) == 0 {
			return err
		}
		return s.events.Write(ctx, tx, eventUpdated.Of(org, id, changeData{Fields: fields}))
	})
	return changed, err
}

// stand brings a change to whatever stands on an issuer.
func stand(ctx context.Context, tx db.Tx, was, is row) error {
	switch {
	case was.Enabled && !is.Enabled:
		return tx.Block(ctx, db.KindConnection, is.ID.UUID(), "token_issuer.disabled")
	case !was.Enabled && is.Enabled:
		return tx.Unblock(ctx, db.KindConnection, is.ID.UUID(), "token_issuer.enabled")
	case was.Issuer != is.Issuer || !reflect.DeepEqual(was.Trust, is.Trust):
		return tx.Raise(ctx, db.KindConnection, is.ID.UUID(), "token_issuer.changed") // one that is blocked stays so
	}
	return nil
}

// Delete ends the trust in an issuer, and everything that was issued by it. version 0 is any.
func (s *Service) Delete(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Connection, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		r, err := s.lock(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		if err := s.checkStrength(ctx, tx, org); err != nil {
			return err
		}
		if err := tx.Block(ctx, db.KindConnection, id.UUID(), "token_issuer.deleted"); err != nil {
			return err
		}
		if err := remove(ctx, tx, id); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventDeleted.Of(org, id, r.data()))
	})
}

func (s *Service) lock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Connection, version int64) (row, error) {
	r, err := lock(ctx, tx, org, id)
	if err != nil {
		return r, db.OrNotFound(err)
	}
	if version != 0 && version != r.Version {
		return r, fault.CodeStale.With("Read the issuer again and repeat the change on what it is now.", nil)
	}
	return r, nil
}

func (r row) data() issuerData { return issuerData{Format: r.Format, Issuer: r.Issuer, Name: r.Name} }

func taken(err error) error {
	switch {
	case db.IsUnique(err, "token_issuers_issuer"):
		return errDuplicate.With("Change the one that is there.", err)
	case db.IsUnique(err, "token_issuers_name"):
		return errNameTaken.With("Choose another name; case and spaces make no difference.", err)
	}
	return err
}

func cleanName(s string) (show, key string, err error) {
	show = strings.TrimSpace(s)
	key = text.Key(show)
	if key == "" || strings.ContainsFunc(show, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", "", fault.CodeInvalid.At("/name", "Must be printable characters, at least one of them no space.")
	}
	return show, key, nil
}
