package attributes_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"grove/iam/attributes"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

func TestValuesHaveForms(t *testing.T) {
	t.Parallel()
	standard := func(name, attribute string) attributes.Told {
		return attributes.Told{Name: name, Attribute: attribute, Builtin: true, Type: attributes.TypeText}
	}
	own := func(kind string) attributes.Told {
		return attributes.Told{Name: "own", Attribute: "attributes.own", Type: kind}
	}
	for name, c := range map[string]struct {
		told attributes.Told
		good map[string]string
		bad  []string
	}{
		"a name":     {standard("given_name", "given_name"), map[string]string{" Ada ": "Ada", strings.Repeat("ä", 128): strings.Repeat("ä", 128)}, []string{"", "  ", "a\x00b", "a\nb", "\xff", strings.Repeat("a", 129)}},
		"a birthday": {standard("birthdate", "attributes.birthdate"), map[string]string{"1990-02-28": "1990-02-28"}, []string{"1990-02-30", "28.02.1990", "0000-02-28", "yesterday"}},
		"an address of the web": {standard("website", "attributes.website"), map[string]string{"https://ada.example/x": "https://ada.example/x"},
			[]string{"javascript:alert(1)", "ada.example", "https://", "https://ada:x@ada.example", "data:text/html,x"}},
		"a phone number": {standard("phone_number", "attributes.phone_number"), map[string]string{"+44 20 7946-0123": "+44 20 7946-0123"}, []string{"020 7946", "+44 20 x", "+"}},
		"a time zone":    {standard("zoneinfo", "attributes.zoneinfo"), map[string]string{"Europe/London": "Europe/London", "UTC": "UTC"}, []string{"../etc/passwd", "Europe/", "a b"}},
		"a language":     {standard("locale", "locale"), map[string]string{"pt-BR": "pt-BR"}, []string{"d e", "deutsch, bitte", strings.Repeat("ab-", 20)}},
		"a truth":        {own("boolean"), map[string]string{"true": "true", "false": "false"}, []string{"yes", "", "1"}},
		"a number":       {own("number"), map[string]string{"12.5": "12.5", "-1e3": "-1e3"}, []string{"1,5", "0x1", "Inf", `"1"`, "null"}},
		"a text":         {own("text"), map[string]string{strings.Repeat("a", 1024): strings.Repeat("a", 1024)}, []string{strings.Repeat("ä", 513)}},
	} {
		for typed, want := range c.good {
			if got, ok := c.told.Clean(typed); !ok || got != want {
				t.Errorf("%s: %q is %q %v", name, typed, got, ok)
			}
		}
		for _, typed := range c.bad {
			if got, ok := c.told.Clean(typed); ok {
				t.Errorf("%s: %q was taken as %q", name, typed, got)
			}
		}
	}
}

func TestWhoHasAValue(t *testing.T) {
	t.Parallel()
	person := users.User{Username: "ada", Email: "ada@a.example", Attributes: map[string]string{"locality": "London", "own": "yes"}}
	for _, c := range []struct {
		attribute, kind string
		want            bool
	}{
		{"username", "text", true}, {"display_name", "text", true}, {"given_name", "text", false}, {"email", "text", true}, {"email_verified", "boolean", true}, {"address", "object", true},
		{"groups", "list", true}, {"roles", "list", true}, {"updated_at", "number", true}, {"phone_number_verified", "boolean", false}, {"attributes.own", "text", true},
		{"attributes.own", "boolean", false}, {"attributes.own", "number", false}, {"attributes.none", "text", false},
	} {
		if got := (attributes.Told{Attribute: c.attribute, Type: c.kind}).Has(person); got != c.want {
			t.Errorf("%s as %s: %v", c.attribute, c.kind, got)
		}
	}
	if (attributes.Told{Attribute: "address", Type: "object"}).Has(users.User{}) || (attributes.Told{Attribute: "email_verified", Type: "boolean"}).Has(users.User{}) {
		t.Error("nobody has an address")
	}
}

// TestAttack27_SelfServed: an organization lets people fill in only what the one that holds their records lets them fill in too.
func TestAttack27_SelfServed(t *testing.T) {
	b := setup(t)
	claim := func(org ids.Org, name, attribute string, self bool) {
		t.Helper()
		if _, err := b.told.CreateClaim(context.Background(), b.A.Tenant.ID, org, attributes.CreateOIDCClaimRequest{Name: name, Attribute: attribute, SelfService: self}); err != nil {
			t.Fatal(err)
		}
	}
	claim(b.A.Root.ID, "desk", "attributes.desk", true)
	claim(b.A.Root.ID, "rank", "attributes.rank", false)
	claim(b.A.Partner.ID, "partner_level", "attributes.level", true)
	claim(b.A.Branch.ID, "branch_team", "attributes.team", true)
	claim(b.A.Partner.ID, "partner_team", "attributes.team", false)
	names := []string{"attributes.desk", "attributes.rank", "attributes.level", "attributes.team", "attributes.none", "given_name", "email"}
	for name, c := range map[string]struct {
		orgs []ids.Org
		want []string
	}{
		"one":       {[]ids.Org{b.A.Root.ID}, []string{"attributes.desk", "given_name"}},
		"two":       {[]ids.Org{b.A.Root.ID, b.A.Partner.ID}, []string{"attributes.desk", "given_name"}},
		"its own":   {[]ids.Org{b.A.Partner.ID, b.A.Partner.ID}, []string{"attributes.desk", "attributes.level", "given_name"}},
		"a quarrel": {[]ids.Org{b.A.Branch.ID}, []string{"attributes.desk", "attributes.level", "given_name"}},
	} {
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			got, err := b.told.SelfServed(ctx, tx, c.orgs, names)
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v", name, got)
			}
			return err
		})
	}
}
