package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/riverqueue/river"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

const (
	pingAttempts  = 6 // the last one some minutes after the first: the app may poll all the same
	maxPingAnswer = 4 << 10
)

// cibaPing is what the client is told by a ping, and by what it knows that we tell it (OpenID Connect CIBA Core 1.0, section 10.2).
type cibaPing struct {
	AuthReqID string `json:"auth_req_id"`
	Token     string `json:"token"`
}

func cibaPlace(id ids.CIBARequest) []byte { return []byte("ciba_requests.sealed " + id.String()) }

// seal makes what is stored: whoever reads the table redeems nothing by it.
func (p cibaPing) seal(key *secrets.DataKey, id ids.CIBARequest) []byte {
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // two strings always marshal
	}
	return key.Seal(raw, cibaPlace(id))
}

// pingArgs is the job that tells an app that a person has answered.
type pingArgs struct {
	Tenant   ids.Tenant      `json:"tenant"`
	Org      ids.Org         `json:"org"` // the app's
	ClientID string          `json:"client_id"`
	Request  ids.CIBARequest `json:"request"`
}

func (pingArgs) Kind() string { return "oauth.ciba_ping" }

// InsertOpts bounds how often it is tried.
func (pingArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: pingAttempts} }

// JobScope names whose work this is.
func (a pingArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

// ping tells an app that there is something to ask the token endpoint for. One that has asked already, is gone, or has nowhere to be told
// any more needs nothing.
func (s *Service) ping(ctx context.Context, a pingArgs) error {
	client, err := s.clientOf(ctx, a.Tenant, a.ClientID)
	if errors.Is(err, errClient) || err == nil && (client.BackchannelDelivery != apps.DeliveryPing || client.BackchannelNotify == "") {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := s.Keys.DataKey(ctx, a.Tenant)
	if err != nil {
		return err
	}
	var c cibaRequest
	err = s.DB.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if c, err = findCIBA(ctx, tx, a.Request); err == nil && !tx.Now().Before(c.ExpiresAt) {
			c.Sealed = nil
		}
		return err
	})
	if db.IsNoRows(err) || err == nil && c.Sealed == nil {
		return nil
	}
	if err != nil {
		return err
	}
	raw, err := key.Open(c.Sealed, cibaPlace(c.ID))
	var p cibaPing
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		return jobs.Permanent(err)
	}
	body := string(newClaims().text("auth_req_id", p.AuthReqID).end())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, client.BackchannelNotify, strings.NewReader(body))
	if err != nil {
		return jobs.Permanent(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.Token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.Outbound.Do(r, maxPingAnswer)
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusOK || answer.Status == http.StatusNoContent:
		return nil
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
		return jobs.Permanent(errors.New("oauth: the app refuses the ping"))
	}
	return fmt.Errorf("oauth: the app answered its ping with status %d", answer.Status)
}
