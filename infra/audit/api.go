package audit

import (
	"context"
	"encoding/binary"
	"net/http"
	"time"

	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// Event is one fact of an organization's log.
type Event struct {
	ID        ids.Event      `json:"id" doc:"The event's id; ids sort by time."`
	Type      string         `json:"type" doc:"What happened." example:"invitation.created"`
	Actor     EventActor     `json:"actor" doc:"Who did it."`
	Subject   string         `json:"subject" doc:"The id of what it happened to." example:"inv_01jd8wz3k4e6f8g9h0j1k2m3n4"`
	OrgID     ids.Org        `json:"org_id" doc:"The organization whose log this is."`
	At        time.Time      `json:"at" doc:"When, in UTC." example:"2026-11-23T09:00:00Z"`
	RequestID string         `json:"request_id,omitempty" doc:"The request that did it; absent for background work." example:"0f5c1f7e"`
	Data      map[string]any `json:"data" doc:"The event's own data; its shape depends on the type."`
	Names     []EventName    `json:"names,omitempty" doc:"What the ids in actor, subject and data are called, as far as they have names, looked up as the event is read: no part of what was written, and absent from the feed. Whoever was forgotten is not there."`
}

// EventActor is who did something.
type EventActor struct {
	Type string `json:"type" doc:"Kind of actor." enum:"anonymous,client,operator,system,user" example:"user"`
	ID   string `json:"id,omitempty" doc:"The user's or the app's id, or the name of the background work." example:"usr_01jd8wz3k4e6f8g9h0j1k2m3n4"`

	ImpersonatorID *ids.User `json:"impersonator_id,omitempty" doc:"Who acted as this user; absent: nobody but he."`
}

// EventName is what an id in an event is called.
type EventName struct {
	ID      string  `json:"id" doc:"An id in the event's actor, subject or data." example:"usr_01jd8wz3k4e6f8g9h0j1k2m3n4"`
	Name    string  `json:"name" doc:"What it is called now, or was called when it went." example:"Emil Costa"`
	OrgID   ids.Org `json:"org_id" doc:"The organization that it is of, which for a person is where his account is."`
	Removed bool    `json:"removed" doc:"Whether it does not exist any more." example:"true"`
}

// ListEventsInput filters the log.
type ListEventsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
	Actor    string    `query:"actor" maxLength:"80" doc:"Only events of this actor, by his id or the name of the background work: what somebody did."`
	Concerns string    `query:"concerns" maxLength:"80" doc:"Only events that concern this id, as their subject, anywhere in their data, or as who acted as somebody else: what happened to a person, an app, a group, a role or an organization."`
	Type     string    `query:"type" maxLength:"80" doc:"Only events of this type, which is one that the event catalogue lists." example:"user.created"`
	Subject  string    `query:"subject" maxLength:"80" doc:"Only events whose subject is this id."`
	Since    time.Time `query:"since" doc:"Only events from this time on." example:"2026-11-23T00:00:00Z"`
	Until    time.Time `query:"until" doc:"Only events before this time." example:"2026-11-24T00:00:00Z"`
}

// EventPath names one event.
type EventPath struct {
	httpapi.OrgPath
	Event ids.Event `path:"event" doc:"The event's id."`
}

// FeedInput asks for a piece of the feed.
type FeedInput struct {
	httpapi.OrgPath
	After    string `query:"after" maxLength:"256" doc:"The cursor of the piece before; from the beginning when absent."`
	PageSize int    `query:"page_size" minimum:"1" maximum:"200" default:"50" doc:"Entries at most."`
}

// EventFeed is a piece of the feed.
type EventFeed struct {
	Entries []EventFeedEntry `json:"entries" doc:"In an order which never changes."`
	Cursor  string           `json:"cursor" doc:"Send as after, now or later, to go on. It is good for whoever may read the organization's events, and for as long as the installation's root key is known." example:"AVqH1c…"`
}

// EventFeedEntry is one event of an organization's feed.
type EventFeedEntry struct {
	Seq   int64           `json:"seq" doc:"The event's number in the organization's feed, from 1." example:"42"`
	Event Event           `json:"event" doc:"The event."`
	Chain *EventChainLink `json:"chain,omitempty" doc:"The event's link of the tenant's chain; for the root organization only."`
}

// EventChainLink is one link of a tenant's chain.
type EventChainLink struct {
	Seq  int64  `json:"seq" doc:"Position in the chain, which has the events of all organizations." example:"97"`
	Hash string `json:"hash" doc:"SHA-256 of the link, in hex." example:"9f86d081884c7d65"`
}

// VerifyInput asks for a piece of the chain to be checked.
type VerifyInput struct {
	httpapi.OrgPath
	After int64 `query:"after" minimum:"0" default:"0" doc:"Check the links after this sequence number." example:"0"`
}

// EventChainProof is the outcome of a check.
type EventChainProof struct {
	Checked    int   `json:"checked" doc:"Number of links that were checked; at most 5,000 at a time." example:"128"`
	Intact     bool  `json:"intact" doc:"Whether every checked link fits the one before." example:"true"`
	BrokenAt   int64 `json:"broken_at,omitempty" doc:"The first link that does not fit." example:"17"`
	VerifiedTo int64 `json:"verified_to" doc:"Go on with after set to this, while checked is 5,000." example:"128"`
}

