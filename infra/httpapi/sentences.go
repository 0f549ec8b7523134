package httpapi

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// What huma keeps for the whole program is set before anything else is made: schemas are compiled with its texts, those of
// settings in variables of the packages that import this one.
func init() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true // or a second spelling of a name is read unchecked
	huma.NewErrorWithContext = humaError
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaError(nil, status, message, errs...)
	}
	huma.ErrorFormatter = format
	for text, ours := range map[*string]string{
		&validation.MsgUnexpectedProperty:                 "There is no such field here.",
		&validation.MsgExpectedRFC3339DateTime:            "Must be a time as RFC 3339 writes it, such as 2026-11-30T09:00:00Z.",
		&validation.MsgExpectedRFC1123DateTime:            "Must be a time as RFC 1123 writes it, such as Mon, 30 Nov 2026 09:00:00 GMT.",
		&validation.MsgExpectedRFC3339Date:                "Must be a date, such as 2026-11-30.",
		&validation.MsgExpectedRFC3339Time:                "Must be a time of day, such as 09:00:00Z.",
		&validation.MsgExpectedRFC5322Email:               "Must be an e-mail address.",
		&validation.MsgExpectedRFC5890Hostname:            "Must be a host's name.",
		&validation.MsgExpectedRFC2673IPv4:                "Must be an IPv4 address.",
		&validation.MsgExpectedRFC2373IPv6:                "Must be an IPv6 address.",
		&validation.MsgExpectedRFCIPAddr:                  "Must be an IPv4 or IPv6 address.",
		&validation.MsgExpectedRFC3986URI:                 "Must be a URI, such as https://app.example.com/.",
		&validation.MsgExpectedRFC4122UUID:                "Must be a UUID.",
		&validation.MsgExpectedRFC6570URITemplate:         "Must be a URI template (RFC 6570).",
		&validation.MsgExpectedRFC6901JSONPointer:         "Must be a JSON pointer (RFC 6901).",
		&validation.MsgExpectedRFC6901RelativeJSONPointer: "Must be a relative JSON pointer.",
		&validation.MsgExpectedRegexp:                     "Must be a regular expression.",
		&validation.MsgExpectedMatchAtLeastOneSchema:      "Must have one of the forms that this field takes.",
		&validation.MsgExpectedMatchExactlyOneSchema:      "Must have exactly one of the forms that this field takes.",
		&validation.MsgExpectedNotMatchSchema:             "Must not have this form.",
		&validation.MsgExpectedPropertyNameInObject:       "Required.",
		&validation.MsgExpectedBoolean:                    "Must be true or false.",
		&validation.MsgExpectedDuration:                   "Must be a length of time, such as 15m.",
		&validation.MsgExpectedNumber:                     "Must be a number.",
		&validation.MsgExpectedInteger:                    "Must be a whole number.",
		&validation.MsgExpectedString:                     "Must be a text.",
		&validation.MsgExpectedBase64String:               "Must be base64.",
		&validation.MsgExpectedArray:                      "Must be a list.",
		&validation.MsgExpectedObject:                     "Must be an object.",
		&validation.MsgExpectedArrayItemsUnique:           "Must not hold the same value twice.",
		&validation.MsgExpectedOneOf:                      "Must be one of: %s.",
		&validation.MsgExpectedMinimumNumber:              "Must be %v or more.",
		&validation.MsgExpectedExclusiveMinimumNumber:     "Must be more than %v.",
		&validation.MsgExpectedMaximumNumber:              "Must be %v or less.",
		&validation.MsgExpectedExclusiveMaximumNumber:     "Must be less than %v.",
		&validation.MsgExpectedNumberBeMultipleOf:         "Must be a multiple of %v.",
		&validation.MsgExpectedMinLength:                  "Must have at least %d characters.",
		&validation.MsgExpectedMaxLength:                  "Must have at most %d characters.",
		&validation.MsgExpectedBePattern:                  "Must be %s.",
		&validation.MsgExpectedMatchPattern:               "Must have another form.", // no pattern goes without a description
		&validation.MsgExpectedMinItems:                   "Must have at least %d entries.",
		&validation.MsgExpectedMaxItems:                   "Must have at most %d entries.",
		&validation.MsgExpectedMinProperties:              "Must have at least %d fields.",
		&validation.MsgExpectedMaxProperties:              "Must have at most %d fields.",
		&validation.MsgExpectedRequiredProperty:           "The field %s is required.",
		&validation.MsgExpectedDependentRequiredProperty:  "The field %s is required where %s is given.",
	} {
		*text = ours
	}
}

// format is huma's fmt.Sprintf: arguments that a text has no place for, which may be what was sent, are left out.
func format(text string, args ...any) string {
	if n := strings.Count(text, "%"); len(args) > n {
		args = args[:n]
	}
	for i, arg := range args {
		if f, ok := arg.(float64); ok {
			args[i] = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	if len(args) == 1 && fmt.Sprint(args[0]) == "1" {
		if strings.HasPrefix(text, "Must have at least ") {
			return "Must not be empty."
		}
		text = strings.NewReplacer("characters", "character", "entries", "entry", "fields", "field").Replace(text)
	}
	return fmt.Sprintf(text, args...)
}

// sentences are the texts that huma has no variables for.
var sentences = map[string]string{
	"unknown query parameter":                                         "There is no such parameter.",
	"expected at most one value, but received multiple values":        "Must be there once.",
	"expected value to match exactly one schema but matched multiple": "Must have exactly one of the forms that this field takes.",
	"invalid boolean":                      "Must be true or false.",
	"invalid float":                        "Must be a number.",
	"invalid floating value":               "Must be a number.",
	"invalid integer":                      "Must be a whole number.",
	"required header parameter is missing": "Required.",
	"required path parameter is missing":   "Required.",
	"required query parameter is missing":  "Required.",
	"write only property is non-zero":      "Must be left out.",
}

// sentence makes a sentence of what huma, or the UnmarshalText of a value's type, says about a value.
func sentence(message string) string {
	message = strings.TrimPrefix(message, "invalid value: ")
	if ours, ok := sentences[message]; ok {
		return ours
	}
	if rest, ok := strings.CutPrefix(message, "must be "); ok {
		return "Must be " + strings.TrimSuffix(rest, ".") + "."
	}
	if first, _ := utf8.DecodeRuneInString(message); !unicode.IsUpper(first) {
		return "Must have another form." // what packages of the standard library say is for programmers, and repeats input
	}
	return message
}
