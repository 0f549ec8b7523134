package ids

// The kinds. A prefix is part of the outside contract and never changes or is used again.
type (
	accessTokenKind       struct{}
	apiResourceKind       struct{}
	appKind               struct{}
	assignmentKind        struct{}
	cibaRequestKind       struct{}
	connectionKind        struct{}
	consentKind           struct{}
	detailsTypeKind       struct{}
	domainKind            struct{}
	eventKind             struct{}
	failedRequestKind     struct{}
	flowKind              struct{}
	grantKind             struct{}
	groupKind             struct{}
	invitationKind        struct{}
	keyKind               struct{}
	membershipKind        struct{}
	oidcClaimKind         struct{}
	oidcScopeKind         struct{}
	operationKind         struct{}
	orgKind               struct{}
	pairwiseSessionKind   struct{}
	pairwiseSubjectKind   struct{}
	registrationTokenKind struct{}
	roleKind              struct{}
	scopeKind             struct{}
	secretKind            struct{}
	securityEventKind     struct{}
	sessionKind           struct{}
	signalStreamKind      struct{}
	supportAccessKind     struct{}
	tenantKind            struct{}
	userKind              struct{}
)

func (accessTokenKind) prefix() string       { return "tok" }
func (apiResourceKind) prefix() string       { return "api" }
func (appKind) prefix() string               { return "app" }
func (assignmentKind) prefix() string        { return "asg" }
func (cibaRequestKind) prefix() string       { return "cib" }
func (connectionKind) prefix() string        { return "con" }
func (consentKind) prefix() string           { return "cns" }
func (detailsTypeKind) prefix() string       { return "adt" }
func (domainKind) prefix() string            { return "dom" }
func (eventKind) prefix() string             { return "evt" }
func (failedRequestKind) prefix() string     { return "frq" }
func (flowKind) prefix() string              { return "flw" }
func (grantKind) prefix() string             { return "gnt" }
func (groupKind) prefix() string             { return "grp" }
func (invitationKind) prefix() string        { return "inv" }
func (keyKind) prefix() string               { return "key" }
func (membershipKind) prefix() string        { return "mem" }
func (oidcClaimKind) prefix() string         { return "clm" }
func (oidcScopeKind) prefix() string         { return "osc" }
func (operationKind) prefix() string         { return "opn" }
func (orgKind) prefix() string               { return "org" }
func (pairwiseSessionKind) prefix() string   { return "pss" }
func (pairwiseSubjectKind) prefix() string   { return "pws" }
func (registrationTokenKind) prefix() string { return "rgt" }
func (roleKind) prefix() string              { return "rol" }
func (scopeKind) prefix() string             { return "scp" }
func (secretKind) prefix() string            { return "sec" }
func (securityEventKind) prefix() string     { return "sev" }
func (sessionKind) prefix() string           { return "ses" }
func (signalStreamKind) prefix() string      { return "str" }
func (supportAccessKind) prefix() string     { return "sup" }
func (tenantKind) prefix() string            { return "tnt" }
func (userKind) prefix() string              { return "usr" }

// AccessToken identifies one access token, by its jti.
type AccessToken = ID[accessTokenKind]

// APIResource identifies a protected API.
type APIResource = ID[apiResourceKind]

// App identifies an application.
type App = ID[appKind]

// Assignment identifies a role assignment.
type Assignment = ID[assignmentKind]

// CIBARequest identifies a request of an app that a person answers elsewhere (OpenID Connect CIBA).
type CIBARequest = ID[cibaRequestKind]

// Connection identifies an identity source.
type Connection = ID[connectionKind]

// Consent identifies a person's consent to an app.
type Consent = ID[consentKind]

// DetailsType identifies an authorization details type of an API resource.
type DetailsType = ID[detailsTypeKind]

// Domain identifies an e-mail domain of an organization.
type Domain = ID[domainKind]

// Event identifies an event.
type Event = ID[eventKind]

// FailedRequest identifies an entry of the request inspector.
type FailedRequest = ID[failedRequestKind]

// Flow identifies one run of sign-in.
type Flow = ID[flowKind]

// Grant identifies an authorization grant, the family of its tokens.
type Grant = ID[grantKind]

// Group identifies a group.
type Group = ID[groupKind]

// Invitation identifies an invitation.
type Invitation = ID[invitationKind]

// Key identifies a signing key.
type Key = ID[keyKind]

// Membership identifies a membership.
type Membership = ID[membershipKind]

// OIDCClaim identifies a claim of OpenID Connect.
type OIDCClaim = ID[oidcClaimKind]

// OIDCScope identifies a scope that asks for claims.
type OIDCScope = ID[oidcScopeKind]

// Operation identifies long work.
type Operation = ID[operationKind]

// Org identifies an organization.
type Org = ID[orgKind]

// PairwiseSession is a sid as the apps of one sector know it.
type PairwiseSession = ID[pairwiseSessionKind]

