package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what a stranger can make us read.
const (
	maxFormBytes  = 64 << 10
	maxParams     = 64
	maxQueryBytes = 16 << 10
)

// params are the parameters of one request. Each comes at most once (RFC 6749, section 3.1) but those of repeatable.
type params []param

// repeatable are the parameters of which each value is one of several (RFC 8707, section 2; RFC 8693, section 2.1).
var repeatable = []string{"audience", "resource"}

type param struct{ name, value string }

var (
	errParamRepeated  = refuse(codeInvalidRequest, "A parameter is repeated.").told("RFC 6749, section 3.1", "Each parameter comes once; only resource and audience may be repeated.", "See which parameter is set twice, often by the library and by hand.")
	errParamMalformed = refuse(codeInvalidRequest, "The parameters are not well-formed application/x-www-form-urlencoded text in UTF-8.").told("RFC 6749, appendix B", "", "Let a library encode the parameters, rather than joining texts.")
	errParamSize      = refuse(codeInvalidRequest, "The request is too large.")
)

// parseParams reads application/x-www-form-urlencoded text strictly: a repeated name is an error even when nobody knows
// it, and so is a value that is not UTF-8 or holds a NUL. A parameter without a value counts as left out.
func parseParams(raw string, limit int) (params, error) {
	if len(raw) > limit {
		return nil, errParamSize
	}
	if strings.ContainsAny(raw, ";") {
		return nil, errParamMalformed
	}
	var all params
	seen := 0
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if seen++; seen > maxParams {
			return nil, errParamSize
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := unescape(rawName)
		if err != nil {
			return nil, err
		}
		value, err := unescape(rawValue)
		if err != nil {
			return nil, err
		}
		if !contains(repeatable, name) && slices.ContainsFunc(all, func(p param) bool { return p.name == name }) {
			return all, errParamRepeated
		}
		all = append(all, param{name, value})
	}
	return all, nil
}

func unescape(s string) (string, error) {
	out, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(out) || strings.IndexByte(out, 0) >= 0 {
		return "", errParamMalformed
	}
	return out, nil
}

// get returns the value of a parameter, "" where it is left out.
func (p params) get(name string) string {
	for i := range p {
		if p[i].name == name {
			return p[i].value
		}
	}
	return ""
}

// all returns the values of a parameter that may be repeated.
func (p params) all(name string) (values []string) {
	for i := range p {
		if p[i].name == name && p[i].value != "" {
			values = append(values, p[i].value)
		}
	}
	return values
}

// renamed returns the parameters of one name under another.
func (p params) renamed(name, to string) (as params) {
	for _, value := range p.all(name) {
		as = append(as, param{to, value})
	}
	return as
}

// has reports whether any of the names has a value.
func (p params) has(names ...string) bool {
	for _, name := range names {
		if p.get(name) != "" {
			return true
		}
	}
	return false
}

const formType = "application/x-www-form-urlencoded"

// readForm reads the body of a POST. Parameters in the address are refused: they would end up in logs and histories
// (RFC 9700, section 4.3).
func readForm(r *http.Request) (params, error) {
	if r.URL.RawQuery != "" {
		return nil, refuse(codeInvalidRequest, "Send the parameters in the body, not in the address.").told("RFC 9700, section 4.3", "", "Send the parameters as the body of the POST, as application/x-www-form-urlencoded.")
	}
	types := r.Header.Values("Content-Type")
	if len(types) != 1 || types[0] != formType && !isForm(types[0]) {
		return nil, refuse(codeInvalidRequest, "Send application/x-www-form-urlencoded.").told("RFC 6749, section 3.2", "Content-Type is application/x-www-form-urlencoded.", "Send a form, not JSON: URLSearchParams in JavaScript, --data-urlencode with curl.")
	}
	// One byte more than allowed shows that there is more.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, errParamSize
		}
		return nil, refuseBecause(codeInvalidRequest, "The body could not be read.", err)
	}
	return parseParams(string(body), maxFormBytes)
}

func isForm(contentType string) bool {
	media, extra, err := mime.ParseMediaType(contentType)
	if err != nil || media != formType {
		return false
	}
	charset := extra["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8")
}

// scopeList splits a scope parameter (RFC 6749, section 3.3) and drops repetitions.
func scopeList(s string) ([]string, error) {
	if len(s) > 4096 {
		return nil, refuse(codeInvalidScope, "The scope is too long.")
	}
	var list []string
	for _, name := range strings.Split(s, " ") {
		if name == "" {
			continue
		}
		for i := range len(name) {
			if c := name[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
				return nil, refuse(codeInvalidScope, "The scope holds a character that no scope has.")
			}
		}
		if !contains(list, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
