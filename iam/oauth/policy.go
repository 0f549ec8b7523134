package oauth

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/tenants/settings"
)

// alphabets are what user codes may be made of. They make no words, and what is taken for each other is in none of them together
// (RFC 8628, section 6.1).
var alphabets = map[string]string{
	"consonants":        "BCDFGHJKLMNPQRSTVWXZ",
	"consonants_digits": "CDFHJKLMNPQRTVWX2345679",
	"digits":            "0123456789",
}

// leastUserCodes is of how many user codes each has to be one: as many as there are of nine digits, which is the least of
// RFC 8628, section 6.1.
const leastUserCodes = 1e9

// Devices are an organization's settings of the device authorization grant.
type Devices struct {
	Alphabet         string `json:"code_alphabet" enum:"consonants,consonants_digits,digits" doc:"What user codes are made of: consonants; consonants and digits that are not taken for each other; or digits, for remote controls."`
	CodeLength       int    `json:"code_length" minimum:"7" maximum:"16" doc:"How many characters user codes have: at least 7, and 9 of digits, so that each is one of a billion (RFC 8628, section 6.1)."`
	CodeSeconds      int    `json:"code_seconds" minimum:"120" maximum:"1800" doc:"How long a device waits for its person: the life of both of its codes."`
	Guesses          int    `json:"guesses" minimum:"100" maximum:"10000" doc:"How many user codes that name no device may be entered in ten minutes in the whole organization, from whatever addresses; beyond it nobody gets in by a code for the rest of that time."`
	GuessesByAddress int    `json:"guesses_by_address" minimum:"3" maximum:"20" doc:"How many of them may be entered from one address."`
	IntervalSeconds  int    `json:"interval_seconds" minimum:"5" maximum:"60" doc:"How long a device waits between two polls."`
}

// Authorizations are an organization's settings of what apps were allowed, and are answered.
type Authorizations struct {
	KeptSeconds     int `json:"kept_seconds" minimum:"86400" maximum:"63072000" doc:"How long what an app was allowed is kept after it ran out, to tell a late reuse from nonsense, and for support. Only hashes of tokens are kept."`
	ResponseSeconds int `json:"signed_response_seconds" minimum:"60" maximum:"600" doc:"How long a signed authorization response (JARM) is good: the time from here to the app, by way of the browser."`
}

var (
	authorizationsModule = settings.Declare("authorizations", "What apps were allowed, and how long that is kept.", Authorizations{KeptSeconds: 30 * 24 * 3600, ResponseSeconds: 600})
	devicesModule        = settings.Declare("devices", "Signing in on devices without a browser, by a code that they show (RFC 8628).",
		Devices{Alphabet: "consonants", CodeLength: 8, CodeSeconds: 600, Guesses: 1000, GuessesByAddress: 10, IntervalSeconds: 5})
)

// Validate refuses codes that can be guessed. It is called by tenants/settings.
func (d Devices) Validate() error {
	if math.Pow(float64(len(alphabets[d.Alphabet])), float64(d.CodeLength)) < leastUserCodes {
		return errors.New("code_length is at least 9 where user codes are made of digits (RFC 8628, section 6.1)")
	}
	return nil
}

func (d Devices) life() time.Duration { return time.Duration(d.CodeSeconds) * time.Second }

// devices are the settings at the base that a request came in by.
func (s *Service) devices(ctx context.Context) (d Devices, err error) {
	t := httpapi.TenantOf(ctx)
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		d, _, err = devicesModule.Resolve(ctx, tx, baseOrg(ctx))
		return err
	})
	return d, err
}

// responseLife is how long a signed response of the base that a request came in by is good.
func (s *Service) responseLife(ctx context.Context) (life time.Duration, err error) {
	t := httpapi.TenantOf(ctx)
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		a, _, err := authorizationsModule.Resolve(ctx, tx, baseOrg(ctx))
		life = time.Duration(a.ResponseSeconds) * time.Second
		return err
	})
	return life, err
}

// grouped parts a user code, so that it is read out and typed without getting lost.
func grouped(code string) string {
	groups := (len(code) + 3) / 4
	var parts []string
	for left := groups; left > 0; left-- {
		n := (len(code) + left - 1) / left
		parts, code = append(parts, code[:n]), code[n:]
	}
	return strings.Join(parts, "-")
}
