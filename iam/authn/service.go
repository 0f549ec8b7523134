package authn

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"grove/iam/consents"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

var errFlowGone = fault.Declare(fault.Gone, "sign_in.flow_gone", "This sign-in cannot go on",
	"It took too long, or was finished elsewhere. Start again at the app.")

// gone is the one answer for a flow that is unknown, expired, another browser's, finished, or not done yet.
func gone(cause error) error {
	return errFlowGone.With("It was finished, took too long, or began in another browser. Start again from the application.", cause)
}

// IsGone reports whether err says that a flow cannot go on.
func IsGone(err error) bool { return errFlowGone.Is(err) }

// Service is the engine.
type Service struct {
	consents *consents.Service
	db       *db.DB
	ports    Ports
	sameSite http.SameSite
	sessions *sessions.Service
	steps    map[Step]Authenticator
	ttl      time.Duration
}

// Options of New.
type Options struct {
	FlowTTL  time.Duration // bounds one run of sign-in
	SameSite http.SameSite // of the session's cookie; zero is Lax
}

// New makes the engine.
func New(d *db.DB, sessions *sessions.Service, consents *consents.Service, o Options, ports Ports) *Service {
	s := &Service{consents: consents, db: d, ports: ports, sameSite: cmp.Or(o.SameSite, http.SameSiteLaxMode), sessions: sessions,
		steps: map[Step]Authenticator{}, ttl: o.FlowTTL}
	for _, a := range []Authenticator{account{s}, changePassword{s}, chooseOrg{s}, consent{s}, identifier{}, incomplete{s}, password{s}, profile{s}, refused{s}, suspended{s}} {
		s.steps[a.Name()] = a
	}
	return s
}

// Begin starts to find out who is at the browser. Where nothing needs to be asked, or prompt=none forbids asking, the
// outcome is there at once; else it is the address of a page.
func (s *Service) Begin(ctx context.Context, t httpapi.Tenant, req Request, b Browser) (Outcome, error) {
	if slices.Contains(req.Prompt, PromptNone) && len(req.Prompt) > 1 {
		return Outcome{Error: ErrorInvalidRequest}, nil
	}
	r := &run{browser: b, client: req.App, tenant: t}
	if err := s.findSession(ctx, r); err != nil {
		return Outcome{}, err
	}
	st, err := s.begun(ctx, req, r)
	if err != nil {
		return Outcome{}, err
	}
	if s.mayReuse(r.session, req) {
		st.Session, st.User = r.session.ID, r.session.User
	}
	key, err := s.ports.Keys.DataKey(ctx, t.ID)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		step, err := s.due(ctx, tx, st)
		switch {
		case err != nil:
			return err
		case st.Error != "":
			out.Error, out.Refusal = st.Error, st.Refusal
		case step == StepDone:
			done := st.done(*r.session)
			out.Done = &done
		case slices.Contains(req.Prompt, PromptNone):
			out.Error, out.Refusal = silent(step), r.refusal
		default:
			id, err := insertFlow(ctx, tx, key, st, step, b, s.ttl)
			out.RedirectTo = pageURL(st.Issuer, id)
			return err
		}
		return nil
	})
	return out, err
}

// begun is what a request asks for, before anything is answered.
func (s *Service) begun(ctx context.Context, req Request, r *run) (*State, error) {
	named := ""
	if req.OrgFixed = req.OrgFixed || !req.Org.IsZero(); req.Org.IsZero() && req.OrgRequested != "" {
		org, err := s.ports.Orgs.Resolve(ctx, r.tenant, req.OrgRequested)
		if err != nil && !fault.CodeNotFound.Is(err) && !fault.CodeInvalid.Is(err) {
			return nil, err
		}
		req.Org, named = org.ID, cleanLogin(req.OrgRequested)
	}
	return &State{App: req.App.ID, Attributes: req.Attributes, Instead: req.Instead, ClientID: req.App.ClientID, Details: req.Details, Elsewhere: req.Elsewhere, HintUser: req.HintUser, Issuer: req.Issuer, LoginHint: req.LoginHint, Message: req.Message, Org: req.Org, OrgFixed: req.OrgFixed, OrgNamed: named, MaxAge: req.MaxAge,
		Prompt: req.Prompt, RedirectURI: req.RedirectURI, Requested: req.Org, Return: req.Return, Scopes: req.Scopes, UILocales: req.UILocales, run: r}, nil
}

// silent is what the client is told of a question that must not be put.
func silent(step Step) string {
	switch step {
	case StepConsent:
		return ErrorConsentRequired
	case StepIdentifier, StepPassword:
		return ErrorLoginRequired
	case StepRefused, StepSuspended:
		return ErrorAccessDenied
	default:
		return ErrorInteractionRequired
	}
}

