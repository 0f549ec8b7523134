package directory

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/kernel/text"
)

// Organization is a node of the tenant's tree.
type Organization struct {
	ID              ids.Org           `json:"id" doc:"The organization."`
	ParentID        *ids.Org          `json:"parent_id,omitempty" doc:"The organization above; absent at the root, and where it may not be seen with this token."`
	Handle          string            `json:"handle" doc:"The organization's name in addresses, unique in the tenant." example:"acme-berlin"`
	Name            string            `json:"name" doc:"The organization's name for people, unique among its siblings." example:"Acme Berlin"`
	Description     string            `json:"description" doc:"What the organization is." example:"Our branch in Berlin."`
	Status          Status            `json:"status" doc:"The organization's own status: active or suspended." example:"active"`
	EffectiveStatus Status            `json:"effective_status" doc:"suspended where the organization or one above it is." example:"active"`
	Attributes      map[string]string `json:"attributes" doc:"Values of your own." example:"{\"crm_id\": \"42\"}"`
	Path            []PathStep        `json:"path" maxItems:"50" doc:"The organizations above, the highest first, as far up as the token's organization."`
	HasChildren     bool              `json:"has_children" doc:"Whether there are organizations below." example:"false"`
	IsRoot          bool              `json:"is_root" doc:"Whether it is the tenant's root." example:"false"`
	CreatedAt       time.Time         `json:"created_at" doc:"When the organization was created." example:"2026-11-23T09:00:00Z"`
	UpdatedAt       time.Time         `json:"updated_at" doc:"When the organization was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions  []string          `json:"allowed_actions,omitzero" doc:"What the caller may do: create_child, delete, move, resume, suspend, update. In single representations only."`
}

// PathStep is one of the organizations above another.
type PathStep struct {
	ID     ids.Org `json:"id" doc:"The organization."`
	Handle string  `json:"handle" doc:"Its name in addresses." example:"acme-berlin"`
	Name   string  `json:"name" doc:"Its name for people." example:"Acme Berlin"`
}

// NameAvailability says whether a child may have a name.
type NameAvailability struct {
	Available bool   `json:"available" doc:"Whether a new child may have this name." example:"true"`
	Handle    string `json:"handle" doc:"The handle that would be made of the name, if it is free in the tenant." example:"acme-berlin"`
}

// CreateOrganizationRequest says what organization to create.
type CreateOrganizationRequest struct {
	Name        string            `json:"name" minLength:"1" maxLength:"100" doc:"The organization's name, unique among its siblings." example:"Acme Berlin"`
	Handle      string            `json:"handle,omitempty" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"lower-case letters, digits and inner hyphens" doc:"The organization's name in addresses, unique in the tenant. Made of the name where absent." example:"acme-berlin"`
	Description string            `json:"description,omitempty" maxLength:"1000" doc:"What the organization is." example:"Our branch in Berlin."`
	ParentID    string            `json:"parent_id,omitempty" minLength:"1" maxLength:"64" doc:"The organization above: id, handle, or root; the token's own where absent." example:"org_01j4x5t00070008000000000g0"`
	Attributes  map[string]string `json:"attributes,omitempty" maxProperties:"50" doc:"Values of your own: keys of at most 64 characters, values of at most 1000." example:"{\"crm_id\": \"42\"}"`
}

// CreateOrganizationInput asks for a new organization.
type CreateOrganizationInput struct{ Body CreateOrganizationRequest }

// OrganizationFilter narrows a list of organizations.
type OrganizationFilter struct {
	httpapi.PageQuery
	Q      string `query:"q" maxLength:"100" doc:"Only organizations whose name, from one of its words on, or whose handle, from one of its parts on, starts with this; case, accents' encoding and runs of spaces do not matter. They are listed by what is found." example:"acme b"`
	Status string `query:"status" enum:"active,suspended" doc:"Only organizations whose own status is this." example:"active"`
}

// ListChildrenInput asks for the children of an organization.
type ListChildrenInput struct {
	httpapi.OrgPath
	OrganizationFilter
}

// ListAncestorsInput asks for the ancestors of an organization.
type ListAncestorsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

// OrganizationInput names an organization.
type OrganizationInput struct{ httpapi.OrgPath }

// NameAvailabilityInput asks whether a child may have a name.
type NameAvailabilityInput struct {
	httpapi.OrgPath
	Name string `query:"name" required:"true" minLength:"1" maxLength:"100" doc:"The name." example:"Acme Berlin"`
}

// UpdateOrganizationRequest is a merge patch of an organization.
type UpdateOrganizationRequest struct {
	Name        *string            `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"The organization's name, unique among its siblings." example:"Acme Berlin"`
	Handle      *string            `json:"handle,omitempty" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"lower-case letters, digits and inner hyphens" doc:"The organization's name in addresses. Links with the old one stop working. Changed from above only." example:"acme-berlin"`
	Description *string            `json:"description,omitempty" maxLength:"1000" doc:"What the organization is." example:"Our branch in Berlin."`
	Attributes  map[string]*string `json:"attributes,omitempty" maxProperties:"50" doc:"Values to set; null removes one." example:"{\"crm_id\": \"42\"}"`
}

// UpdateOrganizationInput asks for a change of an organization.
type UpdateOrganizationInput struct {
	httpapi.OrgPath
	httpapi.Match
	Body UpdateOrganizationRequest
}

// MoveOrganizationRequest names a new parent.
type MoveOrganizationRequest struct {
	ParentID string `json:"parent_id" minLength:"1" maxLength:"64" doc:"The new parent: id, handle, or root." example:"org_01j4x5t00070008000000000g0"`
}

// MoveOrganizationInput asks for a move.
type MoveOrganizationInput struct {
	httpapi.OrgPath
	Body MoveOrganizationRequest
}

// DeleteOrganizationInput asks for the end of an organization.
type DeleteOrganizationInput struct {
	httpapi.OrgPath
	httpapi.Match
}

type (
	one  = httpapi.Entity[Organization]
	list = httpapi.Out[page.Of[Organization]]
)

func (s *Service) routes(a *httpapi.API) {
	const tag, above = "Organizations", " Needs a token of an organization above it."
	httpapi.Handle(a, httpapi.Route[list]{ID: "listOrganizations", Method: "GET", Path: "/v1/orgs", Tag: tag, Summary: "List organizations",
		Description: "Lists the token's organization and all below it by name, or what q finds of them.",
		Status:      200, Needs: permRead, In: httpapi.InTokenOrg}, s.list)
	httpapi.Handle(a, httpapi.Route[one]{ID: "createOrganization", Method: "POST", Path: "/v1/orgs", Tag: tag, Summary: "Create an organization",
		Description: "Creates an organization below the token's, or below another one in which the caller holds orgs.write. Who administers the parent's subtree administers it too.",
		Status:      201, Needs: permWrite, In: httpapi.InTokenOrg, Replay: s.replay,
		Errors: []fault.Code{errHandleTaken, errNameTaken, errTooDeep, fault.CodeSuspended}}, s.create)
	httpapi.Handle(a, httpapi.Route[one]{ID: "getOrganization", Method: "GET", Path: "/v1/orgs/{org}", Tag: tag, Summary: "Read an organization",
		Description: "Reads one organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[one]{ID: "updateOrganization", Method: "PATCH", Path: "/v1/orgs/{org}", Tag: tag, Summary: "Change an organization",
		Description: "Changes name, description or attributes; the handle with a token of an organization above it only.",
		Status:      200, Needs: permWrite, Errors: []fault.Code{errFromAbove, errHandleTaken, errNameTaken, errRoot}}, s.update)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteOrganization", Method: "DELETE", Path: "/v1/orgs/{org}", Tag: tag, Summary: "Delete an organization",
		Description: "Deletes a suspended organization without children, with its people, apps and everything else it has. Its events stay." + above,
		Status:      204, Needs: permWrite, Errors: []fault.Code{errFromAbove, errHasChildren, errNotSuspended, errRoot}}, s.delete)
	httpapi.Handle(a, httpapi.Route[list]{ID: "listOrganizationChildren", Method: "GET", Path: "/v1/orgs/{org}/children", Tag: tag, Summary: "List children",
		Description: "Lists the organizations directly below one by name, or what q finds of them.", Status: 200, Needs: permRead}, s.children)
	httpapi.Handle(a, httpapi.Route[list]{ID: "listOrganizationAncestors", Method: "GET", Path: "/v1/orgs/{org}/ancestors", Tag: tag, Summary: "List ancestors",
		Description: "Lists the organizations above one, the highest first, as far up as the token's organization.", Status: 200, Needs: permRead}, s.ancestors)
	httpapi.Handle(a, httpapi.Route[httpapi.Out[NameAvailability]]{ID: "checkOrganizationName", Method: "GET", Path: "/v1/orgs/{org}/name-availability", Tag: tag,
		Summary: "Check a name", Description: "Says whether a new child of the organization may have a name. The answer is good until somebody takes it.",
		Status: 200, Needs: permWrite}, s.checkName)
	httpapi.Handle(a, httpapi.Route[one]{ID: "suspendOrganization", Method: "POST", Path: "/v1/orgs/{org}:suspend", Tag: tag, Summary: "Suspend an organization",
		Description: "Stops every sign-in, session, token and job of the organization and of all below it at once. Those below keep their own status, and work again when this one is resumed. Suspending twice changes nothing." + above,
		Status:      200, Needs: permWrite, Replay: s.replay, Errors: []fault.Code{errFromAbove, errRoot}}, s.suspend)
	httpapi.Handle(a, httpapi.Route[one]{ID: "resumeOrganization", Method: "POST", Path: "/v1/orgs/{org}:resume", Tag: tag, Summary: "Resume an organization",
		Description: "Lets a suspended organization work again. People sign in anew: sessions and tokens from before stay dead." + above,
		Status:      200, Needs: permWrite, Replay: s.replay, Errors: []fault.Code{errFromAbove, errRoot}}, s.resume)
	httpapi.Handle(a, httpapi.Route[one]{ID: "moveOrganization", Method: "POST", Path: "/v1/orgs/{org}:move", Tag: tag, Summary: "Move an organization",
		Description: "Puts an organization, with everything below it, under another parent, in which the caller holds orgs.write too. Whoever holds roles there with reach subtree, and the parent's machine-to-machine apps, get power over it: the caller must hold all of it himself, in the organization with reach subtree (role.above_granter). Its sessions and tokens end, because roles, settings and shares from above may be others there." + above,
		Status:      200, Needs: permWrite, Replay: s.replay, Errors: []fault.Code{errCycle, errFromAbove, errNameTaken, errRoot, errTooDeep, fault.CodeAboveGranter}}, s.move)
}

// fromAbove refuses a token of the organization itself. A token of one beside or below has been refused before.
func fromAbove(c *httpapi.Call) error {
	if c.Actor.Org == c.Org.ID || !c.Org.IsWithin(c.Actor.Org) {
		return errFromAbove.With("Use a token of an organization above this one.", nil)
	}
	return nil
}

// shown hides the parent where the token does not reach it: where the organization is the token's own.
func shown(c *httpapi.Call, r viewRow) Organization {
	o := Organization{ID: r.ID, Handle: r.Handle, Name: r.Name, Description: r.Description, Status: r.Status, EffectiveStatus: Active,
		Attributes: r.Attributes, HasChildren: r.HasChildren, IsRoot: r.IsRoot(), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	if r.Stopped {
		o.EffectiveStatus = Suspended
	}
	if !r.IsRoot() && r.ID != c.Actor.Org {
		o.ParentID = &r.Parent
	}
	o.Path = []PathStep{}
	for _, p := range r.Path {
		at := PathStep{Handle: p.Handle, Name: p.Name}
		_ = at.ID.ScanUUID(p.ID) // never fails
		if len(o.Path) > 0 || at.ID == c.Actor.Org {
			o.Path = append(o.Path, at)
		}
	}
	return o
}

// single reads one organization for a response.
func (s *Service) single(ctx context.Context, c *httpapi.Call, tx db.Tx, id ids.Org) (*one, error) {
	row, err := selectView(ctx, tx, id)
	if err != nil {
		return nil, db.OrNotFound(err)
	}
	o := shown(c, row)
	actions := map[string]perm.Permission{"create_child": permWrite, "update": permWrite}
	if row.Stopped {
		delete(actions, "create_child")
	}
	if !row.IsRoot() && id != c.Actor.Org {
		for _, name := range []string{"delete", "move", "resume", "suspend"} {
			actions[name] = permWrite
		}
		delete(actions, map[Status]string{Active: "resume", Suspended: "suspend"}[row.Status])
		if row.Status != Suspended || row.HasChildren {
			delete(actions, "delete")
		}
	}
	o.AllowedActions = c.Allowed(actions)
	return httpapi.Versioned(o, row.Version), nil
}

// changed runs a rule in the tenant's door and answers with what it left.
func (s *Service) changed(ctx context.Context, c *httpapi.Call, rule func(ctx context.Context, tx db.Tx) (Org, error)) (out *one, err error) {
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		o, err := rule(ctx, tx)
		if err != nil {
			return err
		}
		out, err = s.single(ctx, c, tx, o.ID)
		return err
	})
	return out, err
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*one, error) {
	var id ids.Org
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.changed(ctx, c, func(context.Context, db.Tx) (Org, error) { return Org{ID: id}, nil })
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *OrganizationFilter) (*list, error) {
	if c.Org.ID == c.Tenant.Root {
		return s.page(ctx, c, treeList, in)
	}
	return s.page(ctx, c, subtreeList, in)
}

func (s *Service) children(ctx context.Context, c *httpapi.Call, in *ListChildrenInput) (*list, error) {
	return s.page(ctx, c, childrenList, &in.OrganizationFilter)
}

func (s *Service) page(ctx context.Context, c *httpapi.Call, of listing, in *OrganizationFilter) (*list, error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(in.Q, unicode.IsControl) {
		return nil, fault.CodeInvalid.At("query:q", "Must have no control characters.")
	}
	f := filter{Status: in.Status}
	f.From, f.To = startingWith(in.Q)
	var rows []viewRow
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		rows, err = selectList(ctx, tx, of, c.Org.ID, f, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(r viewRow) []string { return []string{r.SortKey, r.ID.String()} })
	return httpapi.List(c, page.Map(result, func(r viewRow) Organization { return shown(c, r) })), nil
}

func (s *Service) ancestors(ctx context.Context, c *httpapi.Call, in *ListAncestorsInput) (*list, error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var rows []viewRow
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		rows, err = selectAncestors(ctx, tx, c.Org.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	visible := c.VisiblePath()
	rows = slices.DeleteFunc(rows, func(r viewRow) bool { return !slices.Contains(visible, r.ID) })
	// The greatest depth bounds the rows, so the position is a number.
	skip, _ := strconv.Atoi(req.Part(0))
	skip = min(max(skip, 0), len(rows))
	rows = rows[skip:min(len(rows), skip+req.Limit())]
	result := page.Cut(req, rows, func(viewRow) []string { return []string{strconv.Itoa(skip + req.Size)} })
	return httpapi.List(c, page.Map(result, func(r viewRow) Organization { return shown(c, r) })), nil
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *CreateOrganizationInput) (*one, error) {
	parent := c.Org.ID
	if in.Body.ParentID != "" {
		org, err := c.Require(ctx, in.Body.ParentID, permWrite)
		if err != nil {
			return nil, err
		}
		parent = org.ID
	}
	return s.changed(ctx, c, func(ctx context.Context, tx db.Tx) (Org, error) {
		b := in.Body
		return s.CreateTx(ctx, tx, NewOrg{Parent: parent, Name: b.Name, Handle: b.Handle, Description: b.Description, Attributes: b.Attributes})
	})
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, _ *OrganizationInput) (*one, error) {
	return s.changed(ctx, c, func(context.Context, db.Tx) (Org, error) { return Org{ID: c.Org.ID}, nil })
}

func (s *Service) checkName(ctx context.Context, c *httpapi.Call, in *NameAvailabilityInput) (*httpapi.Out[NameAvailability], error) {
	name := strings.TrimSpace(in.Name)
	if _, err := check(Org{Name: name}); err != nil {
		return nil, fault.CodeInvalid.At("query:name", "Must have 1 to 100 characters, not only spaces and none of them a control character.")
	}
	taken := false
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		taken, err = siblingNameTaken(ctx, tx, c.Org.ID, text.Key(name))
		return err
	})
	if err != nil {
		return nil, err
	}
	return httpapi.Reply(NameAvailability{Available: !taken, Handle: slug(name, 0)}), nil
}

func (s *Service) update(ctx context.Context, c *httpapi.Call, in *UpdateOrganizationInput) (*one, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	return s.changed(ctx, c, func(ctx context.Context, tx db.Tx) (Org, error) {
		if refused := fromAbove(c); b.Handle != nil && c.Org.ID != c.Tenant.Root && refused != nil {
			switch o, err := s.Load(ctx, tx, c.Org.ID); {
			case err != nil:
				return o, err
			case o.Handle != *b.Handle:
				return o, refused
			}
		}
		return s.UpdateTx(ctx, tx, c.Org.ID, version, Change{Name: b.Name, Handle: b.Handle, Description: b.Description, Attributes: b.Attributes})
	})
}

func (s *Service) suspend(ctx context.Context, c *httpapi.Call, _ *OrganizationInput) (*one, error) {
	return s.turn(ctx, c, s.SuspendTx)
}

func (s *Service) resume(ctx context.Context, c *httpapi.Call, _ *OrganizationInput) (*one, error) {
	return s.turn(ctx, c, s.ResumeTx)
}

func (s *Service) turn(ctx context.Context, c *httpapi.Call, rule func(context.Context, db.Tx, ids.Org) (Org, error)) (*one, error) {
	if err := belowRoot(c); err != nil {
		return nil, err
	}
	return s.changed(ctx, c, func(ctx context.Context, tx db.Tx) (Org, error) { return rule(ctx, tx, c.Org.ID) })
}

func (s *Service) move(ctx context.Context, c *httpapi.Call, in *MoveOrganizationInput) (*one, error) {
	if err := belowRoot(c); err != nil {
		return nil, err
	}
	parent, err := c.Require(ctx, in.Body.ParentID, permWrite)
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, c, func(ctx context.Context, tx db.Tx) (Org, error) { return s.MoveTx(ctx, tx, c.Org.ID, parent.ID) })
}

func (s *Service) delete(ctx context.Context, c *httpapi.Call, in *DeleteOrganizationInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	if err := belowRoot(c); err != nil {
		return nil, err
	}
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return s.DeleteTx(ctx, tx, c.Org.ID, version) })
	return &httpapi.None{}, err
}

// belowRoot refuses what is not done to a root, with the rule's own reason, and else what is not done from above.
func belowRoot(c *httpapi.Call) error {
	if c.Org.ID == c.Tenant.Root {
		return errRoot.With("The tenant itself is in the hands of the platform's operator.", nil)
	}
	return fromAbove(c)
}
