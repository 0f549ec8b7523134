package authn

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

// password asks for the password of whoever was named, whether there is such a person or not.
type password struct{ s *Service }

func (password) AMR() []string { return []string{"pwd"} }

func (password) Name() Step { return StepPassword }

func (password) Begin(_ context.Context, st *State) (Challenge, error) {
	return PasswordChallenge{Username: st.Login}, nil
}

func (a password) Continue(ctx context.Context, st *State, in Input) (Result, error) {
	if in.Password == "" {
		return Result{Problem: ProblemPasswordRequired}, nil
	}
	person, stamp, err := a.s.checkPassword(ctx, st.run.tenant, st.Login, st.Org, in.Password)
	if isRefusal(err) {
		return Result{Problem: ProblemCredentials}, nil
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Proven: person.ID, Stamp: stamp}, nil
}

// isRefusal reports whether err is the person's doing and no failure of ours.
func isRefusal(err error) bool {
	var f *fault.Error
	if !errors.As(err, &f) {
		return false
	}
	switch f.Code.Kind {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound:
		return true
	}
	return false
}

// CheckEmailPassword proves, outside of a flow, somebody who has proved that an address is his, such as one who was
// invited by it. Whom the organization that the domain belongs to has under the address goes before others. ok is false for an
// unknown, locked or disabled person and for a wrong password alike.
func (s *Service) CheckEmailPassword(ctx context.Context, t httpapi.Tenant, email, plain string) (person users.User, ok bool, err error) {
	var candidates []users.User
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		all, err := s.ports.Users.ByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		home := t.Root
		owner, owned, err := s.ports.Domains.OwnerOf(ctx, tx, domainOf(email))
		if err != nil {
			return err
		}
		if owned {
			home = owner
			theirs, err := s.ports.Users.FindForSignIn(ctx, tx, email, owner)
			if err != nil {
				return err
			}
			_, key, _ := text.Email(email)
			theirs = slices.DeleteFunc(theirs, func(u users.User) bool { return u.Org != owner || !u.Has(key, owner) })
			if len(theirs) > 0 {
				all = theirs
			}
		}
		candidates = best(all, email, home, t.Root)
		return nil
	})
	if err != nil {
		return users.User{}, false, err
	}
	person, err = s.ports.Users.CheckPassword(ctx, t.ID, candidates, plain)
	if isRefusal(err) {
		return users.User{}, false, nil
	}
	return person, err == nil, err
}

// checkPassword also returns how the person stood before the password was looked at.
func (s *Service) checkPassword(ctx context.Context, t httpapi.Tenant, login string, org ids.Org, plain string) (users.User, int64, error) {
	var candidates []users.User
	var standing sessions.Standing
	err := s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if candidates, err = s.tried(ctx, tx, t, login, org); err != nil {
			return err
		}
		// The same statement runs when nobody was found.
		subject := ids.NewUser()
		if len(candidates) == 1 {
			subject = candidates[0].ID
		}
		standing, err = s.sessions.Standing(ctx, tx, sessions.Subjects{User: subject})
		return err
	})
	if err != nil {
		return users.User{}, 0, err
	}
	person, err := s.ports.Users.CheckPassword(ctx, t.ID, candidates, plain)
	return person, standing.Stamp, err
}

// tried is whose password is looked at: that of whom an organization finds under the login, or, where it finds nobody, of whom all
// organizations would. Who proves to be somebody that does not belong there is told so; a wrong password would send him looking for
// another one. Both are always asked for, so that nobody learns by the clock whom an organization has.
func (s *Service) tried(ctx context.Context, tx db.Tx, t httpapi.Tenant, login string, org ids.Org) ([]users.User, error) {
	found, err := s.candidate(ctx, tx, t, login, org)
	if err != nil || org.IsZero() {
		return found, err
	}
	anywhere, err := s.candidate(ctx, tx, t, login, ids.Org{})
	if len(found) == 0 {
		found = anywhere
	}
	return found, err
}

