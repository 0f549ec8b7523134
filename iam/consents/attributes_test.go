package consents_test

import (
	"context"
	"slices"
	"testing"

	"grove/iam/consents"
	"grove/infra/db"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
)

// TestAttributesAreRemembered: what was allowed, what was declined, and that nobody who was asked by scope alone was asked for either.
func TestAttributesAreRemembered(t *testing.T) {
	d, s, a, b := setup(t)
	said := func(of tenant) (out consents.Said) {
		in(t, d, of.id, func(ctx context.Context, tx db.Tx) (err error) {
			out, err = s.Said(ctx, tx, of.user, of.org, of.app)
			return err
		})
		return out
	}
	grant := func(scopes []string, answer *consents.Answer) {
		in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
			return s.GrantTx(ctx, tx, a.user, a.org, a.app, scopes, nil, answer)
		})
	}
	check := func(when string, scopes, allowed, declined []string) {
		t.Helper()
		if got := said(a); !slices.Equal(got.Scopes, scopes) || !slices.Equal(got.Allowed, allowed) || !slices.Equal(got.Declined, declined) || got.ByScope != (allowed == nil) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	check("before", nil, nil, nil)
	grant([]string{"profile", "openid"}, nil)
	check("by scope", []string{"openid", "profile"}, nil, nil)
	grant([]string{"openid"}, &consents.Answer{Allowed: []string{"nickname", "email"}, Declined: []string{"gender"}, Instead: []string{"profile"}})
	check("one by one", []string{"openid"}, []string{"email", "nickname"}, []string{"gender"})
	grant([]string{"openid"}, nil)
	check("nothing was asked", []string{"openid"}, []string{"email", "nickname"}, []string{"gender"})
	grant(nil, &consents.Answer{Allowed: []string{"gender", "name"}, Declined: []string{"email"}})
	check("another choice", []string{"openid"}, []string{"gender", "name", "nickname"}, []string{"email"})
	grant(nil, &consents.Answer{Allowed: []string{"gender"}, Declined: []string{"email"}}) // what was said before is no event
	optional, mandatory := func(claims ...string) (all []consents.Attribute) {
		for _, claim := range claims {
			all = append(all, consents.Attribute{Claim: claim})
		}
		return all
	}, consents.Attribute{Claim: "email", Mandatory: true}
	if got := said(a); !got.Answers(optional("name", "email")) || got.Answers(optional("name", "birthdate")) || got.Answers([]consents.Attribute{mandatory}) {
		t.Errorf("what is left to ask: %+v", got)
	}
	if got := said(b); !got.ByScope || got.Answers(optional("name")) {
		t.Errorf("the other tenant's twin: %+v", got)
	}
	in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
		list, err := s.List(ctx, tx, a.user, page.Request{Size: 10})
		if err != nil || len(list.Items) != 1 || !slices.Equal(list.Items[0].Attributes, []string{"gender", "name", "nickname"}) || !slices.Equal(list.Items[0].Declined, []string{"email"}) {
			t.Errorf("list: %+v %v", list.Items, err)
		}
		var facts int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'consent.granted'`, a.id).Scan(&facts); err != nil || facts != 3 {
			t.Errorf("%d events, %v", facts, err)
		}
		var now []string
		err = tx.QueryRow(ctx, `SELECT ARRAY(SELECT jsonb_array_elements_text(data->'declined_attributes')) FROM events WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`, a.id).Scan(&now)
		if !slices.Equal(now, []string{"email"}) {
			t.Errorf("the log says %v", now)
		}
		return err
	})
	testkit.CheckPlans(t, d)
}
