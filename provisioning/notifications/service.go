package notifications

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/notify"
	"grove/infra/notify/template"
	"grove/orgs/invitations"
)

// Invitations gives what a mail needs to know of an invitation. orgs/invitations.
type Invitations interface {
	Link(ctx context.Context, tenant ids.Tenant, id ids.Invitation) (invitations.MailData, error)
}

// Service sends messages.
type Service struct {
	invitations Invitations
	log         *slog.Logger
	sender      notify.Sender // nil: nothing can be sent yet
}

// New makes the service. Without a sender, messages wait in the queue.
func New(i Invitations, sender notify.Sender, log *slog.Logger) *Service {
	return &Service{invitations: i, sender: sender, log: log}
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name: "provisioning.notifications",
		Subscriptions: []events.Subscription{
			{Name: "notifications.invitation", Types: []string{"invitation.created", "invitation.resent"}, Do: s.invite},
		},
	}
}

var errNoSender = errors.New("notifications: no mail server is configured (GROVE_SMTP_URL)")

// invite sends the invitation. One that was revoked, accepted or sent anew meanwhile is left out: its link is dead. After any
// other failure, such as a suspension, the mail is tried again.
func (s *Service) invite(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var id ids.Invitation
	if err := id.UnmarshalText([]byte(e.Subject)); err != nil {
		return jobs.Permanent(err)
	}
	mail, err := s.invitations.Link(ctx, tenant, id)
	var f *fault.Error
	if errors.As(err, &f) && (f.Code.Kind == fault.Gone || f.Code.Kind == fault.NotFound) {
		s.log.InfoContext(ctx, "an invitation's mail is not needed any more", "invitation", id.String(), "code", f.Code.Name)
		return nil
	}
	if err != nil {
		return err
	}
	rendered, err := template.Render(template.Invitation, mail.Locale, template.Vars{
		"organization": mail.OrgName, "inviter": mail.Inviter, "link": mail.Link, "expires_in": mail.ExpiresIn.Round(time.Minute).String()})
	if err != nil {
		return err
	}
	return s.send(ctx, notify.Message{Channel: notify.Email, ID: e.ID.String(), To: mail.Email, Locale: rendered.Locale,
		Subject: rendered.Subject, Text: rendered.Text, HTML: rendered.HTML})
}

func (s *Service) send(ctx context.Context, m notify.Message) error {
	if s.sender == nil {
		return errNoSender
	}
	err := s.sender.Send(ctx, m)
	if err != nil && !notify.Retryable(err) {
		return jobs.Permanent(err)
	}
	return err
}
