package oauth_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	orgdir "grove/orgs/directory"
)

func (r *modelled) switches(n [4]int) (string, error) {
	a := pick(r.m.access, n[0], r.m.active)
	if a == nil || n[0]%8 > 1 && !r.m.active(a) {
		return r.authorize(n)
	}
	client, org := r.pickOwn(a.client, n[1]), r.pickOrg(n[2])
	what := fmt.Sprintf("%s switches with %s to %s", client, a.name, org)
	f := url.Values{"grant_type": {"organization_switch"}, "token": {a.text}, "switching_organization": {org}}
	ok := r.m.enabled(client) && a.client == client && r.m.active(a) && !a.narrowed && a.chain == 0 && a.org != org && r.m.may(lineOf(org))
	if a.family == nil {
		got, err := r.asks(client, ok, f)
		if err == nil && ok {
			what += ": " + r.own(got, client, org).name
		}
		return what, err
	}
	var g *modelFamily
	if from := a.family; ok && !r.m.off[memberOf(org, from.person)] {
		if r.m.good(from.session) && r.m.may([]string{"app " + client, personOf(from.person)}) {
			r.m.makeRoom(from.first, org)
		}
		g = r.m.grow(client, from.session, org, from.offline, from.scopes, from)
	}
	got, err := r.asks(client, g != nil, f)
	if err == nil && g != nil {
		what += r.takes(got, g, 1, false) + ", " + g.name
	}
	return what, err
}

// own notes a client's own token.
func (r *modelled) own(got answer, client, org string) *modelAccess {
	return r.m.give(modelAccess{text: got.text("access_token"), client: client, org: org, scopes: strings.Fields(got.text("scope"))}, append(lineOf(org), "app "+client), time.Time{})
}

func (r *modelled) clientCredentials(n [4]int) (string, error) {
	org, target := "root", "/oauth2/token"
	if n[0]%2 == 0 {
		org = r.pickOrg(n[1])
		target = "/o/" + org + target
	}
	what := "m2m asks for a token of its own in " + org
	ok := r.m.enabled("m2m") && r.m.may(lineOf(org))
	got, err := r.answered(ok, r.send(r.a, "POST", target, r.as(r.a, "m2m", url.Values{"grant_type": {"client_credentials"}})))
	if err == nil && ok {
		what += ": " + r.own(got, "m2m", org).name
	}
	return what, err
}

// revokes gives a token back. The answer is the same whatever it was, but to who is not known.
func (r *modelled) revokes(client, token string) error {
	got := r.send(r.a, "POST", "/oauth2/revoke", r.as(r.a, client, url.Values{"token": {token}}))
	_, err := r.answered(r.m.enabled(client), got)
	return err
}

func (r *modelled) givesBack(n [4]int) (string, error) {
	a := pick(r.m.access, n[0], r.m.active)
	if a == nil || n[0]%8 > 1 && !r.m.active(a) {
		return r.authorize(n)
	}
	client := r.pickOwn(a.client, n[1])
	r.m.takeBack(a, client)
	return fmt.Sprintf("%s gives %s back", client, a.name), r.revokes(client, a.text)
}

func (r *modelled) givesBackRefresh(n [4]int) (string, error) {
	old := pick(r.m.refresh, n[0], r.m.fresh)
	if old == nil {
		return r.authorize(n)
	}
	client := r.pickOwn(old.family.client, n[1])
	if r.m.enabled(client) && old.family.client == client {
		r.m.endFamily(old.family)
	}
	return fmt.Sprintf("%s gives %s back", client, old.name), r.revokes(client, old.text)
}

// write is a change that the product makes, besides the protocol.
func (r *modelled) write(f func(context.Context, db.Tx) error) error {
	return r.InTenant(context.Background(), r.a.ID, f)
}

func (r *modelled) signsOut(n [4]int) (string, error) {
	s := pick(r.m.sessions, n[0], r.m.good)
	r.m.end(s.name)
	return s.name + " is signed out", r.write(func(ctx context.Context, tx db.Tx) error {
		return r.sessions.EndTx(ctx, tx, r.ids[slices.Index(r.m.sessions, s)], "signed_out")
	})
}