// mayReuse reports whether the request accepts the session for proof.
func (s *Service) mayReuse(session *sessions.Session, req Request) bool {
	if session == nil || slices.Contains(req.Prompt, PromptLogin) {
		return false
	}
	return s.isFresh(session.AuthTime, req.MaxAge) && (req.HintUser.IsZero() || req.HintUser == session.User)
}

// isFresh reports whether a proof of that time is none too old for max_age, in seconds; nil is any. 0 is prompt=login.
func (s *Service) isFresh(at time.Time, maxAge *int) bool {
	// Whole seconds are compared, so that no number overflows.
	return maxAge == nil || *maxAge > 0 && int(s.db.Clock().Now().Sub(at)/time.Second) <= *maxAge
}

func (s *Service) findSession(ctx context.Context, r *run) error {
	session, found, err := s.sessions.FindBySecret(ctx, r.tenant.ID, r.browser.Session)
	if found {
		r.session = &session
	}
	return err
}

// done tells of a sign-in that is settled.
func (st *State) done(session sessions.Session) Done {
	return Done{AMR: session.AMR, App: st.App, AuthTime: session.AuthTime, Issuer: st.Issuer, Org: st.Org, Return: st.Return, Session: session.ID, User: session.User}
}

func (st *State) failed(code string) Done {
	out := Done{App: st.App, Error: code, Refusal: st.Refusal, Issuer: st.Issuer, Return: st.Return}
	if st.Denied {
		out.Denied, out.User = true, st.User
	}
	return out
}

// Finish gives out a flow that is done, once, to the protocol that began it. Everything is looked at again: a session
// that was ended or a membership that was removed meanwhile is an error for the client in Done.Error. Fault:
// sign_in.flow_gone, also for a flow that is not done.
func (s *Service) Finish(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser) (Done, error) {
	f, err := s.open(ctx, t, id, b)
	if err != nil {
		return Done{}, err
	}
	st := f.state
	if !st.Settled {
		return Done{}, gone(nil)
	}
	var out Done
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		if err := completeFlow(ctx, tx, f); err != nil {
			return err
		}
		out = st.failed(st.Error)
		if st.Error != "" {
			return nil
		}
		session, good, err := s.sessions.FindTx(ctx, tx, st.Session)
		if err != nil {
			return err
		}
		if !good || session.User != st.User {
			out = st.failed(ErrorLoginRequired)
			return nil
		}
		// From here on the session is the proof.
		st.Settled, st.Proofs, st.run.session = false, nil, &session
		step, err := s.due(ctx, tx, st)
		switch {
		case err != nil:
			return err
		case st.Error != "":
			out = st.failed(st.Error)
		case step != StepDone:
			st.Refusal = st.run.refusal
			out = st.failed(silent(step))
		default:
			out = st.done(session)
		}
		return nil
	})
	return out, err
}

// EndSession signs the browser out: it ends the session that the secret names, good or not, and returns it.
func (s *Service) EndSession(ctx context.Context, t httpapi.Tenant, secret string) (sessions.Session, bool, error) {
	return s.sessions.EndBySecret(ctx, t.ID, secret)
}

// Session returns the browser's session, if it is good.
func (s *Service) Session(ctx context.Context, t httpapi.Tenant, b Browser) (sessions.Session, bool, error) {
	return s.sessions.FindBySecret(ctx, t.ID, b.Session)
}

// SignIn makes a session outside of a flow, for a person whom another page has just proven by the methods amr, such as
// one who accepted an invitation and chose a password. See newSession for the browser's old session.
func (s *Service) SignIn(ctx context.Context, t httpapi.Tenant, b Browser, org ids.Org, user ids.User, amr []string) (secret string, err error) {
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: t.ID, Org: org, User: user})
		_, secret, err = s.newSession(ctx, tx, b, sessions.NewSession{AMR: amr, Org: org, User: user})
		return err
	})
	return secret, err
}

// newSession makes a session for the browser. The one it had goes on where the same person has proven himself again, so that no
// other app is told that he is gone; else it ends.
func (s *Service) newSession(ctx context.Context, tx db.Tx, b Browser, n sessions.NewSession) (sessions.Session, string, error) {
	old, found, err := s.sessions.FindBySecretTx(ctx, tx, b.Session)
	if err != nil {
		return sessions.Session{}, "", err
	}
	n.Address, n.UserAgent = b.Address, b.UserAgent
	if found && old.User == n.User && old.Org == n.Org {
		return s.sessions.RenewTx(ctx, tx, old.ID, n)
	}
	if found {
		if err := s.sessions.EndTx(ctx, tx, old.ID, sessions.ReasonReplaced); err != nil {
			return sessions.Session{}, "", err
		}
	}
	return s.sessions.CreateTx(ctx, tx, n)
}

// domainOf returns the domain of a login that is an e-mail address, as it is compared; "" for any other.
func domainOf(login string) string {
	_, typed, _ := strings.Cut(login, "@")
	domain, err := text.Domain(typed)
	if err != nil {
		return ""
	}
	return domain
}
