package authn

import (
	"context"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
)

// ByPassword signs somebody in by the login and the password that an application has of him, without a browser. All is asked that the
// pages ask, but nobody is there to answer: whatever a page would be shown for is an Outcome.Error, with its Step. A login that
// is nobody's, an account that is locked or disabled and a wrong password are one and the same, and take as long.
//
// then runs in the transaction of the sign-in: where it fails, nobody has signed in.
func (s *Service) ByPassword(ctx context.Context, t httpapi.Tenant, req Request, login, plain string, b Browser, then func(context.Context, db.Tx, Done) error) (Outcome, error) {
	req.OrgFixed, req.Prompt = true, []string{PromptNone}
	st, err := s.begun(ctx, req, &run{browser: Browser{Address: b.Address, UserAgent: b.UserAgent}, client: req.App, tenant: t})
	if err != nil {
		return Outcome{}, err
	}
	st.Login = cleanLogin(login)
	var step Step
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		step, err = s.due(ctx, tx, st)
		return err
	})
	if err != nil || step != StepPassword {
		return st.unasked(step), err
	}
	person, stamp, err := s.checkPassword(ctx, t, st.Login, st.Org, plain)
	if isRefusal(err) {
		return st.unasked(StepPassword), nil
	}
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		st.User, st.UserStamp, st.OrgStamp, st.Selected = person.ID, stamp, nil, true
		st.Proofs = []Proof{{AMR: password{}.AMR(), At: tx.Now(), Method: StepPassword}}
		step, err := s.due(ctx, tx, st)
		if err != nil {
			return err
		}
		if step != StepDone || st.Error != "" {
			out = st.unasked(step)
			return nil
		}
		ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: t.ID, Org: st.Org, User: st.User, App: st.App})
		if _, err := s.settle(ctx, tx, st); err != nil {
			return err
		}
		out.Done = &Done{AMR: st.amr(), App: st.App, AuthTime: st.Proofs[0].At, Issuer: st.Issuer, Org: st.Org, Return: st.Return, Session: st.Session, User: st.User}
		return then(ctx, tx, *out.Done)
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// unasked is the outcome where a question is due that cannot be put.
func (st *State) unasked(step Step) Outcome {
	if st.Error != "" {
		return Outcome{Error: st.Error, Refusal: st.Refusal}
	}
	return Outcome{Error: silent(step), Refusal: st.run.refusal, Step: step}
}
