package authn

import (
	"context"
	"encoding/json"
	"time"

	"grove/iam/apps"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// Authenticator puts one question and judges the answer. It is called outside of any transaction and may open its own;
// what it wants to change goes into the Result's Commit, so that it happens together with the flow's step or not at all.
type Authenticator interface {
	// AMR are the methods that a proof by this authenticator counts as (RFC 8176); nil where it proves nothing.
	AMR() []string
	// Begin makes the challenge. It changes nothing.
	Begin(ctx context.Context, st *State) (Challenge, error)
	// Continue judges an answer. It may note answers in st; proofs are the engine's to note.
	Continue(ctx context.Context, st *State, in Input) (Result, error)
	// Name is the step.
	Name() Step
}

// Result is the judgement of an answer.
type Result struct {
	// Commit runs in the transaction that moves the flow on; nil for nothing.
	Commit func(ctx context.Context, tx db.Tx) error
	// Problem sends the person back to the same question; everything else in the Result is ignored then.
	Problem Problem
	// Proven is who was proven to be there; zero when the answer proved nothing.
	Proven ids.User
	// Stamp is how the proven person stood before the proof was looked at; see [sessions.Standing].
	Stamp int64
}

// Proof is one thing that was really done.
type Proof struct {
	AMR    []string  `json:"amr"`
	At     time.Time `json:"at"`
	Method Step      `json:"method"`
}

// State is what a flow knows. It is stored sealed.
type State struct {
	// What was asked for; set once.

	App         ids.App         `json:"app"`
	Attributes  []Attribute     `json:"attributes,omitempty"`
	ClientID    string          `json:"client_id"`
	Elsewhere   bool            `json:"elsewhere,omitempty"`
	Details     details.List    `json:"details,omitempty"`
	HintUser    ids.User        `json:"hint_user"`
	Instead     []string        `json:"instead,omitempty"`
	Issuer      string          `json:"issuer"`
	LoginHint   string          `json:"login_hint"`
	MaxAge      *int            `json:"max_age,omitempty"`
	Message     string          `json:"message,omitempty"`
	OrgFixed    bool            `json:"org_fixed"`
	OrgNamed    string          `json:"org_named"` // as the client named it; "" where it is the base's, or none
	Prompt      []string        `json:"prompt"`
	RedirectURI string          `json:"redirect_uri"`
	Requested   ids.Org         `json:"requested"` // the organization that the request names
	Return      json.RawMessage `json:"return,omitempty"`
	Scopes      []string        `json:"scopes"`
	UILocales   []string        `json:"ui_locales"`

	// What was answered.

	Choose    bool    `json:"choose"` // whoever has a choice of organizations makes it
	Consented bool    `json:"consented"`
	Denied    bool    `json:"denied,omitempty"` // the opposite; Error is set too
	Error     string  `json:"error"`            // the flow is over, and this is what the client is told
	Login     string  `json:"login"`
	Org       ids.Org `json:"org"` // settled, or zero
	Refusal   Refusal `json:"refusal"`
	Selected  bool    `json:"selected,omitempty"` // who is there means to be: he said so, or proved who he is

	// What was proven. User is proven by Proofs, or, without any, by the standing session Session.

	OrgStamp  *int64      `json:"org_stamp"` // how Org stood when User was proven and it was settled; nil before
	Proofs    []Proof     `json:"proofs"`
	Session   ids.Session `json:"session"`
	Settled   bool        `json:"settled"` // done: Session is what came of it
	User      ids.User    `json:"user"`
	UserStamp int64       `json:"user_stamp"` // how User stood before the first proof

	run *run
}

// run is what one request knows besides the state.
type run struct {
	answers map[string]AskedValue // of the profile, where something was wrong
	browser Browser
	client  apps.Client
	find    string            // among the organizations to choose from
	refusal Refusal           // of what is due
	session *sessions.Session // the browser's, good now; nil when there is none
	stopped ids.Org           // suspended, where the person would go; zero for none
	tenant  httpapi.Tenant
}

// forget takes back all that was proven and what depends on it.
func (st *State) forget() {
	st.Consented, st.Proofs, st.Selected, st.Session, st.User, st.UserStamp = false, nil, false, ids.Session{}, ids.User{}, 0
	st.Org, st.OrgStamp = st.Requested, nil
}

// amr lists the methods of all proofs, each once.
func (st *State) amr() []string {
	out, seen := []string{}, map[string]bool{}
	for _, p := range st.Proofs {
		for _, m := range p.AMR {
			if !seen[m] {
				seen[m] = true
				out = append(out, m)
			}
		}
	}
	return out
}
