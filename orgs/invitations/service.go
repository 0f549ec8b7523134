package invitations

import (
	"context"
	"encoding/binary"
	"errors"
	"net/url"
	"time"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/text"
	"grove/infra/secrets"
	"grove/tenants/mails"
)

// The states of an invitation. A pending one past its time is expired, whether or not the row says so yet.
const (
	StateAccepted = "accepted"
	StateExpired  = "expired"
	StatePending  = "pending"
	StateRevoked  = "revoked"
)

// StateAt is the state at a time.
func (i Invitation) StateAt(now time.Time) string {
	if i.State == StatePending && i.over(now) {
		return StateExpired
	}
	return i.State
}

// handedOver: whoever invites has the link, which so proves nothing of an address.
func (i Invitation) handedOver() bool { return i.Delivery != deliveryEmail }

// over reports whether the time of the latest sending has passed.
func (i Invitation) over(now time.Time) bool { return i.ExpiresAt != nil && !i.ExpiresAt.After(now) }

// The ways in which an invitation reaches its person.
const (
	deliveryEmail = "email" // we mail the link
	deliveryLink  = "link"  // whoever invites hands it over
)

const tokenPrefix = "grv_inv"

// No organization has an address mailed more often than this in the window, nor more links made for it. What would be more than all of a
// tenant may send there together is made, and not mailed: that much, and no more, the organization learns of others.
const (
	maxSendings   = 5
	sendingWindow = time.Hour
)

// token derives the secret of an invitation's latest sending.
func token(key *secrets.DataKey, tenant ids.Tenant, i Invitation) (plain string, hash []byte) {
	t, id := tenant.UUID(), i.ID.UUID()
	return secrets.TokenOf(tokenPrefix, key.Derive("invitations", t[:], id[:], binary.BigEndian.AppendUint32(nil, uint32(i.Generation))))
}

// NewInvitation is an invitation to be made.
type NewInvitation struct {
	Email    string
	Roles    []ids.Role
	Groups   []ids.Group
	Delivery string // email or link; "": email
	Life     int    // minutes; 0: the installation's, -1: for ever
	Locale   string
}

// Create invites somebody on behalf of the call's actor. What it answers does not depend on whether the tenant knows the address, or
// whose its domain is. Errors: org.invite.already_member, org.invite.duplicate, org.invite.too_many, request.invalid, and those of [Roles] and [Seats].
func (s *Service) Create(ctx context.Context, c *httpapi.Call, n NewInvitation) (Invitation, error) {
	show, emailKey, err := text.Email(n.Email)
	if err != nil {
		return Invitation{}, fault.CodeInvalid.At("/email", "Must be one plain e-mail address.")
	}
	key, err := s.Keys.DataKey(ctx, c.Tenant.ID)
	if err != nil {
		return Invitation{}, err
	}
	inv := Invitation{ID: ids.NewInvitation(), Org: c.Org.ID, Email: show, EmailKey: emailKey, State: StatePending, Generation: 1,
		Roles: list.Distinct(n.Roles), Groups: list.Distinct(n.Groups), Delivery: n.Delivery, Life: n.Life, Locale: n.Locale, Version: 1, PromisedBy: c.Actor.Remember()}
	if inv.Delivery == "" {
		inv.Delivery = deliveryEmail
	}
	if inv.Life < 0 && inv.Delivery == deliveryEmail {
		// Mailboxes outlive their owners' jobs.
		return Invitation{}, fault.CodeInvalid.At("/expires_in_minutes", "Must be a time to come; only a link that is handed over may last for ever.")
	}
	_, inv.TokenHash = token(key, c.Tenant.ID, inv)
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		policy, err := s.policy.Resolve(ctx, tx, inv.Org)
		if err == nil {
			err = policy.check(inv.Life)
		}
		if err != nil {
			return err
		}
		inv.CreatedAt, inv.UpdatedAt = tx.Now(), tx.Now()
		if inv.ExpiresAt, err = s.until(ctx, tx, inv); err != nil {
			return err
		}
		if inv.Withheld, err = s.claimAddress(ctx, tx, inv); err != nil {
			return err
		}
		ended, err := s.makeRoom(ctx, tx, inv)
		if err != nil {
			return err
		}
		// Seats before roles before the row: the order in which all wait for each other.
		if err := s.Seats.Reserve(ctx, tx, inv.Org, inv.ID.UUID(), "invitation.created"); err != nil {
			return err
		}
		if err := s.checkPromises(ctx, tx, c.Held(), inv); err != nil {
			return err
		}
		if inv.Inviter, err = s.inviter(ctx, tx, c); err != nil {
			return err
		}
		if err := duplicate(insertInvitation(ctx, tx, inv)); err != nil {
			return err
		}
		if err := s.expireLater(ctx, tx, inv); err != nil {
			return err
		}
		// An Idempotency-Key stands for the first fact's subject.
		created := eventCreated.Of(inv.Org, inv.ID, invited(inv))
		return s.events.Write(ctx, tx, append(told(created, inv), ended...)...)
	})
	return inv, err
}

