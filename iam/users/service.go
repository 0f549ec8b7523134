package users

import (
	"context"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

// The statuses of a person.
const (
	StatusActive   = "active"
	StatusDisabled = "disabled"
	StatusLocked   = "locked" // by an administrator, until he unlocks it
)

// User is a stored person. It carries no credential.
type User struct {
	ID                 ids.User          `db:"id"`
	Org                ids.Org           `db:"org_id"` // the resident organization
	Username           string            `db:"username"`
	UsernameKey        string            `db:"username_key"`
	Email              string            `db:"email"`
	EmailKey           string            `db:"email_key"`
	EmailVerified      bool              `db:"email_verified"`
	GivenName          string            `db:"given_name"`
	FamilyName         string            `db:"family_name"`
	Locale             string            `db:"locale"` // BCP 47, or ""
	Status             string            `db:"status"`
	LockReason         string            `db:"lock_reason"` // of StatusLocked
	Attributes         map[string]string `db:"attributes"`
	CreatedAt          time.Time         `db:"created_at"`
	UpdatedAt          time.Time         `db:"updated_at"`
	Version            int64             `db:"version"`
	HasPassword        bool              `db:"has_password"`
	MustChangePassword bool              `db:"must_change_password"`
	LockedUntil        *time.Time        `db:"locked_until"`
}

// DisplayName is what to call the person: his names, or his username.
func (u User) DisplayName() string {
	if name := strings.TrimSpace(u.GivenName + " " + u.FamilyName); name != "" {
		return name
	}
	return u.Username
}

// Proved reports whether a login is an address that the person has proved to be his.
func (u User) Proved(login string) bool {
	return u.EmailVerified && u.EmailKey != "" && u.EmailKey == usernameKey(login)
}

// Has reports whether an address, as it is compared, is the person's: he has proved it, or he resides in the organization that its
// domain belongs to, which says who has an address there. domainOrg is zero where that is none.
func (u User) Has(emailKey string, domainOrg ids.Org) bool {
	return u.EmailKey != "" && u.EmailKey == emailKey && (u.EmailVerified || !domainOrg.IsZero() && u.Org == domainOrg)
}

// NewUser is a person to be made. Username or Email may be left out, not both: a username that is an e-mail address is
// the address as well, and the address is the username where there is no other.
type NewUser struct {
	ID            ids.User // zero: a fresh one
	Org           ids.Org
	Username      string
	Email         string
	EmailVerified bool
	GivenName     string
	FamilyName    string
	Locale        string
	Attributes    map[string]string
	PasswordHash  string // of HashPassword; "": none yet
	MustChange    bool   // the password is for one sign-in only
}

// CreateTx makes a person in tx. Errors: user.username_taken, request.invalid.
func (s *Service) CreateTx(ctx context.Context, tx db.Tx, n NewUser) (User, error) {
	u, err := clean(n)
	if err != nil {
		return User{}, err
	}
	if u.ID.IsZero() {
		u.ID = ids.NewUser()
	}
	u.CreatedAt, u.UpdatedAt = tx.Now(), tx.Now()
	if err := insertUser(ctx, tx, u); err != nil {
		if db.IsUnique(err, "users_username") {
			return User{}, errUsernameTaken.With("Choose another username: somebody in this organization has it.", err)
		}
		return User{}, err
	}
	if n.PasswordHash != "" {
		if err := upsertPassword(ctx, tx, u, n.PasswordHash, n.MustChange); err != nil {
			return User{}, err
		}
		u.HasPassword, u.MustChangePassword = true, n.MustChange
	}
	// The person comes first among the facts: an Idempotency-Key stands for him.
	if err := s.events.Write(ctx, tx, eventCreated.Of(u.Org, u.ID, createdData{Email: u.Email, Name: u.DisplayName(), Username: u.Username})); err != nil {
		return User{}, err
	}
	if s.onCreate != nil {
		if err := s.onCreate(ctx, tx, u); err != nil {
			return User{}, err
		}
	}
	return u, nil
}

func clean(n NewUser) (User, error) {
	if n.Username == "" {
		n.Username = n.Email
	}
	if n.Username == "" {
		return User{}, fault.CodeInvalid.At("/username", "A username or an e-mail address is needed.")
	}
	if n.Email == "" && strings.Contains(n.Username, "@") {
		n.Email = n.Username
	}
	u := User{ID: n.ID, Org: n.Org, EmailVerified: n.EmailVerified, Locale: n.Locale, Status: StatusActive, Attributes: n.Attributes, Version: 1}
	var err error
	if u.Username, u.UsernameKey, err = cleanUsername(n.Username); err != nil {
		return User{}, err
	}
	if u.Email, u.EmailKey, err = cleanEmail(n.Email); err != nil {
		return User{}, err
	}
	if u.GivenName, err = cleanName("/given_name", n.GivenName); err != nil {
		return User{}, err
	}
	if u.FamilyName, err = cleanName("/family_name", n.FamilyName); err != nil {
		return User{}, err
	}
	if u.Attributes == nil {
		u.Attributes = map[string]string{}
	}
	return u, nil
}

// Load returns a person of the tenant, or fault.ErrNotFound.
func (s *Service) Load(ctx context.Context, tx db.Tx, id ids.User) (User, error) {
	return found(queryLoad(ctx, tx, id))
}

func found(u User, err error) (User, error) {
	if db.IsNoRows(err) {
		return User{}, fault.ErrNotFound
	}
	return u, err
}

// FindForSignIn lists the people whom a login may mean: those who have proved that it is their address, and after them those
// with this username, which anybody can be given. With an organization they are its residents and members; where nobody has
// proved the address, a resident's username goes before a member's: he alone is the answer. Without one they are the
// tenant's, at most 20.
func (s *Service) FindForSignIn(ctx context.Context, tx db.Tx, login string, org ids.Org) ([]User, error) {
	if len(login) > maxUsername {
		return nil, nil
	}
	key := usernameKey(login)
	if key == "" || strings.ContainsRune(key, 0) {
		return nil, nil
	}
	if org.IsZero() {
		return queryByLogin(ctx, tx, key)
	}
	all, err := queryByLoginIn(ctx, tx, key, org)
	if err == nil && len(all) > 1 && !all[0].Proved(login) && all[0].Org == org && all[0].UsernameKey == key {
		all = all[:1]
	}
	return all, err
}

// FindBelow lists everybody whom a login may mean as in [Service.FindForSignIn], of those who live in an organization or below it.
func (s *Service) FindBelow(ctx context.Context, tx db.Tx, login string, org ids.Org) ([]User, error) {
	key := usernameKey(login)
	if len(login) > maxUsername || key == "" || strings.ContainsRune(key, 0) {
		return nil, nil
	}
	return queryByLoginBelow(ctx, tx, key, org)
}

// Changes to a profile; nil leaves a value, "" clears it.
type Changes struct {
	Email      *string
	GivenName  *string
	FamilyName *string
	Locale     *string
	Attributes map[string]*string // a merge patch: nil removes
}

// UpdateTx changes a profile. expect is the version that the caller saw, 0 for any. Another address is not verified.
// Errors: resource.not_found, resource.stale, request.invalid.
func (s *Service) UpdateTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.User, expect int64, ch Changes) (User, error) {
	u, err := s.lock(ctx, tx, org, id, expect)
	if err != nil {
		return User{}, err
	}
	fields, err := apply(&u, ch)
	if err != nil || len(fields) == 0 {
		return u, err
	}
	if err := s.save(ctx, tx, &u); err != nil {
		return User{}, err
	}
	return u, s.events.Write(ctx, tx, eventUpdated.Of(u.Org, u.ID, updatedData{Fields: fields}))
}

