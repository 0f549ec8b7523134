package recovery

import (
	"context"
	"net/http"
	"time"

	"grove/iam/users"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

const tag = "Users"

// CreatePasswordLinkRequest is the body of createPasswordLink.
type CreatePasswordLinkRequest struct {
	Delivery         string `json:"delivery,omitempty" enum:"email,link" doc:"email: we send the link to the user. link: it is in the response, to be handed over; email when absent." example:"link"`
	ExpiresInMinutes *int   `json:"expires_in_minutes,omitempty" minimum:"-1" maximum:"43200" doc:"How long the link works: what the organization's settings (password_links) say when absent, and at most what these let; -1 for ever, which only a link that is handed over to a user without a password may." example:"1440"`
	Force            bool   `json:"force,omitempty" doc:"Whether the user's password stops working at once, and every session and token ends." example:"false"`
}

// PasswordLink is a link by which a user chooses a password.
type PasswordLink struct {
	Delivery  string     `json:"delivery" enum:"email,link" doc:"How it reaches the user." example:"link"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Until when it works; absent: for ever." example:"2026-11-26T09:00:00Z"`
	Link      string     `json:"link,omitempty" doc:"The link, of delivery link only. Shown here and never again: whoever opens it can become the user." example:"https://id.example.com/t/acme/login/set-password?token=…"`
}

type (
	createInput struct {
		httpapi.OrgPath
		users.UserPath
		Body CreatePasswordLinkRequest
	}
	revokeInput struct {
		httpapi.OrgPath
		users.UserPath
	}
)

func (s *Service) routes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/users/{user}/password-link"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[PasswordLink]]{ID: "createPasswordLink", Method: http.MethodPost, Path: path, Tag: tag, Status: 201,
		Needs: users.PermWrite, Summary: "Send a link to set a password",
		Description: "Gives the user a link, which works once, to choose a first password or another one. It takes the place of the link before, and works while the caller could still make it. At most five are mailed to a user within an hour.",
		Errors:      []fault.Code{errNotActive, errTooMany, users.ErrAboveActor}}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "revokePasswordLink", Method: http.MethodDelete, Path: path, Tag: tag, Status: 204,
		Needs: users.PermWrite, Summary: "Take a password link back", Description: "The link does not work any more. A password that was taken away stays away.",
		Errors: []fault.Code{users.ErrAboveActor}}, s.revoke)
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *createInput) (*httpapi.Out[PasswordLink], error) {
	w := Wanted{Delivery: in.Body.Delivery, Force: in.Body.Force}
	if w.Delivery == "" {
		w.Delivery = deliveryEmail
	}
	if minutes := in.Body.ExpiresInMinutes; minutes != nil {
		if *minutes == 0 {
			return nil, fault.CodeInvalid.At("/expires_in_minutes", "Must be 1 to 43200, or -1.")
		}
		w.Life = time.Duration(*minutes) * time.Minute
	}
	made, err := s.Create(ctx, c.Tenant, c.Org.ID, in.User, w)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(PasswordLink(made)), nil
}

func (s *Service) revoke(ctx context.Context, c *httpapi.Call, in *revokeInput) (*httpapi.None, error) {
	return &httpapi.None{}, s.Revoke(ctx, c.Tenant.ID, c.Org.ID, in.User)
}
