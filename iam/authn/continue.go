package authn

import (
	"context"
	"errors"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Show returns the question that is due. Nothing changes, except that a flow with nothing left to ask is settled.
func (s *Service) Show(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser) (Flow, error) {
	f, step, err := s.resume(ctx, t, id, b)
	if err != nil {
		return Flow{}, err
	}
	return s.present(ctx, f, step)
}

// Find is Show with a search among the organizations to choose from, where that is the question.
func (s *Service) Find(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser, find string) (Flow, error) {
	f, step, err := s.resume(ctx, t, id, b)
	if err != nil {
		return Flow{}, err
	}
	f.state.run.find = cleanLogin(find)
	return s.present(ctx, f, step)
}

// Continue takes an answer. One that belongs to another question than the one that is due, such as a second submit, an
// answer from another tab or from a page that the person went back to, changes nothing: the flow comes back as it
// stands. Only the question who signs in may be answered again, until somebody is proven. An act that is not offered changes
// nothing either.
func (s *Service) Continue(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser, in Input) (Flow, error) {
	f, step, err := s.resume(ctx, t, id, b)
	if err != nil {
		return Flow{}, err
	}
	if in.Act != "" && step != StepDone {
		if !s.act(f.state, step, in.Act) {
			return s.present(ctx, f, step)
		}
		return s.move(ctx, f, nil, Result{})
	}
	again := in.Step == StepIdentifier && step == StepPassword
	if in.Step != step && !again || step == StepDone {
		return s.present(ctx, f, step)
	}
	a := s.steps[in.Step]
	res, err := a.Continue(ctx, f.state, in)
	if err != nil {
		return Flow{}, err
	}
	if res.Problem != "" {
		return s.view(ctx, f, in.Step, res.Problem, "")
	}
	return s.move(ctx, f, a, res)
}

// act does what a person wants instead of answering, and reports whether that can be done.
func (s *Service) act(st *State, step Step, act Act) bool {
	stuck := step == StepRefused || step == StepSuspended
	person := stuck || step == StepIncomplete // it is about him
	chooses := step == StepAccount || step == StepOrganization
	switch {
	case act == ActCancel && st.RedirectURI != "":
		st.Error, st.Refusal = ErrorAccessDenied, st.run.refusal
	case act == ActAccount && (person || chooses) && !st.User.IsZero():
		st.forget()
		st.Login, st.LoginHint = "", ""
	case act == ActOrganization && stuck && !st.OrgFixed:
		st.Choose, st.Consented, st.Org, st.OrgNamed, st.OrgStamp, st.Requested = true, false, ids.Org{}, "", nil, ids.Org{} // consent was for the other one
	default:
		return false
	}
	st.run.refusal = ""
	return true
}

// resume opens a flow and finds the question that is due.
func (s *Service) resume(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser) (*flow, Step, error) {
	f, err := s.open(ctx, t, id, b)
	if err != nil {
		return nil, "", err
	}
	var step Step
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		step, err = s.due(ctx, tx, f.state)
		return err
	})
	return f, step, err
}

// present shows the question of step. A flow with nothing left to ask that is not settled yet becomes so here: what it
// was waiting for has come about elsewhere, such as consent given in another tab.
func (s *Service) present(ctx context.Context, f *flow, step Step) (Flow, error) {
	if step == StepDone && !f.state.Settled {
		return s.move(ctx, f, nil, Result{})
	}
	return s.view(ctx, f, step, "", "")
}

// errRaced says that another request has moved the flow on meanwhile.
var errRaced = errors.New("authn: the flow has moved on")

// move takes the judged answer into the flow, in one transaction with everything that comes of it. When another request
// was faster, its effect stands, and this one had none.
func (s *Service) move(ctx context.Context, f *flow, a Authenticator, res Result) (Flow, error) {
	st, r := f.state, f.state.run
	var step Step
	var secret string
	err := s.db.InTenant(ctx, r.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if !res.Proven.IsZero() {
			if !st.User.IsZero() && st.User != res.Proven {
				return errors.New("authn: two proofs of two people")
			}
			if st.User.IsZero() {
				st.User, st.UserStamp, st.OrgStamp = res.Proven, res.Stamp, nil
			}
			st.Proofs, st.Selected = append(st.Proofs, Proof{AMR: a.AMR(), At: tx.Now(), Method: a.Name()}), true
		}
		if !st.User.IsZero() {
			ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: r.tenant.ID, Org: st.Org, User: st.User, App: st.App})
		}
		if res.Commit != nil {
			if err := res.Commit(ctx, tx); err != nil {
				return err
			}
		}
		var err error
		if step, err = s.due(ctx, tx, st); err != nil {
			return err
		}
		if step == StepDone {
			if secret, err = s.settle(ctx, tx, st); err != nil {
				return err
			}
		}
		return saveFlow(ctx, tx, f, step)
	})
	if errors.Is(err, errRaced) {
		return s.Show(ctx, r.tenant, f.id, r.browser)
	}
	if err != nil {
		return Flow{}, err
	}
	return s.view(ctx, f, step, "", secret)
}

// settle makes the session of a sign-in that is done, unless one that stands was the proof.
func (s *Service) settle(ctx context.Context, tx db.Tx, st *State) (secret string, err error) {
	st.Settled = true
	if st.Error != "" || len(st.Proofs) == 0 {
		return "", nil
	}
	var session sessions.Session
	session, secret, err = s.newSession(ctx, tx, st.run.browser, sessions.NewSession{
		AMR: st.amr(), AuthTime: st.Proofs[len(st.Proofs)-1].At, Org: st.Org, User: st.User})
	st.Session = session.ID
	return secret, err
}

// view is the flow as its browser may see it.
func (s *Service) view(ctx context.Context, f *flow, step Step, problem Problem, secret string) (Flow, error) {
	st := f.state
	out := Flow{App: st.run.client, ID: f.id, Issuer: st.Issuer, Problem: problem, SessionSecret: secret, Step: step, UILocales: st.UILocales,
		Cancel: st.RedirectURI != "", RedirectURIs: st.run.client.RedirectURIs}
	if st.RedirectURI != "" {
		out.RedirectURIs = []string{st.RedirectURI}
	}
	org, err := s.orgShown(ctx, st)
	if err != nil {
		return Flow{}, err
	}
	if !org.IsZero() {
		found, err := s.ports.Orgs.Resolve(ctx, st.run.tenant, org.String())
		if err != nil && !fault.CodeNotFound.Is(err) {
			return Flow{}, err
		}
		out.OrgName = found.Name
	}
	if step == StepDone {
		return out, nil
	}
	out.Challenge, err = s.steps[step].Begin(ctx, st)
	return out, err
}

// orgShown is the organization whose name the pages bear: the one that is settled, or before anybody is proven the one
// that the domain of what was typed belongs to, whether there is such a person or not.
func (s *Service) orgShown(ctx context.Context, st *State) (org ids.Org, err error) {
	domain := domainOf(st.Login)
	if st.run.refusal == RefusedUnknown {
		return ids.Org{}, nil // it may be one
	}
	if !st.Org.IsZero() || !st.User.IsZero() || domain == "" {
		return st.Org, nil
	}
	err = s.db.InTenant(ctx, st.run.tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		org, _, err = s.ports.Domains.OwnerOf(ctx, tx, domain)
		return err
	})
	return org, err
}
