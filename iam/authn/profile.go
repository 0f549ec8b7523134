package authn

import (
	"context"
	"slices"
	"strings"

	"grove/iam/attributes"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// An application may need to know something of everybody who signs in to it. Whoever lacks it is asked, before his consent is, if it
// is his to say: see docs/adr/0031.

// Lacks returns those of the attributes that an application needs and a person has no value of.
func Lacks(asked []Attribute, person users.User) []Attribute {
	return slices.DeleteFunc(slices.Clone(asked), func(a Attribute) bool { return !a.Needed || a.Has(person) })
}

// lacking returns what an application needs of a person and he lacks: his own to fill in, and for others.
func (s *Service) lacking(ctx context.Context, tx db.Tx, st *State, person users.User) (own, others []Attribute, err error) {
	lacks := Lacks(st.Attributes, person)
	if len(lacks) == 0 {
		return nil, nil, nil
	}
	names := make([]string, len(lacks))
	for i, a := range lacks {
		names[i] = a.Attribute
	}
	// Whose record it is says what people write into it, and whose application it is what that is good for.
	served, err := s.ports.Claims.SelfServed(ctx, tx, []ids.Org{person.Org, st.run.client.Org}, names)
	for _, a := range lacks {
		if slices.Contains(served, a.Attribute) {
			own = append(own, a)
		} else {
			others = append(others, a)
		}
	}
	return own, others, err
}

// dueOfProfile is the step for what a person lacks; "" where that is nothing.
func (s *Service) dueOfProfile(ctx context.Context, tx db.Tx, st *State, person users.User) (Step, error) {
	own, others, err := s.lacking(ctx, tx, st, person)
	switch {
	case err != nil:
		return "", err
	case len(others) > 0:
		st.run.refusal = RefusedLacking
		return StepIncomplete, nil
	case len(own) > 0:
		return StepProfile, nil
	}
	return "", nil
}

// lackingNow reads the person and what he lacks.
func (s *Service) lackingNow(ctx context.Context, tx db.Tx, st *State) (person users.User, own, others []Attribute, err error) {
	if person, err = s.ports.Users.Load(ctx, tx, st.User); err != nil {
		return person, nil, nil, err
	}
	own, others, err = s.lacking(ctx, tx, st, person)
	return person, own, others, err
}

// profile asks for what the application needs and the person fills in himself.
type profile struct{ s *Service }

func (profile) AMR() []string { return nil }

func (profile) Name() Step { return StepProfile }

func (a profile) Begin(ctx context.Context, st *State) (Challenge, error) {
	var out ProfileChallenge
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		person, own, _, err := a.s.lackingNow(ctx, tx, st)
		out.Username = person.Username
		for _, asked := range own {
			before := st.run.answers[asked.Name]
			out.Values = append(out.Values, AskedValue{Attribute: asked, Problem: before.Problem, Typed: before.Typed})
		}
		return err
	})
	return out, err
}

func (a profile) Continue(ctx context.Context, st *State, in Input) (Result, error) {
	var person users.User
	var own []Attribute
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		person, own, _, err = a.s.lackingNow(ctx, tx, st)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	values, answers, wrong := map[string]string{}, map[string]AskedValue{}, false
	for _, asked := range own {
		typed := in.Values[asked.Name]
		value, ok := asked.Clean(typed)
		answer := AskedValue{Typed: typed}
		switch {
		case strings.TrimSpace(typed) == "":
			answer.Problem = ProblemValueMissing
		case !ok:
			answer.Problem = ProblemValueForm
		}
		values[asked.Attribute], answers[asked.Name], wrong = value, answer, wrong || answer.Problem != ""
	}
	changes := changesOf(values)
	if !wrong {
		_, err := person.With(changes)
		if wrong = isRefusal(err); err != nil && !wrong {
			return Result{}, err
		}
	}
	if wrong {
		st.run.answers = answers
		return Result{Problem: ProblemValues}, nil
	}
	return Result{Commit: func(ctx context.Context, tx db.Tx) error {
		_, err := a.s.ports.Users.UpdateTx(ctx, tx, person.Org, person.ID, person.Version, changes)
		if fault.CodeStale.Is(err) { // somebody else has filled something in meanwhile, which is not overwritten
			err = errRaced
		}
		return err
	}}, nil
}

// changesOf are changes of a profile, by attributes.
func changesOf(values map[string]string) (ch users.Changes) {
	for attribute, value := range values {
		switch attribute {
		case attributes.FamilyName:
			ch.FamilyName = &value
		case attributes.GivenName:
			ch.GivenName = &value
		case attributes.Locale:
			ch.Locale = &value
		default:
			if ch.Attributes == nil {
				ch.Attributes = map[string]*string{}
			}
			ch.Attributes[strings.TrimPrefix(attribute, attributes.OwnPrefix)] = &value
		}
	}
	return ch
}

// incomplete tells a person what he lacks, and who can fill it in.
type incomplete struct{ s *Service }

func (incomplete) AMR() []string { return nil }

func (incomplete) Continue(context.Context, *State, Input) (Result, error) { return Result{}, nil }

func (incomplete) Name() Step { return StepIncomplete }

func (a incomplete) Begin(ctx context.Context, st *State) (Challenge, error) {
	out := IncompleteChallenge{Ways: Ways{Account: true}} // another organization would not help
	var holder ids.Org
	err := a.s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		person, _, others, err := a.s.lackingNow(ctx, tx, st)
		out.Attributes, out.Username, holder = others, person.Username, person.Org
		return err
	})
	if err != nil {
		return out, err
	}
	org, err := a.s.ports.Orgs.Resolve(ctx, st.run.tenant, holder.String())
	if fault.CodeNotFound.Is(err) {
		err = nil
	}
	out.Holder = org.Name
	return out, err
}
