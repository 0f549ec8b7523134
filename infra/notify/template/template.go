package template

import (
	"errors"
	"fmt"
	"strings"
)

// Type is a kind of message.
type Type string

// The built-in types.
const (
	CIBARequest     Type = "ciba_request"
	Invitation      Type = "invitation"
	PasswordChanged Type = "password_changed"
	PasswordReset   Type = "password_reset"
	SetPassword     Type = "set_password"
)

// Vars are the values of a message by variable name.
type Vars map[string]string

// Rendered is a message ready to send.
type Rendered struct {
	Dir     string // "ltr" or "rtl"
	HTML    string // a whole document
	Locale  string // the language it is in, one of Locales
	Subject string // one line
	Text    string
}

// Errors of Render. They name variables, never values.
var (
	// ErrLink is a link that is not an absolute http or https URL, or too long.
	ErrLink = errors.New("template: not a web link")
	// ErrType is a type that does not exist.
	ErrType = errors.New("template: unknown type")
	// ErrVariable is a required variable that is missing, or an unknown one.
	ErrVariable = errors.New("template: wrong variables")
)

// kind tells how a variable is treated.
type kind int

const (
	name     kind = iota // shown as given, made harmless
	duration             // a Go duration such as "72h0m0s" is put in words
	instant              // an RFC 3339 time is put in UTC to the minute
	link                 // an absolute http or https URL
)

// variable is one that a type knows.
type variable struct {
	kind     kind
	required bool
}

// variables of each type.
var variables = map[Type]map[string]variable{
	CIBARequest: {
		"app":          {kind: name, required: true},
		"expires_in":   {kind: duration, required: true},
		"link":         {kind: link, required: true},
		"message":      {kind: name},
		"organization": {kind: name, required: true},
	},
	Invitation: {
		"app":          {kind: name},
		"expires_in":   {kind: duration, required: true},
		"inviter":      {kind: name},
		"link":         {kind: link, required: true},
		"organization": {kind: name, required: true},
	},
	PasswordChanged: {
		"account":      {kind: name},
		"at":           {kind: instant},
		"link":         {kind: link},
		"organization": {kind: name, required: true},
	},
	PasswordReset: {
		"account":      {kind: name},
		"expires_in":   {kind: duration, required: true},
		"link":         {kind: link, required: true},
		"organization": {kind: name, required: true},
	},
	SetPassword: {
		"account":      {kind: name, required: true},
		"expires_in":   {kind: duration, required: true},
		"first":        {kind: name},
		"link":         {kind: link, required: true},
		"organization": {kind: name, required: true},
	},
}

// Render renders a message. locale is a BCP 47 tag or an Accept-Language list;
// English answers what is not spoken.
//
// The variables, those in brackets optional:
//
//	ciba_request      organization, link, expires_in, app, [message: the app's own words]
//	invitation        organization, link, expires_in, [inviter], [app]
//	password_changed  organization, [account], [at], [link: where to undo it]
//	password_reset    organization, link, expires_in, [account]
//	set_password      organization, link, expires_in, account, [first: where there was none]
//
// expires_in may be a Go duration, which is put in words of the language; at may
// be an RFC 3339 time. Errors are ErrType, ErrVariable and ErrLink.
func Render(t Type, locale string, vars Vars) (Rendered, error) {
	known, ok := variables[t]
	if !ok {
		return Rendered{}, ErrType
	}
	all, err := catalogue()
	if err != nil {
		return Rendered{}, err
	}
	language := Match(locale)
	values, err := prepare(known, language, vars)
	if err != nil {
		return Rendered{}, err
	}
	guarded := guard(known, language, values)
	content, err := all.messages[t][language].render(values, guarded)
	if err != nil {
		return Rendered{}, err
	}
	out := Rendered{Dir: direction(language), Locale: language, Subject: content.Subject}
	out.Text = content.text(guarded["organization"])
	out.HTML, err = all.layout.Render(content.view(language, guarded["organization"]))
	if err != nil {
		return Rendered{}, fmt.Errorf("template: layout: %w", err)
	}
	return out, nil
}

// prepare checks the variables and makes their values harmless.
func prepare(known map[string]variable, language string, vars Vars) (map[string]string, error) {
	for key := range vars {
		if _, ok := known[key]; !ok {
			return nil, fmt.Errorf("%w: one is unknown", ErrVariable)
		}
	}
	values := make(map[string]string, len(known))
	for key, v := range known {
		value, err := v.prepare(language, vars[key])
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, key)
		}
		if value == "" && v.required {
			return nil, fmt.Errorf("%w: %s is missing", ErrVariable, key)
		}
		if value != "" {
			values[key] = value
		}
	}
	return values, nil
}

func (v variable) prepare(language, value string) (string, error) {
	switch v.kind {
	case link:
		return checkLink(strings.TrimSpace(value))
	case duration:
		return plain(inWords(language, value)), nil
	case instant:
		return plain(inUTC(value)), nil
	default:
		return plain(value), nil
	}
}

// guard makes values fit for bodies, where mail programs look for addresses and
// scripts mix. Subjects take them without its invisible characters.
func guard(known map[string]variable, language string, values map[string]string) map[string]string {
	guarded := make(map[string]string, len(values))
	for key, value := range values {
		switch known[key].kind {
		case link:
			guarded[key] = value
		case name:
			guarded[key] = isolate(language, unlink(value))
		default:
			guarded[key] = unlink(value)
		}
	}
	return guarded
}
