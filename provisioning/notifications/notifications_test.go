package notifications_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/notify"
	"grove/infra/testkit"
	"grove/orgs/invitations"
	"grove/provisioning/notifications"
)

// link answers for every invitation.
type link struct {
	mail invitations.MailData
	err  error
}

func (l link) Mail(context.Context, ids.Tenant, ids.Invitation) (invitations.MailData, error) {
	return l.mail, l.err
}

var errGone = fault.Declare(fault.Gone, "test.gone", "Gone")

func TestWhichInvitationsAreSentAndWhichTriedAgain(t *testing.T) {
	mail := invitations.MailData{Email: "jo@example.com", Locale: "en", OrgName: "Acme", Link: "https://id.example/x", ExpiresIn: 72 * time.Hour}
	lost := errors.New("connection reset")
	for name, c := range map[string]struct {
		link     link
		noSender bool
		refused  error // by the mail server
		sent     bool
		tryAgain bool
	}{
		"good":                       {link: link{mail: mail}, sent: true},
		"link is dead":               {link: link{err: errGone.With("", nil)}},
		"tenant is gone":             {link: link{err: fault.CodeTenantNotFound.With("", nil)}},
		"tenant is suspended":        {link: link{err: fault.CodeSuspended.With("", nil)}, tryAgain: true},
		"server is busy":             {link: link{err: fault.CodeUnavailable.With("", nil)}, tryAgain: true},
		"database is away":           {link: link{err: lost}, tryAgain: true},
		"mail server says never":     {link: link{mail: mail}, refused: &notify.DeliveryError{Permanent: true}, sent: true},
		"mail server says later":     {link: link{mail: mail}, refused: lost, sent: true, tryAgain: true},
		"mail server is not set yet": {link: link{mail: mail}, noSender: true, tryAgain: true},
	} {
		t.Run(name, func(t *testing.T) {
			var got []notify.Message
			var sender notify.Sender = notify.SenderFunc(func(_ context.Context, m notify.Message) error {
				got = append(got, m)
				return c.refused
			})
			if c.noSender {
				sender = nil
			}
			s := notifications.New(c.link, nil, nil, sender, testkit.Quiet()).Module().Subscriptions[0]
			if !slices.Equal(s.Types, []string{"invitation.created", "invitation.resent"}) {
				t.Errorf("subscribed to %v", s.Types)
			}
			err := s.Do(t.Context(), ids.NewTenant(), events.Event{ID: ids.NewEvent(), Subject: ids.NewInvitation().String()})
			var never *river.JobCancelError
			if tryAgain := err != nil && !errors.As(err, &never); tryAgain != c.tryAgain || (len(got) == 1) != c.sent {
				t.Errorf("sent %v, err %v", got, err)
			}
		})
	}
}
