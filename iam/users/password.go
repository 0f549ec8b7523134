package users

import (
	"context"
	"errors"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets/password"
)

var errBusy = fault.CodeUnavailable.With("Too many sign-ins are under way; try again in a few seconds.", password.ErrBusy)

// HashPassword applies the policy of the organization that the person lives in, of the zero organization the default, and
// returns the hash to store, outside of any transaction. own are the person's username and e-mail address. Errors:
// user.password, server.unavailable.
func (s *Service) HashPassword(ctx context.Context, tenant ids.Tenant, org ids.Org, plain string, own ...string) (string, error) {
	policy := DefaultPasswords
	if !org.IsZero() {
		err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			policy, err = s.passwords.Resolve(ctx, tx, org)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if err := policy.Check(plain, own...); err != nil {
		return "", err
	}
	phc, err := s.hasher.Hash(ctx, plain)
	if errors.Is(err, password.ErrBusy) {
		return "", errBusy
	}
	return phc, err
}

// SetPasswordTx stores a password that the person chose, ends everything that was issued to him and forgets failed
// sign-ins.
func (s *Service) SetPasswordTx(ctx context.Context, tx db.Tx, u User, phc string) error {
	return s.setPassword(ctx, tx, u, phc, false, "user.password_changed")
}

// SetTemporaryPasswordTx stores a password that the person must replace at his next sign-in.
func (s *Service) SetTemporaryPasswordTx(ctx context.Context, tx db.Tx, u User, phc string) error {
	return s.setPassword(ctx, tx, u, phc, true, "user.password_reset")
}

func (s *Service) setPassword(ctx context.Context, tx db.Tx, u User, phc string, mustChange bool, reason string) error {
	if err := upsertPassword(ctx, tx, u, phc, mustChange); err != nil {
		return err
	}
	return s.passwordChanged(ctx, tx, u, passwordData{MustChange: mustChange}, reason)
}

// ClearPasswordTx removes a person's password: he cannot sign in with one until another is set.
func (s *Service) ClearPasswordTx(ctx context.Context, tx db.Tx, u User) error {
	if err := deletePassword(ctx, tx, u.ID); err != nil {
		return err
	}
	return s.passwordChanged(ctx, tx, u, passwordData{Removed: true}, "user.password_removed")
}

func (s *Service) passwordChanged(ctx context.Context, tx db.Tx, u User, data passwordData, reason string) error {
	if err := s.tell(ctx, tx, u.ID); err != nil {
		return err
	}
	if _, err := forgetFailures(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := tx.Raise(ctx, db.KindUser, u.ID.UUID(), reason); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventPasswordChanged.Of(u.Org, u.ID, data))
}

// CheckPassword says whether the password is that of the one candidate. No candidate, several, a disabled or locked
// person, one without a password, and a wrong password are all the same user.credentials, after the same work.
//
// The hash is checked first, and then the attempts on one account are decided one after the other: an attempt that is
// decided while the account is locked fails, right or wrong. So parallel guesses learn no more than MaxFailures of
// [LockoutPolicy] answers, and right attempts do not get in each other's way. Other error: server.unavailable.
func (s *Service) CheckPassword(ctx context.Context, tenant ids.Tenant, candidates []User, plain string) (User, error) {
	// Nobody's id: the same statements run, and find nothing.
	subject, org := ids.NewUser(), ids.Org{}
	if len(candidates) == 1 {
		subject, org = candidates[0].ID, candidates[0].Org
	}
	var stored credential
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		stored, err = queryCredential(ctx, tx, subject)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	ok, rehash, err := s.verify(ctx, plain, stored.PHC)
	if errors.Is(err, password.ErrForm) {
		return User{}, errCredentials.With("", err)
	}
	if err != nil {
		return User{}, err
	}
	if !ok {
		return User{}, s.fail(ctx, tenant, org, subject)
	}
	anew := ""
	if rehash {
		// A sign-in does not fail for want of a better hash.
		anew, _ = s.hasher.Hash(ctx, plain)
	}
	return s.succeed(ctx, tenant, subject, stored, anew)
}

// HasPassword reports whether a person who has proved himself has this password now, so that a new one is another. It
// counts no failure. Error: server.unavailable.
func (s *Service) HasPassword(ctx context.Context, tenant ids.Tenant, id ids.User, plain string) (bool, error) {
	var stored credential
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		stored, err = queryCredential(ctx, tx, id)
		return err
	})
	if db.IsNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	same, _, err := s.verify(ctx, plain, stored.PHC)
	if errors.Is(err, password.ErrForm) {
		return false, nil
	}
	return same, err
}

func (s *Service) verify(ctx context.Context, plain, phc string) (ok, rehash bool, err error) {
	if phc != "" {
		ok, rehash, err = s.hasher.Verify(ctx, plain, phc)
	}
	if phc == "" || errors.Is(err, password.ErrHash) {
		ok, err = false, s.hasher.VerifyDummy(ctx, plain)
	}
	if errors.Is(err, password.ErrBusy) {
		err = errBusy
	}
	return ok, rehash, err
}

// fail counts a failed sign-in. The count need not survive a crash of the database, and waiting for the disk would tell
// an account that exists from one that does not.
func (s *Service) fail(ctx context.Context, tenant ids.Tenant, org ids.Org, subject ids.User) error {
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
		// Not from memory: whether that has a policy would tell a name that there is from one that there is not.
		each, err := s.lockout.ResolveEach(ctx, tx, []ids.Org{org})
		if err != nil {
			return err
		}
		seconds, err := countFailure(ctx, tx, subject, each[org])
		if err != nil || seconds == 0 {
			return err
		}
		u, err := queryLoad(ctx, tx, subject)
		if err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventLocked.Of(u.Org, u.ID, lockedData{Seconds: seconds}))
	})
	if err != nil {
		return err
	}
	return errCredentials.With("", nil)
}

func (s *Service) succeed(ctx context.Context, tenant ids.Tenant, subject ids.User, checked credential, anew string) (User, error) {
	var u User
	refused := false
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		lockedUntil, failed, err := lockFailures(ctx, tx, subject)
		if err != nil {
			return err
		}
		// What was read before the hash was checked may have changed since.
		now, err := queryCredential(ctx, tx, subject)
		if db.IsNoRows(err) {
			refused = true
			return nil
		}
		if err != nil {
			return err
		}
		if u, err = queryLoad(ctx, tx, subject); err != nil {
			return err
		}
		locked := lockedUntil != nil && lockedUntil.After(tx.Now())
		if refused = locked || u.Status != StatusActive || !now.ChangedAt.Equal(checked.ChangedAt); refused {
			return nil
		}
		if failed {
			if err := s.tell(ctx, tx, subject); err != nil {
				return err
			}
			if _, err := forgetFailures(ctx, tx, subject); err != nil {
				return err
			}
			u.LockedUntil = nil
		}
		if anew != "" {
			return replaceHash(ctx, tx, subject, checked.PHC, anew)
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	if refused {
		return User{}, errCredentials.With("", nil)
	}
	return u, nil
}
