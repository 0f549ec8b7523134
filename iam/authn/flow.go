package authn

import (
	"encoding/json"
	"time"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authz/details"
	"grove/iam/users"
	"grove/infra/kernel/ids"
)

// The values of prompt that the engine knows (OpenID Connect Core 1.0, section 3.1.2.1).
const (
	PromptConsent       = "consent"
	PromptLogin         = "login"
	PromptNone          = "none"
	PromptSelectAccount = "select_account"
)

// The errors with which a flow may end. All are codes of OAuth 2.0 (RFC 6749, section 4.1.2.1) or OpenID Connect Core 1.0,
// section 3.1.2.6, and may be sent to the client as they are.
const (
	ErrorAccessDenied        = "access_denied"
	ErrorConsentRequired     = "consent_required"
	ErrorInteractionRequired = "interaction_required"
	ErrorInvalidRequest      = "invalid_request"
	ErrorLoginRequired       = "login_required"
)

// Request is the wish of an application to have a person signed in. The application and its redirect URI have been
// checked by the protocol that asks.
type Request struct {
	// App asks. It is read again by its client_id at each step, so that disabling it stops a flow under way.
	App apps.Client
	// Attributes are what consent is asked for one by one, instead of the scopes Instead.
	Attributes []Attribute
	Instead    []string
	// Details are what consent is asked for beyond scopes (RFC 9396). A person whose roles do not give them is answered with
	// access_denied.
	Details details.List
	// Elsewhere: the application asked from where the person is not.
	Elsewhere bool
	// HintUser is the subject of the id_token_hint; zero without one. Anybody else is answered with login_required.
	HintUser ids.User
	// Issuer is the URL of the base that the request came in by. The pages and the way back are below it.
	Issuer string
	// LoginHint fills the first page in.
	LoginHint string
	// Message is what the application says to the person who is asked for his consent; "" for nothing.
	Message string
	// MaxAge is the greatest age of the authentication in seconds; nil for any.
	MaxAge *int
	// Org is the organization to sign in to; zero when it is not chosen yet.
	Org ids.Org
	// OrgFixed: nobody chooses another organization than the request names, because nobody at the browser could have changed the
	// request. So it is where Org is given.
	OrgFixed bool
	// OrgRequested is what a client named the organization by: an id or a handle. It is looked at when Org is zero.
	OrgRequested string
	// Prompt holds the values of prompt.
	Prompt []string
	// RedirectURI is where the answer will go: browsers want the pages to name it in form-action. Empty: all of the app's.
	RedirectURI string
	// Return is given back by Finish as it came; the engine does not read it.
	Return json.RawMessage
	// Scopes are those that consent is asked for.
	Scopes []string
	// UILocales are the person's languages by preference (BCP 47).
	UILocales []string
}

// Attribute is a claim about the person that an application asks for.
type Attribute struct {
	attributes.Told
	Mandatory bool // the application cannot do without: nobody says no to it alone
	Needed    bool // nor without a value: whoever has none is asked for it
}

// Outcome answers Begin. Exactly one of Done, Error and RedirectTo is set.
type Outcome struct {
	// Done: no page is needed.
	Done *Done
	// Error is one of the Error constants, for the client. No page was shown.
	Error string
	// Refusal is why, of ErrorAccessDenied; "" where the code says it.
	Refusal Refusal
	// Step is the question that ByPassword could not put, where that is the error.
	Step Step
	// RedirectTo is the address of the page that goes on with the flow; answer with 303.
	RedirectTo string
}

// Done says who signed in, where, and how. When Error is set nobody did, and only App, Issuer and Return are filled, and User where
// he said no.
type Done struct {
	// AMR are the methods that were really used (RFC 8176), such as "pwd".
	AMR []string
	App ids.App
	// AuthTime is when the person last proved who he is.
	AuthTime time.Time
	// Denied: Error is because User, who was proven, said no when he was asked for his consent.
	Denied bool
	// Error is one of the Error constants; send it to the client.
	Error string
	// Refusal is why, of ErrorAccessDenied; "" where the person said no.
	Refusal Refusal
	Issuer  string
	Org     ids.Org
	Return  json.RawMessage
	Session ids.Session
	User    ids.User
}

