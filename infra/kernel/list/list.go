// Package list holds what the standard library's slices lacks.
package list

// Distinct returns the elements in their order without repetition, never nil.
func Distinct[T comparable](all []T) []T {
	unique := make([]T, 0, len(all))
	seen := make(map[T]bool, len(all))
	for _, v := range all {
		if !seen[v] {
			seen[v] = true
			unique = append(unique, v)
		}
	}
	return unique
}
