package config

import (
	"regexp"
	"strings"

	"grove/infra/kernel/text"
)

// known says whether a variable is a setting.
func known(name string) bool {
	for _, s := range settings {
		if s.env == name {
			return true
		}
	}
	return false
}

// linkName matches what Kubernetes and container links put into the environment for a service whose
// name begins with "grove": GROVE_SERVICE_HOST, GROVE_WEB_PORT_80_TCP_ADDR and the like.
var linkName = regexp.MustCompile(`^GROVE(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// serviceLink says whether a variable is not meant for us. A bare …_PORT is a link only when its value
// looks like one: GROVE_PORT=8080 is somebody's mistake.
func serviceLink(name, value string) bool {
	return linkName.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// unknownText explains an unknown variable and names the nearest known one.
func unknownText(name string) string {
	best, distance := "", len(name)
	for _, s := range settings {
		if d := text.Distance(name, s.env); d < distance {
			best, distance = s.env, d
		}
	}
	// Names share the prefix, so what counts is how much of the rest is the same.
	if best == "" || distance > (len(name)-len(prefix)+2)/2 {
		return "is not a setting; docs/configuration.md lists them"
	}
	return "is not a setting; did you mean " + best + "?"
}
