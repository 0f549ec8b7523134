package login

import (
	"strconv"

	"grove/iam/authz/details"
)

// The pages that [Render] knows, each with the struct that fills it.
const (
	PageAccount           = "account"            // AccountPage
	PageChangePassword    = "change_password"    // ChangePasswordPage
	PageConsent           = "consent"            // ConsentPage
	PageDevice            = "device"             // DevicePage
	PageDeviceDone        = "device_done"        // DeviceDonePage
	PageError             = "error"              // ErrorPage
	PageIdentifier        = "identifier"         // IdentifierPage
	PageIncomplete        = "incomplete"         // IncompletePage
	PageInvitation        = "invitation"         // InvitationPage
	PageInvitationInvalid = "invitation_invalid" // InvitationInvalidPage
	PageLinkInvalid       = "link_invalid"       // LinkInvalidPage
	PageLogout            = "logout"             // LogoutPage
	PageOrganization      = "organization"       // OrganizationPage
	PagePassword          = "password"           // PasswordPage
	PageProfile           = "profile"            // ProfilePage
	PageRefused           = "refused"            // RefusedPage
	PageRequestDone       = "request_done"       // RequestDonePage
	PageSignedOut         = "signed_out"         // SignedOutPage
	PageSigningOut        = "signing_out"        // SigningOutPage
	PageSuspended         = "suspended"          // SuspendedPage
)

// The names of the form fields that the pages post.
const (
	FieldAttribute    = "attribute:" // consent: with the name of a claim behind it, where it is allowed
	FieldCSRF         = "csrf"
	FieldDecision     = "decision" // one of the Decision constants
	FieldFamilyName   = "family_name"
	FieldFind         = "find" // a search among the organizations, by GET
	FieldFlow         = "flow"
	FieldGivenName    = "given_name"
	FieldOrganization = "organization" // the id of the chosen organization
	FieldPassword     = "password"
	FieldUserCode     = "user_code" // device
	FieldUsername     = "username"
	FieldValue        = "value:" // profile: with the name of a claim behind it

	DecisionAccount      = "account" // sign in as somebody else
	DecisionAllow        = "allow"   // consent
	DecisionCancel       = "cancel"  // any page of a sign-in: go back to the app
	DecisionDeny         = "deny"    // consent
	DecisionOrganization = "organization"
)

// The problems that a page can show. A problem that is not in the catalogue shows ProblemUnknown's text.
const (
	ProblemCSRF             = "csrf"
	ProblemClient           = "client"
	ProblemClientUnknown    = "client_unknown"
	ProblemCredentials      = "credentials"
	ProblemDeviceCode       = "device_code"
	ProblemExpired          = "expired"
	ProblemNameRequired     = "name_required"
	ProblemNotFound         = "not_found"
	ProblemOrganization     = "organization"
	ProblemPasswordPolicy   = "password_policy"
	ProblemPasswordRequired = "password_required"
	ProblemTooMany          = "too_many"
	ProblemUnavailable      = "unavailable"
	ProblemUnknown          = "unknown"
	ProblemUsernameRequired = "username_required"
	ProblemValues           = "values" // of a ProfilePage
)

// DefaultPasswordMin is the shortest password, in characters, that the pages name when the caller gives none.
const DefaultPasswordMin = 8

// Common is what every page carries.
type Common struct {
	// Action is the address that the page's form posts to, on this host.
	Action string
	// AppName is the application that the person is on the way to. Empty hides the sentence that names it.
	AppName string
	// Cancel shows a button that answers the form with DecisionCancel.
	Cancel bool
	// CancelURL is where "Cancel" leads, an http or https address. Empty hides it.
	CancelURL string
	// CSRF is the value of the hidden csrf field.
	CSRF string
	// Dir is the writing direction, "ltr" or "rtl". Empty: that of the locale.
	Dir string
	// FormActionOrigins are redirect URIs, or their origins, to which the answer to this page's POST may redirect.
	// Browsers apply form-action to such redirects too, so that a relying party's redirect URI must be named here.
	FormActionOrigins []string
	// Frames are addresses that the page opens in frames that nobody sees.
	Frames []string
	// Locale is one of [Locales]. Empty: negotiated from ui_locales and Accept-Language.
	Locale string
	// LogoURL is the organization's logo: an address on this host or a data: image. Empty shows the first letter.
	LogoURL string
	// OrgName is the organization that the person signs in to. Empty shows Grove's own mark.
	OrgName string
	// Problem is one of the Problem constants. Empty: nothing went wrong.
	Problem string
	// Status is the HTTP status. Zero: 200.
	Status int
}

