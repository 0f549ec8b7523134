package notifications

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"grove/iam/oauth"
	"grove/iam/recovery"
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
	Mail(ctx context.Context, tenant ids.Tenant, id ids.Invitation) (invitations.MailData, error)
}

// Requests says what a person is told whom an app asks from elsewhere. iam/oauth.
type Requests interface {
	CIBAMail(ctx context.Context, tenant ids.Tenant, id ids.CIBARequest) (oauth.CIBAMail, error)
}

// PasswordLinks gives what a mail needs to know of a link to choose a password. iam/recovery.
type PasswordLinks interface {
	Mail(ctx context.Context, tenant ids.Tenant, user ids.User) (recovery.MailData, error)
}

// Service sends messages.
type Service struct {
	invitations Invitations
	passwords   PasswordLinks
	requests    Requests
	log         *slog.Logger
	sender      notify.Sender // nil: nothing can be sent yet
}

// New makes the service. Without a sender, messages wait in the queue.
func New(i Invitations, p PasswordLinks, r Requests, sender notify.Sender, log *slog.Logger) *Service {
	return &Service{invitations: i, passwords: p, requests: r, sender: sender, log: log}
}

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name: "provisioning.notifications",
		Subscriptions: []events.Subscription{
			{Name: "notifications.invitation", Types: []string{"invitation.created", "invitation.resent"}, Do: s.invite},
			{Name: "notifications.ciba_request", Types: []string{"grant.requested"}, Do: s.cibaRequest},
			{Name: "notifications.password_link", Types: []string{"password_link.created"}, Do: s.passwordLink},
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
	mail, err := s.invitations.Mail(ctx, tenant, id)
	if s.notNeeded(ctx, e, err) {
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
	return s.send(ctx, e, mail.Email, rendered)
}

// cibaRequest tells a person that an app asks for his answer. One that names nobody, or is over, needs no mail.
func (s *Service) cibaRequest(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var id ids.CIBARequest
	if err := id.UnmarshalText([]byte(e.Subject)); err != nil {
		return jobs.Permanent(err)
	}
	mail, err := s.requests.CIBAMail(ctx, tenant, id)
	if s.notNeeded(ctx, e, err) {
		return nil
	}
	if err != nil {
		return err
	}
	rendered, err := template.Render(template.CIBARequest, mail.Locale, template.Vars{"app": mail.AppName, "expires_in": max(mail.ExpiresIn.Round(time.Minute), time.Minute).String(),
		"link": mail.Link, "message": mail.Message, "organization": mail.OrgName})
	if err != nil {
		return err
	}
	return s.send(ctx, e, mail.Email, rendered)
}

// passwordLink sends the link to choose a password. One that an administrator hands over himself, and one that was replaced,
// used or taken back meanwhile, is left out.
func (s *Service) passwordLink(ctx context.Context, tenant ids.Tenant, e events.Event) error {
	var id ids.User
	if err := id.UnmarshalText([]byte(e.Subject)); err != nil {
		return jobs.Permanent(err)
	}
	mail, err := s.passwords.Mail(ctx, tenant, id)
	if s.notNeeded(ctx, e, err) {
		return nil
	}
	if err != nil {
		return err
	}
	vars := template.Vars{"organization": mail.OrgName, "account": mail.Username, "link": mail.Link, "expires_in": mail.ExpiresIn.Round(time.Minute).String()}
	if mail.First {
		vars["first"] = "yes"
	}
	rendered, err := template.Render(template.SetPassword, mail.Locale, vars)
	if err != nil {
		return err
	}
	return s.send(ctx, e, mail.Email, rendered)
}

// notNeeded reports whether err says that what an event tells of is over.
func (s *Service) notNeeded(ctx context.Context, e events.Event, err error) bool {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code.Kind != fault.Gone && f.Code.Kind != fault.NotFound {
		return false
	}
	s.log.InfoContext(ctx, "a mail is not needed any more", "event", e.Type, "subject", e.Subject, "code", f.Code.Name)
	return true
}

func (s *Service) send(ctx context.Context, e events.Event, to string, r template.Rendered) error {
	if s.sender == nil {
		return errNoSender
	}
	err := s.sender.Send(ctx, notify.Message{Channel: notify.Email, ID: e.ID.String(), To: to, Locale: r.Locale, Subject: r.Subject, Text: r.Text, HTML: r.HTML})
	if err != nil && !notify.Retryable(err) {
		return jobs.Permanent(err)
	}
	return err
}
