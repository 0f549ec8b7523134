package recovery

import (
	"context"
	"net/url"
	"time"

	"github.com/google/uuid"

	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/tenants/mails"
)

// The ways in which a link reaches its person.
const (
	deliveryEmail = "email" // we mail it
	deliveryLink  = "link"  // whoever asked for it hands it over
)

const tokenPrefix = "grv_pw"

// No person gets more than this many mails in the window, however often somebody asks.
const (
	maxMails   = 5
	mailWindow = time.Hour
)

// token derives the secret of a link.
func token(key *secrets.DataKey, tenant ids.Tenant, id uuid.UUID) (plain string, hash []byte) {
	t := tenant.UUID()
	return secrets.TokenOf(tokenPrefix, key.Derive("password-links", t[:], id[:]))
}

// Wanted says what link to make.
type Wanted struct {
	Delivery string        // email or link
	Force    bool          // take the old password away at once, and end what was issued to the person
	Life     time.Duration // 0: what the organization's settings say; negative: it never expires, which only a first password's may
}

// Made is a link just made.
type Made struct {
	Delivery  string
	ExpiresAt *time.Time // nil: never
	Link      string     // of deliveryLink: to be shown once
}

// Create gives a resident of org a link by which to choose a password. Errors: password_link.not_active,
// password_link.too_many, request.invalid, resource.not_found, user.above_actor.
func (s *Service) Create(ctx context.Context, t httpapi.Tenant, org ids.Org, user ids.User, w Wanted) (Made, error) {
	key, err := s.Keys.DataKey(ctx, t.ID)
	if err != nil {
		return Made{}, err
	}
	l := link{User: user, Org: org, ID: uuid.Must(uuid.NewV7()), Delivery: w.Delivery, MadeBy: actor.From(ctx).Remember()}
	plain, hash := token(key, t.ID, l.ID)
	l.TokenHash = hash
	err = s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		u, err := s.Users.HoldTx(ctx, tx, org, user)
		if err != nil {
			return err
		}
		if err := s.check(u, w); err != nil {
			return err
		}
		policy, err := s.policy.Resolve(ctx, tx, org)
		if err != nil {
			return err
		}
		if w.Life, err = policy.life(w.Life); err != nil {
			return err
		}
		if w.Life >= 0 {
			until := tx.Now().Add(w.Life)
			l.ExpiresAt = &until
		}
		if w.Delivery == deliveryEmail {
			l.EmailKey = u.EmailKey
		}
		forced := w.Force && u.HasPassword
		if forced {
			if err := s.Users.ClearPasswordTx(ctx, tx, u); err != nil {
				return err
			}
		}
		ok, err := upsertLink(ctx, tx, l, maxMails, mailWindow)
		if err == nil && !ok {
			err = errTooMany.With("This user was sent five mails within an hour. Hand the link over yourself, or wait.", nil)
		}
		if err == nil && w.Delivery == deliveryEmail {
			if ok, err = mails.Claim(ctx, tx, l.EmailKey); err == nil && !ok {
				err = errTooMany.With("So many mails were sent to this address within an hour. Hand the link over yourself, or wait.", nil)
			}
		}
		if err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventCreated.Of(org, user, linkData{Delivery: w.Delivery, ExpiresAt: l.ExpiresAt, Forced: forced}))
	})
	made := Made{Delivery: w.Delivery, ExpiresAt: l.ExpiresAt}
	if w.Delivery == deliveryLink {
		made.Link = address(t, plain)
	}
	return made, err
}

func (s *Service) check(u users.User, w Wanted) error {
	switch {
	case u.Status != users.StatusActive:
		return errNotActive.With("Enable or unlock the user before.", nil)
	case w.Delivery == deliveryEmail && u.Email == "":
		return fault.CodeInvalid.At("/delivery", "Must be link for a user without an e-mail address.")
	case w.Life < 0 && (w.Delivery != deliveryLink || u.HasPassword && !w.Force):
		return fault.CodeInvalid.At("/expires_in_minutes", "Must be a time to come; only a link that is handed over, for a user without a password, may last for ever.")
	}
	return nil
}

func address(t httpapi.Tenant, plain string) string {
	return t.Base + "/login/set-password?token=" + url.QueryEscape(plain)
}

// Revoke takes a resident's link back. Error: resource.not_found, also where there is none.
func (s *Service) Revoke(ctx context.Context, tenant ids.Tenant, org ids.Org, user ids.User) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := s.Users.HoldTx(ctx, tx, org, user); err != nil {
			return err
		}
		ended, err := endLinks(ctx, tx, user)
		if err == nil && !ended {
			err = fault.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventRevoked.Of(org, user, noData{}))
	})
}

// MailData is what the mail of a link says.
type MailData struct {
	Email     string
	ExpiresIn time.Duration
	First     bool // the person has no password
	Link      string
	Locale    string
	OrgName   string
	Username  string
}

// Mail derives the link that a person is to be mailed, which is stored nowhere. Error: password_link.invalid where there is
// none to mail, or it would lead nowhere.
func (s *Service) Mail(ctx context.Context, tenant ids.Tenant, user ids.User) (MailData, error) {
	key, err := s.Keys.DataKey(ctx, tenant)
	if err != nil {
		return MailData{}, err
	}
	t, err := s.Tenants.ByID(ctx, tenant)
	if err != nil {
		return MailData{}, err
	}
	var mail MailData
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		l, err := queryOf(ctx, tx, user)
		if db.IsNoRows(err) || err == nil && l.Delivery != deliveryEmail {
			return invalid(err)
		}
		if err != nil {
			return err
		}
		u, orgName, err := s.person(ctx, tx, l)
		if err != nil {
			return err
		}
		plain, hash := token(key, tenant, l.ID)
		// Whoever made the address another one meanwhile does not get the mail that was meant for the one before.
		if u.EmailKey != l.EmailKey || !secrets.EqualHash(hash, l.TokenHash) {
			return invalid(nil)
		}
		mail = MailData{Email: u.Email, ExpiresIn: l.ExpiresAt.Sub(tx.Now()), First: !u.HasPassword, Link: address(t, plain), Locale: u.Locale,
			OrgName: orgName, Username: u.Username}
		return nil
	})
	return mail, err
}

