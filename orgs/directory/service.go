package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
	"grove/infra/module"
)

// Topic is the cache topic of organizations: the kind of their epochs, so that suspensions and moves announce themselves.
const Topic = string(db.KindOrg)

type createdData struct {
	Handle string  `json:"handle" audit:"public"`
	Name   string  `json:"name" audit:"public"`
	Parent ids.Org `json:"parent_id" audit:"public"`
}

type updatedData struct {
	Fields []string `json:"fields" audit:"public"`
}

type movedData struct {
	From ids.Org `json:"from_parent_id" audit:"public"`
	To   ids.Org `json:"to_parent_id" audit:"public"`
}

type deletedData struct {
	Handle string `json:"handle" audit:"public"`
	Name   string `json:"name" audit:"public"`
}

type noData struct{}

var (
	eventCreated   = events.Declare[createdData]("org.created", "An organization was created.")
	eventDeleted   = events.Declare[deletedData]("org.deleted", "An organization was deleted; the event is in the log of its parent.")
	eventMoved     = events.Declare[movedData]("org.moved", "An organization was moved with everything below it.")
	eventResumed   = events.Declare[noData]("org.resumed", "An organization was let work again.")
	eventSuspended = events.Declare[noData]("org.suspended", "Everything of an organization and those below it was stopped.")
	eventUpdated   = events.Declare[updatedData]("org.updated", "An organization's name, handle, description or attributes changed.")
)

// Erase removes what all other capabilities keep of an organization that is about to be deleted, in its transaction.
type Erase func(ctx context.Context, tx db.Tx, org ids.Org) error

// MayMove refuses, with a fault, to let the actor of ctx put an organization under another parent. The tree is held still.
type MayMove func(ctx context.Context, tx db.Tx, org, parent ids.Org) error

// Service keeps the tree.
type Service struct {
	db       *db.DB
	events   *events.Log
	erase    Erase
	mayMove  MayMove
	resolved *cache.Cache[httpapi.Org]
	wake     func(ctx context.Context, tx db.Tx) error
	maxDepth int
}

// New makes the service. erase may be nil where no capability keeps anything of organizations. maxDepth is how many levels below
// the root an organization may lie at most; those that lie deeper already stay where they are.
func New(d *db.DB, log *events.Log, hub *cache.Hub, erase Erase, maxDepth int) *Service {
	return &Service{db: d, events: log, erase: erase, resolved: cache.New[httpapi.Org](hub, 20_000, 10*time.Minute, Topic), maxDepth: maxDepth}
}

// OnResume registers what else happens in the transaction that lets an organization work again. It is called once, before the
// program starts, and panics when called again.
func (s *Service) OnResume(wake func(ctx context.Context, tx db.Tx) error) {
	if s.wake != nil {
		panic("directory: OnResume is set already")
	}
	s.wake = wake
}

// OnMove registers who is asked before an organization moves. It is called once, before the program starts, and panics
// when called again.
func (s *Service) OnMove(may MayMove) {
	if s.mayMove != nil {
		panic("directory: OnMove is set already")
	}
	s.mayMove = may
}

// Resolve finds an organization by id, handle or "root". What is no such reference is a 404, except for an identifier of
// another kind, which is a 422 that says so.
func (s *Service) Resolve(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	var id ids.Org
	switch {
	case ref == "root":
		id = t.Root
	case strings.Contains(ref, "_"): // never part of a handle
		if err := id.UnmarshalText([]byte(ref)); err != nil {
			return httpapi.Org{}, fault.CodeInvalid.At("path:org", "Must be an organization's id (prefix org_), its handle, or root.")
		}
	case !handleForm.MatchString(ref):
		return httpapi.Org{}, fault.ErrNotFound
	}
	key := ref
	if !id.IsZero() {
		key = id.String()
	}
	org, err := s.resolved.Get(ctx, t.ID.UUID(), key, func(ctx context.Context) (httpapi.Org, error) {
		var row resolvedRow
		err := s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
			if id.IsZero() {
				row, err = resolveHandle(ctx, tx, ref)
			} else {
				row, err = resolveID(ctx, tx, id)
			}
			return err
		})
		status := Active
		if row.Stopped {
			status = Suspended
		}
		return httpapi.Org{ID: row.ID, Handle: row.Handle, Name: row.Name, Path: row.Path, Status: string(status)}, err
	})
	if db.IsNoRows(err) {
		return httpapi.Org{}, fault.ErrNotFound
	}
	return org, err
}