func (c Common) common() Common { return c }

// Page is implemented by the structs of this package that fill a page.
type Page interface {
	common() Common
}

// AccountPage asks whether it is Username, who is signed in, that goes on. Its form posts nothing, or a decision.
type AccountPage struct {
	Common
	Username string
}

// ChangePasswordPage asks for a new password, in the password field: in place of one that somebody else set, or by a link.
type ChangePasswordPage struct {
	Common
	// ByLink: the person came by a link that was sent to him, not with a password.
	ByLink bool
	// PasswordKinds is of how many kinds its characters are at least. Zero: any.
	PasswordKinds int
	// PasswordMin is the shortest password allowed, in characters. Zero: [DefaultPasswordMin].
	PasswordMin int
	Username    string
}

// ConsentPage asks whether an app may have the authorization details and scopes it asked for.
type ConsentPage struct {
	Common
	// Attributes are asked for one by one. Empty hides them.
	Attributes []Attribute
	// Details are shown whole, before the scopes: the person agrees to each word of them. Empty hides them.
	Details []details.Description
	// Elsewhere: the app asked from where the person is not.
	Elsewhere bool
	// Later are the scopes that no role of the person gives at present. Empty hides them.
	Later []Scope
	// Message is the app's own words. Empty hides them.
	Message string
	// PrivacyURL and TermsURL are the app's own pages. Empty hides the link.
	PrivacyURL, TermsURL string
	// ReturnHost is where the person goes next, of an app that nobody here set up. Empty hides it.
	ReturnHost string
	// Scopes in the order in which to show them.
	Scopes []Scope
	// UnknownHost is whom to trust with an app that nobody here set up. Empty hides the warning.
	UnknownHost string
	// Username names the account whose data is asked for.
	Username string
}

// Attribute is one claim of a consent page, which can be left out unless it is mandatory.
type Attribute struct {
	// Checked: it is allowed unless the person takes it away.
	Checked bool
	// Mandatory: the app cannot do without.
	Mandatory bool
	// Name is the claim's.
	Name string
	// Title is what people call it. That of a standard claim, where it is the English one, is told in the page's language.
	Title string
	// Value is what the app would be told. Empty hides it.
	Value string
}

// Scope is one line of a consent page.
type Scope struct {
	// Description is a second, quieter line. May be empty.
	Description string
	// Name is the scope's value, such as "email".
	Name string
	// Title says what it allows. Empty: the catalogue's text for a standard scope, else the name.
	Title string
}

// DevicePage asks for the code that a device shows (RFC 8628, section 3.3).
type DevicePage struct {
	Common
	// UserCode is what to fill in, as it came or was typed.
	UserCode string
}

// DeviceDonePage ends the approval of a device.
type DeviceDonePage struct {
	Common
	// Denied: the person said no.
	Denied bool
}

// ErrorPage says that a request cannot go on and that no relying party could be told.
type ErrorPage struct {
	Common
	// Code is the stable error code, such as "invalid_request".
	Code string
	// Reason says in English what is wrong with the application's request, for whoever looks after it. Nothing of the request is part of it.
	Reason string
	// RequestID lets support find the request.
	RequestID string
	// ReturnURL leads back. Empty hides the button.
	ReturnURL string
}

// IdentifierPage asks who is signing in.
type IdentifierPage struct {
	Common
	// Options are other ways to sign in, shown below the form.
	Options []Option
	// Username is what was typed before.
	Username string
}

// Option is a link to another way of signing in.
type Option struct{ Label, URL string }

// IncompletePage says what the person lacks that the app needs and only others can fill in. Its form posts a decision.
type IncompletePage struct {
	Common
	Attributes []Attribute
	// Holder is the organization whose administrators can fill it in. May be empty.
	Holder string
	// OtherAccount and OtherOrganization offer these decisions.
	OtherAccount, OtherOrganization bool
	Username                        string
}

// InvitationPage shows an invitation. SignedInAs set: one button accepts it. Else SignInURL set: the person has an
// account and signs in first. Else: a form that makes the account (given_name, family_name, password).
type InvitationPage struct {
	Common
	// Email is the invited address.
	Email string
	// Either: the person may be new or not, and which is not said. With SignInURL.
	Either bool
	// Elsewhere: only an account that is there already can accept, and whether there is one is not said.
	Elsewhere bool
	// FamilyName and GivenName are what was typed before.
	FamilyName, GivenName string
	// InviterName is the person who invited. May be empty.
	InviterName string
	// PasswordKinds is of how many kinds its characters are at least. Zero: any.
	PasswordKinds int
	// PasswordMin is the shortest password allowed, in characters. Zero: [DefaultPasswordMin].
	PasswordMin int
	// SignInURL is where a person with an account signs in.
	SignInURL string
	// SignedInAs is the username of the current session, when it belongs to the invited person.
	SignedInAs string
}