// Peeked is what the page of a link shows to who opens it.
type Peeked struct {
	Email     string
	Org       ids.Org
	OrgName   string
	Passwords users.PasswordPolicy // what the new password must be
	Username  string
}

// Peek reads a link and changes nothing. Errors: password_link.invalid, and org.suspended, beside which Peeked says of which
// organization.
func (s *Service) Peek(ctx context.Context, tenant ids.Tenant, token string) (p Peeked, err error) {
	if !secrets.LooksLike(tokenPrefix, token) {
		return p, invalid(nil)
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		l, u, orgName, err := s.find(ctx, tx, secrets.HashToken(token))
		p = Peeked{Org: l.Org, OrgName: orgName}
		if err != nil {
			return err
		}
		p.Username, p.Email = u.Username, u.Email
		p.Passwords, err = s.Users.PasswordPolicy(ctx, tx, u.Org)
		return err
	})
	return p, err
}

// Use sets the password of the person whose link it is, and uses the link up. Errors: org.suspended, password_link.invalid,
// user.password.
func (s *Service) Use(ctx context.Context, tenant ids.Tenant, token, password string) error {
	// Who holds no good link does not get to cost a password hash.
	p, err := s.Peek(ctx, tenant, token)
	if err != nil {
		return err
	}
	phc, err := s.Users.HashPassword(ctx, tenant, p.Org, password, p.Username, p.Email)
	if err != nil {
		return err
	}
	hash := secrets.HashToken(token)
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		l, _, _, err := s.find(ctx, tx, hash)
		if err != nil {
			return err
		}
		// Held, so that nobody gives the person more between the question whether the maker may take him over and the end.
		u, err := s.Users.HoldTx(actor.Into(ctx, l.MadeBy.In(tenant)), tx, l.Org, l.User)
		if err != nil {
			return unless(err)
		}
		switch first, err := endLink(ctx, tx, hash); {
		case err != nil:
			return err
		case !first:
			return invalid(nil)
		}
		// What follows is the person's own doing.
		ctx = actor.Into(ctx, actor.Actor{Kind: actor.User, Tenant: tenant, Org: l.Org, User: l.User})
		if l.Delivery == deliveryEmail && u.EmailKey == l.EmailKey {
			if err := s.Users.VerifyEmailTx(ctx, tx, u); err != nil {
				return err
			}
		}
		if err := s.Users.SetPasswordTx(ctx, tx, u, phc); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventUsed.Of(l.Org, l.User, noData{}))
	})
}

// find returns a link that can be used, whose it is, and the name of his organization.
func (s *Service) find(ctx context.Context, tx db.Tx, hash []byte) (link, users.User, string, error) {
	l, err := queryByToken(ctx, tx, hash)
	if db.IsNoRows(err) {
		err = invalid(err)
	}
	if err != nil {
		return link{}, users.User{}, "", err
	}
	u, orgName, err := s.person(ctx, tx, l)
	return l, u, orgName, err
}

// person returns whose link it is, if he may sign in. While his organization is suspended, nobody of it chooses a password; the
// link is good again once it is resumed, and the organization's name comes with the error.
func (s *Service) person(ctx context.Context, tx db.Tx, l link) (users.User, string, error) {
	u, err := s.Users.Load(ctx, tx, l.User)
	if fault.CodeNotFound.Is(err) || err == nil && u.Status != users.StatusActive {
		err = invalid(err)
	}
	if err != nil {
		return users.User{}, "", err
	}
	name, err := queryOrgName(ctx, tx, l.Org)
	if err != nil {
		return users.User{}, "", err
	}
	standing, err := s.Sessions.Standing(ctx, tx, sessions.Subjects{Org: l.Org})
	if err == nil && standing.Blocked {
		err = fault.CodeSuspended.With("The organization is suspended; nobody can choose a password now.", nil)
	}
	if err == nil {
		err = s.checkMaker(ctx, tx, l, u)
	}
	return u, name, err
}

// checkMaker asks whether whoever made a link stands, and might make it now.
func (s *Service) checkMaker(ctx context.Context, tx db.Tx, l link, u users.User) error {
	a := l.MadeBy.In(tx.Tenant())
	if a.Kind == "" {
		return invalid(nil)
	}
	ctx = actor.Into(ctx, a)
	standing, err := s.Sessions.Standing(ctx, tx, sessions.OfActor(a))
	if err != nil {
		return err
	}
	held, err := s.Roles.HeldTx(ctx, tx, l.Org)
	if err == nil && (standing.Blocked || !held[users.PermWrite.Name()]) {
		err = invalid(nil)
	}
	if err != nil {
		return err
	}
	return unless(s.Users.CheckRank(ctx, tx, u))
}

// unless turns the answers of a rule, such as that the person may do more than the maker, into that of a link that is no good.
func unless(err error) error {
	if users.ErrAboveActor.Is(err) || fault.CodeNotFound.Is(err) {
		return invalid(err)
	}
	return err
}

func invalid(cause error) error {
	return errInvalid.With("It was used, has expired, was replaced or taken back, or never was. Ask your administrator for a new one.", cause)
}