func invited(inv Invitation) invitedData {
	return invitedData{Delivery: inv.Delivery, Email: inv.Email, Groups: inv.Groups, Roles: inv.Roles}
}

// told is the fact of a sending, and that it is not mailed where it is not.
func told(sent events.Fact, inv Invitation) []events.Fact {
	if inv.Withheld {
		return []events.Fact{sent, eventWithheld.Of(inv.Org, inv.ID, noData{})}
	}
	return []events.Fact{sent}
}

func (s *Service) expireLater(ctx context.Context, tx db.Tx, inv Invitation) error {
	if inv.ExpiresAt == nil {
		return nil
	}
	return s.Jobs.InsertAt(ctx, tx, expireArgs{Tenant: tx.Tenant(), Org: inv.Org, Invitation: inv.ID}, *inv.ExpiresAt)
}

func duplicate(err error) error {
	if db.IsUnique(err, "invitations_one_pending") {
		return errDuplicate.With("This address already has a pending invitation; send that one again.", err)
	}
	return err
}

// claimAddress refuses an address that belongs to the organization, or that the organization invites too often. It notes the mail, or
// says that it is withheld, because so many were sent there.
func (s *Service) claimAddress(ctx context.Context, tx db.Tx, inv Invitation) (withheld bool, err error) {
	if err := lockAddress(ctx, tx, inv.EmailKey); err != nil { // or many who ask at once would each find room for one more mail
		return false, err
	}
	member, err := queryIsMember(ctx, tx, inv.Org, inv.EmailKey)
	if err != nil {
		return false, err
	}
	if member {
		return false, errAlreadyMember.With("Somebody with this address belongs to the organization.", nil)
	}
	sent, err := querySendings(ctx, tx, inv, tx.Now().Add(-sendingWindow))
	if err != nil {
		return false, err
	}
	if sent >= maxSendings {
		refused := "Five links were made for this address within an hour. Hand over the latest, or wait."
		if !inv.handedOver() {
			refused = "This address was sent five mails within an hour. Hand the link over yourself, or wait."
		}
		return false, errTooMany.With(refused, nil)
	}
	if inv.handedOver() {
		return false, nil
	}
	claimed, err := mails.Claim(ctx, tx, inv.EmailKey)
	return !claimed, err
}

// makeRoom ends an invitation of the same address whose time is over, and returns what to tell of it.
func (s *Service) makeRoom(ctx context.Context, tx db.Tx, inv Invitation) ([]events.Fact, error) {
	old, err := queryPending(ctx, tx, inv.Org, inv.EmailKey)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = s.expire(ctx, tx, old)
	if errors.Is(err, errNothing) {
		return nil, errDuplicate.With("This address already has a pending invitation; send that one again.", nil)
	}
	return []events.Fact{expired(old)}, err
}

// checkPromises refuses roles that the actor could not assign, and groups that he could not put anybody into.
func (s *Service) checkPromises(ctx context.Context, tx db.Tx, held map[string]bool, inv Invitation) error {
	for _, id := range inv.Groups {
		if err := s.Groups.CheckTx(ctx, tx, inv.Org, id); err != nil {
			return err
		}
	}
	return s.checkRoles(ctx, tx, held, inv)
}

// checkRoles refuses roles that the actor could not assign. The built-in Administrator is given with all that lies below.
func (s *Service) checkRoles(ctx context.Context, tx db.Tx, held map[string]bool, inv Invitation) error {
	roles, err := s.Roles.CheckGrantable(ctx, tx, held, inv.Org, inv.Roles)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if isAdministrator(r) {
			if err := s.Roles.CheckScopesTx(ctx, tx, inv.Org, r.Permissions, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// inviter is the name of the person who invites; "" where it is a program.
func (s *Service) inviter(ctx context.Context, tx db.Tx, c *httpapi.Call) (string, error) {
	if c.Actor.Kind != actor.User {
		return "", nil
	}
	u, err := s.Users.Load(ctx, tx, c.Actor.User)
	return u.DisplayName(), err
}

func found(i Invitation, err error) (Invitation, error) {
	if db.IsNoRows(err) {
		return Invitation{}, fault.ErrNotFound
	}
	return i, err
}

// Resend makes a new link, which ends the old one, and asks for its sending. An expired invitation is pending again.
// Errors: org.invite.duplicate, org.invite.not_pending, org.invite.too_many, resource.stale, and those of [Roles] and [Seats].
func (s *Service) Resend(ctx context.Context, c *httpapi.Call, id ids.Invitation, expect int64) (Invitation, error) {
	key, err := s.Keys.DataKey(ctx, c.Tenant.ID)
	if err != nil {
		return Invitation{}, err
	}
	var inv Invitation
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		// The address before seats, as all do.
		if err := lockAddressOf(ctx, tx, c.Org.ID, id); err != nil {
			return err
		}
		if inv, err = s.lock(ctx, tx, c.Org.ID, id, expect, s.Seats.Reserve, "invitation.resent"); err != nil {
			return err
		}
		if inv.Withheld, err = s.claimAddress(ctx, tx, inv); err != nil {
			return err
		}
		if err = s.checkPromises(ctx, tx, c.Held(), inv); err != nil {
			return err
		}
		// Who sends it again promises anew what it gives.
		if inv.Inviter, err = s.inviter(ctx, tx, c); err != nil {
			return err
		}
		inv.PromisedBy, inv.Refused = c.Actor.Remember(), ""
		inv.State, inv.UpdatedAt = StatePending, tx.Now()
		if inv.ExpiresAt, err = s.until(ctx, tx, inv); err != nil {
			return err
		}
		inv.Generation++
		inv.Version++
		_, inv.TokenHash = token(key, c.Tenant.ID, inv)
		if err = duplicate(updateResent(ctx, tx, inv)); err != nil {
			return err
		}
		if err = s.expireLater(ctx, tx, inv); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, told(eventResent.Of(inv.Org, inv.ID, invited(inv)), inv)...)
	})
	return inv, err
}

