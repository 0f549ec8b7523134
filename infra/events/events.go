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

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Type is a declared kind of event with data of type D. Each field of D carries its class in an audit tag: public,
// personal (erased with the person), or secret (never stored).
type Type[D any] struct{ name string }

// Info describes a declared type.
type Info struct {
	Name        string
	Description string
	Fields      map[string]string // JSON name to class
}

var (
	mu       sync.Mutex
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
	}
	declared[name] = Info{Name: name, Description: description, Fields: fields}
	return Type[D]{name: name}
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
	ID        ids.Event       `db:"id"`
	Org       ids.Org         `db:"org_id"`
	Type      string          `db:"type"`
	ActorKind string          `db:"actor_kind"`
	ActorID   string          `db:"actor_id"`
	Subject   string          `db:"subject"`
	Data      json.RawMessage `db:"data"`
	RequestID string          `db:"request_id"`
	At        time.Time       `db:"at"`
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

// Write adds facts to the stream, in the transaction of the change that they tell of. The actor and the request come
// from ctx. The first fact's subject is what an Idempotency-Key of the request stands for.
func (l *Log) Write(ctx context.Context, tx db.Tx, facts ...Fact) error {
	a := actor.From(ctx)
	for _, f := range facts {
		data, err := json.Marshal(f.data)
		if err != nil {
			return err
		}
		id := ids.NewEvent()
		_, err = tx.Exec(ctx, `
			INSERT INTO events (tenant_id, id, org_id, type, actor_kind, actor_id, subject, data, request_id, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			tx.Tenant(), id, f.Org, f.Type, string(a.Kind), a.ID(), f.Subject, data, telemetry.RequestID(ctx), tx.Now())
		if err != nil {
			return fmt.Errorf("events: write %s: %w", f.Type, err)
		}
		if err := tx.RecordClaim(ctx, f.Subject); err != nil {
			return err
		}
		for _, name := range l.subscribers[f.Type] {
			args := deliverArgs{Tenant: tx.Tenant(), Org: f.Org, Event: id, Subscriber: name}
			if err := l.jobs.Insert(ctx, tx, args); err != nil {
				return err
			}
		}
	}
	return nil
}
