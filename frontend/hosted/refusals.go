package hosted

import (
	"context"
	"net/http"
	"path"
	"sync"
	"time"

	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// Why a form was refused, as the event records it.
const (
	refusedOrigin = "origin" // the browser says that another site sent it
	refusedToken  = "token"  // it lacks the secret of the page that it should have come from
)

type refusedData struct {
	Address string    `json:"address" audit:"personal"`
	More    int       `json:"more,omitempty" audit:"public"` // refused since the event before, and not told one by one
	Page    string    `json:"page" audit:"public"`           // which page the form was on, such as login, invitation or logout
	Reason  string    `json:"reason" audit:"public"`
	User    *ids.User `json:"user_id,omitempty" audit:"public"` // whose session the browser sent along
}

var eventRefused = events.Declare[refusedData]("form.refused",
	"A form of the sign-in pages was refused because it did not come from a page of ours (cross-site request forgery). A flood is counted, and told of by the next event.")

// refuse tells the log of a form that was not from a page of ours: the log of the organization in which the browser is
// signed in, else of the root. Nobody has proven to be the one who sent it, so the actor is nobody.
func (p *Pages) refuse(r *http.Request, b authn.Browser, reason string) {
	ctx, t := r.Context(), httpapi.TenantOf(r.Context())
	more, ok := p.refused.take(t.ID, p.DB.Clock().Now())
	if !ok {
		return
	}
	data := refusedData{Address: b.Address, More: more, Page: path.Base(r.URL.Path), Reason: reason}
	err := func() error {
		org := t.Root
		session, found, err := p.Engine.Session(ctx, t, b)
		if err != nil {
			return err
		}
		if found {
			org, data.User = session.Org, &session.User
		}
		return p.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
			return p.Events.Write(ctx, tx, eventRefused.Of(org, org, data))
		})
	}()
	p.Log.WarnContext(ctx, "refused a form that is not from a page of ours", "tenant", t.ID.String(), "page", data.Page, "reason", reason, "more", more, "error", err)
}

// refusalsPerMinute is how many events a tenant's forged forms make in one process, however many there are.
const refusalsPerMinute = 10

// refusals counts, per tenant, what was told in the minute and what was not told since. The zero value is ready.
type refusals struct {
	mu sync.Mutex
	of map[ids.Tenant]*refusalCount
}

type refusalCount struct {
	minute time.Time
	told   int
	untold int
}

// take reports whether one more refusal may be told, and how many before it were not.
func (c *refusals) take(tenant ids.Tenant, now time.Time) (untold int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[ids.Tenant]*refusalCount{}
	}
	n := c.of[tenant]
	if n == nil {
		n = &refusalCount{}
		c.of[tenant] = n
	}
	if minute := now.Truncate(time.Minute); !minute.Equal(n.minute) {
		n.minute, n.told = minute, 0
	}
	if n.told >= refusalsPerMinute {
		n.untold++
		return 0, false
	}
	n.told++
	untold, n.untold = n.untold, 0
	return untold, true
}