// Revoke takes an invitation back. Errors: org.invite.not_pending, resource.stale.
func (s *Service) Revoke(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Invitation, expect int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		inv, err := s.lock(ctx, tx, org, id, expect, s.Seats.Release, "invitation.revoked")
		if err != nil {
			return err
		}
		if err := updateRevoked(ctx, tx, inv.ID); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventRevoked.Of(org, id, noData{}))
	})
}

// lock moves an invitation's seat and then holds its row, which must be neither accepted nor revoked.
func (s *Service) lock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Invitation, expect int64,
	seat seatMove, reason string) (Invitation, error) {
	inv, err := found(queryLoad(ctx, tx, org, id))
	if err != nil {
		return inv, err
	}
	if err := open(inv); err != nil {
		return inv, err
	}
	if err := seat(ctx, tx, org, id.UUID(), reason); err != nil {
		return inv, err
	}
	if inv, err = found(queryLock(ctx, tx, org, id)); err != nil {
		return inv, err
	}
	if expect != 0 && expect != inv.Version {
		return inv, fault.CodeStale.With("Read the invitation again and repeat the change.", nil)
	}
	return inv, open(inv)
}

func open(inv Invitation) error {
	if inv.State == StateAccepted || inv.State == StateRevoked {
		return errNotPending.With("Invite the person again.", nil)
	}
	return nil
}

// MailData is what the mail of an invitation says.
type MailData struct {
	Email     string
	Locale    string
	OrgName   string
	Inviter   string
	Link      string
	ExpiresIn time.Duration
}

// Mail derives the link of an invitation's latest sending, which is stored nowhere, for its mail. Error: org.invite.invalid
// where it would lead nowhere, or is not to be mailed.
func (s *Service) Mail(ctx context.Context, tenant ids.Tenant, id ids.Invitation) (MailData, error) {
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return MailData{}, err
	}
	t, err := s.Tenants.ByID(ctx, tenant)
	if err != nil {
		return MailData{}, err
	}
	var inv Invitation
	var org orgRow
	var now time.Time
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		now = tx.Now()
		if inv, err = queryByID(ctx, tx, id); err != nil {
			return err
		}
		org, err = queryOrg(ctx, tx, inv.Org)
		return err
	})
	if err != nil && !db.IsNoRows(err) {
		return MailData{}, err
	}
	plain, hash := token(key, tenant, inv)
	if err != nil || inv.handedOver() || inv.Withheld || inv.StateAt(now) != StatePending || !secrets.EqualHash(hash, inv.TokenHash) {
		return MailData{}, invalid(err)
	}
	return MailData{Email: inv.Email, Locale: inv.Locale, OrgName: org.Name, Inviter: inv.Inviter, ExpiresIn: inv.ExpiresAt.Sub(now), Link: address(t, plain)}, nil
}

func address(t httpapi.Tenant, plain string) string {
	return t.Base + "/login/invitation?token=" + url.QueryEscape(plain)
}

// handOver returns the link of an invitation that whoever invites hands over; "" where it is mailed, or is not pending any more.
func (s *Service) handOver(ctx context.Context, t httpapi.Tenant, inv Invitation) (string, error) {
	if inv.Delivery != deliveryLink || inv.StateAt(s.db.Clock().Now()) != StatePending {
		return "", nil
	}
	key, err := s.Keys.DataKey(ctx, t.ID)
	if err != nil {
		return "", err
	}
	plain, hash := token(key, t.ID, inv)
	if !secrets.EqualHash(hash, inv.TokenHash) {
		return "", nil
	}
	return address(t, plain), nil
}

func invalid(cause error) error {
	return errInvalid.With("It was used, has expired, was sent again or taken back, or never was. Ask for a new one.", cause)
}
