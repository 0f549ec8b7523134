// Package events is the one stream of facts.
//
// Every write of a rule writes its event in the same transaction; the stream feeds audit, webhooks, provisioning,
// notifications, metering and analytics. Events are append-only. A sealer puts them in a chain per tenant, in the
// order in which they became visible, each link with the hash of the one before (docs/adr/0005-event-chain.md).
package events

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Type is a declared kind of event with data of type D. Each field of D carries its class in an audit tag: public,
// personal (about somebody), or secret (never stored). A person is public by his id alone; what he is called is found out
// when the log is read, so that it can be forgotten.
type Type[D any] struct{ name string }

// Info describes a declared type.
type Info struct {
	Name        string
	Description string
	Fields      map[string]string // JSON name to class
	things      []string          // JSON names of the fields that hold ids, or lists of them
}

var (
	mu       sync.RWMutex
	declared = map[string]Info{}
)

// Declare registers an event type. It is called from package-level variables only; it panics when the name is used
// twice or a field of D has no class.
func Declare[D any](name, description string) Type[D] {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := declared[name]; twice {
		panic("events: type declared twice: " + name)
	}
	fields := map[string]string{}
	var things []string
	t := reflect.TypeFor[D]()
	for i := range t.NumField() {
		f := t.Field(i)
		class := f.Tag.Get("audit")
		if !slices.Contains([]string{"public", "personal", "secret"}, class) {
			panic(fmt.Sprintf("events: %s: field %s has no audit class", name, f.Name))
		}
		jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if jsonName == "" || (class == "secret" && jsonName != "-") {
			panic(fmt.Sprintf("events: %s: field %s needs a json name; a secret one needs json:\"-\"", name, f.Name))
		}
		fields[jsonName] = class
		if isID(f.Type) {
			things = append(things, jsonName)
		}
	}
	declared[name] = Info{Name: name, Description: description, Fields: fields, things: things}
	return Type[D]{name: name}
}

// isID reports whether a field of this type holds an id, or a list of them.
func isID(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[ids.Any]() || t.Implements(reflect.TypeFor[interface{ Prefix() string }]())
}

