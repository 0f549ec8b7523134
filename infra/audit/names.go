package audit

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/module"
)

// Name tells the service what the things of the modules are called, as their inventories say. It is called while the program
// is put together.
func (s *Service) Name(modules []module.Manifest) {
	var tables []module.Table
	for _, m := range modules {
		for _, t := range m.Tables {
			if t.Kind != "" {
				tables, s.kinds = append(tables, t), append(s.kinds, t.Kind)
			}
		}
	}
	s.names = namesOf(tables)
}

// namesOf is one statement over all kinds of things: an id is of one kind only. Who is gone is in a table of its own. Of
// organizations it has those below $3, and those that are gone, which are nowhere any more, where $4 says that all may be told.
func namesOf(tables []module.Table) string {
	const of = ` WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	const below = ` AND ($4 OR id IN (SELECT descendant_id FROM org_closure WHERE tenant_id = $1 AND ancestor_id = $3 AND descendant_id = ANY ($2::uuid[])))`
	parts := []string{`SELECT id, org_id, name, true AS removed FROM names_of_gone` + of + ` AND NOT elsewhere AND ($4 OR id <> org_id)`}
	for _, t := range tables {
		part := `SELECT id, ` + t.Owner + `, ` + t.Title + `, false FROM ` + t.Name + of
		if t.Kind == (ids.Org{}).Prefix() {
			part += below
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ` UNION ALL `)
}

type nameRow struct {
	ID      uuid.UUID `db:"id"`
	Org     ids.Org   `db:"org_id"`
	Name    string    `db:"name"`
	Removed bool      `db:"removed"`
}

// present shows events with what the ids in them are called. An organization's log names whoever acted in it and whatever it
// concerns, whichever organization of the tenant they are of; but organizations only as far as the token reaches, as the rest of
// the API does.
func (s *Service) present(ctx context.Context, c *httpapi.Call, rows []events.Event) ([]Event, error) {
	shown := make([]Event, len(rows))
	things := make([][]ids.Any, len(rows))
	asked := map[ids.Any]uuid.UUID{}
	for i, e := range rows {
		shown[i] = plain(e)
		things[i] = append([]ids.Any{ids.Any(e.ActorID), ids.Any(e.Impersonator.String())}, events.Concerns(e.Type, e.Subject, e.Data)...)
		for _, thing := range things[i] {
			if id, ok := thing.UUID(); ok {
				asked[thing] = id
			}
		}
	}
	if len(asked) == 0 {
		return shown, nil
	}
	list := make([]uuid.UUID, 0, len(asked))
	for _, id := range asked {
		list = append(list, id)
	}
	found := map[uuid.UUID]nameRow{}
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		names, err := db.Collect[nameRow](ctx, tx, s.names, c.Tenant.ID, list, c.Actor.Org, c.Actor.Org == c.Tenant.Root)
		for _, n := range names {
			found[n.ID] = n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range shown {
		for _, thing := range things[i] {
			n, known := found[asked[thing]]
			if !known || slices.ContainsFunc(shown[i].Names, func(told EventName) bool { return told.ID == string(thing) }) {
				continue
			}
			shown[i].Names = append(shown[i].Names, EventName{ID: string(thing), Name: n.Name, OrgID: n.Org, Removed: n.Removed})
		}
	}
	return shown, nil
}

// plain is an event as it was written.
func plain(e events.Event) Event {
	out := Event{ID: e.ID, Type: e.Type, Actor: EventActor{Type: e.ActorKind, ID: e.ActorID}, Subject: e.Subject,
		OrgID: e.Org, At: e.At, RequestID: e.RequestID, Data: map[string]any{}}
	if !e.Impersonator.IsZero() {
		out.Actor.ImpersonatorID = &e.Impersonator
	}
	_ = json.Unmarshal(e.Data, &out.Data) // written by this program as an object
	return out
}
