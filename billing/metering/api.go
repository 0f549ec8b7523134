package metering

import (
	"context"
	"net/http"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/perm"
)

const tag = "Seats"

// Seats is an organization's seats as the API shows them.
type Seats struct {
	Limit          *int     `json:"limit" doc:"How many seats there are; null is no limit." minimum:"0" example:"25"`
	Reserved       int      `json:"reserved" doc:"Seats kept for pending invitations." example:"2"`
	Used           int      `json:"used" doc:"Seats of members." example:"7"`
	Available      *int     `json:"available" doc:"Seats that are free; null where there is no limit." minimum:"0" example:"16"`
	AllowedActions []string `json:"allowed_actions,omitzero" doc:"What the caller may do with these seats." example:"[\"set_limit\"]"`
}

// SetSeatLimitRequest is the body of setSeatLimit.
type SetSeatLimitRequest struct {
	Limit *int `json:"limit" nullable:"true" minimum:"0" maximum:"10000000" doc:"How many seats there shall be; null is no limit." example:"25"`
}

type (
	getInput struct {
		httpapi.OrgPath
	}
	limitInput struct {
		httpapi.OrgPath
		httpapi.Match
		Body SetSeatLimitRequest
	}
)

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Seats]]{ID: "getSeats", Method: http.MethodGet, Path: "/v1/orgs/{org}/seats", Tag: tag,
		Summary: "Get the seats", Description: "How many people may belong to the organization, and how many do.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Seats]]{ID: "setSeatLimit", Method: http.MethodPut, Path: "/v1/orgs/{org}/seats/limit", Tag: tag,
		Summary: "Set the seat limit", Description: "Sets the number of seats, with a token of an organization above. It cannot be less than what is taken.",
		Status: 200, Needs: permWrite, Errors: []fault.Code{errBelowUse, errFromAbove}}, s.setLimit)
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, _ *getInput) (*httpapi.Entity[Seats], error) {
	var b Balance
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		b, err = queryBalance(ctx, tx.Tx, c.Org.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body(c, b), nil
}

func (s *Service) setLimit(ctx context.Context, c *httpapi.Call, in *limitInput) (*httpapi.Entity[Seats], error) {
	expect, err := in.Version()
	if err != nil {
		return nil, err
	}
	if !fromAbove(c) {
		return nil, errFromAbove.With("Use a token of an organization above this one.", nil)
	}
	var b Balance
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		b, err = s.SetLimitTx(ctx, tx.Tx, c.Org.ID, expect, in.Body.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body(c, b), nil
}

// fromAbove: an organization does not set what it pays for.
func fromAbove(c *httpapi.Call) bool { return c.Actor.Org != c.Org.ID && c.Org.IsWithin(c.Actor.Org) }

func body(c *httpapi.Call, b Balance) *httpapi.Entity[Seats] {
	out := Seats{Limit: b.Limit, Reserved: b.Reserved, Used: b.Used}
	if b.Limit != nil {
		available := *b.Limit - b.Taken()
		out.Available = &available
	}
	if fromAbove(c) {
		out.AllowedActions = c.Allowed(map[string]perm.Permission{"set_limit": permWrite})
	}
	return httpapi.Versioned(out, b.Version)
}
