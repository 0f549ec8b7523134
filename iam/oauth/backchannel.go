package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// OpenID Connect Back-Channel Logout 1.0: when a session ends, for whatever reason, every app that a person signed in to by it is
// told, each by a job of its own, so that one that does not answer keeps no other waiting.
const (
	eventLogout = "http://schemas.openid.net/event/backchannel-logout"
	typLogout   = "logout+jwt"

	logoutAttempts   = 8 // the last one about an hour after the first
	logoutTokenLife  = 2 * time.Minute
	maxLogoutAnswer  = 4 << 10
	subscriberLogout = "oauth.logout"
)

// logoutArgs is the job that tells one app that a session is over.
type logoutArgs struct {
	Tenant   ids.Tenant  `json:"tenant"`
	Org      ids.Org     `json:"org"`
	ClientID string      `json:"client_id"`
	Issuer   string      `json:"issuer"` // that the app knows the session from
	Session  ids.Session `json:"session"`
	User     ids.User    `json:"user"`
}

func (logoutArgs) Kind() string { return "oauth.backchannel_logout" }

// InsertOpts bounds how often it is tried.
func (logoutArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: logoutAttempts} }

// JobScope names whose work this is.
func (a logoutArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

// sessionEnded finds the apps that were signed in to by a session, and asks for a job for each that wants to know.
func (s *Service) sessionEnded(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var session ids.Session
	if err := session.UnmarshalText([]byte(e.Subject)); err != nil {
		return jobs.Permanent(err)
	}
	return s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		parties, err := relyingParties(ctx, tx, session, settingBackchannel)
		if err != nil {
			return err
		}
		for _, p := range parties {
			args := logoutArgs{Tenant: tenant, Org: p.Org, ClientID: p.ClientID, Issuer: p.Issuer, Session: session, User: p.User}
			if err := s.Jobs.Insert(ctx, tx, args); err != nil {
				return err
			}
		}
		return nil
	})
}

// tellLogout sends the logout token (section 2.5). An app that is gone, or has nowhere to be told any more, needs nothing; one that
// refuses the token will not take the next one either.
func (s *Service) tellLogout(ctx context.Context, a logoutArgs) error {
	client, err := s.clientOf(ctx, a.Tenant, a.ClientID)
	if errors.Is(err, errClient) || err == nil && client.BackchannelLogoutURI == "" {
		return nil
	}
	if err != nil {
		return err
	}
	token, err := s.signLogout(ctx, client, a)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, client.BackchannelLogoutURI, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return jobs.Permanent(err)
	}
	r.Header.Set("Content-Type", formType)
	answer, err := s.Outbound.Do(r, maxLogoutAnswer)
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusOK || answer.Status == http.StatusNoContent:
		return nil
	case answer.Status == http.StatusBadRequest: // section 2.8
		return jobs.Permanent(errors.New("oauth: the app refuses the logout token"))
	}
	return fmt.Errorf("oauth: the app answered its logout with status %d", answer.Status)
}

// signLogout makes a logout token (section 2.4). It has no nonce, and a type of its own, so that it is taken for no ID token. It is
// encrypted as ID tokens are.
func (s *Service) signLogout(ctx context.Context, client apps.Client, a logoutArgs) (string, error) {
	known, err := s.namingFor(ctx, a.Tenant, client)
	if err != nil {
		return "", err
	}
	now := s.DB.Clock().Now()
	c := newClaims().text("iss", a.Issuer).text("sub", known.subject(a.User)).text("aud", client.ClientID).number("iat", now.Unix()).
		number("exp", now.Add(logoutTokenLife).Unix()).text("jti", ids.NewAccessToken().String()).text("sid", known.session(a.Session)).
		raw("events", []byte(`{"`+eventLogout+`":{}}`))
	signed, err := s.signFor(ctx, a.Tenant, client, "", typLogout, c)
	if err != nil {
		return "", err
	}
	return s.encrypted(ctx, client, client.IDTokenEncryptionAlg, client.IDTokenEncryptionEnc, signed)
}