// With is the person as changes would make him. Error: request.invalid, as that of [Service.UpdateTx].
func (u User) With(ch Changes) (User, error) {
	_, err := apply(&u, ch)
	return u, err
}

func apply(u *User, ch Changes) (fields []string, err error) {
	if ch.Attributes != nil {
		if u.Attributes, err = mergeAttributes(u.Attributes, ch.Attributes); err != nil {
			return nil, err
		}
		fields = append(fields, "attributes")
	}
	if ch.Email != nil {
		show, key, err := cleanEmail(*ch.Email)
		if err != nil {
			return nil, err
		}
		if key != u.EmailKey {
			u.EmailVerified = false
		}
		if show != u.Email {
			u.Email, u.EmailKey = show, key
			fields = append(fields, "email")
		}
	}
	for _, f := range []struct {
		name string
		to   *string
		at   *string
	}{{"family_name", ch.FamilyName, &u.FamilyName}, {"given_name", ch.GivenName, &u.GivenName}, {"locale", ch.Locale, &u.Locale}} {
		if f.to == nil {
			continue
		}
		value, err := cleanName("/"+f.name, *f.to)
		if err != nil {
			return nil, err
		}
		if value != *f.at {
			*f.at = value
			fields = append(fields, f.name)
		}
	}
	return fields, nil
}

