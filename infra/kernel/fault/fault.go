// Package fault is the one kind of error that may reach a caller.
//
// A Code is declared once, at package level, with its kind, its stable name and its public title. With makes an
// error of it: the detail is public, the cause goes to the log only. Any other error is internal: nothing of its
// text leaves the process.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Kind is the coarse class of a fault and decides the HTTP status. The zero value is Internal, the safe one.
type Kind int

// The kinds, each with the HTTP status it becomes.
const (
	Internal           Kind = iota // 500
	Invalid                        // 422: understood, but a value breaks a rule
	Malformed                      // 400: cannot be read
	Unauthenticated                // 401
	Forbidden                      // 403
	NotFound                       // 404: does not exist, or may not be seen
	Conflict                       // 409
	Gone                           // 410
	PreconditionFailed             // 412: If-Match does not match
	TooLarge                       // 413
	PreconditionNeeded             // 428: If-Match is required
	TooMany                        // 429
	Unavailable                    // 503: try again later
	MethodNotAllowed               // 405
	Late                           // 408: the body did not arrive in time
	UnsupportedMedia               // 415
)

var statuses = [...]int{500, 422, 400, 401, 403, 404, 409, 410, 412, 413, 428, 429, 503, 405, 408, 415}

// Status returns the HTTP status of the kind.
func (k Kind) Status() int {
	if k < 0 || int(k) >= len(statuses) {
		return 500
	}
	return statuses[k]
}

// Code is one declared reason for failure: the string clients branch on.
type Code struct {
	Kind  Kind
	Name  string // dotted, lower-case, stable: org.invite.duplicate
	Title string // a few words for people, in English
	Hint  string // what to do about it, or why it happens, in a sentence or two
}

var (
	mu       sync.Mutex
	declared = map[string]Code{}
)

// Declare registers a code. It is called from package-level variables only and panics when a name is used twice. What hint
// says stands in the list of codes; tests alone leave it out.
func Declare(kind Kind, name, title string, hint ...string) Code {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := declared[name]; twice {
		panic("fault: code declared twice: " + name)
	}
	if name == "" || strings.ToLower(name) != name || !strings.Contains(name, ".") {
		panic("fault: code must be dotted and lower-case: " + name)
	}
	c := Code{Kind: kind, Name: name, Title: title, Hint: strings.Join(hint, " ")}
	declared[name] = c
	return c
}

// Catalogue lists every declared code by name.
func Catalogue() []Code {
	mu.Lock()
	defer mu.Unlock()
	all := make([]Code, 0, len(declared))
	for _, c := range declared {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Code) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Field is one broken rule of one input value. Pointer is a JSON pointer (RFC 6901) into the request.
type Field struct {
	Pointer string
	Code    string
	Detail  string
}

// Error is a fault on its way to the caller.
type Error struct {
	Code   Code
	Detail string // public; says what to do, never repeats input
	Fields []Field
	cause  error
}

// With makes an error of the code. cause may be nil; it is for the log only.
func (c Code) With(detail string, cause error) *Error {
	return &Error{Code: c, Detail: detail, cause: cause}
}

// At makes an error of the code about one input value.
func (c Code) At(pointer, detail string) *Error {
	return &Error{Code: c, Detail: detail, Fields: []Field{{Pointer: pointer, Code: c.Name, Detail: detail}}}
}

// Error returns code and cause, for the log.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Code.Name
	}
	return fmt.Sprintf("%s: %v", e.Code.Name, e.cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an error of the same code.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Code.Name == e.Code.Name
}

// Is reports whether err is a fault of code c.
func (c Code) Is(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code.Name == c.Name
}

// The codes that every capability shares.
var (
	CodeAboveGranter = Declare(Forbidden, "role.above_granter", "This would give or take more than you hold",
		"Nobody gives or takes more than he holds. Ask somebody who holds all of it.")
	CodeInternal = Declare(Internal, "server.internal", "Something went wrong on our side",
		"The fault is in Grove. Tell its operator the request_id, which is in the log.")
	CodeInvalid = Declare(Invalid, "request.invalid", "The request breaks a rule",
		"Each wrong value is in errors, with where it is and what it must be.")
	CodeMalformed = Declare(Malformed, "request.malformed", "The request cannot be read",
		"The body is not the JSON that is expected, did not arrive whole, or came where none is taken. The detail says which.")
	CodeNotFound = Declare(NotFound, "resource.not_found", "Not found",
		"It does not exist, or the token may not see it. Check the identifier, and the token's organization.")
	CodeForbidden = Declare(Forbidden, "request.forbidden", "Not allowed",
		"The token lacks a permission in this organization; the detail names it. Ask for its scope, or for a role that has it.")
	CodeUnauthorized = Declare(Unauthenticated, "request.unauthenticated", "Sign in first",
		"The token is missing, over or was ended. Get a new one.")
	CodeStale = Declare(PreconditionFailed, "resource.stale", "The resource has changed",
		"Somebody changed it since it was read. Read it again and repeat the change.")
	CodeMatchRequired = Declare(PreconditionNeeded, "request.if_match_required", "If-Match is required",
		"Read the resource and send its ETag in If-Match.")
	CodeTooLarge = Declare(TooLarge, "request.too_large", "The request is too large",
		"Send less at once.")
	CodeTooMany = Declare(TooMany, "request.rate_limited", "Too many requests",
		"Wait as many seconds as Retry-After says.")
	CodeUnavailable = Declare(Unavailable, "server.unavailable", "Try again later",
		"The database cannot be reached or is too busy. Send the request again after Retry-After, with the same Idempotency-Key.")
	CodeLate = Declare(Late, "request.timeout", "The request did not arrive in time",
		"Send the whole body within half a minute.")
	CodeMediaType = Declare(UnsupportedMedia, "request.media_type", "This media type is not taken here",
		"Send application/json, or what the operation names.")
	CodeMethod = Declare(MethodNotAllowed, "request.method_not_allowed", "This method is not offered here",
		"Use one of the methods in the header Allow.")
	CodeIdemMismatch = Declare(Invalid, "idempotency.mismatch", "This key was used for another request",
		"The key came before with another body or address. Make a new key for each thing that you want.")
	CodeIdemRunning = Declare(Conflict, "idempotency.in_progress", "The first request is still running",
		"A request with the same key is being worked on. Send it again in a moment.")
	CodeIdemSecret = Declare(Conflict, "idempotency.secret_already_shown", "The secret was shown once and cannot be shown again",
		"The first request took effect, and its secret is stored nowhere. Make a new secret.")
	CodePageToken = Declare(Malformed, "request.page_token", "This page token cannot be used here",
		"It belongs to another list, other parameters or another token, or the keys were changed. Start at the first page.")
	CodeSeatsExhausted = Declare(Conflict, "seats.exhausted", "No seat is free",
		"All seats are taken or reserved. Free one, or have the limit raised from above.")
	CodeSuspended = Declare(Forbidden, "org.suspended", "The organization is suspended",
		"It, or one above it, is suspended. Whoever is above resumes it.")
	CodeTenantNotFound = Declare(NotFound, "tenant.not_found", "Not found",
		"The identifier or handle names no tenant of this installation.")
	CodeTenantStopped = Declare(Forbidden, "tenant.suspended", "The tenant is suspended",
		"The operator suspended it and resumes it.")
)

// ErrNotFound is the one answer for "does not exist" and "may not be seen".
var ErrNotFound = CodeNotFound.With("There is no such resource, or it may not be seen with this token.", nil)
