package authn

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"grove/iam/consents"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// proofless is embedded by steps that prove nothing.
type proofless struct{}

func (proofless) AMR() []string { return nil }

// identifier asks who signs in. Whether there is such a person is not looked at here.
type identifier struct{ proofless }

func (identifier) Name() Step { return StepIdentifier }

func (identifier) Begin(_ context.Context, st *State) (Challenge, error) {
	if st.Login != "" {
		return IdentifierChallenge{Username: st.Login}, nil
	}
	return IdentifierChallenge{Username: cleanLogin(st.LoginHint)}, nil
}

func (identifier) Continue(_ context.Context, st *State, in Input) (Result, error) {
	login := cleanLogin(in.Username)
	if login == "" {
		return Result{Problem: ProblemUsernameRequired}, nil
	}
	st.Login = login
	return Result{}, nil
}

// account asks whoever is signed in whether it is he who goes on.
type account struct{ s *Service }

func (account) AMR() []string { return nil }

func (account) Name() Step { return StepAccount }

func (a account) Begin(ctx context.Context, st *State) (out Challenge, err error) {
	err = a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		username, err := a.s.username(ctx, tx, st)
		out = AccountChallenge{Username: username}
		return err
	})
	return out, err
}

func (account) Continue(_ context.Context, st *State, in Input) (Result, error) {
	st.Selected = in.Allow // or the page asks again
	return Result{}, nil
}

// maxLogin is the greatest length of what may be typed for a username, in bytes.
const maxLogin = 320

// cleanLogin makes what was typed fit to be stored and shown: no control characters, valid UTF-8, bounded.
func cleanLogin(typed string) string {
	typed = strings.TrimSpace(strings.Map(func(c rune) rune {
		if c == utf8.RuneError || unicode.IsControl(c) {
			return -1
		}
		return c
	}, typed))
	if len(typed) > maxLogin {
		typed = strings.ToValidUTF8(typed[:maxLogin], "")
	}
	return typed
}

// chooseOrg lets a member of several organizations choose.
type chooseOrg struct{ s *Service }

func (chooseOrg) AMR() []string { return nil }

func (chooseOrg) Name() Step { return StepOrganization }

func (a chooseOrg) Begin(ctx context.Context, st *State) (Challenge, error) {
	out := ChooseOrgChallenge{Find: st.run.find}
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if out.Organizations, out.More, err = a.s.choices(ctx, tx, st, out.Find, maxChoices); err != nil {
			return err
		}
		out.Username, err = a.s.username(ctx, tx, st)
		return err
	})
	if err != nil || st.run.stopped.IsZero() {
		return out, err
	}
	stopped, err := a.s.ports.Orgs.Resolve(ctx, st.run.tenant, st.run.stopped.String())
	out.Suspended = stopped.Name
	return out, err
}

func (a chooseOrg) Continue(ctx context.Context, st *State, in Input) (Result, error) {
	var wanted ids.Org
	if wanted.UnmarshalText([]byte(in.Organization)) != nil || wanted.IsZero() {
		return Result{Problem: ProblemOrganization}, nil
	}
	found := false
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		found, err = a.s.mayChoose(ctx, tx, st, wanted)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if !found {
		return Result{Problem: ProblemOrganization}, nil
	}
	st.Org, st.Selected = wanted, true
	return Result{}, nil
}

// username names the person that was proven.
func (s *Service) username(ctx context.Context, tx db.Tx, st *State) (string, error) {
	person, err := s.ports.Users.Load(ctx, tx, st.User)
	return person.Username, err
}

// consent asks whether the application may have its scopes.
type consent struct{ s *Service }

func (consent) AMR() []string { return nil }

func (consent) Name() Step { return StepConsent }

func (a consent) Begin(ctx context.Context, st *State) (Challenge, error) {
	out := ConsentChallenge{Details: st.Details, Elsewhere: st.Elsewhere, Message: st.Message}
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		held, err := a.s.ports.Roles.ScopesOf(ctx, tx, st.User, st.Org)
		if err != nil {
			return err
		}
		for _, scope := range st.scopes() {
			if st.run.client.Gives(scope, held) {
				out.Scopes = append(out.Scopes, scope)
			} else {
				out.Later = append(out.Later, scope)
			}
		}
		person, err := a.s.ports.Users.Load(ctx, tx, st.User)
		if err != nil {
			return err
		}
		out.Username = person.Username
		said, err := a.s.consents.Said(ctx, tx, st.User, st.Org, st.App)
		for _, asked := range st.Attributes {
			out.Attributes = append(out.Attributes, AskedAttribute{Attribute: asked, Allowed: !slices.Contains(said.Declined, asked.Name), Value: asked.Value(person)})
		}
		return err
	})
	return out, err
}

func (a consent) Continue(_ context.Context, st *State, in Input) (Result, error) {
	if !in.Allow {
		st.Error, st.Denied = ErrorAccessDenied, true
		return Result{}, nil
	}
	st.Consented = true
	return Result{Commit: func(ctx context.Context, tx db.Tx) error {
		return a.s.consents.GrantTx(ctx, tx, st.User, st.Org, st.App, st.scopes(), st.Details, st.said(in.Attributes))
	}}, nil
}

// scopes are those that the person is asked for as such.
func (st *State) scopes() []string {
	return slices.DeleteFunc(slices.Clone(st.Scopes), func(scope string) bool { return slices.Contains(st.Instead, scope) })
}

// asked are the flow's attributes as consents know them.
func (st *State) asked() []consents.Attribute {
	all := make([]consents.Attribute, len(st.Attributes))
	for i, a := range st.Attributes {
		all[i] = consents.Attribute{Claim: a.Name, Mandatory: a.Mandatory}
	}
	return all
}

// said is what a person's choice among the optional attributes comes to; nil where nothing was asked one by one.
func (st *State) said(chosen []string) *consents.Answer {
	if len(st.Attributes) == 0 {
		return nil
	}
	said := &consents.Answer{Instead: st.Instead}
	for _, a := range st.Attributes {
		if a.Mandatory || slices.Contains(chosen, a.Name) {
			said.Allowed = append(said.Allowed, a.Name)
		} else {
			said.Declined = append(said.Declined, a.Name)
		}
	}
	return said
}