// Load reads an organization; 404 where there is none.
func (s *Service) Load(ctx context.Context, tx db.Tx, id ids.Org) (Org, error) {
	o, err := selectOrg(ctx, tx, id)
	return o, db.OrNotFound(err)
}

// Path returns the organization's ancestors and itself, the root first; none where it does not exist.
func (s *Service) Path(ctx context.Context, tx db.Tx, id ids.Org) ([]ids.Org, error) {
	return selectPath(ctx, tx, id)
}

// found makes the root of a new tenant's tree.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	root := Org{ID: f.Root, Handle: f.Handle, Name: f.Name, Attributes: map[string]string{}}
	if _, err := insertOrg(ctx, tx, root, text.Key(f.Name)); err != nil {
		return err
	}
	if err := insertLeaf(ctx, tx, root.ID, ids.Org{}, text.Key(f.Name)); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventCreated.Of(root.ID, root.ID, createdData{Handle: root.Handle, Name: root.Name}))
}

// NewOrg says what organization to create. Without a handle one is made of the name.
type NewOrg struct {
	Parent      ids.Org
	Name        string
	Handle      string
	Description string
	Attributes  map[string]string
}

// CreateTx adds an organization to the tree. Whether the actor may do that below the parent is the caller's to check.
func (s *Service) CreateTx(ctx context.Context, tx db.Tx, n NewOrg) (Org, error) {
	o := Org{ID: ids.NewOrg(), Parent: n.Parent, Handle: n.Handle, Name: strings.TrimSpace(n.Name), Description: n.Description, Attributes: maps.Clone(n.Attributes)}
	if o.Attributes == nil {
		o.Attributes = map[string]string{}
	}
	nameKey, err := check(o)
	if err != nil {
		return Org{}, err
	}
	if err := lockTree(ctx, tx, false); err != nil {
		return Org{}, err
	}
	switch at, err := selectPlace(ctx, tx, n.Parent, n.Parent); {
	case err != nil:
		return Org{}, db.OrNotFound(err)
	case at.Stopped:
		return Org{}, fault.CodeSuspended.With("Resume the parent organization first.", nil)
	case at.Depth >= s.maxDepth:
		return Org{}, s.tooDeep()
	}
	if err := insertWithHandle(ctx, tx, &o, nameKey); err != nil {
		return Org{}, err
	}
	if err := insertLeaf(ctx, tx, o.ID, o.Parent, nameKey); err != nil {
		return Org{}, err
	}
	err = s.events.Write(ctx, tx, eventCreated.Of(o.ID, o.ID, createdData{Handle: o.Handle, Name: o.Name, Parent: o.Parent}))
	if err != nil {
		return Org{}, err
	}
	return s.Load(ctx, tx, o.ID)
}

func (s *Service) tooDeep() error {
	return errTooDeep.With(fmt.Sprintf("An organization lies at most %d levels below the root.", s.maxDepth), nil)
}

// insertWithHandle inserts the organization, with a handle made of its name where it has none.
func insertWithHandle(ctx context.Context, tx db.Tx, o *Org, nameKey string) error {
	derive := o.Handle == ""
	for attempt := range 5 {
		if derive {
			o.Handle = slug(o.Name, attempt)
		}
		ok, err := insertOrg(ctx, tx, *o, nameKey)
		switch {
		case db.IsUnique(err, "organizations_sibling_name"):
			return errNameTaken.At("/name", "The parent has a child with this name; choose another one.")
		case err != nil || ok:
			return err
		case !derive:
			return errHandleTaken.At("/handle", "An organization of the tenant has this handle; choose another one.")
		}
	}
	return errHandleTaken.At("/handle", "Choose a handle; none could be made of the name.")
}

