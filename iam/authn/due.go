package authn

import (
	"context"
	"slices"

	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// end closes the flow with an error for the client.
func (st *State) end(code string) (Step, error) {
	st.Error = code
	return StepDone, nil
}

// refuse ends where the person, or the client, has to try something else. An app of Grove's own goes on by itself, without the
// organization that it named.
func (st *State) refuse(why Refusal) (Step, error) {
	st.run.refusal = why
	if st.run.client.Builtin && st.OrgNamed != "" && len(st.Proofs) == 0 {
		st.Refusal = why
		return st.end(ErrorAccessDenied)
	}
	if why == RefusedEverybody {
		return StepSuspended, nil
	}
	return StepRefused, nil
}

// due is the heart of the engine: it says which question must be answered next, from what is true now. It trusts nothing
// in the state that can be asked again. StepDone means that nothing is left to ask, or that State.Error is set.
func (s *Service) due(ctx context.Context, tx db.Tx, st *State) (Step, error) {
	if st.Settled || st.Error != "" {
		return StepDone, nil
	}
	client := st.run.client
	if !client.Enabled {
		return st.end(ErrorAccessDenied)
	}
	if err := s.checkProof(ctx, tx, st); err != nil {
		return "", err
	}
	if st.OrgNamed != "" && st.Org.IsZero() {
		return st.refuse(RefusedUnknown)
	}
	blocked, err := s.checkOrg(ctx, tx, st)
	if err != nil {
		return "", err
	}
	if !st.Org.IsZero() {
		available, err := s.ports.Sharing.AppIn(ctx, tx, client, st.Org)
		if err != nil {
			return "", err
		}
		if !available.Available {
			return s.refuseApp(ctx, tx, st)
		}
	}
	if st.User.IsZero() {
		if st.Login == "" {
			return StepIdentifier, nil
		}
		return StepPassword, nil
	}
	if !st.HintUser.IsZero() && st.User != st.HintUser {
		return st.end(ErrorLoginRequired)
	}
	return s.dueOfPerson(ctx, tx, st, blocked)
}

// refuseApp refuses where the organization does not have the application. Who does not belong there reads what he reads of an
// organization that does not exist.
func (s *Service) refuseApp(ctx context.Context, tx db.Tx, st *State) (Step, error) {
	if st.OrgNamed == "" {
		return st.refuse(RefusedApp)
	}
	if !st.User.IsZero() {
		member, err := s.ports.Members.IsMember(ctx, tx, st.Org, st.User)
		if err != nil {
			return "", err
		}
		if member {
			return st.refuse(RefusedApp)
		}
	}
	return st.refuse(RefusedUnknown)
}

// dueOfPerson goes on once it is known who is there. blocked says that the organization is suspended, if there is one yet.
func (s *Service) dueOfPerson(ctx context.Context, tx db.Tx, st *State, blocked bool) (Step, error) {
	if st.Org.IsZero() {
		step, err := s.settleOrg(ctx, tx, st)
		if step != "" || err != nil {
			return step, err
		}
		if blocked, err = s.checkOrg(ctx, tx, st); err != nil {
			return "", err
		}
	}
	if slices.Contains(st.Prompt, PromptSelectAccount) && !st.Selected {
		return StepAccount, nil
	}
	member, err := s.ports.Members.IsMember(ctx, tx, st.Org, st.User)
	if err != nil {
		return "", err
	}
	if !member {
		return st.refuse(RefusedMember)
	}
	subjects := sessions.Subjects{App: st.App, Org: st.Org, User: st.User}
	if blocked {
		subjects.Org = ids.Org{} // which is not looked at again
	}
	if len(st.Proofs) == 0 {
		subjects.Session = st.Session
	}
	standing, err := s.sessions.Standing(ctx, tx, subjects)
	if err != nil {
		return "", err
	}
	if standing.Blocked {
		return st.end(ErrorAccessDenied)
	}
	if blocked {
		return st.refuse(RefusedEverybody)
	}
	person, err := s.ports.Users.Load(ctx, tx, st.User)
	if err != nil {
		return "", err
	}
	if person.MustChangePassword {
		if len(st.Proofs) == 0 {
			st.forget() // the session began before the password was reset
			return StepIdentifier, nil
		}
		return StepChangePassword, nil
	}
	if len(st.Proofs) == 0 {
		_, enough, err := s.sessions.SufficesIn(ctx, tx, *st.run.session, st.Org)
		if err != nil {
			return "", err
		}
		if !enough {
			st.forget()
			st.Login = person.Username
			return StepPassword, nil
		}
	}
	gives, err := s.givesDetails(ctx, tx, st)
	if err != nil {
		return "", err
	}
	if !gives {
		return st.end(ErrorAccessDenied)
	}
	if step, err := s.dueOfProfile(ctx, tx, st, person); step != "" || err != nil {
		return step, err
	}
	asked := slices.Contains(st.Prompt, PromptConsent)
	if st.Consented || (st.run.client.SkipConsent && !asked) {
		return StepDone, nil
	}
	agreed, err := s.agreed(ctx, tx, st, st.Org)
	if err != nil {
		return "", err
	}
	if asked || !agreed {
		return StepConsent, nil
	}
	return StepDone, nil
}

// agreed reports whether nothing is left to ask a person of what the application wants of him in an organization.
func (s *Service) agreed(ctx context.Context, tx db.Tx, st *State, org ids.Org) (bool, error) {
	missing, err := s.consents.Missing(ctx, tx, st.User, org, st.App, st.scopes())
	if err != nil || len(missing) > 0 {
		return false, err
	}
	if len(st.Attributes) > 0 {
		said, err := s.consents.Said(ctx, tx, st.User, org, st.App)
		if err != nil || !said.Answers(st.asked()) {
			return false, err
		}
	}
	return s.consents.Agreed(ctx, tx, st.User, org, st.App, st.Details)
}

// givesDetails reports whether a person may give the application the details that it asks for: all, or the request is answered
// with no. Unlike scopes, they are what it came for.
func (s *Service) givesDetails(ctx context.Context, tx db.Tx, st *State) (bool, error) {
	if len(st.Details) == 0 {
		return true, nil
	}
	held, err := s.ports.Roles.ScopesOf(ctx, tx, st.User, st.Org)
	return err == nil && !slices.ContainsFunc(st.Details, func(d details.Detail) bool { return !st.run.client.GivesType(d.Type(), held) }), err
}

// checkProof forgets a proof that no longer holds: the session has ended, or is too old by now for what was asked, or the person's
// standing has changed since.
func (s *Service) checkProof(ctx context.Context, tx db.Tx, st *State) error {
	if st.User.IsZero() {
		return nil
	}
	if len(st.Proofs) == 0 {
		if session := st.run.session; session == nil || session.ID != st.Session || session.User != st.User || !s.isFresh(session.AuthTime, st.MaxAge) {
			st.forget()
		}
		return nil
	}
	standing, err := s.sessions.Standing(ctx, tx, sessions.Subjects{User: st.User})
	if err == nil && !standing.Good(st.UserStamp) {
		st.forget()
	}
	return err
}

// checkOrg reports whether an organization that is settled is suspended. Where it was meanwhile, or was moved, what was proven
// before or while it was is forgotten, as everything else of it has ended.
func (s *Service) checkOrg(ctx context.Context, tx db.Tx, st *State) (blocked bool, err error) {
	if st.Org.IsZero() {
		return false, nil
	}
	standing, err := s.sessions.Standing(ctx, tx, sessions.Subjects{Org: st.Org})
	if err != nil {
		return false, err
	}
	if standing.Blocked {
		if st.OrgStamp == nil {
			st.OrgStamp = &standing.Stamp
		}
		return true, nil
	}
	if !st.User.IsZero() && st.OrgStamp != nil && *st.OrgStamp != standing.Stamp {
		if st.forget(); st.Org.IsZero() {
			return false, nil
		}
	}
	st.OrgStamp = &standing.Stamp
	return false, nil
}

// settleOrg finds the organization that a request left open: the only one possible; else that of the domain of the person's login,
// or the session's own, where it is plain that the app is meant to be used there. Otherwise the person chooses. It returns ""
// when the organization is settled.
func (s *Service) settleOrg(ctx context.Context, tx db.Tx, st *State) (Step, error) {
	choices, more, err := s.choices(ctx, tx, st, "", 1)
	if err != nil {
		return "", err
	}
	var home ids.Org
	if domain := domainOf(st.Login); domain != "" {
		if home, _, err = s.ports.Domains.OwnerOf(ctx, tx, domain); err != nil {
			return "", err
		}
	}
	if st.run.stopped, err = s.stoppedOrg(ctx, tx, st, home, len(choices) == 0); err != nil {
		return "", err
	}
	switch {
	case len(choices) == 0 && st.run.stopped.IsZero():
		return st.refuse(RefusedNowhere)
	case len(choices) == 0:
		st.Org = st.run.stopped
		return "", nil
	case !st.run.stopped.IsZero():
		return StepOrganization, nil // it is not where he wanted to go
	case !more:
		st.Org = choices[0].ID
		return "", nil
	}
	likely := []ids.Org{home}
	if len(st.Proofs) == 0 {
		likely = []ids.Org{st.run.session.Org, home}
	}
	for _, org := range likely {
		if org.IsZero() {
			continue
		}
		may, err := s.mayChoose(ctx, tx, st, org)
		if err != nil {
			return "", err
		}
		if !may {
			continue
		}
		plain, err := s.isPlain(ctx, tx, st, org)
		if plain {
			st.Org = org
			return "", err
		}
		return StepOrganization, err
	}
	return StepOrganization, nil
}

// isPlain reports whether a person who could use the app elsewhere too is not asked where: nothing may be asked, or the app asks
// for nothing more there than it has. Whoever is asked for his consent is asked for what he means by it first.
func (s *Service) isPlain(ctx context.Context, tx db.Tx, st *State, org ids.Org) (bool, error) {
	switch {
	case st.Choose || slices.Contains(st.Prompt, PromptSelectAccount):
		return false, nil
	case st.run.client.SkipConsent || slices.Contains(st.Prompt, PromptNone):
		return true, nil
	}
	return s.agreed(ctx, tx, st, org)
}

// stoppedOrg is the organization that keeps the person out only because it is suspended: that of his address, or, where he can go
// nowhere else, the first. Zero for none.
func (s *Service) stoppedOrg(ctx context.Context, tx db.Tx, st *State, home ids.Org, any bool) (ids.Org, error) {
	var belongs []ids.Org
	if !home.IsZero() {
		member, err := s.ports.Members.IsMember(ctx, tx, home, st.User)
		if err != nil {
			return ids.Org{}, err
		}
		if member {
			belongs = append(belongs, home)
		}
	}
	if any {
		found, err := s.ports.Members.OrgsOf(ctx, tx, st.User, "", page.Request{Size: maxChoices})
		if err != nil {
			return ids.Org{}, err
		}
		for _, org := range found.Items {
			belongs = append(belongs, org.ID)
		}
	}
	if len(belongs) == 0 {
		return ids.Org{}, nil
	}
	subjects := make([]sessions.Subjects, len(belongs))
	for i, org := range belongs {
		subjects[i] = sessions.Subjects{Org: org}
	}
	standings, err := s.sessions.Standings(ctx, tx, subjects)
	if err != nil {
		return ids.Org{}, err
	}
	available, err := s.ports.Sharing.AppInEach(ctx, tx, st.run.client, belongs)
	if err != nil {
		return ids.Org{}, err
	}
	for i, org := range belongs {
		if standings[i].Blocked && available[org] {
			return org, nil
		}
	}
	return ids.Org{}, nil
}

const (
	// maxChoices bounds the list of organizations to choose from. Who belongs to more searches.
	maxChoices = 100
	// choicesAtOnce is how many memberships are looked at by one set of queries at most.
	choicesAtOnce = 1000
)

// choices lists the organizations that the person may sign in to with the application, by name, up to a number, and says
// whether there are more. part is looked for in their names and handles.
func (s *Service) choices(ctx context.Context, tx db.Tx, st *State, part string, most int) (out []OrgChoice, more bool, err error) {
	// Most can be chosen; who wants few need not look at all.
	for req := (page.Request{Size: min(2*most+8, choicesAtOnce)}); ; req.Size = choicesAtOnce {
		found, err := s.ports.Members.OrgsOf(ctx, tx, st.User, part, req)
		if err != nil {
			return nil, false, err
		}
		orgs, subjects := make([]ids.Org, len(found.Items)), make([]sessions.Subjects, len(found.Items))
		for i, org := range found.Items {
			orgs[i], subjects[i] = org.ID, sessions.Subjects{Org: org.ID, User: st.User}
		}
		standings, err := s.sessions.Standings(ctx, tx, subjects)
		if err != nil {
			return nil, false, err
		}
		available, err := s.ports.Sharing.AppInEach(ctx, tx, st.run.client, orgs)
		if err != nil {
			return nil, false, err
		}
		for i, org := range found.Items {
			if standings[i].Blocked || !available[org.ID] {
				continue
			}
			if len(out) == most {
				return out, true, nil
			}
			out = append(out, OrgChoice{ID: org.ID, Name: org.Name})
		}
		if found.Next == nil {
			return out, false, nil
		}
		req.After = found.Next
	}
}

// mayChoose reports whether choices would list an organization.
func (s *Service) mayChoose(ctx context.Context, tx db.Tx, st *State, org ids.Org) (bool, error) {
	member, err := s.ports.Members.IsMember(ctx, tx, org, st.User)
	if err != nil || !member {
		return false, err
	}
	standing, err := s.sessions.Standing(ctx, tx, sessions.Subjects{Org: org, User: st.User})
	if err != nil || standing.Blocked {
		return false, err
	}
	available, err := s.ports.Sharing.AppIn(ctx, tx, st.run.client, org)
	return available.Available, err
}