// Browser is what a request's cookies and headers say about who sends it; see [BrowserOf].
type Browser struct {
	// Address is the network address, for the session list.
	Address string
	// Secret names the browser. Flows and form tokens are bound to it.
	Secret string
	// Session is the session's secret; "" when nobody is signed in, or the cookie is not one of ours.
	Session string
	// UserAgent is for the session list.
	UserAgent string
}

// Step names the question that is due.
type Step string

// The steps.
const (
	StepAccount        Step = "account" // go on as who is signed in, or as another
	StepChangePassword Step = "change_password"
	StepConsent        Step = "consent"
	StepDone           Step = "done" // go to Flow.ResumeURL
	StepIdentifier     Step = "identifier"
	StepIncomplete     Step = "incomplete" // the application needs what only others can fill in; an Act may help
	StepOrganization   Step = "organization"
	StepPassword       Step = "password"
	StepProfile        Step = "profile"   // the application needs what the person fills in
	StepRefused        Step = "refused"   // the person cannot sign in like this; an Act may help
	StepSuspended      Step = "suspended" // the organization is; an Act may help
)

// Refusal is why somebody cannot sign in.
type Refusal string

// The refusals.
const (
	RefusedApp       Refusal = "app"             // the organization does not have the application
	RefusedEverybody Refusal = "suspended"       // the organization is suspended
	RefusedLacking   Refusal = "incomplete"      // the person lacks a value that the application needs, and cannot fill it in
	RefusedMember    Refusal = "not_member"      // the person does not belong to the organization
	RefusedNowhere   Refusal = "no_organization" // no organization of the person's has the application
	RefusedUnknown   Refusal = "unknown"         // the client named no organization that it may be used in
)

// Act is something that a person can do instead of answering.
type Act string

// The acts. ActCancel can be done at any page where [Flow] says so, the others where the challenge offers them.
const (
	ActAccount      Act = "account"      // sign in as somebody else; where an account or an organization is chosen, too
	ActCancel       Act = "cancel"       // go back to the application
	ActOrganization Act = "organization" // sign in to another organization
)

// Flow is a run of sign-in as its browser may see it.
type Flow struct {
	App apps.Client
	// Cancel: ActCancel leads somewhere.
	Cancel bool
	// Challenge is the question of Step; nil when done.
	Challenge Challenge
	ID        ids.Flow
	Issuer    string
	// OrgName is the organization that the person signs in to, or to which the e-mail domain that was typed belongs; ""
	// while neither is known.
	OrgName string
	// Problem says what was wrong with the last answer; "" for nothing.
	Problem Problem
	// RedirectURIs are where the answer may go, for form-action.
	RedirectURIs []string
	// SessionSecret is set once, by the answer that signed the person in: put it into the session cookie.
	SessionSecret string
	Step          Step
	UILocales     []string
}

// ResumeURL is where a flow that is done goes on: the protocol that began it calls Finish there.
func (f Flow) ResumeURL() string { return f.Issuer + "/oauth2/authorize/resume?flow=" + f.ID.String() }

// PageURL is the address of the flow's page.
func (f Flow) PageURL() string { return pageURL(f.Issuer, f.ID) }

func pageURL(issuer string, id ids.Flow) string { return issuer + "/login?flow=" + id.String() }

// Problem is what was wrong with an answer.
type Problem string

// The problems.
const (
	ProblemCredentials      Problem = "credentials" // unknown person, wrong password, locked or disabled: one and the same
	ProblemOrganization     Problem = "organization"
	ProblemPasswordPolicy   Problem = "password_policy"
	ProblemPasswordRequired Problem = "password_required"
	ProblemUsernameRequired Problem = "username_required"
	ProblemValues           Problem = "values" // of the profile; those that are wrong are named one by one
)

// What can be wrong with one value of the profile.
const (
	ProblemValueForm    Problem = "form"
	ProblemValueMissing Problem = "missing"
)

