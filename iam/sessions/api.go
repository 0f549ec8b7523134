package sessions

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

const tag = "Sessions"

// UserSession is a person's session as the API shows it.
type UserSession struct {
	ID             ids.Session `json:"id" doc:"The session."`
	OrgID          ids.Org     `json:"org_id" doc:"The organization that the person signed in to."`
	UserID         ids.User    `json:"user_id" doc:"The person."`
	Methods        []string    `json:"methods" doc:"How the person signed in (RFC 8176)." example:"[\"pwd\"]"`
	UserAgent      string      `json:"user_agent" doc:"The browser, as it named itself when the person signed in." example:"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"`
	Address        string      `json:"address" doc:"The network address from which the person signed in." example:"203.0.113.7"`
	SignedInAt     time.Time   `json:"signed_in_at" doc:"When the person last proved who they are." example:"2026-11-23T09:15:00Z"`
	LastSeenAt     time.Time   `json:"last_seen_at" doc:"When the session was last used, to the minute." example:"2026-11-23T09:47:00Z"`
	ExpiresAt      time.Time   `json:"expires_at" doc:"When the session ends at the latest." example:"2026-11-24T09:15:00Z"`
	AllowedActions []string    `json:"allowed_actions,omitzero" doc:"What the caller may do with it; on single resources only." example:"[\"delete\"]"`
}

// View makes the API's form of a session.
func (s Session) View() UserSession {
	return UserSession{ID: s.ID, OrgID: s.Org, UserID: s.User, Methods: s.AMR, UserAgent: s.UserAgent, Address: s.Address,
		SignedInAt: s.AuthTime, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt}
}

// EndSessionsRequest names whose sessions to end.
type EndSessionsRequest struct {
	UserID ids.User `json:"user_id" doc:"The person whose sessions in this organization end."`
}

type listInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
	User ids.User `query:"user" doc:"Only this person's sessions."`
}

type sessionInput struct {
	httpapi.OrgPath
	Session ids.Session `path:"session" doc:"The session."`
}

type endInput struct {
	httpapi.OrgPath
	Body EndSessionsRequest
}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[UserSession]]]{ID: "listSessions", Method: http.MethodGet, Path: "/v1/orgs/{org}/sessions",
		Tag: tag, Summary: "List the organization's sessions", Description: "Who is signed in to the organization now, the newest sign-in first. Sessions that have ended, expired or were revoked are left out, and so are those that began in another organization, also where the person went on to this one from there.",
		Status: http.StatusOK, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[UserSession]]{ID: "getSession", Method: http.MethodGet, Path: "/v1/orgs/{org}/sessions/{session}",
		Tag: tag, Summary: "Get a session", Description: "One session that began in the organization and is still good.", Status: http.StatusOK, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "endSession", Method: http.MethodDelete, Path: "/v1/orgs/{org}/sessions/{session}",
		Tag: tag, Summary: "End a session", Description: "Signs the person out of this session. Tokens that were issued through it stop working, but for those of apps that the person gave offline access: withdraw the consent, or disable or remove the person, to end these too. Of a person who may do more than the caller it is refused (user.above_actor).", Status: http.StatusNoContent, Needs: permWrite, Errors: []fault.Code{users.ErrAboveActor}}, s.end)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "endUserSessions", Method: http.MethodPost, Path: "/v1/orgs/{org}/sessions:end",
		Tag: tag, Summary: "End all sessions of a user", Description: "Ends every session of one person that began in the organization, and whatever apps act by for that person in the organization: also where the session began in another one, which goes on there, and where the app has offline access. A person without sessions is no error; one who may do more than the caller is refused (user.above_actor).",
		Status: http.StatusNoContent, Needs: permWrite, Errors: []fault.Code{users.ErrAboveActor},
		Replay: func(context.Context, *httpapi.Call, string) (*httpapi.None, error) { return &httpapi.None{}, nil }}, s.endAll)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[UserSession]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	after := newest
	if !req.First() {
		if after, err = uuid.Parse(req.Part(0)); err != nil {
			return nil, fault.CodePageToken.With("Start again without a page token.", err)
		}
	}
	var result page.Result[Session]
	// What organizations above set matters.
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		policy, err := s.inForce(ctx, tx, c.Org.ID)
		if err != nil {
			return err
		}
		began, seen := policy.since(tx.Now())
		sql, args := sqlListOrg, []any{tx.Tenant(), c.Org.ID, after, tx.Now(), seen, began, req.Limit()}
		if !in.User.IsZero() {
			sql, args = sqlListMember, append(args, in.User)
		}
		rows, err := db.Collect[Session](ctx, tx, sql, args...)
		if err != nil {
			return err
		}
		result = page.Cut(req, rows, func(row Session) []string { return []string{row.ID.UUID().String()} })
		for i, row := range result.Items {
			result.Items[i].ExpiresAt = policy.until(row)
		}
		result.Items, err = standingOnly(ctx, tx, result.Items)
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Map(result, Session.View)), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *sessionInput) (*httpapi.Out[UserSession], error) {
	var found Session
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		found, err = s.load(ctx, tx, c.Org.ID, in.Session)
		return err
	})
	if err != nil {
		return nil, err
	}
	view := found.View()
	view.AllowedActions = c.Allowed(map[string]perm.Permission{"delete": permWrite})
	return httpapi.Reply(view), nil
}

// load finds a good session that began in the organization. What a person may do elsewhere matters, and what organizations
// above set: tx is from the tenant's door.
func (s *Service) load(ctx context.Context, tx db.Tx, org ids.Org, id ids.Session) (Session, error) {
	found, good, err := s.FindTx(ctx, tx, id)
	if err == nil && (!good || found.Org != org) {
		err = fault.ErrNotFound
	}
	return found, err
}

func (s *Service) end(ctx context.Context, c *httpapi.Call, in *sessionInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		found, err := s.load(ctx, tx, c.Org.ID, in.Session)
		if err != nil {
			return err
		}
		if err := s.checkEnd(ctx, tx, found.User); err != nil {
			return err
		}
		return s.EndTx(ctx, tx, found.ID, ReasonAdministrator)
	})
}

func (s *Service) endAll(ctx context.Context, c *httpapi.Call, in *endInput) (*httpapi.None, error) {
	// What ends here may have led to something in other organizations.
	return &httpapi.None{}, s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		any, err := hasSessions(ctx, tx, c.Org.ID, in.Body.UserID)
		if err != nil {
			return err
		}
		if err := s.checkEnd(ctx, tx, in.Body.UserID); err != nil {
			var refused *fault.Error
			if !any && errors.As(err, &refused) {
				return nil // of somebody who has no session here, nothing is told, and nothing ends
			}
			return err
		}
		if err := s.EndForUserInOrgTx(ctx, tx, c.Org.ID, in.Body.UserID, ReasonAdministrator); err != nil || s.onEndInOrg == nil {
			return err
		}
		return s.onEndInOrg(ctx, tx, c.Org.ID, in.Body.UserID, ReasonAdministrator)
	})
}

// checkEnd asks who may end a person's sessions; everybody may end his own.
func (s *Service) checkEnd(ctx context.Context, tx db.Tx, user ids.User) error {
	if a := actor.From(ctx); s.mayEnd == nil || a.Kind == actor.User && a.User == user {
		return nil
	}
	return s.mayEnd(ctx, tx, user)
}
