package audit

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

// RemovedName is somebody or something of an organization that does not exist any more, or somebody who left it.
type RemovedName struct {
	ID        string    `json:"id" doc:"Its id, by which events are found: concerns or actor." example:"usr_01jd8wz3k4e6f8g9h0j1k2m3n4"`
	Name      string    `json:"name" doc:"What it was called when it went." example:"Emil Costa"`
	RemovedAt time.Time `json:"removed_at" doc:"When it went, in UTC." example:"2026-11-23T09:00:00Z"`
}

// ListRemovedNamesInput narrows the list.
type ListRemovedNamesInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
	Q string `query:"q" maxLength:"80" doc:"Only names that start with this, whatever the case." example:"emil"`
}

type goneRow struct {
	ID     uuid.UUID `db:"id"`
	Name   string    `db:"name"`
	Key    string    `db:"name_key"`
	GoneAt time.Time `db:"gone_at"`
}

const (
	sqlGone = `
		SELECT id, name, name_key, gone_at FROM names_of_gone
		WHERE tenant_id = $1 AND org_id = $2 AND name_key >= lower($3) AND name_key <= lower($4) AND (name_key, id) > ($5, $6::uuid)
		ORDER BY name_key, id LIMIT $7`
	// The id of a name is known without its kind: the log that has it says which it is.
	sqlConcerned = `
		SELECT t.thing FROM unnest($3::text[]) AS t (thing)
		WHERE EXISTS (SELECT FROM event_concerns c WHERE c.tenant_id = $1 AND c.org_id = $2 AND c.thing = t.thing)`
)

// removed lists what is gone from an organization and has a name in its log still, by name. A page has fewer where the log knows nothing
// of something.
func (s *Service) removed(ctx context.Context, c *httpapi.Call, in *ListRemovedNamesInput) (*httpapi.Out[page.Of[RemovedName]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	first, last := text.Prefix(in.Q)
	after, _ := uuid.Parse(req.Part(1)) // "" on the first page is the zero UUID, before all others
	var cut page.Result[goneRow]
	known := map[uuid.UUID]string{}
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error {
		rows, err := db.Collect[goneRow](ctx, tx, sqlGone, c.Tenant.ID, c.Org.ID, first, last, req.Part(0), after, req.Limit())
		if err != nil {
			return err
		}
		cut = page.Cut(req, rows, func(r goneRow) []string { return []string{r.Key, r.ID.String()} })
		var things []string
		for _, r := range cut.Items {
			for _, kind := range s.kinds {
				things = append(things, string(ids.AnyOf(kind, r.ID)))
			}
		}
		found, err := db.Scalars[string](ctx, tx, sqlConcerned, c.Tenant.ID, c.Org.ID, things)
		for _, thing := range found {
			id, _ := ids.Any(thing).UUID()
			known[id] = thing
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	cut.Items = slices.DeleteFunc(cut.Items, func(r goneRow) bool { return known[r.ID] == "" })
	return httpapi.List(c, page.Map(cut, func(r goneRow) RemovedName {
		return RemovedName{ID: known[r.ID], Name: r.Name, RemovedAt: r.GoneAt}
	})), nil
}
