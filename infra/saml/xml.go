package saml

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Bounds of what is parsed.
const (
	MaxBytes    = 64 << 10
	maxDepth    = 24
	maxElements = 1000
	maxAttrs    = 32
)

var declared = regexp.MustCompile(`encoding\s*=\s*["']([^"']*)["']`)

var errXML = errors.New("saml: this is not the plain XML that is read")

// parse reads the one root element of a document. Its bytes are bounded before anything looks at them.
func parse(raw []byte) (*etree.Element, error) {
	if len(raw) > MaxBytes || !utf8.Valid(raw) || bytes.ContainsRune(raw, 0) {
		return nil, fmt.Errorf("%w: size or encoding", errXML)
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{MaxDepth: maxDepth, PreserveDuplicateAttrs: true, ValidateInput: true}
	if err := doc.ReadFromBytes(bytes.Trim(raw, " \t\r\n")); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	for _, token := range doc.Child {
		switch t := token.(type) {
		case *etree.Element:
		case *etree.CharData:
			if !t.IsWhitespace() {
				return nil, fmt.Errorf("%w: text outside of the root", errXML)
			}
		case *etree.ProcInst:
			if t.Target != "xml" || t.Index() != 0 {
				return nil, fmt.Errorf("%w: a processing instruction", errXML)
			}
			if encoding := declared.FindStringSubmatch(t.Inst); encoding != nil && !strings.EqualFold(encoding[1], "UTF-8") {
				return nil, fmt.Errorf("%w: another encoding", errXML) // the parser would read it as UTF-8 all the same
			}
		default:
			return nil, fmt.Errorf("%w: a document type, a comment or a directive", errXML)
		}
	}
	if len(doc.ChildElements()) != 1 {
		return nil, fmt.Errorf("%w: not one root", errXML)
	}
	w := walk{ids: map[string]bool{}}
	return doc.Root(), w.element(doc.Root())
}

// walk looks at every node once.
type walk struct {
	elements int
	ids      map[string]bool
}

func (w *walk) element(e *etree.Element) error {
	if w.elements++; w.elements > maxElements || len(e.Attr) > maxAttrs {
		return fmt.Errorf("%w: too much of it", errXML)
	}
	if !isName(e.Space, e.Tag) {
		return fmt.Errorf("%w: the name of an element", errXML)
	}
	seen := map[string]bool{}
	for _, a := range e.Attr {
		name := a.FullKey()
		if !isName(a.Space, a.Key) || seen[name] {
			return fmt.Errorf("%w: an attribute twice", errXML)
		}
		seen[name] = true
		// The prefixes that XML reserves mean what they mean: redefined, they make two parsers disagree.
		if a.Space == "xmlns" && (a.Key == "xml" || a.Key == "xmlns" || a.Value == "") {
			return fmt.Errorf("%w: a namespace", errXML)
		}
		if strings.EqualFold(a.Key, "id") {
			if w.ids[a.Value] {
				return fmt.Errorf("%w: two elements of one ID", errXML)
			}
			w.ids[a.Value] = true
		}
	}
	for _, token := range e.Child {
		switch t := token.(type) {
		case *etree.CharData:
		case *etree.Element:
			if err := w.element(t); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: a comment or a processing instruction", errXML)
		}
	}
	return nil
}

// isName refuses names with more than one colon, of which parsers disagree where the prefix ends.
func isName(space, local string) bool {
	return local != "" && !strings.Contains(space, ":") && !strings.Contains(local, ":")
}

// is reports whether an element has a name in a namespace.
func is(e *etree.Element, namespace, name string) bool {
	return e.Tag == name && e.NamespaceURI() == namespace
}

// children are the elements of one name directly below e.
func children(e *etree.Element, namespace, name string) (found []*etree.Element) {
	for _, c := range e.ChildElements() {
		if is(c, namespace, name) {
			found = append(found, c)
		}
	}
	return found
}

// only is the one child of a name, or nil where there is none. Two are an error.
func only(e *etree.Element, namespace, name string) (*etree.Element, error) {
	found := children(e, namespace, name)
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("saml: more than one %s", name)
}

// text is all that an element holds, if that is text alone.
func text(e *etree.Element) (string, bool) {
	var b strings.Builder
	for _, token := range e.Child {
		t, ok := token.(*etree.CharData)
		if !ok {
			return "", false
		}
		b.WriteString(t.Data)
	}
	return b.String(), true
}
