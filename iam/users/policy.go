package users

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
	"grove/infra/secrets/password"
	"grove/tenants/settings"
)

// MaxPassword bounds a password, in bytes as typed.
const MaxPassword = password.MaxBytes

// PasswordPolicy are an organization's settings for the passwords of the people who live in it.
type PasswordPolicy struct {
	MinKinds  int `json:"min_kinds" minimum:"1" maximum:"4" stricter:"more" doc:"Of how many kinds the characters of a password are at least: lower-case letters, upper-case letters, digits, and all others. 1: any."`
	MinLength int `json:"min_length" minimum:"8" maximum:"64" stricter:"more" doc:"How many characters a password has at least. Whatever it says, a password is none of the best known ones, and neither the username nor the e-mail address."`
}

// LockoutPolicy are an organization's settings for who guesses passwords of the people who live in it.
type LockoutPolicy struct {
	FirstLockSeconds   int `json:"first_lock_seconds" minimum:"60" maximum:"3600" stricter:"more" doc:"For how long an account is locked the first time. Each further time is twice as long, until the person signs in."`
	LongestLockSeconds int `json:"longest_lock_seconds" minimum:"3600" maximum:"86400" stricter:"more" doc:"For how long an account is locked at most."`
	MaxFailures        int `json:"max_failures" minimum:"3" maximum:"20" stricter:"less" doc:"After how many wrong passwords in a row an account is locked for a time."`
}

// What holds where organizations set nothing else.
var (
	DefaultLockout   = LockoutPolicy{FirstLockSeconds: 60, LongestLockSeconds: 3600, MaxFailures: 10}
	DefaultPasswords = PasswordPolicy{MinKinds: 1, MinLength: 8}
)

var (
	lockoutModule  = settings.Declare("lockout", "What happens to an account whose password somebody guesses.", DefaultLockout)
	passwordModule = settings.Declare("passwords", "What passwords people may choose. It holds from the next choice; a password that somebody has stays good.", DefaultPasswords)
)

func (p LockoutPolicy) first() time.Duration { return time.Duration(p.FirstLockSeconds) * time.Second }

func (p LockoutPolicy) longest() time.Duration {
	return time.Duration(p.LongestLockSeconds) * time.Second
}

// WithSettings lets organizations set what passwords must be and when accounts are locked; the defaults are what holds
// otherwise. It is called while the program is put together.
func (s *Service) WithSettings(all *settings.Service) {
	s.lockout = settings.Bind(all, lockoutModule, DefaultLockout)
	s.passwords = settings.Bind(all, passwordModule, DefaultPasswords)
}

// PasswordPolicy is what passwords of an organization's residents must be. tx is from the tenant's door.
func (s *Service) PasswordPolicy(ctx context.Context, tx db.Tx, org ids.Org) (PasswordPolicy, error) {
	return s.passwords.Resolve(ctx, tx, org)
}

//go:embed common_passwords.txt
var commonList string

var common = func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonList) {
		set[text.Key(line)] = true
	}
	return set
}()

// Check refuses a password that is too short or long, of too few kinds of characters, well known, or one of the person's own
// names. Several of a person's names may be given: username, e-mail address.
func (p PasswordPolicy) Check(plain string, own ...string) error {
	switch {
	case len(plain) > MaxPassword:
		return ErrPassword.At("/password", "Must have at most 1024 bytes.")
	case !utf8.ValidString(plain):
		return ErrPassword.At("/password", "Must be valid UTF-8.")
	case utf8.RuneCountInString(plain) < p.MinLength:
		return ErrPassword.At("/password", fmt.Sprintf("Must have at least %d characters.", p.MinLength))
	case kinds(plain) < p.MinKinds:
		return ErrPassword.At("/password", fmt.Sprintf("Must have characters of at least %d kinds: lower-case letters, upper-case letters, digits, and others.", p.MinKinds))
	}
	key := text.Key(plain)
	if common[key] || key == "" {
		return ErrPassword.At("/password", "Must not be one of the best known passwords.")
	}
	for _, name := range own {
		local, _, _ := strings.Cut(name, "@")
		if name != "" && (key == text.Key(name) || key == text.Key(local)) {
			return ErrPassword.At("/password", "Must not be the username or the e-mail address.")
		}
	}
	return nil
}

func kinds(plain string) int {
	var seen [4]int
	for _, r := range plain {
		switch {
		case unicode.IsLower(r):
			seen[0] = 1
		case unicode.IsUpper(r):
			seen[1] = 1
		case unicode.IsDigit(r):
			seen[2] = 1
		default:
			seen[3] = 1
		}
	}
	return seen[0] + seen[1] + seen[2] + seen[3]
}