// Change is a merge patch of an organization; nil is no change. A nil attribute is removed.
type Change struct {
	Name        *string
	Handle      *string
	Description *string
	Attributes  map[string]*string
}

// UpdateTx changes an organization. version is the one that the caller expects, 0 for any.
func (s *Service) UpdateTx(ctx context.Context, tx db.Tx, id ids.Org, version int64, change Change) (Org, error) {
	if change.Name != nil { // or a move would take the old name along
		if err := lockTree(ctx, tx, false); err != nil {
			return Org{}, err
		}
	}
	was, err := lockOrg(ctx, tx, id)
	if err != nil {
		return Org{}, db.OrNotFound(err)
	}
	if version != 0 && version != was.Version {
		return Org{}, errStale
	}
	o, fields := change.apply(was)
	if len(fields) == 0 {
		return was, nil
	}
	if o.Handle != was.Handle && was.IsRoot() {
		return Org{}, errRoot.At("/handle", "The root organization's handle is the tenant's, which never changes.")
	}
	nameKey, err := check(o)
	if err != nil {
		return Org{}, err
	}
	switch o, err = updateOrg(ctx, tx, o, nameKey); {
	case db.IsUnique(err, "organizations_sibling_name"):
		return Org{}, errNameTaken.At("/name", "The parent has a child with this name; choose another one.")
	case db.IsUnique(err, "organizations_handle"):
		return Org{}, errHandleTaken.At("/handle", "An organization of the tenant has this handle; choose another one.")
	case err != nil:
		return Org{}, err
	}
	if err := tx.Changed(ctx, Topic, id.String()); err != nil {
		return Org{}, err
	}
	return o, s.events.Write(ctx, tx, eventUpdated.Of(id, id, updatedData{Fields: fields}))
}

var errStale = fault.CodeStale.With("Read the organization again and repeat the change.", nil)

// apply returns the changed organization and the names of the fields that differ.
func (c Change) apply(o Org) (Org, []string) {
	var fields []string
	set := func(field string, to *string, value *string) {
		if value != nil && *value != *to {
			*to = *value
			fields = append(fields, field)
		}
	}
	if c.Name != nil {
		trimmed := strings.TrimSpace(*c.Name)
		c.Name = &trimmed
	}
	set("description", &o.Description, c.Description)
	set("handle", &o.Handle, c.Handle)
	set("name", &o.Name, c.Name)
	attributes := maps.Clone(o.Attributes)
	for key, value := range c.Attributes {
		if value == nil {
			delete(attributes, key)
		} else {
			attributes[key] = *value
		}
	}
	if !maps.Equal(attributes, o.Attributes) {
		o.Attributes, fields = attributes, append(fields, "attributes")
	}
	slices.Sort(fields)
	return o, fields
}

// SuspendTx stops everything of an organization and those below it at once. Suspending twice changes nothing.
func (s *Service) SuspendTx(ctx context.Context, tx db.Tx, id ids.Org) (Org, error) {
	return s.setStatus(ctx, tx, id, Suspended, eventSuspended, tx.Block)
}

// ResumeTx lets an organization work again; sessions and tokens from before stay dead. Resuming an active one changes nothing.
func (s *Service) ResumeTx(ctx context.Context, tx db.Tx, id ids.Org) (Org, error) {
	o, err := s.setStatus(ctx, tx, id, Active, eventResumed, tx.Unblock)
	if err == nil && s.wake != nil {
		err = s.wake(ctx, tx)
	}
	return o, err
}

