package oauth_test

import (
	"slices"
	"strconv"
	"time"
)

// model says what is to be of everything that the authorization server makes. It has no epochs, stamps or rows: each thing stands on
// others, by name, and when one of those ends, so does the thing, once and for all.
type model struct {
	now      time.Time
	off      map[string]bool // what nothing new may stand on at present
	sessions []*modelSession
	families []*modelFamily
	codes    []*modelCode
	access   []*modelAccess
	refresh  []*modelRefresh
}

type standing struct {
	on   []string
	dead bool
}

type modelSession struct {
	standing
	name    string
	person  int
	org     string
	expires time.Time
}

// modelFamily is one grant with all that is made of it.
type modelFamily struct {
	standing
	name       string
	client     string
	person     int
	org        string
	session    *modelSession
	offline    bool
	scopes     []string
	from       *modelFamily // that it was switched from
	first      *modelFamily // that of the sign-in
	ended      bool         // somebody ended it; a dead one may still be there
	gone       bool         // a newer one took its place
	expires    time.Time
	generation int
	rotated    *modelRefresh // what the newest generation took the place of
	rotatedAt  time.Time
	repeated   bool
}

type modelCode struct {
	family  *modelFamily
	text    string
	used    bool
	expires time.Time
}

type modelAccess struct {
	standing
	name     string
	text     string
	client   string
	family   *modelFamily // nil for a client's own
	org      string
	scopes   []string
	narrowed bool
	chain    int // how many it was exchanged for
	expires  time.Time
}

type modelRefresh struct {
	name       string
	family     *modelFamily
	text       string
	generation int
	expires    time.Time
}

// parents is where each organization lies.
var parents = map[string]string{"north": "root", "south": "root", "branch": "north"}

func personOf(person int) string             { return "person " + strconv.Itoa(person) }
func memberOf(org string, person int) string { return "member " + org + " " + strconv.Itoa(person) }

func lineOf(org string) (on []string) {
	for ; org != ""; org = parents[org] {
		on = append(on, "org "+org)
	}
	return on
}

// each does something with all that stands.
func (m *model) each(f func(*standing)) {
	for _, s := range m.sessions {
		f(&s.standing)
	}
	for _, g := range m.families {
		f(&g.standing)
	}
	for _, a := range m.access {
		f(&a.standing)
	}
}

// end ends what stands on a thing.
func (m *model) end(thing string) {
	m.each(func(s *standing) { s.dead = s.dead || slices.Contains(s.on, thing) })
}

// shut ends what stands on a thing and lets nothing new stand on it until it is opened.
func (m *model) shut(thing string) {
	m.end(thing)
	m.off[thing] = true
}

func (m *model) open(thing string) { delete(m.off, thing) }

// may reports whether something new may stand on all of these.
func (m *model) may(on []string) bool {
	return !slices.ContainsFunc(on, func(thing string) bool { return m.off[thing] })
}

func (m *model) enabled(client string) bool { return !m.off["app "+client] }

// begin makes a session, or none.
func (m *model) begin(person int, org string) *modelSession {
	s := &modelSession{name: "session " + strconv.Itoa(len(m.sessions)), person: person, org: org, expires: m.now.Add(24 * time.Hour)}
	s.on = append([]string{s.name, personOf(person), memberOf(org, person)}, lineOf(org)...)
	if !m.may(s.on) {
		return nil
	}
	m.sessions = append(m.sessions, s)
	return s
}

// endSessions ends those of a person that began in an organization.
func (m *model) endSessions(person int, org string) {
	for _, s := range m.sessions {
		if s.person == person && s.org == org {
			m.end(s.name)
		}
	}
}

func (m *model) good(s *modelSession) bool { return !s.dead && m.now.Before(s.expires) }

