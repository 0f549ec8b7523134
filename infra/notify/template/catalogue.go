package template

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/cbroglie/mustache"
)

//go:embed templates
var files embed.FS

// source is one file templates/<type>/<locale>.json. Every string is a mustache
// template over the variables of the type; a sentence that comes out empty is
// left out.
type source struct {
	Subject string   `json:"subject"`
	Heading string   `json:"heading"`
	Body    []string `json:"body"`
	// Action labels the link; shown where there is one.
	Action string `json:"action"`
	// Hint introduces the bare link below the button.
	Hint string `json:"hint"`
	// After are the sentences below the link.
	After []string `json:"after"`
}

// content is a source with its values in place.
type content struct {
	source
	link string
}

// set is everything embedded, parsed once.
type set struct {
	layout   *mustache.Template
	messages map[Type]map[string]*message
}

// message is a source ready to render.
type message struct {
	action, heading, hint, subject *mustache.Template
	after, body                    []*mustache.Template
}

var catalogue = sync.OnceValues(load)

func load() (*set, error) {
	raw, err := files.ReadFile("templates/layout.html")
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	all := &set{messages: map[Type]map[string]*message{}}
	if all.layout, err = mustache.ParseString(string(raw)); err != nil {
		return nil, fmt.Errorf("template: layout: %w", err)
	}
	for t := range variables {
		all.messages[t] = map[string]*message{}
		for _, locale := range locales {
			src, err := readSource(t, locale)
			if err != nil {
				return nil, err
			}
			if all.messages[t][locale], err = src.parse(); err != nil {
				return nil, fmt.Errorf("template: %s/%s: %w", t, locale, err)
			}
		}
	}
	return all, nil
}

func readSource(t Type, locale string) (source, error) {
	var src source
	raw, err := files.ReadFile("templates/" + string(t) + "/" + locale + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &src)
	}
	if err != nil {
		return source{}, fmt.Errorf("template: %s/%s: %w", t, locale, err)
	}
	return src, nil
}

// parse compiles the sentences raw: they become plain text, and the layout
// escapes what it puts into HTML.
func (s source) parse() (*message, error) {
	m := &message{}
	for _, one := range []struct {
		text string
		into **mustache.Template
	}{{s.Action, &m.action}, {s.Heading, &m.heading}, {s.Hint, &m.hint}, {s.Subject, &m.subject}} {
		parsed, err := mustache.ParseStringRaw(one.text, true)
		if err != nil {
			return nil, err
		}
		*one.into = parsed
	}
	for _, many := range []struct {
		texts []string
		into  *[]*mustache.Template
	}{{s.After, &m.after}, {s.Body, &m.body}} {
		for _, text := range many.texts {
			parsed, err := mustache.ParseStringRaw(text, true)
			if err != nil {
				return nil, err
			}
			*many.into = append(*many.into, parsed)
		}
	}
	return m, nil
}

// render puts the values in, those of subject into the subject and those of body
// into the rest. Values are rendered once and never parsed.
func (m *message) render(subject, body map[string]string) (content, error) {
	c := content{link: body["link"]}
	for _, one := range []struct {
		from   *mustache.Template
		into   *string
		values map[string]string
	}{
		{m.action, &c.Action, body}, {m.heading, &c.Heading, body},
		{m.hint, &c.Hint, body}, {m.subject, &c.Subject, subject},
	} {
		text, err := one.from.Render(one.values)
		if err != nil {
			return content{}, fmt.Errorf("template: %w", err)
		}
		*one.into = strings.TrimSpace(text)
	}
	for _, many := range []struct {
		from []*mustache.Template
		into *[]string
	}{{m.after, &c.After}, {m.body, &c.Body}} {
		for _, from := range many.from {
			text, err := from.Render(body)
			if err != nil {
				return content{}, fmt.Errorf("template: %w", err)
			}
			if text = strings.TrimSpace(text); text != "" {
				*many.into = append(*many.into, text)
			}
		}
	}
	return c, nil
}

// text is the plain alternative. The link stands on a line of its own.
func (c content) text(organization string) string {
	blocks := append([]string{c.Heading}, c.Body...)
	if c.link != "" {
		blocks = append(blocks, c.Action+":\n"+c.link)
	}
	blocks = append(blocks, c.After...)
	// RFC 3676 section 4.3: the signature separator.
	blocks = append(blocks, "-- \n"+organization)
	return strings.Join(blocks, "\n\n") + "\n"
}

// view is what the layout sees; it escapes every value.
func (c content) view(locale, organization string) map[string]any {
	view := map[string]any{
		"after": c.After, "body": c.Body, "dir": direction(locale), "heading": c.Heading,
		"lang": locale, "organization": organization, "subject": c.Subject,
	}
	if c.link != "" {
		view["action"] = map[string]string{"hint": c.Hint, "label": c.Action, "link": c.link}
	}
	return view
}
