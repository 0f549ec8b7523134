package apps

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"grove/infra/kernel/fault"
)

const maxURI = 2048

var loopbackOrigins = []string{"http://127.0.0.1", "http://[::1]"}

// MatchRedirect reports whether a requested redirect URI is one of those registered. The texts are compared byte by byte
// (RFC 9700, section 2.1); no part of them is decoded, folded or normalised. The one exception: for a native app the port of
// a loopback IP literal may differ, because the app takes whatever port is free (RFC 8252, section 7.3).
func MatchRedirect(registered []string, requested string, native bool) bool {
	if requested == "" || len(requested) > maxURI {
		return false
	}
	if slices.Contains(registered, requested) {
		return true
	}
	if !native {
		return false
	}
	origin, rest, ok := cutLoopback(requested)
	return ok && slices.ContainsFunc(registered, func(r string) bool {
		o, p, ok := cutLoopback(r)
		return ok && o == origin && p == rest
	})
}

// cutLoopback splits http://127.0.0.1[:port]rest or http://[::1][:port]rest and drops the port.
func cutLoopback(uri string) (origin, rest string, ok bool) {
	for _, origin := range loopbackOrigins {
		rest, ok := strings.CutPrefix(uri, origin)
		if !ok {
			continue
		}
		if after, ok := strings.CutPrefix(rest, ":"); ok {
			digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
			port, err := strconv.ParseUint(after[:digits], 10, 16)
			if err != nil || port == 0 || after[0] == '0' {
				return "", "", false
			}
			rest = after[digits:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return origin, rest, true
		}
	}
	return "", "", false
}

var (
	// hostName is a lower-case host: letters, digits and hyphens in labels. Other scripts come as punycode.
	hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	// privateScheme is a reverse domain name (RFC 8252, section 7.1), so it always has a dot.
	privateScheme = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$`)
)

const redirectRule = "Must be an absolute URI without fragment, user or wildcard: https, http on a loopback address, or for a mobile app a private scheme with a dot such as com.example.app:/callback."

// checkRedirect says why a redirect URI cannot be registered. What browsers rewrite (dot segments, backslashes, encoded
// slashes) is refused, so that what is compared is what is visited.
func checkRedirect(pointer, uri string, native bool) error {
	refused := fault.CodeInvalid.At(pointer, redirectRule)
	if !plainURI(uri) || strings.ContainsAny(uri, "#*") {
		return refused
	}
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() || u.Opaque != "" || u.User != nil || u.Fragment != "" || !strings.HasPrefix(uri, u.Scheme+":") || hasDotSegment(u) {
		return refused
	}
	switch u.Scheme {
	case "https", "http":
		if !checkHost(u) || u.Scheme == "http" && !isLoopback(u.Hostname()) {
			return refused
		}
	default:
		if !native || !privateScheme.MatchString(u.Scheme) || u.Host != "" && !checkHost(u) || u.Host == "" && !strings.HasPrefix(u.Path, "/") {
			return refused
		}
	}
	return nil
}

// checkPage says why an address that is only shown or linked, such as a logo, cannot be used. "" is none.
func checkPage(pointer, uri string) error {
	if uri == "" {
		return nil
	}
	u, err := url.Parse(uri)
	if err != nil || !plainURI(uri) || u.Opaque != "" || u.User != nil || !checkHost(u) || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return fault.CodeInvalid.At(pointer, "Must be an absolute https URI, or http on a loopback address.")
	}
	return nil
}

// CheckEndpoint says why an address that the program calls, or reads from, cannot be used. A fragment would not be sent
// (OpenID Connect Back-Channel Logout 1.0, section 2.2).
func CheckEndpoint(pointer, uri string) error {
	if strings.Contains(uri, "#") {
		return fault.CodeInvalid.At(pointer, "Must be an absolute https URI without a fragment, or http on a loopback address.")
	}
	return checkPage(pointer, uri)
}

// checkFrontchannel says why an address cannot be opened in a frame when people sign out. It is where the app is at home, so that
// nobody else's page is shown there (OpenID Connect Front-Channel Logout 1.0, section 2).
func checkFrontchannel(s Settings) error {
	const pointer = "/frontchannel_logout_uri"
	if s.FrontchannelLogoutURI == "" {
		return nil
	}
	if err := CheckEndpoint(pointer, s.FrontchannelLogoutURI); err != nil {
		return err
	}
	if u, err := url.Parse(s.FrontchannelLogoutURI); err != nil || !slices.Contains(originsOf(s.RedirectURIs), OriginOf(u)) {
		return fault.CodeInvalid.At(pointer, "Must be at the origin (scheme, host and port) of one of the redirect URIs.")
	}
	return nil
}

// checkOrigin says why a browser origin (RFC 6454) cannot be used.
func checkOrigin(pointer, origin string) error {
	u, err := url.Parse(origin)
	if err != nil || !plainURI(origin) || u.User != nil || !checkHost(u) || OriginOf(u) != origin || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return fault.CodeInvalid.At(pointer, "Must be scheme and host, and a port that is not the scheme's own: https://app.example.com.")
	}
	return nil
}

// OriginOf returns the origin as browsers write it: without the scheme's own port.
func OriginOf(u *url.URL) string {
	host := u.Host
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// originsOf returns the browser origins of redirect URIs, in order, each once.
func originsOf(uris []string) []string {
	origins := []string{}
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" {
			continue
		}
		if origin := OriginOf(u); !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

func plainURI(s string) bool {
	return s != "" && len(s) <= maxURI && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) })
}

func checkHost(u *url.URL) bool {
	host := u.Hostname()
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return false
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.Is6() && addr.Zone() == "" && addr.String() == host
	}
	return len(host) <= 253 && hostName.MatchString(host)
}

func isLoopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// hasDotSegment looks at what the path means to a browser and at what a careless server could make of it.
func hasDotSegment(u *url.URL) bool {
	raw := strings.ToLower(u.EscapedPath())
	if strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c") || strings.Contains(raw, "%25") || strings.Contains(raw, "%00") {
		return true
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(raw, "%2e", "."), "/") {
		name, _, _ := strings.Cut(segment, ";") // a server that knows path parameters reads "..;x" as ".."
		if name == "." || name == ".." {
			return true
		}
	}
	return false
}
