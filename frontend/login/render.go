package login

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"grove/iam/authz/details"
	"grove/infra/httpapi"
)

//go:embed assets/login.css
var stylesheet []byte

//go:embed assets/signing_out.js
var script []byte

//go:embed templates/*.html
var templateFiles embed.FS

// StylesheetPath is where the pages' style sheet is served, by [Stylesheet]. It changes with the content.
var StylesheetPath = "/_app/login." + digest(stylesheet) + ".css"

// ScriptPath is where the script of [PageSigningOut] is served, by [Script].
var ScriptPath = "/_app/signing_out." + digest(script) + ".js"

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:10]
}

// pages maps each page to its parsed templates.
var pages = func() map[string]*template.Template {
	names := []string{
		PageAccount, PageChangePassword, PageConsent, PageDevice, PageDeviceDone, PageError, PageIdentifier, PageIncomplete, PageInvitation, PageInvitationInvalid,
		PageLinkInvalid, PageLogout, PageOrganization, PagePassword, PageProfile, PageRefused, PageRequestDone, PageSignedOut, PageSigningOut, PageSuspended,
	}
	base := template.Must(template.ParseFS(templateFiles, "templates/base.html"))
	parsed := make(map[string]*template.Template, len(names))
	for _, name := range names {
		parsed[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return parsed
}()

// Stylesheet serves the style sheet at [StylesheetPath].
func Stylesheet(w http.ResponseWriter, _ *http.Request) {
	serve(w, "text/css; charset=utf-8", stylesheet)
}

// Script serves the script at [ScriptPath].
func Script(w http.ResponseWriter, _ *http.Request) {
	serve(w, "text/javascript; charset=utf-8", script)
}

func serve(w http.ResponseWriter, kind string, content []byte) {
	h := w.Header()
	httpapi.Cacheable(h, "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(content)
}

// Render writes a page with the status, headers and language that its [Common] asks for. page is one of the Page
// constants and data its struct, by value. A page that cannot be rendered is a mistake of the caller: it is logged and
// answered with a bare 500.
func Render(w http.ResponseWriter, r *http.Request, page string, data any) {
	body, c, err := render(r, page, data)
	if err != nil {
		slog.ErrorContext(r.Context(), "render hosted page", "page", page, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Language", c.Locale)
	h.Set("Content-Security-Policy", policy(c))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer")
	h.Add("Vary", "Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	status := c.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func render(r *http.Request, page string, data any) ([]byte, Common, error) {
	tmpl, ok := pages[page]
	if !ok {
		return nil, Common{}, fmt.Errorf("no page %q", page)
	}
	p, ok := data.(Page)
	if !ok {
		return nil, Common{}, fmt.Errorf("%T does not fill a page", data)
	}
	c := p.common()
	if _, known := catalogue[c.Locale]; !known {
		c.Locale = LocaleOf(r)
	}
	if c.Dir != "ltr" && c.Dir != "rtl" {
		c.Dir = DirOf(c.Locale)
	}
	var out bytes.Buffer
	if err := tmpl.ExecuteTemplate(&out, "base", view{Common: c, Name: page, Page: p}); err != nil {
		return nil, c, err
	}
	return out.Bytes(), c, nil
}

// policy is the content security policy of a page. Only one with frames has a script.
func policy(c Common) string {
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'" + sources(c.FormActionOrigins))
	if len(c.Frames) > 0 {
		b.WriteString("; script-src 'self'; frame-src" + sources(c.Frames))
	}
	b.WriteString("; frame-ancestors 'none'; base-uri 'none'")
	return b.String()
}

func sources(uris []string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, uri := range uris {
		source, ok := cspSource(uri)
		if !ok || seen[source] {
			continue
		}
		seen[source] = true
		b.WriteString(" " + source)
	}
	return b.String()
}

// cspSource turns a redirect URI into a source expression (CSP level 3, section 2.3.1): the origin for http and https,
// the scheme for an app's own scheme (RFC 8252, section 7.1). What could break out of the directive is left out.
func cspSource(redirect string) (string, bool) {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme == "" {
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" || strings.ContainsFunc(u.Host, func(c rune) bool {
			return c == ';' || c == ',' || c == '*' || c == '\'' || c > unicode.MaxASCII || unicode.IsSpace(c)
		}) {
			return "", false
		}
		return u.Scheme + "://" + u.Host, true
	case "blob", "data", "filesystem", "javascript", "vbscript":
		return "", false
	default:
		return u.Scheme + ":", true // url.Parse admits letters, digits, '+', '-' and '.' only
	}
}

// view is what the templates see.
type view struct {
	Common Common
	Name   string
	Page   Page
}

// Dir returns the page's writing direction.
func (v view) Dir() string { return v.Common.Dir }

// Heading returns the message key of the page's heading.
func (v view) Heading() string { return v.Name + ".title" }

// Initial returns the letter that stands for the organization.
func (v view) Initial() string { return v.InitialOf(v.Common.OrgName) }

// InitialOf returns the first letter or digit of a name, in upper case.
func (view) InitialOf(name string) string {
	for _, c := range name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return string(unicode.ToUpper(c))
		}
	}
	return "•"
}

// Locale returns the page's language.
func (v view) Locale() string { return v.Common.Locale }

// PasswordMin returns the length that the password hint names.
func (v view) PasswordMin() string {
	length, _ := passwordRules(v.Page)
	return length
}

// PasswordKinds returns the number of kinds of characters that the password hint names; empty where it names none.
func (v view) PasswordKinds() string {
	_, kinds := passwordRules(v.Page)
	return kinds
}

// ProblemText returns the text of the page's problem, empty when there is none.
func (v view) ProblemText() (string, error) {
	if v.Common.Problem == "" {
		return "", nil
	}
	key := "problem." + v.Common.Problem
	if _, ok := message(v.Common.Locale, key); !ok {
		key = "problem." + ProblemUnknown
	}
	return v.T(key, "min", v.PasswordMin())
}

// Rich returns a message as HTML, with each value isolated and emphasised. Pairs are name, value.
func (v view) Rich(key string, pairs ...string) (template.HTML, error) {
	text, err := v.text(key, pairs, html.EscapeString, func(value string) string {
		return "<bdi>" + html.EscapeString(value) + "</bdi>"
	})
	return template.HTML(text), err // every part went through EscapeString above
}

// Said returns a value of a detail, in the person's words where it is yes or no.
func (v view) Said(value details.Value) (string, error) {
	switch {
	case !value.Truth:
		return value.Text, nil
	case value.Text == "true":
		return v.T("value.true")
	}
	return v.T("value.false")
}

// AttributeField returns the name of a claim's field.
func (view) AttributeField(a Attribute) string { return FieldAttribute + a.Name }

// ValueField returns the name of the field of a value that is asked for.
func (view) ValueField(a Value) string { return FieldValue + a.Name }

// Autocomplete returns by what browsers know a value (HTML, section 4.10.18.7); empty where they do not.
func (view) Autocomplete(a Value) string { return autocomplete[a.Name] }

var autocomplete = map[string]string{"birthdate": "bday", "family_name": "family-name", "gender": "sex", "given_name": "given-name", "locale": "language", "middle_name": "additional-name",
	"nickname": "nickname", "phone_number": "tel", "picture": "photo", "website": "url"}

// InputType returns the type of a value's field. Where a browser would judge by rules of its own, it is text.
func (view) InputType(a Value) string {
	switch a.Kind {
	case "date":
		return "date"
	case "phone":
		return "tel"
	case "url":
		return "url"
	}
	return "text"
}

// ValueHint says what a value has to be; empty where that is plain.
func (v view) ValueHint(a Value) string {
	text, _ := message(v.Common.Locale, "profile.hint."+a.Kind)
	return text
}

// AttributeTitle returns what a consent page calls a claim.
func (v view) AttributeTitle(a Attribute) string {
	if standard, ok := message(Locales[0], "claim."+a.Name); ok && standard == a.Title {
		a.Title, _ = message(v.Common.Locale, "claim."+a.Name)
	}
	return a.Title
}

// CanChoose reports whether something can be left out.
func (v view) CanChoose(all []Attribute) bool {
	return slices.ContainsFunc(all, func(a Attribute) bool { return !a.Mandatory })
}

// ScopeTitle returns what a consent page says of a scope.
func (v view) ScopeTitle(s Scope) string {
	if s.Title != "" {
		return s.Title
	}
	if text, ok := message(v.Common.Locale, "scope."+s.Name); ok {
		return text
	}
	return s.Name
}

// Script returns the address of the script of the page that has one.
func (view) Script() string { return ScriptPath }

// Stylesheet returns the address of the style sheet.
func (view) Stylesheet() string { return StylesheetPath }

// T returns a message as plain text, which the template escapes. Pairs are name, value.
func (v view) T(key string, pairs ...string) (string, error) {
	same := func(s string) string { return s }
	return v.text(key, pairs, same, same)
}

// text puts values into a message: the literal parts pass through literal, the values through value, in one pass, so
// that a value holding "{name}" is never expanded.
func (v view) text(key string, pairs []string, literal, value func(string) string) (string, error) {
	text, ok := message(v.Common.Locale, key)
	if !ok {
		return "", fmt.Errorf("no message %q", key)
	}
	values := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(literal(before))
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		given, known := values[name]
		if !closed || !known {
			return "", fmt.Errorf("message %q: no value for %q", key, name)
		}
		b.WriteString(value(given))
		text = after
	}
}
