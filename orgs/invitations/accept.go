package invitations

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"grove/iam/authz"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/secrets"
	"grove/orgs/members"
)

type seatMove func(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error

// Peeked is what the page of an invitation shows to who holds its link.
type Peeked struct {
	Invitation   ids.Invitation
	OrgID        ids.Org
	OrgName      string
	Email        string
	DomainOrg    ids.Org    // another organization, to which the address belongs; zero where it is this one's, or nobody's
	ExistingUser bool       // somebody of the tenant has proved this address, and must sign in to accept; or there may be somebody in DomainOrg
	ExpiresAt    *time.Time // nil: never
	HandedOver   bool       // whoever invites has the link too: ExistingUser is false whoever there is
	Inviter      string
	Locale       string
	Passwords    users.PasswordPolicy // what the password of somebody new must be
	State        string
}

// Peek reads the invitation of a token and uses nothing up. Errors: org.invite.invalid, org.invite.refused, org.suspended;
// beside the last two Peeked says of which organization.
func (s *Service) Peek(ctx context.Context, tenant ids.Tenant, token string) (Peeked, error) {
	if !secrets.LooksLike(tokenPrefix, token) {
		return Peeked{}, invalid(nil)
	}
	var p Peeked
	var inv Invitation
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		var org orgRow
		inv, org, err = usable(ctx, tx, secrets.HashToken(token))
		p = Peeked{OrgName: org.Name}
		if err != nil {
			return err
		}
		if err := s.keep(ctx, tx, inv); err != nil {
			return err
		}
		known, err := s.Users.ByEmail(ctx, tx, inv.Email)
		if err != nil {
			return err
		}
		elsewhere, err := s.domainOrg(ctx, tx, inv)
		p = Peeked{Invitation: inv.ID, OrgID: inv.Org, OrgName: org.Name, Email: inv.Email, DomainOrg: elsewhere, ExistingUser: !inv.handedOver() && (len(known) > 0 || !elsewhere.IsZero()),
			HandedOver: inv.handedOver(), ExpiresAt: inv.ExpiresAt, Inviter: inv.Inviter, Locale: inv.Locale, State: inv.StateAt(tx.Now())}
		if err == nil {
			p.Passwords, err = s.Users.PasswordPolicy(ctx, tx, inv.Org)
		}
		return err
	})
	return p, s.told(ctx, tenant, inv, err)
}

func usable(ctx context.Context, tx db.Tx, hash []byte) (Invitation, orgRow, error) {
	inv, err := queryUsable(ctx, tx, hash)
	if db.IsNoRows(err) {
		return Invitation{}, orgRow{}, invalid(nil)
	}
	if err != nil {
		return Invitation{}, orgRow{}, err
	}
	org, err := queryOrg(ctx, tx, inv.Org)
	if err == nil && org.Suspended {
		err = fault.CodeSuspended.With("The organization is suspended; nobody can join it now.", nil)
	}
	return inv, org, err
}

// Accept is how somebody accepts: as a new person with names and a password, or as the signed-in User.
type Accept struct {
	GivenName  string
	FamilyName string
	Password   string
	User       ids.User
}

// Accepted is the new member.
type Accepted struct {
	User users.User
	Org  ids.Org
}

// Accept uses an invitation up. Errors: org.invite.already_member, org.invite.invalid, org.invite.other_person,
// org.invite.refused, org.invite.sign_in, org.suspended, user.password.
func (s *Service) Accept(ctx context.Context, tenant ids.Tenant, token string, in Accept) (Accepted, error) {
	if !secrets.LooksLike(tokenPrefix, token) {
		return Accepted{}, invalid(nil)
	}
	hash := secrets.HashToken(token)
	// Who holds no good link does not get to cost a password hash.
	peeked, err := s.Peek(ctx, tenant, token)
	if err != nil {
		return Accepted{}, err
	}
	phc := ""
	if in.User.IsZero() {
		if peeked.ExistingUser {
			return Accepted{}, signIn()
		}
		if phc, err = s.Users.HashPassword(ctx, tenant, peeked.OrgID, in.Password, peeked.Email); err != nil {
			return Accepted{}, err
		}
	}
	var out Accepted
	var inv Invitation
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if inv, _, err = usable(ctx, tx, hash); err != nil {
			return err
		}
		out, err = s.accept(ctx, tx, inv, hash, in, phc)
		return err
	})
	return out, s.told(ctx, tenant, inv, err)
}

func signIn() error {
	return errSignIn.With("Sign in with the account that has this address, and open the link again.", nil)
}

