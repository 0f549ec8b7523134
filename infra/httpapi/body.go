package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"grove/infra/kernel/fault"
)

// readBody reads the body of a request, and puts it back.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, notArrived(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// once refuses a query parameter that is there twice: a server and a proxy would each take another of the two for the one that is meant.
// Only those of an input that are lists may be repeated.
func (a *API) once(input reflect.Type) func(huma.Context, func(huma.Context)) {
	var single []string // what is no parameter at all is for huma to refuse
	for _, f := range reflect.VisibleFields(input) {
		if name, _, _ := strings.Cut(f.Tag.Get("query"), ","); name != "" && f.Type.Kind() != reflect.Slice {
			single = append(single, name)
		}
	}
	return func(hc huma.Context, next func(huma.Context)) {
		at := hc.URL()
		query := at.Query()
		for _, name := range single {
			if len(query[name]) > 1 {
				a.refuse(hc, fault.CodeInvalid.At("query:"+name, "Must be there once."))
				return
			}
		}
		next(hc)
	}
}

// noBody refuses a body where an operation takes none: whoever sends one expects it to mean something. One whose length is
// not told may be empty, as proxies send it.
func (a *API) noBody(hc huma.Context, next func(huma.Context)) {
	r, _ := humachi.Unwrap(hc)
	there := r.ContentLength > 0
	if r.ContentLength < 0 {
		n, err := io.ReadFull(r.Body, make([]byte, 1))
		if n == 0 && !errors.Is(err, io.EOF) {
			a.refuse(hc, notArrived(err))
			return
		}
		there = n > 0
	}
	if there {
		a.refuse(hc, fault.CodeMalformed.With("This operation takes no body.", nil))
		return
	}
	next(hc)
}

// notArrived says why a body could not be read.
func notArrived(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fault.CodeTooLarge.With("The body is larger than this operation takes.", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.CodeLate.With("The body did not arrive in time.", err)
	default:
		return fault.CodeMalformed.With("The body did not arrive whole.", err)
	}
}

// bodyOf is the schema of the body that an operation takes; nil where it takes none, or one of another kind than JSON.
func (a *API) bodyOf(method, route string) *huma.Schema {
	item := a.OpenAPI().Paths[route]
	op := map[string]*huma.Operation{http.MethodPatch: item.Patch, http.MethodPost: item.Post, http.MethodPut: item.Put}[method]
	if op == nil || op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	schema := op.RequestBody.Content["application/json"].Schema
	if schema.Ref != "" {
		schema = a.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

// noNulls refuses null where a member has to be a value: a merge patch (RFC 7396) that removes what can only be replaced, and what
// would count as left out elsewhere, by whoever means something. huma passes over null wherever a member may be left out. What is no
// object is for huma to refuse.
func (a *API) noNulls(hc huma.Context, next func(huma.Context), schema *huma.Schema) {
	if schema == nil {
		next(hc)
		return
	}
	r, w := humachi.Unwrap(hc)
	body, err := readBody(w, r)
	if err != nil {
		a.refuse(hc, err)
		return
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members)
	patch, detail := r.Method == http.MethodPatch, "Must be a value, not null."
	if patch {
		detail = "Must be a value: null does not remove it."
	}
	for _, name := range sortedKeys(members) {
		s := schema.Properties[name]
		if s == nil || s.Nullable || string(members[name]) != "null" {
			continue
		}
		if s.Type == huma.TypeArray && !patch { // an empty list, as some languages write it
			continue
		}
		a.refuse(hc, fault.CodeInvalid.At("/"+name, detail))
		return
	}
	next(hc)
}

// describeLocation notes that things below a path can be read one by one, or that one is made there, and describes the header
// Location of the answer to the making once both are known.
func (a *API) describeLocation(method, route string) {
	above, last := path.Split(route)
	if method == http.MethodGet && strings.HasPrefix(last, "{") && strings.HasSuffix(last, "}") {
		a.reads[strings.TrimSuffix(above, "/")] = true
	}
	for at := range a.reads {
		item := a.OpenAPI().Paths[at]
		if item == nil || item.Post == nil || item.Post.Responses["201"] == nil {
			continue
		}
		made := item.Post.Responses["201"]
		if made.Headers == nil {
			made.Headers = map[string]*huma.Param{}
		}
		made.Headers["Location"] = &huma.Param{Description: "Where what was made is read.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uri"}}
	}
}

// idOf reads the id of a response's body.
func idOf(out any) string {
	body := reflect.Indirect(reflect.ValueOf(out)).FieldByName("Body")
	return fmt.Sprint(body.FieldByName("ID").Interface())
}