// Concerns returns the ids of what an event concerns, each once: its subject first, then what its data names.
func Concerns(kind, subject string, data json.RawMessage) []ids.Any {
	var all []ids.Any
	add := func(s string) {
		id := ids.Any(s)
		if _, ok := id.UUID(); ok && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	add(subject)
	mu.RLock()
	fields := declared[kind].things
	mu.RUnlock()
	if len(fields) == 0 {
		return all
	}
	var values map[string]json.RawMessage
	_ = json.Unmarshal(data, &values) // written by this program as an object
	for _, f := range fields {
		var one string
		var many []string
		if json.Unmarshal(values[f], &one) == nil {
			many = []string{one}
		} else {
			_ = json.Unmarshal(values[f], &many) // absent, or a list
		}
		for _, s := range many {
			add(s)
		}
	}
	return all
}

// Declared reports whether there is an event type of this name.
func Declared(name string) bool {
	mu.RLock()
	defer mu.RUnlock()
	_, ok := declared[name]
	return ok
}

// Catalogue lists every declared type by name.
func Catalogue() []Info {
	mu.Lock()
	defer mu.Unlock()
	all := make([]Info, 0, len(declared))
	for _, info := range declared {
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Name returns the type's name, such as user.created.
func (t Type[D]) Name() string { return t.name }

// Fact is an event about to be written.
type Fact struct {
	Type    string
	Org     ids.Org
	Subject string
	data    any
}

// Of makes a fact about subject, which belongs to org.
func (t Type[D]) Of(org ids.Org, subject fmt.Stringer, data D) Fact {
	return Fact{Type: t.name, Org: org, Subject: subject.String(), data: data}
}

// Event is one stored fact.
type Event struct {
	ID           ids.Event       `db:"id"`
	Org          ids.Org         `db:"org_id"`
	Type         string          `db:"type"`
	ActorKind    string          `db:"actor_kind"`
	ActorID      string          `db:"actor_id"`
	Impersonator ids.User        `db:"impersonator_id"` // who acted as the actor; zero: nobody
	Subject      string          `db:"subject"`
	Data         json.RawMessage `db:"data"`
	RequestID    string          `db:"request_id"`
	At           time.Time       `db:"at"`
}

// Subscription is a capability's wish to be told of events, at least once each, by a job.
type Subscription struct {
	Name  string   // of the subscriber: provisioning.notifications
	Types []string // event types
	Do    func(ctx context.Context, tenant ids.Tenant, e Event) error
}

// Log writes events.
type Log struct {
	jobs        *jobs.Client
	subscribers map[string][]string // event type to subscriptions
}

// NewLog makes a log without subscribers.
func NewLog(client *jobs.Client) *Log {
	return &Log{jobs: client, subscribers: map[string][]string{}}
}

// Subscribe adds subscribers. It is called while the program is put together, before the first event.
func (l *Log) Subscribe(subscriptions []Subscription) {
	for _, s := range subscriptions {
		for _, t := range s.Types {
			if _, known := declared[t]; !known {
				panic("events: " + s.Name + " subscribes to an unknown type: " + t)
			}
			l.subscribers[t] = append(l.subscribers[t], s.Name)
		}
	}
}

// batch is the number of facts that one statement writes.
const batch = 500

// Write adds facts to the stream, in the transaction of the change that they tell of. The actor and the request come
// from ctx. The first fact's subject is what an Idempotency-Key of the request stands for.
func (l *Log) Write(ctx context.Context, tx db.Tx, facts ...Fact) error {
	for some := range slices.Chunk(facts, batch) {
		if err := l.write(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

// columns are the facts of one statement, and what they concern, column by column.
type columns struct {
	ids, orgs, concernedIn, concernedBy []uuid.UUID
	types, subjects, data, concerned    []string
}

func (l *Log) write(ctx context.Context, tx db.Tx, facts []Fact) error {
	var c columns
	told := make([]ids.Event, len(facts))
	a := actor.From(ctx)
	for i, f := range facts {
		data, err := json.Marshal(f.data)
		if err != nil {
			return err
		}
		told[i] = ids.NewEvent()
		id := told[i].UUID()
		c.ids, c.orgs = append(c.ids, id), append(c.orgs, f.Org.UUID())
		c.types, c.subjects, c.data = append(c.types, f.Type), append(c.subjects, f.Subject), append(c.data, string(data))
		things := Concerns(f.Type, f.Subject, data)
		if !a.Impersonator.IsZero() {
			things = append(things, ids.Any(a.Impersonator.String()))
		}
		for _, thing := range list.Distinct(things) {
			c.concerned, c.concernedBy, c.concernedIn = append(c.concerned, string(thing)), append(c.concernedBy, id), append(c.concernedIn, f.Org.UUID())
		}
	}
	_, err := tx.Exec(ctx, `
		WITH written AS (
			INSERT INTO events (tenant_id, id, org_id, type, actor_kind, actor_id, subject, data, request_id, at, impersonator_id)
			SELECT $1, f.id, f.org_id, f.type, $2, $3, f.subject, f.data::jsonb, $4, $5, $14
			FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[]) AS f (id, org_id, type, subject, data)
		)
		INSERT INTO event_concerns (tenant_id, event_id, org_id, thing)
		SELECT $1, c.event_id, c.org_id, c.thing FROM unnest($11::uuid[], $12::uuid[], $13::text[]) AS c (event_id, org_id, thing)`,
		tx.Tenant(), string(a.Kind), a.ID(), telemetry.RequestID(ctx), tx.Now(), c.ids, c.orgs, c.types, c.subjects, c.data,
		c.concernedBy, c.concernedIn, c.concerned, a.Impersonator)
	if err != nil {
		return fmt.Errorf("events: write %s: %w", strings.Join(slices.Compact(c.types), ", "), err)
	}
	for i, f := range facts {
		if err := tx.RecordClaim(ctx, f.Subject); err != nil {
			return err
		}
		for _, name := range l.subscribers[f.Type] {
			args := deliverArgs{Tenant: tx.Tenant(), Org: f.Org, Event: told[i], Subscriber: name}
			if err := l.jobs.Insert(ctx, tx, args); err != nil {
				return err
			}
		}
	}
	return nil
}
