package events

import (
	"context"
	"fmt"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// deliverArgs is the job that tells one subscriber of one event.
type deliverArgs struct {
	Tenant     ids.Tenant `json:"tenant"`
	Org        ids.Org    `json:"org"`
	Event      ids.Event  `json:"event"`
	Subscriber string     `json:"subscriber"`
}

func (deliverArgs) Kind() string { return "events.deliver" }

// JobScope names whose work this is.
func (a deliverArgs) JobScope() jobs.Scope { return jobs.Scope{Tenant: a.Tenant, Org: a.Org} }

// Deliver registers the worker that calls the subscriptions.
func Deliver(r *jobs.Registry, d *db.DB, subscriptions []Subscription) {
	byName := map[string]Subscription{}
	for _, s := range subscriptions {
		if _, twice := byName[s.Name]; twice {
			panic("events: subscription declared twice: " + s.Name)
		}
		byName[s.Name] = s
	}
	jobs.Register(r, func(ctx context.Context, a deliverArgs) error {
		s, ok := byName[a.Subscriber]
		if !ok {
			return fmt.Errorf("events: no subscriber %s in this version", a.Subscriber)
		}
		var e Event
		err := d.InTenant(ctx, a.Tenant, func(ctx context.Context, tx db.Tx) (err error) {
			e, err = db.CollectOne[Event](ctx, tx, selectEvent+` WHERE tenant_id = $1 AND id = $2`, a.Tenant, a.Event)
			return err
		})
		if err != nil {
			return err
		}
		return s.Do(ctx, a.Tenant, e)
	})
}

const selectEvent = `SELECT id, org_id, type, actor_kind, actor_id, impersonator_id, subject, data, request_id, at FROM events`
