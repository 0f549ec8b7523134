package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/page"
)

// Out is a response with a body.
type Out[T any] struct {
	Body T
}

// Entity is a response with a body at a version.
type Entity[T any] struct {
	ETag string `header:"ETag" doc:"The representation's version, for If-Match."`
	Body T
}

// None is the response of an operation that has nothing to say (204).
type None struct{}

// Reply makes a response of a body that has no version.
func Reply[T any](body T) *Out[T] { return &Out[T]{Body: body} }

// Versioned makes a response of a body at a version. Version 0 is that of what was never set: it has no ETag.
func Versioned[T any](body T, version int64) *Entity[T] {
	if version == 0 {
		return &Entity[T]{Body: body}
	}
	return &Entity[T]{ETag: `"` + strconv.FormatInt(version, 10) + `"`, Body: body}
}

// OrgPath is embedded by inputs of operations on an organization.
type OrgPath struct {
	Org string `path:"org" minLength:"1" maxLength:"64" doc:"The organization: id, handle, or root." example:"root"`
}

// Abandon is embedded by inputs of operations by which an organization may lose its last Administrator.
type Abandon struct {
	WithoutAdministrator bool `query:"without_administrator" doc:"Do it even if it leaves an organization without an active Administrator. Heard only with a token of an organization above that one; the root always keeps an Administrator." example:"false"`
}

// AdministratorStays is the detail of problems about what [Abandon] would allow.
const AdministratorStays = "Make somebody else Administrator of the organization first; of the root, with reach subtree. Who acts from an organization above it may repeat the request with without_administrator=true."

// Match is embedded by inputs of operations that change a versioned resource.
type Match struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"Change only if the resource still has this ETag." example:"\"1\""`
}

// Version returns the version that the caller expects, 0 for any.
func (m Match) Version() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.Trim(m.IfMatch, `"`), 10, 64)
	if err != nil || v < 1 || len(m.IfMatch) < 3 || m.IfMatch[0] != '"' {
		return 0, fault.CodeStale.With("If-Match is not an ETag of this resource.", err)
	}
	return v, nil
}

// PageQuery is embedded by inputs of lists.
type PageQuery struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"200" default:"50" doc:"Items on a page." example:"50"`
	PageToken string `query:"page_token" maxLength:"2048" doc:"next_page_token of the page before; with the same other parameters."`
}

// Page opens the list's page token, which is bound to operation, tenant, organization and filters.
func (c *Call) Page(q PageQuery) (page.Request, error) {
	r := page.Request{Size: q.PageSize}
	if q.PageToken == "" {
		return r, nil
	}
	raw, err := c.sealer.Open("page", c.binding(), q.PageToken)
	if err == nil {
		err = json.Unmarshal(raw, &r.After)
	}
	if err != nil {
		return r, fault.CodePageToken.With("Use next_page_token of the same list with the same parameters, or start again without one.", err)
	}
	return r, nil
}

// List makes the response of a list.
func List[T any](c *Call, r page.Result[T]) *Out[page.Of[T]] {
	out := &Out[page.Of[T]]{Body: page.Of[T]{Items: r.Items}}
	if out.Body.Items == nil {
		out.Body.Items = []T{}
	}
	if r.Next != nil {
		raw, _ := json.Marshal(r.Next) // strings always marshal
		out.Body.NextPageToken = c.sealer.Seal("page", c.binding(), raw)
	}
	return out
}

// SealCursor seals a position that a consumer keeps for as long as he likes. Unlike a page token it opens for whoever may call
// the operation for the organization, whatever the page size. Positions of one length keep their contents' length to
// themselves.
func (c *Call) SealCursor(position []byte) string {
	return c.sealer.Seal("cursor", bind(c.Operation, c.Tenant.ID.String(), c.Org.ID.String()), position)
}

// OpenCursor opens what [Call.SealCursor] has sealed.
func (c *Call) OpenCursor(cursor string) ([]byte, error) {
	position, err := c.sealer.Open("cursor", bind(c.Operation, c.Tenant.ID.String(), c.Org.ID.String()), cursor)
	if err != nil {
		err = fault.CodePageToken.With("Use a cursor of the same operation and organization, or start again without one.", err)
	}
	return position, err
}

func (c *Call) binding() []byte {
	filters := url.Values{}
	for name, values := range c.query {
		if name != "page_token" && name != "page_size" {
			filters[name] = values
		}
	}
	return bind(c.Operation, c.Tenant.ID.String(), c.Org.ID.String(), c.Actor.ID(), filters.Encode())
}

func bind(parts ...string) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return h.Sum(nil)
}

// Field is a member of a JSON merge patch (RFC 7396): absent, null, or a value.
type Field[T any] struct {
	Set   bool // present in the patch
	Null  bool
	Value T
}

// UnmarshalJSON notes that the member is present.
func (f *Field[T]) UnmarshalJSON(raw []byte) error {
	f.Set = true
	if string(raw) == "null" {
		f.Null = true
		return nil
	}
	return json.Unmarshal(raw, &f.Value)
}

// Patch is what the patch does to a text: nil leaves it, "" clears it.
func (f Field[T]) Patch() *T {
	if !f.Set {
		return nil
	}
	return &f.Value // the zero value where the patch says null
}

// Schema is the value's own, and null.
func (f Field[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	if s.Ref != "" {
		return s
	}
	copied := *s
	copied.Nullable = true
	return &copied
}
