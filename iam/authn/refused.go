package authn

import (
	"context"
	"regexp"

	"grove/infra/db"
)

// orgForm is that of a handle or of an id. Anything else that a client named its organization by is not shown: whoever made the link
// would write on our page.
var orgForm = regexp.MustCompile(`^(org_[0-9a-z]{1,40}|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$`)

// refused tells whoever cannot sign in like this why, and what he can do.
type refused struct{ s *Service }

func (refused) AMR() []string { return nil }

func (refused) Continue(context.Context, *State, Input) (Result, error) { return Result{}, nil }

func (refused) Name() Step { return StepRefused }

func (a refused) Begin(ctx context.Context, st *State) (Challenge, error) {
	out := RefusedChallenge{Refusal: st.run.refusal}
	if out.Refusal == RefusedUnknown && orgForm.MatchString(st.OrgNamed) {
		out.Named = st.OrgNamed
	}
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		out.Ways, out.Username, err = a.s.ways(ctx, tx, st)
		return err
	})
	return out, err
}

// suspended tells a member that nobody can sign in now.
type suspended struct{ s *Service }

func (suspended) AMR() []string { return nil }

func (suspended) Continue(context.Context, *State, Input) (Result, error) { return Result{}, nil }

func (suspended) Name() Step { return StepSuspended }

func (a suspended) Begin(ctx context.Context, st *State) (Challenge, error) {
	var out SuspendedChallenge
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if out.Ways, out.Username, err = a.s.ways(ctx, tx, st); err != nil {
			return err
		}
		held, err := a.s.ports.Roles.ScopesOf(ctx, tx, st.User, st.Org)
		out.Administers = held[administers]
		return err
	})
	return out, err
}

// administers is the permission of those whom others in an organization would ask.
const administers = "orgs.write"

// ways are the acts that help somebody who cannot sign in like this, and who that is.
func (s *Service) ways(ctx context.Context, tx db.Tx, st *State) (w Ways, username string, err error) {
	if st.User.IsZero() {
		return Ways{Organization: !st.OrgFixed}, "", nil
	}
	w.Account = true
	if username, err = s.username(ctx, tx, st); err != nil || st.OrgFixed {
		return w, username, err
	}
	choices, _, err := s.choices(ctx, tx, st, "", 1)
	w.Organization = len(choices) > 0
	return w, username, err
}
