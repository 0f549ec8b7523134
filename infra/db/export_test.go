package db

// CheckVersion is checkVersion.
var CheckVersion = checkVersion

// NeedPatch refuses all releases of a major version before this one, and returns what undoes it.
func NeedPatch(major, patch int) (undo func()) {
	before := minimumPatch[major]
	minimumPatch[major] = patch
	return func() { minimumPatch[major] = before }
}