// Person finds whom a login means to an organization, or anywhere where org is zero, by the rules by which he signs in; the zero User
// for nobody.
func (s *Service) Person(ctx context.Context, tx db.Tx, t httpapi.Tenant, login string, org ids.Org) (users.User, error) {
	found, err := s.candidate(ctx, tx, t, login, org)
	if err != nil || len(found) == 0 {
		return users.User{}, err
	}
	return found[0], nil
}

// candidate finds the one person whom a login means, or nobody. Where several organizations have people of that name,
// nobody may keep another from signing in by taking his name: those of the organization that owns the domain go first, because
// it says who has an address there, then who has proved that the address is his, then those of the root organization, then the
// oldest account.
func (s *Service) candidate(ctx context.Context, tx db.Tx, t httpapi.Tenant, login string, org ids.Org) ([]users.User, error) {
	all, err := s.ports.Users.FindForSignIn(ctx, tx, login, org)
	if err != nil {
		return nil, err
	}
	home := t.Root
	if domain := domainOf(login); domain != "" && org.IsZero() {
		owner, owned, err := s.ports.Domains.OwnerOf(ctx, tx, domain)
		if err != nil {
			return nil, err
		}
		if owned {
			home = owner
			members, err := s.ports.Users.FindForSignIn(ctx, tx, login, owner)
			if err != nil {
				return nil, err
			}
			if len(members) > 0 {
				all = members
			}
		}
	}
	if !org.IsZero() {
		home = org
	}
	return best(all, login, home, t.Root), nil
}

// best keeps at most one of several people.
func best(all []users.User, login string, home, root ids.Org) []users.User {
	if len(all) == 0 {
		return nil
	}
	return []users.User{slices.MinFunc(all, func(a, b users.User) int {
		return cmp.Or(cmp.Compare(rank(a, login, home, root), rank(b, login, home, root)), cmp.Compare(a.ID.String(), b.ID.String()))
	})}
}

// rank is lower for who goes first. A username costs nothing: whoever has it comes after all who have proved the address.
func rank(u users.User, login string, home, root ids.Org) int {
	rank := 2
	switch u.Org {
	case home:
		rank = 0
	case root:
		rank = 1
	}
	if !u.Proved(login) {
		rank += 3
	}
	return rank
}

// changePassword asks for a password of the person's own, in place of the one that somebody else set.
type changePassword struct{ s *Service }

func (changePassword) AMR() []string { return nil }

func (changePassword) Name() Step { return StepChangePassword }

func (a changePassword) Begin(ctx context.Context, st *State) (Challenge, error) {
	var out ChangePasswordChallenge
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		person, err := a.s.ports.Users.Load(ctx, tx, st.User)
		if err != nil {
			return err
		}
		out.Username = person.Username
		out.Passwords, err = a.s.ports.Users.PasswordPolicy(ctx, tx, person.Org)
		return err
	})
	return out, err
}

func (a changePassword) Continue(ctx context.Context, st *State, in Input) (Result, error) {
	if in.NewPassword == "" {
		return Result{Problem: ProblemPasswordRequired}, nil
	}
	var person users.User
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		person, err = a.s.ports.Users.Load(ctx, tx, st.User)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	switch same, err := a.s.ports.Users.HasPassword(ctx, st.run.tenant.ID, person.ID, in.NewPassword); {
	case err != nil:
		return Result{}, err
	case same: // whoever set it knows it
		return Result{Problem: ProblemPasswordPolicy}, nil
	}
	phc, err := a.s.ports.Users.HashPassword(ctx, st.run.tenant.ID, person.Org, in.NewPassword, person.Username, person.Email)
	if isRefusal(err) {
		return Result{Problem: ProblemPasswordPolicy}, nil
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Commit: func(ctx context.Context, tx db.Tx) error {
		of := sessions.Subjects{User: st.User}
		before, err := a.s.sessions.Standing(ctx, tx, of)
		if err != nil {
			return err
		}
		if !before.Good(st.UserStamp) {
			st.forget()
			return nil
		}
		if err := a.s.ports.Users.SetPasswordTx(ctx, tx, person, phc); err != nil {
			return err
		}
		after, err := a.s.sessions.Standing(ctx, tx, of)
		st.UserStamp = after.Stamp
		return err
	}}, nil
}