// Input answers the challenge of Step. Fields that the step does not ask for are not looked at.
type Input struct {
	Act          Act      // instead of an answer
	Allow        bool     // consent
	Attributes   []string // consent: the claims that are allowed beside the mandatory ones
	NewPassword  string   // change_password
	Organization string   // organization: an id, offered or not
	Password     string   // password
	Step         Step
	Username     string            // identifier
	Values       map[string]string // profile: what was typed, by the names of claims
}

// Challenge is one question to the person. Its types are in this package only.
type Challenge interface{ challenge() }

// IdentifierChallenge asks who signs in.
type IdentifierChallenge struct {
	// Username is the client's login_hint or what was typed before.
	Username string
}

// AccountChallenge asks whether it is Username, who is signed in, that goes on. Any answer says yes; ActAccount is the other one.
type AccountChallenge struct{ Username string }

// PasswordChallenge asks for the password of Username, which may belong to nobody.
type PasswordChallenge struct{ Username string }

// ChooseOrgChallenge asks a member of several organizations for one.
type ChooseOrgChallenge struct {
	// Find is what was searched for; "" for nothing.
	Find string
	// More says that there are others than those listed, which a search finds.
	More          bool
	Organizations []OrgChoice
	// Suspended names the organization that the person would sign in to were it not suspended; "" for none.
	Suspended string
	Username  string
}

// OrgChoice is one organization to choose.
type OrgChoice struct {
	ID   ids.Org
	Name string
}

// ConsentChallenge asks whether the application may have what it asked for: Details, Attributes and Scopes now, and Later as soon as a
// role in the organization gives them, for the answer is about all. Optional attributes can be left out of it.
type ConsentChallenge struct {
	Attributes []AskedAttribute
	Details    details.List
	Elsewhere  bool // see Request
	Scopes     []string
	Later      []string
	Message    string // the application's own words; "" for none
	Username   string
}

// AskedAttribute is a claim of a consent page.
type AskedAttribute struct {
	Attribute
	Allowed bool   // the person has not said no to it before
	Value   string // what the application would be told; "" where he has none, or it is no text
}

// ChangePasswordChallenge asks for a new password, because the present one was set by somebody else.
type ChangePasswordChallenge struct {
	Passwords users.PasswordPolicy // what it must be
	Username  string
}

// ProfileChallenge asks a person for what the application needs to know of him and nobody has filled in.
type ProfileChallenge struct {
	Username string
	Values   []AskedValue
}

// AskedValue is one value that a person is asked for.
type AskedValue struct {
	Attribute
	Problem Problem // ProblemValueForm, ProblemValueMissing or ""
	Typed   string  // before, where something was wrong
}

// IncompleteChallenge says that the application needs what the person lacks and cannot fill in himself.
type IncompleteChallenge struct {
	Ways
	Attributes []Attribute // that he lacks
	Holder     string      // the name of the organization that holds his record, whose administrators can fill them in
	Username   string
}

// Ways are the acts that are of use where a person can go no further.
type Ways struct {
	Account      bool // ActAccount: somebody is signed in
	Organization bool // ActOrganization
}

// RefusedChallenge says that the person cannot sign in like this. Whatever it says of an organization that a client named,
// it says to its members, or says of any name alike.
type RefusedChallenge struct {
	Ways
	// Named is what the client called the organization, where it is RefusedUnknown.
	Named   string
	Refusal Refusal
	// Username is who is signed in; "" for nobody.
	Username string
}

// SuspendedChallenge says to a member that nobody can sign in to the organization at present.
type SuspendedChallenge struct {
	Ways
	Administers bool // the person is who others would ask
	Username    string
}

func (AccountChallenge) challenge()        {}
func (ChangePasswordChallenge) challenge() {}
func (ChooseOrgChallenge) challenge()      {}
func (ConsentChallenge) challenge()        {}
func (IdentifierChallenge) challenge()     {}
func (IncompleteChallenge) challenge()     {}
func (PasswordChallenge) challenge()       {}
func (ProfileChallenge) challenge()        {}
func (RefusedChallenge) challenge()        {}
func (SuspendedChallenge) challenge()      {}
