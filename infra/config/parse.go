package config

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse sets a field from a text. It returns what is wrong, to be read after the variable's name and
// without the value, or "".
func (s setting) parse(field reflect.Value, raw string) string {
	if words := strings.Fields(s.tag.Get("oneof")); len(words) > 0 && !slices.Contains(words, raw) {
		return "must be one of " + strings.Join(words, ", ")
	}
	switch target := field.Addr().Interface().(type) {
	case *Key:
		return parseKey(target, raw)
	case *Secret:
		*target = Secret(raw)
		return s.parseText(raw)
	case *[]netip.Prefix:
		return parsePrefixes(target, raw)
	case *[]string:
		return s.parseList(target, raw)
	case *int:
		return s.parseInt(target, raw)
	case *slog.Level:
		if target.UnmarshalText([]byte(raw)) != nil {
			return "must be a log level"
		}
	case *string:
		*target = raw
		if s.tag.Get("check") == "origin" {
			*target = strings.TrimSuffix(raw, "/")
		}
		return s.parseText(raw)
	case *time.Duration:
		return s.parseDuration(target, raw)
	default:
		panic(fmt.Sprintf("config: %s has a type that cannot be loaded", s.env))
	}
	return ""
}

// parseText checks the length, in bytes, and the form.
func (s setting) parseText(raw string) string {
	shortest, longest := s.tag.Get("min"), s.tag.Get("max")
	if shortest != "" && len(raw) < must(strconv.Atoi(shortest)) {
		return "must have at least " + shortest + " characters"
	}
	if longest != "" && len(raw) > must(strconv.Atoi(longest)) {
		return "must have at most " + longest + " characters"
	}
	if name := s.tag.Get("check"); name != "" {
		return checks[name](raw)
	}
	return ""
}

func (s setting) parseInt(target *int, raw string) string {
	least, most := s.tag.Get("min"), s.tag.Get("max")
	n, err := strconv.Atoi(raw)
	if err != nil || n < must(strconv.Atoi(least)) || n > must(strconv.Atoi(most)) {
		return "must be a whole number from " + least + " to " + most
	}
	*target = n
	return ""
}

func (s setting) parseList(target *[]string, raw string) string {
	most := s.tag.Get("max")
	var list []string
	for item := range strings.SplitSeq(raw, ",") {
		if item = strings.TrimSpace(item); item == "" {
			return "must be words separated by commas"
		}
		list = append(list, item)
	}
	if len(list) > must(strconv.Atoi(most)) {
		return "must name at most " + most
	}
	*target = list
	return ""
}

func (s setting) parseDuration(target *time.Duration, raw string) string {
	least, most := s.tag.Get("min"), s.tag.Get("max")
	d, err := time.ParseDuration(raw)
	if err != nil || d < must(time.ParseDuration(least)) || d > must(time.ParseDuration(most)) {
		return "must be a duration from " + least + " to " + most + ", such as 90s, 15m or 72h"
	}
	*target = d
	return ""
}

// must reads a limit from a tag; a test loads every setting, so a bad one cannot ship.
func must[T any](value T, err error) T {
	if err != nil {
		panic("config: bad tag: " + err.Error())
	}
	return value
}

// parseKey reads 32 bytes in base64, of either alphabet, padded or not.
func parseKey(target *Key, raw string) string {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(raw, "="))
	decoded, err := base64.RawStdEncoding.Strict().DecodeString(plain)
	if err != nil || len(decoded) != KeySize {
		return "must be 32 bytes in base64 (openssl rand -base64 32)"
	}
	if key := Key(decoded); key.IsZero() {
		return "must not be all zeroes"
	}
	*target = Key(decoded)
	return ""
}

// parsePrefixes reads CIDRs and single addresses. One that would trust every address is refused:
// anybody could then choose the address that limits and logs see.
func parsePrefixes(target *[]netip.Prefix, raw string) string {
	const wanted = "must be CIDRs or addresses separated by commas, such as 10.0.0.0/8, ::1"
	var list []netip.Prefix
	for item := range strings.SplitSeq(raw, ",") {
		item = strings.TrimSpace(item)
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil || addr.Zone() != "" {
				return wanted
			}
			prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		switch {
		case prefix.Bits() == 0:
			return "must not trust every address"
		case prefix != prefix.Masked():
			return "must have CIDRs whose host bits are zero, such as 10.0.0.0/8"
		}
		list = append(list, prefix)
	}
	*target = list
	return ""
}