// InvitationInvalidPage says that an invitation is expired, revoked, used or was never made.
type InvitationInvalidPage struct {
	Common
	// Refused says instead that whoever invited can let nobody in any more.
	Refused bool
	// SignInURL is offered when set.
	SignInURL string
}

// LinkInvalidPage says that a link to choose a password is expired, replaced, used or was never made.
type LinkInvalidPage struct {
	Common
	// SignInURL is offered when set.
	SignInURL string
}

// LogoutPage asks whether to sign out. CancelURL is labelled "Stay signed in".
type LogoutPage struct {
	Common
	Username string
}

// OrganizationPage lets a member of several organizations choose one; each is a button of the form.
type OrganizationPage struct {
	Common
	// Find is what was searched for. Empty: nothing.
	Find string
	// FindAction is the address of the search, with Flow in the flow field.
	FindAction, Flow string
	// More says that there are others than those listed, which a search finds.
	More          bool
	Organizations []Organization
	// OtherAccount offers this decision.
	OtherAccount bool
	// Suspended names the organization that the person would go to were it not suspended. Empty hides the sentence.
	Suspended string
	Username  string
}

// Organization is one choice of an [OrganizationPage].
type Organization struct {
	// Detail is a quieter second line, such as the path in the tree. May be empty.
	Detail string
	// ID is posted as the organization field.
	ID string
	// Name is what is shown.
	Name string
}

// PasswordPage asks for the password of Username.
type PasswordPage struct {
	Common
	// ChangeURL leads back to the identifier page. Empty hides it.
	ChangeURL string
	// ForgotURL starts a recovery. Empty hides it.
	ForgotURL string
	Username  string
}

// ProfilePage asks a person for what the app needs to know of him.
type ProfilePage struct {
	Common
	Username string
	Values   []Value
}

// Value is one field of a [ProfilePage]. Attribute.Value is what was typed before.
type Value struct {
	Attribute
	// Kind is "boolean", "date", "language", "number", "phone", "text", "url" or "zone".
	Kind string
	// Problem is "form", "missing" or "".
	Problem string
}

// RefusedPage says that the person cannot sign in like this. Its form posts a decision.
type RefusedPage struct {
	Common
	// Named is what the app called the organization; "" where that is no name of one.
	Named string
	// OtherAccount and OtherOrganization offer these decisions.
	OtherAccount, OtherOrganization bool
	// Reason is "app", "no_organization", "not_member" or "unknown".
	Reason string
	// Username is who is signed in. Empty: nobody.
	Username string
}

// The answers that a [RequestDonePage] shows.
const (
	AnswerApproved   = "approved"
	AnswerDenied     = "denied"
	AnswerGone       = "gone"       // there was nothing to answer
	AnswerUnanswered = "unanswered" // the person went away, or is not the one who is asked
)

// RequestDonePage ends the answer to an app that asked from elsewhere (OpenID Connect CIBA).
type RequestDonePage struct {
	Common
	// Answer is one of the Answer constants.
	Answer string
}

// SignedOutPage is the end of a sign-out that has no page of the relying party to return to.
type SignedOutPage struct {
	Common
	// ReturnURL leads to AppName, or to signing in again when there is none. Empty hides the button.
	ReturnURL string
}

// SigningOutPage tells apps of a sign-out, by Frames, and goes on to ReturnURL.
type SigningOutPage struct {
	Common
	ReturnURL string
}

// SuspendedPage says that the organization is suspended. In a sign-in its form posts a decision.
type SuspendedPage struct {
	Common
	// AskHost is who can let it work again, for an administrator of the organization. Empty: others are told to ask one.
	AskHost string
	// OtherAccount and OtherOrganization offer these decisions.
	OtherAccount, OtherOrganization bool
	// Username is who is signed in. Empty hides it.
	Username string
}

// passwordRules returns what a page says of passwords: the least length, and of how many kinds their characters are; "" where
// that is any.
func passwordRules(p Page) (length, kinds string) {
	n, of := 0, 0
	switch page := p.(type) {
	case ChangePasswordPage:
		n, of = page.PasswordMin, page.PasswordKinds
	case InvitationPage:
		n, of = page.PasswordMin, page.PasswordKinds
	}
	if n <= 0 {
		n = DefaultPasswordMin
	}
	if of > 1 {
		kinds = strconv.Itoa(of)
	}
	return strconv.Itoa(n), kinds
}
