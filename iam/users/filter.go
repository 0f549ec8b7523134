package users

import (
	"errors"
	"strings"

	filter "github.com/scim2/filter-parser/v2"

	"grove/infra/kernel/text"
)

// span is a closed range of comparable texts in byte order.
type span struct{ from, to string }

var everything = startingWith("")

func exactly(key string) span { return span{key, key} }

func startingWith(key string) span {
	from, to := text.Prefix(key)
	return span{from, to}
}

// and is the part that both spans have; of two it may be empty.
func (s span) and(o span) span { return span{max(s.from, o.from), min(s.to, o.to)} }

// search is what a list of people is narrowed to.
type search struct {
	username span
	email    span // everything: people without an address too
	either   span // username or address, or words
	words    span // from one of the words of the name on, where either is narrowed
	status   string
}

// newSearch compiles a prefix, a status and a filter.
func newSearch(q, status, expression string) (search, error) {
	s := search{username: everything, email: everything, either: everything, status: status}
	if key := text.Key(q); key != "" {
		s.either, s.words = startingWith(key), startingWith(NameWords(q))
	}
	if strings.TrimSpace(expression) == "" {
		return s, nil
	}
	parsed, err := filter.ParseFilter([]byte(strings.TrimSpace(expression)))
	if err == nil {
		err = s.narrow(parsed)
	}
	if err != nil {
		return s, errFilter.With("Compare userName or emails.value with eq or sw and a text, joined by and (RFC 7644 section 3.4.2.2).", err)
	}
	return s, nil
}

var errUnindexed = errors.New("users: a filter over what has no index")

// narrow adds a filter of RFC 7644 section 3.4.2.2, as far as an index serves it.
func (s *search) narrow(e filter.Expression) error {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if e.Operator != filter.AND {
			return errUnindexed
		}
		if err := s.narrow(e.Left); err != nil {
			return err
		}
		return s.narrow(e.Right)
	case *filter.AttributeExpression:
		return s.compare(e)
	}
	return errUnindexed
}

func (s *search) compare(e *filter.AttributeExpression) error {
	value, ok := e.CompareValue.(string)
	if !ok || value == "" || e.AttributePath.URIPrefix != nil {
		return errUnindexed
	}
	var within func(key string) span
	switch filter.CompareOperator(strings.ToLower(string(e.Operator))) {
	case filter.EQ:
		within = exactly
	case filter.SW:
		within = startingWith
	default:
		return errUnindexed
	}
	// The key of an address and of a text differ in the domain only, and a prefix may end before it does.
	key := usernameKey(value)
	switch path := strings.ToLower(e.AttributePath.String()); path {
	case "username":
		s.username = s.username.and(within(key))
	case "emails.value", "emails":
		s.email = s.email.and(within(key))
	default:
		return errUnindexed
	}
	return nil
}