// accept takes its locks in the order of all: people or the address, the balance of seats, the invitation, roles.
func (s *Service) accept(ctx context.Context, tx db.Tx, inv Invitation, hash []byte, in Accept, phc string) (Accepted, error) {
	user := in.User
	if user.IsZero() {
		user = ids.NewUser()
	}
	// Nobody disables whoever invited between the question whether he may and the end.
	if err := holdUser(ctx, tx, inv.PromisedBy.User); err != nil {
		return Accepted{}, err
	}
	// What follows is the person's own doing.
	ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: tx.Tenant(), Org: inv.Org, User: user})
	if err := s.checkPerson(ctx, tx, inv, in.User); err != nil {
		return Accepted{}, err
	}
	if err := s.Seats.Commit(ctx, tx, inv.Org, inv.ID.UUID(), user.UUID(), "invitation.accepted"); err != nil {
		return Accepted{}, err
	}
	switch n, err := updateAccepted(ctx, tx, hash); {
	case err != nil:
		return Accepted{}, err
	case n == 0:
		return Accepted{}, invalid(nil)
	}
	joined, err := s.join(ctx, tx, inv, in, user, phc)
	if err != nil {
		return Accepted{}, err
	}
	if err := updateAccepter(ctx, tx, inv.ID, user); err != nil {
		return Accepted{}, err
	}
	if err := s.keep(ctx, tx, inv); err != nil {
		return Accepted{}, err
	}
	if err := s.assign(ctx, tx, inv, user); err != nil {
		return Accepted{}, err
	}
	return Accepted{User: joined, Org: inv.Org}, s.events.Write(ctx, tx, eventAccepted.Of(inv.Org, inv.ID, acceptedData{User: user}))
}

// domainOrg is the organization that the address of an invitation belongs to, where it is another one.
func (s *Service) domainOrg(ctx context.Context, tx db.Tx, inv Invitation) (ids.Org, error) {
	_, domain, _ := strings.Cut(inv.EmailKey, "@")
	owner, owned, err := s.Domains.OwnerOf(ctx, tx, domain)
	if err != nil || !owned || owner == inv.Org {
		return ids.Org{}, err
	}
	return owner, nil
}

// checkPerson settles whether the one who accepts is the one who was invited.
func (s *Service) checkPerson(ctx context.Context, tx db.Tx, inv Invitation, signedIn ids.User) error {
	if signedIn.IsZero() {
		// A refusal would tell whoever invites of accounts elsewhere. The new account has the address for a name only, as any that
		// an administrator makes.
		if inv.handedOver() {
			return nil
		}
		if err := lockAddress(ctx, tx, inv.EmailKey); err != nil {
			return err
		}
		known, err := s.Users.ByEmail(ctx, tx, inv.Email)
		if err != nil {
			return err
		}
		elsewhere, err := s.domainOrg(ctx, tx, inv)
		if err == nil && (len(known) > 0 || !elsewhere.IsZero()) {
			err = signIn()
		}
		return err
	}
	if err := holdUser(ctx, tx, signedIn); err != nil {
		return err
	}
	u, err := s.Users.Load(ctx, tx, signedIn)
	if fault.CodeNotFound.Is(err) {
		return invalid(err)
	}
	if err != nil {
		return err
	}
	elsewhere, err := s.domainOrg(ctx, tx, inv)
	if err != nil {
		return err
	}
	if u.Status != users.StatusActive || !u.Has(inv.EmailKey, elsewhere) {
		return errOtherPerson.With("Sign out, and open the link again.", nil)
	}
	return nil
}

func (s *Service) join(ctx context.Context, tx db.Tx, inv Invitation, in Accept, user ids.User, phc string) (users.User, error) {
	if !in.User.IsZero() {
		if err := s.Members.JoinTx(ctx, tx, inv.Org, user, members.Invited); err != nil {
			return users.User{}, err
		}
		return s.Users.Load(ctx, tx, user)
	}
	u, err := s.Users.CreateTx(ctx, tx, users.NewUser{ID: user, Org: inv.Org, Username: inv.Email, Email: inv.Email,
		// Who was handed the link has proved nothing about the address.
		EmailVerified: !inv.handedOver(),
		GivenName:     in.GivenName, FamilyName: in.FamilyName, Locale: inv.Locale, PasswordHash: phc})
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind == fault.Conflict && f.Code.Name == "user.username_taken" {
		return users.User{}, errAlreadyMember.With("Somebody in this organization has this address as username.", err)
	}
	return u, err
}

// assign gives the promised roles and groups. One that is gone since, or not shared with the organization any more, is left out.
func (s *Service) assign(ctx context.Context, tx db.Tx, inv Invitation, user ids.User) error {
	// Whether whoever invited may give them was asked just before.
	promised := map[string]bool{}
	for _, p := range perm.All() {
		promised[p.Name()] = true
	}
	for _, id := range inv.Roles {
		roles, err := s.Roles.CheckGrantable(ctx, tx, promised, inv.Org, []ids.Role{id})
		var f *fault.Error
		if errors.As(err, &f) && f.Code.Kind != fault.Internal {
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range roles {
			reach := authz.ReachOrg
			if isAdministrator(r) {
				reach = authz.ReachSubtree
			}
			a := authz.Assignment{Org: inv.Org, Role: r.ID, PrincipalKind: authz.PrincipalUser, Principal: user.UUID(), Reach: reach}
			if err := s.Roles.AssignTx(ctx, tx, a); err != nil {
				return err
			}
		}
	}
	for _, id := range inv.Groups {
		err := s.Groups.JoinTx(ctx, tx, inv.Org, id, user)
		if err != nil && !fault.CodeNotFound.Is(err) {
			return err
		}
	}
	return nil
}

func isAdministrator(r authz.Role) bool { return r.Builtin && r.Name == "Administrator" }