func (s *Service) lock(ctx context.Context, tx db.Tx, org ids.Org, id ids.User, expect int64) (User, error) {
	u, err := found(queryLock(ctx, tx, org, id))
	if err == nil && expect != 0 && expect != u.Version {
		err = fault.CodeStale.With("Read the user again and repeat the change.", nil)
	}
	return u, err
}

// HoldTx returns a resident of org, whom nobody else changes until tx ends, if the actor of ctx may take him over. tx must
// see the whole tenant. Errors: resource.not_found, user.above_actor.
func (s *Service) HoldTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.User) (User, error) {
	u, err := s.lock(ctx, tx, org, id, 0)
	if err != nil {
		return User{}, err
	}
	return u, s.CheckRank(ctx, tx, u)
}

// VerifyEmailTx records that a person has proved that his address is his.
func (s *Service) VerifyEmailTx(ctx context.Context, tx db.Tx, u User) error {
	if u.EmailVerified || u.Email == "" {
		return nil
	}
	u.EmailVerified = true
	if err := s.save(ctx, tx, &u); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventUpdated.Of(u.Org, u.ID, updatedData{Fields: []string{"email_verified"}}))
}

func (s *Service) save(ctx context.Context, tx db.Tx, u *User) error {
	u.UpdatedAt = tx.Now()
	u.Version++
	return updateUser(ctx, tx, *u)
}

// DisableTx keeps a person from signing in and ends everything that was issued to him. See [Ranks] for anyway.
func (s *Service) DisableTx(ctx context.Context, tx db.Tx, u User, anyway bool) (User, error) {
	if u.Status == StatusDisabled {
		return u, nil
	}
	if err := s.KeepAdministrator(ctx, tx, ids.Org{}, u.ID, anyway); err != nil {
		return User{}, err
	}
	u.Status, u.LockReason = StatusDisabled, ""
	if err := s.save(ctx, tx, &u); err != nil {
		return User{}, err
	}
	if err := tx.Block(ctx, db.KindUser, u.ID.UUID(), "user.disabled"); err != nil {
		return User{}, err
	}
	return u, s.events.Write(ctx, tx, eventDisabled.Of(u.Org, u.ID, noData{}))
}

// KeepAdministrator refuses to take from org, or from any organization if that is zero, the only one who can let others in.
func (s *Service) KeepAdministrator(ctx context.Context, tx db.Tx, org ids.Org, user ids.User, anyway bool) error {
	last, err := s.ranks.LastAdministrator(ctx, tx, org, user, anyway)
	if err == nil && last {
		err = ErrLastAdministrator.With(httpapi.AdministratorStays, nil)
	}
	return err
}

