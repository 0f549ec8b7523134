package hosted

import (
	"net/http"
	"net/url"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/iam/oauth"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

const logoutPurpose = "logout"

// signOut is a sign-out that somebody asks for: a client's, or the person's own where sealed is "".
type signOut struct {
	again   bool // the browser was sent on once, to show its session
	request oauth.LogoutRequest
	sealed  string
}

func (p *Pages) readSignOut(r *http.Request) (signOut, error) {
	in, err := parse(r.URL.RawQuery)
	if err != nil || in["request"] == "" {
		return signOut{again: in["again"] != ""}, err
	}
	request, err := p.protocol.OpenLogout(r.Context(), in["request"])
	if err != nil {
		return signOut{}, errParameters
	}
	return signOut{again: in["again"] != "", request: request, sealed: in["request"]}, nil
}

// end is where the browser goes when nobody is signed in any more.
func (s signOut) end(r *http.Request) string {
	issuer := httpapi.IssuerOf(r.Context()).URL
	if s.sealed == "" {
		return issuer + "/login/signed-out"
	}
	return oauth.DoneURL(issuer, url.QueryEscape(s.sealed))
}

// settled reports whether the person has asked for this sign-out already: the client that he pressed "sign out" in knows the ID
// token of this very session (RP-Initiated Logout 1.0, section 2). Nobody else does, so it is no stranger's link. What is only
// looked at ahead of time signs nobody out.
func (s signOut) settled(r *http.Request, session ids.Session) bool {
	return r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" && !s.request.Session.IsZero() && s.request.Session == session
}

// showLogout signs out where that is settled, and asks otherwise. A link alone signs nobody out.
func (p *Pages) showLogout(w http.ResponseWriter, r *http.Request) {
	s, err := p.readSignOut(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	ctx, t := r.Context(), httpapi.TenantOf(r.Context())
	b := authn.BrowserOf(w, r)
	session, found, err := p.Engine.Session(ctx, t, b)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if !found && !s.again && p.Engine.MayHide(r) {
		// To say "signed out" to somebody who is not would be the worst answer. An empty page leads on to this one, which
		// then is asked for from this site and with the cookie.
		pairs := []string{"again", "1"}
		if s.sealed != "" {
			pairs = append(pairs, "request", s.sealed)
		}
		w.Header().Set("Refresh", "0; url="+address(r, "/login/logout", pairs...))
		w.WriteHeader(http.StatusOK)
		return
	}
	if !found {
		seeOther(w, s.end(r))
		return
	}
	if s.settled(r, session.ID) {
		p.endSession(w, r, b, s)
		return
	}
	person, err := p.person(ctx, t, session.User)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	org, err := p.Orgs.Resolve(ctx, t, session.Org.String())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	token, err := p.token(r, b, logoutPurpose)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	action := address(r, "/login/logout")
	if s.sealed != "" {
		action = address(r, "/login/logout", "request", s.sealed)
	}
	c := login.Common{Action: action, AppName: s.request.AppName, CancelURL: t.Base + "/account/", CSRF: token, OrgName: org.Name}
	if s.request.RedirectURI != "" {
		c.FormActionOrigins = []string{s.request.RedirectURI}
	}
	login.Render(w, r, login.PageLogout, login.LogoutPage{Common: c, Username: person.Username})
}

// confirmLogout ends the browser's session.
func (p *Pages) confirmLogout(w http.ResponseWriter, r *http.Request) {
	b := authn.BrowserOf(w, r)
	if _, err := p.form(w, r, b, logoutPurpose); err != nil {
		p.fail(w, r, err)
		return
	}
	s, err := p.readSignOut(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.endSession(w, r, b, s)
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request, b authn.Browser, s signOut) {
	ctx, t := r.Context(), httpapi.TenantOf(r.Context())
	session, ended, err := p.Engine.EndSession(ctx, t, b.Session)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.Engine.ClearSession(w, r)
	var frames []string
	if ended {
		// The session is over: whom nobody can tell is no reason to say that it is not.
		if frames, err = p.protocol.FrontchannelLogouts(ctx, t.ID, session.ID); err != nil {
			p.Log.WarnContext(ctx, "apps are not told of a sign-out by the browser", "error", err)
		}
	}
	if len(frames) == 0 {
		seeOther(w, s.end(r))
		return
	}
	w.Header().Set("Refresh", "1; url="+s.end(r)) // where scripts are off; browsers count from when the frames have loaded
	login.Render(w, r, login.PageSigningOut, login.SigningOutPage{Common: login.Common{AppName: s.request.AppName, Frames: frames, OrgName: p.host(r)}, ReturnURL: s.end(r)})
}
