package signals

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Subjects of a stream (SSF 1.0, section 8.1.3). All are in it from the beginning: one that is removed is kept as an exclusion, and one that
// is added is an exclusion less.

// maxExclusions is how many subjects can be removed from a stream.
const maxExclusions = 10000

// subject is a subject identifier as a receiver sends it: one of a person, or one of a person, an organization or both (complex).
type subject struct {
	person *simple
	org    *simple
	// other says that more is named, such as a session or a device: less than a person, of whom nothing is removed.
	other bool
}

// simple is a subject identifier (RFC 9493, section 3.2) of a format that means something here.
type simple struct{ format, value, issuer string }

var errSubject = invalid("subject is required: a subject identifier (RFC 9493) of the format account, email, iss_sub or opaque, or a complex one of user and tenant in these.")

// parseSubject reads a subject identifier.
func parseSubject(raw []byte) (subject, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return subject{}, errSubject
	}
	if text(members["format"]) != "complex" {
		one, ok := parseSimple(members)
		if !ok {
			return subject{}, errSubject
		}
		return subject{person: &one}, nil
	}
	var out subject
	for name, value := range members {
		if name == "format" {
			continue
		}
		var within map[string]json.RawMessage
		if json.Unmarshal(value, &within) != nil || text(within["format"]) == "" {
			return subject{}, errSubject
		}
		if name != "user" && name != "tenant" {
			out.other = true
			continue
		}
		one, ok := parseSimple(within)
		if !ok {
			return subject{}, errSubject
		}
		if name == "user" {
			out.person = &one
		} else {
			out.org = &one
		}
	}
	if out.person == nil && out.org == nil && !out.other {
		return subject{}, errSubject
	}
	return out, nil
}

func parseSimple(members map[string]json.RawMessage) (one simple, ok bool) {
	one.format = text(members["format"])
	switch one.format {
	case "account":
		one.value, ok = strings.CutPrefix(text(members["uri"]), "acct:")
	case "email":
		one.value, ok = text(members["email"]), true
	case "iss_sub":
		one.value, one.issuer = text(members["sub"]), text(members["iss"])
		ok = one.issuer != ""
	case "opaque":
		one.value, ok = text(members["id"]), true
	}
	return one, ok && one.value != ""
}

// text is a JSON string, without what no column holds; "" where it is none.
func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil || strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}

// exclusions are what a subject means, none where it is nobody's: a stranger's and a person's are answered alike.
func (s *Service) exclusions(ctx context.Context, tx db.Tx, c call, names oauth.Names, of subject) ([]exclusion, error) {
	if of.other {
		return nil, nil
	}
	in := uuid.Nil
	if of.org != nil {
		var org ids.Org
		if of.org.format != "opaque" || org.UnmarshalText([]byte(of.org.value)) != nil {
			return nil, nil
		}
		in = org.UUID()
	}
	if of.person == nil {
		return []exclusion{{uuid.Nil, in}}, nil
	}
	switch of.person.format {
	case "account", "email":
		found, err := s.Users.FindBelow(ctx, tx, of.person.value, c.client.Org)
		all := make([]exclusion, len(found))
		for i, person := range found {
			all[i] = exclusion{person.ID.UUID(), in}
		}
		return all, err
	case "iss_sub":
		if of.person.issuer != c.base.URL {
			return nil, nil
		}
	}
	user, err := names.Person(of.person.value)
	if err != nil || user.IsZero() {
		return nil, nil
	}
	return []exclusion{{user.UUID(), in}}, nil
}

func (s *Service) addSubject(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	err := s.changeSubject(ctx, c, r, false)
	if err == nil {
		w.WriteHeader(http.StatusOK)
	}
	return err
}

func (s *Service) removeSubject(ctx context.Context, c call, w http.ResponseWriter, r *http.Request) error {
	err := s.changeSubject(ctx, c, r, true)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Service) changeSubject(ctx context.Context, c call, r *http.Request, remove bool) error {
	var in struct {
		ID      string          `json:"stream_id"`
		Subject json.RawMessage `json:"subject"`
	}
	if err := readBody(r, &in); err != nil {
		return err
	}
	id, err := streamOf(in.ID)
	if err != nil {
		return err
	}
	of, err := parseSubject(in.Subject)
	if err != nil {
		return err
	}
	names, err := s.Protocol.NamesFor(ctx, c.tenant.ID, c.client)
	if err != nil {
		return err
	}
	return s.DB.InTenant(ctx, c.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		st, err := s.own(ctx, tx, c, id, lockStream)
		if err != nil {
			return err
		}
		change := deleteExclusion
		if remove {
			change = insertExclusion
			n, err := countExclusions(ctx, tx, st.ID, maxExclusions)
			if err != nil {
				return err
			}
			if n >= maxExclusions {
				return errExclusions
			}
		}
		all, err := s.exclusions(ctx, tx, c, names, of)
		for _, x := range all {
			if err == nil {
				err = change(ctx, tx, st, x)
			}
		}
		return err
	})
}