// LockTx keeps a person from signing in until [Service.UnlockTx], and ends everything that was issued to him. The reason is
// for those who look after the account. A disabled person stays disabled. See [Ranks] for anyway.
func (s *Service) LockTx(ctx context.Context, tx db.Tx, u User, reason string, anyway bool) (User, error) {
	reason, err := cleanReason(reason)
	if err != nil {
		return User{}, err
	}
	if u.Status == StatusDisabled {
		return User{}, errDisabled.With("A disabled user cannot sign in anyway; enable the user before.", nil)
	}
	if err := s.KeepAdministrator(ctx, tx, ids.Org{}, u.ID, anyway); err != nil {
		return User{}, err
	}
	u.Status, u.LockReason = StatusLocked, reason
	if err := s.save(ctx, tx, &u); err != nil {
		return User{}, err
	}
	if err := tx.Block(ctx, db.KindUser, u.ID.UUID(), "user.locked"); err != nil {
		return User{}, err
	}
	return u, s.events.Write(ctx, tx, eventLocked.Of(u.Org, u.ID, lockedData{Reason: reason}))
}

// EnableTx lets a disabled person sign in again. What he had before stays ended.
func (s *Service) EnableTx(ctx context.Context, tx db.Tx, u User) (User, error) {
	if u.Status != StatusDisabled {
		return u, nil
	}
	u.Status = StatusActive
	if err := s.save(ctx, tx, &u); err != nil {
		return User{}, err
	}
	if err := tx.Unblock(ctx, db.KindUser, u.ID.UUID(), "user.enabled"); err != nil {
		return User{}, err
	}
	return u, s.events.Write(ctx, tx, eventEnabled.Of(u.Org, u.ID, noData{}))
}

// DeleteTx deletes a person. His id stays blocked for ever. See [Ranks] for anyway.
func (s *Service) DeleteTx(ctx context.Context, tx db.Tx, id ids.User, anyway bool) error {
	u, err := s.Load(ctx, tx, id)
	if err != nil {
		return err
	}
	if u, err = found(queryLock(ctx, tx, u.Org, id)); err != nil {
		return err
	}
	if err := tx.Block(ctx, db.KindUser, id.UUID(), "user.deleted"); err != nil {
		return err
	}
	if err := s.events.Write(ctx, tx, eventDeleted.Of(u.Org, id, deletedData{Username: u.Username})); err != nil {
		return err
	}
	if s.onDelete != nil {
		if err := s.onDelete(ctx, tx, u, anyway); err != nil {
			return err
		}
	}
	return deleteUser(ctx, tx, id)
}

// UnlockTx ends an account's lock, whoever or whatever began it, and forgets its failed sign-ins. What was ended stays ended.
func (s *Service) UnlockTx(ctx context.Context, tx db.Tx, u User) (User, error) {
	if err := s.tell(ctx, tx, u.ID); err != nil {
		return User{}, err
	}
	n, err := forgetFailures(ctx, tx, u.ID)
	u.LockedUntil = nil
	if err != nil || n == 0 && u.Status != StatusLocked {
		return u, err
	}
	if u.Status == StatusLocked {
		u.Status, u.LockReason = StatusActive, ""
		if err := s.save(ctx, tx, &u); err != nil {
			return User{}, err
		}
		if err := tx.Unblock(ctx, db.KindUser, u.ID.UUID(), "user.unlocked"); err != nil {
			return User{}, err
		}
	}
	return u, s.events.Write(ctx, tx, eventUnlocked.Of(u.Org, u.ID, noData{}))
}

// ByEmail lists the people of the tenant who have proved that an address is theirs.
func (s *Service) ByEmail(ctx context.Context, tx db.Tx, email string) ([]User, error) {
	_, key, err := text.Email(email)
	if err != nil {
		return nil, nil
	}
	return queryByEmail(ctx, tx, key)
}

// ByUsername returns the resident of an organization who has a username, or nobody.
func (s *Service) ByUsername(ctx context.Context, tx db.Tx, org ids.Org, username string) ([]User, error) {
	key := usernameKey(username)
	if key == "" || len(username) > maxUsername || strings.ContainsRune(key, 0) {
		return nil, nil
	}
	return queryByUsername(ctx, tx, org, key)
}