func (s *Service) setStatus(ctx context.Context, tx db.Tx, id ids.Org, status Status, event events.Type[noData],
	epoch func(ctx context.Context, kind db.Kind, subject uuid.UUID, reason string) error) (Org, error) {
	o, err := lockOrg(ctx, tx, id)
	switch {
	case err != nil:
		return Org{}, db.OrNotFound(err)
	case o.IsRoot():
		return Org{}, errRoot.With("The tenant is suspended and resumed by the platform's operator.", nil)
	case o.Status == status:
		return o, nil
	}
	o.Status = status
	if o, err = updateOrg(ctx, tx, o, text.Key(o.Name)); err != nil {
		return Org{}, err
	}
	if err := epoch(ctx, db.KindOrg, id.UUID(), event.Name()); err != nil {
		return Org{}, err
	}
	return o, s.events.Write(ctx, tx, event.Of(id, id, noData{}))
}

// MoveTx puts an organization and everything below it under another parent. What was issued there before ends, because
// roles, settings and shares from above may be others now.
func (s *Service) MoveTx(ctx context.Context, tx db.Tx, id, parent ids.Org) (Org, error) {
	if err := lockTree(ctx, tx, true); err != nil {
		return Org{}, err
	}
	o, err := lockOrg(ctx, tx, id)
	switch {
	case err != nil:
		return Org{}, db.OrNotFound(err)
	case o.IsRoot():
		return Org{}, errRoot.With("The root organization has no parent.", nil)
	case o.Parent == parent:
		return o, nil
	}
	at, err := selectPlace(ctx, tx, parent, id)
	if err != nil {
		return Org{}, db.OrNotFound(err)
	}
	if at.Within {
		return Org{}, errCycle.At("/parent_id", "The new parent is the organization itself or lies below it.")
	}
	if s.mayMove != nil {
		if err := s.mayMove(ctx, tx, id, parent); err != nil {
			return Org{}, err
		}
	}
	height, err := selectHeight(ctx, tx, id)
	if err != nil {
		return Org{}, err
	}
	if at.Depth+1+height > s.maxDepth {
		return Org{}, s.tooDeep()
	}
	from := o.Parent
	if o, err = updateParent(ctx, tx, id, parent); db.IsUnique(err, "organizations_sibling_name") {
		return Org{}, errNameTaken.At("/parent_id", "The new parent has a child with this name; rename one of them first.")
	} else if err != nil {
		return Org{}, err
	}
	if err := detach(ctx, tx, id); err != nil {
		return Org{}, err
	}
	if err := attach(ctx, tx, id, parent); err != nil {
		return Org{}, err
	}
	if err := tx.Raise(ctx, db.KindOrg, id.UUID(), eventMoved.Name()); err != nil {
		return Org{}, err
	}
	return o, s.events.Write(ctx, tx, eventMoved.Of(id, id, movedData{From: from, To: parent}))
}

// DeleteTx removes an organization with everything that any capability keeps of it. It must be suspended and have no
// children. version is the one that the caller expects, 0 for any. Its events stay.
func (s *Service) DeleteTx(ctx context.Context, tx db.Tx, id ids.Org, version int64) error {
	if err := lockTree(ctx, tx, true); err != nil {
		return err
	}
	o, err := lockOrg(ctx, tx, id)
	switch {
	case err != nil:
		return db.OrNotFound(err)
	case o.IsRoot():
		return errRoot.With("A tenant is erased by the platform's operator.", nil)
	case version != 0 && version != o.Version:
		return errStale
	case o.Status != Suspended:
		return errNotSuspended.With("Only a suspended organization can be deleted.", nil)
	}
	if has, err := hasChildren(ctx, tx, id); err != nil {
		return err
	} else if has {
		return errHasChildren.With("Delete or move the organizations below first.", nil)
	}
	if s.erase != nil {
		if err := s.erase(ctx, tx, id); err != nil {
			return err
		}
	}
	if err := deleteOrg(ctx, tx, id); err != nil {
		return err
	}
	if err := tx.Block(ctx, db.KindOrg, id.UUID(), eventDeleted.Name()); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventDeleted.Of(o.Parent, id, deletedData{Handle: o.Handle, Name: o.Name}))
}