// grow makes the family of a sign-in, or of a switch away from another one; or none.
func (m *model) grow(client string, s *modelSession, org string, offline bool, scopes []string, from *modelFamily) *modelFamily {
	g := &modelFamily{name: "family " + strconv.Itoa(len(m.families)), client: client, person: s.person, org: org, session: s, offline: offline, scopes: scopes, from: from,
		expires: m.now.Add(30 * 24 * time.Hour)}
	g.on = append([]string{g.name, "app " + client, personOf(s.person), memberOf(org, s.person)}, append(lineOf(org), lineOf(s.org)...)...)
	if !offline {
		g.on = append(g.on, s.name)
		g.expires = earlier(g.expires, s.expires)
	}
	g.first = g
	if from != nil {
		g.first, g.expires = from.first, earlier(g.expires, from.expires)
	}
	if !m.good(s) || !m.may(g.on) {
		return nil
	}
	m.families = append(m.families, g)
	return g
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// alive reports whether a family was neither ended nor ran out. What it stands on may still be over.
func (m *model) alive(g *modelFamily) bool { return !g.ended && !g.gone && m.now.Before(g.expires) }

func (m *model) holds(g *modelFamily) bool { return m.alive(g) && !g.dead }

// endFamily ends a family and what was switched to from it.
func (m *model) endFamily(g *modelFamily) {
	if g.ended || g.gone {
		return
	}
	g.ended = true
	m.end(g.name)
	for _, child := range m.families {
		if child.from == g && m.alive(child) {
			m.endFamily(child)
		}
	}
}

// endFamilies ends those of a person in an organization; of one client, where one is named.
func (m *model) endFamilies(person int, org, client string) {
	for _, g := range slices.Clone(m.families) {
		if m.alive(g) && g.person == person && g.org == org && (client == "" || g.client == client) {
			m.endFamily(g)
		}
	}
}

// makeRoom takes out the oldest that were switched to an organization in one line, so that there are four at the most.
func (m *model) makeRoom(first *modelFamily, org string) {
	var there []*modelFamily
	for _, g := range m.families {
		if m.alive(g) && g.first == first && g.from != nil && g.org == org {
			there = append(there, g)
		}
	}
	for len(there) > 4 {
		old := there[0]
		there = there[1:]
		for _, g := range m.families {
			if g.from == old {
				g.from = old.from
			}
		}
		old.gone = true
		m.end(old.name)
	}
}

// give makes an access token of what it stands on.
func (m *model) give(a modelAccess, on []string, until time.Time) *modelAccess {
	a.name = "token " + strconv.Itoa(len(m.access))
	a.on = append([]string{a.name}, on...)
	seconds := int64(900)
	if !until.IsZero() {
		seconds = max(min(seconds, until.Unix()-m.now.Unix()), 1)
	}
	a.expires = time.Unix(m.now.Unix()+seconds, 0)
	m.access = append(m.access, &a)
	return &a
}

func (m *model) active(a *modelAccess) bool { return !a.dead && m.now.Before(a.expires) }

// keep makes a family's refresh token of a generation.
func (m *model) keep(g *modelFamily, text string, generation int) {
	g.generation = generation
	m.refresh = append(m.refresh, &modelRefresh{name: "refresh token " + strconv.Itoa(len(m.refresh)), family: g, text: text, generation: generation, expires: earlier(m.now.Add(7*24*time.Hour), g.expires)})
}

func (m *model) fresh(r *modelRefresh) bool {
	return m.holds(r.family) && r.generation == r.family.generation && m.now.Before(r.expires)
}

// redeem says whether a code is good for a client, with its verifier or without, and marks what comes of it.
func (m *model) redeem(c *modelCode, client string, verified bool) bool {
	switch {
	case !m.enabled(client) || c.family.client != client || c.family.gone:
		return false
	case c.used:
		m.endFamily(c.family)
		return false
	case !verified || !m.now.Before(c.expires) || !m.holds(c.family):
		return false
	}
	c.used = true
	return true
}

// rotate says whether a refresh token is good for a client, and of which generation the next one is.
func (m *model) rotate(r *modelRefresh, client string) (generation int, ok bool) {
	g := r.family
	switch {
	case !m.enabled(client) || g.client != client || g.gone:
		return 0, false
	case r.generation == g.generation:
		generation = g.generation + 1
	case g.rotated == r && !g.repeated && m.now.Before(g.rotatedAt.Add(grace)):
		generation = g.generation
	default:
		m.endFamily(g)
		return 0, false
	}
	if !m.now.Before(r.expires) || !m.holds(g) {
		return 0, false
	}
	if g.repeated = generation == g.generation; !g.repeated {
		g.rotatedAt = m.now
	}
	g.rotated = r
	return generation, true
}

// takeBack gives an access token back, which ends what it was exchanged for.
func (m *model) takeBack(a *modelAccess, client string) {
	if m.enabled(client) && a.client == client && m.now.Before(a.expires) {
		m.end(a.name)
	}
}

// exchanges says whether a client may change a token into one with these scopes; none are those that it has.
func (m *model) exchanges(a *modelAccess, client string, wanted []string) bool {
	own := a.client == client
	if !m.enabled(client) || client == "spa" || a.family == nil || !m.active(a) || a.chain >= 10 || !own && !(client == "other" && a.has("orders.")) {
		return false
	}
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(scope string) bool { return slices.Contains(a.scopes, scope) || !own && scope == "trips.read" })
}

func (a *modelAccess) has(prefix string) bool {
	return slices.ContainsFunc(a.scopes, func(scope string) bool { return len(scope) >= len(prefix) && scope[:len(prefix)] == prefix })
}

// newPassword ends all of a person but the session in which he set it, and what its apps refresh with.
func (m *model) newPassword(s *modelSession) {
	kept := map[*standing]bool{&s.standing: true}
	for _, g := range m.families {
		if g.session == s && !g.offline && m.holds(g) {
			kept[&g.standing] = true
		}
	}
	m.each(func(one *standing) {
		one.dead = one.dead || !kept[one] && slices.Contains(one.on, personOf(s.person))
	})
}