// sets opens or shuts a thing, as its directory does.
func (r *modelled) sets(thing string, open bool) (string, error) {
	what := thing + " is shut"
	if open {
		what = thing + " is opened"
		r.m.open(thing)
	} else {
		r.m.shut(thing)
	}
	kind, name, _ := strings.Cut(thing, " ")
	at, number, _ := strings.Cut(name, " ")
	person, _ := strconv.Atoi(cmp.Or(number, name))
	if kind == "member" && !open {
		r.m.endSessions(person, at) // which began there
	}
	return what, r.write(func(ctx context.Context, tx db.Tx) error {
		epoch := tx.Block
		if open {
			epoch = tx.Unblock
		}
		switch kind {
		case "app":
			r.change(r.a, name, func(c *apps.Client) { c.Enabled = open })
			return epoch(ctx, db.KindClient, r.clients[r.a.ID][name].ID.UUID(), "test")
		case "person":
			return epoch(ctx, db.KindUser, r.people[person].UUID(), "test")
		case "org":
			orgs := r.oauth.Orgs.(*orgdir.Service)
			set := orgs.SuspendTx
			if open {
				set = orgs.ResumeTx
			}
			_, err := set(ctx, tx, r.org(name))
			return err
		}
		org, user := r.org(at), r.people[person]
		r.members[[2]string{org.String(), user.String()}] = open
		err := epoch(ctx, db.KindMembership, ids.Pair(org.UUID(), user.UUID()), "test")
		if !open {
			err = errors.Join(err, r.sessions.EndForUserInOrgTx(ctx, tx, org, user, "test"))
		}
		return err
	})
}

func (r *modelled) toggles(thing string) (string, error) { return r.sets(thing, r.m.off[thing]) }

func (r *modelled) togglesApp(n [4]int) (string, error) {
	return r.toggles("app " + []string{"web", "other", "spa", "m2m"}[n[0]%4])
}

func (r *modelled) togglesPerson(n [4]int) (string, error) { return r.toggles(personOf(n[0] % 2)) }

func (r *modelled) togglesOrg(n [4]int) (string, error) {
	return r.toggles("org " + r.pickOrg(n[0]))
}

func (r *modelled) togglesMember(n [4]int) (string, error) {
	return r.toggles(memberOf(r.pickOrg(n[0]), n[1]%2))
}

// restores opens something that is shut.
func (r *modelled) restores(n [4]int) (string, error) {
	if len(r.m.off) == 0 {
		return r.authorize(n)
	}
	return r.sets(slices.Sorted(maps.Keys(r.m.off))[n[0]%len(r.m.off)], true)
}

func (r *modelled) newPassword(n [4]int) (string, error) {
	s := pick(r.m.sessions, n[0], r.m.good)
	what := "a new password in " + s.name
	if !r.m.good(s) {
		return what + ": not there any more", nil
	}
	r.m.newPassword(s)
	id := r.ids[slices.Index(r.m.sessions, s)]
	return what, r.write(func(ctx context.Context, tx db.Tx) error {
		return r.sessions.RestampTx(ctx, tx, id, func(ctx context.Context) error {
			return r.oauth.RestampTx(ctx, tx, id, func(ctx context.Context) error {
				return tx.Raise(ctx, db.KindUser, r.people[s.person].UUID(), "test")
			})
		})
	})
}

func (r *modelled) takesConsentBack(n [4]int) (string, error) {
	person, org, client := n[0]%2, r.pickOrg(n[1]), r.pickClient(n[2])
	r.m.endFamilies(person, org, client)
	return fmt.Sprintf("person %d lets %s no longer act in %s", person, client, org), r.write(func(ctx context.Context, tx db.Tx) error {
		return r.oauth.EndGrantsTx(ctx, tx, r.people[person], r.org(org), r.clients[r.a.ID][client].ID, "test")
	})
}

func (r *modelled) endsInOrg(n [4]int) (string, error) {
	person, org := n[0]%2, r.pickOrg(n[1])
	r.m.endSessions(person, org)
	r.m.endFamilies(person, org, "")
	return fmt.Sprintf("all of person %d in %s is ended", person, org), r.write(func(ctx context.Context, tx db.Tx) error {
		return errors.Join(r.sessions.EndForUserInOrgTx(ctx, tx, r.org(org), r.people[person], "test"), r.oauth.EndGrantsInOrgTx(ctx, tx, r.org(org), r.people[person], "test"))
	})
}

func (r *modelled) endsOfApp(n [4]int) (string, error) {
	client := []string{"web", "other", "spa", "m2m"}[n[0]%4]
	r.m.end("app " + client)
	return "all of app " + client + " is ended", r.write(func(ctx context.Context, tx db.Tx) error {
		return tx.Raise(ctx, db.KindClient, r.clients[r.a.ID][client].ID.UUID(), "test")
	})
}

func (r *modelled) waits(n [4]int) (string, error) {
	d := []time.Duration{3 * time.Second, 11 * time.Second, time.Minute + time.Second, 4 * time.Minute, 16 * time.Minute, 5 * time.Hour}[n[0]%6]
	if n[1]%16 == 0 {
		d = []time.Duration{25 * time.Hour, 8 * 24 * time.Hour}[n[0]%2]
	}
	r.Clock.Advance(d)
	return d.String() + " pass", nil
}