// PairwiseSubject is a sub as the apps of one sector know it.
type PairwiseSubject = ID[pairwiseSubjectKind]

// RegistrationToken identifies an initial access token, with which apps register themselves.
type RegistrationToken = ID[registrationTokenKind]

// Role identifies a role.
type Role = ID[roleKind]

// Scope identifies a scope of an API resource.
type Scope = ID[scopeKind]

// Secret identifies a client secret.
type Secret = ID[secretKind]

// SecurityEvent identifies a security event token, by its jti.
type SecurityEvent = ID[securityEventKind]

// Session identifies a single sign-on session.
type Session = ID[sessionKind]

// SignalStream identifies a stream of security events to a receiver.
type SignalStream = ID[signalStreamKind]

// SupportAccess identifies an allowance to impersonate the people of an organization.
type SupportAccess = ID[supportAccessKind]

// Tenant identifies a tenant.
type Tenant = ID[tenantKind]

// User identifies a user.
type User = ID[userKind]

// NewAccessToken makes a fresh identifier of one access token, by its jti.
func NewAccessToken() AccessToken { return New[accessTokenKind]() }

// NewAPIResource makes a fresh identifier of a protected API.
func NewAPIResource() APIResource { return New[apiResourceKind]() }

// NewApp makes a fresh identifier of an application.
func NewApp() App { return New[appKind]() }

// NewAssignment makes a fresh identifier of a role assignment.
func NewAssignment() Assignment { return New[assignmentKind]() }

// NewCIBARequest makes a fresh identifier of a request that a person answers elsewhere.
func NewCIBARequest() CIBARequest { return New[cibaRequestKind]() }

// NewConnection makes a fresh identifier of an identity source.
func NewConnection() Connection { return New[connectionKind]() }

// NewConsent makes a fresh identifier of a person's consent to an app.
func NewConsent() Consent { return New[consentKind]() }

// NewDetailsType makes a fresh identifier of an authorization details type.
func NewDetailsType() DetailsType { return New[detailsTypeKind]() }

// NewDomain makes a fresh identifier of an e-mail domain of an organization.
func NewDomain() Domain { return New[domainKind]() }

// NewEvent makes a fresh identifier of an event.
func NewEvent() Event { return New[eventKind]() }

// NewFailedRequest makes a fresh identifier of an entry of the request inspector.
func NewFailedRequest() FailedRequest { return New[failedRequestKind]() }

// NewFlow makes a fresh identifier of one run of sign-in.
func NewFlow() Flow { return New[flowKind]() }

// NewGrant makes a fresh identifier of an authorization grant, the family of its tokens.
func NewGrant() Grant { return New[grantKind]() }

// NewGroup makes a fresh identifier of a group.
func NewGroup() Group { return New[groupKind]() }

// NewInvitation makes a fresh identifier of an invitation.
func NewInvitation() Invitation { return New[invitationKind]() }

// NewKey makes a fresh identifier of a signing key.
func NewKey() Key { return New[keyKind]() }

// NewMembership makes a fresh identifier of a membership.
func NewMembership() Membership { return New[membershipKind]() }

// NewOIDCClaim makes a fresh identifier of a claim of OpenID Connect.
func NewOIDCClaim() OIDCClaim { return New[oidcClaimKind]() }

// NewOIDCScope makes a fresh identifier of a scope that asks for claims.
func NewOIDCScope() OIDCScope { return New[oidcScopeKind]() }

// NewOperation makes a fresh identifier of long work.
func NewOperation() Operation { return New[operationKind]() }

// NewOrg makes a fresh identifier of an organization.
func NewOrg() Org { return New[orgKind]() }

// NewRegistrationToken makes a fresh identifier of an initial access token.
func NewRegistrationToken() RegistrationToken { return New[registrationTokenKind]() }

// NewRole makes a fresh identifier of a role.
func NewRole() Role { return New[roleKind]() }

// NewScope makes a fresh identifier of a scope of an API resource.
func NewScope() Scope { return New[scopeKind]() }

// NewSecret makes a fresh identifier of a client secret.
func NewSecret() Secret { return New[secretKind]() }

// NewSecurityEvent makes a fresh identifier of a security event token.
func NewSecurityEvent() SecurityEvent { return New[securityEventKind]() }

// NewSession makes a fresh identifier of a single sign-on session.
func NewSession() Session { return New[sessionKind]() }

// NewSignalStream makes a fresh identifier of a stream of security events to a receiver.
func NewSignalStream() SignalStream { return New[signalStreamKind]() }

// NewSupportAccess makes a fresh identifier of an allowance to impersonate the people of an organization.
func NewSupportAccess() SupportAccess { return New[supportAccessKind]() }

// NewTenant makes a fresh identifier of a tenant.
func NewTenant() Tenant { return New[tenantKind]() }

// NewUser makes a fresh identifier of a user.
func NewUser() User { return New[userKind]() }