func (s *Service) routes(a *httpapi.API) {
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[Event]]]{ID: "listEvents", Method: http.MethodGet, Path: "/v1/orgs/{org}/events",
		Tag: "Events", Summary: "List events", Description: "The organization's event log, newest first. Filters may be combined.", Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[Event]]{ID: "getEvent", Method: http.MethodGet, Path: "/v1/orgs/{org}/events/{event}",
		Tag: "Events", Summary: "Get an event", Description: "One event of the organization's log.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[RemovedName]]]{ID: "listRemovedNames", Method: http.MethodGet, Path: "/v1/orgs/{org}/removed-names",
		Tag: "Events", Summary: "List what was removed, by name",
		Description: "People, apps and whatever else of the organization had a name and does not exist any more, and guests who left it, as far as the log concerns them and their names are kept, by name: the way from a name to the id that events are found by.",
		Status:      200, Needs: permRead}, s.removed)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[EventFeed]]{ID: "readEventFeed", Method: http.MethodGet, Path: "/v1/orgs/{org}/event-feed",
		Tag: "Events", Summary: "Read the event feed",
		Description: "The organization's events in the order in which they became visible, numbered in the organization alone. Nothing ever appears before a cursor that was handed out, so a consumer that keeps its cursor misses nothing.",
		Status:      200, Needs: permRead, Errors: []fault.Code{fault.CodePageToken}}, s.feed)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[EventChainProof]]{ID: "verifyEventChain", Method: http.MethodGet, Path: "/v1/orgs/{org}/event-chain",
		Tag: "Events", Summary: "Verify the event chain",
		Description: "Recomputes the hash chain of the whole tenant, a piece at a time. Only for the root organization, because a chain spans the tenant.",
		Status:      200, Needs: permRead}, s.verify)
}

// check refuses what no event can have: a slip is not to read as though nothing had happened.
func (in *ListEventsInput) check() error {
	if _, ok := ids.Any(in.Concerns).UUID(); in.Concerns != "" && !ok {
		return fault.CodeInvalid.At("/concerns", "Must be an id.")
	}
	if in.Type != "" && !events.Declared(in.Type) {
		return fault.CodeInvalid.At("/type", "Must be a type of event that there is.")
	}
	return nil
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListEventsInput) (*httpapi.Out[page.Of[Event]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	rows, err := s.find(ctx, c.Tenant.ID, c.Org.ID, req, in)
	if err != nil {
		return nil, err
	}
	cut := page.Cut(req, rows, func(e events.Event) []string { return []string{e.ID.String()} })
	shown, err := s.present(ctx, c, cut.Items)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, page.Result[Event]{Items: shown, Next: cut.Next}), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *EventPath) (*httpapi.Out[Event], error) {
	e, err := s.load(ctx, c.Tenant.ID, c.Org.ID, in.Event)
	if err != nil {
		return nil, err
	}
	shown, err := s.present(ctx, c, []events.Event{e})
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(shown[0]), nil
}

// place is where a consumer stands: behind which link of the chain, and behind how many events of his organization. The link's
// number tells how much happens in the whole tenant, and leaves the server sealed only.
type place struct{ chain, own int64 }

func (p place) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(p.chain)), uint64(p.own))
}

func openPlace(c *httpapi.Call, cursor string) (p place, err error) {
	if cursor == "" {
		return p, nil
	}
	raw, err := c.OpenCursor(cursor)
	if err == nil {
		p = place{chain: int64(binary.BigEndian.Uint64(raw)), own: int64(binary.BigEndian.Uint64(raw[8:]))}
	}
	return p, err
}

func (s *Service) feed(ctx context.Context, c *httpapi.Call, in *FeedInput) (*httpapi.Out[EventFeed], error) {
	at, err := openPlace(c, in.After)
	if err != nil {
		return nil, err
	}
	links, err := s.links(ctx, c.Tenant.ID, c.Org.ID, at.chain, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := EventFeed{Entries: make([]EventFeedEntry, len(links))}
	for i, l := range links {
		at.chain, at.own = l.Seq, at.own+1
		out.Entries[i] = EventFeedEntry{Seq: at.own, Event: plain(l.Event)}
		// A hash is made of the number, which who knows two links in a row could find by trying.
		if c.Org.ID == c.Tenant.Root {
			out.Entries[i].Chain = &EventChainLink{Seq: l.Seq, Hash: l.hex()}
		}
	}
	out.Cursor = c.SealCursor(at.bytes())
	return httpapi.Reply(out), nil
}

var errNotRoot = fault.CodeForbidden.With("The chain spans the tenant; ask for it at the root organization.", nil)

func (s *Service) verify(ctx context.Context, c *httpapi.Call, in *VerifyInput) (*httpapi.Out[EventChainProof], error) {
	if c.Org.ID != c.Tenant.Root {
		return nil, errNotRoot
	}
	proof, err := s.Verify(ctx, c.Tenant.ID, in.After)
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(proof), nil
}
