// Package perm names what a caller may do. A permission is also a scope of Grove's own management API, so that a
// token's scope claim, a role's permissions and a route's x-permission are the same words.
package perm

import (
	"slices"
	"strings"
	"sync"
)

// Permission is one right of the management API, such as users.write.
type Permission struct{ name, description string }

// Name returns the scope string.
func (p Permission) Name() string { return p.name }

// Description says in a sentence what the permission allows.
func (p Permission) Description() string { return p.description }

// IsZero reports whether p was never declared.
func (p Permission) IsZero() bool { return p.name == "" }

var (
	mu       sync.Mutex
	declared = map[string]Permission{}
)

// Declare registers a permission. It is called from package-level variables only and panics when a name is used twice.
func Declare(name, description string) Permission {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := declared[name]; twice {
		panic("perm: permission declared twice: " + name)
	}
	p := Permission{name: name, description: description}
	declared[name] = p
	return p
}

// All lists every declared permission by name.
func All() []Permission {
	mu.Lock()
	defer mu.Unlock()
	all := make([]Permission, 0, len(declared))
	for _, p := range declared {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Permission) int { return strings.Compare(a.name, b.name) })
	return all
}

// Names returns the names of ps, in order.
func Names(ps []Permission) []string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.name
	}
	return names
}
