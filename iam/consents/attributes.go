package consents

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Attribute is a claim about the person that an application asks for.
type Attribute struct {
	Claim     string `json:"claim"`
	Mandatory bool   `json:"mandatory"` // the application cannot do without
}

// Said is what a person has said of the attributes that an application asks for, by the names of claims.
type Said struct {
	Allowed  []string
	Declined []string
	Scopes   []string // that he has allowed
	ByScope  bool     // he was not asked for attributes one by one, only by scope; or not at all
}

// Answer is what a person says of the attributes that he is asked for one by one. Of the scopes Instead of which he is asked he no
// longer has been asked as such.
type Answer struct {
	Allowed  []string
	Declined []string
	Instead  []string
}

// Said returns what the person has said so far; the zero value, but for ByScope, where he was not asked.
func (s *Service) Said(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App) (said Said, err error) {
	err = tx.QueryRow(ctx, sqlSaid, tx.Tenant(), user, org, app).Scan(&said.Scopes, &said.Allowed, &said.Declined)
	if db.IsNoRows(err) {
		err = nil
	}
	said.ByScope = said.Allowed == nil
	return said, err
}

// Answers reports whether nothing is left to ask: the person has said yes to each of the attributes, or no where he may.
func (s Said) Answers(asked []Attribute) bool {
	return !slices.ContainsFunc(asked, func(a Attribute) bool {
		return !slices.Contains(s.Allowed, a.Claim) && (a.Mandatory || !slices.Contains(s.Declined, a.Claim))
	})
}

// sorted returns the names once each, never nil.
func sorted(names []string) []string {
	out := append([]string{}, names...)
	slices.Sort(out)
	return slices.Compact(out)
}
